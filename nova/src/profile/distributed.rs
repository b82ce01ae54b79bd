//! The distributed profile: any number of processes of each role, on PostgreSQL, Kafka, ClickHouse and Redis.
//!
//! What a process needs depends on its roles. Commands need PostgreSQL alone (client events wait on disk for Kafka); the relay also Kafka; projectors Kafka and
//! the stores that they fill; queries all stores.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use nova_distributed::client_events::KafkaClientEvents;
use nova_distributed::feed::GroupOptions;
use nova_distributed::health::{KafkaHealth, PostgresHealth};
use nova_distributed::kafka::{check_topics, ensure_topics};
use nova_distributed::keys::PostgresKeyring;
use nova_distributed::live::RedisLive;
use nova_distributed::log::PostgresLog;
use nova_distributed::postgres;
use nova_distributed::relay::{self, OutboxWatch, Relay, Sessions};
use nova_distributed::shard::{Shard, ShardStore, ShardWriter};
use nova_distributed::stalls::StallWatch;
use nova_distributed::views::clickhouse::{self, ClickHouseViews};
use nova_distributed::views::from_log::FromLog;
use nova_distributed::views::postgres::PostgresViews;
use nova_distributed::views::redis::{self, RedisViews};
use nova_distributed::views::{Slot, Stores as ViewStores, Views, qualified};
use nova_eventlog::{EventFeed, EventLog};
use nova_events::Codec;
use nova_events::client_events::ClientEvents;
use nova_events::live::Live;
use nova_projectors::{Apart, Redriven};
use nova_resilience::Dependency;
use nova_views::{ViewReader, ViewWriter, projection};
use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::{Installation, JobOutcome, Parked, Progress, Roles, Runtime, Stores, wait_for_views};
use crate::config::{Config, Store};

mod groups;
mod inspect;
mod options;

use groups::{Group, Watches};

/// How long a start waits to learn how far the views are.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Views that have not moved for so long are filled by no process.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// What runs may take so long to stop when the history has changed.
const ABANDON_MAX: Duration = Duration::from_secs(4);

/// An installation on servers.
pub(crate) struct OnServers;

#[async_trait::async_trait]
impl Installation for OnServers {
    async fn open(&self, config: &Config, roles: Roles) -> anyhow::Result<Stores> {
        open(config, roles).await
    }

    async fn migrate(&self, config: &Config) -> anyhow::Result<String> {
        migrate(config).await
    }

    async fn read_only_log(&self, config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
        Ok(open_log(config).await?.1)
    }

    async fn log_stats(&self, config: &Config, told: Progress<'_>) -> anyhow::Result<String> {
        inspect::stats(&*open_log(config).await?.1, told).await
    }

    async fn verify_log(&self, config: &Config, told: Progress<'_>) -> anyhow::Result<JobOutcome> {
        inspect::verify(&*open_log(config).await?.1, told).await
    }
}

async fn migrate(config: &Config) -> anyhow::Result<String> {
    let pool = postgres::connect(&config.postgres_options()?).await?;
    postgres::migrate(&pool).await?;
    let kafka = config.kafka_options()?;
    // First the number of partitions that the log is published with, which never changes.
    relay::remember_topics(&pool, &kafka.topics).await?;
    ensure_topics(&kafka).await?;
    clickhouse::migrate(&config.clickhouse_options()?).await?;
    RedisViews::open(config.redis_options()?).await?;
    Ok("PostgreSQL, Kafka's topics and ClickHouse are as this version needs them; Redis needs nothing."
        .to_owned())
}

async fn open_log(config: &Config) -> anyhow::Result<(postgres::PgPool, Arc<PostgresLog>)> {
    let pool = postgres::connect(&config.postgres_options()?).await?;
    postgres::check_schema(&pool).await?;
    let log = PostgresLog::open(pool.clone(), config.postgres_log_options()).await?;
    Ok((pool, log))
}

