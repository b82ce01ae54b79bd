//! Who is in a conversation, read from its own stream: the truth, where a view may be behind.

use std::collections::HashSet;

use nova_eventlog::{Direction, EventLog, LogError};
use nova_events::conversation::{ConversationEvent, ConversationKind};
use nova_events::{Codec, CodecError, ConversationId, Event, UserId, streams};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Membership {
    members: HashSet<UserId>,
    pub(crate) kind: Option<ConversationKind>,
    /// How many events of the stream it accounts for.
    pub(crate) events: u64,
}

/// Why something could not be read for a session.
#[derive(Debug)]
pub(crate) enum ReadError {
    Log(LogError),
    Codec(CodecError),
}

impl From<LogError> for ReadError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<CodecError> for ReadError {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log(error) => error.fmt(f),
            Self::Codec(error) => error.fmt(f),
        }
    }
}

const PAGE: usize = 256;

impl Membership {
    pub(crate) async fn read(
        log: &dyn EventLog,
        codec: &Codec,
        id: ConversationId,
    ) -> Result<Self, ReadError> {
        let stream = streams::conversation(id);
        let mut membership = Self::default();
        loop {
            let page = log.read_stream(&stream, membership.events, Direction::Forwards, PAGE).await?;
            for recorded in &page {
                let envelope = codec.decode(recorded).await?;
                membership.events = recorded.revision + 1;
                if let Event::Conversation(event) = &envelope.event {
                    membership.apply(event);
                }
            }
            if page.len() < PAGE {
                return Ok(membership);
            }
        }
    }

    /// The members, if they are two.
    pub(crate) fn pair(&self) -> Option<[UserId; 2]> {
        let members: Vec<UserId> = self.members.iter().copied().collect();
        members.try_into().ok()
    }

    pub(crate) fn has(&self, user: UserId) -> bool {
        self.members.contains(&user)
    }

    pub(crate) fn apply(&mut self, event: &ConversationEvent) {
        match event {
            ConversationEvent::ConversationStarted(started) => {
                self.kind = Some(started.kind);
                self.members.extend(started.members.iter().map(|(user, _)| *user));
            }
            ConversationEvent::MemberAdded(added) => {
                self.members.insert(added.user_id);
            }
            ConversationEvent::MemberRemoved(removed) => {
                self.members.remove(&removed.user_id);
            }
            ConversationEvent::MemberRoleChanged(_) | ConversationEvent::ConversationRenamed(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use nova_events::Personal;
    use nova_events::conversation::{
        ConversationRenamed, ConversationStarted, MemberAdded, MemberRemoved, Role,
    };
    use uuid::Uuid;

    use super::*;

    #[test]
    fn members_come_and_go() {
        let conversation_id = ConversationId(Uuid::from_u128(1));
        let [ada, ben, cleo] = [2, 3, 4].map(|n| UserId(Uuid::from_u128(n)));
        let mut membership = Membership::default();
        assert!(!membership.has(ada));
        membership.apply(&ConversationEvent::ConversationStarted(ConversationStarted {
            conversation_id,
            kind: ConversationKind::Group,
            started_by: ada,
            members: vec![(ada, Role::Admin), (ben, Role::Member)],
            personal: Personal::Redacted,
        }));
        assert!(membership.has(ada) && membership.has(ben) && !membership.has(cleo));
        let role = Role::Member;
        let added = MemberAdded { conversation_id, user_id: cleo, role, added_by: ada };
        membership.apply(&ConversationEvent::MemberAdded(added));
        let removed = MemberRemoved { conversation_id, user_id: ben, removed_by: ben };
        membership.apply(&ConversationEvent::MemberRemoved(removed));
        let renamed = ConversationRenamed { conversation_id, renamed_by: ada, personal: Personal::Absent };
        membership.apply(&ConversationEvent::ConversationRenamed(renamed));
        assert!(membership.has(ada) && !membership.has(ben) && membership.has(cleo));
    }
}
