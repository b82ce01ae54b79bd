use std::collections::HashSet;
use std::time::Duration;

use nova_distributed::relay::{RelayOptions, outbox_status, parked, request_redrive};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use crate::world::{Everything, World, streams, until};

/// Kafka takes records of this size in the topic of posts from now on.
async fn take_up_to(world: &World, bytes: &str) {
    let admin: AdminClient<DefaultClientContext> = world.kafka.client("test", &[], &[]).create().unwrap();
    let topic = world.kafka.topics.name("post");
    let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", bytes);
    let results = admin.alter_configs(&[change], &AdminOptions::new()).await.unwrap();
    results.into_iter().for_each(|result| drop(result.unwrap()));
    // The broker that takes the records learns of it in its own time.
    tokio::time::sleep(Duration::from_millis(500)).await;
}

fn options() -> RelayOptions {
    RelayOptions { lease_ms: 1_000, parked_retry_ms: 600_000, ..RelayOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_parks_its_stream_and_nothing_else() {
    let world = World::new().await;
    take_up_to(&world, "20000").await;
    let others = streams("post", 10);
    world.append_many(&others, 2).await;
    world.append(&["post-poison"], 100).await;
    let poison = world.append(&["post-poison"], 50_000).await;
    world.append(&["post-poison"], 100).await;
    let last = world.append_many(&others, 20).await;
    let relay = world.relay(options());
    world.cursor_at(last).await;

    let waiting = parked(&world.pool, 0, 100).await.unwrap();
    let positions: Vec<u64> = waiting.iter().map(|event| event.position).collect();
    assert_eq!(positions, [poison, poison + 1], "this one and the later one of its stream");
    assert_eq!((waiting[0].attempts, waiting[1].attempts), (1, 0));
    assert!(waiting[0].error.contains("MessageSizeTooLarge"), "{}", waiting[0].error);
    assert!(waiting[0].next_attempt_at.is_some_and(|at| at > waiting[0].parked_at));
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    all.assert_watermarks(&world.kafka, &log, &["post-poison"]);
    let first = all.first_occurrences();
    assert_eq!(first["post-poison"], [0], "what came before is there");
    assert!(others.iter().all(|stream| first[stream] == (0..22).collect::<Vec<_>>()), "{first:?}");

    // It stays parked whoever leads.
    relay.stop().await;
    let relay = world.relay(options());
    let third = world.append(&["post-poison", "post-1"], 100).await;
    world.cursor_at(third).await;
    let status = outbox_status(&world.pool).await.unwrap();
    assert_eq!((status.parked.streams, status.parked.events), (1, 3));

    // Asked for while nothing has changed: refused again, and everything else goes on.
    assert_eq!(request_redrive(&world.pool, Some("post-poison")).await.unwrap(), 1);
    until("it has been tried", async || parked(&world.pool, 0, 1).await.unwrap()[0].attempts == 2).await;
    assert!(!parked(&world.pool, 0, 1).await.unwrap()[0].redrive_requested);
    let last = world.append_many(&others, 1).await;
    world.cursor_at(last).await;

    take_up_to(&world, "2000000").await;
    assert_eq!(request_redrive(&world.pool, None).await.unwrap(), 1);
    until("it is not parked any more", async || parked(&world.pool, 0, 1).await.unwrap().is_empty()).await;
    let last = world.append(&["post-poison"], 100).await;
    world.cursor_at(last).await;
    relay.stop().await;
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    all.assert_complete(&log);
    let mut seen = HashSet::new();
    let of_stream: Vec<(u64, bool)> = all
        .events()
        .into_iter()
        .filter(|(event, _)| event.stream.as_str() == "post-poison" && seen.insert(event.revision))
        .map(|(event, late)| (event.revision, late))
        .collect();
    assert_eq!(of_stream, [(0, false), (1, true), (2, true), (3, true), (4, false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_streams_are_tried_again_by_themselves_and_then_given_up() {
    let world = World::new().await;
    take_up_to(&world, "20000").await;
    let options = RelayOptions { parked_retry_ms: 20, parked_attempts_max: 3, ..options() };
    let relay = world.relay(options);
    let poison = world.append(&["post-a"], 50_000).await;
    world.cursor_at(poison).await;
    until("it is given up", async || outbox_status(&world.pool).await.unwrap().parked.streams_given_up == 1)
        .await;
    let waiting = &parked(&world.pool, 0, 1).await.unwrap()[0];
    assert_eq!((waiting.attempts, waiting.next_attempt_at), (3, None));

    // One that is too large only for now comes by itself.
    let other = world.append(&["post-b"], 50_000).await;
    world.cursor_at(other).await;
    take_up_to(&world, "2000000").await;
    request_redrive(&world.pool, Some("post-b")).await.unwrap();
    until("the other is published", async || {
        let waiting = parked(&world.pool, 0, 10).await.unwrap();
        waiting.iter().all(|event| event.stream == "post-a")
    })
    .await;
    relay.stop().await;
    let all = Everything::up_to(&world.kafka, other).await;
    assert_eq!(all.first_occurrences().keys().collect::<Vec<_>>(), ["post-b"]);
}

/// Larger than any record may be: not even sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_producer_refuses_is_parked_too() {
    let mut world = World::new().await;
    world.kafka.settings.insert("message.max.bytes".to_owned(), "10000".to_owned());
    let relay = world.relay(options());
    world.append(&["post-a"], 20_000).await;
    let last = world.append(&["post-a", "post-b"], 10).await;
    world.cursor_at(last).await;
    let waiting = parked(&world.pool, 0, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2]);
    relay.stop().await;
}
