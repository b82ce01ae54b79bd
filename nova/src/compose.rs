//! Putting the rooms together. The one place that knows which profile is in force.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use nova_command_api::sweep::{self, Sweeper};
use nova_command_api::{CommandState, Context, Executor, Quotas};
use nova_domain::delivered::MarkDelivered;
use nova_domain::read::MarkRead;
use nova_eventlog::EventLog;
use nova_events::{Actor, Codec};
use nova_http::{ApiError, Caller, ClosedAccounts, CorsOrigins, Issuer, Verifier};
use nova_query_api::jobs::{JobOutcome, Jobs, Progress, Task};
use nova_query_api::{DeliveredCommand, Live, MetricsText, QueryState, ReadCommand, ReadyWhen};
use nova_views::{ViewReader, ViewWriter};
use uuid::Uuid;

use crate::closed_accounts;
use crate::config::{Config, Profile, PublicRoutes};
use crate::profile::{self, Installation, Parked, Roles, Stores};
use crate::tasks::OperatorTasks;
use crate::{permissions, purge, telemetry};

/// An opened installation, or the parts of one that this process is.
#[derive(Debug)]
pub struct Product {
    config: Config,
    roles: Roles,
    stores: Stores,
    executor: Executor,
    issuer: Issuer,
    query: Arc<QueryState>,
    closed: ClosedAccounts,
    /// Up to where in the log they are known.
    closed_known_to: u64,
    cors: CorsOrigins,
    tasks: Arc<OperatorTasks>,
    jobs: Jobs,
    chores: Vec<tokio::task::JoinHandle<()>>,
}

fn installation(profile: Profile) -> &'static dyn Installation {
    match profile {
        Profile::Embedded => &profile::embedded::InFolder,
        Profile::Distributed => &profile::distributed::OnServers,
    }
}

/// Brings the schemas of all stores up to date. Says what it found, in words.
pub async fn migrate(config: &Config) -> anyhow::Result<String> {
    installation(config.profile).migrate(config).await
}

/// The log for reading only; also beside a running server.
pub async fn read_only_log(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    installation(config.profile).read_only_log(config).await
}

/// How large the log is, in words.
pub async fn log_stats(config: &Config, told: Progress<'_>) -> anyhow::Result<String> {
    installation(config.profile).log_stats(config, told).await
}

/// Reads the whole log and checks it; also beside a running server.
pub async fn verify_log(config: &Config, told: Progress<'_>) -> anyhow::Result<JobOutcome> {
    installation(config.profile).verify_log(config, told).await
}

impl Product {
    /// Opens what these roles need of an installation that is there.
    pub async fn open_existing(config: Config, roles: Roles) -> anyhow::Result<Self> {
        installation(config.profile).must_be_there(&config)?;
        Self::open(config, roles).await
    }

    /// Opens what these roles need of an installation, or begins one.
    pub async fn open(config: Config, roles: Roles) -> anyhow::Result<Self> {
        permissions::warn_if_exposed(&config.data.dir);
        let stores = installation(config.profile).open(&config, roles).await?;
        let issuer = config.issuer()?;
        let closed = ClosedAccounts::default();
        let serves = roles.commands || roles.queries;
        let closed_known_to = match serves {
            true => closed_accounts::load(&*stores.log, &closed).await?,
            false => 0,
        };
        let options = config.executor_options(stores.sole_writer);
        let executor = Executor::new(Arc::clone(&stores.log), stores.codec.clone(), options)
            .with_live(stores.live.clone())
            .with_closed_accounts(closed.clone());
        let query = QueryState::new(
            Arc::clone(&stores.reader),
            Arc::clone(&stores.writer),
            Arc::clone(&stores.log),
            Arc::clone(&stores.feed),
            stores.codec.clone(),
            stores.live.clone(),
            config.query_options(),
        );
        let query = query.with_dependencies(stores.dependencies.clone());
        let query = query.with_ready_when(ready_when(&stores, roles));
        let query = query.with_media(stores.media.clone().map(|store| config.media_access(store)));
        let query = query.with_closed_accounts(closed.clone());
        let query = query.with_read_command(read_command(executor.clone()));
        let query = Arc::new(query.with_delivered_command(delivered_command(executor.clone())));
        let cors = config.cors_origins()?;
        let tasks = Arc::new(OperatorTasks {
            config: config.clone(),
            installation: installation(config.profile),
            runtime: Arc::clone(&stores.runtime),
            log: Arc::clone(&stores.log),
            executor: executor.clone(),
            media: stores.media.clone(),
        });
        let jobs = Jobs::new(Arc::clone(&tasks) as _, tokio::runtime::Handle::current());
        let chores = Vec::new();
        Ok(Self {
            config,
            roles,
            stores,
            executor,
            issuer,
            query,
            closed,
            closed_known_to,
            cors,
            tasks,
            jobs,
            chores,
        })
    }

