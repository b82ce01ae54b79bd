//! Few people and few things, so that random commands meet.

use nova_domain::command::Command;
use nova_domain::comment::{AddComment, Added, CommentState, DeleteComment, EditComment, RestoreComment};
use nova_domain::conversation::{
    ConversationState, Member, PutMember, RemoveMember, RenameConversation, StartConversation,
    direct_conversation_id,
};
use nova_domain::deletion::{Deleted, Deletions};
use nova_domain::delivered::{DeliveredState, MarkDelivered};
use nova_domain::like::{Like, Unlike};
use nova_domain::media::{CompleteUpload, DeleteMedia, MediaState, RejectUpload, ReserveUpload, Upload};
use nova_domain::message::{DeleteMessage, EditMessage, MarkState, NonceState, SendMessage, SendVoice};
use nova_domain::post::{DeletePost, EditPost, PostState, PublishPost, Published, PurgePost, RestorePost};
use nova_domain::read::{MarkRead, ReadState};
use nova_domain::state::EdgeState;
use nova_domain::text::TextDigest;
use nova_domain::user::{ChangeProfile, Deactivate, HandleState, Register, UserState};
use nova_domain::world::MessageSentAt;
use nova_domain::{State, block, dismissal, follow};
use nova_eventlog::StreamId;
use nova_events::conversation::{ConversationKind, Role};
use nova_events::like::Target;
use nova_events::media::{Carrier, MediaKind, RejectReason, UploadReserved};
use nova_events::message::{Body, MessageSent, MessageType};
use nova_events::post::Visibility;
use nova_events::user::Profile;
use nova_events::{Actor, CommentId, ConversationId, MediaId, MessageId, Personal, PostId, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::story::{DAY_MS, MINUTE_MS, Story, Who, key, text_body};

pub(crate) const KINDS: u8 = 34;
pub(crate) const USERS: u8 = 4;
pub(crate) const HANDLES: u8 = 4;
/// Two groups and the direct conversations of all pairs.
pub(crate) const CONVERSATIONS: u8 = 8;
fn id(of: u16, n: u8) -> Uuid {
    Uuid::from_u128((u128::from(of) << 64) + u128::from(n))
}

pub(crate) fn user(n: u8) -> UserId {
    UserId(id(1, n % USERS))
}

fn post(n: u8) -> PostId {
    PostId(id(2, n % 4))
}

fn comment(n: u8) -> CommentId {
    CommentId(id(3, n % 4))
}

fn medium(n: u8) -> MediaId {
    MediaId(id(6, n % 4))
}

pub(crate) fn conversation(n: u8) -> ConversationId {
    match n % CONVERSATIONS {
        group @ (0 | 1) => ConversationId(id(4, group)),
        pair => {
            let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
            let (a, b) = pairs[usize::from(pair) - 2];
            direct_conversation_id(user(a), user(b))
        }
    }
}

pub(crate) fn handle(n: u8) -> String {
    format!("handle_{}", n % HANDLES)
}

/// One command, by numbers, so that proptest can make it smaller.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Step {
    kind: u8,
    who: u8,
    a: u8,
    b: u8,
    c: u8,
    wait: u8,
}

impl Arbitrary for Step {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        (0..KINDS, any::<[u8; 5]>())
            .prop_map(|(kind, [who, a, b, c, wait])| Self { kind, who, a, b, c, wait })
            .boxed()
    }
}

impl Step {
    pub(crate) fn of_kind(kind: u8) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Mostly a minute, now and then past the edit window or the grace period.
    pub(crate) fn wait_ms(self) -> i64 {
        match self.wait {
            0..=239 => MINUTE_MS,
            240..=249 => DAY_MS + 1,
            250..=255 => 30 * DAY_MS + 1,
        }
    }

