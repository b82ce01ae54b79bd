//! Random commands of a handful of people, mostly sensible ones.

use nova_domain::Command;
use nova_domain::block::{Block, Unblock};
use nova_domain::comment::{AddComment, DeleteComment, EditComment, RestoreComment};
use nova_domain::conversation::{
    PutMember, RemoveMember, RenameConversation, StartConversation, direct_conversation_id,
};
use nova_domain::delivered::MarkDelivered;
use nova_domain::dismissal::{DismissSuggestion, RestoreSuggestion};
use nova_domain::follow::{Follow, Unfollow};
use nova_domain::like::{Like, Unlike};
use nova_domain::message::{DeleteMessage, EditMessage, SendMessage};
use nova_domain::post::{DeletePost, EditPost, PublishPost, RestorePost};
use nova_domain::read::MarkRead;
use nova_domain::user::{ChangeProfile, Deactivate, Register};
use nova_events::conversation::{ConversationKind, Role};
use nova_events::like::Target;
use nova_events::message::Body;
use nova_events::post::Visibility;
use nova_events::{CommentId, ConversationId, MessageId, PostId, UserId};
use uuid::Uuid;

use crate::nova::Nova;

/// Numbers from a seed, the same on every machine. SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    pub(crate) fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let count = all.len() as u64;
        if count == 0 { None } else { all.get(self.roll(count) as usize).copied() }
    }

    pub(crate) fn id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(
            ((u128::from(self.next()) << 64) | u128::from(self.next())).to_be_bytes(),
        )
        .into_uuid()
    }
}

pub(crate) const WORDS: [&str; 8] = ["oak", "river", "lamp", "stone", "cloud", "amber", "fern", "salt"];

/// The people of one case: three or four of them register, one may not.
#[derive(Debug, Clone)]
pub(crate) struct People {
    pub(crate) users: Vec<UserId>,
    /// Fewer than they would like.
    pub(crate) handles: Vec<(String, String)>,
}

/// How long until the next command.
pub(crate) fn wait_ms(dice: &mut Dice) -> i64 {
    let (unit, most) = match dice.roll(40) {
        0..=9 => (1, 900),
        10..=29 => (60_000, 50),
        30..=37 => (3_600_000, 9),
        38 => (86_400_000, 3),
        _ => (86_400_000, 33),
    };
    unit * (1 + i64::try_from(dice.roll(most)).unwrap_or(0))
}

impl People {
    /// Who asks, whether as a moderator, for what.
    pub(crate) fn asks(&self, dice: &mut Dice, nova: &Nova) -> (UserId, bool, Command) {
        let who = dice.pick(&self.users).expect("there are people");
        let moderator = dice.one_in(20);
        let unregistered: Vec<UserId> =
            self.users.iter().copied().filter(|user| !nova.is_active(*user)).collect();
        if let Some(user) = dice.pick(&unregistered)
            && !dice.one_in(4)
        {
            return (user, false, self.register(dice, user).into());
        }
        let command = self.command(dice, nova, who);
        // Mostly someone who may do such a thing: refusals are had easily.
        let able = if dice.one_in(4) { None } else { able(&command, nova) };
        (able.unwrap_or(who), moderator, command)
    }

    fn register(&self, dice: &mut Dice, user: UserId) -> Register {
        let own = self.users.iter().position(|other| *other == user).unwrap_or(0);
        let any = dice.roll(self.handles.len() as u64) as usize;
        let (handle, handle_key) = self.handles[if dice.one_in(4) { any } else { own }].clone();
        let bio = dice.one_in(2).then(|| text(dice));
        Register { handle, handle_key, display_name: text(dice), bio }
    }

