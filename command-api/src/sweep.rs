//! What uploads that came to nothing leave behind, removed.
//!
//! * A reservation that nobody completed in time is rejected.
//! * What clients put and nobody completed goes, also when it arrives after its time: each round looks anew.
//! * Bytes under `media/` that no upload completed, or whose medium has been deleted, go.
//!
//! Any number of sweepers may run at once: everything here can be done twice. What is still awaited is never touched, because
//! whether it is over is decided in the log, not by the age of a file.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use nova_domain::media::{MediaState, RejectUpload, Upload};
use nova_events::media::RejectReason;
use nova_events::{Actor, MediaId};
use nova_media::{MediaStore, Object, StoreError, keys};
use uuid::Uuid;

use crate::execute::{CommandError, Context, Executor};
use crate::media::count;

#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// What is younger is left alone: the longest that an address is good, the grace, and what clocks may differ.
    pub age_min: Duration,
    /// Objects looked at in one round, in each folder.
    pub batch_objects: usize,
}

/// Walks through the store, round by round.
#[derive(Debug)]
pub struct Sweeper {
    store: MediaStore,
    executor: Executor,
    options: SweepOptions,
    /// How far the walk through `media/` is; it begins again at its end.
    behind: Option<String>,
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    /// Reservations that nobody completed.
    pub rejected: u64,
    /// Objects deleted under `staging/`.
    pub staging: u64,
    /// Objects deleted under `media/`.
    pub media: u64,
    /// Marks of uploads that ended.
    pub marks: u64,
    /// The walk through `media/` is at its end.
    pub is_whole: bool,
}

impl Swept {
    pub fn is_nothing(&self) -> bool {
        self.rejected + self.staging + self.media + self.marks == 0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Sweeps now and then again after each `interval`, for ever.
pub async fn run(mut sweeper: Sweeper, interval: Duration) {
    loop {
        match sweeper.round().await {
            Ok(swept) if swept.is_nothing() => {}
            Ok(swept) => tracing::info!(
                media.rejected = swept.rejected,
                media.staging = swept.staging,
                media.orphans = swept.media,
                "swept what uploads left behind"
            ),
            Err(error) => {
                tracing::warn!(error.message = %error, "the sweeper did not get through, trying again later");
            }
        }
        tokio::time::sleep(interval).await;
    }
}

impl Sweeper {
    pub fn new(store: MediaStore, executor: Executor, options: SweepOptions) -> Self {
        Self { store, executor, options, behind: None }
    }

    /// Rounds until all of `media/` has been looked at once.
    pub async fn whole(&mut self) -> Result<Swept, SweepError> {
        self.behind = None;
        let mut all = Swept::default();
        while !all.is_whole {
            let swept = self.round().await?;
            all.rejected += swept.rejected;
            all.staging += swept.staging;
            all.media += swept.media;
            all.marks += swept.marks;
            all.is_whole = swept.is_whole;
        }
        Ok(all)
    }

    pub async fn round(&mut self) -> Result<Swept, SweepError> {
        let mut swept = Swept::default();
        self.sweep_marks(&mut swept).await?;
        self.sweep_staging(&mut swept).await?;
        self.sweep_media(&mut swept).await?;
        for (what, number) in [
            ("rejected", swept.rejected),
            ("staging", swept.staging),
            ("media", swept.media),
            ("mark", swept.marks),
        ] {
            metrics::counter!("media_swept_total", "what" => what).increment(number);
        }
        Ok(swept)
    }

    fn is_old(&self, object: &Object) -> bool {
        let age_min = TimeDelta::from_std(self.options.age_min).unwrap_or(TimeDelta::MAX);
        let now: DateTime<Utc> = Utc::now();
        now.signed_duration_since(object.modified_at) >= age_min
    }

    /// Every object of a folder, in batches.
    async fn old_ones(&self, folder: &str) -> Result<Vec<Object>, StoreError> {
        let (mut old, mut after) = (Vec::new(), None::<String>);
        loop {
            let batch = self.store.list(folder, after.as_deref(), self.options.batch_objects).await?;
            let is_last = batch.len() < self.options.batch_objects;
            after = batch.last().map(|object| object.key.clone());
            old.extend(batch.into_iter().filter(|object| self.is_old(object)));
            if is_last || old.len() >= self.options.batch_objects {
                return Ok(old);
            }
        }
    }

    async fn sweep_marks(&self, swept: &mut Swept) -> Result<(), SweepError> {
        for mark in self.old_ones(keys::PENDING).await? {
            let Some(id) = keys::medium_of(&mark.key) else { continue };
            let mut state = self.executor.media(id).await?;
            if state.reserved.is_some() && state.upload == Upload::Pending && !state.deleted {
                if !self.reject(id).await? {
                    // It is not over yet, or was completed just now: the next round knows more.
                    continue;
                }
                swept.rejected += 1;
                count("expired");
                state = self.executor.media(id).await?;
            }
            if let Some(reserved) = &state.reserved {
                self.store.delete(&reserved.staging_key).await?;
            }
            if counts_for_nothing(&state) && self.store.exists(&keys::media(id)).await? {
                self.store.delete(&keys::media(id)).await?;
                swept.media += 1;
            }
            self.store.delete(&mark.key).await?;
            swept.marks += 1;
        }
        Ok(())
    }

    async fn sweep_staging(&self, swept: &mut Swept) -> Result<(), SweepError> {
        for object in self.old_ones(keys::STAGING).await? {
            self.store.delete(&object.key).await?;
            swept.staging += 1;
        }
        Ok(())
    }

    /// A batch of what counts, from where the last round ended.
    async fn sweep_media(&mut self, swept: &mut Swept) -> Result<(), SweepError> {
        let limit = self.options.batch_objects;
        let batch = self.store.list(keys::MEDIA, self.behind.as_deref(), limit).await?;
        swept.is_whole = batch.len() < limit;
        let behind = if swept.is_whole { None } else { batch.last().map(|object| object.key.clone()) };
        for object in batch {
            let Some(id) = keys::medium_of(&object.key) else { continue };
            if counts_for_nothing(&self.executor.media(id).await?) {
                self.store.delete(&object.key).await?;
                swept.media += 1;
            }
        }
        self.behind = behind;
        Ok(())
    }

    /// `false`: it was not time, or it has been completed.
    async fn reject(&self, media: MediaId) -> Result<bool, CommandError> {
        let id = Uuid::now_v7();
        let context = Context {
            actor: Actor::System,
            moderator: false,
            command_id: id,
            repeatable: false,
            imported: false,
            at_ms: Utc::now().timestamp_millis(),
            correlation_id: id,
            causation_id: None,
            traceparent: None,
        };
        let reject = RejectUpload { media, reason: RejectReason::Expired };
        match self.executor.execute(context, reject).await {
            Ok(outcome) => Ok(outcome.changed),
            Err(CommandError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Nothing can make these bytes count any more. What is pending can still be completed, and is rejected first.
fn counts_for_nothing(state: &MediaState) -> bool {
    state.deleted || state.reserved.is_none() || matches!(state.upload, Upload::Rejected(_))
}