    /// Who asks for what. Messages are picked among those that were sent.
    pub(crate) fn asks(self, story: &Story) -> (Who, Command) {
        let Self { kind, who, a, b, c, .. } = self;
        let moderator = who >= 240;
        let mut who = Who { actor: Actor::User(user(who)), moderator };
        let target = if b % 2 == 0 { Target::Post(post(a)) } else { Target::Comment(comment(a)) };
        let sent = story.sent_messages();
        let (message, its_conversation) = (sent.len().checked_sub(1))
            .and_then(|last| sent.get(usize::from(c % 8).min(last)).copied())
            .unwrap_or((MessageId(id(5, c)), conversation(a)));
        // Mostly what was said is looked for where it was said.
        let place = if a < 200 { its_conversation } else { conversation(a) };
        let reason = b.is_multiple_of(5).then(|| "because".to_owned());
        let role = [None, Some(Role::Member), Some(Role::Admin)][usize::from(c % 3)];
        let text = if c == 200 { " ".to_owned() } else { format!("text {}", c % 3) };
        let command: Command = match kind {
            0 => Register {
                handle: handle(a),
                handle_key: key(&handle(a)),
                display_name: text,
                bio: (b % 2 == 0).then(|| "a life".to_owned()),
            }
            .into(),
            1 => ChangeProfile {
                handle: (b % 2 == 0).then(|| (handle(a), key(&handle(a)))),
                display_name: (c % 2 == 0).then_some(text),
                bio: (c % 3 == 0).then(String::new),
            }
            .into(),
            2 if a % 4 == 0 && b % 4 == 0 => Deactivate { reason }.into(),
            2 => follow::Follow { user: user(a) }.into(),
            3 => follow::Follow { user: user(a) }.into(),
            4 => follow::Unfollow { user: user(a) }.into(),
            5 if b % 4 == 0 => block::Block { user: user(a) }.into(),
            5 | 6 => block::Unblock { user: user(a) }.into(),
            7 => {
                let media = if c % 3 == 0 { vec![medium(c / 3)] } else { Vec::new() };
                PublishPost { post: post(a), text, media, visibility: visibility(b) }.into()
            }
            8 => EditPost { post: post(a), text }.into(),
            9 => DeletePost { post: post(a), reason }.into(),
            10 => RestorePost { post: post(a) }.into(),
            11 => {
                if c % 8 != 0 {
                    who = crate::story::NOVA;
                }
                PurgePost { post: post(a) }.into()
            }
            12 => {
                let parent = (c % 2 == 0).then(|| comment(c / 2));
                AddComment { comment: comment(a), post: post(b), parent, text }.into()
            }
            13 => EditComment { comment: comment(a), text }.into(),
            14 => DeleteComment { comment: comment(a), reason }.into(),
            15 => RestoreComment { comment: comment(a) }.into(),
            16 => Like { target }.into(),
            17 => Unlike { target }.into(),
            18 => start(a, b, c),
            19 => PutMember { conversation: conversation(a % 3), user: user(b), role }.into(),
            20 => RemoveMember { conversation: conversation(a % 3), user: user(b) }.into(),
            21 => RenameConversation { conversation: conversation(a % 3), title: text }.into(),
            22 => SendMessage {
                conversation: conversation(a % 3),
                message_type: None,
                body: if c % 3 == 0 { encrypted(b, c) } else { text_body(&text) },
                reply_to: (b % 2 == 0).then_some(message),
                media: (c % 3 == 1).then(|| medium(c / 3)),
            }
            .into(),
            23 => EditMessage {
                conversation: place,
                message,
                body: if c % 3 == 0 { encrypted(b, c) } else { text_body(&text) },
            }
            .into(),
            24 => DeleteMessage { conversation: place, message, reason }.into(),
            25 => dismissal::DismissSuggestion { user: user(a) }.into(),
            26 => dismissal::RestoreSuggestion { user: user(a) }.into(),
            27 => reserve(story, a, c),
            28 => CompleteUpload { media: medium(a), duration_ms: (b % 2 == 0).then_some(5_000) }.into(),
            29 => {
                if c % 2 == 0 {
                    who = crate::story::NOVA;
                }
                let reason = if b % 2 == 0 { RejectReason::Expired } else { RejectReason::TooLong };
                RejectUpload { media: medium(a), reason }.into()
            }
            30 => DeleteMedia { media: medium(a) }.into(),
            31 => {
                let send = SendMessage {
                    conversation: conversation(a % 3),
                    message_type: Some(MessageType::Audio),
                    body: Body::default(),
                    reply_to: None,
                    media: Some(medium(b)),
                };
                SendVoice { send, duration_ms: 5_000, waveform: vec![c; usize::from(c % 120)] }.into()
            }
            32 => MarkDelivered {
                conversation: conversation(a % 3),
                device_id: format!("device {}", c % 2),
                seq: u64::from(b % 8),
            }
            .into(),
            _ => MarkRead { conversation: conversation(a % 3), seq: u64::from(b % 8) }.into(),
        };
        (who, command)
    }
}

