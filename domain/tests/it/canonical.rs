//! The canonical form of a command is what its fingerprint is taken of, and fingerprints are in logs: a form that changes
//! would refuse a request that is repeated over an upgrade. Ids and times that are made up for each request are not in it.

use nova_domain::Command;
use nova_domain::comment::AddComment;
use nova_domain::conversation::StartConversation;
use nova_domain::like::Like;
use nova_domain::media::{CompleteUpload, ReserveUpload};
use nova_domain::message::{EditMessage, SendMessage, SendVoice};
use nova_domain::post::{EditPost, PublishPost};
use nova_domain::user::{ChangeProfile, Deactivate, Register};
use nova_events::conversation::ConversationKind;
use nova_events::like::Target;
use nova_events::message::Body;
use nova_events::post::Visibility;
use nova_events::{CommentId, ConversationId, MediaId, MessageId, PostId, UserId};
use uuid::Uuid;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn form(command: impl Into<Command>) -> String {
    serde_json::to_string(&command.into()).expect("a command has a JSON form")
}

#[test]
fn made_up_ids_are_not_in_it() {
    let publish = |post, text: &str| {
        let (media, text) = (vec![MediaId(id(2))], text.to_owned());
        form(PublishPost { post: PostId(id(post)), text, media, visibility: Visibility::Public })
    };
    assert_eq!(publish(1, "a"), publish(7, "a"));
    assert_ne!(publish(1, "a"), publish(1, "b"));
    let comment = |comment, post| {
        let (comment, post) = (CommentId(id(comment)), PostId(id(post)));
        form(AddComment { comment, post, parent: None, text: "a".to_owned() })
    };
    assert_eq!(comment(1, 2), comment(7, 2));
    assert_ne!(comment(1, 2), comment(1, 3));
    let start = |conversation, member| {
        let (kind, members) = (ConversationKind::Group, vec![UserId(id(member))]);
        form(StartConversation { conversation: ConversationId(id(conversation)), kind, title: None, members })
    };
    assert_eq!(start(1, 2), start(7, 2));
    assert_ne!(start(1, 2), start(1, 3));
    let reserve = |n: u128, content_length| {
        form(ReserveUpload {
            media: MediaId(id(n)),
            conversation: None,
            kind: None,
            content_type: "image/png".to_owned(),
            content_length,
            sha256: "ab".repeat(32),
            staging_key: format!("staging/{n}"),
            expires_at_ms: 1,
        })
    };
    assert_eq!(reserve(1, 5), reserve(7, 5));
    assert_ne!(reserve(1, 5), reserve(1, 6));
    let complete = |duration_ms| form(CompleteUpload { media: MediaId(id(1)), duration_ms });
    assert_eq!(complete(None), complete(Some(5)));
}

#[test]
fn forms_stay_as_they_are() {
    let zeros = "00000000-0000-0000-0000-00000000000";
    let body = Body { text: Some("hi".to_owned()), ..Body::default() };
    let send = SendMessage {
        conversation: ConversationId(id(1)),
        message_type: None,
        body: body.clone(),
        reply_to: None,
        media: None,
    };
    let register = Register {
        handle: "ada".to_owned(),
        handle_key: "cd".repeat(16),
        display_name: "Ada".to_owned(),
        bio: None,
    };
    for (command, expected) in [
        (
            Command::from(EditPost { post: PostId(id(1)), text: "a".to_owned() }),
            r#"{"EditPost":{"post":"Z1","text":"a"}}"#,
        ),
        (
            PublishPost {
                post: PostId(id(1)),
                text: "a".to_owned(),
                media: vec![],
                visibility: Visibility::Followers,
            }
            .into(),
            r#"{"PublishPost":{"text":"a","media":[],"visibility":"followers"}}"#,
        ),
        (Like { target: Target::Post(PostId(id(1))) }.into(), r#"{"Like":{"target":{"post":"Z1"}}}"#),
        (Deactivate { reason: None }.into(), r#"{"Deactivate":{"reason":null}}"#),
        (register.into(), r#"{"Register":{"handle":"ada","display_name":"Ada","bio":null}}"#),
        (
            ChangeProfile::default().into(),
            r#"{"ChangeProfile":{"handle":null,"display_name":null,"bio":null}}"#,
        ),
        (
            send.clone().into(),
            r#"{"SendMessage":{"conversation":"Z1","message_type":null,"body":{"text":"hi"},"reply_to":null,"media":null}}"#,
        ),
        (
            EditMessage { conversation: ConversationId(id(1)), message: MessageId(id(2)), body }.into(),
            r#"{"EditMessage":{"conversation":"Z1","message":"Z2","body":{"text":"hi"}}}"#,
        ),
        (
            SendVoice { send, duration_ms: 5, waveform: vec![1] }.into(),
            r#"{"SendVoice":{"send":{"conversation":"Z1","message_type":null,"body":{"text":"hi"},"reply_to":null,"media":null},"duration_ms":5,"waveform":[1]}}"#,
        ),
    ] {
        assert_eq!(form(command), expected.replace('Z', zeros));
    }
}
