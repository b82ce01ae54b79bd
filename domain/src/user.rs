//! Accounts and their handles.

use nova_events::handle::{HandleClaimed, HandleEvent, HandleReleased};
use nova_events::user::{
    Profile, ProfileChanged, Reason, UserDeactivated, UserEvent, UserReactivated, UserRegistered,
};
use nova_events::{Personal, UserId, streams};
use serde::Serialize;

use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::text::{check_handle, check_name, check_optional_text, check_reason};
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserState {
    pub registered: bool,
    pub active: bool,
    pub handle_key: String,
    /// Kept to fill in what a change leaves as it is; nothing is decided on it.
    pub profile: Personal<Profile>,
}

impl UserState {
    /// Registered, and not closed.
    pub(crate) fn is_open(&self) -> bool {
        self.registered && self.active
    }

    pub(crate) fn evolve(&mut self, event: &UserEvent) {
        match event {
            UserEvent::UserRegistered(event) => {
                *self = Self {
                    registered: true,
                    active: true,
                    handle_key: event.handle_key.clone(),
                    profile: event.personal.clone(),
                };
            }
            UserEvent::ProfileChanged(event) => {
                self.handle_key.clone_from(&event.handle_key);
                self.profile = event.personal.clone();
            }
            UserEvent::UserDeactivated(_) => self.active = false,
            UserEvent::UserReactivated(_) => self.active = true,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandleState {
    pub holder: Option<UserId>,
}

impl HandleState {
    pub(crate) fn evolve(&mut self, event: &HandleEvent) {
        self.holder = match event {
            HandleEvent::HandleClaimed(event) => Some(event.user_id),
            HandleEvent::HandleReleased(_) => None,
        };
    }
}

/// Open an account, or come back to one that was closed. The user's id is the actor's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Register {
    pub handle: String,
    /// The keyed hash of the handle.
    #[serde(skip)]
    pub handle_key: String,
    pub display_name: String,
    pub bio: Option<String>,
}

impl Register {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let user_id = by.user()?;
        let personal = Profile {
            handle: self.handle.clone(),
            display_name: self.display_name.clone(),
            bio: self.bio.clone().filter(|bio| !bio.is_empty()),
        };
        let (handle, display_name) = (Some(personal.handle.as_str()), Some(personal.display_name.as_str()));
        check_profile(handle, display_name, personal.bio.as_deref(), by.limits)?;
        let stream = streams::user(user_id);
        let claim = claim_stream(&self.handle_key)?;
        world.want([stream.clone(), claim.clone()])?;
        let state = world.state(stream.clone())?.user();
        if state.registered && state.active {
            return match &state.profile {
                // The same again is not an error.
                Personal::Clear(profile) if *profile == personal => Ok(Decision::nothing(user_id.0, stream)),
                _ => Err(Refusal::AlreadyRegistered.into()),
            };
        }
        check_not_reserved(&self.handle, &self.handle_key, state, by.limits)?;
        let holder = world.state(claim.clone())?.handle().holder;
        if holder.is_some_and(|holder| holder != user_id) {
            return Err(Refusal::HandleTaken.into());
        }
        let handle_key = self.handle_key.clone();
        let mut decision = if state.registered {
            Decision::one(user_id.0, stream.clone(), UserReactivated { user_id })
                .and(stream, ProfileChanged { user_id, handle_key, personal: Personal::Clear(personal) })
        } else {
            let event = UserRegistered { user_id, handle_key, personal: Personal::Clear(personal) };
            Decision::one(user_id.0, stream, event)
        };
        if state.registered && state.handle_key != self.handle_key {
            decision = decision.and(claim_stream(&state.handle_key)?, HandleReleased { user_id });
            world.want([claim_stream(&state.handle_key)?])?;
        }
        if holder.is_none() {
            decision = decision.and(claim, HandleClaimed { user_id });
        }
        Ok(decision)
    }
}

/// Change the profile. What is `None` stays as it is; an empty bio takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ChangeProfile {
    /// With its keyed hash.
    pub handle: Option<(String, String)>,
    pub display_name: Option<String>,
    pub bio: Option<String>,
}

