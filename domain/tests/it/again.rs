//! What must hold to say something must hold to say it again: each relation between two people forbids the same things.

use nova_domain::comment::{AddComment, DeleteComment, EditComment, RestoreComment};
use nova_domain::conversation::RemoveMember;
use nova_domain::follow::{Follow, Unfollow};
use nova_domain::like::{Like, Unlike};
use nova_domain::message::{EditMessage, SendMessage};
use nova_domain::post::DeletePost;
use nova_domain::user::Deactivate;
use nova_domain::{Command, Refusal};
use nova_events::like::Target;
use nova_events::post::Visibility;
use nova_events::{CommentId, ConversationId, MessageId, PostId, UserId};

use crate::story::{Story, say, text_body};

/// Bob said things at Ada's place while everything was well: what he may say, and say again.
struct Place {
    story: Story,
    ada: UserId,
    bob: UserId,
    cat: UserId,
    post: PostId,
    /// Cat's, which Bob answered.
    answered: CommentId,
    shown: CommentId,
    deleted: CommentId,
    talk: ConversationId,
    message: MessageId,
}

impl Place {
    fn new() -> Self {
        let mut story = Story::new();
        let [ada, bob, cat] = story.people();
        story.follows(bob, ada);
        let post = story.post(ada, Visibility::Followers);
        story.follows(cat, ada);
        let answered = story.comment(cat, post);
        let answer = |story: &mut Story| {
            let comment = CommentId(story.id());
            let parent = Some(answered);
            story.does(bob, AddComment { comment, post, parent, text: "so it is".to_owned() });
            comment
        };
        let (shown, deleted) = (answer(&mut story), answer(&mut story));
        story.does(bob, DeleteComment { comment: deleted, reason: None });
        let talk = story.direct(bob, ada);
        let message = story.message(bob, talk);
        Self { story, ada, bob, cat, post, answered, shown, deleted, talk, message }
    }

    /// Every way in which Bob says something to Ada on her post: the first is the first time, the others are again.
    fn says_under_the_post(&self) -> Vec<Command> {
        let text = "another thing".to_owned();
        vec![
            AddComment {
                comment: CommentId(self.story.id()),
                post: self.post,
                parent: Some(self.answered),
                text: text.clone(),
            }
            .into(),
            EditComment { comment: self.shown, text }.into(),
            RestoreComment { comment: self.deleted }.into(),
        ]
    }

    #[track_caller]
    fn all_refused(&mut self, commands: Vec<Command>, refusal: &Refusal) {
        for command in commands {
            self.story.refuses(self.bob, command, refusal.clone());
        }
    }
}

type Change = fn(&mut Place);

/// What changes between them, and what it forbids under a post.
const RELATIONS: [(&str, Change, Refusal); 9] = [
    ("the author blocks", |p| p.story.blocks(p.ada, p.bob), Refusal::Unknown("post")),
    ("blocks the author", |p| p.story.blocks(p.bob, p.ada), Refusal::Unknown("post")),
    ("the answered one blocks", |p| p.story.blocks(p.cat, p.bob), Refusal::Unknown("comment")),
    ("blocks the answered one", |p| p.story.blocks(p.bob, p.cat), Refusal::Unknown("comment")),
    (
        "follows no more",
        |p| {
            p.story.does(p.bob, Unfollow { user: p.ada });
        },
        Refusal::Unknown("post"),
    ),
    (
        "the post is deleted",
        |p| {
            p.story.does(p.ada, DeletePost { post: p.post, reason: None });
        },
        Refusal::Gone("post"),
    ),
    (
        "the post's author left",
        |p| {
            p.story.does(p.ada, Deactivate::default());
        },
        Refusal::Gone("user"),
    ),
    (
        "left",
        |p| {
            p.story.does(p.bob, Deactivate::default());
        },
        Refusal::AccountDeactivated,
    ),
    ("never came", |p| p.bob = p.story.nobody(), Refusal::NotRegistered),
];

