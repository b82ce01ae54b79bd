//! One sample of every event, the same on every call. Golden files, contract suites and the tests of every store are
//! made of them, so that a new event is covered everywhere as soon as it has its sample here.
//!
//! * The first sample of a kind is the frozen one: `events/golden/` holds it for ever. It has a personal part if the
//!   event can have one.
//! * An optional field is shown present and absent. One that came to an event later is shown by a further sample, so
//!   that the frozen one, like the events already in a log, stays without it.
//! * Every personal text is found nowhere else in a sample, so that a test can look for it.

use nova_eventlog::StreamId;
use uuid::Uuid;

use crate::block::{BlockEvent, Blocked, Unblocked};
use crate::comment::{CommentAdded, CommentDeleted, CommentEdited, CommentEvent, CommentRestored};
use crate::conversation::{
    ConversationEvent, ConversationKind, ConversationRenamed, ConversationStarted, MemberAdded,
    MemberRemoved, MemberRoleChanged, Role, Title,
};
use crate::delivered::{DeliveredEvent, DeliveredUpTo};
use crate::dismissal::{DismissalEvent, SuggestionDismissed, SuggestionRestored};
use crate::follow::{FollowEvent, Followed, Unfollowed};
use crate::handle::{HandleClaimed, HandleReleased};
use crate::like::{LikeEvent, Liked, Target, Unliked};
use crate::media::{
    Carrier, MediaAttached, MediaDeleted, MediaEvent, MediaKind, RejectReason, UploadCompleted,
    UploadRejected, UploadReserved, Waveform,
};
use crate::message::{
    Body, MessageDeleteMarked, MessageDeleted, MessageEditMarked, MessageEdited, MessageEvent,
    MessageMarkEvent, MessageSent, MessageType,
};
use crate::nonce::{NonceEvent, NonceUsed};
use crate::post::{
    PostDeleted, PostEdited, PostEvent, PostPublished, PostPurged, PostRestored, Text, Visibility,
};
use crate::read::{ReadEvent, ReadUpTo};
use crate::user::{
    Profile, ProfileChanged, Reason, UserDeactivated, UserEvent, UserReactivated, UserRegistered,
};
use crate::{
    Actor, CommentId, ConversationId, Event, MediaId, MessageId, Meta, Personal, PostId, UserId, streams,
};

/// Writes, follows, blocks and is deactivated.
pub const ADA: UserId = UserId(id(1));
/// Comments, likes and answers.
pub const BEN: UserId = UserId(id(2));
/// A moderator, and the third in the group.
pub const CLEO: UserId = UserId(id(3));

const POST: PostId = PostId(id(11));
const COMMENT: CommentId = CommentId(id(21));
const ANSWER: CommentId = CommentId(id(22));
const CONVERSATION: ConversationId = ConversationId(id(31));
const DIRECT: ConversationId = ConversationId(id(32));
const MESSAGE: MessageId = MessageId(id(41));
const REPLY: MessageId = MessageId(id(42));
const MEDIA: MediaId = MediaId(id(51));
const NAME_KEY: Uuid = Uuid::from_u128(0x7d1e_9c42_05ab_4f6e_b3a1_88d0_2c5f_e914);
const HANDLE_KEY: &str = "5f0c7e1b9ad24c3380e6f1a2b4c8d9e0";

/// Ids as UUIDv7 has them, told apart by their last digits.
const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + number)
}

/// Every kind of event, its frozen sample first.
pub fn all() -> Vec<Event> {
    [users(), handles(), posts(), comments(), edges(), conversations(), messages(), media()].concat()
}

