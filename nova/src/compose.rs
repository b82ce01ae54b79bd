//! Putting the rooms together. The one place that knows which profile is in force.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use nova_command_api::{CommandState, Context, Executor};
use nova_domain::read::MarkRead;
use nova_embedded::{Embedded, EmbeddedOptions};
use nova_eventlog::{EventFeed, EventLog, FileLog};
use nova_events::{Actor, Codec};
use nova_http::{ApiError, Caller, Issuer};
use nova_projectors::Projectors;
use nova_query_api::{Live, MetricsText, QueryState, ReadCommand};
use nova_views::{ViewError, ViewReader, ViewWriter};
use uuid::Uuid;

use crate::config::{Config, Profile};
use crate::purge;

/// An opened installation.
#[derive(Debug)]
pub struct Product {
    config: Config,
    stores: Stores,
    codec: Codec,
    executor: Executor,
    issuer: Issuer,
    query: Arc<QueryState>,
    projectors: Option<Projectors>,
    purge: Option<tokio::task::JoinHandle<()>>,
}

/// What a profile brings.
struct Stores {
    log: Arc<dyn EventLog>,
    feed: Arc<dyn EventFeed>,
    reader: Arc<dyn ViewReader>,
    writer: Arc<dyn ViewWriter>,
    /// To be closed at the end.
    file_log: Arc<FileLog>,
    /// Brings the gauges up to date that nothing else does; called when metrics are asked for.
    record_metrics: Arc<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").field("log", &self.file_log).finish_non_exhaustive()
    }
}

async fn open_stores(config: &Config) -> anyhow::Result<(Stores, Codec)> {
    match config.profile {
        Profile::Embedded => open_embedded(config).await,
        Profile::Distributed => bail!("this build has the embedded profile only: set profile = \"embedded\""),
    }
}

async fn open_embedded(config: &Config) -> anyhow::Result<(Stores, Codec)> {
    let options = EmbeddedOptions {
        log: config.log_options(),
        master_key: config.master_key()?,
        keys_cached_max: config.keys.cached_max,
        views: config.views_options(),
        ..EmbeddedOptions::at(&config.data.dir)
    };
    // Recovering a log and opening files blocks.
    let opened = tokio::task::spawn_blocking(move || Embedded::open(options)).await?;
    let Embedded { log, keyring, views } =
        opened.with_context(|| format!("cannot open the data folder {}", config.data.dir.display()))?;
    let measured = views.clone();
    let stores = Stores {
        record_metrics: Arc::new(move || measured.record_metrics()),
        log: Arc::clone(&log) as Arc<dyn EventLog>,
        feed: Arc::clone(&log) as Arc<dyn EventFeed>,
        reader: Arc::new(views.clone()),
        writer: Arc::new(views),
        file_log: log,
    };
    Ok((stores, Codec::new(keyring)))
}

impl Product {
    /// Opens an installation, or begins one.
    pub async fn open(config: Config) -> anyhow::Result<Self> {
        let (stores, codec) = open_stores(&config).await?;
        let issuer = Issuer::with_options(&config.token_key_file(), config.verifier_options())?;
        let executor = Executor::new(Arc::clone(&stores.log), codec.clone(), config.executor_options());
        let query = QueryState::new(
            Arc::clone(&stores.reader),
            Arc::clone(&stores.writer),
            Arc::clone(&stores.log),
            Arc::clone(&stores.feed),
            codec.clone(),
            config.query_options(),
        );
        let query = Arc::new(query.with_read_command(read_command(executor.clone())));
        Ok(Self { config, stores, codec, executor, issuer, query, projectors: None, purge: None })
    }

    /// Starts to keep the views up to date.
    pub fn start_projectors(&mut self) {
        let stores = &self.stores;
        self.projectors = Some(Projectors::start(
            Arc::clone(&stores.log),
            Arc::clone(&stores.feed),
            self.codec.clone(),
            Arc::clone(&stores.writer),
            self.config.projector_options(),
        ));
    }

    /// Starts to purge posts whose grace period is over, for as long as the product is open.
    pub fn start_purge(&mut self) {
        let interval = Duration::from_secs(self.config.commands.purge_interval_s.max(1));
        let (reader, executor) = (Arc::clone(&self.stores.reader), self.executor.clone());
        self.purge = Some(tokio::spawn(purge::run(reader, executor, interval)));
    }

    pub fn reader(&self) -> &Arc<dyn ViewReader> {
        &self.stores.reader
    }

    pub fn projectors(&self) -> anyhow::Result<&Projectors> {
        self.projectors.as_ref().context("the projectors do not run")
    }

    /// Waits until the views have seen everything that is in the log by now.
    pub async fn wait_applied(&self) -> anyhow::Result<()> {
        let head = self.stores.log.head();
        loop {
            match self.stores.reader.wait_applied(head, Duration::from_secs(1)).await {
                Ok(()) => return Ok(()),
                // A large log takes its time; it gets on.
                Err(ViewError::Behind { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Both sides of the API, with the layers that every request goes through.
    pub fn router(&self, metrics: Option<PrometheusHandle>) -> Router {
        let commands =
            CommandState { executor: self.executor.clone(), options: self.config.command_options() };
        let metrics = metrics.map(|handle| {
            let record = Arc::clone(&self.stores.record_metrics);
            Arc::new(move || {
                record();
                handle.render()
            }) as MetricsText
        });
        let mut document = nova_query_api::openapi();
        document.merge(nova_command_api::openapi());
        let router = nova_command_api::router(commands)
            .merge(nova_query_api::router(Arc::clone(&self.query)))
            .merge(nova_query_api::system_router(Arc::clone(&self.query), metrics, &document));
        nova_http::with_layers(router, Arc::new(self.issuer.verifier()), &self.config.http_limits())
    }

    /// Stops the projectors and closes the log: everything acknowledged is on disk, and the folder is free.
    pub async fn close(mut self) {
        if let Some(purge) = self.purge.take() {
            purge.abort();
        }
        if let Some(projectors) = self.projectors.take() {
            projectors.stop().await;
        }
        let log = Arc::clone(&self.stores.file_log);
        if tokio::task::spawn_blocking(move || log.close()).await.is_err() {
            tracing::error!("the log could not be closed");
        }
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
        &self.codec
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

/// "Read up to a seq" over a WebSocket is the same command as over HTTP.
fn read_command(executor: Executor) -> ReadCommand {
    Arc::new(move |caller: Caller, conversation, seq| {
        let executor = executor.clone();
        Box::pin(async move {
            let context = Context {
                actor: Actor::User(caller.user),
                moderator: false,
                command_id: Uuid::now_v7(),
                repeatable: false,
                at_ms: chrono::Utc::now().timestamp_millis(),
                correlation_id: caller.correlation_id,
                causation_id: None,
                traceparent: caller.traceparent,
            };
            executor.execute(context, MarkRead { conversation, seq }).await.map(drop).map_err(ApiError::from)
        })
    })
}
