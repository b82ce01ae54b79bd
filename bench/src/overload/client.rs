//! The load: one thread with as little to do for each request as possible.
//!
//! The open loop sends what is due every millisecond, over whichever connections are free. What finds none waits for one and
//! is given up after a while, as people do; its latency counts from when it was due all the same. What the load itself was
//! too slow to send is counted apart, because that says something about the load and nothing about the server.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::cores;
use crate::http::wire::Connection;
use crate::processor;

use super::mix::Mix;
pub(crate) use super::tally::Tally;
use super::tally::Times;

/// Beyond this a request was sent late by the load itself.
const LATE: Duration = Duration::from_millis(10);
/// After the last request was due, answers are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: String,
    pub(crate) mix: Mix,
    /// The only core that it uses.
    pub(crate) core: Option<usize>,
}

/// A request that is due.
#[derive(Clone, Copy)]
struct Due {
    number: u64,
    at: Duration,
}

/// What the tasks of one run share. They are all on one thread.
struct Run {
    load: Load,
    started: Instant,
    tally: RefCell<Tally>,
    /// Connections with nothing to do.
    idle: RefCell<Vec<Rc<Slot>>>,
    waiting: RefCell<VecDeque<Due>>,
    under_way: Cell<usize>,
    give_up: Duration,
    is_over: Cell<bool>,
}

/// One connection, and what it has been given to send.
#[derive(Default)]
struct Slot {
    due: Cell<Option<Due>>,
    given: Notify,
}

impl Load {
    /// Each connection sends when its last request has been answered.
    pub(crate) async fn closed(&self, connections: usize, seconds: u64) -> anyhow::Result<Tally> {
        self.alone(move |load| async move { closed(load, connections, Duration::from_secs(seconds)).await })
            .await
    }

    /// `rate` requests a second, whatever becomes of them.
    pub(crate) async fn open(
        &self,
        connections: usize,
        rate: u64,
        seconds: u64,
        give_up_ms: u64,
    ) -> anyhow::Result<Tally> {
        let (duration, give_up) = (Duration::from_secs(seconds), Duration::from_millis(give_up_ms));
        self.alone(move |load| async move { open(load, connections, rate, duration, give_up).await }).await
    }

    /// On a thread and a core of its own.
    async fn alone<F>(&self, work: impl FnOnce(Self) -> F + Send + 'static) -> anyhow::Result<Tally>
    where
        F: Future<Output = anyhow::Result<Tally>> + 'static,
    {
        let load = self.clone();
        let busy = processor::seconds();
        let mut tally = cores::alone(self.core, move || work(load)).await?;
        tally.client_busy = (processor::seconds() - busy) / tally.seconds.max(0.001);
        Ok(tally)
    }
}

impl Run {
    fn new(load: Load, give_up: Duration) -> anyhow::Result<Rc<Self>> {
        Ok(Rc::new(Self {
            load,
            started: Instant::now(),
            tally: RefCell::new(Tally::new()?),
            idle: RefCell::default(),
            waiting: RefCell::default(),
            under_way: Cell::new(0),
            give_up,
            is_over: Cell::new(false),
        }))
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn finish(self: Rc<Self>, seconds: f64) -> anyhow::Result<Tally> {
        let mut tally = self.tally.replace(Tally::new()?);
        tally.seconds = seconds;
        Ok(tally)
    }

    /// One request, and into the tally with what came of it. The connection, unless it broke.
    async fn ask(
        &self,
        mut connection: Connection,
        due: Due,
        buffer: &mut Vec<u8>,
    ) -> anyhow::Result<Connection> {
        buffer.clear();
        self.load.mix.write(due.number, buffer);
        let sent = self.now();
        let answer = connection.exchange(buffer).await;
        let times = Times { due: due.at, sent, answered: self.now() };
        let mut tally = self.tally.borrow_mut();
        match answer {
            Ok(answer) => {
                tally.answered(&answer, times);
                drop(tally);
                Ok(connection)
            }
            Err(error) => {
                tally.failed(format!("{error:#}"));
                Err(error)
            }
        }
    }

    /// The oldest request that waits for a connection, unless its client has given it up.
    fn next_waiting(&self) -> Option<Due> {
        let now = self.now();
        loop {
            let due = self.waiting.borrow_mut().pop_front()?;
            if now.saturating_sub(due.at) <= self.give_up {
                return Some(due);
            }
            self.tally.borrow_mut().given_up += 1;
        }
    }
}

async fn connect(load: &Load, count: usize) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open(&load.address).await?);
    }
    Ok(connections)
}

