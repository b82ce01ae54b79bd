//! Cursors, dead letters, rebuilds.

use std::sync::Arc;
use std::time::Duration;

use nova_projectors::{ALL, posts};
use nova_views::{Apply, DeadLetter, Generation, Lookup, PageRequest, ViewError, projection};

use super::{Ports, changes_of, step};
use crate::story::{Story, post, user};

pub async fn whoever_waits_for_a_position_sees_it<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    story.publish(1, 1, "waited for");
    let head = story.head();
    assert_eq!(ports.reader.applied(), 0);
    let behind = ports.reader.wait_applied(head, Duration::from_millis(20)).await;
    assert!(matches!(behind, Err(ViewError::Behind { wanted, applied: 0, .. }) if wanted == head));
    let waiting = {
        let ports = ports.clone();
        tokio::spawn(async move {
            ports.reader.wait_applied(head, Duration::from_secs(20)).await.unwrap();
            ports.reader.post(user(1), post(1)).await.unwrap().value
        })
    };
    ports.tell(&story).await;
    assert!(matches!(waiting.await.unwrap(), Lookup::Found(_)));
    for projection in projection::ALL {
        ports.writer.advance(projection, Generation::Live, head + 5).await.unwrap();
    }
    assert_eq!(ports.reader.applied(), head + 5);
}

pub async fn cursors_never_go_back<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let cursor = async || ports.writer.cursor(projection::POSTS, Generation::Live).await.unwrap();
    assert_eq!(cursor().await, 0);
    ports.writer.apply(step(&posts::POSTS, Vec::new(), 7)).await.unwrap();
    ports.writer.apply(step(&posts::POSTS, Vec::new(), 3)).await.unwrap();
    assert_eq!(cursor().await, 7);
    ports.writer.advance(projection::POSTS, Generation::Live, 9).await.unwrap();
    ports.writer.advance(projection::POSTS, Generation::Live, 8).await.unwrap();
    assert_eq!(cursor().await, 9);
    assert_eq!(ports.reader.applied(), 0, "the other views have not got there");
}

pub async fn unknown_projections_are_refused<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let unknown =
        |error| assert!(matches!(error, Some(ViewError::UnknownProjection(name)) if name == "nothing"));
    unknown(ports.writer.cursor("nothing", Generation::Live).await.err());
    unknown(ports.writer.begin_rebuild("nothing").await.err());
    unknown(ports.writer.switch("nothing").await.err());
    unknown(ports.writer.dead_letters(Some("nothing"), 0, 1).await.err());
    assert!(ports.writer.switch(projection::POSTS).await.is_err(), "there is nothing to switch to");
}

pub async fn dead_letters_are_kept_and_taken_off<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let letter = |projection: &str, stream: &str, position: u64| DeadLetter {
        projection: projection.to_owned(),
        stream: stream.to_owned(),
        position,
        kind: "PostPublished".to_owned(),
        error: "not of its shape".to_owned(),
        parked_at: nova_events::envelope::time_of_ms(1_000),
    };
    let apply = async |projection: &'static str, dead_letters: Vec<DeadLetter>, redriven: Vec<String>| {
        let cursor = dead_letters.iter().map(|letter| letter.position).max().unwrap_or(0);
        let (generation, changes) = (Generation::Live, Vec::new());
        let step = Apply { projection, generation, changes, dead_letters, redriven, cursor };
        ports.writer.apply(Arc::new(step)).await.unwrap();
    };
    let letters = [letter("posts", "post-1", 3), letter("posts", "post-2", 4), letter("posts", "post-1", 9)];
    apply(projection::POSTS, letters.to_vec(), Vec::new()).await;
    apply(projection::DELETIONS, vec![letter("deletions", "post-1", 3)], Vec::new()).await;
    let list = async |projection: Option<&str>, after: u64, limit: usize| -> Vec<(String, u64)> {
        let letters = ports.writer.dead_letters(projection, after, limit).await.unwrap();
        letters.into_iter().map(|letter| (letter.projection, letter.position)).collect()
    };
    assert_eq!(ports.writer.dead_letters(Some("posts"), 0, 10).await.unwrap(), letters);
    assert_eq!(list(Some("posts"), 3, 1).await, [("posts".to_owned(), 4)]);
    assert_eq!(list(None, 0, 10).await.len(), 4);
    assert_eq!(list(None, 4, 10).await, [("posts".to_owned(), 9)]);
    let status = ports.writer.status().await.unwrap();
    let of_posts = status.iter().find(|s| s.name == "posts").unwrap();
    assert_eq!((of_posts.dead_letters, of_posts.parked_streams, of_posts.position), (3, 2, 9));
    apply(projection::POSTS, vec![letter("posts", "post-1", 9)], vec!["post-1".to_owned()]).await;
    assert_eq!(list(Some("posts"), 0, 10).await, [("posts".to_owned(), 4), ("posts".to_owned(), 9)]);
}