#[test]
fn what_forbids_a_comment_forbids_its_edit_and_its_restoration() {
    for (relation, change, refusal) in RELATIONS {
        let mut place = Place::new();
        change(&mut place);
        println!("{relation}");
        let mut commands = place.says_under_the_post();
        let again = commands.split_off(1);
        if refusal == Refusal::Unknown("comment") {
            for command in commands {
                place.story.invalid(place.bob, command, "parent_comment_id", "unknown");
            }
        } else {
            place.all_refused(commands, &refusal);
        }
        // A hidden thing is refused as unknown, by the name of the requested thing.
        let refusal =
            if matches!(refusal, Refusal::Unknown(_)) { Refusal::Unknown("comment") } else { refusal };
        place.all_refused(again, &refusal);
    }
    let mut place = Place::new();
    for command in place.says_under_the_post() {
        place.story.does(place.bob, command);
    }
}

#[test]
fn what_forbids_a_like_forbids_the_next_one() {
    for (relation, change, refusal) in RELATIONS {
        println!("{relation}");
        // Likes of a comment answer to its author, likes of a post to the post's.
        let (target, concerns): (fn(&Place) -> Target, _) = if relation.contains("answered") {
            (|p| Target::Comment(p.answered), "comment")
        } else {
            (|p| Target::Post(p.post), "post")
        };
        for liked_before in [false, true] {
            let mut place = Place::new();
            let target = target(&place);
            if liked_before {
                place.story.does(place.bob, Like { target });
                place.story.does(place.bob, Unlike { target });
            }
            change(&mut place);
            println!("{concerns}");
            place.all_refused(vec![Like { target }.into()], &refusal);
        }
    }
}

#[test]
fn what_forbids_a_follow_forbids_the_next_one() {
    for (change, refusal) in [
        (RELATIONS[0].1, Refusal::Unknown("user")),
        (RELATIONS[1].1, Refusal::Unknown("user")),
        (RELATIONS[6].1, Refusal::Gone("user")),
        (RELATIONS[7].1, Refusal::AccountDeactivated),
    ] {
        for followed_before in [false, true] {
            let mut place = Place::new();
            place.story.does(place.bob, Unfollow { user: place.ada });
            if followed_before {
                place.story.follows(place.bob, place.ada);
                place.story.does(place.bob, Unfollow { user: place.ada });
            }
            change(&mut place);
            let follow = Follow { user: place.ada };
            place.all_refused(vec![follow.into()], &refusal);
        }
    }
}

#[test]
fn what_forbids_a_message_forbids_its_edit() {
    let says = |conversation, message| -> Vec<Command> {
        let send: SendMessage = say(conversation, "another thing");
        vec![send.into(), EditMessage { conversation, message, body: text_body("another thing") }.into()]
    };
    for (change, refusal) in [
        (RELATIONS[0].1, Refusal::BlockedBetween),
        (RELATIONS[1].1, Refusal::BlockedBetween),
        (RELATIONS[7].1, Refusal::AccountDeactivated),
    ] {
        let mut place = Place::new();
        change(&mut place);
        let commands = says(place.talk, place.message);
        place.all_refused(commands, &refusal);
    }
    // Someone who was in a group is in it no more.
    let mut place = Place::new();
    let group = place.story.group(&[place.ada, place.bob]);
    let message = place.story.message(place.bob, group);
    place.story.does(place.ada, RemoveMember { conversation: group, user: place.bob });
    place.all_refused(says(group, message), &Refusal::Unknown("conversation"));
}

#[test]
fn the_host_restores_what_the_host_deleted_whatever_is_between_them() {
    let mut place = Place::new();
    let comment = place.shown;
    place.story.does(place.ada, DeleteComment { comment, reason: None });
    place.story.blocks(place.ada, place.bob);
    place.story.does(place.ada, RestoreComment { comment });
}

#[test]
fn taking_back_is_always_possible() {
    let mut place = Place::new();
    let target = Target::Post(place.post);
    place.story.does(place.bob, Like { target });
    place.story.blocks(place.ada, place.bob);
    place.story.does(place.bob, Unlike { target });
    place.story.does(place.bob, DeleteComment { comment: place.shown, reason: None });
}
