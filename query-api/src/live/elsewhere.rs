//! What other processes tell, and what they are told, beside the log: message events the moment they are durable, who
//! types, and who is there. All of it may be lost, come twice or late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use nova_events::MessageId;
use nova_events::live::{Announcement, Heard};
use serde::Deserialize;

use super::Shared;
use super::frame::Frame;
use super::mailbox::Item;

/// How soon others are told of whoever comes and goes.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// How often they are told of everyone who is there.
const TELL_ALL_EVERY: Duration = Duration::from_secs(20);
const SWEEP_EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(shared: Arc<Shared>) {
    tokio::join!(hear(&shared), tell(&shared), sweep(&shared));
}

async fn hear(shared: &Shared) {
    let Some(live) = &shared.live else { return };
    loop {
        match live.hear().await {
            Heard::Message { conversation, seq, position, occurred_at_ms, membership_events, text } => {
                let Some((message, deletes)) = about(&text) else { continue };
                let late_ms = Utc::now().timestamp_millis().saturating_sub(occurred_at_ms).max(0);
                shared.metrics.heard.record(late_ms as f64 / 1_000.0);
                let frame = Frame {
                    position: Some(position),
                    at_ms: Some(occurred_at_ms),
                    ..Frame::of(text, Some(seq))
                };
                let item = Arc::new(Item::Message { conversation, seq, message, deletes, frame });
                let told = shared.registry.announced(conversation, seq, membership_events, &item);
                shared.metrics.frames.increment(told as u64);
            }
            Heard::Note { from, note } => shared.registry.noted(from, note, Instant::now()),
        }
    }
}

/// The message that a frame is about, and whether it takes it back.
fn about(text: &str) -> Option<(MessageId, bool)> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        id: MessageId,
    }
    let wire: Wire<'_> = serde_json::from_str(text).ok()?;
    Some((wire.data.id, wire.kind == "message.deleted"))
}

async fn tell(shared: &Shared) {
    let Some(live) = &shared.live else { return };
    let mut ticks = tokio::time::interval(TELL_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for note in shared.registry.to_announce() {
            live.announce(Announcement::Note(note));
        }
    }
}

async fn sweep(shared: &Shared) {
    let mut told_all = Instant::now();
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let now = Instant::now();
        let all = now.saturating_duration_since(told_all) >= TELL_ALL_EVERY;
        if all {
            told_all = now;
        }
        shared.registry.sweep(now, all);
        shared.metrics.rooms.set(shared.registry.rooms() as f64);
    }
}
