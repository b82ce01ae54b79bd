use nova_domain::Refusal;
use nova_domain::comment::{AddComment, DeleteComment, EditComment, RestoreComment};
use nova_domain::follow::Unfollow;
use nova_domain::post::{DeletePost, RestorePost};
use nova_domain::user::Deactivate;
use nova_events::comment::{CommentAdded, CommentDeleted, CommentEdited, CommentRestored};
use nova_events::post::{Text, Visibility};
use nova_events::user::Reason;
use nova_events::{CommentId, Personal, PostId};

use crate::story::{DAY_MS, Story, moderator};

fn text(text: &str) -> Personal<Text> {
    Personal::Clear(Text { text: text.to_owned() })
}

fn add(comment: CommentId, post: PostId, parent: Option<CommentId>) -> AddComment {
    AddComment { comment, post, parent, text: "so it is".to_owned() }
}

fn edit(comment: CommentId) -> EditComment {
    EditComment { comment, text: "so it was".to_owned() }
}

fn delete(comment: CommentId) -> DeleteComment {
    DeleteComment { comment, reason: None }
}

#[test]
fn commenting_and_answering() {
    let mut story = Story::new();
    let [post_author, author] = story.people();
    let post_id = story.post(post_author, Visibility::Public);
    let (comment_id, answer) = (CommentId(story.id()), CommentId(story.id()));
    let added = |comment_id, parent, author| {
        CommentAdded { comment_id, post_id, post_author, parent, author, personal: text("so it is") }.into()
    };
    story.happens(author, add(comment_id, post_id, None), &[added(comment_id, None, author)]);
    story.is_already_so(author, add(comment_id, post_id, None));
    let parent = Some(comment_id);
    story.happens(post_author, add(answer, post_id, parent), &[added(answer, parent, post_author)]);
    story.refuses(post_author, add(comment_id, post_id, None), Refusal::NotYours("comment"));
}

#[test]
fn only_what_one_can_see_can_be_commented() {
    let mut story = Story::new();
    let [author, other, follower] = story.people();
    story.follows(follower, author);
    let post = story.post(author, Visibility::Followers);
    let private = story.post(author, Visibility::Private);
    let new = CommentId(story.id());
    story.refuses(other, add(new, post, None), Refusal::Unknown("post"));
    story.refuses(follower, add(new, private, None), Refusal::Unknown("post"));
    story.refuses(other, add(new, PostId(story.id()), None), Refusal::Unknown("post"));
    story.comment(author, private);
    story.comment(follower, post);
    story.does(follower, Unfollow { user: author });
    story.refuses(follower, add(new, post, None), Refusal::Unknown("post"));
}

#[test]
fn nothing_is_said_under_what_is_gone() {
    let mut story = Story::new();
    let [author, other] = story.people();
    let post = story.post(author, Visibility::Public);
    let new = CommentId(story.id());
    story.does(author, DeletePost { post, reason: None });
    story.refuses(other, add(new, post, None), Refusal::Gone("post"));
    story.refuses(author, add(new, post, None), Refusal::Gone("post"));
    story.does(author, RestorePost { post });
    story.does(author, Deactivate::default());
    story.refuses(other, add(new, post, None), Refusal::Gone("user"));
}

#[test]
fn a_block_between_commenter_and_author_or_parent_forbids_it_both_ways() {
    let mut story = Story::new();
    let [author, ann, bob] = story.people();
    let post = story.post(author, Visibility::Public);
    let parent = story.comment(ann, post);
    let new = CommentId(story.id());
    story.blocks(ann, bob);
    story.invalid(bob, add(new, post, Some(parent)), "parent_comment_id", "unknown");
    let answer_to_bob = story.comment(bob, post);
    story.invalid(ann, add(new, post, Some(answer_to_bob)), "parent_comment_id", "unknown");
    story.blocks(bob, author);
    story.refuses(bob, add(new, post, None), Refusal::Unknown("post"));
    story.blocks(author, ann);
    story.refuses(ann, add(new, post, None), Refusal::Unknown("post"));
}

