//! Following.

use nova_events::follow::{Followed, Unfollowed};
use nova_events::{UserId, streams};
use serde::Serialize;

use crate::refusal::Refusal;
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Follow {
    pub user: UserId,
}

impl Follow {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let follower = by.user()?;
        if follower == self.user {
            return Err(Refusal::Yourself("follow").into());
        }
        let stream = streams::follow(follower, self.user);
        world.want([
            stream.clone(),
            streams::user(follower),
            streams::user(self.user),
            streams::block(follower, self.user),
            streams::block(self.user, follower),
        ])?;
        world.check_actor(follower)?;
        world.check_person_seen_by(follower, self.user)?;
        if world.state(stream.clone())?.edge().on {
            return Ok(Decision::nothing(self.user.0, stream));
        }
        Ok(Decision::one(self.user.0, stream, Followed { follower, followee: self.user }))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfollow {
    pub user: UserId,
}

impl Unfollow {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let follower = by.user()?;
        let stream = streams::follow(follower, self.user);
        world.want([stream.clone(), streams::user(follower), streams::user(self.user)])?;
        world.check_actor(follower)?;
        if !world.state(stream.clone())?.edge().on {
            world.check_person_known_to(follower, self.user)?;
            return Ok(Decision::nothing(self.user.0, stream));
        }
        Ok(Decision::one(self.user.0, stream, Unfollowed { follower, followee: self.user }))
    }
}
