//! The configuration in the words of `distributed`.

use std::time::Duration;

use nova_distributed::client_events::ClientEventsOptions;
use nova_distributed::kafka::{KafkaOptions, check_settings};
use nova_distributed::keys::PostgresKeyringOptions;
use nova_distributed::live::RedisLiveOptions;
use nova_distributed::log::PostgresLogOptions;
use nova_distributed::postgres::{CONNECTIONS_BESIDE, PostgresOptions};
use nova_distributed::relay::RelayOptions;
use nova_distributed::shard::Shard;
use nova_distributed::topics::Topics;
use nova_distributed::views::clickhouse::{ClickHouseOptions, Password};
use nova_distributed::views::postgres::{PostgresViewsOptions, ReadOptions};
use nova_distributed::views::redis::{RedisOptions, check_url};
use nova_distributed::views::{GuardsOptions, ViewsOptions};
use nova_resilience::{BreakerOptions, GuardOptions};

use crate::config::{Config, Store};
use crate::profile::Roles;

/// Events in one step of a shard. Steps of many shards are put together, so they need not be large.
const SHARD_STEP_EVENTS_MAX: usize = 4_096;
const SHARD_BATCH_EVENTS_MAX: usize = 1_024;
const SHARD_QUEUE_BATCHES_MAX: usize = 4;

impl Config {
    pub(super) fn postgres_options(&self) -> anyhow::Result<PostgresOptions> {
        let postgres = &self.postgres;
        let password = postgres.password.or_file("postgres.password", &postgres.password_file)?;
        Ok(PostgresOptions {
            url: postgres.url.with_password(password.as_deref()),
            connections_max: postgres.connections_max,
            connect_ms_max: postgres.connect_ms_max,
            acquire_ms_max: postgres.acquire_ms_max,
            statement_ms_max: postgres.statement_ms_max,
            idle_in_transaction_ms_max: postgres.idle_in_transaction_ms_max,
            ..PostgresOptions::default()
        })
    }

    pub(super) fn postgres_log_options(&self) -> PostgresLogOptions {
        let postgres = &self.postgres;
        PostgresLogOptions {
            batch_events_max: postgres.batch_events_max,
            batch_bytes_max: postgres.batch_bytes_max,
            queue_appends_max: postgres.queue_appends_max,
            queue_bytes_max: postgres.queue_bytes_max,
            append_retry_ms_max: postgres.append_retry_ms_max,
            ..PostgresLogOptions::default()
        }
    }

    pub(super) fn keyring_options(&self) -> PostgresKeyringOptions {
        PostgresKeyringOptions {
            subjects_cached_max: self.keys.cached_max,
            ..PostgresKeyringOptions::default()
        }
    }

    /// Connections to PostgreSQL that a process with these roles may open.
    pub(super) fn postgres_connections_max(&self, roles: Roles) -> u32 {
        let (writes, reads) = (self.postgres.connections_max, self.postgres.read_connections_max);
        let fallback =
            if roles.queries || roles.views { self.resilience.fallback_connections_max } else { 0 };
        writes + reads + fallback + CONNECTIONS_BESIDE
    }