#[test]
fn a_parent_is_a_comment_on_the_same_post_that_is_there() {
    let mut story = Story::new();
    let [author, other] = story.people();
    let (post, elsewhere) = (story.post(author, Visibility::Public), story.post(author, Visibility::Public));
    let (here, there) = (story.comment(author, post), story.comment(author, elsewhere));
    let new = CommentId(story.id());
    let nothing = CommentId(story.id());
    story.invalid(other, add(new, post, Some(there)), "parent_comment_id", "unknown");
    story.invalid(other, add(new, post, Some(nothing)), "parent_comment_id", "unknown");
    story.invalid(other, add(new, post, Some(new)), "parent_comment_id", "unknown");
    story.does(author, delete(here));
    story.refuses(other, add(new, post, Some(here)), Refusal::Gone("comment"));
}

#[test]
fn someone_who_left_is_not_answered() {
    let mut story = Story::new();
    let [author, left, other] = story.people();
    let post = story.post(author, Visibility::Public);
    let parent = story.comment(left, post);
    story.does(left, Deactivate::default());
    let new = CommentId(story.id());
    story.refuses(other, add(new, post, Some(parent)), Refusal::Gone("user"));
}

#[test]
fn comments_have_the_limits_of_posts() {
    let mut story = Story::new();
    let author = story.person();
    let post = story.post(author, Visibility::Public);
    let comment = story.comment(author, post);
    for (body, code) in [
        (" ".to_owned(), "empty"),
        ("x".repeat(10_001), "too_long"),
        ("\u{1b}[1m".to_owned(), "control_character"),
    ] {
        let new = AddComment { text: body.clone(), ..add(CommentId(story.id()), post, None) };
        story.invalid(author, new, "text", code);
        story.invalid(author, EditComment { comment, text: body }, "text", code);
    }
    story.does(author, EditComment { comment, text: "x".repeat(10_000) });
}

#[test]
fn editing_is_for_the_author() {
    let mut story = Story::new();
    let [post_author, author] = story.people();
    let post_id = story.post(post_author, Visibility::Public);
    let comment_id = story.comment(author, post_id);
    let edited = CommentEdited { comment_id, post_id, author, personal: text("so it was") };
    story.happens(author, edit(comment_id), &[edited.into()]);
    story.refuses(post_author, edit(comment_id), Refusal::NotYours("comment"));
    story.refuses(moderator(post_author), edit(comment_id), Refusal::NotYours("comment"));
    story.refuses(author, edit(CommentId(story.id())), Refusal::Unknown("comment"));
    story.does(author, delete(comment_id));
    story.refuses(author, edit(comment_id), Refusal::Gone("comment"));
}

#[test]
fn its_author_the_posts_author_and_moderators_delete_it() {
    let mut story = Story::new();
    let [post_author, author, other] = story.people();
    let judge = story.nobody();
    let post_id = story.post(post_author, Visibility::Public);
    for who in [author.into(), post_author.into(), moderator(judge)] {
        let comment_id = story.comment(author, post_id);
        story.refuses(other, delete(comment_id), Refusal::NotYours("comment"));
        let reason = "off topic".to_owned();
        let deleted = CommentDeleted {
            comment_id,
            post_id,
            post_author,
            author,
            deleted_by: who.actor.user().unwrap(),
            personal: Personal::Clear(Reason { reason: reason.clone() }),
        };
        let command = DeleteComment { comment: comment_id, reason: Some(reason) };
        story.happens(who, command, &[deleted.into()]);
        story.is_already_so(who, delete(comment_id));
    }
    let unknown = CommentId(story.id());
    story.refuses(author, delete(unknown), Refusal::Unknown("comment"));
    story.invalid(
        author,
        DeleteComment { comment: unknown, reason: Some("x".repeat(1_001)) },
        "reason",
        "too_long",
    );
}

