//! Notices that the server has evicted keys that only the log can bring back.
//!
//! * Follow edges, members, marks and cursors have no time to live. A policy that evicts any key (`allkeys-*`) takes them
//!   without a trace, and timelines miss posts. Under every other policy only what is made again when it is asked for goes.
//! * Every process asks the server each [`INTERVAL`] for its policy and for how many keys it has evicted. When keys were
//!   evicted under such a policy, nothing here is trusted: reads fail as [`ViewError::Corrupt`], the reader falls back to
//!   PostgreSQL, and says so.
//! * Once the policy spares keys without a time to live, all generations are given up, and filled again from the log.
//! * The hash `evictions` holds the count up to which the views were whole, so that a process that starts later knows too.

use std::collections::HashMap;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nova_views::{ViewError, projection};

use super::connect::view_error;
use super::{RedisViews, Shared, names};
use crate::views::names::{INCOMPLETE, LOSSES};

const INTERVAL: Duration = Duration::from_secs(1);

/// What the server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    /// Changes when the server starts, and the count begins at 0.
    run: String,
    evicts_any_key: bool,
    policy: String,
    evicted: u64,
}

impl Report {
    fn parse(info: &str) -> Option<Self> {
        let field = |name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        let policy = field("maxmemory_policy")?.to_owned();
        Some(Self {
            run: field("run_id")?.to_owned(),
            evicts_any_key: policy.starts_with("allkeys"),
            policy,
            evicted: field("evicted_keys")?.parse().ok()?,
        })
    }
}

/// Up to where the views were known to be whole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    run: String,
    whole_at: u64,
    lost: bool,
}

impl Known {
    fn parse(mut stored: HashMap<String, String>) -> Option<Self> {
        let (run, whole_at) = (stored.remove("run")?, stored.get("whole_at")?.parse().ok()?);
        Some(Self { run, whole_at, lost: stored.get("lost").is_some_and(|lost| lost == "1") })
    }
}

/// What one process has seen.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    last: Option<(Report, Known)>,
}

impl Evictions {
    /// Returns the state after this report. `stored`: the state that the server holds; `is_empty`: it holds no view at all.
    fn judge(&self, report: &Report, stored: Option<Known>, is_empty: bool) -> Known {
        let run = report.run.clone();
        // The policy may have been changed back between two reports.
        let could = report.evicts_any_key || self.last.as_ref().is_some_and(|(last, _)| last.evicts_any_key);
        // What the server held may have been evicted like the rest.
        let known = stored.or_else(|| self.last.as_ref().map(|(_, known)| known.clone()));
        let Some(known) = known else {
            return Known { run, whole_at: report.evicted, lost: could && report.evicted > 0 && !is_empty };
        };
        let whole_at = if known.run == run { known.whole_at } else { 0 };
        // A store that was emptied is filled again anyway.
        let was_lost = known.lost && (could || !is_empty);
        if was_lost || (could && report.evicted > whole_at) {
            return Known { run, whole_at, lost: true };
        }
        // The first report of a process does not say what the policy was a moment ago.
        let moves = known.run != run || (!could && self.last.is_some());
        Known { run, whole_at: if moves { report.evicted } else { whole_at }, lost: false }
    }
}

/// Runs for as long as somebody has the views.
pub(super) async fn watch(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(shared) = shared.upgrade() else { return };
        RedisViews { shared }.look_for_evictions().await;
    }
}

impl RedisViews {
    /// Fails while keys are missing that only the log can bring back.
    pub fn trusted(&self) -> Result<(), ViewError> {
        if self.shared.lost.load(Ordering::Acquire) {
            let problem =
                "Redis has evicted keys that have no time to live: set its maxmemory-policy to volatile-lru";
            return Err(ViewError::Corrupt(problem.to_owned()));
        }
        Ok(())
    }

    /// A server that does not answer, or does not say, is taken as it was.
    pub(super) async fn look_for_evictions(&self) {
        if let Err(error) = self.try_look().await {
            tracing::debug!(%error, "cannot ask Redis whether it has evicted keys");
        }
    }