impl ChangeProfile {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let user_id = by.user()?;
        let stream = streams::user(user_id);
        world.check_actor(user_id)?;
        // What stays as it is may be from before a rule.
        let handle = self.handle.as_ref().map(|(handle, _)| handle.as_str());
        check_profile(handle, self.display_name.as_deref(), self.bio.as_deref(), by.limits)?;
        let state = world.state(stream.clone())?.user();
        let Personal::Clear(old) = &state.profile else {
            return Err(Refusal::Gone("profile").into());
        };
        let new = Profile {
            handle: self.handle.as_ref().map_or_else(|| old.handle.clone(), |(handle, _)| handle.clone()),
            display_name: self.display_name.clone().unwrap_or_else(|| old.display_name.clone()),
            bio: self
                .bio
                .clone()
                .map_or_else(|| old.bio.clone(), |bio| Some(bio).filter(|bio| !bio.is_empty())),
        };
        if new == *old {
            return Ok(Decision::nothing(user_id.0, stream));
        }
        if let Some((handle, handle_key)) = &self.handle {
            check_not_reserved(handle, handle_key, state, by.limits)?;
        }
        let handle_key =
            self.handle.as_ref().map_or_else(|| state.handle_key.clone(), |(_, key)| key.clone());
        let event =
            ProfileChanged { user_id, handle_key: handle_key.clone(), personal: Personal::Clear(new) };
        let decision = Decision::one(user_id.0, stream, event);
        if handle_key == state.handle_key {
            return Ok(decision);
        }
        let (claim, release) = (claim_stream(&handle_key)?, claim_stream(&state.handle_key)?);
        world.want([claim.clone(), release.clone()])?;
        if world.state(claim.clone())?.handle().holder.is_some() {
            return Err(Refusal::HandleTaken.into());
        }
        Ok(decision.and(claim, HandleClaimed { user_id }).and(release, HandleReleased { user_id }))
    }
}

/// Close the account. The handle stays claimed, so that nobody can pose as its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deactivate {
    pub reason: Option<String>,
}

impl Deactivate {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let user_id = by.user()?;
        check_reason(self.reason.as_ref(), by.limits.reason_bytes_max)?;
        let stream = streams::user(user_id);
        let state = world.state(stream.clone())?.user();
        if !state.registered {
            return Err(Refusal::NotRegistered.into());
        }
        if !state.active {
            return Ok(Decision::nothing(user_id.0, stream));
        }
        let personal = self.reason.clone().map(|reason| Reason { reason }).into();
        Ok(Decision::one(user_id.0, stream, UserDeactivated { user_id, personal }))
    }
}

fn claim_stream(handle_key: &str) -> Result<nova_eventlog::StreamId, Refusal> {
    streams::handle(handle_key).ok_or_else(|| Refusal::invalid("handle", "character", "cannot be claimed"))
}

/// Checks what is given of a profile.
fn check_profile(
    handle: Option<&str>,
    display_name: Option<&str>,
    bio: Option<&str>,
    limits: &Limits,
) -> Result<(), Refusal> {
    Refusal::unless_all([
        handle
            .map_or(Ok(()), |handle| check_handle(handle, limits.handle_chars_min, limits.handle_chars_max)),
        display_name.map_or(Ok(()), |name| check_name("display_name", name, limits.display_name_bytes_max)),
        bio.map_or(Ok(()), |bio| check_optional_text("bio", bio, limits.bio_bytes_max)),
    ])
}

/// An account keeps the handle that it has, reserved or not.
fn check_not_reserved(
    handle: &str,
    handle_key: &str,
    state: &UserState,
    limits: &Limits,
) -> Result<(), Refusal> {
    let is_own = state.registered && state.handle_key == handle_key;
    if !is_own && limits.is_reserved(handle) { Err(Refusal::HandleReserved) } else { Ok(()) }
}
