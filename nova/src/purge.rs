//! The purge: posts whose grace period is over are gone for good, by a command like any other.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use nova_command_api::{CommandError, Context, Executor, Media};
use nova_domain::post::PurgePost;
use nova_events::{Actor, PostId};
use nova_views::ViewReader;
use uuid::Uuid;

/// Posts looked up at a time.
const BATCH_POSTS: usize = 500;

/// Purges what is due, now and then again after each `interval`, for ever.
pub async fn run(reader: Arc<dyn ViewReader>, executor: Executor, media: Option<Media>, interval: Duration) {
    loop {
        match due(&*reader, &executor, media.as_ref()).await {
            Ok(0) => tokio::time::sleep(interval).await,
            Ok(purged) => {
                tracing::info!(posts = purged, "purged posts whose grace period is over");
                // The views have to see it before they are asked again.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the purge did not get through, trying again later");
                tokio::time::sleep(interval).await;
            }
        }
    }
}

/// Purges up to a batch of what is due. Returns how many.
pub async fn due(
    reader: &dyn ViewReader,
    executor: &Executor,
    media: Option<&Media>,
) -> anyhow::Result<usize> {
    let grace = TimeDelta::milliseconds(executor.limits().restore_grace_ms);
    let deleted_before = Utc::now() - grace;
    let posts = reader.purgeable_posts(deleted_before, BATCH_POSTS).await?;
    let mut purged = 0;
    for post in posts {
        let is_purged = purge(executor, post).await?;
        if let Some(media) = media.filter(|_| is_purged) {
            for id in executor.media_of_post(post).await? {
                media.drop_bytes_of(executor, id).await?;
            }
        }
        purged += usize::from(is_purged);
    }
    Ok(purged)
}

/// `false`: it was restored or purged meanwhile.
async fn purge(executor: &Executor, post: PostId) -> Result<bool, CommandError> {
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
    match executor.execute(context, PurgePost { post }).await {
        Ok(outcome) => Ok(outcome.changed),
        Err(CommandError::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