async fn closed(load: Load, connections: usize, duration: Duration) -> anyhow::Result<Tally> {
    let open = connect(&load, connections).await?;
    let run = Run::new(load, Duration::ZERO)?;
    let number = Rc::new(Cell::new(0));
    let mut tasks = Vec::new();
    for mut connection in open {
        let (run, number) = (Rc::clone(&run), Rc::clone(&number));
        tasks.push(tokio::task::spawn_local(async move {
            let mut buffer = Vec::new();
            while run.now() < duration {
                let due = Due { number: number.replace(number.get() + 1), at: run.now() };
                run.tally.borrow_mut().due += 1;
                connection = run.ask(connection, due, &mut buffer).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let seconds = run.now().as_secs_f64();
    run.finish(seconds)
}

async fn open(
    load: Load,
    connections: usize,
    rate: u64,
    duration: Duration,
    give_up: Duration,
) -> anyhow::Result<Tally> {
    let open = connect(&load, connections).await?;
    let run = Run::new(load, give_up)?;
    let mut tasks = Vec::new();
    for connection in open {
        let slot = Rc::new(Slot::default());
        run.idle.borrow_mut().push(Rc::clone(&slot));
        tasks.push(tokio::task::spawn_local(serve(Rc::clone(&run), slot, connection)));
    }
    schedule(&run, rate, duration).await;
    let last = Instant::now();
    while run.under_way.get() > 0 && last.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.is_over.set(true);
    let unanswered = run.under_way.get();
    for _ in 0..unanswered {
        run.tally.borrow_mut().failed(format!("no answer within {} s", PATIENCE.as_secs()));
    }
    for task in tasks {
        task.abort();
    }
    // What was answered after the end was due before it.
    run.finish(duration.as_secs_f64())
}

/// Hands out what is due, every millisecond.
async fn schedule(run: &Rc<Run>, rate: u64, duration: Duration) {
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut number: u64 = 0;
    loop {
        ticks.tick().await;
        let now = run.now();
        let due_by_now = (now.min(duration).as_secs_f64() * rate as f64) as u64;
        while number < due_by_now {
            let due = Due { number, at: Duration::from_secs_f64(number as f64 / rate as f64) };
            number += 1;
            hand_out(run, due, now);
        }
        if now >= duration {
            break;
        }
    }
    // Nobody has a connection for these any more.
    let left = run.waiting.borrow_mut().drain(..).count() as u64;
    run.tally.borrow_mut().given_up += left;
}

fn hand_out(run: &Rc<Run>, due: Due, now: Duration) {
    let mut tally = run.tally.borrow_mut();
    tally.due += 1;
    if now.saturating_sub(due.at) > LATE {
        tally.client_late += 1;
    }
    drop(tally);
    match run.idle.borrow_mut().pop() {
        Some(slot) => {
            run.under_way.set(run.under_way.get() + 1);
            slot.due.set(Some(due));
            slot.given.notify_one();
        }
        None => run.waiting.borrow_mut().push_back(due),
    }
}

/// One connection of the open loop. A broken one is opened anew.
async fn serve(run: Rc<Run>, slot: Rc<Slot>, connection: Connection) {
    let mut buffer = Vec::new();
    let mut connection = Some(connection);
    loop {
        slot.given.notified().await;
        let mut given = slot.due.take();
        while let Some(due) = given {
            let open = match connection.take() {
                Some(open) => Ok(open),
                None => Connection::open(&run.load.address).await,
            };
            match open {
                Ok(open) => connection = run.ask(open, due, &mut buffer).await.ok(),
                Err(error) => run.tally.borrow_mut().failed(format!("{error:#}")),
            }
            given = if run.is_over.get() { None } else { run.next_waiting() };
        }
        run.under_way.set(run.under_way.get() - 1);
        run.idle.borrow_mut().push(Rc::clone(&slot));
    }
}