pub async fn a_rebuild_is_invisible_until_it_is_switched_to<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    story.publish(1, 1, "old text");
    ports.tell(&story).await;
    let writer = &ports.writer;
    let text = async |n: u32| {
        let found = ports.reader.post(user(1), post(n)).await.unwrap().value.found();
        found.map(|card| card.text.to_string())
    };
    let generation = async || {
        let status = writer.status().await.unwrap();
        status.iter().find(|s| s.name == "posts").map(|s| (s.generation, s.rebuilding)).unwrap()
    };
    for project in ALL {
        writer.begin_rebuild(project.name).await.unwrap();
    }
    let first = generation().await.0;
    let into_next = async |story: &Story| {
        let changes = changes_of(&posts::POSTS, &story.events);
        let step = step(&posts::POSTS, changes, story.head());
        writer.apply(Arc::new(Apply { generation: Generation::Next, ..(*step).clone() })).await.unwrap();
    };
    into_next(&story).await;
    assert_eq!(generation().await, (first, Some(story.head())));
    // Begun again: what was filled is dropped.
    writer.begin_rebuild("posts").await.unwrap();
    assert_eq!(writer.cursor("posts", Generation::Next).await.unwrap(), 0);
    let mut other = Story::of([1]);
    other.publish(1, 1, "new text");
    into_next(&other).await;
    assert_eq!(text(1).await.as_deref(), Some("old text"));
    // The live view goes on meanwhile.
    let before = story.head();
    story.publish(2, 1, "written meanwhile");
    ports.tell_from(&story, before).await;
    assert_eq!(text(2).await.as_deref(), Some("written meanwhile"));
    other.publish(2, 1, "written meanwhile");
    into_next(&other).await;
    writer.switch("posts").await.unwrap();
    assert_eq!(generation().await, (first + 1, None));
    assert_eq!((text(1).await.as_deref(), text(2).await.is_some()), (Some("new text"), true));
    assert_eq!(writer.cursor("posts", Generation::Live).await.unwrap(), other.head());
    let before = other.head();
    other.edit(1, "newest text");
    ports.tell_from(&other, before).await;
    assert_eq!(text(1).await.as_deref(), Some("newest text"));
    let timeline = ports.reader.timeline(user(1), PageRequest::first(5)).await.unwrap().value;
    assert_eq!(timeline.items.len(), 2);
}

/// Whatever is remembered of earlier answers, and however many ask meanwhile.
pub async fn what_was_applied_is_in_every_later_answer<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3]);
    for n in 0..20 {
        story.publish(n, 2, "text 0");
    }
    story.follow(1, 2);
    ports.tell(&story).await;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asking: Vec<_> = (0..2)
        .map(|_| {
            let (ports, done, now) = (ports.clone(), Arc::clone(&done), story.now());
            tokio::spawn(async move {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let page = || PageRequest::first(20);
                    ports.reader.timeline(user(1), page()).await.unwrap();
                    ports.reader.feed(user(1), page(), now).await.unwrap();
                    ports.reader.post(user(3), post(7)).await.unwrap();
                }
            })
        })
        .collect();
    for round in 1..150 {
        let before = story.head();
        let text = format!("text {round}");
        let on = round % 2 == 0;
        story.edit(7, &text);
        if on {
            story.unlike(1, 7)
        } else {
            story.like(1, 7)
        }
        if on {
            story.restore(8)
        } else {
            story.delete(8)
        }
        if on {
            story.unblock(3, 2)
        } else {
            story.block(3, 2)
        }
        if on {
            story.follow(1, 2)
        } else {
            story.unfollow(1, 2)
        }
        story.publish(1_000 + round, 3, "another");
        ports.tell_from(&story, before).await;
        let card = ports.reader.post(user(1), post(7)).await.unwrap().value.found().unwrap();
        assert_eq!((&*card.text, card.like_count, card.liked_by_viewer), (&*text, u64::from(!on), !on));
        let deleted = ports.reader.post(user(1), post(8)).await.unwrap().value;
        assert_eq!(deleted == Lookup::Gone, !on);
        let blocked = ports.reader.post(user(3), post(7)).await.unwrap().value;
        assert_eq!(blocked == Lookup::Unknown, !on);
        let timeline = ports.reader.timeline(user(1), PageRequest::first(50)).await.unwrap().value;
        assert_eq!(timeline.items.len(), if on { 20 } else { 0 });
        let own = ports.reader.timeline(user(3), PageRequest::first(1)).await.unwrap().value;
        assert_eq!(own.items[0].id, post(1_000 + round));
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for task in asking {
        task.await.unwrap();
    }
}