/// The projections of a store, in every shard that carries events for them.
fn expected(config: &Config, names: &[&'static str]) -> Vec<(&'static str, Shard)> {
    let topics = config.topics();
    nova_projectors::ALL
        .iter()
        .filter(|projection| names.contains(&projection.name))
        .flat_map(|projection| {
            let shards = topics.shards(projection.categories.iter().copied());
            shards.into_iter().map(|shard| (projection.name, shard))
        })
        .collect()
}

async fn open_postgres_views(config: &Config, pool: &postgres::PgPool) -> anyhow::Result<PostgresViews> {
    let options = config.postgres_views_options(expected(config, &projection::ALL));
    PostgresViews::open(pool.clone(), options).await.context("cannot open the views in PostgreSQL")
}

/// What to do about a store that does not open, for who can do without it.
const LATER: &str = "or start with --allow-degraded-start, to answer without it until it is there";

async fn open_clickhouse(
    config: &Config,
    may_come_later: bool,
    answers: bool,
) -> anyhow::Result<Slot<ClickHouseViews>> {
    let options = config.clickhouse_options()?;
    match ClickHouseViews::open(options.clone()).await {
        Ok(store) => Ok(store.into()),
        Err(_) if may_come_later => Ok(Slot::later("clickhouse", &clickhouse::PROJECTIONS, move || {
            let options = options.clone();
            async move { ClickHouseViews::open(options).await.map_err(|error| error.to_string()) }.boxed()
        })),
        Err(error) if answers => Err(anyhow::anyhow!("{error} ({LATER})")),
        Err(error) => Err(error.into()),
    }
}

async fn open_redis(
    config: &Config,
    may_come_later: bool,
    answers: bool,
) -> anyhow::Result<Slot<RedisViews>> {
    let options = config.redis_options()?;
    match RedisViews::open(options.clone()).await {
        Ok(store) => Ok(store.into()),
        Err(_) if may_come_later => Ok(Slot::later("redis", &redis::PROJECTIONS, move || {
            let options = options.clone();
            async move { RedisViews::open(options).await.map_err(|error| error.to_string()) }.boxed()
        })),
        Err(error) if answers => Err(anyhow::anyhow!("{error} ({LATER})")),
        Err(error) => Err(error.into()),
    }
}

/// Host and port of an HTTP address.
fn place_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = rest.split(['/', '?']).next().unwrap_or(rest);
    place.rsplit('@').next().unwrap_or(place)
}

async fn open(config: &Config, roles: Roles) -> anyhow::Result<Stores> {
    let master = config.shared_master_key()?;
    let (pool, log) = open_log(config).await?;
    warn_of_too_few_connections(config, roles, &pool).await?;
    let keyring = PostgresKeyring::open(pool.clone(), &master, &config.keyring_options()).await?;
    let codec = Codec::new(keyring);
    if roles.relay || roles.projectors {
        let kafka = config.kafka_options()?;
        relay::remember_topics(&pool, &kafka.topics).await?;
        check_topics(&kafka).await?;
    }
    let in_postgres = open_postgres_views(config, &pool).await?;
    let wanted = |store: Store| {
        roles.queries || roles.views || (roles.projectors && config.projectors.stores.contains(&store))
    };
    let answers = roles.queries && !roles.views;
    let may_come_later = answers && config.queries.degraded_start;
    let in_clickhouse = match wanted(Store::ClickHouse) {
        true => Some(open_clickhouse(config, may_come_later, answers).await?),
        false => None,
    };
    let in_redis = match wanted(Store::Redis) {
        true => Some(open_redis(config, may_come_later, answers).await?),
        false => None,
    };
    let client_events = match roles.commands {
        true => Some(client_events(config).await?),
        false => None,
    };
    let live: Option<Arc<dyn Live>> = match roles.commands || roles.queries {
        true => Some(Arc::new(
            RedisLive::open(config.live_channel_options()?).context("redis.url cannot be read")?,
        )),
        false => None,
    };
    let to_save = in_postgres.clone();
    let mut shard_stores: Vec<Arc<dyn ShardStore>> = vec![Arc::new(in_postgres.clone())];
    shard_stores.extend(in_clickhouse.clone().map(|store| Arc::new(store) as Arc<dyn ShardStore>));
    shard_stores.extend(in_redis.clone().map(|store| Arc::new(store) as Arc<dyn ShardStore>));
    let media = config.media_on_s3()?;
    let log_health = PostgresHealth {
        pool: pool.clone(),
        address: config.postgres.url.place().to_owned(),
        writes: roles.commands || roles.relay || roles.projectors,
    };
    let mut dependencies: Vec<Arc<dyn Dependency>> = vec![Arc::new(log_health)];
    if let Some(media) = media.as_ref().filter(|_| roles.commands || roles.queries) {
        dependencies.push(Arc::new(media.clone()));
    }
    let mut kafka_watch = None;
    if roles.relay || roles.projectors || roles.commands {
        // Commands need it for client events only, and those can wait.
        let breaker = client_events.as_ref().map(|events| Arc::clone(events.breaker()));
        let required = roles.relay || roles.projectors;
        let health = Arc::new(KafkaHealth::new(config.kafka_options()?, required, breaker));
        kafka_watch = Some(health.watch());
        dependencies.push(health);
    }
    let stalls = (roles.projectors || roles.queries).then(|| {
        let stands_for = |store: &Arc<dyn ShardStore>| {
            let counts = roles.queries || config.fills(store.name());
            counts.then(|| (Arc::clone(store), expected(config, store.projections())))
        };
        let stores = shard_stores.iter().filter_map(stands_for).collect();
        Arc::new(StallWatch::start(Arc::clone(&log) as Arc<dyn EventLog>, stores))
    });
    dependencies.extend(stalls.clone().map(|stalls| stalls as Arc<dyn Dependency>));
    let outbox = (roles.relay || roles.projectors).then(|| Arc::new(OutboxWatch::start(pool.clone())));
    let (reader, writer): (Arc<dyn ViewReader>, Arc<dyn ViewWriter>) = match (in_clickhouse, in_redis) {
        (Some(clickhouse), Some(redis)) => {
            let fallback =
                in_postgres.apart(config.fallback_read_options(expected(config, &projection::ALL)));
            let stores = ViewStores { postgres: in_postgres, fallback, clickhouse, redis };
            let waits_for = shard_stores
                .iter()
                .map(|store| (Arc::clone(store), expected(config, store.projections())))
                .collect();
            let last = FromLog::new(
                Arc::clone(&log) as Arc<dyn EventLog>,
                codec.clone(),
                nova_projectors::conversations::CONVERSATIONS.project,
            );
            let views = Views::new(stores, Some(last), waits_for, config.views_together_options());
            let clickhouse_place = place_of(&config.clickhouse.url);
            let places = (config.postgres.url.place(), clickhouse_place, config.redis.url.place());
            dependencies.extend(views.dependencies(places.0, places.1, places.2));
            // The first answers have to say how current they are. A store that is away says so later.
            let _asked = tokio::time::timeout(FIRST_LOOK, views.refresh_applied()).await;
            (Arc::new(views.clone()), Arc::new(views))
        }
        _ => (Arc::new(in_postgres.clone()), Arc::new(ShardWriter::whole(Arc::new(in_postgres)))),
    };
    let running = Running {
        reader: Arc::clone(&reader),
        sessions: Arc::new(Sessions::new(pool.clone())),
        pool,
        log: Arc::clone(&log),
        codec: codec.clone(),
        stores: shard_stores,
        in_postgres: to_save,
        outbox,
        stalls,
        kafka_watch,
        relay: Mutex::default(),
        groups: Mutex::default(),
    };
    Ok(Stores {
        dependencies,
        ready_checks: Vec::new(),
        log: Arc::clone(&log) as Arc<dyn EventLog>,
        feed: log as Arc<dyn EventFeed>,
        codec,
        reader,
        writer,
        live,
        sole_writer: false,
        client_events: client_events.map(|events| events as Arc<dyn ClientEvents>),
        media,
        runtime: Arc::new(running),
    })
}

