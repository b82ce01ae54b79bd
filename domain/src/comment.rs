//! Comments.

use nova_events::comment::{CommentAdded, CommentDeleted, CommentEdited, CommentEvent, CommentRestored};
use nova_events::post::Text;
use nova_events::user::Reason;
use nova_events::{CommentId, Personal, PostId, UserId, streams};

use crate::post::{Deleted, check_restorable};
use crate::refusal::Refusal;
use crate::text::{check_reason, check_text};
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommentState {
    pub added: Option<Added>,
    pub deleted: Option<Deleted>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    pub author: UserId,
    pub post: PostId,
    pub post_author: UserId,
}

impl CommentState {
    pub(crate) fn evolve(&mut self, event: &CommentEvent, at_ms: i64) {
        match event {
            CommentEvent::CommentAdded(event) => {
                let (author, post, post_author) = (event.author, event.post_id, event.post_author);
                self.added = Some(Added { author, post, post_author });
            }
            CommentEvent::CommentEdited(_) => {}
            CommentEvent::CommentDeleted(event) => {
                self.deleted = Some(Deleted { by: event.deleted_by, at_ms })
            }
            CommentEvent::CommentRestored(_) => self.deleted = None,
        }
    }

    pub(crate) fn added(&self) -> Result<&Added, Refusal> {
        self.added.as_ref().ok_or(Refusal::Unknown("comment"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddComment {
    pub comment: CommentId,
    pub post: PostId,
    pub parent: Option<CommentId>,
    pub text: String,
}

impl AddComment {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let author = by.user()?;
        check_text("text", &self.text, by.limits.comment_text_bytes_max)?;
        let stream = streams::comment(self.comment);
        let wanted = [stream.clone(), streams::user(author), streams::post(self.post)];
        world.want(wanted.into_iter().chain(self.parent.map(streams::comment)))?;
        world.check_actor(author)?;
        if let Some(added) = &world.comment(self.comment)?.added {
            return if added.author == author {
                Ok(Decision::nothing(self.comment.0, stream))
            } else {
                Err(Refusal::NotYours("comment").into())
            };
        }
        let post_author = world.check_post_seen_by(author, self.post)?;
        if let Some(parent) = self.parent {
            let state = world.comment(parent)?;
            let unknown = || {
                let detail = "is not a comment on this post";
                Refusal::invalid("parent_comment_id", "unknown", detail)
            };
            let on_this_post = state.added.as_ref().filter(|parent| parent.post == self.post);
            let parent = on_this_post.ok_or_else(unknown)?;
            if world.is_blocked_between(author, parent.author)? {
                return Err(unknown().into());
            }
            if state.deleted.is_some() {
                return Err(Refusal::Gone("comment").into());
            }
            world.check_person(parent.author)?;
        }
        let event = CommentAdded {
            comment_id: self.comment,
            post_id: self.post,
            post_author,
            parent: self.parent,
            author,
            personal: Personal::Clear(Text { text: self.text.clone() }),
        };
        Ok(Decision::one(self.comment.0, stream, event))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditComment {
    pub comment: CommentId,
    pub text: String,
}

impl EditComment {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let author = by.user()?;
        check_text("text", &self.text, by.limits.comment_text_bytes_max)?;
        let stream = streams::comment(self.comment);
        world.want([stream.clone(), streams::user(author)])?;
        world.check_actor(author)?;
        let state = world.comment(self.comment)?;
        let added = state.added()?;
        if added.author != author {
            return Err(world.comment_not_yours(author, self.comment));
        }
        if state.deleted.is_some() {
            return Err(Refusal::Gone("comment").into());
        }
        let personal = Personal::Clear(Text { text: self.text.clone() });
        let event = CommentEdited { comment_id: self.comment, post_id: added.post, author, personal };
        Ok(Decision::one(self.comment.0, stream, event))
    }
}

/// By its author, the post's author, or a moderator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteComment {
    pub comment: CommentId,
    pub reason: Option<String>,
}

impl DeleteComment {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let deleted_by = by.user()?;
        check_reason(self.reason.as_ref(), by.limits.reason_bytes_max)?;
        let stream = streams::comment(self.comment);
        let state = world.comment(self.comment)?;
        let added = state.added()?;
        if !by.moderator {
            world.check_actor(deleted_by)?;
            if added.author != deleted_by && added.post_author != deleted_by {
                return Err(world.comment_not_yours(deleted_by, self.comment));
            }
        }
        if state.deleted.is_some() {
            return Ok(Decision::nothing(self.comment.0, stream));
        }
        let event = CommentDeleted {
            comment_id: self.comment,
            post_id: added.post,
            post_author: added.post_author,
            author: added.author,
            deleted_by,
            personal: self.reason.clone().map(|reason| Reason { reason }).into(),
        };
        Ok(Decision::one(self.comment.0, stream, event))
    }
}

/// Bring a deleted comment back: whoever of its author and the post's author deleted it, or a moderator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreComment {
    pub comment: CommentId,
}

impl RestoreComment {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let restored_by = by.user()?;
        let stream = streams::comment(self.comment);
        let state = world.comment(self.comment)?;
        let added = state.added()?;
        if !by.moderator {
            world.check_actor(restored_by)?;
            if added.author != restored_by && added.post_author != restored_by {
                return Err(world.comment_not_yours(restored_by, self.comment));
            }
        }
        let Some(deleted) = &state.deleted else {
            return Ok(Decision::nothing(self.comment.0, stream));
        };
        check_restorable(deleted, restored_by, "comment", by)?;
        let event = CommentRestored {
            comment_id: self.comment,
            post_id: added.post,
            post_author: added.post_author,
            author: added.author,
            restored_by,
        };
        Ok(Decision::one(self.comment.0, stream, event))
    }
}
