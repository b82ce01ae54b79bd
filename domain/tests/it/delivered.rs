use nova_domain::Refusal;
use nova_domain::conversation::RemoveMember;
use nova_domain::delivered::MarkDelivered;
use nova_domain::user::Deactivate;
use nova_events::ConversationId;
use nova_events::delivered::DeliveredUpTo;

use crate::story::Story;

fn mark(conversation: ConversationId, device: &str, seq: u64) -> MarkDelivered {
    MarkDelivered { conversation, device_id: device.to_owned(), seq }
}

#[test]
fn marks_only_move_forward_for_each_device() {
    let mut story = Story::new();
    let [ann, user_id] = story.people();
    let conversation_id = story.group(&[ann, user_id]);
    for _ in 0..4 {
        story.message(ann, conversation_id);
    }
    let up_to = |seq| DeliveredUpTo { conversation_id, user_id, seq }.into();
    story.happens(user_id, mark(conversation_id, "phone", 1), &[up_to(1)]);
    story.is_already_so(user_id, mark(conversation_id, "phone", 1));
    story.is_already_so(user_id, mark(conversation_id, "phone", 0));
    // Each device has a mark of its own, and so has the same device's name of someone else.
    story.happens(user_id, mark(conversation_id, "tablet", 0), &[up_to(0)]);
    story.does(ann, mark(conversation_id, "phone", 0));
    story.happens(user_id, mark(conversation_id, "phone", 3), &[up_to(3)]);
    story.is_already_so(user_id, mark(conversation_id, "phone", 2));
    story.happens(user_id, mark(conversation_id, "tablet", 2), &[up_to(2)]);
}

#[test]
fn a_mark_is_of_a_member_within_the_conversation_and_names_a_device() {
    let mut story = Story::new();
    let [ann, bob, other] = story.people();
    let conversation = story.group(&[ann, bob]);
    story.invalid(bob, mark(conversation, "phone", 0), "seq", "beyond_end");
    story.message(ann, conversation);
    story.invalid(bob, mark(conversation, "phone", 1), "seq", "beyond_end");
    story.invalid(bob, mark(conversation, "phone", u64::MAX), "seq", "beyond_end");
    story.invalid(bob, mark(conversation, "", 0), "device_id", "empty");
    story.invalid(bob, mark(conversation, &"x".repeat(129), 0), "device_id", "too_long");
    story.refuses(other, mark(conversation, "phone", 0), Refusal::Unknown("conversation"));
    story.does(bob, mark(conversation, "phone", 0));
    story.does(bob, RemoveMember { conversation, user: bob });
    story.refuses(bob, mark(conversation, "phone", 0), Refusal::Unknown("conversation"));
    let unknown = ConversationId(story.id());
    story.refuses(ann, mark(unknown, "phone", 0), Refusal::Unknown("conversation"));
    story.does(ann, Deactivate::default());
    story.refuses(ann, mark(conversation, "phone", 0), Refusal::AccountDeactivated);
    story.refuses(story.nobody(), mark(conversation, "phone", 0), Refusal::NotRegistered);
}