    pub(super) fn postgres_views_options(
        &self,
        expected: Vec<(&'static str, Shard)>,
    ) -> PostgresViewsOptions {
        let (postgres, views) = (&self.postgres, &self.views);
        let read = ReadOptions {
            connections_max: postgres.read_connections_max,
            connection_wait_ms: postgres.read_statement_ms_max,
            statement_timeout_ms: postgres.read_statement_ms_max,
            weights: self.ranking_weights(),
            feed_ranking_ttl_ms: views.feed_ranking_ttl_ms,
            trending_ttl_ms: views.trending_ttl_ms,
            session_ttl_ms: views.session_ttl_ms,
            session_bytes: views.session_bytes,
            expected,
        };
        PostgresViewsOptions { read, ..PostgresViewsOptions::default() }
    }

    pub(super) fn topics(&self) -> Topics {
        Topics { prefix: self.kafka.topic_prefix.clone(), partitions: self.kafka.partitions }
    }

    pub(super) fn kafka_options(&self) -> anyhow::Result<KafkaOptions> {
        let kafka = &self.kafka;
        let mut settings = kafka.settings.clone();
        if let Some(password) = kafka.password.or_file("kafka.password", &kafka.password_file)? {
            settings.insert("sasl.password".to_owned(), password);
        }
        let options = KafkaOptions {
            brokers: kafka.brokers.clone(),
            topics: self.topics(),
            replication: kafka.replication,
            retention_ms: kafka.retention_ms,
            settings,
        };
        check_settings(&options)?;
        Ok(options)
    }

    pub(super) fn client_events_options(&self) -> ClientEventsOptions {
        let events = &self.client_events;
        ClientEventsOptions {
            publish_timeout_ms: events.publish_timeout_ms,
            queue_bytes_max: events.queue_bytes_max,
            breaker: BreakerOptions::new(
                self.resilience.kafka_failures,
                Duration::from_millis(self.resilience.kafka_open_ms),
                self.resilience.kafka_successes,
            ),
            ..ClientEventsOptions::at(self.client_events_folder())
        }
    }

    pub(super) fn relay_options(&self) -> RelayOptions {
        let relay = &self.relay;
        RelayOptions {
            lease_ms: relay.lease_ms,
            batch_events_max: relay.batch_events_max,
            batch_bytes_max: relay.batch_bytes_max,
            in_flight_events_max: relay.in_flight_events_max,
            watermark_interval_ms: relay.watermark_interval_ms,
            ..RelayOptions::default()
        }
    }

    pub(super) fn clickhouse_options(&self) -> anyhow::Result<ClickHouseOptions> {
        let clickhouse = &self.clickhouse;
        let password = clickhouse.password.or_file("clickhouse.password", &clickhouse.password_file)?;
        Ok(ClickHouseOptions {
            url: clickhouse.url.clone(),
            database: clickhouse.database.clone(),
            user: clickhouse.user.clone(),
            password: Password::new(password.unwrap_or_default()),
            flush_interval_ms: clickhouse.flush_interval_ms,
            flush_rows_max: clickhouse.flush_rows_max,
            write_timeout_ms: clickhouse.write_timeout_ms,
            query_timeout_ms: clickhouse.query_timeout_ms,
            rows_check_ms: clickhouse.rows_check_ms,
            trending_ttl_ms: self.views.trending_ttl_ms,
            ..ClickHouseOptions::default()
        })
    }

    pub(super) fn redis_options(&self) -> anyhow::Result<RedisOptions> {
        let redis = &self.redis;
        let password = redis.password.or_file("redis.password", &redis.password_file)?;
        let defaults = RedisOptions::default();
        let asks_ms = self.resilience.redis_call_ms.max(self.resilience.redis_last_call_ms);
        let url = redis.url.with_password(password.as_deref());
        check_url(&url)?;
        Ok(RedisOptions {
            url,
            prefix: redis.key_prefix.clone(),
            timeline_posts_max: redis.timeline_posts_max,
            timeline_ttl_ms: redis.timeline_ttl_ms,
            fan_out_followers_max: redis.fan_out_followers_max,
            window_messages_max: redis.window_messages_max,
            window_bytes_max: redis.window_bytes_max,
            window_ttl_ms: redis.window_ttl_ms,
            // Whoever asks gives up first: the end of the connection would be one for everybody.
            read_timeout_ms: defaults.read_timeout_ms.max(asks_ms.saturating_mul(2)),
            ..defaults
        })
    }

    /// What has just happened is told there. What Redis does not take in time is found in the log.
    pub(super) fn live_channel_options(&self) -> anyhow::Result<RedisLiveOptions> {
        let redis = self.redis_options()?;
        let resilience = &self.resilience;
        Ok(RedisLiveOptions {
            url: redis.url,
            prefix: redis.prefix,
            connect_timeout: Duration::from_millis(redis.connect_timeout_ms),
            call_timeout: Duration::from_millis(resilience.redis_call_ms),
            breaker: BreakerOptions::new(
                resilience.redis_failures,
                Duration::from_millis(resilience.redis_open_ms),
                resilience.redis_successes,
            ),
            ping_interval: Duration::from_secs(5),
        })
    }

    pub(super) fn views_together_options(&self) -> ViewsOptions {
        let queries = &self.queries;
        ViewsOptions {
            weights: self.ranking_weights(),
            feed_ranking_ttl_ms: self.views.feed_ranking_ttl_ms,
            stale_ms: queries.stale_ms,
            session_ttl_ms: self.views.session_ttl_ms,
            read_ms_max: queries.read_ms_max,
            keep_interval_ms: queries.keep_interval_ms,
            page_ttl_ms: queries.page_ttl_ms,
            warm_after_ms: queries.warm_after_ms,
            shadow_share: queries.shadow_share,
            guards: self.guards_options(),
            ..ViewsOptions::default()
        }
    }

    fn guards_options(&self) -> GuardsOptions {
        let resilience = &self.resilience;
        let defaults = GuardsOptions::default();
        let guard =
            |(failures, open_ms, successes), calls_max, call_ms, default: GuardOptions| GuardOptions {
                breaker: BreakerOptions {
                    overlapping_count_once: default.breaker.overlapping_count_once,
                    ..BreakerOptions::new(failures, Duration::from_millis(open_ms), successes)
                },
                calls_max,
                call_timeout: Duration::from_millis(call_ms),
                ..default
            };
        let postgres =
            (resilience.postgres_failures, resilience.postgres_open_ms, resilience.postgres_successes);
        GuardsOptions {
            // A place is a connection: whoever waits for one has asked nothing yet, so that it says nothing about PostgreSQL.
            postgres: GuardOptions {
                place_wait: Duration::from_millis(resilience.postgres_wait_ms),
                ..guard(
                    postgres,
                    self.postgres.read_connections_max.max(1) as usize,
                    resilience.postgres_call_ms,
                    defaults.postgres,
                )
            },
            fallback: guard(
                postgres,
                resilience.fallback_connections_max.max(1) as usize,
                resilience.fallback_call_ms,
                defaults.fallback,
            ),
            clickhouse: guard(
                (
                    resilience.clickhouse_failures,
                    resilience.clickhouse_open_ms,
                    resilience.clickhouse_successes,
                ),
                resilience.clickhouse_calls_max,
                resilience.clickhouse_call_ms,
                defaults.clickhouse,
            ),
            redis: guard(
                (resilience.redis_failures, resilience.redis_open_ms, resilience.redis_successes),
                resilience.redis_calls_max,
                resilience.redis_call_ms,
                defaults.redis,
            ),
            redis_last_call: Duration::from_millis(resilience.redis_last_call_ms),
        }
    }

    /// PostgreSQL's views in the place of another store.
    pub(super) fn fallback_read_options(&self, expected: Vec<(&'static str, Shard)>) -> ReadOptions {
        let resilience = &self.resilience;
        ReadOptions {
            connections_max: resilience.fallback_connections_max,
            connection_wait_ms: resilience.fallback_call_ms,
            statement_timeout_ms: resilience.fallback_call_ms,
            ..self.postgres_views_options(expected).read
        }
    }

    /// Limits of the projections of one shard.
    pub(super) fn shard_projector_options(&self) -> nova_projectors::Options {
        let projectors = self.projector_options();
        nova_projectors::Options {
            batch_events_max: projectors.batch_events_max.min(SHARD_BATCH_EVENTS_MAX),
            queue_batches_max: projectors.queue_batches_max.min(SHARD_QUEUE_BATCHES_MAX),
            step_events_max: projectors.step_events_max.min(SHARD_STEP_EVENTS_MAX),
            pace_ms: projectors.pace_ms,
        }
    }

    /// Events in one step of a rebuild.
    pub(super) fn rebuild_step_events(&self) -> usize {
        self.projectors.step_events_max.min(20_000)
    }

    /// Whether this process is to fill the store of this name.
    pub(super) fn fills(&self, store: &str) -> bool {
        self.projectors.stores.iter().any(|one| one.name() == store)
    }
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::ClickHouse => "clickhouse",
            Self::Redis => "redis",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    #[test]
    fn the_defaults_are_those_of_the_crate_that_they_configure() {
        let config = Config::load(None, &Overrides::default()).unwrap();
        let same = |ours: String, theirs: String| assert_eq!(ours, theirs);
        same(format!("{:?}", config.postgres_log_options()), format!("{:?}", PostgresLogOptions::default()));
        same(format!("{:?}", config.keyring_options()), format!("{:?}", PostgresKeyringOptions::default()));
        let events = ClientEventsOptions::at(config.client_events_folder());
        same(format!("{:?}", config.client_events_options()), format!("{events:?}"));
        same(format!("{:?}", config.relay_options()), format!("{:?}", RelayOptions::default()));
        same(
            format!("{:?}", config.clickhouse_options().unwrap()),
            format!("{:?}", ClickHouseOptions::default()),
        );
        same(format!("{:?}", config.redis_options().unwrap()), format!("{:?}", RedisOptions::default()));
        same(
            format!("{:?}", config.postgres_options().unwrap()),
            format!("{:?}", PostgresOptions::default()),
        );
        assert_eq!(config.postgres_options().unwrap().url, PostgresOptions::default().url);
        let kafka = config.kafka_options().unwrap();
        assert_eq!(kafka.retention_ms, KafkaOptions::RETENTION_MS);
        let ours = config.views_together_options();
        assert_eq!(
            ours.guards,
            GuardsOptions { fallback: ours.guards.fallback.clone(), ..GuardsOptions::default() }
        );
        let (ours, theirs) = (&ours, ViewsOptions::default());
        assert_eq!(ours.read_ms_max, theirs.read_ms_max);
        assert_eq!(ours.stale_ms, theirs.stale_ms);
        assert_eq!(ours.keep_interval_ms, theirs.keep_interval_ms);
        assert_eq!(ours.page_ttl_ms, theirs.page_ttl_ms);
        assert_eq!(ours.warm_after_ms, theirs.warm_after_ms);
    }
}