/// Few devices and nonces, so that they come again.
fn encrypted(device: u8, nonce: u8) -> Body {
    Body {
        encrypted_content: Some("c2VjcmV0".to_owned()),
        nonce: Some(format!("nonce {}", nonce % 4)),
        device_id: (!device.is_multiple_of(4)).then(|| format!("device {}", device % 2)),
        ..Body::default()
    }
}

fn visibility(n: u8) -> Visibility {
    [Visibility::Public, Visibility::Followers, Visibility::Private][usize::from(n % 3)]
}

fn start(a: u8, b: u8, c: u8) -> Command {
    let conversation = conversation(a);
    let (kind, members) = match a % CONVERSATIONS {
        0 | 1 => (ConversationKind::Group, vec![user(b), user(c), user(b / 4)]),
        pair => {
            let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
            let (one, other) = pairs[usize::from(pair) - 2];
            (ConversationKind::Direct, vec![user(if b.is_multiple_of(2) { one } else { other })])
        }
    };
    StartConversation { conversation, kind, title: None, members }.into()
}

fn reserve(story: &Story, a: u8, c: u8) -> Command {
    ReserveUpload {
        media: medium(a),
        conversation: None,
        kind: None,
        content_type: ["audio/ogg", "image/png", "audio/webm", "text/html"][usize::from(c % 4)].to_owned(),
        content_length: u64::from(c) * 1_000,
        sha256: "ab".repeat(32),
        staging_key: format!("staging/{a}"),
        expires_at_ms: story.now_ms + i64::from(c) * MINUTE_MS,
    }
    .into()
}

/// Numbers that depend on a seed and a name alone.
struct Dice(u64);

