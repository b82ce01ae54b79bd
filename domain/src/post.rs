//! Posts.

use nova_events::media::Carrier;
use nova_events::post::{
    PostDeleted, PostEdited, PostEvent, PostPublished, PostPurged, PostRestored, Text, Visibility,
};
use nova_events::user::Reason;
use nova_events::{Actor, MediaId, Personal, PostId, UserId, streams};
use serde::Serialize;

use crate::deletion::{Deletions, Owners};
use crate::media::{attached, gone_with_its_carrier};
use crate::refusal::Refusal;
use crate::text::{TextDigest, check_optional_text, check_reason, check_text};
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostState {
    pub published: Option<Published>,
    /// What it says now.
    pub text: TextDigest,
    pub deletions: Deletions,
    pub purged: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub author: UserId,
    pub visibility: Visibility,
    pub media: Vec<MediaId>,
}

impl PostState {
    pub(crate) fn evolve(&mut self, event: &PostEvent, at_ms: i64) {
        match event {
            PostEvent::PostPublished(event) => {
                self.published = Some(Published {
                    author: event.author,
                    visibility: event.visibility,
                    media: event.media.clone(),
                });
                self.text = TextDigest::of(&event.personal);
            }
            PostEvent::PostEdited(event) => self.text = TextDigest::of(&event.personal),
            PostEvent::PostDeleted(event) => self.deletions.add(event.deleted_by, at_ms),
            PostEvent::PostRestored(event) => self.deletions.undo(event.still_deleted_by, at_ms),
            PostEvent::PostPurged(_) => self.purged = true,
        }
    }

    pub fn is_hidden(&self) -> bool {
        self.deletions.top().is_some() || self.purged
    }

    fn published(&self) -> Result<&Published, Refusal> {
        self.published.as_ref().ok_or(Refusal::Unknown("post"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishPost {
    #[serde(skip)]
    pub post: PostId,
    pub text: String,
    pub media: Vec<MediaId>,
    pub visibility: Visibility,
}

impl PublishPost {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let author = by.user()?;
        self.check_content(by)?;
        let stream = streams::post(self.post);
        let media = self.media.iter().map(|id| streams::media(*id));
        world.want([stream.clone(), streams::user(author)].into_iter().chain(media))?;
        world.check_actor(author)?;
        if let Some(published) = &world.post(self.post)?.published {
            // The id is the caller's choice only when importing; the same again is not an error.
            return if published.author == author {
                Ok(Decision::nothing(self.post.0, stream))
            } else {
                Err(Refusal::NotYours("post").into())
            };
        }
        let mut media_kinds = Vec::with_capacity(self.media.len());
        for media in &self.media {
            media_kinds.push(world.check_attachable(author, *media)?.0);
        }
        let event = PostPublished {
            post_id: self.post,
            author,
            visibility: self.visibility,
            media: self.media.clone(),
            media_kinds,
            personal: Personal::Clear(Text { text: self.text.clone() }),
        };
        let carrier = Carrier::Post { post_id: self.post };
        let published = Decision::one(self.post.0, stream, event);
        Ok(self.media.iter().fold(published, |decision, media| {
            decision.and(streams::media(*media), attached(*media, author, carrier, None))
        }))
    }

    fn check_content(&self, by: &By<'_>) -> Result<(), Refusal> {
        check_words(&self.text, &self.media, by)?;
        let media_max = by.limits.post_media_max;
        if self.media.len() > media_max {
            let detail = format!("may name at most {media_max} media");
            return Err(Refusal::invalid("media_ids", "too_many", detail));
        }
        let is_repeated = |(index, id)| self.media[..index].contains(id);
        if self.media.iter().enumerate().any(is_repeated) {
            return Err(Refusal::invalid("media_ids", "repeated", "names the same medium twice"));
        }
        Ok(())
    }
}

/// Pictures can stand without words.
fn check_words(text: &str, media: &[MediaId], by: &By<'_>) -> Result<(), Refusal> {
    let check = if media.is_empty() { check_text } else { check_optional_text };
    check("text", text, by.limits.post_text_bytes_max)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EditPost {
    pub post: PostId,
    pub text: String,
}

impl EditPost {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let author = by.user()?;
        check_optional_text("text", &self.text, by.limits.post_text_bytes_max)?;
        let stream = streams::post(self.post);
        world.want([stream.clone(), streams::user(author)])?;
        world.check_actor(author)?;
        let state = world.post(self.post)?;
        let published = state.published()?;
        if published.author != author {
            // A deleted post says so first, as to its author.
            world.check_post_seen_by(author, self.post)?;
            return Err(Refusal::NotYours("post").into());
        }
        if state.is_hidden() {
            return Err(Refusal::Gone("post").into());
        }
        check_words(&self.text, &published.media, by)?;
        let personal = Personal::Clear(Text { text: self.text.clone() });
        if state.text.is_of(&personal) {
            return Ok(Decision::nothing(self.post.0, stream));
        }
        Ok(Decision::one(self.post.0, stream, PostEdited { post_id: self.post, author, personal }))
    }
}

/// By its author or a moderator. A moderator's deletion stands over the author's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletePost {
    pub post: PostId,
    pub reason: Option<String>,
}

impl DeletePost {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let deleted_by = by.user()?;
        check_reason(self.reason.as_ref(), by.limits.reason_bytes_max)?;
        let stream = streams::post(self.post);
        let state = world.post(self.post)?;
        let author = state.published()?.author;
        if !by.moderator {
            world.check_actor(deleted_by)?;
            if author != deleted_by {
                world.check_post_seen_by(deleted_by, self.post)?;
                return Err(Refusal::NotYours("post").into());
            }
        }
        if state.purged || state.deletions.covers(deleted_by, Owners { author, host: None }) {
            return Ok(Decision::nothing(self.post.0, stream));
        }
        let personal = self.reason.clone().map(|reason| Reason { reason }).into();
        Ok(Decision::one(
            self.post.0,
            stream,
            PostDeleted { post_id: self.post, author, deleted_by, personal },
        ))
    }
}

/// Bring a deleted post back: its author what they deleted themselves, a moderator what moderators deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestorePost {
    pub post: PostId,
}

