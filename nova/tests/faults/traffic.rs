//! Requests at a constant rate, whether or not earlier ones have been answered (an open loop).
//!
//! Latency counts from when a request was due, so that a stall is charged to everything that it holds up. A request belongs
//! to the phase in which it was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use uuid::Uuid;

use crate::client::{Api, Ask};
use crate::cluster::Cluster;
use crate::community::Community;
use crate::dice::Dice;
use crate::process::Role;
use crate::tally::{Phase, Reply, Route, Tally};

/// Who has not been answered by then has not been answered.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Traffic {
    phase: Arc<AtomicU8>,
    stopped: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    task: JoinHandle<()>,
}

/// Where requests go.
struct Apis {
    queries: Api,
    commands: Api,
}

/// A request that is ready to be sent.
struct Request {
    route: Route,
    ask: Ask,
    publishes: bool,
}

impl Traffic {
    /// It runs until it is stopped; at first nothing is counted.
    pub(crate) fn start(cluster: &Cluster, community: &Arc<Community>, rate: u64, dice: Dice) -> Self {
        let (phase, stopped) = (Arc::new(AtomicU8::new(Phase::WarmUp as u8)), Arc::<AtomicBool>::default());
        let tally = Arc::<Mutex<Tally>>::default();
        let api = |role| cluster.living(role).into_iter().next().expect("a process of this role");
        let apis = Apis { queries: api(Role::QueryApi), commands: api(Role::CommandApi) };
        let run = Run {
            apis,
            community: Arc::clone(community),
            phase: Arc::clone(&phase),
            stopped: Arc::clone(&stopped),
            tally: Arc::clone(&tally),
        };
        let task = tokio::spawn(run.at(rate, dice));
        Self { phase, stopped, tally, task }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    /// Waits for the answers that are still to come.
    pub(crate) async fn stop(self) -> Tally {
        self.stopped.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
        std::mem::take(&mut *self.tally.lock())
    }
}

struct Run {
    apis: Apis,
    community: Arc<Community>,
    phase: Arc<AtomicU8>,
    stopped: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
}

impl Run {
    async fn at(self, rate: u64, mut dice: Dice) {
        let started = Instant::now();
        let mut waiting = JoinSet::new();
        for number in 0.. {
            let due = started + Duration::from_nanos(number * 1_000_000_000 / rate.max(1));
            tokio::time::sleep_until(due).await;
            if self.stopped.load(Ordering::SeqCst) {
                break;
            }
            let phase = Phase::ALL[usize::from(self.phase.load(Ordering::SeqCst))];
            let request = self.next(&mut dice, number);
            waiting.spawn(one(request, phase, due, Arc::clone(&self.community), Arc::clone(&self.tally)));
            while waiting.try_join_next().is_some_and(|ended| {
                ended.unwrap();
                true
            }) {}
        }
        while let Some(ended) = waiting.join_next().await {
            ended.unwrap();
        }
    }

    fn next(&self, dice: &mut Dice, number: u64) -> Request {
        let route = match dice.below(100) {
            0..=29 => Route::Feed,
            30..=49 => Route::Timeline,
            50..=64 => Route::Messages,
            65..=74 => Route::Trending,
            75..=79 => Route::Discover,
            80..=89 => Route::Profile,
            _ => Route::Write,
        };
        let me = self.community.somebody(dice);
        let read = |path: &str, token: &str| self.apis.queries.ask("GET", path).token(token);
        let ask = match route {
            Route::Feed => read("/feed", &me.token),
            Route::Timeline => read("/timeline", &me.token),
            Route::Trending => read("/trending", &me.token),
            Route::Discover => read("/discover", &me.token),
            Route::Profile => read(&format!("/users/{}", self.community.somebody(dice).id), &me.token),
            Route::Messages => {
                let (conversation, member) = self.community.some_conversation(dice);
                read(&format!("/conversations/{conversation}/messages"), &member.token)
            }
            Route::Write => return self.write(dice, number),
        };
        Request { route, ask, publishes: false }
    }

    fn write(&self, dice: &mut Dice, number: u64) -> Request {
        let me = self.community.somebody(dice);
        let ask = |method: &str, path: &str, token: &str| {
            let key = Uuid::new_v4().to_string();
            self.apis.commands.ask(method, path).token(token).header("idempotency-key", key)
        };
        let kind = dice.below(3);
        let ask = match kind {
            0 => ask("POST", "/posts", &me.token).json(&json!({"text": format!("Post of request {number}")})),
            1 => ask("PUT", &format!("/posts/{}/like", self.community.some_post(dice)), &me.token),
            _ => {
                let (conversation, member) = self.community.some_conversation(dice);
                let body = json!({"text": format!("Message of request {number}")});
                ask("POST", &format!("/conversations/{conversation}/messages"), &member.token).json(&body)
            }
        };
        Request { route: Route::Write, ask, publishes: kind == 0 }
    }
}

async fn one(
    request: Request,
    phase: Phase,
    due: Instant,
    community: Arc<Community>,
    tally: Arc<Mutex<Tally>>,
) {
    let Request { route, ask, publishes } = request;
    let answer = tokio::time::timeout(PATIENCE, ask.try_send()).await.ok().flatten();
    let took = due.elapsed();
    if publishes && let Some(answer) = answer.as_ref().filter(|answer| answer.status.is_success()) {
        community.was_published(answer.body["id"].as_str().unwrap().parse().unwrap());
    }
    tally.lock().note(route, phase, took, &Reply::of(answer.as_ref()));
}
