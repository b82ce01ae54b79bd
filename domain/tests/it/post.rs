use nova_domain::Refusal;
use nova_domain::post::{DeletePost, EditPost, PublishPost, PurgePost, RestorePost};
use nova_domain::user::Deactivate;
use nova_events::post::{PostDeleted, PostEdited, PostPublished, PostPurged, PostRestored, Text, Visibility};
use nova_events::user::Reason;
use nova_events::{MediaId, Personal, PostId, UserId};

use crate::story::{DAY_MS, NOVA, Story, moderator, publish};

fn text(text: &str) -> Personal<Text> {
    Personal::Clear(Text { text: text.to_owned() })
}

fn edit(post: PostId) -> EditPost {
    EditPost { post, text: "second thoughts".to_owned() }
}

fn delete(post: PostId) -> DeletePost {
    DeletePost { post, reason: None }
}

#[test]
fn publishing() {
    let mut story = Story::new();
    let author = story.person();
    for visibility in [Visibility::Public, Visibility::Followers, Visibility::Private] {
        let post_id = PostId(story.id());
        let personal = text("first light");
        let published = PostPublished {
            post_id,
            author,
            visibility,
            media: Vec::new(),
            media_kinds: Vec::new(),
            personal,
        };
        story.happens(author, publish(post_id, visibility), &[published.into()]);
        story.is_already_so(author, publish(post_id, visibility));
    }
}

#[test]
fn the_id_of_someone_elses_post_cannot_be_taken() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let post = story.post(ann, Visibility::Public);
    story.refuses(bob, publish(post, Visibility::Public), Refusal::NotYours("post"));
}

#[test]
fn texts_are_not_empty_and_at_most_ten_thousand_bytes() {
    let mut story = Story::new();
    let author = story.person();
    let post = story.post(author, Visibility::Public);
    for (body, code) in [
        (String::new(), "empty"),
        (" \t\r\n ".to_owned(), "empty"),
        ("x".repeat(10_001), "too_long"),
        ("ä".repeat(5_001), "too_long"),
        ("bell\u{7}".to_owned(), "control_character"),
        ("nul\0".to_owned(), "control_character"),
    ] {
        let new = PublishPost { text: body.clone(), ..publish(PostId(story.id()), Visibility::Public) };
        story.invalid(author, new, "text", code);
        story.invalid(author, EditPost { post, text: body }, "text", code);
    }
    for body in ["x".repeat(10_000), "ä".repeat(5_000), "two\nlines\tand a tab".to_owned()] {
        let new = PublishPost { text: body.clone(), ..publish(PostId(story.id()), Visibility::Public) };
        story.does(author, new);
        story.does(author, EditPost { post, text: body });
    }
}

#[test]
fn media_that_do_not_exist_are_refused() {
    let mut story = Story::new();
    let author = story.person();
    let media = vec![MediaId(story.id())];
    let post = PublishPost { media, ..publish(PostId(story.id()), Visibility::Public) };
    story.refuses(author, post, Refusal::Unknown("medium"));
}

#[test]
fn editing_is_for_the_author_and_what_is_there() {
    let mut story = Story::new();
    let [author, other] = story.people();
    let post_id = story.post(author, Visibility::Public);
    let edited = PostEdited { post_id, author, personal: text("second thoughts") };
    story.happens(author, edit(post_id), &[edited.into()]);
    story.refuses(other, edit(post_id), Refusal::NotYours("post"));
    story.refuses(moderator(other), edit(post_id), Refusal::NotYours("post"));
    story.does(author, delete(post_id));
    story.refuses(author, edit(post_id), Refusal::Gone("post"));
    story.refuses(author, edit(PostId(story.id())), Refusal::Unknown("post"));
}

#[test]
fn whoever_may_not_see_a_post_does_not_learn_that_it_is_there() {
    let mut story = Story::new();
    let [author, other, follower, blocked] = story.people();
    story.follows(follower, author);
    let private = story.post(author, Visibility::Private);
    let followers = story.post(author, Visibility::Followers);
    let public = story.post(author, Visibility::Public);
    story.blocks(author, blocked);
    let unseen = [(other, private), (follower, private), (other, followers)];
    for (who, post) in unseen {
        story.refuses(who, edit(post), Refusal::Unknown("post"));
        story.refuses(who, delete(post), Refusal::Unknown("post"));
        story.refuses(who, RestorePost { post }, Refusal::Unknown("post"));
    }
    for (who, post) in [(follower, followers), (other, public)] {
        story.refuses(who, edit(post), Refusal::NotYours("post"));
        story.refuses(who, delete(post), Refusal::NotYours("post"));
        story.refuses(who, RestorePost { post }, Refusal::NotYours("post"));
    }
    story.refuses(blocked, edit(public), Refusal::Unknown("post"));
    story.refuses(blocked, delete(public), Refusal::Unknown("post"));
    story.refuses(blocked, RestorePost { post: public }, Refusal::Unknown("post"));
    // Deleted, an unseen post still says nothing of itself.
    for (who, post) in unseen {
        story.tries(author, delete(post)).unwrap();
        story.refuses(who, edit(post), Refusal::Unknown("post"));
        story.refuses(who, RestorePost { post }, Refusal::Unknown("post"));
    }
}

