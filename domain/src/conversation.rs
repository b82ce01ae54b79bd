//! Conversations and their members.

use nova_events::conversation::{
    ConversationEvent, ConversationKind, ConversationRenamed, ConversationStarted, MemberAdded,
    MemberRemoved, MemberRoleChanged, Role, Title,
};
use nova_events::{ConversationId, Personal, UserId, streams};
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::text::check_text;
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationState {
    pub kind: Option<ConversationKind>,
    /// In the order they joined.
    pub members: Vec<(UserId, Role)>,
    /// Kept to tell a change from none; nothing is decided on it.
    pub title: Personal<Title>,
}

impl ConversationState {
    pub(crate) fn evolve(&mut self, event: &ConversationEvent) {
        match event {
            ConversationEvent::ConversationStarted(event) => {
                self.kind = Some(event.kind);
                self.members.clone_from(&event.members);
                self.title = event.personal.clone();
            }
            ConversationEvent::MemberAdded(event) => {
                self.members.retain(|(user, _)| *user != event.user_id);
                self.members.push((event.user_id, event.role));
            }
            ConversationEvent::MemberRemoved(event) => {
                self.members.retain(|(user, _)| *user != event.user_id)
            }
            ConversationEvent::MemberRoleChanged(event) => {
                for (_, role) in self.members.iter_mut().filter(|(user, _)| *user == event.user_id) {
                    *role = event.role;
                }
            }
            ConversationEvent::ConversationRenamed(event) => self.title = event.personal.clone(),
        }
    }

    pub fn role(&self, user: UserId) -> Option<Role> {
        self.members.iter().find(|(member, _)| *member == user).map(|(_, role)| *role)
    }

    /// The conversation is there and the user is in it. For everybody else there is no such conversation.
    pub(crate) fn check_member(&self, user: UserId) -> Result<(ConversationKind, Role), Refusal> {
        let kind = self.kind.ok_or(Refusal::Unknown("conversation"))?;
        let role = self.role(user).ok_or(Refusal::Unknown("conversation"))?;
        Ok((kind, role))
    }

    fn check_group_admin(&self, user: UserId) -> Result<(), Refusal> {
        match self.check_member(user)? {
            (ConversationKind::Direct, _) => Err(Refusal::DirectConversation),
            (ConversationKind::Group, Role::Member) => Err(Refusal::NotAnAdmin),
            (ConversationKind::Group, Role::Admin) => Ok(()),
        }
    }
}

/// The one conversation of two people: its id is a hash of theirs, so both find the same.
pub fn direct_conversation_id(a: UserId, b: UserId) -> ConversationId {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    let name = format!("nova:direct:{}:{}", first.0.simple(), second.0.simple());
    ConversationId(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
}

/// Start a conversation. The actor is in it as an admin; `members` are the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartConversation {
    pub conversation: ConversationId,
    pub kind: ConversationKind,
    pub title: Option<String>,
    pub members: Vec<UserId>,
}

impl StartConversation {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let started_by = by.user()?;
        let others = self.others(started_by, by)?;
        let stream = streams::conversation(self.conversation);
        let mut wanted = vec![stream.clone(), streams::user(started_by)];
        for &other in &others {
            wanted.extend([
                streams::user(other),
                streams::block(started_by, other),
                streams::block(other, started_by),
            ]);
        }
        world.want(wanted)?;
        world.check_actor(started_by)?;
        let state = world.conversation(self.conversation)?;
        if state.kind.is_some() {
            // Direct conversations are found again by whoever of the two asks; a group's id is new unless imported.
            state.check_member(started_by)?;
            return Ok(Decision::nothing(self.conversation.0, stream));
        }
        for &other in &others {
            world.check_person_seen_by(started_by, other)?;
        }
        let members = std::iter::once((started_by, Role::Admin))
            .chain(others.iter().map(|&other| (other, self.role_of_others())))
            .collect();
        let event = ConversationStarted {
            conversation_id: self.conversation,
            kind: self.kind,
            started_by,
            members,
            personal: self.title.clone().map(|title| Title { title }).into(),
        };
        Ok(Decision::one(self.conversation.0, stream, event))
    }

    /// In a direct conversation neither is above the other.
    fn role_of_others(&self) -> Role {
        match self.kind {
            ConversationKind::Direct => Role::Admin,
            ConversationKind::Group => Role::Member,
        }
    }

    fn others(&self, started_by: UserId, by: &By<'_>) -> Result<Vec<UserId>, Refusal> {
        let mut others = Vec::with_capacity(self.members.len());
        for &member in &self.members {
            if member != started_by && !others.contains(&member) {
                others.push(member);
            }
            if others.len() >= by.limits.members_max {
                return Err(Refusal::TooManyMembers(by.limits.members_max));
            }
        }
        if let Some(title) = &self.title {
            check_text("title", title, by.limits.title_bytes_max)?;
        }
        if self.kind == ConversationKind::Direct {
            if others.len() != 1 {
                let detail = "of a direct conversation must name exactly one other person";
                return Err(Refusal::invalid("members", "direct_needs_one", detail));
            }
            if self.title.is_some() {
                return Err(Refusal::invalid("title", "not_allowed", "is for group conversations"));
            }
        }
        Ok(others)
    }
}

