//! The life of one client, on the poll thread. Nothing here waits for anything but the client and the next command.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::context::{self, FeedContext, Rebalanced};
use super::follow::{Holding, ShardFeed};
use super::held::{Follower, Held, pause, resume, start, take};
use super::poller::{Command, Place, Poller};
use super::watchdog::{Awaited, Watchdog};
use super::{AssignedShard, Assignment, Shared, names, unavailable};

/// Records taken before commands are looked at again.
const BURST_MAX: usize = 1_024;
/// When nothing wakes the thread it looks by itself.
const IDLE: Duration = Duration::from_millis(100);
/// While something is about to happen.
const SOON: Duration = Duration::from_millis(5);
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// The same trouble is told at most this often.
const QUIET: Duration = Duration::from_secs(30);

pub(super) enum End {
    Stopped,
    /// The client will not work again.
    Dead(String),
}

/// Partitions that are given back as soon as everyone is done with them.
struct Releasing {
    list: Option<TopicPartitionList>,
    waiting: Vec<oneshot::Receiver<()>>,
    deadline: Instant,
}

pub(super) struct Session<'a> {
    poller: &'a mut Poller,
    shared: Arc<Shared>,
    consumer: BaseConsumer<FeedContext>,
    held: HashMap<u64, Held>,
    /// By topic and partition.
    places: HashMap<String, BTreeMap<i32, u64>>,
    releasing: Option<Releasing>,
    stopping: bool,
    tidied: Instant,
    told: BTreeMap<i32, Instant>,
    watchdog: Watchdog,
    /// It holds no partition and is to be replaced.
    idle: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(poller: &'a mut Poller, consumer: BaseConsumer<FeedContext>) -> Self {
        Self {
            shared: Arc::clone(&poller.shared),
            poller,
            consumer,
            held: HashMap::new(),
            places: HashMap::new(),
            releasing: None,
            stopping: false,
            tidied: Instant::now(),
            told: BTreeMap::new(),
            watchdog: Watchdog::default(),
            idle: false,
        }
    }

    /// Returns how it ended, and the client: destroying that leaves the group, and may take its time.
    pub(super) fn run(mut self) -> (End, BaseConsumer<FeedContext>) {
        let end = loop {
            if let Some(end) = self.turn() {
                break end;
            }
        };
        self.let_go_of_everything();
        self.tell_program();
        self.tidy();
        self.consumer.context().close();
        (end, self.consumer)
    }

    fn turn(&mut self) -> Option<End> {
        self.poller.received.rearm();
        while let Some(command) = self.poller.received.next() {
            self.obey(command);
        }
        if self.stopping && self.releasing.is_none() {
            if self.held.is_empty() {
                return Some(End::Stopped);
            }
            self.release(false, self.held.keys().copied().collect(), false);
        }
        self.tell_program();
        self.go_on_releasing();
        let mut quiet = 0;
        for _ in 0..BURST_MAX {
            // An event that is not a record answers `None` too, and may have others behind it.
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(record)) => {
                    take(&self.shared, &self.consumer, &mut self.held, &self.places, &record);
                    quiet = 0;
                }
                Some(Err(error)) => {
                    if let Some(end) = self.trouble(&error) {
                        return Some(end);
                    }
                    quiet = 0;
                }
                None => quiet += 1,
            }
            if quiet > 1 {
                break;
            }
        }
        if self.releasing.is_none()
            && let Some(rebalanced) = self.consumer.context().next()
        {
            self.rebalance(rebalanced);
            return None;
        }
        if self.tidied.elapsed() > HOUSEKEEPING {
            self.tidy();
            if let Some((code, problem)) = self.consumer.client().fatal_error() {
                return Some(End::Dead(format!("{code}: {problem}")));
            }
            if let Some(problem) = self.watch() {
                metrics::counter!(names::STUCK, "group" => self.shared.options.group_id.clone()).increment(1);
                return Some(End::Dead(problem));
            }
        }
        if quiet > 1 {
            let soon = self.releasing.is_some() || !self.poller.untold.is_empty();
            if let Some(command) = self.poller.received.wait(if soon { SOON } else { IDLE }) {
                self.obey(command);
            }
        }
        None
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Wake => {}
            Command::RenewIfIdle => self.idle = self.held.is_empty(),
            Command::Stop => self.stopping = true,
            Command::Follow { place, offset, position, pipe } => {
                let Some(held) = self.held.get_mut(&place.assignment) else {
                    return pipe.fail(unavailable("the partition is not ours any more".to_owned()));
                };
                match start(&self.consumer, held, offset) {
                    Ok(()) => held.follower = Some(Follower { pipe, next: offset, position }),
                    Err(error) => {
                        held.follower = None;
                        let Holding { topic, place, .. } = &*held.holding;
                        let place = format!("{topic} {} cannot be read from {offset}", place.partition);
                        pipe.fail(unavailable(format!("{place}: {error}")));
                    }
                }
            }
            Command::Resume { place, pipe } => {
                let Some(held) = self.held.get_mut(&place.assignment) else { return };
                let current =
                    held.follower.as_ref().is_some_and(|follower| Arc::ptr_eq(&follower.pipe, &pipe));
                if current {
                    resume(&self.consumer, held);
                }
            }
        }
    }

    fn rebalance(&mut self, rebalanced: Rebalanced) {
        metrics::counter!(names::REBALANCES, "group" => self.shared.options.group_id.clone()).increment(1);
        match rebalanced {
            Rebalanced::Assigned(list) => self.take_over(&list),
            Rebalanced::Revoked(list) => {
                let lost = self.consumer.assignment_lost();
                let taken: Vec<u64> = list
                    .elements()
                    .iter()
                    .filter_map(|one| self.places.get(one.topic())?.get(&one.partition()).copied())
                    .collect();
                tracing::info!(
                    group = self.shared.options.group_id,
                    shards = taken.len(),
                    lost,
                    "shards revoked"
                );
                self.release(true, taken, lost);
            }
        }
    }

    /// The client is given a partition only when someone follows it: then it is known where to begin.
    fn take_over(&mut self, list: &TopicPartitionList) {
        context::assign(&self.consumer, &TopicPartitionList::new());
        tracing::info!(group = self.shared.options.group_id, shards = list.count(), "shards assigned");
        for one in list.elements() {
            let (topic, partition) = (one.topic(), one.partition());
            let category = self.shared.topics.category_of(topic);
            let known = (0..self.shared.topics.partitions).contains(&partition);
            let Some(category) = category.filter(|_| known) else {
                tracing::error!(topic, partition, "a partition that should not be there; it is not followed");
                continue;
            };
            self.poller.assignments_made += 1;
            let place = Place { assignment: self.poller.assignments_made, partition };
            let holding = Arc::new(Holding::new(place, category, topic.to_owned()));
            self.poller.untold.push_back(Assignment::Assigned(AssignedShard {
                shard: place.shard(category),
                category,
                offsets: Arc::clone(&holding.offsets),
                feed: Arc::new(ShardFeed { holding: Arc::clone(&holding), group: Arc::clone(&self.shared) }),
            }));
            self.places.entry(topic.to_owned()).or_default().insert(partition, place.assignment);
            self.held
                .insert(place.assignment, Held { holding, follower: None, started: false, paused: true });
        }
    }

    /// What is `lost` belongs to another member already: there is nothing to wait for. `answer`: the client waits to hear
    /// that they are given back.
    fn release(&mut self, answer: bool, taken: Vec<u64>, lost: bool) {
        let mut list = TopicPartitionList::new();
        for held in taken.iter().filter_map(|assignment| self.held.get(assignment)) {
            if held.started {
                list.add_partition(&held.holding.topic, held.holding.place.partition);
            }
        }
        let list = answer.then_some(list);
        let waiting = taken.into_iter().filter_map(|assignment| self.let_go(assignment)).collect();
        let wait = if lost { 0 } else { self.shared.options.revoke_wait_ms };
        let deadline = Instant::now() + Duration::from_millis(wait);
        self.releasing = Some(Releasing { list, waiting, deadline });
        self.tell_program();
        self.go_on_releasing();
    }

    fn go_on_releasing(&mut self) {
        let Some(releasing) = &mut self.releasing else { return };
        releasing
            .waiting
            .retain_mut(|done| matches!(done.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        if !releasing.waiting.is_empty() && Instant::now() < releasing.deadline {
            return;
        }
        if !releasing.waiting.is_empty() {
            tracing::warn!(shards = releasing.waiting.len(), "shards were taken away before they were done");
        }
        if let Some(list) = self.releasing.take().and_then(|releasing| releasing.list) {
            context::unassign(&self.consumer, &list);
        }
    }

    fn let_go(&mut self, assignment: u64) -> Option<oneshot::Receiver<()>> {
        let held = self.held.remove(&assignment)?;
        held.holding.revoked.cancel();
        let Holding { place, category, topic, .. } = &*held.holding;
        if let Some(partitions) = self.places.get_mut(topic) {
            partitions.remove(&place.partition);
        }
        let (done, waiting) = oneshot::channel();
        self.poller.untold.push_back(Assignment::Revoked { shard: place.shard(category), done });
        Some(waiting)
    }

    fn let_go_of_everything(&mut self) {
        let all: Vec<u64> = self.held.keys().copied().collect();
        for assignment in all {
            // Nobody waits any more.
            drop(self.let_go(assignment));
        }
    }

    fn tell_program(&mut self) {
        while let Some(assignment) = self.poller.untold.pop_front() {
            match self.poller.assignments.try_send(assignment) {
                Ok(()) => {}
                Err(TrySendError::Full(assignment)) => {
                    self.poller.untold.push_front(assignment);
                    return;
                }
                Err(TrySendError::Closed(_)) => self.stopping = true,
            }
        }
        self.stopping |= self.poller.assignments.is_closed();
    }

    fn trouble(&mut self, error: &KafkaError) -> Option<End> {
        if let KafkaError::MessageConsumptionFatal(code) = error {
            return Some(End::Dead(code.to_string()));
        }
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        let not_as_it_was = matches!(
            code,
            RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        );
        if not_as_it_was {
            // The client does not say which one: each looks again whether it is where it should be.
            for held in self.held.values_mut() {
                if let Some(follower) = held.follower.take() {
                    follower.pipe.fail(unavailable(format!("a partition is not what it was: {code}")));
                    pause(&self.consumer, held);
                }
            }
        }
        if self.told.get(&(code as i32)).is_none_or(|last| last.elapsed() > QUIET) {
            self.told.insert(code as i32, Instant::now());
            tracing::warn!(group = self.shared.options.group_id, %error, "trouble with Kafka");
        }
        None
    }

    /// Returns the problem of a client that does not make progress it could make.
    fn watch(&mut self) -> Option<String> {
        if self.idle && self.held.is_empty() {
            return Some("it holds no partition, and some that nobody moves are its group's".to_owned());
        }
        self.idle = false;
        let awaited: Vec<Awaited> = self
            .held
            .iter()
            .filter(|(_, held)| held.started && !held.paused)
            .filter_map(|(&assignment, held)| {
                // What waits in the pipe has come, and nobody has seen yet whether it counts.
                let follower = held.follower.as_ref().filter(|follower| follower.pipe.is_empty())?;
                let position = follower.position.max(follower.pipe.reached());
                Some(Awaited { assignment, next: follower.next, position })
            })
            .collect();
        let published = *self.shared.published.borrow();
        let stuck = self.watchdog.stuck(&awaited, published, self.poller.replaced_at, Instant::now())?;
        self.poller.replaced_at = Some(published);
        let Holding { topic, place, .. } = &*self.held.get(&stuck.assignment)?.holding;
        Some(format!(
            "{topic} {} does not come on from position {}, although Kafka has it up to {published}",
            place.partition, stuck.position
        ))
    }

    fn tidy(&mut self) {
        self.tidied = Instant::now();
        self.shared.probe.serve();
        let group = || self.shared.options.group_id.clone();
        let waiting = self.held.values().filter(|held| held.paused && held.follower.is_some()).count();
        let queued = self.shared.queued_bytes.load(Ordering::Relaxed);
        metrics::gauge!(names::ASSIGNED, "group" => group()).set(self.held.len() as f64);
        metrics::gauge!(names::PAUSED, "group" => group()).set(waiting as f64);
        metrics::gauge!(names::QUEUED_BYTES, "group" => group()).set(queued as f64);
    }
}
