//! Comments.

use nova_events::comment::{CommentAdded, CommentDeleted, CommentEdited, CommentEvent, CommentRestored};
use nova_events::post::Text;
use nova_events::user::Reason;
use nova_events::{CommentId, Personal, PostId, UserId, streams};
use serde::Serialize;

use crate::deletion::{Deletions, Owners};
use crate::refusal::Refusal;
use crate::text::{TextDigest, check_reason, check_text};
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommentState {
    pub added: Option<Added>,
    /// What it says now.
    pub text: TextDigest,
    pub deletions: Deletions,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    pub author: UserId,
    pub post: PostId,
    pub post_author: UserId,
    pub parent: Option<CommentId>,
}

impl Added {
    fn owners(&self) -> Owners {
        Owners { author: self.author, host: Some(self.post_author) }
    }
}

impl CommentState {
    pub(crate) fn evolve(&mut self, event: &CommentEvent, at_ms: i64) {
        match event {
            CommentEvent::CommentAdded(event) => {
                let (author, post, post_author) = (event.author, event.post_id, event.post_author);
                self.added = Some(Added { author, post, post_author, parent: event.parent });
                self.text = TextDigest::of(&event.personal);
            }
            CommentEvent::CommentEdited(event) => self.text = TextDigest::of(&event.personal),
            CommentEvent::CommentDeleted(event) => self.deletions.add(event.deleted_by, at_ms),
            CommentEvent::CommentRestored(event) => self.deletions.undo(event.still_deleted_by, at_ms),
        }
    }

    pub(crate) fn added(&self) -> Result<&Added, Refusal> {
        self.added.as_ref().ok_or(Refusal::Unknown("comment"))
    }

    pub fn is_hidden(&self) -> bool {
        self.deletions.top().is_some()
    }
}

/// What holds for saying holds for saying it again: the author of a comment that is there still sees the post, and whom they
/// answered. Otherwise there is no such comment for them.
fn check_may_say_again(added: &Added, world: &World) -> Result<(), Stop> {
    let parent = added.parent.map(streams::comment);
    world.want(std::iter::once(streams::post(added.post)).chain(parent))?;
    world.check_post_seen_by(added.author, added.post).map_err(|stop| stop.unknown_as("comment"))?;
    let Some(parent) = added.parent else { return Ok(()) };
    match &world.comment(parent)?.added {
        Some(parent) if world.is_blocked_between(added.author, parent.author)? => {
            Err(Refusal::Unknown("comment").into())
        }
        _ => Ok(()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddComment {
    #[serde(skip)]
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
            if state.is_hidden() {
                return Err(Refusal::Gone("comment").into());
            }
            world.want([streams::user(parent.author)])?;
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        check_may_say_again(added, world)?;
        if state.is_hidden() {
            return Err(Refusal::Gone("comment").into());
        }
        let personal = Personal::Clear(Text { text: self.text.clone() });
        if state.text.is_of(&personal) {
            return Ok(Decision::nothing(self.comment.0, stream));
        }
        let event = CommentEdited { comment_id: self.comment, post_id: added.post, author, personal };
        Ok(Decision::one(self.comment.0, stream, event))
    }
}

/// By its author, the post's author, or a moderator; a deletion by one of them stands over those by the ones before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        if state.deletions.covers(deleted_by, added.owners()) {
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

/// Bring a deleted comment back: whoever of its author and the post's author deleted it; a moderator what moderators
/// deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreComment {
    pub comment: CommentId,
}

impl RestoreComment {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let restored_by = by.user()?;
        let stream = streams::comment(self.comment);
        if !by.moderator {
            world.want([stream.clone(), streams::user(restored_by)])?;
        }
        let state = world.comment(self.comment)?;
        let added = state.added()?;
        if !by.moderator {
            world.check_actor(restored_by)?;
            if added.author != restored_by && added.post_author != restored_by {
                return Err(world.comment_not_yours(restored_by, self.comment));
            }
        }
        if !state.is_hidden() {
            return Ok(Decision::nothing(self.comment.0, stream));
        }
        if added.author == restored_by {
            check_may_say_again(added, world)?;
        }
        let still_deleted_by = state.deletions.check_undo(restored_by, added.owners(), "comment", by)?;
        let event = CommentRestored {
            comment_id: self.comment,
            post_id: added.post,
            post_author: added.post_author,
            author: added.author,
            restored_by,
            still_deleted_by,
        };
        Ok(Decision::one(self.comment.0, stream, event))
    }
}
