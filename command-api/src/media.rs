//! Uploads, between the log, which says what may be and what is, and the place where the bytes are.
//!
//! * Nothing is signed before it is reserved, and nothing is reserved that the sweeper could not find again: the mark comes
//!   first (`pending/{id}`), then the event, then the address.
//! * What is completed has been looked at where no client can write. Completing twice is completing once.

use std::sync::Arc;
use std::time::Duration;

use nova_domain::Refusal;
use nova_domain::media::{CompleteUpload, DeleteMedia, MediaState, RejectUpload, ReserveUpload, Upload};
use nova_events::media::{MediaKind, UploadReserved};
use nova_events::{ConversationId, MediaId, UserId};
use nova_http::{ApiError, OwnAddress};
use nova_media::keys;
use nova_media::look::{Expected, Found, sha256_of, take_in};
use nova_media::store::PutTerms;
use nova_media::{MediaStore, Presigned, StoreError};
use tokio::sync::Semaphore;

use crate::execute::{CommandError, Context, Executor, Outcome};

#[derive(Debug, Clone)]
pub struct MediaOptions {
    /// How long an address to put a voice message is good.
    pub voice_ttl: Duration,
    /// The same for everything else.
    pub upload_ttl: Duration,
    /// Where clients reach Nova.
    pub own_address: OwnAddress,
    /// Uploads that are checked at once. Each holds a picture or a voice message in memory, or 8 MiB of a film.
    pub checks_max: usize,
}

impl Default for MediaOptions {
    fn default() -> Self {
        let (voice_ttl, upload_ttl) = (Duration::from_secs(3_600), Duration::from_secs(900));
        Self { voice_ttl, upload_ttl, own_address: OwnAddress::default(), checks_max: 4 }
    }
}

/// Uploads of an installation that has a place for them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Media {
    pub store: MediaStore,
    pub options: MediaOptions,
    checks: Arc<Semaphore>,
}

/// What someone wants to upload.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) kind: Option<MediaKind>,
    pub(crate) content_type: String,
    pub(crate) content_length: u64,
    pub(crate) sha256: String,
    /// For a voice message there.
    pub(crate) conversation: Option<ConversationId>,
}

/// What was reserved, and how to put it.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) outcome: Outcome,
    pub(crate) upload: UploadReserved,
    pub(crate) presigned: Presigned,
    pub(crate) expires_in: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nothing has been uploaded")]
    NotUploaded,
}

impl From<Refusal> for MediaError {
    fn from(refusal: Refusal) -> Self {
        Self::Command(CommandError::Refused(refusal))
    }
}

impl From<MediaError> for ApiError {
    fn from(error: MediaError) -> Self {
        use axum::http::StatusCode;
        match error {
            MediaError::Command(error) => error.into(),
            MediaError::NotUploaded => Self::new(
                StatusCode::CONFLICT,
                "not_uploaded",
                "Nothing has been put to the presigned address yet.",
            ),
            MediaError::Store(StoreError::Missing) => Self::not_found("medium"),
            MediaError::Store(StoreError::Unavailable { why, retry_after }) => {
                tracing::warn!(error.message = %why, "the media store is not available");
                let detail = "Media cannot be taken or given right now. Everything else works: try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "media_unavailable", detail)
                    .retry_after(retry_after.as_secs().max(1))
            }
        }
    }
}

impl Media {
    pub fn new(store: MediaStore, options: MediaOptions) -> Self {
        let checks = Arc::new(Semaphore::new(options.checks_max.max(1)));
        Self { store, options, checks }
    }

    pub(crate) async fn reserve(
        &self,
        executor: &Executor,
        context: Context,
        wanted: Wanted,
        base: &str,
    ) -> Result<Reserved, MediaError> {
        let ttl =
            if wanted.conversation.is_some() { self.options.voice_ttl } else { self.options.upload_ttl };
        let now_ms = context.at_ms;
        let command = reservation(wanted, now_ms, ttl);
        command.check(executor.limits())?;
        let id = command.media;
        self.store.write(&keys::pending(id), b"pending").await?;
        let outcome = match executor.execute(context, command).await {
            Err(error @ (CommandError::Refused(_) | CommandError::KeyReused)) => {
                self.drop_objects(&[keys::pending(id)]).await;
                return Err(error.into());
            }
            executed => executed?,
        };
        let reserved_id = MediaId(outcome.id);
        if reserved_id != id {
            // The same command again: the first one's reservation stands.
            self.drop_objects(&[keys::pending(id)]).await;
        }
        let upload = executor.media(reserved_id).await?.reserved.ok_or(Refusal::Unknown("medium"))?;
        let left_ms = u64::try_from(upload.expires_at_ms.saturating_sub(now_ms)).unwrap_or(0);
        let expires_in = Duration::from_millis(left_ms);
        if expires_in.as_secs() == 0 {
            return Err(Refusal::UploadExpired.into());
        }
        let terms = PutTerms {
            key: &upload.staging_key,
            content_type: &upload.content_type,
            content_length: upload.content_length,
            sha256: &upload.sha256,
            expires_in,
        };
        let presigned = self.store.presign_put(terms, base);
        Ok(Reserved { outcome, presigned, expires_in, upload })
    }

