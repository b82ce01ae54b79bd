//! The stores as sources of answers: each behind its breaker, its bulkhead and the time that a call may take.
//!
//! What fails says which store it was, so that an answer that needs the same store again is not even tried.

use std::time::Duration;

use nova_resilience::{
    Breaker, BreakerOptions, BreakerState, BreakerStatus, Guard, GuardError, GuardOptions, Verdict,
};
use nova_views::ViewError;

use super::clickhouse::ClickHouseViews;
use super::postgres::PostgresViews;
use super::redis::RedisViews;
use super::slot::Slot;

/// The stores, open, or to be opened.
#[derive(Debug, Clone)]
pub struct Stores {
    pub postgres: PostgresViews,
    /// The same views over a few connections of their own, for what is asked in the place of another store: an outage of
    /// that one must not take the connections that everything else needs.
    pub fallback: PostgresViews,
    pub clickhouse: Slot<ClickHouseViews>,
    pub redis: Slot<RedisViews>,
}

/// How the stores are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardsOptions {
    pub postgres: GuardOptions,
    pub fallback: GuardOptions,
    pub clickhouse: GuardOptions,
    pub redis: GuardOptions,
    /// How long one question to Redis may take while PostgreSQL is left alone.
    pub redis_last_call: Duration,
}

impl Default for GuardsOptions {
    fn default() -> Self {
        let options = |breaker, calls_max, call_timeout_ms| GuardOptions {
            breaker,
            calls_max,
            place_wait: Duration::from_millis(100),
            call_timeout: Duration::from_millis(call_timeout_ms),
            probed_apart: true,
        };
        let seconds = Duration::from_secs;
        Self {
            postgres: GuardOptions {
                place_wait: Duration::from_millis(500),
                ..options(BreakerOptions::new(5, seconds(10), 2), 16, 1_000)
            },
            fallback: options(BreakerOptions::new(5, seconds(10), 2), 4, 500),
            clickhouse: options(BreakerOptions::new(3, seconds(30), 3), 4, 1_000),
            // All questions share one connection, so that one stall fails whatever is under way.
            redis: options(
                BreakerOptions { overlapping_count_once: true, ..BreakerOptions::new(5, seconds(15), 2) },
                1_024,
                300,
            ),
            redis_last_call: seconds(1),
        }
    }
}

/// Where something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Postgres,
    Fallback,
    ClickHouse,
    Redis,
}

impl Source {
    pub(super) const ALL: [Self; 4] = [Self::Postgres, Self::Fallback, Self::ClickHouse, Self::Redis];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Fallback => "postgres_fallback",
            Self::ClickHouse => "clickhouse",
            Self::Redis => "redis",
        }
    }

    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Postgres => 1,
            Self::Fallback => 2,
            Self::ClickHouse => 4,
            Self::Redis => 8,
        }
    }
}

/// What went wrong, and where; nowhere: it is the question.
#[derive(Debug, Clone)]
pub(super) struct SourceError {
    pub(super) source: Option<Source>,
    pub(super) error: ViewError,
}

impl From<ViewError> for SourceError {
    fn from(error: ViewError) -> Self {
        Self { source: None, error }
    }
}

pub(super) type Sourced<T> = Result<T, SourceError>;

/// What an error says about the store that it came from.
pub(super) fn judge(error: &ViewError) -> Verdict {
    match error {
        ViewError::Unavailable(_) => Verdict::Failed("unavailable"),
        ViewError::Corrupt(_) => Verdict::Failed("corrupt"),
        ViewError::Schema { .. } => Verdict::Failed("schema"),
        ViewError::Switched => Verdict::Failed("switched"),
        ViewError::BadCursor
        | ViewError::BadQuery(_)
        | ViewError::UnknownProjection(_)
        | ViewError::Behind { .. } => Verdict::Fine,
    }
}

pub(super) fn judge_source(error: &SourceError) -> Verdict {
    judge(&error.error)
}

/// The stores and their guards.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) stores: Stores,
    postgres: Guard,
    fallback: Guard,
    clickhouse: Guard,
    redis: Guard,
    redis_last_call: Duration,
}

impl Sources {
    pub(super) fn new(stores: Stores, options: GuardsOptions) -> Self {
        Self {
            stores,
            postgres: Guard::new(Source::Postgres.name(), options.postgres),
            fallback: Guard::new(Source::Fallback.name(), options.fallback),
            clickhouse: Guard::new(Source::ClickHouse.name(), options.clickhouse),
            redis: Guard::new(Source::Redis.name(), options.redis),
            redis_last_call: options.redis_last_call,
        }
    }

    pub(super) fn guard(&self, source: Source) -> &Guard {
        match source {
            Source::Postgres => &self.postgres,
            Source::Fallback => &self.fallback,
            Source::ClickHouse => &self.clickhouse,
            Source::Redis => &self.redis,
        }
    }

    pub(super) fn breakers(&self) -> Vec<BreakerStatus> {
        Source::ALL.map(|source| self.guard(source).status()).to_vec()
    }

