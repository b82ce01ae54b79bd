//! Read marks.

use nova_events::read::{ReadEvent, ReadUpTo};
use nova_events::{ConversationId, streams};
use serde::Serialize;

use crate::refusal::Refusal;
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadState {
    pub up_to: Option<u64>,
}

impl ReadState {
    pub(crate) fn evolve(&mut self, event: &ReadEvent) {
        match event {
            ReadEvent::ReadUpTo(event) => self.up_to = self.up_to.max(Some(event.seq)),
        }
    }
}

/// Everything up to `seq` has been read. A lower mark than the present one changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MarkRead {
    pub conversation: ConversationId,
    pub seq: u64,
}

impl MarkRead {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let user_id = by.user()?;
        let stream = streams::read(self.conversation, user_id);
        world.want([stream.clone(), streams::conversation(self.conversation), streams::user(user_id)])?;
        world.check_actor(user_id)?;
        world.conversation(self.conversation)?.check_member(user_id)?;
        let length = world.length(streams::messages(self.conversation))?;
        if self.seq >= length {
            let detail = format!("is beyond the last message: the conversation has {length} so far");
            return Err(Refusal::invalid("seq", "beyond_end", detail).into());
        }
        if world.state(stream.clone())?.read().up_to >= Some(self.seq) {
            return Ok(Decision::nothing(self.conversation.0, stream));
        }
        let event = ReadUpTo { conversation_id: self.conversation, user_id, seq: self.seq };
        Ok(Decision::one(self.conversation.0, stream, event))
    }
}
