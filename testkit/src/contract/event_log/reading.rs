//! Streams, pages, filters, look-ups.

use bytes::Bytes;
use nova_eventlog::{Direction, Expected, Filter, Kind, NewEvent, StreamId, Write, event_id};
use uuid::Uuid;

use super::{Ports, append, event, fresh, write};

pub async fn what_is_read_is_what_was_written(ports: &Ports) {
    let stream = fresh("post");
    let sizes = [0, 1, 7, 8, 9, 100, 5_000, 300_000];
    let new: Vec<NewEvent> = sizes
        .iter()
        .map(|&size| NewEvent {
            kind: Kind::new(format!("Kind{size}")).unwrap(),
            data: (0..size).map(|n| (n * 31 % 256) as u8).collect::<Vec<_>>().into(),
            meta: if size % 2 == 0 { Bytes::new() } else { vec![0; size / 2].into() },
        })
        .collect();
    let command =
        append(vec![Write { stream: stream.clone(), expected: Expected::NoStream, events: new.clone() }]);
    let appended = ports.log.append(command.clone()).await.unwrap();
    let by_stream = ports.log.read_stream(&stream, 0, Direction::Forwards, 100).await.unwrap();
    let by_position = ports.read_from(appended.first_position - 1).await;
    assert_eq!(by_stream, by_position);
    assert_eq!(by_stream.len(), new.len());
    for (ordinal, (recorded, new)) in by_stream.iter().zip(&new).enumerate() {
        assert_eq!((&recorded.kind, &recorded.data, &recorded.meta), (&new.kind, &new.data, &new.meta));
        assert_eq!((recorded.revision, recorded.ordinal), (ordinal as u64, ordinal as u16));
        assert_eq!(recorded.position, appended.first_position + ordinal as u64);
        assert_eq!(recorded.command_id(), command.command_id);
        assert!(recorded.recorded_at_ms > 1_600_000_000_000);
    }
}

pub async fn streams_are_read_both_ways(ports: &Ports) {
    let (stream, noise) = (fresh("post"), fresh("post"));
    for n in 0..30u64 {
        let writes = vec![write(&stream, Expected::at(n.checked_sub(1)), 1), write(&noise, Expected::Any, 2)];
        ports.append(writes).await.unwrap();
    }
    let revisions = async |from, direction, limit| {
        let events = ports.log.read_stream(&stream, from, direction, limit).await.unwrap();
        assert!(events.iter().all(|event| event.stream == stream));
        events.iter().map(|event| event.revision).collect::<Vec<_>>()
    };
    let forwards = |range: std::ops::Range<u64>| range.collect::<Vec<_>>();
    let backwards = |range: std::ops::Range<u64>| range.rev().collect::<Vec<_>>();
    assert_eq!(revisions(0, Direction::Forwards, 100).await, forwards(0..30));
    assert_eq!(revisions(0, Direction::Forwards, 7).await, forwards(0..7));
    assert_eq!(revisions(25, Direction::Forwards, 7).await, forwards(25..30));
    assert_eq!(revisions(30, Direction::Forwards, 7).await, forwards(0..0));
    assert_eq!(revisions(u64::MAX, Direction::Forwards, 7).await, forwards(0..0));
    assert_eq!(revisions(u64::MAX, Direction::Backwards, 100).await, backwards(0..30));
    assert_eq!(revisions(u64::MAX, Direction::Backwards, 4).await, backwards(26..30));
    assert_eq!(revisions(3, Direction::Backwards, 9).await, backwards(0..4));
    assert_eq!(revisions(0, Direction::Backwards, 9).await, [0]);
    assert_eq!(revisions(0, Direction::Backwards, 0).await, forwards(0..0));
    let missing = fresh("post");
    for direction in [Direction::Forwards, Direction::Backwards] {
        assert!(ports.log.read_stream(&missing, 0, direction, 9).await.unwrap().is_empty());
    }
}

