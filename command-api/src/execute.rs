//! The shell around the pure decisions: fetch what a decision looks at, decide, append, and try again, a bounded number
//! of times, when something changed in between.
//!
//! * Every stream that a decision looked at is a condition of its append. Nothing is decided on what has changed.
//! * States are cached (`states.rs`) and moved forward as soon as a command is queued in the log, before it is
//!   durable. So commands on one hot stream follow each other within one batch of the log instead of one a batch. This
//!   is safe because the log takes appends in the order of the calls: should the earlier command fail, the later one
//!   conflicts and is decided anew.
//! * Commands that lost a race over a stream take turns from then on, first come first served, so that a crowd on one
//!   stream costs each of them a few attempts and nobody is turned away for bad luck.
//! * A refusal that rests on a state that is not durable yet is given only once the log has confirmed that state.

mod earlier;
mod look;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use nova_domain::command::{subject_of, subjects_of};
use nova_domain::{By, Command, Decision, Limits, Names, Need, Refusal, Stop, World};
use nova_eventlog::{Append, Appended, EventLog, Expected, LogError, StreamId, Write};
use nova_events::live::{Announcement, Live};
use nova_events::{Actor, Codec, CodecError, Envelope, Event, Meta, UserId, streams};
use nova_http::ClosedAccounts;
use uuid::Uuid;

use crate::clock::LogClock;
use crate::states::{Loaded, States, StatesOptions, Turn};
use crate::turns::Turns;

#[derive(Debug, Clone)]
pub struct ExecutorOptions {
    pub limits: Limits,
    /// How often a command is decided anew because something it looked at changed.
    pub attempts_max: u32,
    /// Memory for cached states.
    pub states_bytes_max: u64,
    /// No other process appends to this log. If one does, refusals are confirmed with the log before they are given.
    pub sole_writer: bool,
}

impl Default for ExecutorOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), attempts_max: 32, states_bytes_max: 64 << 20, sole_writer: true }
    }
}

/// Who asks for a command, and what is known of the asking.
#[derive(Debug, Clone)]
pub struct Context {
    pub actor: Actor,
    pub moderator: bool,
    /// Unique to this command, already scoped to its actor: see [`scoped_command_id`].
    pub command_id: Uuid,
    /// The command id was given with the request, so the command may have been carried out before.
    pub repeatable: bool,
    /// It is history from elsewhere: its time is its own, and its id names the thing, so that it is the same command
    /// whatever the data says of the thing now.
    pub imported: bool,
    /// When it happens, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    pub traceparent: Option<String>,
}

impl Context {
    /// A command of imported history: at its own time, the same again when imported again.
    pub fn imported(user: UserId, command_id: Uuid, at_ms: i64) -> Self {
        Self {
            actor: Actor::User(user),
            moderator: false,
            command_id,
            repeatable: true,
            imported: true,
            at_ms,
            correlation_id: command_id,
            causation_id: None,
            traceparent: None,
        }
    }
}

/// The command id of a client's idempotency key: a UUIDv5 of the key in the namespace of the actor, so that nobody can
/// take the key of someone else.
pub fn scoped_command_id(actor: UserId, idempotency_key: Uuid) -> Uuid {
    Uuid::new_v5(&actor.0, idempotency_key.as_bytes())
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub id: Uuid,
    /// The revision of the thing's stream after it; `None` when it has no events.
    pub revision: Option<u64>,
    pub position: u64,
    /// The same command had been carried out before; this is its first outcome.
    pub duplicate: bool,
    /// `false`: it was already so.
    pub changed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{0}")]
    Refused(Refusal),
    #[error("the idempotency key has been used for another request")]
    KeyReused,
    #[error("what the command is about keeps changing")]
    Busy,
    #[error("too many commands wait")]
    Overloaded,
    #[error("commands cannot be taken now")]
    Unavailable,
    /// A fault of ours: it has been logged.
    #[error("the command failed")]
    Failed,
}

/// Carries out commands. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    log: Arc<dyn EventLog>,
    codec: Codec,
    clock: LogClock,
    states: Arc<States>,
    turns: Arc<Turns>,
    options: Arc<ExecutorOptions>,
    live: Option<Arc<dyn Live>>,
    closed: ClosedAccounts,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Executor")
    }
}

/// How one attempt ended.
enum Attempt {
    Done(Outcome),
    /// This stream, which it looked at, changed: decide again.
    Again(StreamId),
}

