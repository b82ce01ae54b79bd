//! Keeps the set of closed accounts ([`ClosedAccounts`]) as the log has it: whole before anything is served, and then as the
//! log grows. It reads the log itself, so a process needs neither views nor Kafka nor Redis for it; what the process's own
//! commands close is noted by them at once.
//!
//! Only the kinds of events are looked at, so it needs no keys either.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use nova_eventlog::{EventFeed, EventLog, Filter, LogError, Recorded};
use nova_events::{UserId, user};
use nova_http::ClosedAccounts;
use uuid::Uuid;

const PAGE_EVENTS: usize = 8_192;
const BATCH_EVENTS_MAX: usize = 256;
/// Between two looks at a log that grows: so often at most the log is asked, and so late at most a closure is heard of.
const PAUSE: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_millis(800);

fn filter() -> Filter {
    Filter { kinds: user::CLOSING_KINDS.map(str::to_owned).into(), ..Filter::categories(["user"]) }
}

/// Reads every closure from the log. Returns the position to follow from.
pub(crate) async fn load(log: &dyn EventLog, accounts: &ClosedAccounts) -> Result<u64, LogError> {
    let (filter, mut after) = (filter(), 0);
    loop {
        let page = log.read_all(after, &filter, PAGE_EVENTS).await?;
        note(accounts, &page.events, page.position);
        after = page.position;
        if after >= page.head {
            return Ok(after);
        }
    }
}

/// Follows the log for as long as the process runs.
pub(crate) async fn follow(feed: Arc<dyn EventFeed>, accounts: ClosedAccounts, mut after: u64) {
    let mut pause = PAUSE;
    loop {
        let mut batches = feed.follow(after, filter(), BATCH_EVENTS_MAX);
        while let Some(batch) = batches.next().await {
            match batch {
                Ok(batch) => {
                    note(&accounts, &batch.events, batch.position);
                    after = batch.position;
                    pause = PAUSE;
                    if batch.position >= batch.head {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(error.message = %error, log.position = after, "closed accounts cannot be followed");
                    break;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

fn note(accounts: &ClosedAccounts, events: &[Recorded], position: u64) {
    for event in events {
        if let Some(closed) = user::closes(event.kind.as_str())
            && let Ok(id) = Uuid::try_parse(event.stream.id())
        {
            accounts.note(UserId(id), closed, event.position);
        }
    }
    accounts.followed_to(position);
}
