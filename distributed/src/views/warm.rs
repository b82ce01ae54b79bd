//! Keeps the last good page of those who are active: an outage finds it fresh, also for whoever has not looked for a while.

use std::time::Duration;

use chrono::Utc;
use nova_events::UserId;
use nova_resilience::BreakerState;
use nova_views::PageRequest;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use std::collections::VecDeque;
use std::sync::Weak;
use tokio::time::Instant;

use super::sources::Source;
use super::{Shared, Views, names};

/// Viewers that are known to be active.
const ACTIVE_MAX: usize = 20_000;
/// Who has not looked for so long is not active any more.
const ACTIVE_FOR: Duration = Duration::from_secs(3_600);
/// How often one page is made anew: no more is asked of ClickHouse, whatever happens.
const PACE: Duration = Duration::from_millis(500);

/// Who has looked at their feed lately.
#[derive(Debug)]
pub(super) struct Active {
    seen: Cache<UserId, Instant>,
    /// In the order in which their pages were made.
    queue: Mutex<VecDeque<(UserId, Instant)>>,
}

impl Default for Active {
    fn default() -> Self {
        Self { seen: Cache::new(ACTIVE_MAX), queue: Mutex::default() }
    }
}

impl Active {
    pub(super) fn saw(&self, viewer: UserId) {
        let now = Instant::now();
        let is_new = self.seen.get(&viewer).is_none();
        self.seen.insert(viewer, now);
        if is_new {
            let mut queue = self.queue.lock();
            queue.push_back((viewer, now));
            if queue.len() > ACTIVE_MAX {
                queue.pop_front();
            }
        }
    }

    /// Someone whose page was made longest ago, if that is long enough; they come last now.
    fn due(&self, older_than: Duration) -> Option<UserId> {
        let mut queue = self.queue.lock();
        loop {
            let (viewer, made) = *queue.front()?;
            if made.elapsed() < older_than {
                return None;
            }
            queue.pop_front();
            if self.seen.get(&viewer).is_some_and(|seen| seen.elapsed() < ACTIVE_FOR) {
                queue.push_back((viewer, Instant::now()));
                return Some(viewer);
            }
            self.seen.remove(&viewer);
        }
    }
}

/// How often what is for all is made anew.
const FOR_ALL: Duration = Duration::from_secs(60);
/// How often it is looked whether a store that was left alone is back.
const PROBES: Duration = Duration::from_millis(100);

/// Finds out when stores are back, for as long as somebody has the views.
pub(super) async fn probe(views: Weak<Shared>) {
    loop {
        tokio::time::sleep(PROBES).await;
        let Some(shared) = views.upgrade() else { return };
        shared.sources.probe().await;
    }
}

/// Runs for as long as somebody has the views.
pub(super) async fn run(views: Weak<Shared>) {
    let mut for_all: Option<Instant> = None;
    loop {
        tokio::time::sleep(PACE).await;
        let Some(shared) = views.upgrade() else { return };
        let views = Views { shared };
        if for_all.is_none_or(|at| at.elapsed() >= FOR_ALL) && views.keep_for_all().await {
            for_all = Some(Instant::now());
        }
        let older_than = Duration::from_millis(views.shared.options.warm_after_ms);
        if older_than.is_zero()
            || views.sources().guard(Source::ClickHouse).breaker().state() != BreakerState::Closed
        {
            continue;
        }
        let Some(viewer) = views.shared.active.due(older_than) else { continue };
        match views.feed_again(viewer).await {
            Ok(()) => metrics::counter!(names::FEED_CACHE, "event" => "warmed").increment(1),
            Err(error) => tracing::debug!(%error, "a page could not be kept warm"),
        }
    }
}

impl Views {
    /// Whether what is for all was there to be kept.
    async fn keep_for_all(&self) -> bool {
        if self.shared.options.warm_after_ms == 0 {
            return false;
        }
        let nobody = UserId(uuid::Uuid::nil());
        let page = PageRequest::first(PageRequest::LIMIT_MAX);
        let kept = match self.trending_down(nobody, &page, Utc::now()).await {
            Ok(answer) => !answer.degraded && !answer.value.items.is_empty(),
            Err(_) => false,
        };
        kept & self.keep_popular().await.is_ok()
    }

    /// Ranks someone's feed and keeps its first page.
    async fn feed_again(&self, viewer: UserId) -> Result<(), nova_views::ViewError> {
        self.shared.kept_lately.remove(&format!("feed:{viewer}"));
        let seen = self.shared.active.seen.get(&viewer);
        self.shared.kept_lately.remove(&format!("timeline:{viewer}"));
        let page = PageRequest::first(PageRequest::LIMIT_DEFAULT);
        self.feed_down(viewer, &page, Utc::now()).await?;
        self.timeline_down(viewer, &page).await?;
        // That was us, not them.
        if let Some(seen) = seen {
            self.shared.active.seen.insert(viewer, seen);
        }
        Ok(())
    }
}
