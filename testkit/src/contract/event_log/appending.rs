//! Conditions, atomicity, idempotency, order, limits.

use std::collections::HashSet;

use futures::future::join_all;
use nova_eventlog::{Direction, Expected, Kind, LogError, NewEvent, Write, event_id};
use uuid::Uuid;

use super::{Ports, append, assert_conflict, assert_dense, events, fresh, write};

pub async fn every_expectation_is_checked(ports: &Ports) {
    let (missing, stream) = (fresh("post"), fresh("post"));
    ports.append(vec![write(&stream, Expected::NoStream, 3)]).await.unwrap();

    for expected in [Expected::StreamExists, Expected::Exact(0)] {
        assert_conflict(ports.append(vec![write(&missing, expected, 1)]).await, &missing, None);
    }
    for expected in [Expected::NoStream, Expected::Exact(1), Expected::Exact(3), Expected::Exact(u64::MAX)] {
        assert_conflict(ports.append(vec![write(&stream, expected, 1)]).await, &stream, Some(2));
    }
    for (expected, revision) in [(Expected::Any, 3), (Expected::StreamExists, 4), (Expected::Exact(4), 5)] {
        let appended = ports.append(vec![write(&stream, expected, 1)]).await.unwrap();
        assert_eq!(appended.events, [(stream.clone(), revision)]);
    }
    for expected in [Expected::Any, Expected::NoStream] {
        let new = fresh("post");
        assert_eq!(ports.append(vec![write(&new, expected, 2)]).await.unwrap().events.len(), 2);
        assert_eq!(ports.log.stream_head(&new).await.unwrap(), Some(1));
    }
    assert_eq!(ports.log.stream_head(&missing).await.unwrap(), None);
}

pub async fn a_conflict_writes_nothing_of_the_append(ports: &Ports) {
    let (a, b, c) = (fresh("a"), fresh("b"), fresh("c"));
    ports.append(vec![write(&b, Expected::Any, 1)]).await.unwrap();
    let head = ports.log.head();
    let command = append(vec![
        write(&a, Expected::NoStream, 2),
        write(&b, Expected::NoStream, 1),
        write(&c, Expected::Any, 1),
    ]);
    assert_conflict(ports.log.append(command).await, &b, Some(0));
    assert_eq!(ports.log.head(), head);
    for stream in [&a, &c] {
        assert_eq!(ports.log.stream_head(stream).await.unwrap(), None);
    }
    let all = append(vec![
        write(&a, Expected::NoStream, 2),
        write(&b, Expected::Exact(0), 1),
        write(&c, Expected::Any, 1),
    ]);
    let appended = ports.log.append(all).await.unwrap();
    assert_eq!((appended.first_position, appended.last_position), (head + 1, head + 4));
    assert_eq!(appended.events, [(a.clone(), 0), (a, 1), (b, 1), (c, 0)]);
}

pub async fn later_writes_of_an_append_see_the_earlier_ones(ports: &Ports) {
    let (stream, other) = (fresh("post"), fresh("post"));
    let appended = ports
        .append(vec![
            write(&stream, Expected::NoStream, 2),
            write(&other, Expected::NoStream, 1),
            Write::condition(stream.clone(), Expected::Exact(1)),
            write(&stream, Expected::Exact(1), 1),
            write(&stream, Expected::StreamExists, 1),
        ])
        .await
        .unwrap();
    let revisions: Vec<u64> = appended.events.iter().filter(|(s, _)| *s == stream).map(|(_, r)| *r).collect();
    assert_eq!(revisions, [0, 1, 2, 3]);
    let conflicting = vec![write(&stream, Expected::Exact(3), 1), write(&stream, Expected::Exact(3), 1)];
    assert_conflict(ports.append(conflicting).await, &stream, Some(4));
    assert_eq!(ports.log.stream_head(&stream).await.unwrap(), Some(3));

    // As many writes as it takes to leave every shortcut behind.
    let many = fresh("many");
    let writes = (0..100).map(|n| write(&many, Expected::at(u64::checked_sub(n, 1)), 1)).collect();
    assert_eq!(ports.append(writes).await.unwrap().events.last(), Some(&(many, 99)));
}

