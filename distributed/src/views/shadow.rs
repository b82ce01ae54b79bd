//! Lower rungs, asked beside a small share of real reads: a way that nobody goes is one that nobody knows to be closed.
//! What they answer is compared and counted, off the answer's path, a few at a time.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::Utc;
use nova_events::{ConversationId, UserId};
use nova_views::{Lookup, Message, MessageRange, PostCard};
use uuid::Uuid;

use super::order::Ranking;
use super::sources::Sourced;
use super::{Views, names};

/// Comparisons at once; beyond that there is none this time.
pub(super) const SHADOWS_MAX: usize = 2;
/// Places that are compared: a page.
const COMPARED: usize = 20;

fn count(ladder: &'static str, rung: &'static str, outcome: &'static str) {
    metrics::counter!(names::SHADOWS, "ladder" => ladder, "rung" => rung, "outcome" => outcome).increment(1);
}

/// Rungs rank differently: what counts is that they answer, and how much they have in common.
fn compare(ladder: &'static str, rung: &'static str, best: &[Uuid], found: Sourced<Option<Vec<Uuid>>>) {
    match found {
        Ok(Some(found)) => {
            let found: HashSet<Uuid> = found.into_iter().collect();
            let common = best.iter().filter(|id| found.contains(id)).count();
            count(ladder, rung, if common == best.len() { "same" } else { "different" });
            if !best.is_empty() {
                let share = common as f64 / best.len() as f64;
                metrics::histogram!(names::SHADOW_OVERLAP, "ladder" => ladder, "rung" => rung).record(share);
            }
        }
        Ok(None) => count(ladder, rung, "empty"),
        Err(failure) => {
            tracing::warn!(ladder, rung, error = %failure.error, "a lower rung does not answer");
            count(ladder, rung, "failed");
        }
    }
}

fn ids(ranking: Ranking) -> Vec<Uuid> {
    ranking.places.iter().map(|place| place.id).collect()
}

impl Views {
    /// Does it beside a share of the reads.
    fn shadow<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(Self) -> F) {
        let share = self.shared.options.shadow_share;
        if share <= 0.0 || rand::random::<f64>() >= share {
            return;
        }
        let Ok(permit) = Arc::clone(&self.shared.shadows).try_acquire_owned() else { return };
        let work = work(self.clone());
        tokio::spawn(async move {
            work.await;
            drop(permit);
        });
    }

    pub(super) fn shadow_feed(&self, viewer: UserId, ranking: &Ranking) {
        let best: Vec<Uuid> = ranking.places.iter().take(COMPARED).map(|place| place.id).collect();
        self.shadow(|views| async move {
            let kept = views.kept_feed_order(viewer).await;
            compare("feed", "last_good", &best, kept.map(|found| found.map(ids)));
            let timeline = views.timeline_order(viewer).await;
            compare("feed", "redis", &best, timeline.map(|found| found.map(ids)));
            let followees = views.followees_order(viewer).await;
            compare("feed", "postgres", &best, followees.map(|found| found.map(ids)));
        });
    }

    pub(super) fn shadow_trending(&self, ranking: &Ranking) {
        let best: Vec<Uuid> = ranking.places.iter().take(COMPARED).map(|place| place.id).collect();
        self.shadow(|views| async move {
            let kept = views.kept_trending_order().await;
            compare("trending", "last_good", &best, kept.map(|found| found.map(ids)));
            let there = views.trending_in_postgres(Utc::now()).await;
            compare("trending", "postgres", &best, there.map(|found| Some(ids(found))));
        });
    }

    pub(super) fn shadow_timeline(&self, viewer: UserId, items: &[PostCard]) {
        let best: Vec<Uuid> = items.iter().take(COMPARED).map(|card| card.id.0).collect();
        self.shadow(|views| async move {
            let found = views.followees_order(viewer).await;
            compare("timeline", "postgres", &best, found.map(|found| found.map(ids)));
        });
    }

    /// The same messages, to the letter.
    pub(super) fn shadow_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
        best: &Lookup<Vec<Message>>,
    ) {
        let Lookup::Found(best) = best else { return };
        let best = best.clone();
        self.shadow(move |views| async move {
            let window = views.messages_in_window(viewer, conversation, range, limit).await;
            compare_messages("redis", &best, window);
            let log = views.messages_in_log(viewer, conversation, range, limit).await;
            compare_messages("log", &best, log);
        });
    }
}

fn compare_messages(rung: &'static str, best: &[Message], found: Sourced<Option<Lookup<Vec<Message>>>>) {
    match found {
        Ok(Some(Lookup::Found(found))) => {
            count("messages", rung, if found == best { "same" } else { "different" });
        }
        Ok(Some(Lookup::Gone | Lookup::Unknown)) => count("messages", rung, "different"),
        Ok(None) => count("messages", rung, "empty"),
        Err(failure) => {
            tracing::warn!(ladder = "messages", rung, error = %failure.error, "a lower rung does not answer");
            count("messages", rung, "failed");
        }
    }
}
