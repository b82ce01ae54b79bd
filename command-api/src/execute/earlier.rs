//! A command that comes again: whether it is the same one, and what it did the first time.

use nova_domain::Command;
use nova_domain::command::subject_of;
use nova_eventlog::{Append, Expected, Write};

use super::{CommandError, Context, Executor, Outcome, outcome_of};

impl Executor {
    /// The keyed hash of what a client asks for with an idempotency key. The hash is keyed because texts can be short
    /// enough to be guessed.
    pub(super) fn fingerprint(&self, context: &Context, command: &Command) -> Option<String> {
        let is_from_a_client = context.repeatable && !context.imported;
        // Plain structs of strings, numbers and ids always serialise.
        let canonical = is_from_a_client.then(|| serde_json::to_string(command).unwrap_or_default())?;
        // No handle holds a line break, so that no handle has the hash of a command.
        Some(self.codec.keyring().name_hash(&format!("command\n{canonical}")))
    }

    /// What this command did when it was carried out before. Commands that changed nothing left no event, and are decided
    /// again.
    pub(super) async fn earlier_outcome(
        &self,
        context: &Context,
        command: &Command,
    ) -> Result<Option<Outcome>, CommandError> {
        let command_id = context.command_id;
        let Some(first) = self.log.find(command_id).await? else {
            return Ok(None);
        };
        if first.ordinal != 0 || !command.begins_with(first.kind.as_str()) {
            return Err(CommandError::KeyReused);
        }
        let envelope = self.codec.decode(&first).await?;
        let id = subject_of(&envelope.event);
        // Events from before fingerprints tell another target only.
        let is_another = match (&envelope.meta.fingerprint, self.fingerprint(context, command)) {
            (Some(stored), Some(asked)) => *stored != asked,
            _ => false,
        };
        if is_another || command.names().is_some_and(|named| named != id) {
            return Err(CommandError::KeyReused);
        }
        // The log tells the whole first result to whoever appends the same command again.
        let again = Append {
            command_id,
            writes: vec![Write {
                stream: first.stream.clone(),
                expected: Expected::Any,
                events: vec![nova_eventlog::NewEvent {
                    kind: first.kind,
                    data: first.data,
                    meta: first.meta,
                }],
            }],
        };
        let appended = self.log.append(again).await?;
        Ok(Some(Outcome { duplicate: true, ..outcome_of(id, &appended) }))
    }
}
