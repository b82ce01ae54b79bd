use nova_domain::Refusal;
use nova_domain::media::{CompleteUpload, DeleteMedia, RejectUpload, ReserveUpload, kind_of};
use nova_domain::message::{DeleteMessage, EditMessage, SendMessage, SendVoice};
use nova_domain::post::{DeletePost, EditPost, PublishPost, PurgePost};
use nova_events::media::{Carrier, MediaAttached, MediaDeleted, RejectReason, UploadRejected, Waveform};
use nova_events::message::{Body, MessageEvent, MessageType};
use nova_events::post::Visibility;
use nova_events::{ConversationId, Event, MediaId, MessageId, Personal, PostId, UserId};

use crate::story::{DAY_MS, MINUTE_MS, NOVA, Story, say, text_body};

fn wanted(story: &Story, content_type: &str) -> ReserveUpload {
    ReserveUpload {
        media: MediaId(story.id()),
        conversation: None,
        kind: None,
        content_type: content_type.to_owned(),
        content_length: 1_000,
        sha256: "ab".repeat(32),
        staging_key: "staging/1".to_owned(),
        expires_at_ms: story.now_ms + 15 * MINUTE_MS,
    }
}

fn reserved(story: &mut Story, owner: UserId, content_type: &str) -> MediaId {
    let command = wanted(story, content_type);
    let media = command.media;
    story.does(owner, command);
    media
}

fn ready(story: &mut Story, owner: UserId, content_type: &str) -> MediaId {
    let media = reserved(story, owner, content_type);
    let duration_ms = content_type.starts_with("audio").then_some(10_000);
    story.does(owner, CompleteUpload { media, duration_ms });
    media
}

fn with(conversation: ConversationId, media: MediaId) -> SendMessage {
    SendMessage { body: Body::default(), media: Some(media), ..say(conversation, "") }
}

fn publish(story: &Story, media: &[MediaId]) -> PublishPost {
    let (post, media) = (PostId(story.id()), media.to_vec());
    PublishPost { post, text: String::new(), media, visibility: Visibility::Public }
}

#[test]
fn only_what_is_known_and_small_enough_is_reserved() {
    let mut story = Story::new();
    let ann = story.person();
    for (content_type, length, field) in [
        ("text/html", 10, "content_type"),
        ("image/png", 0, "content_length"),
        ("audio/ogg", (5 << 20) + 1, "content_length"),
    ] {
        let command = ReserveUpload { content_length: length, ..wanted(&story, content_type) };
        let refused = story.tries(ann, command).unwrap_err();
        assert_eq!(refused.field().map(|(field, _)| field), Some(field));
    }
    let short = ReserveUpload { sha256: "abc".to_owned(), ..wanted(&story, "image/png") };
    assert!(story.tries(ann, short).is_err());
    assert_eq!(kind_of("image/svg+xml"), None);
    let group = story.group(&[ann]);
    let other = story.person();
    let voice = ReserveUpload { conversation: Some(group), ..wanted(&story, "audio/ogg") };
    story.refuses(other, voice.clone(), Refusal::Unknown("conversation"));
    story.does(ann, voice);
}

#[test]
fn an_upload_ends_once() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let media = reserved(&mut story, ann, "image/png");
    let complete = CompleteUpload { media, duration_ms: None };
    story.refuses(bob, complete.clone(), Refusal::Unknown("medium"));
    story.does(ann, complete.clone());
    story.is_already_so(ann, complete);
    story.is_already_so(ann, RejectUpload { media, reason: RejectReason::WrongFormat });

    let media = reserved(&mut story, ann, "image/png");
    let reject = |reason| RejectUpload { media, reason };
    story.refuses(bob, reject(RejectReason::WrongFormat), Refusal::Unknown("medium"));
    story.does(ann, reject(RejectReason::WrongFormat));
    let refusal = Refusal::UploadRejected(RejectReason::WrongFormat);
    story.refuses(ann, CompleteUpload { media, duration_ms: None }, refusal);
    let unknown = CompleteUpload { media: MediaId(story.id()), duration_ms: None };
    story.refuses(ann, unknown, Refusal::Unknown("medium"));
}

#[test]
fn what_nobody_completes_is_rejected_when_its_time_and_the_grace_are_over() {
    let mut story = Story::new();
    let ann = story.person();
    let media = reserved(&mut story, ann, "image/png");
    let expire = RejectUpload { media, reason: RejectReason::Expired };
    story.later(20 * MINUTE_MS);
    story.is_already_so(NOVA, expire.clone());
    story.later(1);
    story.refuses(ann, CompleteUpload { media, duration_ms: None }, Refusal::UploadExpired);
    let rejected = UploadRejected { media_id: media, owner: ann, reason: RejectReason::Expired };
    story.happens(NOVA, expire, &[rejected.into()]);
    story.refuses(ann, CompleteUpload { media, duration_ms: None }, Refusal::UploadExpired);
}

