use nova_domain::Refusal;
use nova_domain::conversation::RemoveMember;
use nova_domain::message::{DeleteMessage, EditMessage};
use nova_domain::read::MarkRead;
use nova_domain::user::Deactivate;
use nova_events::ConversationId;
use nova_events::read::ReadUpTo;

use crate::story::{Story, text_body};

#[test]
fn marks_only_move_forward() {
    let mut story = Story::new();
    let [ann, user_id] = story.people();
    let conversation_id = story.group(&[ann, user_id]);
    for _ in 0..4 {
        story.message(ann, conversation_id);
    }
    let mark = |seq| MarkRead { conversation: conversation_id, seq };
    let up_to = |seq| ReadUpTo { conversation_id, user_id, seq }.into();
    story.happens(user_id, mark(1), &[up_to(1)]);
    story.is_already_so(user_id, mark(1));
    story.is_already_so(user_id, mark(0));
    story.happens(user_id, mark(3), &[up_to(3)]);
    story.is_already_so(user_id, mark(2));
    // Each member has a mark of their own.
    story.does(ann, mark(0));
}

#[test]
fn a_mark_beyond_the_end_is_refused() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let conversation = story.direct(ann, bob);
    story.invalid(bob, MarkRead { conversation, seq: 0 }, "seq", "beyond_end");
    let message = story.message(ann, conversation);
    story.invalid(bob, MarkRead { conversation, seq: 1 }, "seq", "beyond_end");
    story.invalid(bob, MarkRead { conversation, seq: u64::MAX }, "seq", "beyond_end");
    story.does(bob, MarkRead { conversation, seq: 0 });
    // Edits and deletions take a seq as messages do.
    story.does(ann, EditMessage { conversation, message, body: text_body("hello there") });
    story.does(bob, MarkRead { conversation, seq: 1 });
    story.does(ann, DeleteMessage { conversation, message, reason: None });
    story.does(bob, MarkRead { conversation, seq: 2 });
}

#[test]
fn only_members_mark() {
    let mut story = Story::new();
    let [ann, bob, other] = story.people();
    let conversation = story.group(&[ann, bob]);
    story.message(ann, conversation);
    let mark = MarkRead { conversation, seq: 0 };
    story.refuses(other, mark.clone(), Refusal::Unknown("conversation"));
    story.does(bob, mark.clone());
    story.does(bob, RemoveMember { conversation, user: bob });
    story.refuses(bob, mark.clone(), Refusal::Unknown("conversation"));
    let unknown = MarkRead { conversation: ConversationId(story.id()), seq: 0 };
    story.refuses(ann, unknown, Refusal::Unknown("conversation"));
    story.does(ann, Deactivate::default());
    story.refuses(ann, mark.clone(), Refusal::AccountDeactivated);
    story.refuses(story.nobody(), mark, Refusal::NotRegistered);
}
