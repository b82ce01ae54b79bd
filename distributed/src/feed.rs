//! The way from Kafka to the projections: a member of a consumer group, which hands out the partitions it is given as
//! shards, each with a feed of its own.
//!
//! What a feed promises, for one partition and as long as this member holds it:
//!
//! * **Complete.** Every event of the partition behind `after` comes. Batches are in order; positions never go back;
//!   what had been parked comes in batches of its own, marked late.
//! * **Kafka is only the fast way.** The log is the truth. Where Kafka cannot be trusted to go on from where a view is,
//!   the feed reads the log. Kafka's own record of a group's offsets is neither read nor written: the views hold their
//!   cursors, saved with the effect.
//! * **Bounded.** What waits for a slow follower is bounded in records and bytes; then its partition is paused, and no
//!   other. The group is polled all the while.
//! * **Handed over.** A partition that is taken away is held until what is under way has been saved, but at most for
//!   `revoke_wait_ms`. Its feed ends with an error. Two members may still follow it for a moment: see [`crate::shard`].
//!
//! # Why nothing is missed
//!
//! The relay writes a partition's records in the order of their positions, from a cursor that it moves only over what
//! Kafka has acknowledged; after a crash it repeats. So for a record that came in its turn (an event that is not late, or
//! a watermark) at offset `x` with position `p`: (1) whatever of the partition has a position above `p` stands behind
//! `x`, again if need be, or is parked and comes late. And a relay publishes what is in the log: (2) what stands in
//! Kafka at some instant is in the log at any later one. A log that loses its end breaks (2): records of lost events are left
//! out by the session that wrote them, and a follower that has handed out some of them ends its process
//! ([`crate::relay::Sessions`]).
//!
//! *From an offset.* `o` was saved with a view's cursor, but may have expired, or belong to a topic that has since been
//! deleted and made anew. So `o` is only a hint: it is used when the record at `o - 1` is there, came in its turn, and
//! has a position of at most `after`, and when the log has its event and that of the partition's last record. By (1)
//! everything behind `after` then stands at `o` or later, wherever `o` came from. An offset is noted only directly behind a record that moved the position forward, so the record before it is
//! one that can vouch for it. Nothing before `o` (an empty topic, or all of it expired) vouches for nothing.
//!
//! *From the log.* In any other case: first the partition's end `o` is asked for, then the log's head `H`, then the log
//! is read from `after` to `H` or a little further, to `H'`. Then Kafka from `o`. An event at or below `H'` has been read
//! from the log. One above `H` was not in the log after `o` had been asked for, so by (2) it was not before `o` in Kafka:
//! it comes from there. This needs a log whose `read_all` looks at what is there, not at a head heard of some time ago.
//! And it makes `(H', o)` a pair that may be noted.
//!
//! Known limit: an event that was parked, and released while nobody followed the partition, is missed by a view that is
//! past its position when the feed has to go by the log. A rebuild finds it.
//!
//! # What is not Nova's
//!
//! A record that no relay wrote is counted, reported by topic, partition and offset, and skipped. It can hide nothing:
//! the events are in the log, the relay has written them, and watermarks say up to where a partition is complete.
//!
//! Reading order: `options`, `context` (what the client calls back), `poller`, `session` and `held` (the poll
//! thread), `watchdog`, `pipe` (from there to a follower), `follow`, `history` (from the log), `probe`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use nova_eventlog::{EventFeed, EventLog, EventMark, LogError};
use rdkafka::error::KafkaError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::kafka::KafkaOptions;
use crate::log::changed;
use crate::relay::Sessions;
use crate::shard::{Offsets, Shard};
use crate::topics::Topics;

mod context;
mod follow;
mod gather;
mod held;
mod history;
mod names;
mod options;
mod pipe;
mod poller;
mod probe;
mod session;
mod watchdog;

pub use options::{GroupOptions, GroupProtocol};
use poller::{Command, Commands, Poller};
use probe::Probe;

/// What a member is given and what is taken from it, in order.
#[derive(Debug)]
pub enum Assignment {
    Assigned(AssignedShard),
    Revoked {
        shard: Shard,
        /// To be told when what was under way has been saved. The group waits for it, but not for long.
        done: oneshot::Sender<()>,
    },
}

/// A shard to follow until it is revoked.
pub struct AssignedShard {
    pub shard: Shard,
    pub category: &'static str,
    /// One follower at a time: a new one ends the one before.
    pub feed: Arc<dyn EventFeed>,
    /// What the feed knows of offsets, for the [`crate::shard::ShardWriter`]s of this shard.
    pub offsets: Arc<Offsets>,
}