#[test]
fn whoever_deleted_a_comment_or_a_moderator_restores_it() {
    let mut story = Story::new();
    let [post_author, author, other] = story.people();
    let post_id = story.post(post_author, Visibility::Public);
    let comment_id = story.comment(author, post_id);
    let restore = RestoreComment { comment: comment_id };
    let restored = |restored_by| {
        CommentRestored { comment_id, post_id, post_author, author, restored_by, still_deleted_by: None }
            .into()
    };
    story.is_already_so(author, restore.clone());

    story.does(author, delete(comment_id));
    story.refuses(other, restore.clone(), Refusal::NotYours("comment"));
    story.refuses(post_author, restore.clone(), Refusal::DeletedByAuthor);
    story.refuses(moderator(other), restore.clone(), Refusal::DeletedByAuthor);
    story.happens(author, restore.clone(), &[restored(author)]);

    story.does(post_author, delete(comment_id));
    story.refuses(author, restore.clone(), Refusal::DeletedByModerator);
    story.happens(post_author, restore.clone(), &[restored(post_author)]);

    story.does(moderator(other), delete(comment_id));
    story.refuses(author, restore.clone(), Refusal::DeletedByModerator);
    story.refuses(post_author, restore.clone(), Refusal::DeletedByModerator);
    story.happens(moderator(author), restore, &[restored(author)]);
    story.refuses(author, RestoreComment { comment: CommentId(story.id()) }, Refusal::Unknown("comment"));
}

#[test]
fn the_grace_period_of_a_comment_ends() {
    for (late_ms, comes_back) in [(0, true), (1, false)] {
        let mut story = Story::new();
        let author = story.person();
        let post = story.post(author, Visibility::Public);
        let comment = story.comment(author, post);
        story.does(author, delete(comment));
        story.later(30 * DAY_MS + late_ms);
        if comes_back {
            story.does(author, RestoreComment { comment });
        } else {
            story.refuses(author, RestoreComment { comment }, Refusal::GraceOver("comment"));
            story.refuses(moderator(author), RestoreComment { comment }, Refusal::GraceOver("comment"));
        }
    }
}

#[test]
fn only_the_registered_and_active_comment() {
    let mut story = Story::new();
    let [post_author, author] = story.people();
    let post = story.post(post_author, Visibility::Public);
    let comment = story.comment(author, post);
    story.does(author, Deactivate::default());
    let stranger = story.nobody();
    for (who, refusal) in [(author, Refusal::AccountDeactivated), (stranger, Refusal::NotRegistered)] {
        story.refuses(who, add(CommentId(story.id()), post, None), refusal.clone());
        story.refuses(who, edit(comment), refusal.clone());
        story.refuses(who, delete(comment), refusal.clone());
        story.refuses(who, RestoreComment { comment }, refusal);
    }
}

#[test]
fn a_comment_on_an_unseen_post_says_nothing_of_itself() {
    let mut story = Story::new();
    let [post_author, other] = story.people();
    let post = story.post(post_author, Visibility::Private);
    let comment = story.comment(post_author, post);
    for _ in 0..2 {
        story.refuses(other, edit(comment), Refusal::Unknown("comment"));
        story.refuses(other, delete(comment), Refusal::Unknown("comment"));
        story.refuses(other, RestoreComment { comment }, Refusal::Unknown("comment"));
        story.tries(post_author, delete(comment)).unwrap();
    }
}

#[test]
fn deletions_of_higher_authority_stand_over_lower_ones() {
    let mut story = Story::new();
    let [post_author, author, judge] = story.people();
    let post_id = story.post(post_author, Visibility::Public);
    let comment_id = story.comment(author, post_id);
    let restore = RestoreComment { comment: comment_id };
    let restored = |restored_by, still_deleted_by| {
        let event =
            CommentRestored { comment_id, post_id, post_author, author, restored_by, still_deleted_by };
        event.into()
    };
    story.does(author, delete(comment_id));
    story.does(post_author, delete(comment_id));
    story.is_already_so(author, delete(comment_id));
    story.does(moderator(judge), delete(comment_id));
    story.is_already_so(post_author, delete(comment_id));
    story.refuses(post_author, restore.clone(), Refusal::DeletedByModerator);
    story.happens(moderator(judge), restore.clone(), &[restored(judge, Some(post_author))]);
    story.refuses(author, restore.clone(), Refusal::DeletedByModerator);
    story.refuses(author, edit(comment_id), Refusal::Gone("comment"));
    story.happens(post_author, restore.clone(), &[restored(post_author, Some(author))]);
    story.refuses(post_author, restore.clone(), Refusal::DeletedByAuthor);
    story.happens(author, restore, &[restored(author, None)]);
    story.does(author, edit(comment_id));
    story.is_already_so(author, edit(comment_id));
}
