//! The embedded profile: everything in this process and its data folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nova_embedded::health::{DiskReserve, LogHealth, ViewsHealth};
use nova_embedded::{Embedded, EmbeddedOptions, LocalClientEvents, Views};
use nova_eventlog::{EventFeed, EventLog, FileLog, VerifyReport};
use nova_events::Codec;
use nova_events::client_events::ClientEvents;
use nova_projectors::{Projectors, Redriven};
use nova_resilience::Dependency;
use nova_views::{Generation, ViewReader, ViewWriter, projection};
use parking_lot::Mutex;

use super::{
    Installation, JobOutcome, Progress, Roles, Runtime, Stores, VERIFY_SEES, outcome, span, wait_for_views,
};
use crate::config::Config;

/// An installation in a data folder.
pub(crate) struct InFolder;

#[async_trait::async_trait]
impl Installation for InFolder {
    async fn open(&self, config: &Config, roles: Roles) -> anyhow::Result<Stores> {
        if ![Roles::ALL, Roles::NONE, Roles::VIEWS].contains(&roles) {
            bail!("the embedded profile is one process: `nova serve`, or set profile = \"distributed\"");
        }
        open(config, roles).await
    }

    fn must_be_there(&self, config: &Config) -> anyhow::Result<()> {
        log_folder(config).map(drop)
    }

    /// The schemas are brought up to date whenever the folder is opened, so there is nothing to do but to open it.
    async fn migrate(&self, config: &Config) -> anyhow::Result<String> {
        let stores = open(config, Roles::NONE).await?;
        let checked = stores.writer.status().await;
        let head = stores.log.head();
        stores.runtime.close().await;
        Ok(format!(
            "{}: the log (position {head}) and {} views open and have the schemas of this version.\n\
             The embedded profile applies its schemas at every start; there is nothing else to migrate.",
            config.data.dir.display(),
            checked?.len()
        ))
    }

    async fn read_only_log(&self, config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
        Ok(Arc::new(FileLog::open_read_only(&log_folder(config)?, config.log_options())?))
    }

    async fn log_stats(&self, config: &Config, _: Progress<'_>) -> anyhow::Result<String> {
        let stats = FileLog::open_read_only(&log_folder(config)?, config.log_options())?.stats();
        Ok(format!(
            "head      {}\nevents    {}\nstreams   {}\nsegments  {}\nbytes     {}\n{}",
            stats.head,
            stats.events,
            stats.streams,
            stats.segments,
            stats.bytes,
            span(stats.first_recorded_at_ms, stats.last_recorded_at_ms)
        ))
    }

    async fn verify_log(&self, config: &Config, told: Progress<'_>) -> anyhow::Result<JobOutcome> {
        verify(log_folder(config)?, told).await
    }
}

fn log_folder(config: &Config) -> anyhow::Result<PathBuf> {
    let dir = config.data.dir.join("log");
    if !dir.is_dir() {
        bail!(
            "there is no log in {}: nothing has been written to this data folder yet",
            config.data.dir.display()
        );
    }
    Ok(dir)
}

async fn verify(dir: PathBuf, told: Progress<'_>) -> anyhow::Result<JobOutcome> {
    let started = std::time::Instant::now();
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let report = tokio::task::spawn_blocking(move || {
        FileLog::verify(&dir, |done, all| {
            // The receiver has gone with whoever asked.
            let _ = sender.send((done, all));
        })
    });
    while let Some((done, all)) = heard.recv().await {
        told(done, all);
    }
    let VerifyReport {
        segments,
        events,
        streams,
        bytes,
        indexes,
        torn_bytes,
        first_recorded_at_ms,
        last_recorded_at_ms,
    } = report.await??;
    let torn = if torn_bytes > 0 {
        format!("torn      {torn_bytes} bytes that a crash left behind; the next start cuts them off\n")
    } else {
        String::new()
    };
    let summary = format!(
        "the log is sound: every checksum, the order, every index, and nothing that was acknowledged is missing at its \
         end\n{VERIFY_SEES}\nevents    {events}\nstreams   {streams}\n\
         segments  {segments} ({indexes} with an index)\nbytes     {bytes}\n{torn}{}\ntook      {:.1} s",
        span(first_recorded_at_ms, last_recorded_at_ms),
        started.elapsed().as_secs_f64()
    );
    let numbers = [("events", events), ("streams", streams), ("segments", segments), ("bytes", bytes)];
    Ok(outcome(summary, numbers))
}

