use nova_domain::Refusal;
use nova_domain::conversation::RemoveMember;
use nova_domain::message::{DeleteMessage, EditMessage, SendMessage};
use nova_domain::user::Deactivate;
use nova_events::message::{
    Body, MessageDeleteMarked, MessageDeleted, MessageEditMarked, MessageEdited, MessageSent, MessageType,
};
use nova_events::nonce::NonceUsed;
use nova_events::user::Reason;
use nova_events::{ConversationId, MediaId, MessageId, Personal};

use crate::story::{DAY_MS, Story, moderator, say, text_body};

fn encrypted() -> Body {
    Body {
        encrypted_content: Some("c2VjcmV0".to_owned()),
        nonce: Some("bm9uY2U=".to_owned()),
        device_id: Some("phone".to_owned()),
        ..Body::default()
    }
}

fn with_body(conversation: ConversationId, body: Body) -> SendMessage {
    SendMessage { body, ..say(conversation, "") }
}

#[test]
fn a_message_has_the_id_of_its_command_and_is_never_already_so() {
    let mut story = Story::new();
    let [sender, other] = story.people();
    let conversation_id = story.group(&[sender, other]);
    for (body, message_type) in
        [(text_body("hello"), MessageType::Text), (encrypted(), MessageType::Encrypted)]
    {
        for asked in [None, Some(message_type)] {
            // Without a device, nothing is said of its nonces.
            let body = Body { device_id: None, ..body.clone() };
            let send = SendMessage { message_type: asked, ..with_body(conversation_id, body.clone()) };
            let done = story.does(sender, send);
            let sent = MessageSent {
                message_id: MessageId(done.command_id),
                conversation_id,
                sender,
                message_type,
                reply_to: None,
                media_id: None,
                personal: Personal::Clear(body.clone()),
            };
            assert_eq!(done.events, [sent.into()]);
        }
    }
}

#[test]
fn members_speak() {
    let mut story = Story::new();
    let [ann, bob, other] = story.people();
    let stranger = story.nobody();
    let conversation = story.group(&[ann, bob]);
    story.does(bob, say(conversation, "hi"));
    story.refuses(other, say(conversation, "hi"), Refusal::Unknown("conversation"));
    story.refuses(moderator(other), say(conversation, "hi"), Refusal::Unknown("conversation"));
    story.refuses(stranger, say(conversation, "hi"), Refusal::NotRegistered);
    story.refuses(ann, say(ConversationId(story.id()), "hi"), Refusal::Unknown("conversation"));
    story.does(ann, RemoveMember { conversation, user: bob });
    story.refuses(bob, say(conversation, "hi"), Refusal::Unknown("conversation"));
    story.does(ann, Deactivate::default());
    story.refuses(ann, say(conversation, "hi"), Refusal::AccountDeactivated);
}

#[test]
fn a_block_silences_a_direct_conversation_both_ways_but_no_group() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let (direct, group) = (story.direct(ann, bob), story.group(&[ann, bob]));
    let message = story.message(bob, direct);
    story.blocks(ann, bob);
    let edit = EditMessage { conversation: direct, message, body: text_body("changed") };
    for who in [ann, bob] {
        story.refuses(who, say(direct, "hi"), Refusal::BlockedBetween);
        story.does(who, say(group, "hi"));
    }
    story.refuses(bob, edit.clone(), Refusal::BlockedBetween);
    // Taking something back says nothing new.
    story.does(bob, DeleteMessage { conversation: direct, message, reason: None });
    story.does(ann, nova_domain::block::Unblock { user: bob });
    story.does(bob, say(direct, "hi"));
    story.refuses(bob, edit, Refusal::Gone("message"));
}