/// The stream that a sample belongs in.
pub fn stream_of(event: &Event) -> StreamId {
    match event {
        Event::User(event) => streams::user(match event {
            UserEvent::UserRegistered(UserRegistered { user_id, .. })
            | UserEvent::ProfileChanged(ProfileChanged { user_id, .. })
            | UserEvent::UserDeactivated(UserDeactivated { user_id, .. })
            | UserEvent::UserReactivated(UserReactivated { user_id }) => *user_id,
        }),
        Event::Handle(_) => handle_stream(),
        Event::Post(event) => streams::post(match event {
            PostEvent::PostPublished(PostPublished { post_id, .. })
            | PostEvent::PostEdited(PostEdited { post_id, .. })
            | PostEvent::PostDeleted(PostDeleted { post_id, .. })
            | PostEvent::PostRestored(PostRestored { post_id, .. })
            | PostEvent::PostPurged(PostPurged { post_id, .. }) => *post_id,
        }),
        Event::Comment(event) => streams::comment(match event {
            CommentEvent::CommentAdded(CommentAdded { comment_id, .. })
            | CommentEvent::CommentEdited(CommentEdited { comment_id, .. })
            | CommentEvent::CommentDeleted(CommentDeleted { comment_id, .. })
            | CommentEvent::CommentRestored(CommentRestored { comment_id, .. }) => *comment_id,
        }),
        Event::Like(
            LikeEvent::Liked(Liked { target, user_id, .. })
            | LikeEvent::Unliked(Unliked { target, user_id, .. }),
        ) => streams::like(*target, *user_id),
        Event::Follow(
            FollowEvent::Followed(Followed { follower, followee })
            | FollowEvent::Unfollowed(Unfollowed { follower, followee }),
        ) => streams::follow(*follower, *followee),
        Event::Block(
            BlockEvent::Blocked(Blocked { blocker, blocked })
            | BlockEvent::Unblocked(Unblocked { blocker, blocked }),
        ) => streams::block(*blocker, *blocked),
        Event::Dismissal(
            DismissalEvent::SuggestionDismissed(SuggestionDismissed { dismisser, dismissed })
            | DismissalEvent::SuggestionRestored(SuggestionRestored { dismisser, dismissed }),
        ) => streams::dismissal(*dismisser, *dismissed),
        Event::Conversation(event) => streams::conversation(match event {
            ConversationEvent::ConversationStarted(ConversationStarted { conversation_id, .. })
            | ConversationEvent::MemberAdded(MemberAdded { conversation_id, .. })
            | ConversationEvent::MemberRemoved(MemberRemoved { conversation_id, .. })
            | ConversationEvent::MemberRoleChanged(MemberRoleChanged { conversation_id, .. })
            | ConversationEvent::ConversationRenamed(ConversationRenamed { conversation_id, .. }) => {
                *conversation_id
            }
        }),
        Event::Message(event) => streams::messages(match event {
            MessageEvent::MessageSent(MessageSent { conversation_id, .. })
            | MessageEvent::MessageEdited(MessageEdited { conversation_id, .. })
            | MessageEvent::MessageDeleted(MessageDeleted { conversation_id, .. }) => *conversation_id,
        }),
        Event::MessageMark(
            MessageMarkEvent::MessageEditMarked(MessageEditMarked { message_id, .. })
            | MessageMarkEvent::MessageDeleteMarked(MessageDeleteMarked { message_id, .. }),
        ) => streams::message(*message_id),
        Event::Read(ReadEvent::ReadUpTo(ReadUpTo { conversation_id, user_id, .. })) => {
            streams::read(*conversation_id, *user_id)
        }
        Event::Nonce(NonceEvent::NonceUsed(NonceUsed { conversation_id, .. })) => {
            streams::nonce(*conversation_id, NAME_KEY)
        }
        Event::Delivered(DeliveredEvent::DeliveredUpTo(DeliveredUpTo { conversation_id, .. })) => {
            streams::delivered(*conversation_id, NAME_KEY)
        }
        Event::Media(event) => streams::media(match event {
            MediaEvent::UploadReserved(UploadReserved { media_id, .. })
            | MediaEvent::UploadCompleted(UploadCompleted { media_id, .. })
            | MediaEvent::UploadRejected(UploadRejected { media_id, .. })
            | MediaEvent::MediaAttached(MediaAttached { media_id, .. })
            | MediaEvent::MediaDeleted(MediaDeleted { media_id, .. }) => *media_id,
        }),
    }
}

/// What the writer of a sample says about it.
pub fn meta() -> Meta {
    Meta {
        schema_version: 0,
        occurred_at_ms: 1_780_000_000_000,
        actor: Actor::User(ADA),
        subjects: vec![ADA, BEN],
        correlation_id: id(91),
        causation_id: Some(id(92)),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        fingerprint: Some("5b1e0c7a93d84f26b0a9c1d2e3f40516".to_owned()),
    }
}

fn users() -> Vec<Event> {
    let profile = |bio: Option<&str>| {
        Personal::Clear(Profile {
            handle: "ada_quillfeather".to_owned(),
            display_name: "Ada Quillfeather Ünal".to_owned(),
            bio: bio.map(str::to_owned),
        })
    };
    let handle_key = || HANDLE_KEY.to_owned();
    let registered = |bio| UserRegistered { user_id: ADA, handle_key: handle_key(), personal: profile(bio) };
    let changed = |bio| ProfileChanged { user_id: ADA, handle_key: handle_key(), personal: profile(bio) };
    vec![
        registered(Some("Writes letters about heathland orchids.\nLives by the sea.")).into(),
        registered(None).into(),
        changed(Some("Moved inland; now it is mosses 🌿.")).into(),
        changed(None).into(),
        UserDeactivated { user_id: ADA, personal: reason("needs a quieter winter") }.into(),
        UserDeactivated { user_id: ADA, personal: Personal::Absent }.into(),
        UserReactivated { user_id: ADA }.into(),
    ]
}

