//! The port over which processes tell each other what has just happened in conversations. It is best effort: whatever
//! does not arrive is found in the log, which everyone who listens follows anyway. So nothing here is waited for, and
//! nothing depends on it but how soon people are told.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{ConversationId, Envelope, UserId};

/// Something to tell.
#[derive(Debug, Clone)]
pub enum Announcement {
    /// A message event that is durable.
    Message {
        envelope: Arc<Envelope>,
        /// How many events the conversation's own stream had when it was appended. Whoever knows of fewer does not know
        /// yet who may be told.
        membership_events: u64,
    },
    /// What is told once, to whoever is there, and stored nowhere.
    Note(Note),
}

/// What is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    Typing {
        conversation: ConversationId,
        user: UserId,
    },
    /// These people follow the conversation on the process that says so, all of them. `ask`: others should say who does
    /// so on theirs.
    Present {
        conversation: ConversationId,
        users: Vec<UserId>,
        ask: bool,
    },
}

impl Note {
    pub fn conversation(&self) -> ConversationId {
        match self {
            Self::Typing { conversation, .. } | Self::Present { conversation, .. } => *conversation,
        }
    }
}

/// Something that another process, or this one, has announced.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Message {
        conversation: ConversationId,
        seq: u64,
        position: u64,
        occurred_at_ms: i64,
        membership_events: u64,
        /// What clients are told.
        text: String,
    },
    /// From another process.
    Note { from: u64, note: Note },
}

/// Announces, and hears what others announce.
#[async_trait]
pub trait Live: std::fmt::Debug + Send + Sync + 'static {
    /// Does not wait. What cannot be sent is dropped and counted.
    fn announce(&self, announcement: Announcement);

    /// From now on, what is announced of this conversation is heard.
    fn follow(&self, conversation: ConversationId);

    fn leave(&self, conversation: ConversationId);

    /// The next thing heard. For one listener in each process.
    async fn hear(&self) -> Heard;
}