    /// Looks at what was put there, and says that it counts, if it does.
    pub(crate) async fn complete(
        &self,
        executor: &Executor,
        context: Context,
        owner: UserId,
        id: MediaId,
    ) -> Result<Outcome, MediaError> {
        let state = executor.media(id).await?;
        let Some(upload) = awaited(&state, owner) else {
            // Not theirs, not there, not any more, or done already: the decision says which.
            return Ok(executor.execute(context, CompleteUpload { media: id, duration_ms: None }).await?);
        };
        let found = match self.take_in(executor, id, upload).await {
            // Another request completed it meanwhile, and what was put is gone.
            Err(MediaError::NotUploaded) if awaited(&executor.media(id).await?, owner).is_none() => {
                return Ok(executor
                    .execute(context, CompleteUpload { media: id, duration_ms: None })
                    .await?);
            }
            found => found?,
        };
        let completed = match found {
            Found::Not(reason) => {
                let reject = Context { repeatable: false, command_id: fresh(), ..context.clone() };
                executor.execute(reject, RejectUpload { media: id, reason }).await?;
                Err(CommandError::Refused(Refusal::UploadRejected(reason)))
            }
            Found::AsReserved { duration_ms } => {
                executor.execute(context, CompleteUpload { media: id, duration_ms }).await
            }
        };
        match completed {
            Ok(outcome) => {
                count("completed");
                self.drop_objects(&[upload.staging_key.clone(), keys::pending(id)]).await;
                Ok(outcome)
            }
            Err(CommandError::Refused(refusal)) => {
                count("rejected");
                // It never counts. (Whoever completed it first would have made this one succeed, too.)
                let all = [upload.staging_key.clone(), keys::media(id), keys::pending(id)];
                self.drop_objects(&all).await;
                Err(refusal.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Checks what was put there, and brings it to where no client can write.
    async fn take_in(
        &self,
        executor: &Executor,
        id: MediaId,
        upload: &UploadReserved,
    ) -> Result<Found, MediaError> {
        let (staging, counts) = (upload.staging_key.as_str(), keys::media(id));
        let expected = Expected {
            kind: upload.kind,
            content_type: upload.content_type.clone(),
            content_length: upload.content_length,
            sha256: upload.sha256.clone(),
            audio_ms_max: executor.limits().audio_ms_max,
        };
        // The semaphore is never closed.
        let _check = self.checks.acquire().await;
        match take_in(&self.store, staging, &counts, &expected).await {
            Err(StoreError::Missing) => Err(MediaError::NotUploaded),
            found => Ok(found?),
        }
    }

    pub(crate) async fn delete(
        &self,
        executor: &Executor,
        context: Context,
        id: MediaId,
    ) -> Result<Outcome, MediaError> {
        let outcome = executor.execute(context, DeleteMedia { media: id }).await?;
        self.drop_bytes_of(executor, id).await?;
        Ok(outcome)
    }

    /// After its deletion has been decided. What cannot be deleted now the sweeper finds later.
    pub async fn drop_bytes_of(&self, executor: &Executor, id: MediaId) -> Result<(), CommandError> {
        let state = executor.media(id).await?;
        if !state.deleted {
            return Ok(());
        }
        let staging = state.reserved.map(|reserved| reserved.staging_key);
        let all: Vec<String> = staging.into_iter().chain([keys::media(id), keys::pending(id)]).collect();
        self.drop_objects(&all).await;
        Ok(())
    }

    async fn drop_objects(&self, all: &[String]) {
        for key in all {
            if let Err(error) = self.store.delete(key).await {
                tracing::warn!(error.message = %error, media.key = %key, "an object is left to the sweeper");
            }
        }
    }
}

fn fresh() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

fn reservation(wanted: Wanted, now_ms: i64, ttl: Duration) -> ReserveUpload {
    let essence = wanted.content_type.split(';').next().unwrap_or_default();
    let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    ReserveUpload {
        media: MediaId::make(),
        conversation: wanted.conversation,
        kind: wanted.kind,
        content_type: essence.trim().to_ascii_lowercase(),
        content_length: wanted.content_length,
        // What is neither hexadecimal nor base64 is refused as it is.
        sha256: sha256_of(&wanted.sha256).unwrap_or(wanted.sha256),
        staging_key: keys::new_staging(),
        expires_at_ms: now_ms.saturating_add(ttl_ms),
    }
}

/// What is to be looked at before it can be completed.
fn awaited(state: &MediaState, owner: UserId) -> Option<&UploadReserved> {
    let pending = !state.deleted && state.upload == Upload::Pending;
    state.reserved.as_ref().filter(|reserved| pending && reserved.owner == owner)
}

/// Whether it is there to be shown.
pub(crate) fn is_ready(state: &MediaState) -> bool {
    !state.deleted && matches!(state.upload, Upload::Ready { .. })
}

pub(crate) fn count(outcome: &'static str) {
    metrics::counter!("media_uploads_total", "outcome" => outcome).increment(1);
}