pub async fn the_whole_log_is_read_in_pages(ports: &Ports) {
    let before = ports.log.head();
    for n in 0..100 {
        ports.append(vec![write(&fresh("post"), Expected::Any, 1 + n % 4)]).await.unwrap();
    }
    let whole = ports.read_from(before).await;
    assert_eq!(whole.len() as u64, ports.log.head() - before);
    super::assert_dense(&whole, before);
    for limit in [1, 3, 64, 1_000] {
        let (mut paged, mut position) = (Vec::new(), before);
        while position < ports.log.head() {
            let page = ports.log.read_all(position, &Filter::all(), limit).await.unwrap();
            assert!(page.events.len() <= limit && page.position > position && page.head == ports.log.head());
            assert_eq!(page.events.last().map(|event| event.position), Some(page.position));
            position = page.position;
            paged.extend(page.events);
        }
        assert_eq!(paged, whole);
    }
    for after in [ports.log.head(), ports.log.head() + 10] {
        let page = ports.log.read_all(after, &Filter::all(), 10).await.unwrap();
        assert_eq!((page.events.len(), page.position, page.head), (0, after, ports.log.head()));
    }
}

pub async fn filters_admit_by_category_and_kind(ports: &Ports) {
    let before = ports.log.head();
    for n in 0..120 {
        let stream = fresh(["post", "like", "follow"][n % 3]);
        let events = vec![event(["Made", "Changed", "Gone", "Seen"][n % 4], "x"), event("Made", "y")];
        ports.append(vec![Write { stream, expected: Expected::Any, events }]).await.unwrap();
    }
    let whole = ports.read_from(before).await;
    let filters = [
        Filter::all(),
        Filter::categories(["post"]),
        Filter::categories(["post", "follow"]),
        Filter::categories(["po", "none"]),
        Filter { categories: Vec::new(), kinds: vec!["Made".into()] },
        Filter { categories: Vec::new(), kinds: vec!["Made".into(), "Gone".into()] },
        Filter { categories: vec!["like".into()], kinds: vec!["Seen".into(), "Missing".into()] },
    ];
    for filter in filters {
        let expected: Vec<_> = whole
            .iter()
            .filter(|event| filter.admits(event.stream.category(), event.kind.as_str()))
            .cloned()
            .collect();
        for limit in [1, 7, 500] {
            let (mut admitted, mut position) = (Vec::new(), before);
            while position < ports.log.head() {
                let page = ports.log.read_all(position, &filter, limit).await.unwrap();
                assert!(page.position > position && page.events.len() <= limit);
                assert!(
                    page.events
                        .iter()
                        .all(|event| event.position > position && event.position <= page.position)
                );
                position = page.position;
                admitted.extend(page.events);
            }
            assert_eq!(admitted, expected, "{filter:?} by {limit}");
        }
    }
}

pub async fn pages_move_past_what_a_filter_leaves_out(ports: &Ports) {
    let before = ports.log.head();
    ports.append(vec![write(&fresh("noise"), Expected::Any, 500)]).await.unwrap();
    let (mut position, mut pages) = (before, 0);
    while position < ports.log.head() {
        let page = ports.log.read_all(position, &Filter::categories(["rare"]), 10).await.unwrap();
        assert!(page.events.is_empty() && page.position > position);
        position = page.position;
        pages += 1;
        assert!(pages < 600);
    }
    assert_eq!(position, before + 500);
}

pub async fn events_are_found_by_id(ports: &Ports) {
    let mut commands = Vec::new();
    for n in 0..40 {
        let command =
            append(vec![write(&fresh("a"), Expected::Any, 1 + n % 3), write(&fresh("b"), Expected::Any, 2)]);
        commands.push((command.command_id, ports.log.append(command).await.unwrap()));
    }
    for (command_id, appended) in &commands {
        for (ordinal, (stream, revision)) in appended.events.iter().enumerate() {
            let found = ports.log.find(event_id(*command_id, ordinal as u16)).await.unwrap().unwrap();
            assert_eq!((&found.stream, found.revision, found.ordinal), (stream, *revision, ordinal as u16));
        }
        let behind = event_id(*command_id, appended.events.len() as u16);
        assert_eq!(ports.log.find(behind).await.unwrap(), None);
    }
    assert_eq!(ports.log.find(Uuid::new_v4()).await.unwrap(), None);
    assert_eq!(ports.log.find(Uuid::nil()).await.unwrap(), None);
}

pub async fn time_does_not_run_backwards(ports: &Ports) {
    let before = ports.log.head();
    for _ in 0..50 {
        ports.append(vec![write(&StreamId::new("clock-1").unwrap(), Expected::Any, 2)]).await.unwrap();
    }
    let events = ports.read_from(before).await;
    assert!(events.windows(2).all(|pair| pair[0].recorded_at_ms <= pair[1].recorded_at_ms));
}