fn handles() -> Vec<Event> {
    vec![HandleClaimed { user_id: ADA }.into(), HandleReleased { user_id: ADA }.into()]
}

fn posts() -> Vec<Event> {
    let published = |visibility, media: &[MediaId], words| PostPublished {
        post_id: POST,
        author: ADA,
        visibility,
        media: media.to_vec(),
        media_kinds: Vec::new(),
        personal: text(words),
    };
    let deleted = |personal| PostDeleted { post_id: POST, author: ADA, deleted_by: CLEO, personal };
    vec![
        published(Visibility::Public, &[MEDIA], "Found a bee orchid on the northern dune 🐝").into(),
        published(Visibility::Followers, &[], "Only for followers: the dune is closed").into(),
        published(Visibility::Private, &[], "Private note: count the seedlings").into(),
        PostPublished {
            media_kinds: vec![MediaKind::Video],
            ..published(Visibility::Public, &[MEDIA], "Bees on the orchid, in slow motion")
        }
        .into(),
        PostEdited { post_id: POST, author: ADA, personal: text("Found two bee orchids, \"twins\"") }.into(),
        deleted(reason("gives away where a rare plant grows")).into(),
        deleted(Personal::Absent).into(),
        PostRestored { post_id: POST, author: ADA, restored_by: CLEO, still_deleted_by: None }.into(),
        PostRestored { post_id: POST, author: ADA, restored_by: CLEO, still_deleted_by: Some(ADA) }.into(),
        PostPurged { post_id: POST, author: ADA }.into(),
    ]
}

fn comments() -> Vec<Event> {
    let added = |comment_id, parent, author, words| CommentAdded {
        comment_id,
        post_id: POST,
        post_author: ADA,
        parent,
        author,
        personal: text(words),
    };
    let deleted = |personal| CommentDeleted {
        comment_id: ANSWER,
        post_id: POST,
        post_author: ADA,
        author: ADA,
        deleted_by: CLEO,
        personal,
    };
    let restored = |still_deleted_by| CommentRestored {
        comment_id: ANSWER,
        post_id: POST,
        post_author: ADA,
        author: ADA,
        restored_by: CLEO,
        still_deleted_by,
    };
    vec![
        added(ANSWER, Some(COMMENT), ADA, "Behind the second groyne, quite hidden").into(),
        added(COMMENT, None, BEN, "Where exactly did you see it?").into(),
        CommentEdited {
            comment_id: ANSWER,
            post_id: POST,
            author: ADA,
            personal: text("Better not to say in public"),
        }
        .into(),
        deleted(reason("asked for by the warden")).into(),
        deleted(Personal::Absent).into(),
        restored(None).into(),
        restored(Some(ADA)).into(),
    ]
}

fn edges() -> Vec<Event> {
    let (post, comment) = (Target::Post(POST), Target::Comment(COMMENT));
    vec![
        Liked { target: post, post_id: POST, author: ADA, user_id: BEN }.into(),
        Liked { target: comment, post_id: POST, author: BEN, user_id: ADA }.into(),
        Unliked { target: post, post_id: POST, author: ADA, user_id: BEN }.into(),
        Unliked { target: comment, post_id: POST, author: BEN, user_id: ADA }.into(),
        Followed { follower: BEN, followee: ADA }.into(),
        Unfollowed { follower: BEN, followee: ADA }.into(),
        Blocked { blocker: ADA, blocked: BEN }.into(),
        Unblocked { blocker: ADA, blocked: BEN }.into(),
        SuggestionDismissed { dismisser: BEN, dismissed: CLEO }.into(),
        SuggestionRestored { dismisser: BEN, dismissed: CLEO }.into(),
    ]
}

fn conversations() -> Vec<Event> {
    let title = |title: &str| Personal::Clear(Title { title: title.to_owned() });
    let (conversation_id, user_id) = (CONVERSATION, CLEO);
    vec![
        ConversationStarted {
            conversation_id,
            kind: ConversationKind::Group,
            started_by: ADA,
            members: vec![(ADA, Role::Admin), (BEN, Role::Member)],
            personal: title("Orchid wardens of the coast"),
        }
        .into(),
        ConversationStarted {
            conversation_id: DIRECT,
            kind: ConversationKind::Direct,
            started_by: ADA,
            members: vec![(ADA, Role::Member), (BEN, Role::Member)],
            personal: Personal::Absent,
        }
        .into(),
        MemberAdded { conversation_id, user_id, role: Role::Member, added_by: ADA }.into(),
        MemberRoleChanged { conversation_id, user_id, role: Role::Admin, changed_by: ADA }.into(),
        MemberRemoved { conversation_id, user_id, removed_by: CLEO }.into(),
        ConversationRenamed { conversation_id, renamed_by: ADA, personal: title("Moss wardens") }.into(),
        ReadUpTo { conversation_id, user_id: BEN, seq: 7 }.into(),
        DeliveredUpTo { conversation_id, user_id: BEN, seq: 8 }.into(),
    ]
}

