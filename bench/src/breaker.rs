//! One call through a circuit breaker, in process, beside that of `tower-resilience-circuitbreaker` in the same run.
//!
//! Every subject makes the same call, an `async` block that is ready at once, on a runtime of a single thread, so that what
//! is left after the bare call is taken away is the breaker. With several threads they share one breaker, as requests do.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nova_resilience::{Breaker, BreakerOptions, Guard, GuardOptions, Verdict};
use tower::{Service as _, ServiceExt as _};
use tower_resilience_circuitbreaker::{CircuitBreaker, CircuitBreakerLayer, DefaultClassifier};

use crate::{setting, table::Table};

/// Longer than any run: what is open stays open.
const HOUR: Duration = Duration::from_secs(3600);
/// Consecutive failures that open either breaker.
const FAILURES: u8 = 5;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Calls of each thread in one round.
    #[arg(long, default_value_t = 1_000_000)]
    calls: u64,
    /// Subjects take turns in every round.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Bare,
    Nova(State),
    /// Deadline, bulkhead, breaker and time limit together, as Nova calls its stores.
    NovaGuard,
    Tower(State),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open,
}

impl Subject {
    const ALL: [Self; 6] = [
        Self::Bare,
        Self::Nova(State::Closed),
        Self::Tower(State::Closed),
        Self::Nova(State::Open),
        Self::Tower(State::Open),
        Self::NovaGuard,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare call",
            Self::Nova(State::Closed) => "nova-resilience, closed: a success",
            Self::Nova(State::Open) => "nova-resilience, open: a refusal",
            Self::NovaGuard => {
                "nova-resilience, whole guard (bulkhead, breaker, time limit), closed: a success"
            }
            Self::Tower(State::Closed) => "tower-resilience-circuitbreaker 0.14.0, closed: a success",
            Self::Tower(State::Open) => "tower-resilience-circuitbreaker 0.14.0, open: a refusal",
        }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // As in the product, counters count.
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    setting::print(&[
        ("calls", format!("{} by each thread in each of {} rounds", arguments.calls, arguments.rounds)),
        (
            "metrics",
            "Nova's breaker counts into an installed Prometheus recorder, the peer's feature is off"
                .to_owned(),
        ),
    ]);
    let (calls, rounds, threads) = (arguments.calls, arguments.rounds, arguments.threads.clone());
    let table = tokio::task::spawn_blocking(move || measure(calls, rounds, &threads)).await??;
    table.print();
    Ok(())
}

fn measure(calls: u64, rounds: usize, threads: &[usize]) -> anyhow::Result<Table> {
    let mut table = Table::new();
    for threads in threads {
        let mut samples = vec![Vec::new(); Subject::ALL.len()];
        for _ in 0..rounds {
            for (subject, samples) in Subject::ALL.iter().zip(&mut samples) {
                samples.push(round(*subject, calls, *threads)?);
            }
        }
        for (subject, samples) in Subject::ALL.iter().zip(&samples) {
            table.row(subject.name(), &format!("{threads} threads, one breaker"), "ns per call", samples);
        }
    }
    Ok(table)
}

/// Nanoseconds of one call, as a thread sees it.
fn round(subject: Subject, calls: u64, threads: usize) -> anyhow::Result<f64> {
    match subject {
        Subject::Bare => each(threads, calls, || async move {
            for number in 0..calls {
                black_box(work(black_box(number)).await?);
            }
            Ok(calls)
        }),
        Subject::Nova(State::Closed) => {
            let breaker = Arc::new(Breaker::new("bench", options()));
            each(threads, calls, || {
                let breaker = Arc::clone(&breaker);
                async move {
                    for number in 0..calls {
                        let permit = breaker.try_acquire().ok().context("a closed breaker refused")?;
                        black_box(work(black_box(number)).await?);
                        permit.succeeded();
                    }
                    Ok(calls)
                }
            })
        }
        Subject::Nova(State::Open) => {
            let breaker = Arc::new(Breaker::new("bench", options()));
            for _ in 0..FAILURES {
                breaker.try_acquire().ok().context("a closed breaker refused")?.failed("bench");
            }
            each(threads, calls, || {
                let breaker = Arc::clone(&breaker);
                async move {
                    let refused = (0..calls).filter(|_| black_box(breaker.try_acquire()).is_err()).count();
                    Ok(refused as u64)
                }
            })
        }
        Subject::NovaGuard => {
            let guard = Arc::new(Guard::new("bench", guard_options()));
            each(threads, calls, || {
                let guard = Arc::clone(&guard);
                async move {
                    for number in 0..calls {
                        let called =
                            guard.call(|_: &std::io::Error| Verdict::Failed("io"), work(black_box(number)));
                        black_box(called.await.ok().context("a closed guard refused")?);
                    }
                    Ok(calls)
                }
            })
        }
        Subject::Tower(state) => tower_round(state, calls, threads),
    }
}

fn tower_round(state: State, calls: u64, threads: usize) -> anyhow::Result<f64> {
    let layer = CircuitBreakerLayer::builder()
        .consecutive_failures(FAILURES.into())
        .wait_duration_in_open(HOUR)
        .build()?;
    // The number of the call; the highest of all fails.
    let service = tower::service_fn(|number: u64| async move {
        if number == u64::MAX { Err(std::io::Error::other("fails")) } else { work(number).await }
    });
    let mut service: CircuitBreaker<_, DefaultClassifier> = layer.layer_fn(service);
    if state == State::Open {
        let opening = async {
            for _ in 0..FAILURES {
                let _ = service.ready().await?.call(u64::MAX).await;
            }
            anyhow::Ok(())
        };
        single()?.block_on(opening)?;
    }
    each(threads, calls, || {
        let mut service = service.clone();
        async move {
            let mut as_meant = 0;
            for number in 0..calls {
                let answer = service.ready().await?.call(black_box(number)).await;
                as_meant += u64::from(black_box(answer).is_ok() == (state == State::Closed));
            }
            Ok(as_meant)
        }
    })
}

/// What is called: ready at once.
#[expect(clippy::unused_async, reason = "it is called as what waits is called")]
async fn work(number: u64) -> std::io::Result<u64> {
    Ok(number)
}

fn options() -> BreakerOptions {
    BreakerOptions::new(FAILURES, HOUR, 3)
}

fn guard_options() -> GuardOptions {
    GuardOptions {
        breaker: options(),
        calls_max: 256,
        place_wait: Duration::ZERO,
        call_timeout: Duration::from_secs(1),
        probed_apart: false,
    }
}

fn single() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs the same calls on so many threads at once; each says how many of them went as they should.
fn each<F>(threads: usize, calls: u64, mut work: impl FnMut() -> F) -> anyhow::Result<f64>
where
    F: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(threads));
    let mut running = Vec::new();
    for _ in 0..threads {
        let (barrier, work, runtime) = (Arc::clone(&barrier), work(), single()?);
        running.push(std::thread::spawn(move || {
            barrier.wait();
            let started = Instant::now();
            let done = runtime.block_on(work)?;
            anyhow::Ok((started.elapsed(), done))
        }));
    }
    let mut sum = 0.0;
    for thread in running {
        let Ok(outcome) = thread.join() else { anyhow::bail!("a measuring thread has panicked") };
        let (took, done) = outcome?;
        anyhow::ensure!(done == calls, "of {calls} calls {done} went as they should");
        sum += took.as_nanos() as f64 / calls as f64;
    }
    Ok(sum / threads as f64)
}
