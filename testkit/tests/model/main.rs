//! The product against a naive Nova of a few pages, on random histories.
//!
//! A case is a few people who do what they like to each other for some weeks; a town is many cases at once on one
//! product (the executor over the file log, the projections, the views in SQLite), with restarts in between and every
//! view rebuilt at the end. Each command must be accepted or refused as the naive one says, and each question answered
//! field by field alike. People of different cases never meet, but what trends is of the whole town.
//!
//! A failure prints its seed. `NOVA_MODEL_SEED` runs that town alone, `NOVA_MODEL_TOWNS` sets how many are run.
#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod ask;
mod compare;
mod happen;
mod nova;
mod product;
mod rules;
mod steps;

use futures::future::join_all;
use nova_command_api::{CommandError, Executor};
use nova_events::UserId;

use crate::nova::{Asked, Nova, Verdict};
use crate::product::Product;
use crate::steps::{Dice, People};

const CASES: usize = 24;
const STEPS: u64 = 45;
const PHASES: u64 = 3;

/// One case: its people, what they have done so far, and the clock.
struct Case {
    dice: Dice,
    waits: Dice,
    people: People,
    nova: Nova,
    at_ms: i64,
    told: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_product_does_what_the_naive_nova_does() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (first, towns) = match number("NOVA_MODEL_SEED") {
        Some(seed) => (seed, 1),
        None => (
            u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos()) << 20,
            number("NOVA_MODEL_TOWNS").unwrap_or(90),
        ),
    };
    for seed in first..first + towns {
        println!("NOVA_MODEL_SEED={seed}");
        town(seed).await;
    }
}

async fn town(seed: u64) {
    let mut dice = Dice(seed);
    let mut product = Product::open();
    let mut cases: Vec<Case> = (0..CASES).map(|_| Case::new(&mut dice, &product.executor)).collect();
    for phase in 0..PHASES {
        let runs = cases.iter_mut().map(|case| case.run(product.executor.clone(), STEPS / PHASES));
        join_all(runs).await;
        product.caught_up().await;
        let is_last = phase + 1 == PHASES;
        compare::town(&product, &cases, &mut dice, if is_last { 1 } else { 3 }).await;
        if dice.one_in(2) {
            product = product.restart().await;
            compare::town(&product, &cases, &mut dice, 6).await;
        }
    }
    product.rebuild().await;
    compare::town(&product, &cases, &mut dice, 3).await;
    product.close().await;
}

impl Case {
    fn new(dice: &mut Dice, executor: &Executor) -> Self {
        let mut dice = Dice(dice.next());
        let name = format!("{:x}", dice.next() >> 24);
        let handles = (0..6).map(|n| format!("h{n}_{name}")).map(|handle| {
            let key = executor.handle_key(&handle);
            (handle, key)
        });
        let people =
            People { users: (0..4).map(|_| UserId(dice.id())).collect(), handles: handles.collect() };
        // So that the history ends about now: what is asked of the last days must find something.
        let waits = Dice(dice.next());
        let mut ahead = waits.clone();
        let length_ms: i64 = (0..STEPS).map(|_| steps::wait_ms(&mut ahead)).sum();
        let at_ms = product::now_ms() - length_ms - 1_000;
        Self { dice, waits, people, nova: Nova::default(), at_ms, told: Vec::new() }
    }

    async fn run(&mut self, executor: Executor, steps: u64) {
        for _ in 0..steps {
            self.at_ms += steps::wait_ms(&mut self.waits);
            let (who, moderator, command) = self.people.asks(&mut self.dice, &self.nova);
            let asked = Asked { who, moderator, at_ms: self.at_ms, command_id: self.dice.id(), command };
            self.step(&executor, asked).await;
        }
    }

    async fn step(&mut self, executor: &Executor, asked: Asked) {
        let verdict = self.nova.judge(&asked);
        let outcome = executor.execute(product::context(&asked), asked.command.clone()).await;
        self.told.push(format!("{:?} {} {:?} -> {outcome:?}", asked.who, asked.at_ms, asked.command));
        let agree = match (&verdict, &outcome) {
            (Verdict::Happens, Ok(outcome)) => outcome.changed,
            (Verdict::AlreadySo, Ok(outcome)) => !outcome.changed,
            (Verdict::Refused(codes), Err(CommandError::Refused(refusal))) => codes.contains(&refusal.code()),
            _ => false,
        };
        assert!(agree, "expected {verdict:?}\n{}", self.tell());
        if let (Verdict::Happens, Ok(outcome)) = (verdict, outcome) {
            self.nova.happen(&asked, outcome.position);
        }
    }

    /// The whole history, for whoever has to find out.
    fn tell(&self) -> String {
        self.told.join("\n")
    }
}