/// A process that alone may open more connections than the server has fails under load, not at its start.
async fn warn_of_too_few_connections(
    config: &Config,
    roles: Roles,
    pool: &postgres::PgPool,
) -> anyhow::Result<()> {
    let (of_process, of_server) =
        (config.postgres_connections_max(roles), postgres::connections_of_server(pool).await?);
    if of_process > of_server {
        tracing::warn!(
            of_process,
            of_server,
            "this process may open more connections than PostgreSQL has: lower postgres.connections_max and \
             postgres.read_connections_max, or raise the server's max_connections; other processes need theirs too"
        );
    }
    Ok(())
}

/// Kafka may be away: what it does not take waits on disk.
async fn client_events(config: &Config) -> anyhow::Result<Arc<KafkaClientEvents>> {
    let started = KafkaClientEvents::start(config.kafka_options()?, config.client_events_options()).await;
    started.context("client events cannot be taken")
}

/// What runs in this process.
struct Running {
    reader: Arc<dyn ViewReader>,
    pool: postgres::PgPool,
    log: Arc<PostgresLog>,
    sessions: Arc<Sessions>,
    codec: Codec,
    stores: Vec<Arc<dyn ShardStore>>,
    in_postgres: PostgresViews,
    /// Of a process that relays or projects.
    outbox: Option<Arc<OutboxWatch>>,
    /// Of a process that projects or answers queries.
    stalls: Option<Arc<StallWatch>>,
    /// Ends with what is running.
    kafka_watch: Option<AbortOnDropHandle<()>>,
    relay: Mutex<Option<Relay>>,
    groups: Mutex<Vec<Group>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("stores", &self.stores)
            .field("kafka_watch", &self.kafka_watch)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Every projection of every store, with the name that operators use.
    fn named(&self) -> impl Iterator<Item = (String, &Arc<dyn ShardStore>, &'static str)> {
        self.stores.iter().flat_map(|store| {
            let named = move |name: &&'static str| (qualified(&**store, name), store, *name);
            store.projections().iter().map(named)
        })
    }

