//! Blocking.

use nova_events::block::{Blocked, Unblocked};
use nova_events::follow::Unfollowed;
use nova_events::{UserId, streams};
use serde::Serialize;

use crate::refusal::Refusal;
use crate::world::{By, Decision, Stop, World};

/// Block someone. It also ends the following between the two, both ways, at once. It is open to whoever is blocked by them
/// already: otherwise a person could keep others from ever blocking them by being first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Block {
    pub user: UserId,
}

impl Block {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let blocker = by.user()?;
        if blocker == self.user {
            return Err(Refusal::Yourself("block").into());
        }
        let stream = streams::block(blocker, self.user);
        let (there, back) = (streams::follow(blocker, self.user), streams::follow(self.user, blocker));
        let people = [streams::user(blocker), streams::user(self.user)];
        world.want([stream.clone(), there.clone(), back.clone()].into_iter().chain(people))?;
        world.check_actor(blocker)?;
        if !world.state(streams::user(self.user))?.user().registered {
            return Err(Refusal::Unknown("user").into());
        }
        if world.state(stream.clone())?.edge().on {
            return Ok(Decision::nothing(self.user.0, stream));
        }
        let mut decision = Decision::one(self.user.0, stream, Blocked { blocker, blocked: self.user });
        if world.state(there.clone())?.edge().on {
            decision = decision.and(there, Unfollowed { follower: blocker, followee: self.user });
        }
        if world.state(back.clone())?.edge().on {
            decision = decision.and(back, Unfollowed { follower: self.user, followee: blocker });
        }
        Ok(decision)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unblock {
    pub user: UserId,
}

impl Unblock {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let blocker = by.user()?;
        let stream = streams::block(blocker, self.user);
        world.want([stream.clone(), streams::user(blocker), streams::user(self.user)])?;
        world.check_actor(blocker)?;
        if !world.state(streams::user(self.user))?.user().registered {
            return Err(Refusal::Unknown("user").into());
        }
        if !world.state(stream.clone())?.edge().on {
            return Ok(Decision::nothing(self.user.0, stream));
        }
        Ok(Decision::one(self.user.0, stream, Unblocked { blocker, blocked: self.user }))
    }
}