#[test]
fn a_medium_is_carried_once_and_by_its_owner() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let group = story.group(&[ann, bob]);
    let pending = reserved(&mut story, ann, "image/png");
    story.refuses(ann, with(group, pending), Refusal::MediaNotReady);
    let post = publish(&story, &[pending]);
    story.refuses(ann, post, Refusal::MediaNotReady);
    let unknown = with(group, MediaId(story.id()));
    story.refuses(ann, unknown, Refusal::Unknown("medium"));
    let picture = ready(&mut story, ann, "image/png");
    story.refuses(bob, with(group, picture), Refusal::Unknown("medium"));
    let as_audio = SendMessage { message_type: Some(MessageType::Audio), ..with(group, picture) };
    story.invalid(ann, as_audio, "media_id", "wrong_kind");

    let done = story.does(ann, with(group, picture));
    let carrier = Carrier::Message { conversation_id: group, message_id: MessageId(done.command_id) };
    let attached = MediaAttached { media_id: picture, owner: ann, carrier, personal: Personal::Absent };
    assert_eq!(done.events[1..], [attached.into()]);
    story.refuses(ann, with(group, picture), Refusal::MediaInUse);
    let post = publish(&story, &[picture]);
    story.refuses(ann, post, Refusal::MediaInUse);
    story.refuses(ann, DeleteMedia { media: picture }, Refusal::MediaInUse);

    let twice = ready(&mut story, ann, "image/png");
    let post = publish(&story, &[twice, twice]);
    story.invalid(ann, post, "media_ids", "repeated");
    story.does(ann, DeleteMedia { media: twice });
    story.is_already_so(ann, DeleteMedia { media: twice });
    let post = publish(&story, &[twice]);
    story.refuses(ann, post, Refusal::Gone("medium"));
}

#[test]
fn a_voice_message_carries_how_loud_it_is_and_how_long() {
    let mut story = Story::new();
    let ann = story.person();
    let group = story.group(&[ann]);
    let media = ready(&mut story, ann, "audio/ogg");
    let voice = |duration_ms, samples| {
        let send = SendMessage { message_type: Some(MessageType::Audio), ..with(group, media) };
        SendVoice { send, duration_ms, waveform: vec![9; samples] }
    };
    story.invalid(ann, voice(10_000, 101), "waveform", "too_long");
    story.invalid(ann, voice(12_001, 5), "duration_ms", "mismatch");
    story.invalid(ann, voice(300_001, 5), "duration_ms", "too_long");
    let done = story.does(ann, voice(11_000, 100));
    let carrier = Carrier::Message { conversation_id: group, message_id: MessageId(done.command_id) };
    let personal = Personal::Clear(Waveform { samples: vec![9; 100] });
    assert_eq!(done.events[1..], [MediaAttached { media_id: media, owner: ann, carrier, personal }.into()]);
}

#[test]
fn a_medium_goes_with_what_carries_it() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    let group = story.group(&[ann, bob]);
    let media = ready(&mut story, bob, "video/mp4");
    let message = MessageId(story.does(bob, with(group, media)).command_id);
    story.does(bob, EditMessage { conversation: group, message, body: text_body("a caption") });
    let done = story.does(ann, DeleteMessage { conversation: group, message, reason: None });
    let gone = MediaDeleted { media_id: media, owner: bob, deleted_by: Some(ann) };
    assert_eq!(done.events.last(), Some(&gone.into()));

    let pictures = [ready(&mut story, ann, "image/png"), ready(&mut story, ann, "image/gif")];
    let publish = publish(&story, &pictures);
    let post = publish.post;
    story.does(ann, publish);
    let deleted = story.does(ann, DeletePost { post, reason: None });
    assert_eq!(deleted.events.len(), 1, "it can be restored, with its pictures");
    story.later(30 * DAY_MS + 1);
    let purged = story.does(NOVA, PurgePost { post });
    let gone = pictures.map(|media_id| MediaDeleted { media_id, owner: ann, deleted_by: None }.into());
    assert_eq!(purged.events[1..], gone);
}

#[test]
fn a_medium_of_someone_else_is_known_to_whoever_sees_what_carries_it() {
    let mut story = Story::new();
    let [ann, bob, eve] = story.people();
    let picture = ready(&mut story, ann, "image/png");
    let post = publish(&story, &[picture]);
    story.does(ann, post);
    story.blocks(ann, eve);
    for (who, refusal) in [(bob, Refusal::NotYours("medium")), (eve, Refusal::Unknown("medium"))] {
        story.refuses(who, DeleteMedia { media: picture }, refusal.clone());
        story.refuses(who, CompleteUpload { media: picture, duration_ms: None }, refusal.clone());
        let theirs = publish(&story, &[picture]);
        story.refuses(who, theirs, refusal);
    }
}

#[test]
fn words_beside_a_medium_can_be_taken_away() {
    let mut story = Story::new();
    let ann = story.person();
    let group = story.group(&[ann]);
    let media = ready(&mut story, ann, "image/png");
    let captioned = SendMessage { body: text_body("a caption"), ..with(group, media) };
    let message = MessageId(story.does(ann, captioned).command_id);
    for body in [text_body(""), text_body("\u{200b} "), Body::default()] {
        story.is_already_so(ann, EditMessage { conversation: group, message, body: text_body("a caption") });
        let done = story.does(ann, EditMessage { conversation: group, message, body });
        let Event::Message(MessageEvent::MessageEdited(edited)) = &done.events[0] else { panic!("{done:?}") };
        assert_eq!(edited.personal, Personal::Clear(Body::default()), "a blank caption is none");
        story.does(ann, EditMessage { conversation: group, message, body: text_body("a caption") });
    }
    let plain = story.message(ann, group);
    let emptied = EditMessage { conversation: group, message: plain, body: text_body("") };
    story.invalid(ann, emptied, "text", "empty");

    let picture = ready(&mut story, ann, "image/png");
    let publish = PublishPost { text: "look".to_owned(), ..publish(&story, &[picture]) };
    let post = publish.post;
    story.does(ann, publish);
    story.does(ann, EditPost { post, text: String::new() });
    let bare = story.post(ann, Visibility::Public);
    story.invalid(ann, EditPost { post: bare, text: String::new() }, "text", "empty");
}