impl Dice {
    fn of(name: &str, seed: u64) -> Self {
        Self(name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn roll(&mut self, sides: u8) -> u8 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u8::try_from((mixed ^ (mixed >> 31)) % u64::from(sides)).unwrap_or(0)
    }

    fn flip(&mut self) -> bool {
        self.roll(2) == 0
    }
}

/// A state that the stream might have if nothing kept any rule.
pub(crate) fn any_state(stream: &StreamId, seed: u64) -> State {
    let dice = &mut Dice::of(stream.as_str(), seed);
    // In any order, by anyone, also twice.
    let deletions = |dice: &mut Dice| {
        let deleted = |dice: &mut Dice| {
            let at_ms = [i64::MIN, 0, i64::MAX][usize::from(dice.roll(3))];
            Deleted { by: user(dice.roll(4)), at_ms }
        };
        Deletions((0..dice.roll(4)).map(|_| deleted(dice)).collect())
    };
    match State::empty(stream).expect("a category of the domain") {
        State::User(_) => {
            let profile = Profile { handle: handle(dice.roll(4)), display_name: "x".to_owned(), bio: None };
            State::User(UserState {
                registered: dice.roll(8) > 0,
                active: dice.roll(8) > 0,
                // What is stored need not be the name of a stream.
                handle_key: if dice.flip() { key(&profile.handle) } else { String::new() },
                profile: if dice.flip() { Personal::Clear(profile) } else { Personal::Redacted },
            })
        }
        State::Handle(_) => State::Handle(HandleState { holder: dice.flip().then(|| user(dice.roll(4))) }),
        State::Post(_) => State::Post(PostState {
            published: (dice.roll(8) > 0).then(|| Published {
                author: user(dice.roll(4)),
                visibility: visibility(dice.roll(3)),
                media: (0..dice.roll(3)).map(medium).collect(),
            }),
            text: TextDigest::default(),
            deletions: deletions(dice),
            purged: dice.roll(4) == 0,
        }),
        State::Comment(_) => State::Comment(CommentState {
            added: (dice.roll(8) > 0).then(|| Added {
                author: user(dice.roll(4)),
                post: post(dice.roll(4)),
                post_author: user(dice.roll(4)),
                parent: dice.flip().then(|| comment(dice.roll(4))),
            }),
            text: TextDigest::default(),
            deletions: deletions(dice),
        }),
        State::Like(_) => State::Like(EdgeState { on: dice.flip() }),
        State::Follow(_) => State::Follow(EdgeState { on: dice.flip() }),
        State::Block(_) => State::Block(EdgeState { on: dice.roll(4) == 0 }),
        State::Dismissal(_) => State::Dismissal(EdgeState { on: dice.flip() }),
        State::Conversation(_) => State::Conversation(ConversationState {
            kind: [None, Some(ConversationKind::Direct), Some(ConversationKind::Group)]
                [usize::from(dice.roll(3))],
            // Someone may even be in it twice.
            members: (0..dice.roll(5))
                .map(|_| Member {
                    user: user(dice.roll(4)),
                    role: if dice.flip() { Role::Admin } else { Role::Member },
                    joined_at_ms: i64::from(dice.roll(3)),
                })
                .collect(),
            title: Personal::Redacted,
        }),
        State::Messages => State::Messages,
        State::Mark(_) => State::Mark(MarkState { deleted: dice.flip() }),
        State::Nonce(_) => State::Nonce(NonceState { used: dice.flip() }),
        State::Media(_) => State::Media(Box::new(any_media(stream, dice))),
        State::Read(_) => State::Read(ReadState { up_to: dice.flip().then_some(u64::MAX) }),
        State::Delivered(_) => State::Delivered(DeliveredState { up_to: dice.flip().then_some(u64::MAX) }),
    }
}

fn any_media(stream: &StreamId, dice: &mut Dice) -> MediaState {
    let media_id = (0..4).map(medium).find(|id| nova_events::streams::media(*id) == *stream);
    let reserved = UploadReserved {
        media_id: media_id.unwrap_or(medium(0)),
        owner: user(dice.roll(4)),
        kind: [MediaKind::Audio, MediaKind::Image, MediaKind::Video][usize::from(dice.roll(3))],
        content_type: "audio/ogg".to_owned(),
        content_length: 7,
        sha256: String::new(),
        staging_key: String::new(),
        expires_at_ms: [i64::MIN, 0, i64::MAX][usize::from(dice.roll(3))],
    };
    MediaState {
        reserved: (dice.roll(8) > 0).then_some(reserved),
        upload: match dice.roll(4) {
            0 => Upload::Pending,
            1 => Upload::Rejected(RejectReason::Expired),
            _ => Upload::Ready { duration_ms: dice.flip().then_some(u64::MAX) },
        },
        carrier: (dice.roll(4) == 0).then(|| Carrier::Post { post_id: post(0) }),
        deleted: dice.roll(4) == 0,
    }
}

pub(crate) fn any_message(message_id: MessageId, seed: u64) -> Option<MessageSentAt> {
    let dice = &mut Dice::of("message", seed);
    let sent = MessageSent {
        message_id,
        conversation_id: conversation(dice.roll(8)),
        sender: user(dice.roll(4)),
        message_type: [MessageType::Text, MessageType::Encrypted, MessageType::Audio]
            [usize::from(dice.roll(3))],
        reply_to: None,
        media_id: dice.flip().then(|| medium(0)),
        personal: any_words(seed),
    };
    let at_ms = [i64::MIN, 0, i64::MAX][usize::from(dice.roll(3))];
    (dice.roll(4) > 0).then_some(MessageSentAt { sent, at_ms })
}

pub(crate) fn any_words(seed: u64) -> Personal<Body> {
    if Dice::of("words", seed).flip() { Personal::Clear(Body::default()) } else { Personal::Redacted }
}

/// Where histories begin: most people are there, and something has been said.
pub(crate) fn peopled() -> Story {
    let mut story = Story::new();
    story.limits.members_max = 3;
    for n in 0..USERS - 1 {
        story.does(user(n), crate::story::register(&handle(n)));
    }
    story.does(user(0), crate::story::publish(post(0), Visibility::Public));
    let text = "first".to_owned();
    story.does(user(1), AddComment { comment: comment(0), post: post(0), parent: None, text });
    story.does(user(0), start(0, 1, 1));
    story.does(user(0), start(2, 1, 0));
    story.message(user(1), conversation(0));
    story.message(user(1), conversation(2));
    // Something to say aloud.
    for (n, owner) in [(0, 0), (1, 1)] {
        let command = reserve(&story, n, 4);
        story.does(user(owner), command);
        story.does(user(owner), CompleteUpload { media: medium(n), duration_ms: Some(5_000) });
    }
    story
}
