//! Conversations and their members.

use nova_events::conversation::{
    ConversationEvent, ConversationKind, ConversationRenamed, ConversationStarted, MemberAdded,
    MemberRemoved, MemberRoleChanged, Role, Title,
};
use nova_events::{ConversationId, Personal, UserId, streams};
use serde::Serialize;
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::text::check_name;
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationState {
    pub kind: Option<ConversationKind>,
    /// In the order they joined, then by id.
    pub members: Vec<Member>,
    /// Kept to tell a change from none; nothing is decided on it.
    pub title: Personal<Title>,
}

/// Someone in a conversation, with the role that they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub user: UserId,
    pub role: Role,
    pub joined_at_ms: i64,
}

impl ConversationState {
    pub(crate) fn evolve(&mut self, event: &ConversationEvent, at_ms: i64) {
        match event {
            ConversationEvent::ConversationStarted(event) => {
                self.kind = Some(event.kind);
                self.members.clear();
                for (user, role) in &event.members {
                    self.join(*user, *role, at_ms);
                }
                self.title = event.personal.clone();
            }
            ConversationEvent::MemberAdded(event) => {
                self.members.retain(|member| member.user != event.user_id);
                self.join(event.user_id, event.role, at_ms);
            }
            ConversationEvent::MemberRemoved(event) => {
                self.members.retain(|member| member.user != event.user_id)
            }
            ConversationEvent::MemberRoleChanged(event) => {
                for member in self.members.iter_mut().filter(|member| member.user == event.user_id) {
                    member.role = event.role;
                }
            }
            ConversationEvent::ConversationRenamed(event) => self.title = event.personal.clone(),
        }
    }

    /// Puts them where views show them.
    fn join(&mut self, user: UserId, role: Role, joined_at_ms: i64) {
        let key = (joined_at_ms, user);
        let at = self.members.partition_point(|member| (member.joined_at_ms, member.user) <= key);
        self.members.insert(at, Member { user, role, joined_at_ms });
    }

    /// The role that they were given.
    pub fn role(&self, user: UserId) -> Option<Role> {
        self.members.iter().find(|member| member.user == user).map(|member| member.role)
    }

    fn admins(&self) -> impl Iterator<Item = UserId> {
        self.members.iter().filter(|member| member.role == Role::Admin).map(|member| member.user)
    }

    /// The conversation is there and the user is in it. For everybody else there is no such conversation.
    pub(crate) fn check_member(&self, user: UserId) -> Result<(ConversationKind, Role), Refusal> {
        let kind = self.kind.ok_or(Refusal::Unknown("conversation"))?;
        let role = self.role(user).ok_or(Refusal::Unknown("conversation"))?;
        Ok((kind, role))
    }
}

/// Roles follow the state of accounts: a group is managed by its admins whose accounts are open. As long as there is none,
/// the member with an open account who has been in it longest acts as its admin.
impl World {
    /// `user` is a member of the group whose account is open. The accounts that this rests on are conditions of the append.
    pub(crate) fn acts_as_admin(&self, user: UserId, state: &ConversationState) -> Result<bool, Stop> {
        if state.role(user) == Some(Role::Admin) {
            return Ok(true);
        }
        if self.first_active(state.admins())?.is_some() {
            return Ok(false);
        }
        Ok(self.first_active(state.members.iter().map(|member| member.user))? == Some(user))
    }

    fn check_group_admin(&self, user: UserId, state: &ConversationState) -> Result<(), Stop> {
        match state.check_member(user)?.0 {
            ConversationKind::Direct => Err(Refusal::DirectConversation.into()),
            ConversationKind::Group if self.acts_as_admin(user, state)? => Ok(()),
            ConversationKind::Group => Err(Refusal::NotAnAdmin.into()),
        }
    }

    /// The first of these whose account is open. Looks at a few at first and at more each time, so that a crowd costs a
    /// bounded number of rounds, and the usual case, where the first one is there, next to nothing.
    fn first_active(&self, people: impl Iterator<Item = UserId>) -> Result<Option<UserId>, Stop> {
        let mut people = people.peekable();
        let mut some = 4;
        while people.peek().is_some() {
            let looked_at: Vec<UserId> = people.by_ref().take(some).collect();
            self.want(looked_at.iter().map(|user| streams::user(*user)))?;
            for user in looked_at {
                if self.state(streams::user(user))?.user().is_open() {
                    return Ok(Some(user));
                }
            }
            some *= 16;
        }
        Ok(None)
    }
}

/// The one conversation of two people: its id is a hash of theirs, so both find the same.
pub fn direct_conversation_id(a: UserId, b: UserId) -> ConversationId {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    let name = format!("nova:direct:{}:{}", first.0.simple(), second.0.simple());
    ConversationId(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
}

/// Start a conversation. The actor is in it as an admin; `members` are the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StartConversation {
    #[serde(skip)]
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
            check_name("title", title, by.limits.title_bytes_max)?;
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        world.check_group_admin(actor, state)?;
        let id = self.conversation.0;
        let conversation_id = self.conversation;
        match (state.role(self.user), self.role) {
            (Some(_), None) => Ok(Decision::nothing(id, stream)),
            (Some(old), Some(new)) if old == new => Ok(Decision::nothing(id, stream)),
            (Some(old), Some(role)) => {
                let others = state.admins().filter(|admin| *admin != self.user);
                if old == Role::Admin && world.first_active(others)?.is_none() {
                    let detail = "is the last admin with an open account: make someone else an admin first";
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

/// Take someone out of a group, or leave it. When its last admin leaves, the one who has been in it longest becomes one: of
/// those with open accounts, if there are any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        let (kind, _) = state.check_member(actor)?;
        if kind == ConversationKind::Direct {
            return Err(Refusal::DirectConversation.into());
        }
        if actor != self.user && !world.acts_as_admin(actor, state)? {
            return Err(Refusal::NotAnAdmin.into());
        }
        if state.role(self.user).is_none() {
            return Ok(Decision::nothing(self.conversation.0, stream));
        }
        let conversation_id = self.conversation;
        let event = MemberRemoved { conversation_id, user_id: self.user, removed_by: actor };
        let decision = Decision::one(self.conversation.0, stream.clone(), event);
        if !state.admins().all(|admin| admin == self.user) {
            return Ok(decision);
        }
        let others = || state.members.iter().map(|member| member.user).filter(|member| *member != self.user);
        // Of closed accounts the first gets the role, and lends it to whoever comes back first.
        let Some(heir) = world.first_active(others())?.or_else(|| others().next()) else {
            return Ok(decision);
        };
        let event =
            MemberRoleChanged { conversation_id, user_id: heir, role: Role::Admin, changed_by: actor };
        Ok(decision.and(stream, event))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenameConversation {
    pub conversation: ConversationId,
    pub title: String,
}

impl RenameConversation {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let renamed_by = by.user()?;
        check_name("title", &self.title, by.limits.title_bytes_max)?;
        let stream = streams::conversation(self.conversation);
        world.want([stream.clone(), streams::user(renamed_by)])?;
        world.check_actor(renamed_by)?;
        let state = world.conversation(self.conversation)?;
        world.check_group_admin(renamed_by, state)?;
        let personal = Personal::Clear(Title { title: self.title.clone() });
        if state.title == personal {
            return Ok(Decision::nothing(self.conversation.0, stream));
        }
        let event = ConversationRenamed { conversation_id: self.conversation, renamed_by, personal };
        Ok(Decision::one(self.conversation.0, stream, event))
    }
}