impl fmt::Debug for AssignedShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssignedShard").field("shard", &self.shard).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum GroupError {
    #[error("a group needs an id and at least one category")]
    Empty,
    #[error("the member of the group {group_id} cannot be made: {problem}; check kafka.settings")]
    Client { group_id: String, problem: String },
}

/// A member of a consumer group.
#[derive(Debug)]
pub struct KafkaGroup {
    commands: Commands,
    ended: CancellationToken,
}

/// What the followers and the poll thread share.
struct Shared {
    log: Arc<dyn EventLog>,
    topics: Topics,
    options: GroupOptions,
    probe: Probe,
    commands: Commands,
    /// Everything up to here is in Kafka, as the relay's cursor says.
    published: watch::Receiver<u64>,
    sessions: Arc<Sessions>,
    /// The highest position seen anywhere.
    head: AtomicU64,
    queued_bytes: Arc<AtomicUsize>,
}

impl Shared {
    fn tell(&self, command: Command) {
        self.commands.send(command);
    }

    /// The best head known. `position` is one of the log, not of what it may have lost.
    fn saw_head(&self, position: u64) -> u64 {
        let published = *self.published.borrow();
        let known = position.max(published);
        self.head.fetch_max(known, Ordering::Relaxed).max(known)
    }

    /// Fails when the log does not have an event any more that it had. The process is to end then.
    async fn still_has(&self, known: EventMark) -> Result<(), LogError> {
        let (mark, head) = self.log.mark_at(known.position).await?;
        if mark == Some(known) {
            return Ok(());
        }
        let problem = changed(known.position, mark.is_some(), head);
        self.sessions.found_lost(problem.clone());
        Err(unavailable(format!("the log is of another history: {problem}")))
    }
}

fn unavailable(problem: String) -> LogError {
    LogError::Unavailable(problem)
}

impl KafkaGroup {
    /// Assignments that wait for the program; more of them wait in the poll thread.
    const ASSIGNMENTS_MAX: usize = 64;
    /// Leaving takes a moment; a broker that does not answer must not keep the program from ending.
    const LEAVE_MAX: Duration = Duration::from_secs(10);

    /// Joins the group, on a thread of its own. Whether Kafka can be reached is not looked at: the member joins when it
    /// can. The receiver has to be read: it is the only way to know what is taken away. When it is dropped the member
    /// leaves. `published` is how far the relay is; it tells a client that has stopped working from a quiet partition.
    pub fn start(
        kafka: KafkaOptions,
        options: GroupOptions,
        log: Arc<dyn EventLog>,
        published: watch::Receiver<u64>,
        sessions: Arc<Sessions>,
    ) -> Result<(Self, mpsc::Receiver<Assignment>), GroupError> {
        if options.group_id.is_empty() || options.categories.is_empty() {
            return Err(GroupError::Empty);
        }
        let group_id = options.group_id.clone();
        let failed = |problem: String| GroupError::Client { group_id: group_id.clone(), problem };
        let no_client = |error: KafkaError| failed(error.to_string());
        let (commands, received) = Commands::new();
        let (sender, assignments) = mpsc::channel(Self::ASSIGNMENTS_MAX);
        let timeout = Duration::from_millis(options.probe_timeout_ms);
        let probe =
            Probe::new(options.prober(&kafka), timeout, kafka.topics.partitions).map_err(no_client)?;
        let config = options.consumer(&kafka);
        let shared = Arc::new(Shared {
            log,
            topics: kafka.topics,
            options,
            probe,
            commands: commands.clone(),
            published,
            sessions,
            head: AtomicU64::new(0),
            queued_bytes: Arc::default(),
        });
        let ended = CancellationToken::new();
        let poller = Poller::new(shared, config, received, sender);
        let consumer = poller.consumer().map_err(no_client)?;
        let guard = ended.clone().drop_guard();
        std::thread::Builder::new()
            .name("kafka-feed".to_owned())
            .spawn(move || {
                let _ended = guard;
                poller.run(consumer);
            })
            .map_err(|error| failed(error.to_string()))?;
        Ok((Self { commands, ended }, assignments))
    }

    /// Replaces the client if it holds no shard. To be called when shards of the group stand still that should be
    /// somebody's.
    pub fn renew_if_idle(&self) {
        self.commands.send(Command::RenewIfIdle);
    }

    /// Revokes every shard, waits for what is under way, and leaves the group, so that others take over at once.
    pub async fn stop(&self) {
        self.commands.send(Command::Stop);
        if tokio::time::timeout(Self::LEAVE_MAX, self.ended.cancelled()).await.is_err() {
            tracing::warn!("the group could not be left in time; Kafka will notice that this member is gone");
        }
    }
}

impl Drop for KafkaGroup {
    fn drop(&mut self) {
        self.commands.send(Command::Stop);
    }
}
