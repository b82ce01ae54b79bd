use nova_domain::Refusal;
use nova_domain::comment::DeleteComment;
use nova_domain::follow::Unfollow;
use nova_domain::like::{Like, Unlike};
use nova_domain::post::DeletePost;
use nova_domain::user::Deactivate;
use nova_events::like::{Liked, Target, Unliked};
use nova_events::post::Visibility;
use nova_events::{CommentId, PostId};

use crate::story::{Story, moderator};

#[test]
fn liking_posts_and_comments_and_taking_it_back() {
    let mut story = Story::new();
    let [post_author, comment_author, user_id] = story.people();
    let post_id = story.post(post_author, Visibility::Public);
    let comment = story.comment(comment_author, post_id);
    for (target, author) in [(Target::Post(post_id), post_author), (Target::Comment(comment), comment_author)]
    {
        story.is_already_so(user_id, Unlike { target });
        story.happens(user_id, Like { target }, &[Liked { target, post_id, author, user_id }.into()]);
        story.is_already_so(user_id, Like { target });
        story.happens(user_id, Unlike { target }, &[Unliked { target, post_id, author, user_id }.into()]);
        story.is_already_so(user_id, Unlike { target });
        story.does(author, Like { target });
    }
}

#[test]
fn only_what_one_can_see_can_be_liked() {
    let mut story = Story::new();
    let [author, other, follower, blocked] = story.people();
    story.follows(follower, author);
    let private = story.post(author, Visibility::Private);
    let followers = story.post(author, Visibility::Followers);
    let public = story.post(author, Visibility::Public);
    for (who, post) in [(other, private), (follower, private), (other, followers)] {
        story.refuses(who, Like { target: Target::Post(post) }, Refusal::Unknown("post"));
        story.refuses(who, Unlike { target: Target::Post(post) }, Refusal::Unknown("post"));
        // A comment there, deleted or not, says no more about the post, nor that it is a comment.
        let comment = story.comment(author, post);
        let target = Target::Comment(comment);
        story.refuses(who, Like { target }, Refusal::Unknown("comment"));
        story.refuses(who, Unlike { target }, Refusal::Unknown("comment"));
        story.does(author, DeleteComment { comment, reason: None });
        story.refuses(who, Like { target }, Refusal::Unknown("comment"));
        story.refuses(who, Unlike { target }, Refusal::Unknown("comment"));
    }
    story.does(follower, Like { target: Target::Post(followers) });
    story.blocks(blocked, author);
    story.refuses(blocked, Like { target: Target::Post(public) }, Refusal::Unknown("post"));
    story.refuses(blocked, Unlike { target: Target::Post(public) }, Refusal::Unknown("post"));
    // Being a moderator does not make a reader.
    story.refuses(moderator(other), Like { target: Target::Post(private) }, Refusal::Unknown("post"));
    let (no_post, no_comment) = (PostId(story.id()), CommentId(story.id()));
    for (target, what) in [(Target::Post(no_post), "post"), (Target::Comment(no_comment), "comment")] {
        story.refuses(other, Like { target }, Refusal::Unknown(what));
        story.refuses(other, Unlike { target }, Refusal::Unknown(what));
    }
}

#[test]
fn what_is_gone_is_not_liked_but_unliked() {
    let mut story = Story::new();
    let [author, fan] = story.people();
    let post = story.post(author, Visibility::Followers);
    story.follows(fan, author);
    let comment = story.comment(author, post);
    let (on_post, on_comment) = (Target::Post(post), Target::Comment(comment));
    story.does(fan, Like { target: on_post });
    story.does(fan, Like { target: on_comment });
    story.does(author, DeleteComment { comment, reason: None });
    story.refuses(fan, Like { target: on_comment }, Refusal::Gone("comment"));
    story.does(author, DeletePost { post, reason: None });
    story.refuses(fan, Like { target: on_post }, Refusal::Gone("post"));
    story.does(fan, Unfollow { user: author });
    story.refuses(fan, Like { target: on_post }, Refusal::Unknown("post"));
    story.does(fan, Unlike { target: on_post });
    story.does(fan, Unlike { target: on_comment });
}

#[test]
fn a_comment_is_behind_its_author_and_its_post() {
    let mut story = Story::new();
    let [post_author, comment_author, fan] = story.people();
    let post = story.post(post_author, Visibility::Public);
    let comment = story.comment(comment_author, post);
    let target = Target::Comment(comment);
    story.blocks(comment_author, fan);
    story.refuses(fan, Like { target }, Refusal::Unknown("comment"));
    story.does(comment_author, nova_domain::block::Unblock { user: fan });
    story.blocks(fan, post_author);
    story.refuses(fan, Like { target }, Refusal::Unknown("comment"));
    story.does(fan, nova_domain::block::Unblock { user: post_author });
    story.does(comment_author, Deactivate::default());
    story.refuses(fan, Like { target }, Refusal::Gone("user"));
    story.does(comment_author, crate::story::register("back_again"));
    story.does(post_author, DeletePost { post, reason: None });
    story.refuses(fan, Like { target }, Refusal::Gone("post"));
}

#[test]
fn only_the_registered_and_active_like() {
    let mut story = Story::new();
    let [author, fan] = story.people();
    let target = Target::Post(story.post(author, Visibility::Public));
    story.does(fan, Like { target });
    story.does(fan, Deactivate::default());
    let stranger = story.nobody();
    for (who, refusal) in [(fan, Refusal::AccountDeactivated), (stranger, Refusal::NotRegistered)] {
        story.refuses(who, Like { target }, refusal.clone());
        story.refuses(who, Unlike { target }, refusal);
    }
    story.does(author, Deactivate::default());
    let other = story.person();
    story.refuses(other, Like { target }, Refusal::Gone("user"));
}