fn messages() -> Vec<Event> {
    let sent = |message_type, reply_to, media_id, body| MessageSent {
        message_id: MESSAGE,
        conversation_id: CONVERSATION,
        sender: ADA,
        message_type,
        reply_to,
        media_id,
        personal: Personal::Clear(body),
    };
    let says = |text: &str| Body { text: Some(text.to_owned()), ..Body::default() };
    let sealed_by_client = Body {
        text: None,
        encrypted_content: Some("q83vEjRWeJq7zN3u/w==".to_owned()),
        nonce: Some("AAECAwQFBgcICQoL".to_owned()),
        device_id: Some("ada-telephone-7".to_owned()),
        client_message_id: Some("draft-2026-0042".to_owned()),
    };
    let deleted = |personal| MessageDeleted {
        message_id: MESSAGE,
        conversation_id: CONVERSATION,
        sender: ADA,
        deleted_by: CLEO,
        personal,
    };
    let (message_id, conversation_id) = (MESSAGE, CONVERSATION);
    vec![
        sent(MessageType::Image, Some(REPLY), Some(MEDIA), says("Here is the picture from Tuesday")).into(),
        sent(MessageType::Text, None, None, says("Meet at low tide?")).into(),
        sent(MessageType::Encrypted, None, None, sealed_by_client).into(),
        sent(MessageType::Audio, None, Some(MEDIA), says("Listen to the curlews")).into(),
        sent(MessageType::Video, None, Some(MEDIA), says("Watch them take off")).into(),
        MessageEdited {
            message_id,
            conversation_id,
            sender: ADA,
            personal: Personal::Clear(says("Here is the picture from Wednesday")),
        }
        .into(),
        deleted(reason("shows a car's number plate")).into(),
        deleted(Personal::Absent).into(),
        MessageEditMarked { message_id, conversation_id }.into(),
        MessageDeleteMarked { message_id, conversation_id }.into(),
        NonceUsed { conversation_id, message_id }.into(),
    ]
}

fn media() -> Vec<Event> {
    let (media_id, owner) = (MEDIA, ADA);
    let reserved = |kind, content_type: &str| UploadReserved {
        media_id,
        owner,
        kind,
        content_type: content_type.to_owned(),
        content_length: 48_213,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        staging_key: "staging/0d5f3c1e7b9a4862".to_owned(),
        expires_at_ms: 1_780_003_600_000,
    };
    let rejected = |reason| UploadRejected { media_id, owner, reason };
    let message = Carrier::Message { conversation_id: CONVERSATION, message_id: MESSAGE };
    let waveform = Personal::Clear(Waveform { samples: vec![0, 17, 201, 255, 93] });
    vec![
        reserved(MediaKind::Audio, "audio/ogg").into(),
        reserved(MediaKind::Image, "image/jpeg").into(),
        reserved(MediaKind::Video, "video/mp4").into(),
        UploadCompleted { media_id, owner, duration_ms: Some(12_480) }.into(),
        UploadCompleted { media_id, owner, duration_ms: None }.into(),
        rejected(RejectReason::Expired).into(),
        rejected(RejectReason::NotAsReserved).into(),
        rejected(RejectReason::WrongFormat).into(),
        rejected(RejectReason::TooLong).into(),
        MediaAttached { media_id, owner, carrier: message, personal: waveform }.into(),
        MediaAttached {
            media_id,
            owner,
            carrier: Carrier::Post { post_id: POST },
            personal: Personal::Absent,
        }
        .into(),
        MediaDeleted { media_id, owner, deleted_by: Some(CLEO) }.into(),
        MediaDeleted { media_id, owner, deleted_by: None }.into(),
    ]
}

fn text(words: &str) -> Personal<Text> {
    Personal::Clear(Text { text: words.to_owned() })
}

fn reason(words: &str) -> Personal<Reason> {
    Personal::Clear(Reason { reason: words.to_owned() })
}

#[expect(clippy::expect_used, reason = "the key is a constant of hexadecimal digits")]
fn handle_stream() -> StreamId {
    streams::handle(HANDLE_KEY).expect("hexadecimal digits")
}
