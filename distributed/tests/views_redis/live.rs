//! Announcements over Redis: heard by those who follow, whatever happens to the connections in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_distributed::live::{RedisLive, RedisLiveOptions};
use nova_events::live::{Announcement, Heard, Live, Note};
use nova_events::{ConversationId, Envelope, Event, UserId, samples, streams};
use nova_resilience::{BreakerOptions, BreakerState};
use nova_testkit::fault_proxy::{FaultProxy, Faults};
use uuid::Uuid;

use crate::support::Prefix;

const PATIENCE: Duration = Duration::from_secs(60);

fn options(url: String, prefix: String) -> RedisLiveOptions {
    RedisLiveOptions {
        url,
        prefix,
        connect_timeout: Duration::from_secs(1),
        call_timeout: Duration::from_secs(1),
        breaker: BreakerOptions::new(2, Duration::from_millis(200), 1),
        ping_interval: Duration::from_millis(200),
    }
}

/// The same server through a network that breaks.
async fn through(url: &str) -> (FaultProxy, String) {
    let rest = url.split_once("://").unwrap().1;
    let place = rest.split('/').next().unwrap().rsplit('@').next().unwrap().to_owned();
    let proxy = FaultProxy::start(place.clone()).await.unwrap();
    let url = url.replace(&place, &proxy.address().to_string());
    (proxy, url)
}

fn message(conversation: ConversationId, seq: u64) -> Announcement {
    let message = samples::all().into_iter().find_map(|event| match event {
        Event::Message(nova_events::message::MessageEvent::MessageSent(sent)) => Some(sent),
        _ => None,
    });
    let event = nova_events::message::MessageSent { conversation_id: conversation, ..message.unwrap() };
    let envelope = Envelope {
        position: 100 + seq,
        stream: streams::messages(conversation),
        revision: seq,
        event_id: Uuid::now_v7(),
        command_id: Uuid::now_v7(),
        recorded_at_ms: 1,
        meta: samples::meta(),
        event: nova_events::message::MessageEvent::MessageSent(event).into(),
    };
    Announcement::Message { envelope: Arc::new(envelope), membership_events: 3 }
}

fn of(heard: &Heard) -> (ConversationId, u64) {
    let Heard::Message { conversation, seq, .. } = heard else { panic!("{heard:?}") };
    (*conversation, *seq)
}

/// Announces seqs until one of them is heard, and takes what was heard. Which one that was.
async fn until_heard(from: &RedisLive, to: &RedisLive, conversation: ConversationId, first: u64) -> u64 {
    let began = Instant::now();
    for seq in first.. {
        from.announce(message(conversation, seq));
        if let Ok(heard) = tokio::time::timeout(Duration::from_millis(100), to.hear()).await {
            let (its, mut heard) = of(&heard);
            assert_eq!(its, conversation);
            while let Ok(more) = tokio::time::timeout(Duration::from_millis(300), to.hear()).await {
                heard = of(&more).1;
            }
            return heard;
        }
        assert!(began.elapsed() < PATIENCE, "nothing is heard");
    }
    unreachable!("there is always another seq")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_is_heard_by_those_who_follow() {
    let prefix = Prefix::new("live");
    let (url, name) = (prefix.options().url, prefix.options().prefix);
    let [one, other] = [0, 1].map(|_| RedisLive::open(options(url.clone(), name.clone())).unwrap());
    let [room, elsewhere] = [1, 2].map(|n| ConversationId(Uuid::from_u128(n)));
    other.follow(room);
    let last = until_heard(&one, &other, room, 0).await;
    one.announce(message(elsewhere, 7));
    one.announce(message(room, last + 1));
    let heard = tokio::time::timeout(PATIENCE, other.hear()).await.unwrap();
    let Heard::Message { seq, position, membership_events, text, .. } = &heard else { panic!("{heard:?}") };
    assert_eq!((*seq, *position, *membership_events), (last + 1, 100 + last + 1, 3));
    let told: serde_json::Value = serde_json::from_str(text).unwrap();
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["conversation_id", "data", "seq", "type"], "clients are told nothing more");

    let typing = Note::Typing { conversation: room, user: UserId(Uuid::from_u128(9)) };
    one.announce(Announcement::Note(typing.clone()));
    let heard = tokio::time::timeout(PATIENCE, other.hear()).await.unwrap();
    let Heard::Note { note, .. } = heard else { panic!("{heard:?}") };
    assert_eq!(note, typing);
    // One's own notes are not heard; one's own messages are.
    one.follow(room);
    until_heard(&one, &one, room, 1_000).await;
    one.announce(Announcement::Note(typing));
    one.announce(message(room, 5_000));
    assert_eq!(of(&tokio::time::timeout(PATIENCE, one.hear()).await.unwrap()), (room, 5_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_finds_back_after_the_network_broke() {
    let prefix = Prefix::new("live");
    let (url, name) = (prefix.options().url, prefix.options().prefix);
    let (proxy, broken) = through(&url).await;
    let announcer = RedisLive::open(options(url, name.clone())).unwrap();
    let listener = RedisLive::open(options(broken, name)).unwrap();
    let room = ConversationId(Uuid::from_u128(1));
    listener.follow(room);
    let mut last = until_heard(&announcer, &listener, room, 0).await;
    proxy.reset_open();
    last = until_heard(&announcer, &listener, room, last + 1).await;
    // Nothing comes, and nothing says so.
    proxy.set(Faults::blackhole());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    proxy.heal();
    last = until_heard(&announcer, &listener, room, last + 1).await;
    // What it wishes meanwhile holds afterwards.
    proxy.set(Faults::refuse());
    proxy.reset_open();
    let another = ConversationId(Uuid::from_u128(2));
    listener.follow(another);
    listener.leave(room);
    proxy.heal();
    until_heard(&announcer, &listener, another, 0).await;
    announcer.announce(message(room, last + 1_000));
    announcer.announce(message(another, 99_000));
    assert_eq!(of(&tokio::time::timeout(PATIENCE, listener.hear()).await.unwrap()), (another, 99_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcer_never_waits_and_finds_back() {
    let prefix = Prefix::new("live");
    let (url, name) = (prefix.options().url, prefix.options().prefix);
    let (proxy, broken) = through(&url).await;
    proxy.set(Faults::refuse());
    let announcer = RedisLive::open(options(broken, name.clone())).unwrap();
    let listener = RedisLive::open(options(url, name)).unwrap();
    let room = ConversationId(Uuid::from_u128(1));
    listener.follow(room);
    let began = Instant::now();
    while announcer.status().state != BreakerState::Open {
        announcer.announce(message(room, 0));
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(began.elapsed() < PATIENCE, "Redis is not left alone");
    }
    // More than fits: the rest is dropped.
    for seq in 0..20_000 {
        announcer.announce(message(room, seq));
    }
    proxy.heal();
    until_heard(&announcer, &listener, room, 50_000).await;
    assert_eq!(announcer.status().state, BreakerState::Closed);
}
