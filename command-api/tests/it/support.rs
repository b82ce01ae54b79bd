//! A product without views: log, keys, executor, in a folder of its own.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use futures::future::join_all;
use nova_command_api::{CommandError, Context, Executor, ExecutorOptions, Outcome};
use nova_domain::conversation::StartConversation;
use nova_domain::message::SendMessage;
use nova_domain::user::Register;
use nova_domain::{Command, Refusal};
use nova_eventlog::{EventLog, FileLog, FileLogOptions, Filter};
use nova_events::conversation::ConversationKind;
use nova_events::message::Body;
use nova_events::{Actor, Codec, ConversationId, Envelope, UserId};
use tempfile::TempDir;
use uuid::Uuid;

use crate::keys;

pub(crate) struct Nova {
    /// One, or several that do not know of each other, as in several processes.
    executors: Vec<Executor>,
    turn: AtomicUsize,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) codec: Codec,
    file_log: Arc<FileLog>,
    dir: Arc<TempDir>,
}

/// Segments of a few thousand events, so that races also cross their borders.
fn log_options() -> FileLogOptions {
    FileLogOptions { segment_bytes: 256 << 10, ..FileLogOptions::default() }
}

impl Nova {
    pub(crate) fn new() -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), 1, |log| log)
    }

    /// Commands go to this many executors in turn. What one has cached another has changed, so only the conditions in
    /// the appends stand between them and a wrong decision.
    pub(crate) fn with_writers(count: usize) -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), count, |log| log)
    }

    /// The executor sees the log through `wrap`.
    pub(crate) fn with(wrap: impl FnOnce(Arc<dyn EventLog>) -> Arc<dyn EventLog>) -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), 1, wrap)
    }

    fn open(
        dir: Arc<TempDir>,
        writers: usize,
        wrap: impl FnOnce(Arc<dyn EventLog>) -> Arc<dyn EventLog>,
    ) -> Self {
        let file_log = Arc::new(FileLog::open(dir.path().join("log"), log_options()).unwrap());
        let log: Arc<dyn EventLog> = file_log.clone();
        let codec = Codec::new(keys::open(&dir.path().join("keys")));
        let options = ExecutorOptions { sole_writer: writers == 1, ..ExecutorOptions::default() };
        let seen = wrap(log.clone());
        let executor = || Executor::new(seen.clone(), codec.clone(), options.clone());
        let executors = std::iter::repeat_with(executor).take(writers).collect();
        Self { executors, turn: AtomicUsize::new(0), log, codec, file_log, dir }
    }

    /// The same log and keys under an executor that has seen nothing yet.
    pub(crate) fn over(other: &Self) -> Self {
        let executor = Executor::new(other.log.clone(), other.codec.clone(), ExecutorOptions::default());
        Self {
            executors: vec![executor],
            turn: AtomicUsize::new(0),
            log: other.log.clone(),
            codec: other.codec.clone(),
            file_log: other.file_log.clone(),
            dir: other.dir.clone(),
        }
    }

    /// Closes everything and opens it again from the files.
    pub(crate) fn restart(self) -> Self {
        let Self { executors, log, codec, file_log, dir, .. } = self;
        file_log.close();
        let writers = executors.len();
        drop((executors, log, codec, file_log));
        Self::open(dir, writers, |log| log)
    }

    /// The one whose turn it is.
    pub(crate) fn executor(&self) -> Executor {
        self.executors[self.turn.fetch_add(1, Ordering::Relaxed) % self.executors.len()].clone()
    }

    pub(crate) async fn tries(
        &self,
        user: UserId,
        command: impl Into<Command>,
    ) -> Result<Outcome, CommandError> {
        self.executor().execute(asking(user), command).await
    }

    #[track_caller]
    pub(crate) fn does<C: Into<Command>>(
        &self,
        user: UserId,
        command: C,
    ) -> impl Future<Output = Outcome> + Send + use<C> {
        let at = std::panic::Location::caller();
        let (executor, command) = (self.executor(), command.into());
        async move {
            match executor.execute(asking(user), command.clone()).await {
                Ok(outcome) => outcome,
                Err(error) => panic!("{at}: {command:?}: {error:?}"),
            }
        }
    }

    pub(crate) async fn refused(&self, user: UserId, command: impl Into<Command>) -> Refusal {
        match self.tries(user, command).await {
            Err(CommandError::Refused(refusal)) => refusal,
            other => panic!("should be refused: {other:?}"),
        }
    }

    pub(crate) async fn person(&self) -> UserId {
        let user = UserId::make();
        let digits = user.0.simple().to_string();
        self.does(user, self.register(&format!("u{}", &digits[8..]))).await;
        user
    }

    pub(crate) async fn people(&self, count: usize) -> Vec<UserId> {
        join_all((0..count).map(|_| self.person())).await
    }

    pub(crate) fn register(&self, handle: &str) -> Register {
        Register {
            handle: handle.to_owned(),
            handle_key: self.executor().handle_key(handle),
            display_name: "Somebody".to_owned(),
            bio: None,
        }
    }

    pub(crate) async fn group(&self, admin: UserId, members: &[UserId]) -> ConversationId {
        let conversation = ConversationId::make();
        let start = StartConversation {
            conversation,
            kind: ConversationKind::Group,
            title: None,
            members: members.to_vec(),
        };
        self.does(admin, start).await;
        conversation
    }

    /// The whole log, decoded, in order. Positions and revisions are checked to be dense on the way.
    pub(crate) async fn history(&self) -> Vec<Envelope> {
        let mut history = Vec::new();
        let mut next_revision = std::collections::HashMap::new();
        let mut after = 0;
        loop {
            let page = self.log.read_all(after, &Filter::all(), 4_096).await.unwrap();
            for recorded in &page.events {
                let envelope = self.codec.decode(recorded).await.unwrap();
                assert_eq!(envelope.position, history.len() as u64 + 1, "positions are dense");
                let next = next_revision.entry(envelope.stream.clone()).or_insert(0);
                assert_eq!(envelope.revision, *next, "revisions of {} are dense", envelope.stream);
                *next += 1;
                history.push(envelope);
            }
            after = page.position;
            if after >= page.head {
                // Not the head of now: a command whose caller has gone may still be appended.
                assert_eq!(history.len() as u64, after);
                return history;
            }
        }
    }
}

static CLOCK: AtomicI64 = AtomicI64::new(1_700_000_000_000);

/// A new command of this user, a millisecond after the one before.
pub(crate) fn asking(user: UserId) -> Context {
    Context {
        actor: Actor::User(user),
        moderator: false,
        command_id: Uuid::now_v7(),
        repeatable: false,
        imported: false,
        at_ms: CLOCK.fetch_add(1, Ordering::Relaxed),
        correlation_id: Uuid::now_v7(),
        causation_id: None,
        traceparent: None,
    }
}

/// A command with an idempotency key.
pub(crate) fn repeatable(user: UserId, command_id: Uuid) -> Context {
    Context { command_id, repeatable: true, ..asking(user) }
}

pub(crate) fn say(conversation: ConversationId, text: impl Into<String>) -> SendMessage {
    let body = Body { text: Some(text.into()), ..Body::default() };
    SendMessage { conversation, message_type: None, body, reply_to: None, media: None }
}

/// Runs all of them at once on the runtime's threads.
pub(crate) async fn at_once<T: Send + 'static>(
    runs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = runs.into_iter().map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(|done| done.expect("no task panics")).collect()
}
