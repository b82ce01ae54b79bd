//! How the servers behind the log are doing. Those behind the views are asked by their reader, which has their breakers.

use std::sync::Arc;
use std::time::Duration;

use nova_resilience::{Breaker, BreakerStatus, Dependency, Trouble};
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use sqlx::PgPool;

use crate::kafka::KafkaOptions;
use crate::postgres::sessions;

/// How long Kafka may take to tell about itself.
const KAFKA_PATIENCE: Duration = Duration::from_millis(900);

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

/// Kafka, as the relay and the projectors need it.
pub struct KafkaHealth {
    options: KafkaOptions,
    required: bool,
    breaker: Option<Arc<Breaker>>,
    /// Made when it is first needed, and kept: each has threads of its own.
    client: Arc<Mutex<Option<BaseConsumer>>>,
}

impl std::fmt::Debug for KafkaHealth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaHealth").field("brokers", &self.options.brokers).finish_non_exhaustive()
    }
}

impl KafkaHealth {
    /// `breaker`: the one between this process and Kafka, where there is one.
    pub fn new(options: KafkaOptions, required: bool, breaker: Option<Arc<Breaker>>) -> Self {
        Self { options, required, breaker, client: Arc::default() }
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

    fn breaker(&self) -> Option<BreakerStatus> {
        self.breaker.as_ref().map(|breaker| breaker.status())
    }

    async fn check(&self) -> Result<(), Trouble> {
        let (options, client) = (self.options.clone(), Arc::clone(&self.client));
        let asked = tokio::task::spawn_blocking(move || {
            let mut client = client.lock();
            if client.is_none() {
                *client = Some(options.client("health", &[], &[]).create::<BaseConsumer>()?);
            }
            match client.as_ref() {
                // Of all topics: one that is named could be made by being asked for.
                Some(client) => client.fetch_metadata(None, KAFKA_PATIENCE).map(drop),
                None => Ok(()),
            }
        });
        let failed = |class| Trouble { class, message: format!("Kafka does not answer ({class})") };
        match asked.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(match error.rdkafka_error_code() {
                Some(rdkafka::types::RDKafkaErrorCode::OperationTimedOut) => "timeout",
                Some(_) | None => "unreachable",
            })),
            Err(_) => Err(failed("failed")),
        }
    }
}
