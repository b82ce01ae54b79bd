//! Nova in two pages: lists of what there is, and the rules, as the API description tells them. No cleverness, no index,
//! nothing shared with the product but its words.

use chrono::{DateTime, Utc};
use nova_domain::Command;
use nova_events::conversation::{ConversationKind, Role};
use nova_events::envelope::time_of_ms;
use nova_events::like::Target;
use nova_events::message::Body;
use nova_events::post::Visibility;
use nova_events::{CommentId, ConversationId, MessageId, PostId, UserId};
use nova_views::Entity;
use uuid::Uuid;

use crate::rules::{rank, restorable};

pub(crate) const DAY_MS: i64 = 86_400_000;

/// A command as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) who: UserId,
    pub(crate) moderator: bool,
    pub(crate) at_ms: i64,
    pub(crate) command_id: Uuid,
    pub(crate) command: Command,
}

/// What must come of it.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// With one of these codes: several rules may be broken at once, and no order among them is promised.
    Refused(Vec<&'static str>),
    AlreadySo,
    Happens,
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) bio: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) active: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) id: PostId,
    pub(crate) author: UserId,
    pub(crate) text: String,
    pub(crate) visibility: Visibility,
    pub(crate) created: DateTime<Utc>,
    pub(crate) edited: Option<DateTime<Utc>>,
    /// By whom, when: the deletions that stand.
    pub(crate) deleted: Vec<(UserId, i64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: CommentId,
    pub(crate) post: PostId,
    pub(crate) parent: Option<CommentId>,
    pub(crate) author: UserId,
    pub(crate) text: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) edited: Option<DateTime<Utc>>,
    pub(crate) deleted: Vec<(UserId, i64)>,
}

/// Something between two: a like, a follow, a block, a dismissal.
#[derive(Debug, Clone)]
pub(crate) struct Edge<T> {
    pub(crate) from: UserId,
    pub(crate) to: T,
    pub(crate) at_ms: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    pub(crate) kind: ConversationKind,
    pub(crate) title: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) members: Vec<(UserId, Role, DateTime<Utc>)>,
    pub(crate) messages: Vec<Message>,
    /// The next seq: messages, edits and deletions take one each.
    pub(crate) length: u64,
    pub(crate) reads: Vec<(UserId, u64)>,
    pub(crate) delivered: Vec<(UserId, String, u64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) seq: u64,
    pub(crate) sender: UserId,
    pub(crate) body: Body,
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) created_ms: i64,
    pub(crate) edited: Option<DateTime<Utc>>,
    pub(crate) deleted: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Deletion {
    pub(crate) entity: Entity,
    pub(crate) id: Uuid,
    pub(crate) owner: UserId,
    pub(crate) by: UserId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) reason: Option<String>,
    pub(crate) restored: Option<DateTime<Utc>>,
    pub(crate) correlation: Uuid,
    pub(crate) position: u64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Nova {
    pub(crate) users: Vec<User>,
    pub(crate) posts: Vec<Post>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) likes: Vec<Edge<Target>>,
    pub(crate) follows: Vec<Edge<UserId>>,
    pub(crate) blocks: Vec<Edge<UserId>>,
    pub(crate) dismissals: Vec<Edge<UserId>>,
    pub(crate) conversations: Vec<Conversation>,
    pub(crate) deletions: Vec<Deletion>,
}

impl Nova {
    pub(crate) fn user(&self, id: UserId) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(crate) fn is_active(&self, id: UserId) -> bool {
        self.user(id).is_some_and(|user| user.active)
    }

    pub(crate) fn post(&self, id: PostId) -> Option<&Post> {
        self.posts.iter().find(|post| post.id == id)
    }

    pub(crate) fn comment(&self, id: CommentId) -> Option<&Comment> {
        self.comments.iter().find(|comment| comment.id == id)
    }