impl RestorePost {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let restored_by = by.user()?;
        let stream = streams::post(self.post);
        let state = world.post(self.post)?;
        let author = state.published()?.author;
        if !by.moderator {
            world.check_actor(restored_by)?;
            if author != restored_by {
                return Err(world.post_not_yours(restored_by, self.post));
            }
        }
        if state.purged {
            return Err(Refusal::GraceOver("post").into());
        }
        if state.deletions.top().is_none() {
            return Ok(Decision::nothing(self.post.0, stream));
        }
        let owners = Owners { author, host: None };
        let still_deleted_by = state.deletions.check_undo(restored_by, owners, "post", by)?;
        let event = PostRestored { post_id: self.post, author, restored_by, still_deleted_by };
        Ok(Decision::one(self.post.0, stream, event))
    }
}

/// Drop a post whose grace period is over. Nova itself does this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PurgePost {
    pub post: PostId,
}

impl PurgePost {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let stream = streams::post(self.post);
        let state = world.post(self.post)?;
        let Published { author, media, .. } = state.published()?.clone();
        if by.actor != Actor::System {
            return Err(Refusal::NotYours("post").into());
        }
        let over = state
            .deletions
            .top()
            .is_some_and(|deleted| by.at_ms.saturating_sub(deleted.at_ms) > by.limits.restore_grace_ms);
        if state.purged || !over {
            return Ok(Decision::nothing(self.post.0, stream));
        }
        world.want(media.iter().map(|id| streams::media(*id)))?;
        let purged = Decision::one(self.post.0, stream, PostPurged { post_id: self.post, author });
        media.into_iter().try_fold(purged, |decision, id| gone_with_its_carrier(decision, world, id, None))
    }
}
