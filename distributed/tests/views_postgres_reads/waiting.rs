//! Waiting for what other processes write.

use std::time::{Duration, Instant};

use nova_distributed::shard::Shard;
use nova_distributed::views::postgres::ReadOptions;
use nova_testkit::story::{Story, post, user};
use nova_views::{Lookup, ViewError, ViewReader, projection};

use crate::{database, open, options, ports};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_sees_what_another_process_wrote() {
    let database = database().await;
    let (writer, reader) = (open(&database, options()).await, open(&database, options()).await);
    let mut story = Story::of([1]);
    story.publish(1, 1, "from elsewhere");
    let head = story.head();
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let reader = reader.clone();
            // Some wait for less: they need not wait for the others.
            let position = if n % 2 == 0 { head } else { 1 };
            tokio::spawn(async move {
                reader.wait_applied(position, PATIENCE).await.unwrap();
                reader.post(user(1), post(1)).await.unwrap().value
            })
        })
        .collect();
    ports(&writer).tell(&story).await;
    for task in waiting {
        assert!(matches!(task.await.unwrap(), Lookup::Found(_)));
    }
    assert_eq!(reader.applied(), head);
    let behind = reader.wait_applied(head + 1, Duration::from_millis(30)).await;
    assert!(
        matches!(behind, Err(ViewError::Behind { wanted, applied, .. }) if (wanted, applied) == (head + 1, head))
    );
}

#[tokio::test]
async fn how_far_the_views_are_is_known_without_waiting_for_it() {
    let database = database().await;
    let (writer, reader) = (open(&database, options()).await, open(&database, options()).await);
    let story = Story::of([1, 2]);
    assert_eq!(reader.applied(), 0);
    ports(&writer).tell(&story).await;
    let asked = Instant::now();
    while reader.applied() < story.head() {
        assert!(asked.elapsed() < PATIENCE, "nobody asked the store");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A projection that is filled from several shards is as far as the one that is behind.
#[tokio::test]
async fn all_that_is_expected_counts_and_nothing_else() {
    let database = database().await;
    let shards = [Shard::whole(), Shard::of_partition("post", 1)];
    let expected = shards.iter().map(|shard| (projection::POSTS, shard.clone())).collect();
    let views = open(&database, ReadOptions { expected, ..options() }).await;
    let only_whole =
        open(&database, ReadOptions { expected: vec![(projection::POSTS, Shard::whole())], ..options() });
    let only_whole = only_whole.await;
    let mut story = Story::of([1]);
    story.publish(1, 1, "text");
    ports(&views).tell(&story).await;
    let behind = views.wait_applied(1, Duration::from_millis(30)).await;
    assert!(matches!(behind, Err(ViewError::Behind { applied: 0, .. })), "{behind:?}");
    only_whole.wait_applied(story.head(), PATIENCE).await.unwrap();
}