#[test]
fn deleting_and_restoring() {
    let mut story = Story::new();
    let author = story.person();
    let post_id = story.post(author, Visibility::Public);
    let reason = "a typo".to_owned();
    let command = DeletePost { post: post_id, reason: Some(reason.clone()) };
    let personal = Personal::Clear(Reason { reason });
    story.happens(
        author,
        command.clone(),
        &[PostDeleted { post_id, author, deleted_by: author, personal }.into()],
    );
    story.is_already_so(author, command);
    story.happens(
        author,
        RestorePost { post: post_id },
        &[PostRestored { post_id, author, restored_by: author, still_deleted_by: None }.into()],
    );
    story.is_already_so(author, RestorePost { post: post_id });
    story.does(author, edit(post_id));
    let unknown = PostId(story.id());
    story.refuses(author, delete(unknown), Refusal::Unknown("post"));
    story.refuses(author, RestorePost { post: unknown }, Refusal::Unknown("post"));
    let reason = Some("x".repeat(1_001));
    story.invalid(author, DeletePost { post: post_id, reason }, "reason", "too_long");
}

#[test]
fn what_a_moderator_deleted_only_a_moderator_restores() {
    let mut story = Story::new();
    let [author, other] = story.people();
    // Moderators need no account.
    let judge = story.nobody();
    let post_id = story.post(author, Visibility::Private);
    let personal = Personal::Absent;
    story.happens(
        moderator(judge),
        delete(post_id),
        &[PostDeleted { post_id, author, deleted_by: judge, personal }.into()],
    );
    story.refuses(author, RestorePost { post: post_id }, Refusal::DeletedByModerator);
    story.refuses(other, RestorePost { post: post_id }, Refusal::Unknown("post"));
    story.happens(
        moderator(other),
        RestorePost { post: post_id },
        &[PostRestored { post_id, author, restored_by: other, still_deleted_by: None }.into()],
    );
}

#[test]
fn what_the_author_deleted_only_the_author_restores() {
    let mut story = Story::new();
    let [author, judge] = story.people();
    let post = story.post(author, Visibility::Public);
    story.does(author, delete(post));
    story.refuses(moderator(judge), RestorePost { post }, Refusal::DeletedByAuthor);
    story.does(moderator(author), RestorePost { post });
}

#[test]
fn a_moderators_deletion_stands_over_the_authors() {
    let mut story = Story::new();
    let [author, judge, second] = story.people();
    let post_id = story.post(author, Visibility::Public);
    story.does(author, delete(post_id));
    story.happens(
        moderator(judge),
        delete(post_id),
        &[PostDeleted { post_id, author, deleted_by: judge, personal: Personal::Absent }.into()],
    );
    for who in [moderator(judge), moderator(second), author.into(), moderator(author)] {
        story.is_already_so(who, delete(post_id));
    }
    story.refuses(author, RestorePost { post: post_id }, Refusal::DeletedByModerator);
    // Undone, it uncovers the author's own deletion: the post stays hidden, and the author may restore it.
    let restored = PostRestored { post_id, author, restored_by: second, still_deleted_by: Some(author) };
    story.happens(moderator(second), RestorePost { post: post_id }, &[restored.into()]);
    story.refuses(moderator(second), RestorePost { post: post_id }, Refusal::DeletedByAuthor);
    story.refuses(author, edit(post_id), Refusal::Gone("post"));
    story.is_already_so(author, delete(post_id));
    let restored = PostRestored { post_id, author, restored_by: author, still_deleted_by: None };
    story.happens(author, RestorePost { post: post_id }, &[restored.into()]);
    story.does(author, edit(post_id));
    // The other way round there is nothing to add.
    story.does(moderator(judge), delete(post_id));
    story.is_already_so(author, delete(post_id));
}

#[test]
fn a_moderator_who_is_the_author_restores_both_deletions_at_once() {
    let mut story = Story::new();
    let [author, judge] = story.people();
    let post_id = story.post(author, Visibility::Public);
    story.does(author, delete(post_id));
    story.does(moderator(judge), delete(post_id));
    let restored = PostRestored { post_id, author, restored_by: author, still_deleted_by: None };
    story.happens(moderator(author), RestorePost { post: post_id }, &[restored.into()]);
    story.is_already_so(moderator(author), RestorePost { post: post_id });
}