    pub(crate) fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.iter().find(|conversation| conversation.id == id)
    }

    pub(crate) fn follows(&self, a: UserId, b: UserId) -> bool {
        self.follows.iter().any(|edge| edge.from == a && edge.to == b)
    }

    /// Either blocks the other.
    pub(crate) fn blocked(&self, a: UserId, b: UserId) -> bool {
        self.blocks.iter().any(|edge| (edge.from, edge.to) == (a, b) || (edge.from, edge.to) == (b, a))
    }

    pub(crate) fn dismissed(&self, by: UserId, user: UserId) -> bool {
        self.dismissals.iter().any(|edge| edge.from == by && edge.to == user)
    }

    pub(crate) fn likes(&self, user: UserId, target: Target) -> bool {
        self.likes.iter().any(|edge| edge.from == user && edge.to == target)
    }

    pub(crate) fn judge(&self, asked: &Asked) -> Verdict {
        let mut broken = self.of_the_actor(asked);
        let already = self.of_the_command(asked, &mut broken);
        match (broken.is_empty(), already) {
            (false, _) => Verdict::Refused(broken),
            (true, true) => Verdict::AlreadySo,
            (true, false) => Verdict::Happens,
        }
    }

    fn of_the_actor(&self, asked: &Asked) -> Vec<&'static str> {
        let overrides = asked.moderator
            && matches!(
                asked.command,
                Command::DeletePost(_)
                    | Command::RestorePost(_)
                    | Command::DeleteComment(_)
                    | Command::RestoreComment(_)
            );
        let opens = matches!(asked.command, Command::Register(_) | Command::Deactivate(_));
        match self.user(asked.who) {
            None if !overrides && !matches!(asked.command, Command::Register(_)) => vec!["not_registered"],
            Some(user) if !user.active && !overrides && !opens => vec!["account_deactivated"],
            _ => Vec::new(),
        }
    }

    /// Adds the rules that the command breaks; answers whether what it asks for is already so.
    fn of_the_command(&self, asked: &Asked, broken: &mut Vec<&'static str>) -> bool {
        let who = asked.who;
        let mut need = |holds: bool, code| {
            if !holds {
                broken.push(code);
            }
        };
        match &asked.command {
            Command::SendVoice(_)
            | Command::ReserveUpload(_)
            | Command::CompleteUpload(_)
            | Command::RejectUpload(_)
            | Command::DeleteMedia(_) => panic!("the histories of the model hold no media"),
            Command::Register(c) => {
                need(!c.display_name.is_empty(), "validation_failed");
                let taken = self.users.iter().any(|user| user.id != who && user.handle == c.handle);
                match self.user(who) {
                    Some(user) if user.active => {
                        let same =
                            user.handle == c.handle && user.name == c.display_name && user.bio == bio(&c.bio);
                        need(same, "already_registered");
                        same
                    }
                    _ => {
                        need(!taken, "handle_taken");
                        false
                    }
                }
            }
            Command::ChangeProfile(c) => {
                let handle = c.handle.as_ref().map(|(handle, _)| handle);
                let taken = self.users.iter().any(|user| user.id != who && Some(&user.handle) == handle);
                need(!taken, "handle_taken");
                need(c.display_name.as_ref().is_none_or(|name| !name.is_empty()), "validation_failed");
                self.user(who).is_some_and(|user| {
                    handle.is_none_or(|handle| *handle == user.handle)
                        && c.display_name.as_ref().is_none_or(|name| *name == user.name)
                        && c.bio.as_ref().is_none_or(|bio| bio == user.bio.as_deref().unwrap_or(""))
                })
            }
            Command::Deactivate(_) => self.user(who).is_some_and(|user| !user.active),
            Command::Follow(c) => {
                need(c.user != who, "yourself");
                self.is_there(c.user, &mut need);
                need(!self.blocked(who, c.user), "not_found");
                self.follows(who, c.user)
            }
            Command::Unfollow(c) => {
                need(self.follows(who, c.user) || self.is_known_to(who, c.user), "not_found");
                !self.follows(who, c.user)
            }
            Command::Block(c) => {
                need(c.user != who, "yourself");
                need(self.user(c.user).is_some(), "not_found");
                self.blocks.iter().any(|edge| edge.from == who && edge.to == c.user)
            }
            Command::Unblock(c) => {
                need(self.user(c.user).is_some(), "not_found");
                !self.blocks.iter().any(|edge| edge.from == who && edge.to == c.user)
            }
            Command::DismissSuggestion(c) => {
                need(c.user != who, "yourself");
                need(self.dismissed(who, c.user) || self.is_known_to(who, c.user), "not_found");
                self.dismissed(who, c.user)
            }
            Command::RestoreSuggestion(c) => {
                need(self.dismissed(who, c.user) || self.is_known_to(who, c.user), "not_found");
                !self.dismissed(who, c.user)
            }
            Command::PublishPost(c) => {
                need(!c.text.is_empty(), "validation_failed");
                false
            }
            Command::EditPost(c) => {
                need(!c.text.is_empty(), "validation_failed");
                match self.post(c.post) {
                    Some(post) if post.author == who => need(post.deleted.is_empty(), "gone"),
                    Some(post) => self.is_not_mine(who, post, &mut need),
                    None => need(false, "not_found"),
                }
                self.post(c.post).is_some_and(|post| post.text == c.text)
            }
            Command::DeletePost(c) => match self.post(c.post) {
                Some(post) => {
                    if post.author != who && !asked.moderator {
                        self.is_not_mine(who, post, &mut need);
                    }
                    post.deleted.iter().any(|(by, _)| rank(who, &[post.author]) <= rank(*by, &[post.author]))
                }
                None => {
                    need(false, "not_found");
                    false
                }
            },
            Command::RestorePost(c) => match self.post(c.post) {
                Some(post) => {
                    if post.author != who && !asked.moderator {
                        self.is_not_mine(who, post, &mut need);
                    }
                    restorable(asked, &post.deleted, &[post.author], &mut need)
                }
                None => {
                    need(false, "not_found");
                    false
                }
            },
            Command::AddComment(c) => {
                need(!c.text.is_empty(), "validation_failed");
                self.is_seen(who, c.post, &mut need);
                if let Some(parent) = c.parent {
                    match self.comment(parent).filter(|parent| parent.post == c.post) {
                        Some(parent) => {
                            need(parent.deleted.is_empty(), "gone");
                            need(self.is_active(parent.author), "gone");
                            need(!self.blocked(who, parent.author), "validation_failed");
                        }
                        None => need(false, "validation_failed"),
                    }
                }
                false
            }
            Command::EditComment(c) => {
                need(!c.text.is_empty(), "validation_failed");
                let Some(comment) = self.comment_of(who, c.comment, &[], asked, &mut need) else {
                    return false;
                };
                need(comment.deleted.is_empty(), "gone");
                self.may_say_again(who, comment, &mut need);
                comment.text == c.text
            }
            Command::DeleteComment(c) => {
                let owner = self.post_author(c.comment);
                self.comment_of(who, c.comment, &owner, asked, &mut need).is_some_and(|comment| {
                    let owners = [comment.author, owner[0]];
                    comment.deleted.iter().any(|(by, _)| rank(who, &owners) <= rank(*by, &owners))
                })
            }
            Command::RestoreComment(c) => {
                let owner = self.post_author(c.comment);
                let Some(comment) = self.comment_of(who, c.comment, &owner, asked, &mut need) else {
                    return false;
                };
                if comment.author == who && !comment.deleted.is_empty() {
                    self.may_say_again(who, comment, &mut need);
                }
                restorable(asked, &comment.deleted, &[comment.author, owner[0]], &mut need)
            }
            Command::Like(c) => {
                match c.target {
                    Target::Post(post) => self.is_seen(who, post, &mut need),
                    Target::Comment(id) => match self.comment(id) {
                        Some(comment) => {
                            self.is_seen(who, comment.post, &mut need);
                            need(comment.deleted.is_empty() && self.is_active(comment.author), "gone");
                            need(!self.blocked(who, comment.author), "not_found");
                        }
                        None => need(false, "not_found"),
                    },
                }
                self.likes(who, c.target)
            }
            Command::Unlike(c) => {
                let likes = self.likes(who, c.target);
                need(likes || !self.is_hidden_from(who, c.target), "not_found");
                !likes
            }
            Command::StartConversation(c) => {
                let others: Vec<UserId> = c.members.iter().copied().filter(|member| *member != who).collect();
                let direct = c.kind == ConversationKind::Direct;
                need(!direct || others.iter().all(|other| *other == others[0]), "validation_failed");
                need(!direct || !others.is_empty(), "validation_failed");
                if let Some(found) = self.conversation(c.conversation) {
                    need(found.members.iter().any(|(member, _, _)| *member == who), "not_found");
                    return true;
                }
                for other in others {
                    self.is_there(other, &mut need);
                    need(!self.blocked(who, other), "not_found");
                }
                false
            }
            Command::PutMember(c) => {
                let Some(conversation) = self.group_of(who, c.conversation, true, &mut need) else {
                    return false;
                };
                match conversation.role(c.user) {
                    Some(role) => {
                        let new = c.role.unwrap_or(role);
                        let mut others = conversation.admins().filter(|admin| *admin != c.user);
                        let last = role == Role::Admin && !others.any(|admin| self.is_active(admin));
                        need(!last || new == Role::Admin, "validation_failed");
                        new == role
                    }
                    None => {
                        self.is_there(c.user, &mut need);
                        need(!self.blocked(who, c.user), "not_found");
                        false
                    }
                }
            }
            Command::RemoveMember(c) => {
                let found = self.group_of(who, c.conversation, c.user != who, &mut need);
                found.is_some_and(|conversation| conversation.role(c.user).is_none())
            }
            Command::RenameConversation(c) => {
                need(!c.title.is_empty(), "validation_failed");
                self.group_of(who, c.conversation, true, &mut need)
                    .is_some_and(|conversation| conversation.title.as_ref() == Some(&c.title))
            }
            Command::SendMessage(c) => {
                let is_empty = c.body.text.as_ref().is_some_and(String::is_empty);
                need(!is_empty, "validation_failed");
                if let Some(conversation) = self.spoken_in(who, c.conversation, true, &mut need)
                    && let Some(reply_to) = c.reply_to
                {
                    let found = conversation.messages.iter().any(|message| message.id == reply_to);
                    need(found, "validation_failed");
                }
                false
            }
            Command::EditMessage(c) => {
                let Some(conversation) = self.spoken_in(who, c.conversation, true, &mut need) else {
                    return false;
                };
                let Some(message) = conversation.messages.iter().find(|message| message.id == c.message)
                else {
                    need(false, "not_found");
                    return false;
                };
                need(message.sender == who, "not_yours");
                need(!message.deleted, "gone");
                need(asked.at_ms - message.created_ms <= DAY_MS, "edit_window_over");
                need(message.body.text.is_some() == c.body.text.is_some(), "validation_failed");
                c.body.text.is_some() && message.body.text == c.body.text
            }
            Command::DeleteMessage(c) => {
                let Some(conversation) = self.spoken_in(who, c.conversation, false, &mut need) else {
                    return false;
                };
                let admin = conversation.kind == ConversationKind::Group && self.manages(who, conversation);
                match conversation.messages.iter().find(|message| message.id == c.message) {
                    Some(message) => {
                        need(message.sender == who || admin, "not_yours");
                        message.deleted
                    }
                    None => {
                        need(false, "not_found");
                        false
                    }
                }
            }
            Command::MarkRead(c) => {
                let Some(conversation) = self.spoken_in(who, c.conversation, false, &mut need) else {
                    return false;
                };
                need(c.seq < conversation.length, "validation_failed");
                conversation.read_up_to(who).is_some_and(|up_to| up_to >= c.seq)
            }
            Command::MarkDelivered(c) => {
                let Some(conversation) = self.spoken_in(who, c.conversation, false, &mut need) else {
                    return false;
                };
                need(c.seq < conversation.length, "validation_failed");
                let mut marks = conversation.delivered.iter();
                marks.any(|(user, device, seq)| *user == who && *device == c.device_id && *seq >= c.seq)
            }
            Command::PurgePost(_) => unreachable!("nobody asks for it"),
        }
    }

    /// The comment, if it is the actor's, or one of `others` acts, or a moderator (not for edits: `others` is empty).
    fn comment_of(
        &self,
        who: UserId,
        id: CommentId,
        others: &[UserId],
        asked: &Asked,
        need: &mut impl FnMut(bool, &'static str),
    ) -> Option<&Comment> {
        let Some(comment) = self.comment(id) else {
            need(false, "not_found");
            return None;
        };
        let overrides = asked.moderator && !others.is_empty();
        if comment.author != who && !others.contains(&who) && !overrides {
            let post = self.post(comment.post)?;
            need(!self.blocked(who, comment.author), "not_found");
            self.is_not_mine(who, post, need);
            return None;
        }
        Some(comment)
    }

    fn group_of(
        &self,
        who: UserId,
        id: ConversationId,
        as_admin: bool,
        need: &mut impl FnMut(bool, &'static str),
    ) -> Option<&Conversation> {
        let conversation = self.spoken_in(who, id, false, need)?;
        if conversation.kind == ConversationKind::Direct {
            need(false, "direct_conversation");
            return None;
        }
        if as_admin && !self.manages(who, conversation) {
            need(false, "not_an_admin");
            return None;
        }
        Some(conversation)
    }

    /// The conversation, if the actor is in it, and (to say something) nobody in a direct one blocks the other.
    fn spoken_in(
        &self,
        who: UserId,
        id: ConversationId,
        says: bool,
        need: &mut impl FnMut(bool, &'static str),
    ) -> Option<&Conversation> {
        let Some(conversation) = self.conversation(id) else {
            need(false, "not_found");
            return None;
        };
        if conversation.role(who).is_none() {
            need(false, "not_found");
            return None;
        }
        if says && conversation.kind == ConversationKind::Direct {
            let blocked = conversation.members.iter().any(|(member, _, _)| self.blocked(who, *member));
            need(!blocked, "blocked");
        }
        Some(conversation)
    }
}

/// An empty one is none.
pub(crate) fn bio(bio: &Option<String>) -> Option<String> {
    bio.clone().filter(|bio| !bio.is_empty())
}

pub(crate) fn time(at_ms: i64) -> DateTime<Utc> {
    time_of_ms(at_ms)
}
