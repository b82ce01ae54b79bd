//! Following: first what is there, then what comes.

use std::time::Duration;

use futures::StreamExt as _;
use nova_eventlog::{Expected, Filter};
use tokio::time::timeout;

use super::{Ports, assert_dense, fresh, write};

const PATIENCE: Duration = Duration::from_secs(30);

pub async fn following_catches_up_and_goes_on(ports: &Ports) {
    let before = ports.log.head();
    ports.append(vec![write(&fresh("post"), Expected::Any, 25)]).await.unwrap();
    let mut feed = ports.feed.follow(before, Filter::all(), 10);
    let (mut events, mut position) = (Vec::new(), before);
    for _ in 0..5 {
        while position < ports.log.head() {
            let batch = timeout(PATIENCE, feed.next()).await.unwrap().unwrap().unwrap();
            assert!(batch.events.len() <= 10 && batch.position > position && batch.head >= batch.position);
            position = batch.position;
            events.extend(batch.events);
        }
        assert!(timeout(Duration::from_millis(20), feed.next()).await.is_err(), "nothing is left to follow");
        ports.append(vec![write(&fresh("post"), Expected::Any, 3)]).await.unwrap();
    }
    let batch = timeout(PATIENCE, feed.next()).await.unwrap().unwrap().unwrap();
    events.extend(batch.events);
    assert_eq!(events, ports.read_from(before).await);
}

pub async fn following_under_load_misses_and_repeats_nothing(ports: &Ports) {
    let before = ports.log.head();
    let followers: Vec<_> = [1usize, 7, 1_000]
        .into_iter()
        .map(|batch_events_max| {
            let mut feed = ports.feed.follow(before, Filter::all(), batch_events_max);
            tokio::spawn(async move {
                let mut events = Vec::new();
                while events.len() < 1_600 {
                    let batch = timeout(PATIENCE, feed.next()).await.unwrap().unwrap().unwrap();
                    assert!(batch.events.len() <= batch_events_max);
                    events.extend(batch.events);
                }
                events
            })
        })
        .collect();
    let writers = (0..8).map(|_| {
        let ports = ports.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                ports.append(vec![write(&fresh("post"), Expected::Any, 2)]).await.unwrap();
            }
        })
    });
    futures::future::join_all(writers).await.into_iter().for_each(Result::unwrap);
    let whole = ports.read_from(before).await;
    assert_dense(&whole, before);
    for follower in followers {
        assert_eq!(follower.await.unwrap(), whole);
    }
}

pub async fn a_slow_follower_holds_nobody_up(ports: &Ports) {
    let before = ports.log.head();
    let mut slow = ports.feed.follow(before, Filter::all(), 5);
    ports.append(vec![write(&fresh("post"), Expected::Any, 20)]).await.unwrap();
    let first = timeout(PATIENCE, slow.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.events.len(), 5);
    for _ in 0..300 {
        timeout(PATIENCE, ports.append(vec![write(&fresh("post"), Expected::Any, 5)]))
            .await
            .unwrap()
            .unwrap();
    }
    let mut quick = ports.feed.follow(before, Filter::all(), 5_000);
    let mut seen = 0;
    while seen < 1_520 {
        seen += timeout(PATIENCE, quick.next()).await.unwrap().unwrap().unwrap().events.len();
    }
    let mut events = first.events;
    while events.len() < 1_520 {
        events.extend(timeout(PATIENCE, slow.next()).await.unwrap().unwrap().unwrap().events);
    }
    assert_dense(&events, before);
}

pub async fn a_filtered_follower_moves_past_the_rest(ports: &Ports) {
    let before = ports.log.head();
    let mut feed = ports.feed.follow(before, Filter::categories(["rare"]), 10);
    ports.append(vec![write(&fresh("noise"), Expected::Any, 100)]).await.unwrap();
    let rare = fresh("rare");
    ports.append(vec![write(&rare, Expected::Any, 1)]).await.unwrap();
    ports.append(vec![write(&fresh("noise"), Expected::Any, 100)]).await.unwrap();
    let (mut events, mut position) = (Vec::new(), before);
    while position < before + 201 {
        let batch = timeout(PATIENCE, feed.next()).await.unwrap().unwrap().unwrap();
        assert!(batch.position > position);
        position = batch.position;
        events.extend(batch.events);
    }
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0].stream, events[0].position), (&rare, before + 101));
}

pub async fn an_answered_append_is_visible_to_every_reader(ports: &Ports) {
    let tasks = (0..8).map(|_| {
        let ports = ports.clone();
        tokio::spawn(async move {
            let stream = fresh("post");
            for n in 0..50u64 {
                let appended =
                    ports.append(vec![write(&stream, Expected::at(n.checked_sub(1)), 1)]).await.unwrap();
                assert!(ports.log.head() >= appended.last_position);
                assert_eq!(ports.log.stream_head(&stream).await.unwrap(), Some(n));
                let page = ports.log.read_all(appended.first_position - 1, &Filter::all(), 1).await.unwrap();
                assert_eq!((&page.events[0].stream, page.events[0].revision), (&stream, n));
            }
        })
    });
    futures::future::join_all(tasks).await.into_iter().for_each(Result::unwrap);
}