/// Add someone, or change their role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutMember {
    pub conversation: ConversationId,
    pub user: UserId,
    /// `None`: a new member joins as a member, one who is in keeps their role.
    pub role: Option<Role>,
}

impl PutMember {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let actor = by.user()?;
        let stream = streams::conversation(self.conversation);
        world.want([
            stream.clone(),
            streams::user(actor),
            streams::user(self.user),
            streams::block(actor, self.user),
            streams::block(self.user, actor),
        ])?;
        world.check_actor(actor)?;
        let state = world.conversation(self.conversation)?;
        state.check_group_admin(actor)?;
        let id = self.conversation.0;
        let conversation_id = self.conversation;
        match (state.role(self.user), self.role) {
            (Some(_), None) => Ok(Decision::nothing(id, stream)),
            (Some(old), Some(new)) if old == new => Ok(Decision::nothing(id, stream)),
            (Some(old), Some(role)) => {
                if old == Role::Admin && is_last_admin(state, self.user) {
                    let detail = "is the last admin: make someone else an admin first";
                    return Err(Refusal::invalid("role", "last_admin", detail).into());
                }
                let event =
                    MemberRoleChanged { conversation_id, user_id: self.user, role, changed_by: actor };
                Ok(Decision::one(id, stream, event))
            }
            (None, role) => {
                world.check_person_seen_by(actor, self.user)?;
                if state.members.len() >= by.limits.members_max {
                    return Err(Refusal::TooManyMembers(by.limits.members_max).into());
                }
                let role = role.unwrap_or_default();
                let event = MemberAdded { conversation_id, user_id: self.user, role, added_by: actor };
                Ok(Decision::one(id, stream, event))
            }
        }
    }
}

/// Take someone out of a group, or leave it. When its last admin leaves, whoever has been in it longest becomes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveMember {
    pub conversation: ConversationId,
    pub user: UserId,
}

impl RemoveMember {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let actor = by.user()?;
        let stream = streams::conversation(self.conversation);
        world.want([stream.clone(), streams::user(actor)])?;
        world.check_actor(actor)?;
        let state = world.conversation(self.conversation)?;
        let (kind, role) = state.check_member(actor)?;
        if kind == ConversationKind::Direct {
            return Err(Refusal::DirectConversation.into());
        }
        if actor != self.user && role != Role::Admin {
            return Err(Refusal::NotAnAdmin.into());
        }
        if state.role(self.user).is_none() {
            return Ok(Decision::nothing(self.conversation.0, stream));
        }
        let conversation_id = self.conversation;
        let event = MemberRemoved { conversation_id, user_id: self.user, removed_by: actor };
        let decision = Decision::one(self.conversation.0, stream.clone(), event);
        let heir = state.members.iter().map(|(member, _)| *member).find(|member| *member != self.user);
        match heir {
            Some(heir) if is_last_admin(state, self.user) => {
                let event = MemberRoleChanged {
                    conversation_id,
                    user_id: heir,
                    role: Role::Admin,
                    changed_by: actor,
                };
                Ok(decision.and(stream, event))
            }
            Some(_) | None => Ok(decision),
        }
    }
}

fn is_last_admin(state: &ConversationState, user: UserId) -> bool {
    state.members.iter().all(|(member, role)| (*member == user) == (*role == Role::Admin))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameConversation {
    pub conversation: ConversationId,
    pub title: String,
}

impl RenameConversation {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let renamed_by = by.user()?;
        check_text("title", &self.title, by.limits.title_bytes_max)?;
        let stream = streams::conversation(self.conversation);
        world.want([stream.clone(), streams::user(renamed_by)])?;
        world.check_actor(renamed_by)?;
        let state = world.conversation(self.conversation)?;
        state.check_group_admin(renamed_by)?;
        let personal = Personal::Clear(Title { title: self.title.clone() });
        if state.title == personal {
            return Ok(Decision::nothing(self.conversation.0, stream));
        }
        let event = ConversationRenamed { conversation_id: self.conversation, renamed_by, personal };
        Ok(Decision::one(self.conversation.0, stream, event))
    }
}