    fn store(&self, name: &str) -> anyhow::Result<(Arc<dyn ShardStore>, &'static str)> {
        let found = self.named().find(|(one, ..)| one == name);
        let (_, store, projection) = found.with_context(|| format!("no projection is called {name:?}"))?;
        Ok((Arc::clone(store), projection))
    }

    async fn stop_groups(&self) {
        let groups = std::mem::take(&mut *self.groups.lock());
        futures::future::join_all(groups.into_iter().map(Group::stop)).await;
    }

    fn apart(&self, config: &Config, store: Arc<dyn ShardStore>) -> Apart {
        let views = Arc::new(ShardWriter::whole(store));
        let log = Arc::clone(&self.log) as Arc<dyn EventLog>;
        Apart::new(log, self.codec.clone(), views, config.rebuild_step_events())
    }
}

#[async_trait::async_trait]
impl Runtime for Running {
    async fn start(&self, config: &Config, roles: Roles) -> anyhow::Result<()> {
        let kafka = config.kafka_options()?;
        if roles.relay {
            let log = Arc::clone(&self.log) as Arc<dyn EventLog>;
            let relay = Relay::start(
                self.pool.clone(),
                log,
                self.log.wakeup(),
                kafka.clone(),
                config.relay_options(),
            );
            *self.relay.lock() = Some(relay);
        }
        if roles.projectors
            && let (Some(outbox), Some(stalls)) = (&self.outbox, &self.stalls)
        {
            let watches = Watches {
                outbox: Arc::clone(outbox),
                stalls: Arc::clone(stalls),
                sessions: Arc::clone(&self.sessions),
            };
            for store in self.stores.iter().filter(|store| config.fills(store.name())) {
                let group_id = format!("{}.views.{}", kafka.topics.prefix, store.name());
                let options = GroupOptions { group_id, ..GroupOptions::default() };
                let group = Group::start(
                    Arc::clone(store),
                    kafka.clone(),
                    options,
                    Arc::clone(&self.log) as Arc<dyn EventLog>,
                    self.codec.clone(),
                    config.shard_projector_options(),
                    watches.clone(),
                )?;
                self.groups.lock().push(group);
            }
        }
        Ok(())
    }

    async fn rebuild(&self, config: &Config, name: &str, told: Progress<'_>) -> anyhow::Result<()> {
        let (store, projection) = self.store(name)?;
        Ok(self.apart(config, store).rebuild(projection, told).await?)
    }

    fn projections(&self) -> Vec<String> {
        self.named().map(|(name, ..)| name).collect()
    }

    async fn redrive(&self, config: &Config, name: &str, stream: Option<&str>) -> anyhow::Result<Redriven> {
        let (store, projection) = self.store(name)?;
        Ok(self.apart(config, store).redrive(projection, stream).await?)
    }

    async fn outbox_status(&self) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::to_value(relay::outbox_status(&self.pool).await?)?)
    }

    async fn outbox_parked(&self, after: u64, limit: usize) -> anyhow::Result<Vec<Parked>> {
        let parked = relay::parked(&self.pool, after, limit).await?;
        let shown = |event: relay::ParkedEvent| Parked {
            position: event.position,
            stream: event.stream,
            kind: event.kind,
            error: event.error,
            attempts: u64::from(event.attempts),
            next_attempt_at: event.next_attempt_at.map(|at| at.to_rfc3339()),
            parked_at: event.parked_at.to_rfc3339(),
        };
        Ok(parked.into_iter().map(shown).collect())
    }

    async fn outbox_redrive(&self, stream: Option<&str>) -> anyhow::Result<u64> {
        Ok(relay::request_redrive(&self.pool, stream).await?)
    }

    /// Other processes fill the views.
    async fn catch_up(&self, _config: &Config, told: Progress<'_>) -> anyhow::Result<bool> {
        wait_for_views(&*self.reader, self.log.head(), STALLED_AFTER, told).await
    }

    fn record_metrics(&self) {}

    async fn history_changes(&self) -> String {
        tokio::select! {
            changed = self.log.history_changes() => changed,
            changed = self.sessions.is_lost() => changed,
        }
    }

    /// Steps that are under way are saved with their cursors, which show what they are of.
    async fn abandon(&self) {
        drop(self.relay.lock().take());
        let _ = tokio::time::timeout(ABANDON_MAX, self.stop_groups()).await;
    }

    async fn close(&self) {
        self.stop_groups().await;
        let relay = self.relay.lock().take();
        if let Some(relay) = relay {
            relay.stop().await;
        }
        if let Err(error) = self.in_postgres.save().await {
            tracing::warn!(%error, "how far the views are could not be saved; the next start begins a little earlier");
        }
        self.log.close().await;
    }
}
