//! How the servers behind the log are doing. Those behind the views are asked by their reader, which has their breakers.

use std::sync::Arc;
use std::time::Duration;

use nova_resilience::{Breaker, BreakerStatus, Dependency, Trouble};
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::kafka::{KafkaOptions, missing_topic, missing_topics, replaced, retire};
use crate::postgres::sessions;

/// How long Kafka may take to tell about itself.
const KAFKA_PATIENCE: Duration = Duration::from_millis(900);
/// A client that has answered nothing for so long is replaced.
const SILENT_MAX: Duration = Duration::from_secs(3);
const WATCH_INTERVAL: Duration = Duration::from_secs(5);
/// The same missing topics are logged at most this often.
const QUIET: Duration = Duration::from_secs(60);
/// Missing topics that are logged at a time.
const LOGGED_MAX: usize = 20;
const SERVED_MAX: usize = 64;

/// Topics of Nova that Kafka does not have.
const TOPICS_MISSING: &str = "kafka_topics_missing";

/// The PostgreSQL that holds the log and the keys.
#[derive(Debug)]
pub struct PostgresHealth {
    pub pool: PgPool,
    pub address: String,
    /// Whether this process writes there: a server that only lets itself be read is of no use to it.
    pub writes: bool,
}

#[async_trait::async_trait]
impl Dependency for PostgresHealth {
    fn name(&self) -> &'static str {
        "postgres_log"
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn is_required(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), Trouble> {
        let read_only = "SELECT current_setting('transaction_read_only') = 'on'";
        let asked = sqlx::query_scalar(read_only).fetch_one(&self.pool).await;
        let is_read_only: bool = asked.map_err(|error| {
            sessions::observe(&error);
            let class = match &error {
                sqlx::Error::PoolTimedOut => "no_connection",
                sqlx::Error::Io(_) => "unreachable",
                sqlx::Error::Database(_) => "refused",
                _ => "failed",
            };
            Trouble { class, message: format!("PostgreSQL does not answer ({class})") }
        })?;
        if is_read_only && self.writes {
            // It may be this session alone, from before a failover: the next check asks on a new one.
            sessions::found_read_only();
            let message = "PostgreSQL only lets itself be read".to_owned();
            return Err(Trouble { class: "read_only", message });
        }
        Ok(())
    }
}

/// Kafka, as the relay and the projectors need it: it answers, and has Nova's topics.
pub struct KafkaHealth {
    options: KafkaOptions,
    required: bool,
    breaker: Option<Arc<Breaker>>,
    looker: Arc<Mutex<Looker>>,
    missing: Mutex<MissingTopics>,
}

/// The client that asks. It has threads of its own, so it is made when it is first needed, and kept while it answers.
struct Looker {
    client: Option<BaseConsumer>,
    /// When it answered last, or was made.
    answered: Instant,
}

#[derive(Default)]
struct MissingTopics {
    names: Vec<String>,
    logged: Option<Instant>,
}

impl std::fmt::Debug for KafkaHealth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaHealth").field("brokers", &self.options.brokers).finish_non_exhaustive()
    }
}

impl KafkaHealth {
    /// `breaker`: the one between this process and Kafka, where there is one.
    pub fn new(options: KafkaOptions, required: bool, breaker: Option<Arc<Breaker>>) -> Self {
        let looker = Looker { client: None, answered: Instant::now() };
        Self { options, required, breaker, looker: Arc::new(Mutex::new(looker)), missing: Mutex::default() }
    }

    /// Looks from time to time, for the log and the metrics, until what is returned is dropped.
    pub fn watch(self: &Arc<Self>) -> AbortOnDropHandle<()> {
        let health = Arc::clone(self);
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                let _ = health.check().await;
                tokio::time::sleep(WATCH_INTERVAL).await;
            }
        }))
    }

    fn found_missing(&self, names: Vec<String>) -> Result<(), Trouble> {
        metrics::gauge!(TOPICS_MISSING).set(names.len() as f64);
        let mut missing = self.missing.lock();
        if missing.names != names {
            missing.logged = None;
            if names.is_empty() {
                tracing::info!(topics = missing.names.join(", "), "topics that were missing are there again");
            }
        }
        missing.names = names;
        let Some(first) = missing.names.first() else { return Ok(()) };
        let trouble = Trouble { class: "missing_topic", message: missing_topic(first) };
        if missing.logged.is_none_or(|at| at.elapsed() >= QUIET) {
            missing.names.iter().take(LOGGED_MAX).for_each(|name| tracing::error!("{}", missing_topic(name)));
            missing.logged = Some(Instant::now());
        }
        Err(trouble)
    }
}

impl Looker {
    /// The topics that are missing.
    fn look(&mut self, options: &KafkaOptions) -> Result<Vec<String>, &'static str> {
        let class = match self.ask(options) {
            Ok(missing) => {
                self.answered = Instant::now();
                return Ok(missing);
            }
            Err(KafkaError::MetadataFetch(Code::OperationTimedOut)) => "timeout",
            Err(_) => "unreachable",
        };
        // It may have stopped working for good: librdkafka forgets its brokers when Kafka's controller has fenced them.
        if self.answered.elapsed() >= SILENT_MAX
            && let Some(client) = self.client.take()
        {
            replaced("health");
            retire(client);
        }
        Err(class)
    }

    fn ask(&mut self, options: &KafkaOptions) -> Result<Vec<String>, KafkaError> {
        let client = match &mut self.client {
            Some(client) => client,
            none => {
                self.answered = Instant::now();
                none.insert(options.client("health", &[], &[]).create::<BaseConsumer>()?)
            }
        };
        // Of all topics: one that is named could be made by being asked for.
        let metadata = client.fetch_metadata(None, KAFKA_PATIENCE);
        // What it has to say would pile up.
        for _ in 0..SERVED_MAX {
            let _ = client.poll(Duration::ZERO);
        }
        let metadata = metadata?;
        if metadata.brokers().is_empty() {
            return Err(KafkaError::MetadataFetch(Code::BrokerNotAvailable));
        }
        Ok(missing_topics(options, &metadata))
    }
}

#[async_trait::async_trait]
impl Dependency for KafkaHealth {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn address(&self) -> String {
        self.options.brokers.clone()
    }

    fn is_required(&self) -> bool {
        self.required
    }

    fn detail(&self) -> Option<String> {
        let missing = self.missing.lock();
        let first = missing_topic(missing.names.first()?);
        Some(match missing.names.len() {
            1 => first,
            all => format!("{first} ({all} topics are missing)"),
        })
    }

    fn breaker(&self) -> Option<BreakerStatus> {
        self.breaker.as_ref().map(|breaker| breaker.status())
    }

    async fn check(&self) -> Result<(), Trouble> {
        let (options, looker) = (self.options.clone(), Arc::clone(&self.looker));
        let looked = tokio::task::spawn_blocking(move || looker.lock().look(&options)).await;
        match looked.unwrap_or(Err("failed")) {
            Ok(missing) => self.found_missing(missing),
            Err(class) => {
                metrics::gauge!(TOPICS_MISSING).set(f64::NAN);
                Err(Trouble { class, message: format!("Kafka does not answer ({class})") })
            }
        }
    }
}