async fn open(config: &Config, roles: Roles) -> anyhow::Result<Stores> {
    let options = EmbeddedOptions {
        log: config.log_options(),
        master_key: config.master_key()?,
        keys_cached_max: config.keys.cached_max,
        give_up_missing_keys: config.keys.give_up_missing,
        views: config.views_options(),
        ..EmbeddedOptions::at(&config.data.dir)
    };
    // Recovering a log and opening files blocks.
    let opened = tokio::task::spawn_blocking(move || Embedded::open(options)).await?;
    let Embedded { log, keyring, views } =
        opened.with_context(|| format!("cannot open the data folder {}", config.data.dir.display()))?;
    let codec = Codec::new(keyring);
    let client_events = match roles.commands {
        true => Some(client_events(config).await?),
        false => None,
    };
    let running = Running {
        log: Arc::clone(&log),
        views: views.clone(),
        codec: codec.clone(),
        projectors: Mutex::default(),
    };
    let media = match config.media_on_s3()? {
        Some(media) => media,
        None => config.media_in_folder()?,
    };
    let dependencies: Vec<Arc<dyn Dependency>> = vec![
        Arc::new(media.clone()),
        Arc::new(LogHealth { log: Arc::clone(&log), dir: config.data.dir.join("log") }),
        Arc::new(ViewsHealth { views: views.clone(), dir: config.data.dir.join("views") }),
    ];
    let reserve_bytes = config.data.disk_reserve_bytes;
    let disk = DiskReserve { dir: config.data.dir.clone(), reserve_bytes };
    Ok(Stores {
        dependencies,
        ready_checks: vec![Arc::new(disk)],
        log: Arc::clone(&log) as Arc<dyn EventLog>,
        feed: log as Arc<dyn EventFeed>,
        codec,
        reader: Arc::new(views.clone()),
        writer: Arc::new(views),
        // The log's lock makes sure of it.
        live: None,
        sole_writer: true,
        client_events,
        media: Some(media),
        runtime: Arc::new(running),
    })
}

async fn client_events(config: &Config) -> anyhow::Result<Arc<dyn ClientEvents>> {
    let (dir, bytes_max) = (config.client_events_folder(), config.client_events.kept_bytes_max);
    let opened =
        tokio::task::spawn_blocking(move || LocalClientEvents::open(dir.join("kept"), bytes_max)).await?;
    Ok(Arc::new(opened.context("cannot open the client events in the data folder")?))
}

struct Running {
    log: Arc<FileLog>,
    views: Views,
    codec: Codec,
    projectors: Mutex<Option<Arc<Projectors>>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("log", &self.log).finish_non_exhaustive()
    }
}

impl Running {
    fn projectors(&self, config: &Config) -> Arc<Projectors> {
        let start = || {
            Arc::new(Projectors::start(
                Arc::clone(&self.log) as _,
                Arc::clone(&self.log) as _,
                self.codec.clone(),
                Arc::new(self.views.clone()),
                config.projector_options(),
            ))
        };
        Arc::clone(self.projectors.lock().get_or_insert_with(start))
    }

    /// The projectors, once the views have seen everything that is in the log by now.
    async fn caught_up(&self, config: &Config) -> anyhow::Result<Arc<Projectors>> {
        let projectors = self.projectors(config);
        if wait_for_views(&self.views, self.log.head(), STALLED_AFTER, &mut |_, _| ()).await? {
            return Ok(projectors);
        }
        let (applied, head) = (self.views.applied(), self.log.head());
        let seconds = STALLED_AFTER.as_secs();
        bail!(
            "the views have stood at position {applied} of {head} for {seconds} s: see the log for the reason"
        )
    }
}

/// How often a rebuild says how far it is.
const PROGRESS_STEP: Duration = Duration::from_millis(250);
/// Views that have not moved for so long are stuck. A step of a large log takes seconds.
const STALLED_AFTER: Duration = Duration::from_secs(60);

#[async_trait::async_trait]
impl Runtime for Running {
    async fn start(&self, config: &Config, roles: Roles) -> anyhow::Result<()> {
        if roles.projectors {
            self.projectors(config);
        }
        Ok(())
    }

    async fn rebuild(&self, config: &Config, name: &str, told: Progress<'_>) -> anyhow::Result<()> {
        let projectors = self.caught_up(config).await?;
        let rebuilt = projectors.rebuild(name);
        tokio::pin!(rebuilt);
        loop {
            tokio::select! {
                result = &mut rebuilt => break result?,
                () = tokio::time::sleep(PROGRESS_STEP) => {
                    let filled = self.views.cursor(name, Generation::Next).await;
                    told(filled.unwrap_or_default(), self.log.head());
                }
            }
        }
        told(self.log.head(), self.log.head());
        Ok(())
    }

    fn projections(&self) -> Vec<String> {
        projection::ALL.map(str::to_owned).to_vec()
    }

    async fn redrive(&self, config: &Config, name: &str, stream: Option<&str>) -> anyhow::Result<Redriven> {
        Ok(self.caught_up(config).await?.redrive(name, stream).await?)
    }

    async fn catch_up(&self, config: &Config, told: Progress<'_>) -> anyhow::Result<bool> {
        let _projectors = self.projectors(config);
        wait_for_views(&self.views, self.log.head(), STALLED_AFTER, told).await
    }

    fn record_metrics(&self) {
        self.views.record_metrics();
    }

    async fn close(&self) {
        let projectors = self.projectors.lock().take();
        if let Some(projectors) = projectors {
            projectors.stop().await;
        }
        let log = Arc::clone(&self.log);
        if tokio::task::spawn_blocking(move || log.close()).await.is_err() {
            tracing::error!("the log could not be closed");
        }
    }
}
