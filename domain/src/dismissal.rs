//! Dismissing suggestions of people.

use nova_events::dismissal::{SuggestionDismissed, SuggestionRestored};
use nova_events::{UserId, streams};
use serde::Serialize;

use crate::refusal::Refusal;
use crate::world::{By, Decision, Stop, World};

/// Do not suggest this person to me. Whoever they are to each other, so that it tells nothing of blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DismissSuggestion {
    pub user: UserId,
}

impl DismissSuggestion {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let dismisser = by.user()?;
        if dismisser == self.user {
            return Err(Refusal::Yourself("dismiss").into());
        }
        let stream = streams::dismissal(dismisser, self.user);
        world.want([stream.clone(), streams::user(dismisser), streams::user(self.user)])?;
        world.check_actor(dismisser)?;
        if world.state(stream.clone())?.edge().on {
            return Ok(Decision::nothing(self.user.0, stream));
        }
        world.check_person_known_to(dismisser, self.user)?;
        Ok(Decision::one(self.user.0, stream, SuggestionDismissed { dismisser, dismissed: self.user }))
    }
}

/// They may be suggested to me again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreSuggestion {
    pub user: UserId,
}

impl RestoreSuggestion {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let dismisser = by.user()?;
        let stream = streams::dismissal(dismisser, self.user);
        world.want([stream.clone(), streams::user(dismisser), streams::user(self.user)])?;
        world.check_actor(dismisser)?;
        if !world.state(stream.clone())?.edge().on {
            world.check_person_known_to(dismisser, self.user)?;
            return Ok(Decision::nothing(self.user.0, stream));
        }
        Ok(Decision::one(self.user.0, stream, SuggestionRestored { dismisser, dismissed: self.user }))
    }
}