    pub(super) fn breaker(&self, name: &str) -> Option<&Breaker> {
        let source = Source::ALL.into_iter().find(|source| source.name() == name)?;
        Some(self.guard(source).breaker())
    }

    /// Its breaker lets nothing through.
    pub(super) fn is_out(&self, source: Source) -> bool {
        match self.guard(source).breaker().state() {
            BreakerState::Open | BreakerState::HalfOpen | BreakerState::ForcedOpen => true,
            BreakerState::Closed | BreakerState::ForcedClosed => false,
        }
    }

    /// Fails while it lacks rows, as if it did not answer: what it says would be short without a word.
    fn whole_clickhouse(&self) -> Result<ClickHouseViews, ViewError> {
        let store = self.stores.clickhouse.get()?;
        store.whole().map(|()| store.clone())
    }

    /// The same while it lacks keys.
    fn whole_redis(&self) -> Result<RedisViews, ViewError> {
        let store = self.stores.redis.get()?;
        store.trusted().map(|()| store.clone())
    }

    /// Asks the store something cheap that goes the way of every question.
    pub(super) async fn ping(&self, source: Source) -> Result<(), ViewError> {
        match source {
            Source::Postgres => self.stores.postgres.ping().await,
            Source::Fallback => self.stores.fallback.ping().await,
            Source::ClickHouse => self.whole_clickhouse()?.ping().await,
            Source::Redis => {
                // It goes on when nobody waits for it any more: that is how the connection finds out that it is dead.
                let redis = self.whole_redis()?;
                let ping = tokio::spawn(async move { redis.ping().await });
                ping.await.unwrap_or_else(|_| {
                    Err(ViewError::Unavailable("redis: the ping was given up".to_owned()))
                })
            }
        }
    }

    /// Finds out about every store that has been left alone for long enough.
    pub(super) async fn probe(&self) {
        let probes = Source::ALL.map(|source| self.guard(source).probe(judge, self.ping(source)));
        futures::future::join_all(probes).await;
    }

    pub(super) async fn postgres<T, F>(&self, ask: impl Fn(PostgresViews) -> F + Send) -> Sourced<T>
    where
        F: Future<Output = Result<T, ViewError>> + Send,
    {
        let guarded = self.postgres.call_twice(judge, || ask(self.stores.postgres.clone()));
        guarded.await.map_err(|error| told(Source::Postgres, error))
    }

    pub(super) async fn fallback<T, F>(&self, ask: impl Fn(PostgresViews) -> F + Send) -> Sourced<T>
    where
        F: Future<Output = Result<T, ViewError>> + Send,
    {
        let guarded = self.fallback.call(judge, ask(self.stores.fallback.clone()));
        guarded.await.map_err(|error| told(Source::Fallback, error))
    }

    pub(super) async fn clickhouse<T, F>(&self, ask: impl FnOnce(ClickHouseViews) -> F + Send) -> Sourced<T>
    where
        F: Future<Output = Result<T, ViewError>> + Send,
    {
        let guarded = self.clickhouse.call(judge, async { ask(self.whole_clickhouse()?).await });
        guarded.await.map_err(|error| told(Source::ClickHouse, error))
    }

    /// How long one question may take. While PostgreSQL is left alone nobody else is there to ask once Redis has been given
    /// up: waiting longer is better than no answer.
    pub(super) fn patience(&self, source: Source) -> Duration {
        let usual = self.guard(source).call_timeout();
        match source {
            Source::Redis if self.is_out(Source::Postgres) => usual.max(self.redis_last_call),
            Source::Postgres | Source::Fallback | Source::ClickHouse | Source::Redis => usual,
        }
    }

    pub(super) async fn redis<T, F>(&self, ask: impl Fn(RedisViews) -> F + Send + Sync) -> Sourced<T>
    where
        F: Future<Output = Result<T, ViewError>> + Send,
    {
        let ask = || async { ask(self.whole_redis()?).await };
        let guarded = self.redis.call_twice_within(self.patience(Source::Redis), judge, ask);
        guarded.await.map_err(|error| told(Source::Redis, error))
    }
}

pub(super) fn told(source: Source, error: GuardError<ViewError>) -> SourceError {
    let name = source.name();
    let unavailable = |why: String| ViewError::Unavailable(format!("{name}: {why}"));
    let error = match error {
        GuardError::Failed(error) if judge(&error) == Verdict::Fine => {
            return SourceError { source: None, error };
        }
        GuardError::Failed(error) => error,
        GuardError::Open { retry_after } => {
            unavailable(format!("its breaker is open, for {} ms more", retry_after.as_millis()))
        }
        GuardError::Full => {
            unavailable("as many questions as it may be asked at once are under way".to_owned())
        }
        GuardError::TimedOut { after } => unavailable(format!("no answer within {} ms", after.as_millis())),
        GuardError::DeadlinePassed => unavailable("the time of the request is over".to_owned()),
    };
    SourceError { source: Some(source), error }
}