pub async fn conditions_write_nothing_and_are_checked(ports: &Ports) {
    let (member, message) = (fresh("conversation"), fresh("messages"));
    ports.append(vec![write(&member, Expected::NoStream, 1)]).await.unwrap();
    let send = |expected| {
        vec![Write::condition(member.clone(), Expected::Exact(expected)), write(&message, Expected::Any, 1)]
    };
    assert_eq!(ports.append(send(0)).await.unwrap().events, [(message.clone(), 0)]);
    ports.append(vec![write(&member, Expected::Exact(0), 1)]).await.unwrap();
    assert_conflict(ports.append(send(0)).await, &member, Some(1));
    assert_eq!(ports.log.stream_head(&message).await.unwrap(), Some(0));
    assert_eq!(ports.log.stream_head(&member).await.unwrap(), Some(1));
}

pub async fn an_append_without_events_answers_with_the_head(ports: &Ports) {
    let stream = fresh("post");
    ports.append(vec![write(&stream, Expected::Any, 2)]).await.unwrap();
    let head = ports.log.head();
    let only_condition = append(vec![Write::condition(stream.clone(), Expected::Exact(1))]);
    for command in [append(Vec::new()), only_condition.clone(), only_condition] {
        let appended = ports.log.append(command).await.unwrap();
        assert_eq!((appended.first_position, appended.last_position), (head, head));
        assert!(appended.events.is_empty() && !appended.duplicate);
    }
    assert_eq!(ports.log.head(), head);
}

pub async fn repeating_a_command_returns_the_first_result(ports: &Ports) {
    let (a, b) = (fresh("a"), fresh("b"));
    let command = append(vec![write(&a, Expected::NoStream, 2), write(&b, Expected::NoStream, 3)]);
    let first = ports.log.append(command.clone()).await.unwrap();
    assert!(!first.duplicate);
    ports.append(vec![write(&a, Expected::Any, 5)]).await.unwrap();
    let head = ports.log.head();
    for _ in 0..3 {
        let again = ports.log.append(command.clone()).await.unwrap();
        assert!(again.duplicate);
        assert_eq!(
            (&again.events, again.first_position, again.last_position),
            (&first.events, first.first_position, first.last_position)
        );
    }
    assert_eq!(ports.log.head(), head);
}

pub async fn a_repeated_command_is_not_checked_again(ports: &Ports) {
    let stream = fresh("post");
    let command = append(vec![write(&stream, Expected::NoStream, 1)]);
    ports.log.append(command.clone()).await.unwrap();
    // Neither against the log nor for what it asks now.
    let mut other = append(vec![write(&fresh("other"), Expected::Exact(77), 4)]);
    other.command_id = command.command_id;
    let again = ports.log.append(other).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.events, [(stream, 0)]);
}

pub async fn a_failed_command_may_be_tried_again(ports: &Ports) {
    let stream = fresh("post");
    let mut command = append(vec![write(&stream, Expected::StreamExists, 1)]);
    assert_conflict(ports.log.append(command.clone()).await, &stream, None);
    command.writes[0].expected = Expected::NoStream;
    assert!(!ports.log.append(command).await.unwrap().duplicate);
}

pub async fn the_same_command_many_times_at_once_is_written_once(ports: &Ports) {
    let head = ports.log.head();
    let command = append(vec![write(&fresh("post"), Expected::NoStream, 3)]);
    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(ports.log.append(command.clone()))).collect();
    let results: Vec<_> = join_all(calls).await.into_iter().map(|result| result.unwrap().unwrap()).collect();
    assert_eq!(results.iter().filter(|result| !result.duplicate).count(), 1);
    assert!(
        results.iter().all(|result| (result.first_position, result.last_position) == (head + 1, head + 3))
    );
    assert!(results.iter().all(|result| result.events == results[0].events));
    assert_eq!(ports.log.head(), head + 3);
}

pub async fn calls_take_effect_in_order_and_dropping_withdraws_nothing(ports: &Ports) {
    let stream = fresh("post");
    let mut waiting = Vec::new();
    for n in 0..200u64 {
        let call = ports.log.append(append(vec![write(&stream, Expected::at(n.checked_sub(1)), 1)]));
        if n % 3 != 0 {
            waiting.push((n, call));
        }
    }
    // Polled in the wrong order, too.
    for (n, call) in waiting.into_iter().rev() {
        assert_eq!(call.await.unwrap().events, [(stream.clone(), n)]);
    }
    assert_eq!(ports.log.stream_head(&stream).await.unwrap(), Some(199));

    // What builds on a failed predecessor conflicts.
    let first = ports.log.append(append(vec![write(&stream, Expected::Exact(5), 1)]));
    let second = ports.log.append(append(vec![write(&stream, Expected::Exact(200), 1)]));
    assert_conflict(second.await, &stream, Some(199));
    assert_conflict(first.await, &stream, Some(199));
}

