//! What accepted commands change.

use nova_domain::Command;
use nova_events::conversation::{ConversationKind, Role};
use nova_events::{MessageId, UserId};
use nova_views::Entity;
use uuid::Uuid;

use crate::nova::{Asked, Comment, Conversation, Deletion, Edge, Message, Nova, Post, User, bio, time};
use crate::rules::undoes;

impl Nova {
    /// `position` is where the log has it.
    pub(crate) fn happen(&mut self, asked: &Asked, position: u64) {
        let (who, at_ms, at) = (asked.who, asked.at_ms, time(asked.at_ms));
        match asked.command.clone() {
            Command::SendVoice(_)
            | Command::ReserveUpload(_)
            | Command::CompleteUpload(_)
            | Command::RejectUpload(_)
            | Command::DeleteMedia(_) => panic!("the histories of the model hold no media"),
            Command::Register(c) => match self.users.iter_mut().find(|user| user.id == who) {
                Some(user) => {
                    (user.active, user.handle, user.name, user.bio) =
                        (true, c.handle, c.display_name, bio(&c.bio));
                    self.restored(Entity::User, who.0, asked);
                }
                None => self.users.push(User {
                    id: who,
                    handle: c.handle,
                    name: c.display_name,
                    bio: bio(&c.bio),
                    created: at,
                    active: true,
                }),
            },
            Command::ChangeProfile(c) => {
                let Some(user) = self.users.iter_mut().find(|user| user.id == who) else { return };
                if let Some((handle, _)) = c.handle {
                    user.handle = handle;
                }
                if let Some(name) = c.display_name {
                    user.name = name;
                }
                if let Some(bio) = c.bio {
                    user.bio = Some(bio).filter(|bio| !bio.is_empty());
                }
            }
            Command::Deactivate(c) => {
                for user in self.users.iter_mut().filter(|user| user.id == who) {
                    user.active = false;
                }
                self.deleted(Entity::User, who.0, who, c.reason, asked, position);
            }
            Command::Follow(c) => self.follows.push(Edge { from: who, to: c.user, at_ms }),
            Command::Unfollow(c) => self.unfollow(who, c.user),
            Command::Block(c) => {
                self.blocks.push(Edge { from: who, to: c.user, at_ms });
                self.unfollow(who, c.user);
                self.unfollow(c.user, who);
            }
            Command::Unblock(c) => self.blocks.retain(|edge| edge.from != who || edge.to != c.user),
            Command::DismissSuggestion(c) => self.dismissals.push(Edge { from: who, to: c.user, at_ms }),
            Command::RestoreSuggestion(c) => {
                self.dismissals.retain(|edge| edge.from != who || edge.to != c.user)
            }
            Command::PublishPost(c) => self.posts.push(Post {
                id: c.post,
                author: who,
                text: c.text,
                visibility: c.visibility,
                created: at,
                edited: None,
                deleted: Vec::new(),
            }),
            Command::EditPost(c) => {
                for post in self.posts.iter_mut().filter(|post| post.id == c.post) {
                    (post.text, post.edited) = (c.text.clone(), Some(at));
                }
            }
            Command::DeletePost(c) => {
                let Some(post) = self.posts.iter_mut().find(|post| post.id == c.post) else { return };
                post.deleted.push((who, at_ms));
                let owner = post.author;
                self.deleted(Entity::Post, c.post.0, owner, c.reason, asked, position);
            }
            Command::RestorePost(c) => {
                let Some(post) = self.posts.iter_mut().find(|post| post.id == c.post) else { return };
                let owners = [post.author];
                let stay = undo(asked, &mut post.deleted, &owners);
                self.restored_but(stay, Entity::Post, c.post.0, asked);
            }
            Command::AddComment(c) => self.comments.push(Comment {
                id: c.comment,
                post: c.post,
                parent: c.parent,
                author: who,
                text: c.text,
                created: at,
                edited: None,
                deleted: Vec::new(),
            }),
            Command::EditComment(c) => {
                for comment in self.comments.iter_mut().filter(|comment| comment.id == c.comment) {
                    (comment.text, comment.edited) = (c.text.clone(), Some(at));
                }
            }
            Command::DeleteComment(c) => {
                let Some(comment) = self.comments.iter_mut().find(|comment| comment.id == c.comment) else {
                    return;
                };
                comment.deleted.push((who, at_ms));
                let owner = comment.author;
                self.deleted(Entity::Comment, c.comment.0, owner, c.reason, asked, position);
            }
            Command::RestoreComment(c) => {
                let host = self.post_author(c.comment)[0];
                let Some(comment) = self.comments.iter_mut().find(|comment| comment.id == c.comment) else {
                    return;
                };
                let owners = [comment.author, host];
                let stay = undo(asked, &mut comment.deleted, &owners);
                self.restored_but(stay, Entity::Comment, c.comment.0, asked);
            }
            Command::Like(c) => self.likes.push(Edge { from: who, to: c.target, at_ms }),
            Command::Unlike(c) => self.likes.retain(|edge| edge.from != who || edge.to != c.target),
            Command::StartConversation(c) => {
                let other_role = if c.kind == ConversationKind::Direct { Role::Admin } else { Role::Member };
                let mut members = vec![(who, Role::Admin, at)];
                for member in c.members {
                    if members.iter().all(|(known, _, _)| *known != member) {
                        members.push((member, other_role, at));
                    }
                }
                self.conversations.push(Conversation {
                    id: c.conversation,
                    kind: c.kind,
                    title: c.title,
                    created: at,
                    members,
                    messages: Vec::new(),
                    length: 0,
                    reads: Vec::new(),
                    delivered: Vec::new(),
                });
            }
            Command::PutMember(c) => {
                let conversation = self.conversation_mut(c.conversation);
                match conversation.members.iter_mut().find(|(member, _, _)| *member == c.user) {
                    Some(member) => member.1 = c.role.unwrap_or(member.1),
                    None => conversation.members.push((c.user, c.role.unwrap_or_default(), at)),
                }
            }
            Command::RemoveMember(c) => {
                let conversation = self.conversation_mut(c.conversation);
                conversation.members.retain(|(member, _, _)| *member != c.user);
                if conversation.admins().next().is_none() {
                    let others = conversation.in_order();
                    let open = others.iter().copied().find(|member| self.is_active(*member));
                    let heir = open.or(others.first().copied());
                    let members = self.conversation_mut(c.conversation).members.iter_mut();
                    members.filter(|(member, _, _)| Some(*member) == heir).for_each(|m| m.1 = Role::Admin);
                }
            }
            Command::RenameConversation(c) => self.conversation_mut(c.conversation).title = Some(c.title),
            Command::SendMessage(c) => {
                let conversation = self.conversation_mut(c.conversation);
                conversation.messages.push(Message {
                    id: MessageId(asked.command_id),
                    seq: conversation.length,
                    sender: who,
                    body: c.body,
                    reply_to: c.reply_to,
                    created_ms: at_ms,
                    edited: None,
                    deleted: false,
                });
                conversation.length += 1;
            }
            Command::EditMessage(c) => {
                let conversation = self.conversation_mut(c.conversation);
                conversation.length += 1;
                for message in conversation.messages.iter_mut().filter(|message| message.id == c.message) {
                    (message.body, message.edited) = (c.body.clone(), Some(at));
                }
            }
            Command::DeleteMessage(c) => {
                let conversation = self.conversation_mut(c.conversation);
                conversation.length += 1;
                let message = conversation.messages.iter_mut().find(|message| message.id == c.message);
                let Some(message) = message else { return };
                message.deleted = true;
                let owner = message.sender;
                // The mark on the message comes behind the deletion, and the answer names the last position.
                self.deleted(Entity::Message, c.message.0, owner, c.reason, asked, position - 1);
            }
            Command::MarkRead(c) => {
                let conversation = self.conversation_mut(c.conversation);
                conversation.reads.retain(|(reader, _)| *reader != who);
                conversation.reads.push((who, c.seq));
            }
            Command::MarkDelivered(c) => {
                self.conversation_mut(c.conversation).delivered.push((who, c.device_id, c.seq));
            }
            Command::PurgePost(_) => unreachable!("nobody asks for it"),
        }
    }

