//! Likes.

use nova_events::like::{Liked, Target, Unliked};
use nova_events::{PostId, UserId, streams};
use serde::Serialize;
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Like {
    pub target: Target,
}

impl Like {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let user_id = by.user()?;
        let stream = streams::like(self.target, user_id);
        world.want([stream.clone(), streams::user(user_id), target_stream(self.target)])?;
        world.check_actor(user_id)?;
        let (post_id, author) = match self.target {
            Target::Post(post) => (post, world.check_post_seen_by(user_id, post)?),
            Target::Comment(comment) => world.check_comment_seen_by(user_id, comment)?,
        };
        if world.state(stream.clone())?.edge().on {
            return Ok(Decision::nothing(target_id(self.target), stream));
        }
        let event = Liked { target: self.target, post_id, author, user_id };
        Ok(Decision::one(target_id(self.target), stream, event))
    }
}

/// Taking a like back is always possible, also from what one cannot see any more. Without a like, something hidden is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unlike {
    pub target: Target,
}

impl Unlike {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let user_id = by.user()?;
        let stream = streams::like(self.target, user_id);
        world.want([stream.clone(), streams::user(user_id), target_stream(self.target)])?;
        world.check_actor(user_id)?;
        if !world.state(stream.clone())?.edge().on {
            let seen = match self.target {
                Target::Post(post) => world.check_post_seen_by(user_id, post).map(drop),
                Target::Comment(comment) => world.check_comment_seen_by(user_id, comment).map(drop),
            };
            return match seen {
                Ok(()) | Err(Stop::Refused(Refusal::Gone(_))) => {
                    Ok(Decision::nothing(target_id(self.target), stream))
                }
                Err(stop) => Err(stop),
            };
        }
        let (post_id, author) = origin(self.target, world)?;
        let event = Unliked { target: self.target, post_id, author, user_id };
        Ok(Decision::one(target_id(self.target), stream, event))
    }
}

fn origin(target: Target, world: &World) -> Result<(PostId, UserId), Stop> {
    match target {
        Target::Post(post) => {
            let published = world.post(post)?.published.as_ref().ok_or(Refusal::Unknown("post"))?;
            Ok((post, published.author))
        }
        Target::Comment(comment) => {
            let added = world.comment(comment)?.added()?;
            Ok((added.post, added.author))
        }
    }
}

fn target_stream(target: Target) -> nova_eventlog::StreamId {
    match target {
        Target::Post(post) => streams::post(post),
        Target::Comment(comment) => streams::comment(comment),
    }
}

pub(crate) fn target_id(target: Target) -> Uuid {
    match target {
        Target::Post(post) => post.0,
        Target::Comment(comment) => comment.0,
    }
}