#[test]
fn a_body_is_text_or_encrypted_content_with_its_nonce() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let conversation = story.group(&[ann, bob]);
    let some = |text: &str| Some(text.to_owned());
    let bad = [
        (Body::default(), "text", "missing"),
        (Body { nonce: some("n"), ..Body::default() }, "encrypted_content", "missing"),
        (Body { nonce: some("n"), ..text_body("hi") }, "encrypted_content", "missing"),
        (Body { encrypted_content: some("c"), ..Body::default() }, "nonce", "missing"),
        (Body { text: some("hi"), ..encrypted() }, "text", "ambiguous"),
        (Body { text: some("hi"), nonce: None, ..encrypted() }, "text", "ambiguous"),
        (text_body(" "), "text", "empty"),
        (text_body(&"x".repeat(65_537)), "text", "too_long"),
        (text_body("hi\u{0}"), "text", "control_character"),
        (Body { encrypted_content: some(""), ..encrypted() }, "encrypted_content", "empty"),
        (
            Body { encrypted_content: Some("x".repeat(65_537)), ..encrypted() },
            "encrypted_content",
            "too_long",
        ),
        (Body { nonce: Some("x".repeat(129)), ..encrypted() }, "nonce", "too_long"),
        (Body { nonce: some(""), ..encrypted() }, "nonce", "empty"),
        (Body { device_id: Some("x".repeat(129)), ..encrypted() }, "device_id", "too_long"),
        (Body { device_id: some(""), ..text_body("hi") }, "device_id", "empty"),
    ];
    let message = story.message(ann, conversation);
    for (body, field, code) in bad {
        story.invalid(ann, with_body(conversation, body.clone()), field, code);
        story.invalid(ann, EditMessage { conversation, message, body }, field, code);
    }
    let long_id = Body { client_message_id: Some("x".repeat(129)), ..text_body("hi") };
    story.invalid(ann, with_body(conversation, long_id), "client_message_id", "too_long");
    story.does(ann, say(conversation, &"x".repeat(65_536)));
}

#[test]
fn the_type_fits_what_the_message_holds() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let conversation = story.group(&[ann, bob]);
    let typed = |message_type, body| SendMessage {
        message_type: Some(message_type),
        ..with_body(conversation, body)
    };
    story.invalid(ann, typed(MessageType::Encrypted, text_body("hi")), "message_type", "mismatch");
    story.invalid(ann, typed(MessageType::Text, encrypted()), "message_type", "mismatch");
    for media in [MessageType::Audio, MessageType::Image, MessageType::Video] {
        story.invalid(ann, typed(media, text_body("hi")), "media_id", "missing");
    }
    let media = Some(MediaId(story.id()));
    story.refuses(ann, SendMessage { media, ..say(conversation, "hi") }, Refusal::Unknown("medium"));
}

#[test]
fn an_answer_is_to_a_message_of_the_same_conversation() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let (here, there) = (story.group(&[ann, bob]), story.direct(ann, bob));
    let (message, elsewhere) = (story.message(ann, here), story.message(ann, there));
    let answer = |reply_to| SendMessage { reply_to: Some(reply_to), ..say(here, "yes") };
    story.invalid(bob, answer(elsewhere), "reply_to", "unknown");
    story.invalid(bob, answer(MessageId(story.id())), "reply_to", "unknown");
    let answered = story.does(bob, answer(message));
    story.does(ann, answer(MessageId(answered.id)));
    // Also to one that has been taken back: its place is still there.
    story.does(ann, DeleteMessage { conversation: here, message, reason: None });
    story.does(bob, answer(message));
}

#[test]
fn its_sender_edits_a_message() {
    let mut story = Story::new();
    let [sender, admin] = story.people();
    let conversation_id = story.group(&[admin, sender]);
    let message_id = story.message(sender, conversation_id);
    let body = text_body("hello there");
    let edit = EditMessage { conversation: conversation_id, message: message_id, body: body.clone() };
    let edited = MessageEdited { message_id, conversation_id, sender, personal: Personal::Clear(body) };
    story.happens(
        sender,
        edit.clone(),
        &[edited.into(), MessageEditMarked { message_id, conversation_id }.into()],
    );
    story.is_already_so(sender, edit.clone());
    story.does(sender, EditMessage { body: text_body("hello"), ..edit });
    story.does(sender, edit.clone());
    story.refuses(admin, edit.clone(), Refusal::NotYours("message"));
    story.refuses(moderator(admin), edit.clone(), Refusal::NotYours("message"));
    let unknown = EditMessage { message: MessageId(story.id()), ..edit.clone() };
    story.refuses(sender, unknown, Refusal::Unknown("message"));
    let other = story.direct(admin, sender);
    story.refuses(sender, EditMessage { conversation: other, ..edit.clone() }, Refusal::Unknown("message"));
    let secret = EditMessage { body: encrypted(), ..edit };
    story.invalid(sender, secret, "message_type", "mismatch");
    story.does(sender, RemoveMember { conversation: conversation_id, user: sender });
    story.refuses(sender, edit, Refusal::Unknown("conversation"));
}

#[test]
fn a_message_is_edited_to_the_last_moment_of_a_day() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let conversation = story.direct(ann, bob);
    let message = story.message(ann, conversation);
    let edit = EditMessage { conversation, message, body: text_body("late") };
    story.later(DAY_MS);
    story.does(ann, edit.clone());
    story.later(1);
    // The window is that of the message, not of its last edit.
    story.refuses(ann, edit, Refusal::EditWindowOver);
    story.does(ann, DeleteMessage { conversation, message, reason: None });
}