    fn command(&self, dice: &mut Dice, nova: &Nova, who: UserId) -> Command {
        let user = dice.pick(&self.users).expect("there are people");
        let posts: Vec<PostId> = nova.posts.iter().map(|post| post.id).collect();
        let post = pick_or(dice, &posts, PostId);
        let comments: Vec<CommentId> = nova.comments.iter().map(|comment| comment.id).collect();
        let comment = pick_or(dice, &comments, CommentId);
        let deleted_posts: Vec<PostId> =
            nova.posts.iter().filter(|post| !post.deleted.is_empty()).map(|post| post.id).collect();
        let deleted_comments: Vec<CommentId> =
            nova.comments.iter().filter(|comment| !comment.deleted.is_empty()).map(|c| c.id).collect();
        let conversations: Vec<ConversationId> = nova.conversations.iter().map(|c| c.id).collect();
        let conversation = pick_or(dice, &conversations, ConversationId);
        let messages: Vec<MessageId> = nova
            .conversations
            .iter()
            .filter(|c| c.id == conversation || dice.0.is_multiple_of(9))
            .flat_map(|c| c.messages.iter().map(|message| message.id))
            .collect();
        let message = pick_or(dice, &messages, MessageId);
        let target = if dice.one_in(3) { Target::Comment(comment) } else { Target::Post(post) };
        let reason = dice.one_in(2).then(|| text(dice)).filter(|reason| !reason.is_empty());
        match dice.roll(100) {
            0..=1 => self.register(dice, who).into(),
            2..=4 => ChangeProfile {
                handle: dice
                    .one_in(2)
                    .then(|| self.handles[dice.roll(self.handles.len() as u64) as usize].clone()),
                display_name: dice.one_in(2).then(|| text(dice)),
                bio: dice.one_in(2).then(|| text(dice)),
            }
            .into(),
            5..=6 => Deactivate { reason }.into(),
            7..=16 => Follow { user }.into(),
            17..=18 => Unfollow { user }.into(),
            19..=20 => Block { user }.into(),
            21..=22 => Unblock { user }.into(),
            23 if dice.one_in(3) => RestoreSuggestion { user }.into(),
            23 => DismissSuggestion { user }.into(),
            24..=35 => {
                let visibility = match dice.roll(6) {
                    0 => Visibility::Private,
                    1 | 2 => Visibility::Followers,
                    _ => Visibility::Public,
                };
                PublishPost { post: PostId(dice.id()), text: text(dice), media: Vec::new(), visibility }
                    .into()
            }
            36..=38 => EditPost { post, text: text(dice) }.into(),
            39..=42 => DeletePost { post, reason }.into(),
            43..=44 => RestorePost { post: dice.pick(&deleted_posts).unwrap_or(post) }.into(),
            45..=52 => {
                let parent = dice.one_in(3).then_some(comment);
                AddComment { comment: CommentId(dice.id()), post, parent, text: text(dice) }.into()
            }
            53..=54 => EditComment { comment, text: text(dice) }.into(),
            55..=57 => DeleteComment { comment, reason }.into(),
            58..=59 => RestoreComment { comment: dice.pick(&deleted_comments).unwrap_or(comment) }.into(),
            60..=69 => Like { target }.into(),
            70..=72 => Unlike { target }.into(),
            73..=76 => self.start(dice, who),
            77..=79 => {
                let role = [None, Some(Role::Member), Some(Role::Admin)][dice.roll(3) as usize];
                PutMember { conversation, user, role }.into()
            }
            80..=81 => RemoveMember { conversation, user }.into(),
            82 => RenameConversation { conversation, title: text(dice) }.into(),
            83..=91 => {
                let reply_to = dice.one_in(3).then_some(message);
                SendMessage { conversation, message_type: None, body: body(dice), reply_to, media: None }
                    .into()
            }
            92..=93 => EditMessage { conversation, message, body: nonempty_body(dice) }.into(),
            94..=95 => DeleteMessage { conversation, message, reason }.into(),
            96 => {
                let length = nova.conversation(conversation).map_or(0, |c| c.length);
                let device_id = format!("device {}", dice.roll(2));
                MarkDelivered { conversation, device_id, seq: dice.roll(length + 2) }.into()
            }
            _ => {
                let length = nova.conversation(conversation).map_or(0, |c| c.length);
                MarkRead { conversation, seq: dice.roll(length + 2) }.into()
            }
        }
    }

