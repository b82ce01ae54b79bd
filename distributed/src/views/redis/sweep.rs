//! What belonged to generations that are gone is deleted in the background, a page at a time. Whatever an earlier sweep
//! left, because its process ended, the next one finds.

use std::collections::HashMap;
use std::time::Duration;

use nova_views::ViewError;

use super::connect::view_error;
use super::names::Kept;
use super::{RedisViews, names};

const KEYS_PER_PAGE: usize = 1_000;
/// Between two pages: others want to use the server too.
const PAUSE: Duration = Duration::from_millis(5);

impl RedisViews {
    /// One at a time; those that come meanwhile follow behind it.
    pub(super) fn sweep(&self) {
        let views = self.clone();
        tokio::spawn(async move {
            let _alone = views.shared.sweeping.lock().await;
            match views.sweep_once().await {
                Ok(0) => {}
                Ok(keys) => {
                    tracing::info!(keys, "deleted what earlier generations of the views left in Redis")
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot delete what earlier generations of the views left in Redis")
                }
            }
        });
    }

    pub(super) async fn sweep_once(&self) -> Result<u64, ViewError> {
        let prefix = self.shared.options.prefix.as_bytes();
        let mut connection = self.writes().clone();
        let (mut from, mut deleted) = ("0".to_owned(), 0);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&from).arg("MATCH").arg(self.key("*")).arg("COUNT").arg(KEYS_PER_PAGE);
            let (next, keys): (String, Vec<Vec<u8>>) =
                scan.query_async(&mut connection).await.map_err(|error| view_error(&error))?;
            // After the page: a generation that was begun before it is known then.
            let live: HashMap<String, String> =
                self.ask(redis::cmd("HGETALL").arg(self.key(names::LIVE))).await?;
            let kept =
                Kept { has_history: live.contains_key(names::HISTORY), tokens: live.into_values().collect() };
            let left_over: Vec<&[u8]> = keys
                .iter()
                .filter(|key| key.strip_prefix(prefix).is_some_and(|rest| kept.is_left_over(rest)))
                .map(Vec::as_slice)
                .collect();
            if !left_over.is_empty() {
                let count: u64 = redis::cmd("UNLINK")
                    .arg(&left_over)
                    .query_async(&mut connection)
                    .await
                    .map_err(|error| view_error(&error))?;
                deleted += count;
            }
            if next == "0" {
                return Ok(deleted);
            }
            from = next;
            tokio::time::sleep(PAUSE).await;
        }
    }
}