    /// Starts what the roles ask for beside answering requests: keeping the views up to date, relaying, and the purge of
    /// posts whose grace period is over, and the sweep of what uploads left. It runs for as long as the product is open.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        self.stores.runtime.start(&self.config, self.roles).await?;
        if self.roles.commands || self.roles.queries {
            let (feed, closed) = (Arc::clone(&self.stores.feed), self.closed.clone());
            self.chores.push(tokio::spawn(closed_accounts::follow(feed, closed, self.closed_known_to)));
        }
        if self.roles.commands {
            let interval = Duration::from_secs(self.config.commands.purge_interval_s.max(1));
            let (reader, executor) = (Arc::clone(&self.stores.reader), self.executor.clone());
            let media = self.stores.media.clone().map(|store| self.config.media_of_commands(store));
            self.chores.push(tokio::spawn(purge::run(reader, executor, media, interval)));
            if let Some(store) = &self.stores.media {
                let options = self.config.sweep_options();
                let sweeper = Sweeper::new(store.clone(), self.executor.clone(), options);
                let interval = Duration::from_secs(self.config.media.sweep_interval_s.max(1));
                self.chores.push(tokio::spawn(sweep::run(sweeper, interval)));
            }
        }
        Ok(())
    }

    /// Does what an operator asks for.
    pub async fn perform(&self, task: &Task, told: Progress<'_>) -> anyhow::Result<JobOutcome> {
        self.tasks.perform(task, told).await
    }

    /// How far the relay is, as JSON.
    pub async fn outbox_status(&self) -> anyhow::Result<serde_json::Value> {
        self.stores.runtime.outbox_status().await
    }

    /// Events that wait for an operator on their way to Kafka: those behind `after`, at most `limit`.
    pub async fn outbox_parked(&self, after: u64, limit: usize) -> anyhow::Result<Vec<Parked>> {
        self.stores.runtime.outbox_parked(after, limit).await
    }

    pub fn reader(&self) -> &Arc<dyn ViewReader> {
        &self.stores.reader
    }

    /// Waits until the views have seen everything that is in the log by now.
    pub async fn wait_applied(&self) -> anyhow::Result<()> {
        let (reader, head) = (&*self.stores.reader, self.stores.log.head());
        profile::wait_for_views(reader, head, Duration::MAX, &mut |_, _| ()).await.map(drop)
    }

    /// Has the views catch up with the log where this process can fill them, and waits for it; `false`: they do not move.
    pub async fn catch_up(&self, told: Progress<'_>) -> anyhow::Result<bool> {
        self.stores.runtime.catch_up(&self.config, told).await
    }

    /// The sides of the API that this process is, with the layers that every request goes through.
    pub fn router(&self, metrics: Option<PrometheusHandle>, document: &serde_json::Value) -> Router {
        let server = &self.config.server;
        let (docs, admin) = (server.is_public(PublicRoutes::Docs), server.is_public(PublicRoutes::Admin));
        let metrics = metrics.filter(|_| server.is_public(PublicRoutes::Metrics));
        let document = docs.then(|| {
            let mut document = document.clone();
            if !admin {
                crate::document::keep_tags(&mut document, |tag| tag != "admin");
            }
            document
        });
        let mut router = nova_query_api::system_router(
            Arc::clone(&self.query),
            metrics.map(|handle| self.metrics_text(handle)),
            document.as_ref(),
        );
        if let Some(client_events) = self.stores.client_events.clone() {
            let (executor, options) = (self.executor.clone(), self.config.command_options());
            let media = self.stores.media.clone().map(|store| self.config.media_of_commands(store));
            let quotas = Quotas::new(self.config.quota_options());
            let state = CommandState { executor, client_events, options, media, quotas };
            router = router.merge(nova_command_api::router(state));
        }
        if self.roles.queries {
            router = router.merge(nova_query_api::router(Arc::clone(&self.query)));
            if admin {
                router = router.merge(self.admin_router());
            }
        }
        let router = nova_http::with_layers(router, self.verifier(), &self.config.http_limits());
        nova_http::with_cors(router, &self.cors)
    }

    /// What operators ask and do, with layers of its own: it answers while everybody else's side is overloaded.
    pub fn operators_router(
        &self,
        metrics: Option<PrometheusHandle>,
        mut document: serde_json::Value,
    ) -> Router {
        crate::document::keep_tags(&mut document, |tag| ["admin", "system"].contains(&tag));
        let metrics = metrics.map(|handle| self.metrics_text(handle));
        let system = nova_query_api::system_router(Arc::clone(&self.query), metrics, Some(&document));
        let router = system.merge(self.admin_router());
        nova_http::with_layers(router, self.verifier(), &self.config.operators_http_limits())
    }

    fn admin_router(&self) -> Router {
        nova_query_api::admin_router(Arc::clone(&self.query), self.jobs.clone())
    }

    fn verifier(&self) -> Arc<Verifier> {
        Arc::new(self.issuer.verifier().with_closed_accounts(self.closed.clone()))
    }

    fn metrics_text(&self, handle: PrometheusHandle) -> MetricsText {
        let (runtime, client_events) = (Arc::clone(&self.stores.runtime), self.stores.client_events.clone());
        Arc::new(move || {
            runtime.record_metrics();
            if let Some(client_events) = &client_events {
                client_events.record_metrics();
            }
            telemetry::process::observe();
            handle.render()
        })
    }

    /// See [`crate::profile::Runtime::history_changes`].
    pub(crate) async fn history_changes(&self) -> String {
        self.stores.runtime.history_changes().await
    }

    /// See [`crate::profile::Runtime::abandon`].
    pub(crate) async fn abandon(&self) {
        self.stores.runtime.abandon().await;
    }

    /// Stops what runs and closes what is open: everything acknowledged is safe, and the data folder is free.
    pub async fn close(mut self) {
        for chore in self.chores.drain(..) {
            chore.abort();
        }
        self.jobs.stop().await;
        if let Some(client_events) = &self.stores.client_events {
            client_events.close().await;
        }
        self.stores.runtime.close().await;
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.stores.log
    }

    pub fn view_writer(&self) -> &Arc<dyn ViewWriter> {
        &self.stores.writer
    }

    pub fn codec(&self) -> &Codec {
        &self.stores.codec
    }

    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub fn live(&self) -> &Live {
        &self.query.live
    }
}