#[test]
fn each_deletion_has_a_grace_period_of_its_own() {
    let mut story = Story::new();
    let [author, judge] = story.people();
    let post = story.post(author, Visibility::Public);
    story.does(author, delete(post));
    story.later(20 * DAY_MS);
    story.does(moderator(judge), delete(post));
    story.later(20 * DAY_MS);
    // Forty days after the author's deletion the moderator's is not over yet.
    story.is_already_so(NOVA, PurgePost { post });
    story.does(moderator(judge), RestorePost { post });
    // The author could not restore it meanwhile, so that their time begins again.
    story.later(30 * DAY_MS);
    story.is_already_so(NOVA, PurgePost { post });
    story.later(1);
    story.refuses(author, RestorePost { post }, Refusal::GraceOver("post"));
    story.does(NOVA, PurgePost { post });
    // There is nothing left to delete.
    story.is_already_so(moderator(judge), delete(post));
}

#[test]
fn editing_to_the_same_text_changes_nothing() {
    let mut story = Story::new();
    let author = story.person();
    let post = story.post(author, Visibility::Public);
    let original = EditPost { post, text: "first light".to_owned() };
    story.is_already_so(author, original.clone());
    story.does(author, edit(post));
    story.is_already_so(author, edit(post));
    story.does(author, original);
}

#[test]
fn restoring_is_possible_to_the_last_moment_of_the_grace_period() {
    for (late_ms, comes_back) in [(0, true), (1, false)] {
        let mut story = Story::new();
        let author = story.person();
        let post = story.post(author, Visibility::Public);
        story.does(author, delete(post));
        story.later(30 * DAY_MS + late_ms);
        if comes_back {
            story.is_already_so(NOVA, PurgePost { post });
            story.does(author, RestorePost { post });
        } else {
            story.refuses(author, RestorePost { post }, Refusal::GraceOver("post"));
            story.refuses(moderator(author), RestorePost { post }, Refusal::GraceOver("post"));
        }
    }
}

#[test]
fn the_grace_period_starts_anew_with_each_deletion() {
    let mut story = Story::new();
    let author = story.person();
    let post = story.post(author, Visibility::Public);
    story.does(author, delete(post));
    story.later(29 * DAY_MS);
    story.does(author, RestorePost { post });
    story.does(author, delete(post));
    story.later(29 * DAY_MS);
    story.does(author, RestorePost { post });
}

#[test]
fn nova_purges_what_is_deleted_long_enough() {
    let mut story = Story::new();
    let author = story.person();
    let post_id = story.post(author, Visibility::Public);
    let purge = PurgePost { post: post_id };
    story.is_already_so(NOVA, purge.clone());
    story.does(author, delete(post_id));
    story.is_already_so(NOVA, purge.clone());
    story.later(30 * DAY_MS + 1);
    story.refuses(author, purge.clone(), Refusal::NotYours("post"));
    story.refuses(moderator(author), purge.clone(), Refusal::NotYours("post"));
    story.happens(NOVA, purge.clone(), &[PostPurged { post_id, author }.into()]);
    story.is_already_so(NOVA, purge);
    story.refuses(NOVA, PurgePost { post: PostId(story.id()) }, Refusal::Unknown("post"));
    // It never comes back, whoever asks.
    story.refuses(author, RestorePost { post: post_id }, Refusal::GraceOver("post"));
    story.refuses(moderator(author), RestorePost { post: post_id }, Refusal::GraceOver("post"));
    story.refuses(author, edit(post_id), Refusal::Gone("post"));
    story.is_already_so(author, delete(post_id));
}

#[test]
fn a_clock_that_runs_backwards_ends_no_grace_period() {
    let mut story = Story::new();
    let author = story.person();
    let post = story.post(author, Visibility::Public);
    story.does(author, delete(post));
    story.now_ms = i64::MIN;
    story.is_already_so(NOVA, PurgePost { post });
    story.does(author, RestorePost { post });
}

#[test]
fn only_the_registered_and_active_post() {
    let mut story = Story::new();
    let author = story.person();
    let post = story.post(author, Visibility::Public);
    story.does(author, Deactivate::default());
    let check = |story: &mut Story, who: UserId, refusal: Refusal| {
        let new = PostId(story.id());
        story.refuses(who, publish(new, Visibility::Public), refusal.clone());
        story.refuses(who, edit(post), refusal.clone());
        story.refuses(who, delete(post), refusal.clone());
        story.refuses(who, RestorePost { post }, refusal);
    };
    check(&mut story, author, Refusal::AccountDeactivated);
    let stranger = story.nobody();
    check(&mut story, stranger, Refusal::NotRegistered);
    story.refuses(NOVA, delete(post), Refusal::NotRegistered);
}