pub async fn of_twenty_writers_with_the_same_expectation_one_wins(ports: &Ports) {
    let stream = fresh("post");
    for round in 0..20u64 {
        let expected = Expected::at(round.checked_sub(1));
        let calls =
            (0..20).map(|_| tokio::spawn(ports.log.append(append(vec![write(&stream, expected, 1)]))));
        let results: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for lost in results.into_iter().filter(Result::is_err) {
            assert_conflict(lost, &stream, Some(round));
        }
    }
}

pub async fn a_loser_can_read_what_it_lost_to(ports: &Ports) {
    for _ in 0..50 {
        let stream = fresh("post");
        let winner = ports.log.append(append(vec![write(&stream, Expected::NoStream, 1)]));
        let loser = ports.log.append(append(vec![write(&stream, Expected::NoStream, 1)]));
        assert_conflict(loser.await, &stream, Some(0));
        assert_eq!(ports.log.stream_head(&stream).await.unwrap(), Some(0));
        assert_eq!(ports.log.read_stream(&stream, 0, Direction::Forwards, 9).await.unwrap().len(), 1);
        winner.await.unwrap();
    }
}

pub async fn concurrent_appends_are_dense_and_whole(ports: &Ports) {
    let before = ports.log.head();
    let shared: Vec<_> = (0..5).map(|_| fresh("shared")).collect();
    let tasks = (0..16usize).map(|task| {
        let (ports, shared) = (ports.clone(), shared.clone());
        tokio::spawn(async move {
            let mut commands = Vec::new();
            for n in 0..40 {
                let own = fresh("own");
                let command = append(vec![
                    write(&shared[(task + n) % 5], Expected::Any, 1 + n % 3),
                    write(&own, Expected::NoStream, 2),
                ]);
                commands.push((command.command_id, ports.log.append(command).await.unwrap()));
            }
            commands
        })
    });
    let results: Vec<_> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    let events = ports.read_from(before).await;
    assert_dense(&events, before);
    assert_eq!(events.len(), results.iter().map(|(_, result)| result.events.len()).sum::<usize>());
    for (command_id, result) in &results {
        let from = (result.first_position - before - 1) as usize;
        let own = &events[from..from + result.events.len()];
        for (ordinal, (event, (stream, revision))) in own.iter().zip(&result.events).enumerate() {
            assert_eq!((&event.stream, event.revision, event.ordinal), (stream, *revision, ordinal as u16));
            assert_eq!(event.id, event_id(*command_id, ordinal as u16));
            assert_eq!(event.command_id(), *command_id);
        }
    }
    let ids: HashSet<Uuid> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), events.len());
}

pub async fn what_cannot_be_stored_is_refused(ports: &Ports) {
    let head = ports.log.head();
    let stream = fresh("post");
    let mut nil = append(vec![write(&stream, Expected::Any, 1)]);
    nil.command_id = Uuid::nil();
    let kind = Kind::new("Counted").unwrap();
    let tiny = NewEvent { kind, data: bytes::Bytes::new(), meta: bytes::Bytes::new() };
    let many = append(vec![Write {
        stream: stream.clone(),
        expected: Expected::Any,
        events: vec![tiny.clone(); 65_537],
    }]);
    let huge = NewEvent { data: vec![7; 300 << 20].into(), ..tiny };
    let large = append(vec![Write { stream: stream.clone(), expected: Expected::Any, events: vec![huge] }]);
    for command in [nil, many, large] {
        match ports.log.append(command).await {
            Err(LogError::Invalid(problem)) => assert!(!problem.is_empty()),
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
    assert_eq!(ports.log.head(), head);
    ports.append(vec![write(&stream, Expected::NoStream, 1)]).await.unwrap();
}

pub async fn the_largest_append_is_taken(ports: &Ports) {
    let (a, b) = (fresh("large"), fresh("large"));
    let command = append(vec![
        write(&a, Expected::NoStream, 65_000),
        Write { stream: b.clone(), expected: Expected::NoStream, events: events(536) },
    ]);
    let first = ports.log.append(command.clone()).await.unwrap();
    assert_eq!(first.last_position - first.first_position, 65_535);
    let last = ports.log.find(event_id(command.command_id, 65_535)).await.unwrap().unwrap();
    assert_eq!(
        (last.position, last.stream, last.revision, last.ordinal),
        (first.last_position, b, 535, 65_535)
    );
    let again = ports.log.append(command).await.unwrap();
    assert!(again.duplicate && again.events == first.events);
}