/// A process is ready for what its roles do. Views gate one that fills them and does nothing else, and the one process of
/// the embedded profile, beside which nothing could answer: elsewhere a long outage of Kafka would take commands and
/// queries out of service, which go on, degraded.
fn ready_when(stores: &Stores, roles: Roles) -> ReadyWhen {
    let is_alone = stores.sole_writer;
    ReadyWhen {
        views_current: roles.projectors && (is_alone || !(roles.commands || roles.queries)),
        log_writable: roles.commands,
        checks: stores.ready_checks.clone(),
    }
}

/// "Read up to a seq" over a WebSocket is the same command as over HTTP.
fn read_command(executor: Executor) -> ReadCommand {
    Arc::new(move |caller: Caller, conversation, seq| {
        let executor = executor.clone();
        Box::pin(async move {
            let command = MarkRead { conversation, seq };
            executor.execute(live_context(caller), command).await.map(drop).map_err(ApiError::from)
        })
    })
}

fn delivered_command(executor: Executor) -> DeliveredCommand {
    Arc::new(move |caller: Caller, conversation, seq, device_id| {
        let executor = executor.clone();
        Box::pin(async move {
            let command = MarkDelivered { conversation, device_id, seq };
            executor.execute(live_context(caller), command).await.map(drop).map_err(ApiError::from)
        })
    })
}

fn live_context(caller: Caller) -> Context {
    Context {
        actor: Actor::User(caller.user),
        moderator: false,
        command_id: Uuid::now_v7(),
        repeatable: false,
        imported: false,
        at_ms: chrono::Utc::now().timestamp_millis(),
        correlation_id: caller.correlation_id,
        causation_id: None,
        traceparent: caller.traceparent,
    }
}