    async fn try_look(&self) -> Result<(), ViewError> {
        let mut evictions = self.shared.evictions.lock().await;
        self.hear_of_history().await?;
        let info: String = self.ask(redis::cmd("INFO").arg("server").arg("memory").arg("stats")).await?;
        let Some(report) = Report::parse(&info) else { return Ok(()) };
        let key = self.key(names::EVICTIONS);
        let stored = Known::parse(self.ask(redis::cmd("HGETALL").arg(&key)).await?);
        let mut holds_posts = redis::cmd("HEXISTS");
        holds_posts.arg(self.key(names::LIVE)).arg(projection::POSTS);
        let is_empty = !self.ask::<bool>(&holds_posts).await?;
        let mut known = evictions.judge(&report, stored.clone(), is_empty);
        self.note(&report, &known, evictions.last.as_ref().map(|(report, _)| report.evicts_any_key));
        if stored.as_ref() != Some(&known) {
            let mut command = redis::cmd("HSET");
            command.arg(&key).arg("run").arg(&known.run).arg("whole_at").arg(known.whole_at);
            command.arg("lost").arg(u8::from(known.lost));
            let _: redis::Value =
                command.query_async(&mut self.writes().clone()).await.map_err(|error| view_error(&error))?;
        }
        if known.lost && !report.evicts_any_key {
            let call = self.shared.scripts.refill.call().arg(&report.run).arg(report.evicted);
            if call.run(self.writes()).await?.next::<String>()? == "ok" {
                tracing::warn!("the views in Redis are filled again from the log: keys had been evicted");
                self.sweep();
            }
            known = Known { run: report.run.clone(), whole_at: report.evicted, lost: false };
            self.note(&report, &known, Some(false));
        }
        evictions.last = Some((report, known));
        Ok(())
    }

    fn note(&self, report: &Report, known: &Known, evicted_any_key: Option<bool>) {
        let policy = &report.policy;
        if report.evicts_any_key && evicted_any_key != Some(true) {
            tracing::warn!(
                policy,
                "Redis may evict any key when its memory is full: set maxmemory-policy to volatile-lru, so that only \
                 timelines and caches go"
            );
        }
        if known.lost && !self.shared.lost.swap(true, Ordering::AcqRel) {
            metrics::counter!(LOSSES, "store" => "redis").increment(1);
            tracing::error!(
                policy,
                evicted_keys = report.evicted,
                "Redis has evicted follow edges or other keys without a time to live: its views are not used until \
                 maxmemory-policy is volatile-lru and they have been filled again"
            );
        }
        self.shared.lost.store(known.lost, Ordering::Release);
        metrics::gauge!(INCOMPLETE, "store" => "redis").set(f64::from(u8::from(known.lost)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(policy: &str, evicted: u64) -> Report {
        let info = format!(
            "# Server\r\nrun_id:abc\r\n# Memory\r\nmaxmemory_policy:{policy}\r\n# Stats\r\nevicted_keys:{evicted}\r\n"
        );
        Report::parse(&info).unwrap()
    }

    fn whole(whole_at: u64) -> Known {
        Known { run: "abc".to_owned(), whole_at, lost: false }
    }

    fn after(policy: &str, known: &Known) -> Evictions {
        Evictions { last: Some((report(policy, known.whole_at), known.clone())) }
    }

    #[test]
    fn an_eviction_under_a_policy_for_all_keys_is_a_loss() {
        let seen = after("allkeys-lru", &whole(3));
        assert!(!seen.judge(&report("allkeys-lru", 3), Some(whole(3)), false).lost);
        assert!(seen.judge(&report("allkeys-lru", 4), Some(whole(3)), false).lost);
        // The policy was put right at once; a process that starts then must not take the count for good.
        assert!(seen.judge(&report("volatile-lru", 4), Some(whole(3)), false).lost);
        let new = Evictions::default().judge(&report("volatile-lru", 4), Some(whole(3)), false);
        assert_eq!(new, whole(3));
        // The hash went too, or everything.
        assert!(seen.judge(&report("allkeys-lru", 4), None, true).lost);
        assert!(!seen.judge(&report("allkeys-lru", 3), None, true).lost, "emptied, not evicted");
        assert!(seen.judge(&report("allkeys-lru", 4), None, false).lost);
        assert!(Evictions::default().judge(&report("allkeys-lru", 4), None, false).lost);
    }

    #[test]
    fn evictions_of_keys_with_a_time_to_live_are_no_loss() {
        let seen = after("volatile-lru", &whole(3));
        assert_eq!(seen.judge(&report("volatile-lru", 9), Some(whole(3)), false), whole(9));
        assert_eq!(Evictions::default().judge(&report("volatile-lru", 9), None, false), whole(9));
    }

    #[test]
    fn a_loss_is_one_until_the_store_is_filled_again() {
        let lost = Known { lost: true, ..whole(3) };
        let seen = after("volatile-lru", &lost);
        assert!(seen.judge(&report("volatile-lru", 3), Some(lost.clone()), false).lost);
        assert!(!seen.judge(&report("volatile-lru", 3), Some(lost), true).lost);
        // The server was started again, and counts from 0.
        let before = Known { run: "before".to_owned(), ..whole(100) };
        assert_eq!(
            Evictions::default().judge(&report("volatile-lru", 0), Some(before.clone()), false),
            whole(0)
        );
        assert!(Evictions::default().judge(&report("allkeys-lru", 1), Some(before), false).lost);
    }
}