impl Executor {
    pub fn new(log: Arc<dyn EventLog>, codec: Codec, options: ExecutorOptions) -> Self {
        let states_options =
            StatesOptions { bytes_max: options.states_bytes_max, run_ahead: options.sole_writer };
        let states = Arc::new(States::new(log.clone(), codec.clone(), &states_options));
        let clock = LogClock::new(log.clone(), !options.sole_writer);
        let closed = ClosedAccounts::default();
        let (turns, options) = (Arc::default(), Arc::new(options));
        Self { log, codec, clock, states, turns, options, live: None, closed }
    }

    /// Accounts that a command closes or opens again are noted there before it answers.
    pub fn with_closed_accounts(self, closed: ClosedAccounts) -> Self {
        Self { closed, ..self }
    }

    /// Message events are announced there the moment they are durable.
    pub fn with_live(self, live: Option<Arc<dyn Live>>) -> Self {
        Self { live, ..self }
    }

    /// The keyed hash of a handle, which its claim stream is named by.
    pub fn handle_key(&self, handle: &str) -> String {
        self.codec.keyring().name_hash(handle)
    }

    /// The holder of a handle, as the log has it now. `None`: nobody has it.
    pub async fn holder_of(&self, handle: &str) -> Result<Option<UserId>, CommandError> {
        let Some(stream) = streams::handle(&self.handle_key(handle)) else { return Ok(None) };
        let (_, state) = self.states.load(&stream).await?;
        Ok(state.handle().holder)
    }