    fn start(&self, dice: &mut Dice, who: UserId) -> Command {
        let others: Vec<UserId> = (0..1 + dice.roll(3)).filter_map(|_| dice.pick(&self.users)).collect();
        let other = others.iter().copied().find(|other| *other != who);
        let direct = dice.one_in(2);
        let (conversation, kind, title) = match other {
            Some(other) if direct => (direct_conversation_id(who, other), ConversationKind::Direct, None),
            _ => {
                let title = Some(text(dice)).filter(|title| !title.is_empty());
                (ConversationId(dice.id()), ConversationKind::Group, title)
            }
        };
        StartConversation { conversation, kind, title, members: others }.into()
    }
}

/// Whoever may change the thing that the command is about.
fn able(command: &Command, nova: &Nova) -> Option<UserId> {
    let admin = |id: &ConversationId| {
        let members = &nova.conversation(*id)?.members;
        members.iter().find(|(_, role, _)| *role == Role::Admin).map(|(member, _, _)| *member)
    };
    let sender = |id: &ConversationId, message: &MessageId| {
        let messages = &nova.conversation(*id)?.messages;
        messages.iter().find(|other| other.id == *message).map(|message| message.sender)
    };
    match command {
        Command::EditPost(c) => nova.post(c.post).map(|post| post.author),
        Command::DeletePost(c) => nova.post(c.post).map(|post| post.author),
        Command::RestorePost(c) => nova.post(c.post).map(|post| post.author),
        Command::EditComment(c) => nova.comment(c.comment).map(|comment| comment.author),
        Command::RestoreComment(c) => nova.comment(c.comment)?.deleted.last().map(|(by, _)| *by),
        Command::DeleteComment(c) => nova.comment(c.comment).map(|comment| comment.author),
        Command::PutMember(c) => admin(&c.conversation),
        Command::RemoveMember(c) => admin(&c.conversation),
        Command::RenameConversation(c) => admin(&c.conversation),
        Command::SendMessage(c) => nova.conversation(c.conversation)?.members.last().map(|member| member.0),
        Command::MarkRead(c) => nova.conversation(c.conversation)?.members.last().map(|member| member.0),
        Command::MarkDelivered(c) => nova.conversation(c.conversation)?.members.last().map(|member| member.0),
        Command::EditMessage(c) => sender(&c.conversation, &c.message),
        Command::DeleteMessage(c) => sender(&c.conversation, &c.message),
        _ => None,
    }
}

/// One of them, now and then one that nobody knows.
fn pick_or<T: Copy>(dice: &mut Dice, all: &[T], make: impl Fn(Uuid) -> T) -> T {
    let unknown = make(dice.id());
    if dice.one_in(25) { unknown } else { dice.pick(all).unwrap_or(unknown) }
}

/// A few words, now and then none.
fn text(dice: &mut Dice) -> String {
    if dice.one_in(30) {
        return String::new();
    }
    let words: Vec<&str> = (0..1 + dice.roll(4)).filter_map(|_| dice.pick(&WORDS)).collect();
    words.join(" ")
}

fn nonempty_body(dice: &mut Dice) -> Body {
    let mut body = body(dice);
    if body.text.as_ref().is_some_and(String::is_empty) {
        body.text = Some("salt".to_owned());
    }
    body
}

fn body(dice: &mut Dice) -> Body {
    if dice.one_in(6) {
        let encrypted_content = Some("b3BhcXVl".to_owned());
        return Body { encrypted_content, nonce: Some("bm9uY2U".to_owned()), ..Body::default() };
    }
    Body { text: Some(text(dice)), ..Body::default() }
}
