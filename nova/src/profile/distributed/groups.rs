//! A store's consumer group, as far as it is in this process: projections run for each shard that the group gives us.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nova_distributed::feed::{AssignedShard, Assignment, GroupOptions, KafkaGroup};
use nova_distributed::kafka::KafkaOptions;
use nova_distributed::relay::{OutboxWatch, Sessions};
use nova_distributed::shard::{Shard, ShardStore, ShardWriter};
use nova_distributed::stalls::StallWatch;
use nova_eventlog::EventLog;
use nova_events::Codec;
use nova_projectors::{ALL, Options, Projection, Projectors};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often gauges are brought up to date, and the group is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A member without shards is replaced when the store has stood for so long although Kafka has more, and so often.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// How long the steps that are under way may take when a shard is taken away, or the process ends. What takes longer is
/// repeated by whoever gets the shard, which changes nothing.
const HAND_OVER: Duration = Duration::from_secs(2);

/// How far the log, the relay and the stores are, as PostgreSQL and the stores say.
#[derive(Debug, Clone)]
pub(super) struct Watches {
    pub(super) outbox: Arc<OutboxWatch>,
    pub(super) stalls: Arc<StallWatch>,
    pub(super) sessions: Arc<Sessions>,
}

#[derive(Debug)]
pub(super) struct Group {
    kafka: Arc<KafkaGroup>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Group {
    pub(super) fn start(
        store: Arc<dyn ShardStore>,
        kafka: KafkaOptions,
        mut options: GroupOptions,
        log: Arc<dyn EventLog>,
        codec: Codec,
        projectors: Options,
        watches: Watches,
    ) -> anyhow::Result<Self> {
        let projections: Vec<&'static Projection> =
            ALL.iter().filter(|projection| store.projections().contains(&projection.name)).collect();
        let mut categories: Vec<&'static str> =
            projections.iter().flat_map(|projection| projection.categories.iter().copied()).collect();
        categories.sort_unstable();
        categories.dedup();
        options.categories = categories;
        let published = watches.outbox.published();
        let sessions = Arc::clone(&watches.sessions);
        let (kafka, assignments) = KafkaGroup::start(kafka, options, Arc::clone(&log), published, sessions)?;
        let (kafka, stop) = (Arc::new(kafka), CancellationToken::new());
        let shards = Shards {
            store,
            projections,
            log,
            codec,
            projectors,
            watches,
            kafka: Arc::clone(&kafka),
            running: HashMap::new(),
            idle_since: Instant::now(),
        };
        let task = tokio::spawn(shards.run(assignments, stop.clone()));
        Ok(Self { kafka, stop, task })
    }

    /// Stops what runs, then leaves the group, so that others take over at once.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.kafka.stop().await;
        if self.task.await.is_err() {
            tracing::error!("the shards of a store could not be stopped");
        }
    }
}

struct Shards {
    store: Arc<dyn ShardStore>,
    projections: Vec<&'static Projection>,
    log: Arc<dyn EventLog>,
    codec: Codec,
    projectors: Options,
    watches: Watches,
    kafka: Arc<KafkaGroup>,
    running: HashMap<Shard, Projectors>,
    /// When a shard was held last, or the member was last replaced because there was none.
    idle_since: Instant,
}

impl Shards {
    async fn run(mut self, mut assignments: mpsc::Receiver<Assignment>, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let assignment = tokio::select! {
                () = stop.cancelled() => break,
                _ = look.tick() => {
                    self.look();
                    continue;
                }
                assignment = assignments.recv() => assignment,
            };
            // The group has ended: nothing is ours any more.
            let Some(assignment) = assignment else { break };
            match assignment {
                Assignment::Assigned(shard) => self.begin(shard).await,
                Assignment::Revoked { shard, done } => {
                    let stopping = self.running.remove(&shard);
                    // Several are revoked at once: none waits for the others.
                    tokio::spawn(async move {
                        if let Some(projectors) = stopping {
                            hand_over(projectors.stop()).await;
                        }
                        let _ = done.send(());
                    });
                }
            }
        }
        hand_over(futures::future::join_all(self.running.values().map(Projectors::stop))).await;
        // What is still taken away is so already.
        while let Some(assignment) = assignments.recv().await {
            if let Assignment::Revoked { done, .. } = assignment {
                let _ = done.send(());
            }
        }
    }

    /// Shows how far the shards are, and has a member replaced that should hold some and does not.
    fn look(&mut self) {
        let seen = self.watches.outbox.seen();
        for projectors in self.running.values() {
            projectors.show(seen.map(|seen| seen.head));
        }
        if !self.running.is_empty() {
            self.idle_since = Instant::now();
        }
        let stands = self.watches.stalls.stalls().into_iter().any(|stall| {
            let published = seen.is_some_and(|seen| seen.published > stall.position);
            let long = stall.since.elapsed().is_ok_and(|time| time >= IDLE_MAX);
            stall.store == self.store.name() && published && long
        });
        if stands && self.idle_since.elapsed() >= IDLE_MAX {
            self.idle_since = Instant::now();
            self.kafka.renew_if_idle();
        }
    }

    async fn begin(&mut self, assigned: AssignedShard) {
        let AssignedShard { shard, category, feed, offsets } = assigned;
        let projections: Vec<_> = self
            .projections
            .iter()
            .copied()
            .filter(|projection| projection.categories.contains(&category))
            .collect();
        let part = format!("{}/{shard}", self.store.name());
        let views = ShardWriter::new(Arc::clone(&self.store), shard.clone(), offsets);
        let views = Arc::new(views.checked_against(Arc::clone(&self.log)));
        let projectors = Projectors::start_some(
            projections,
            &part,
            Arc::clone(&self.log),
            feed,
            self.codec.clone(),
            views,
            self.projectors,
        );
        if let Some(before) = self.running.insert(shard, projectors) {
            hand_over(before.stop()).await;
        }
    }
}

/// Waits for projections that stop, at most [`HAND_OVER`].
async fn hand_over<T>(stopping: impl Future<Output = T>) {
    let _ = tokio::time::timeout(HAND_OVER, stopping).await;
}