    /// The same hash as the id that the names of other streams hold.
    fn name_key(&self, name: &str) -> Uuid {
        let hash = self.codec.keyring().name_hash(name);
        // 32 hexadecimal digits, as the keyring promises; what is not would be hashed once more.
        Uuid::try_parse(&hash).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, hash.as_bytes()))
    }

    pub fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Carries out a command. When it answers `Ok`, what it did is durable.
    pub async fn execute(
        &self,
        mut context: Context,
        command: impl Into<Command>,
    ) -> Result<Outcome, CommandError> {
        let command = command.into();
        if context.repeatable
            && let Some(outcome) = self.earlier_outcome(&context, &command).await?
        {
            return Ok(outcome);
        }
        if !context.imported {
            context.at_ms = self.clock.translate(context.at_ms).await;
        }
        let mut contended: Option<StreamId> = None;
        for attempt in 0..self.options.attempts_max {
            let _turn = match &contended {
                None => None,
                Some(stream) => {
                    let turn = self.turns.take(stream).await;
                    self.let_others_go_first(attempt).await;
                    Some(turn)
                }
            };
            match self.attempt(&context, &command).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Again(stream) => {
                    metrics::counter!("command_conflicts_total").increment(1);
                    contended = Some(stream);
                }
            }
        }
        Err(CommandError::Busy)
    }

    /// Turns are those of this process. Others that write to the log are given way to by waiting, longer and longer.
    async fn let_others_go_first(&self, attempt: u32) {
        if !self.options.sole_writer && attempt > 2 {
            let longest = Duration::from_millis(1 << attempt.min(6));
            tokio::time::sleep(longest.mul_f64(rand::random::<f64>())).await;
        }
    }

    async fn attempt(&self, context: &Context, command: &Command) -> Result<Attempt, CommandError> {
        let key = |name: &str| self.name_key(name);
        let by = By {
            actor: context.actor,
            moderator: context.moderator,
            at_ms: context.at_ms,
            command_id: context.command_id,
            limits: &self.options.limits,
            names: Names(&key),
        };
        let mut world = World::default();
        let mut guesses = Vec::new();
        loop {
            match command.decide(&by, &world) {
                Ok(decision) if decision.events.is_empty() => {
                    if let Some(changed) = self.confirm(&world).await? {
                        return Ok(Attempt::Again(changed));
                    }
                    if let Some(outcome) = self.overtaken_by_itself(context, command).await? {
                        return Ok(Attempt::Done(outcome));
                    }
                    return Ok(Attempt::Done(Outcome {
                        id: decision.id,
                        revision: world.seen_stream(&decision.primary).and_then(|seen| seen.revision),
                        position: self.log.head(),
                        duplicate: false,
                        changed: false,
                    }));
                }
                Ok(decision) => return self.append(context, command, &world, &guesses, decision).await,
                Err(Stop::Need(needs)) => self.fetch(&mut world, &mut guesses, needs).await?,
                Err(Stop::Refused(refusal)) => {
                    if let Some(changed) = self.confirm(&world).await? {
                        return Ok(Attempt::Again(changed));
                    }
                    return match self.overtaken_by_itself(context, command).await? {
                        Some(outcome) => Ok(Attempt::Done(outcome)),
                        None => Err(CommandError::Refused(refusal)),
                    };
                }
            }
        }
    }

    /// The same command, sent twice at once, may find that it is already so (or refused) because of its twin: then the
    /// twin's outcome is its own.
    async fn overtaken_by_itself(
        &self,
        context: &Context,
        command: &Command,
    ) -> Result<Option<Outcome>, CommandError> {
        if context.repeatable { self.earlier_outcome(context, command).await } else { Ok(None) }
    }

    /// Also notes in `guesses` the streams whose states run ahead of what is durable.
    async fn fetch(
        &self,
        world: &mut World,
        guesses: &mut Vec<StreamId>,
        needs: Vec<Need>,
    ) -> Result<(), CommandError> {
        for need in needs {
            match need {
                Need::Stream(stream) => {
                    if world.seen_stream(&stream).is_none() {
                        let Loaded { revision, state, is_guess } = self.states.get(&stream).await?;
                        if is_guess {
                            guesses.push(stream.clone());
                        }
                        world.put_stream(stream, revision, state);
                    }
                }
                Need::Length(stream) => {
                    let head = self.log.stream_head(&stream).await?;
                    world.put_length(stream, head.map_or(0, |revision| revision + 1));
                }
                Need::Message(id) => {
                    let message = self.message(id).await?;
                    world.put_message(id, message);
                }
                Need::Words(id) => {
                    let words = self.words(id, world).await?;
                    world.put_words(id, words);
                }
            }
        }
        Ok(())
    }

    /// `None`: everything that was looked at is durably so; otherwise a stream that is not. Costs nothing when all of it
    /// came from the log.
    async fn confirm(&self, world: &World) -> Result<Option<StreamId>, CommandError> {
        let all_durable = world.seen().iter().all(|seen| self.states.is_durable(&seen.stream, seen.revision));
        if all_durable && self.options.sole_writer {
            return Ok(None);
        }
        let append = Append { command_id: Uuid::now_v7(), writes: conditions(world, &[]) };
        match self.log.append(append).await {
            Ok(_) => {
                self.states.confirmed(world);
                Ok(None)
            }
            Err(LogError::Conflict { stream, .. }) => {
                self.states.forget(world.seen().iter().map(|seen| &seen.stream));
                Ok(Some(stream))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn append(
        &self,
        context: &Context,
        command: &Command,
        world: &World,
        guesses: &[StreamId],
        decision: Decision,
    ) -> Result<Attempt, CommandError> {
        let (writes, events) = self.encode(context, command, world, &decision).await?;
        let append = Append { command_id: context.command_id, writes };
        // The states move forward in the same order as their appends are queued.
        let appended =
            match self.states.advance(world, guesses, &events, context.at_ms, || self.log.append(append)) {
                Turn::Stale(stream) => return Ok(Attempt::Again(stream)),
                Turn::Taken(appended) => appended.await,
            };
        match appended {
            Ok(appended) if appended.duplicate => {
                self.states.forget(events.iter().map(|(stream, _)| stream));
                match self.earlier_outcome(context, command).await? {
                    Some(outcome) => Ok(Attempt::Done(outcome)),
                    None => Err(CommandError::Failed),
                }
            }
            Ok(appended) => {
                self.states.made_durable(&appended);
                self.note_closed(&events, &appended);
                self.announce(context, world, events, &appended);
                Ok(Attempt::Done(outcome_of(decision.id, &appended)))
            }
            Err(error) => {
                self.states.forget(world.seen().iter().map(|seen| &seen.stream));
                match error {
                    LogError::Conflict { stream, .. } => Ok(Attempt::Again(stream)),
                    error => Err(error.into()),
                }
            }
        }
    }

    /// So that the very next request in this process is refused, or let in again; everybody else hears it from the log.
    fn note_closed(&self, events: &[(StreamId, Event)], appended: &Appended) {
        for ((_, event), position) in events.iter().zip(appended.first_position..) {
            if let Some(closed) = nova_events::user::closes(event.kind()) {
                self.closed.note(UserId(subject_of(event)), closed, position);
            }
        }
    }

    /// Tells those who listen to a conversation, at once. Whatever is not told here they find in the log.
    fn announce(
        &self,
        context: &Context,
        world: &World,
        events: Vec<(StreamId, Event)>,
        appended: &Appended,
    ) {
        let Some(live) = &self.live else { return };
        let written = events.into_iter().zip(&appended.events).zip(appended.first_position..);
        for (((stream, event), (_, revision)), position) in written {
            let Event::Message(message) = &event else { continue };
            let conversation = streams::conversation(message.conversation());
            let seen = world.seen_stream(&conversation).and_then(|seen| seen.revision);
            let meta = Meta {
                schema_version: event.version(),
                occurred_at_ms: context.at_ms,
                actor: context.actor,
                subjects: Vec::new(),
                correlation_id: context.correlation_id,
                causation_id: context.causation_id,
                traceparent: None,
                fingerprint: None,
            };
            let envelope = Envelope {
                position,
                stream,
                revision: *revision,
                event_id: context.command_id,
                command_id: context.command_id,
                recorded_at_ms: context.at_ms.cast_unsigned(),
                meta,
                event,
            };
            live.announce(Announcement::Message {
                envelope: Arc::new(envelope),
                membership_events: seen.map_or(0, |revision| revision + 1),
            });
        }
    }

    /// The writes of a decision: its events, grouped by stream, then a condition for each other stream it looked at.
    async fn encode(
        &self,
        context: &Context,
        command: &Command,
        world: &World,
        decision: &Decision,
    ) -> Result<(Vec<Write>, Vec<(StreamId, Event)>), CommandError> {
        let events = grouped_by_stream(&decision.events);
        let mut writes: Vec<Write> = Vec::with_capacity(events.len() + world.seen().len());
        let mut fingerprint = self.fingerprint(context, command);
        for (ordinal, (stream, event)) in events.iter().enumerate() {
            let meta = Meta {
                schema_version: event.version(),
                occurred_at_ms: context.at_ms,
                actor: context.actor,
                subjects: subjects_of(event),
                correlation_id: context.correlation_id,
                causation_id: context.causation_id,
                traceparent: context.traceparent.clone(),
                // A command is found by its first event.
                fingerprint: fingerprint.take(),
            };
            // A decision has a handful of events; the log refuses more than ordinals can count.
            let ordinal = u16::try_from(ordinal).unwrap_or(u16::MAX);
            let encoded = self.codec.encode(event, &meta, stream, context.command_id, ordinal).await?;
            match writes.last_mut() {
                Some(write) if write.stream == *stream => write.events.push(encoded),
                _ => {
                    let seen = world.seen_stream(stream);
                    let expected = seen.map_or(Expected::Any, |seen| Expected::at(seen.revision));
                    writes.push(Write { stream: stream.clone(), expected, events: vec![encoded] });
                }
            }
        }
        writes.extend(conditions(world, &events));
        Ok((writes, events))
    }
}

fn outcome_of(id: Uuid, appended: &Appended) -> Outcome {
    // The first event is in the thing's own stream, and more may follow it there.
    let own = appended.events.first().map(|(stream, _)| stream);
    Outcome {
        id,
        revision: appended
            .events
            .iter()
            .rfind(|(stream, _)| Some(stream) == own)
            .map(|(_, revision)| *revision),
        position: appended.last_position,
        duplicate: appended.duplicate,
        changed: true,
    }
}

/// Events of one stream side by side, streams in the order of their first event.
fn grouped_by_stream(events: &[(StreamId, Event)]) -> Vec<(StreamId, Event)> {
    let mut order: Vec<&StreamId> = Vec::with_capacity(events.len());
    for (stream, _) in events {
        if !order.contains(&stream) {
            order.push(stream);
        }
    }
    let of = |stream: &StreamId| {
        events.iter().filter(move |(other, _)| other == stream).cloned().collect::<Vec<_>>()
    };
    order.into_iter().flat_map(of).collect()
}

/// Everything that was looked at but is not written, as it was.
fn conditions(world: &World, written: &[(StreamId, Event)]) -> Vec<Write> {
    world
        .seen()
        .iter()
        .filter(|seen| !written.iter().any(|(stream, _)| *stream == seen.stream))
        .map(|seen| Write::condition(seen.stream.clone(), Expected::at(seen.revision)))
        .collect()
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        match error {
            // Handled where it can be decided again; here it means that even the last word was overtaken.
            LogError::Conflict { .. } => Self::Busy,
            LogError::Overloaded { .. } => Self::Overloaded,
            LogError::Unavailable(_) | LogError::Locked { .. } => {
                tracing::error!(error = %error, "the event log does not take appends");
                Self::Unavailable
            }
            LogError::Invalid(_) | LogError::Corrupt { .. } | LogError::Format { .. } => {
                tracing::error!(error = %error, "the event log refused an append or a read");
                Self::Failed
            }
        }
    }
}

impl From<CodecError> for CommandError {
    fn from(error: CodecError) -> Self {
        use nova_events::KeyError;
        match &error {
            CodecError::Keys(KeyError::Destroyed(_)) => Self::Refused(Refusal::Gone("user")),
            CodecError::Keys(KeyError::Unavailable(_)) => {
                tracing::error!(error = %error, "the keyring is unavailable");
                Self::Unavailable
            }
            _ => {
                tracing::error!(error = %error, "an event could not be encoded or decoded");
                Self::Failed
            }
        }
    }
}
