//! The poll thread, from outside: how it is spoken to, and that a client that is dead is replaced by a new one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::mpsc;

use super::context::FeedContext;
use super::pipe::Pipe;
use super::session::{End, Session};
use super::{Assignment, Shared};
use crate::kafka::{replaced, retire};
use crate::shard::Shard;

/// A partition, and which time it is that this member holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) assignment: u64,
    pub(super) partition: i32,
}

impl Place {
    pub(super) fn shard(self, category: &str) -> Shard {
        Shard::of_partition(category, self.partition)
    }
}

#[derive(Debug)]
pub(super) enum Command {
    /// The client has something.
    Wake,
    Follow {
        place: Place,
        offset: i64,
        /// The follower has everything up to here.
        position: u64,
        pipe: Arc<Pipe>,
    },
    /// There is room in the pipe again.
    Resume {
        place: Place,
        pipe: Arc<Pipe>,
    },
    /// Replaces the client if it holds no partition.
    RenewIfIdle,
    Stop,
}

#[derive(Debug, Clone)]
pub(super) struct Commands {
    sender: std_mpsc::Sender<Command>,
    woken: Arc<AtomicBool>,
}

pub(super) struct Received {
    receiver: std_mpsc::Receiver<Command>,
    woken: Arc<AtomicBool>,
}

impl Commands {
    pub(super) fn new() -> (Self, Received) {
        let (sender, receiver) = std_mpsc::channel();
        let woken: Arc<AtomicBool> = Arc::default();
        (Self { sender, woken: Arc::clone(&woken) }, Received { receiver, woken })
    }

    /// When the thread has ended there is nobody left who follows.
    pub(super) fn send(&self, command: Command) {
        let _ = self.sender.send(command);
    }

    /// Many calls, one command.
    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.send(Command::Wake);
        }
    }
}

impl Received {
    /// Later news from the client wake again.
    pub(super) fn rearm(&self) {
        self.woken.store(false, Ordering::Release);
    }

    pub(super) fn next(&self) -> Option<Command> {
        self.receiver.try_recv().ok()
    }

    pub(super) fn wait(&self, timeout: Duration) -> Option<Command> {
        self.receiver.recv_timeout(timeout).ok()
    }
}

pub(super) struct Poller {
    pub(super) shared: Arc<Shared>,
    config: ClientConfig,
    pub(super) received: Received,
    pub(super) assignments: mpsc::Sender<Assignment>,
    /// What the program has not been told yet.
    pub(super) untold: VecDeque<Assignment>,
    pub(super) assignments_made: u64,
    /// The published position at the last replacement of a client that stood still.
    pub(super) replaced_at: Option<u64>,
}

impl Poller {
    const RETRY_FIRST: Duration = Duration::from_millis(250);
    const RETRY_LONGEST: Duration = Duration::from_secs(5);
    /// A client that worked for so long is no reason to wait before the next one.
    const WORKED: Duration = Duration::from_secs(60);

    pub(super) fn new(
        shared: Arc<Shared>,
        config: ClientConfig,
        received: Received,
        assignments: mpsc::Sender<Assignment>,
    ) -> Self {
        Self {
            shared,
            config,
            received,
            assignments,
            untold: VecDeque::new(),
            assignments_made: 0,
            replaced_at: None,
        }
    }

    pub(super) fn consumer(&self) -> Result<BaseConsumer<FeedContext>, KafkaError> {
        let mut consumer = BaseConsumer::from_config_and_context(&self.config, FeedContext::default())?;
        let commands = self.shared.commands.clone();
        consumer.set_nonempty_callback(move || commands.wake());
        let Shared { topics, options, .. } = &*self.shared;
        let names: Vec<String> = options.categories.iter().map(|category| topics.name(category)).collect();
        consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(consumer)
    }

    pub(super) fn run(mut self, consumer: BaseConsumer<FeedContext>) {
        let mut next = Some(consumer);
        let mut pause = Self::RETRY_FIRST;
        loop {
            let began = Instant::now();
            let problem = match next.take().map_or_else(|| self.consumer(), Ok) {
                Ok(consumer) => match Session::new(&mut self, consumer).run() {
                    // Destroying it leaves the group.
                    (End::Stopped, _consumer) => return,
                    (End::Dead(problem), consumer) => {
                        replaced("feed");
                        retire(consumer);
                        problem
                    }
                },
                Err(error) => error.to_string(),
            };
            let group = &self.shared.options.group_id;
            tracing::error!(group, problem, "the member of the group is dead, making a new one");
            if began.elapsed() > Self::WORKED {
                pause = Self::RETRY_FIRST;
            }
            if self.stopped_within(pause) {
                return;
            }
            pause = (pause * 2).min(Self::RETRY_LONGEST);
        }
    }

    /// Followers that ask meanwhile hold nothing any more: their feeds have ended.
    fn stopped_within(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.received.wait(left) {
                Some(Command::Stop) => return true,
                Some(
                    Command::Wake | Command::Follow { .. } | Command::Resume { .. } | Command::RenewIfIdle,
                ) => {}
                None if left.is_zero() => return self.assignments.is_closed(),
                None => {}
            }
        }
    }
}