    fn conversation_mut(&mut self, id: nova_events::ConversationId) -> &mut Conversation {
        self.conversations
            .iter_mut()
            .find(|conversation| conversation.id == id)
            .expect("it was judged to be there")
    }

    fn unfollow(&mut self, from: UserId, to: UserId) {
        self.follows.retain(|edge| edge.from != from || edge.to != to);
    }

    fn deleted(
        &mut self,
        entity: Entity,
        id: Uuid,
        owner: UserId,
        reason: Option<String>,
        asked: &Asked,
        position: u64,
    ) {
        let (by, at) = (asked.who, time(asked.at_ms));
        let correlation = asked.command_id;
        self.deletions.push(Deletion {
            entity,
            id,
            owner,
            by,
            at,
            reason,
            restored: None,
            correlation,
            position,
        });
    }

    fn restored(&mut self, entity: Entity, id: Uuid, asked: &Asked) {
        self.restored_but(0, entity, id, asked);
    }

    /// Of the deletions in force the first `stay` stay so.
    fn restored_but(&mut self, stay: usize, entity: Entity, id: Uuid, asked: &Asked) {
        let of_it = |deletion: &&mut Deletion| {
            (deletion.entity, deletion.id) == (entity, id) && deletion.restored.is_none()
        };
        for deletion in self.deletions.iter_mut().filter(of_it).skip(stay) {
            deletion.restored = Some(time(asked.at_ms));
        }
    }
}

/// Takes away the deletions that whoever asks may undo, the latest first; how many stay. The time of the latest that stays
/// begins again.
fn undo(asked: &Asked, deleted: &mut Vec<(UserId, i64)>, owners: &[UserId]) -> usize {
    while deleted.pop_if(|(by, _)| undoes(asked, *by, owners)).is_some() {}
    if let Some(uncovered) = deleted.last_mut() {
        uncovered.1 = asked.at_ms;
    }
    deleted.len()
}