#[test]
fn its_sender_or_an_admin_of_the_group_deletes_a_message() {
    let mut story = Story::new();
    let [admin, sender, other] = story.people();
    let conversation_id = story.group(&[admin, sender, other]);
    for deleted_by in [sender, admin] {
        let message_id = story.message(sender, conversation_id);
        let reason = "wrong window".to_owned();
        let delete = DeleteMessage {
            conversation: conversation_id,
            message: message_id,
            reason: Some(reason.clone()),
        };
        story.refuses(other, delete.clone(), Refusal::NotYours("message"));
        story.refuses(moderator(other), delete.clone(), Refusal::NotYours("message"));
        let personal = Personal::Clear(Reason { reason });
        let deleted = MessageDeleted { message_id, conversation_id, sender, deleted_by, personal };
        story.happens(
            deleted_by,
            delete.clone(),
            &[deleted.into(), MessageDeleteMarked { message_id, conversation_id }.into()],
        );
        story.is_already_so(sender, delete.clone());
        story.is_already_so(admin, delete);
        let edit =
            EditMessage { conversation: conversation_id, message: message_id, body: text_body("too late") };
        story.refuses(sender, edit, Refusal::Gone("message"));
    }
    let message = story.message(sender, conversation_id);
    let delete = DeleteMessage { conversation: conversation_id, message, reason: None };
    let long = DeleteMessage { reason: Some("x".repeat(1_001)), ..delete };
    story.invalid(sender, long, "reason", "too_long");
    let unknown = DeleteMessage { message: MessageId(story.id()), ..delete.clone() };
    story.refuses(sender, unknown, Refusal::Unknown("message"));
    story.does(sender, RemoveMember { conversation: conversation_id, user: sender });
    story.refuses(sender, delete, Refusal::Unknown("conversation"));
}

#[test]
fn in_a_direct_conversation_each_deletes_their_own() {
    let mut story = Story::new();
    let [ann, bob, cat] = story.people();
    let conversation = story.direct(ann, bob);
    let message = story.message(bob, conversation);
    let delete = DeleteMessage { conversation, message, reason: None };
    story.refuses(ann, delete.clone(), Refusal::NotYours("message"));
    story.refuses(cat, delete.clone(), Refusal::Unknown("conversation"));
    // A message is of its conversation: another one does not reach it.
    let group = story.group(&[ann, bob]);
    story.refuses(ann, DeleteMessage { conversation: group, ..delete.clone() }, Refusal::Unknown("message"));
    story.does(bob, delete);
}

#[test]
fn a_device_uses_a_nonce_once_in_a_conversation() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let (group, other_group) = (story.group(&[ann, bob]), story.group(&[ann, bob]));
    let with = |device: &str, nonce: &str| Body {
        nonce: Some(nonce.to_owned()),
        device_id: Some(device.to_owned()),
        ..encrypted()
    };
    let send = |to, device: &str, nonce: &str| with_body(to, with(device, nonce));
    let done = story.does(ann, send(group, "phone", "n"));
    let message = MessageId(done.command_id);
    let marked = NonceUsed { conversation_id: group, message_id: message };
    assert_eq!(done.events[1..], [marked.into()], "in the same append");
    story.refuses(ann, send(group, "phone", "n"), Refusal::NonceReused);
    // Another nonce, device, sender or conversation is another matter, however their parts are cut.
    for (who, to, device, nonce) in [
        (ann, group, "phone", "n2"),
        (ann, group, "phone2", "n"),
        (ann, group, "phon", "en"),
        (bob, group, "phone", "n"),
        (ann, other_group, "phone", "n"),
    ] {
        story.does(who, send(to, device, nonce));
    }
    // Without a device there is nothing to hold it against.
    for _ in 0..2 {
        story.does(ann, with_body(group, Body { device_id: None, ..with("", "n") }));
    }
    // Edits are held to it as well, against messages and other edits.
    let edit = |nonce| EditMessage { conversation: group, message, body: with("phone", nonce) };
    story.refuses(ann, edit("n"), Refusal::NonceReused);
    story.does(ann, edit("n3"));
    story.refuses(ann, edit("n3"), Refusal::NonceReused);
    story.refuses(ann, send(group, "phone", "n3"), Refusal::NonceReused);
    // What is not carried out uses no nonce.
    story.refuses(
        bob,
        EditMessage { conversation: group, message, body: with("b", "n4") },
        Refusal::NotYours("message"),
    );
    story.does(bob, send(group, "b", "n4"));
    // A deleted message gives its nonce not back.
    story.does(ann, DeleteMessage { conversation: group, message, reason: None });
    story.refuses(ann, send(group, "phone", "n"), Refusal::NonceReused);
}
