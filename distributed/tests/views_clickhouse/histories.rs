//! Histories, told in every way that deliveries may take, and answered like the embedded profile does.

use nova_distributed::shard::{Shard, ShardStore};
use nova_events::Envelope;
use nova_events::post::Visibility;
use nova_testkit::contract::views::{random_histories, shuffled};
use nova_testkit::story::Story;
use nova_views::Generation;

use crate::support::{World, at, changes, compare, projections, step, tell};

/// A cheap source of choices.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// By shards at once, in batches of any size, some twice, some overlapping what came before, from whichever process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_are_answered_like_the_embedded_profile_does() {
    let mut compared = 0;
    for (n, story) in (0..).zip(random_histories(9, 150..400)) {
        let world = World::new().await;
        let stores = [world.open().await, world.open().await];
        let mut dice = Dice(n + 1);
        let mut plans = Vec::new();
        for projection in projections(&stores[0]) {
            for part in 0..3 {
                let mine: Vec<&Envelope> = story
                    .events
                    .iter()
                    .filter(|event| event.stream.as_str().bytes().map(u64::from).sum::<u64>() % 3 == part)
                    .collect();
                let mine: Vec<Envelope> = mine.into_iter().cloned().collect();
                let order = shuffled_clone(&mine, n + part);
                let mut batches: Vec<Vec<Envelope>> = Vec::new();
                let mut done = 0;
                while done < order.len() {
                    let until = (done + 1 + dice.below(60)).min(order.len());
                    let from = done.saturating_sub(dice.below(20));
                    batches.push(order[from..until].to_vec());
                    if dice.below(3) == 0 {
                        batches.push(order[from..until].to_vec());
                    }
                    done = until;
                }
                plans.push((projection, Shard::of_partition("part", part as i32), batches, dice.below(2)));
            }
        }
        let told = plans.into_iter().map(|(projection, shard, batches, mut turn)| {
            let stores = &stores;
            async move {
                for batch in batches {
                    turn += 1;
                    let changes = changes(projection, &batch);
                    let step = step(projection, Generation::Live, changes, 0);
                    stores[turn % 2].apply(&shard, step, at(0)).await.unwrap();
                }
            }
        });
        futures::future::join_all(told).await;
        for store in &stores {
            compared += compare(store, &story).await;
        }
    }
    assert!(compared > 100, "{compared}");
}

fn shuffled_clone(events: &[Envelope], seed: u64) -> Vec<Envelope> {
    shuffled(events, seed).into_iter().cloned().collect()
}

/// One thing after the other that hides or shows something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_undone_is_undone_in_the_feed() {
    let world = World::new().await;
    let store = world.open().await;
    let mut story = Story::of(0..8);
    for n in 0..24 {
        let visibility = match n % 6 {
            0 => Visibility::Followers,
            3 => Visibility::Private,
            _ => Visibility::Public,
        };
        story.publish_to(n, n % 8, "text", visibility);
        story.like((n + 1) % 8, n);
        story.comment(n, n, (n + 2) % 8, "a comment");
        story.like_comment((n + 3) % 8, n);
    }
    for n in 1..5 {
        story.follow(0, n);
        story.follow(n, 0);
    }
    let mut told = 0;
    let acts: [fn(&mut Story); 14] = [
        |_| {},
        |story| story.unlike(1, 0),
        |story| story.delete(1),
        |story| story.delete(2),
        |story| story.restore(1),
        |story| story.purge(2),
        |story| story.delete_comment(4),
        |story| story.restore_comment(4),
        |story| story.deactivate(2),
        |story| story.block(3, 0),
        |story| story.reactivate(2),
        |story| story.unblock(3, 0),
        |story| story.unfollow(0, 4),
        |story| story.at_ms += 49 * 3_600_000,
    ];
    for act in acts {
        act(&mut story);
        // Time passes with an event.
        story.edit(5, "new text");
        tell(&store, &story, told).await.unwrap();
        told = story.head();
        assert!(compare(&store, &story).await > 0);
    }
    story.at_ms += 30 * 24 * 3_600_000;
    story.edit(5, "much later");
    tell(&store, &story, told).await.unwrap();
    assert_eq!(compare(&store, &story).await, 0, "feeds forget");
}

/// The deletion says only which post; what was told long before completes it, and what comes late changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_post_does_not_come_back_with_what_is_late() {
    let world = World::new().await;
    let store = world.open().await;
    let mut story = Story::of([1, 2]);
    story.publish(1, 1, "one");
    story.publish(2, 1, "two");
    story.follow(2, 1);
    tell(&store, &story, 0).await.unwrap();
    story.delete(1);
    let before = story.head() - 1;
    tell(&store, &story, before).await.unwrap();
    let published: Vec<u64> = world.rows("SELECT count() FROM posts").await;
    assert_eq!(published, [1]);
    // All of it again, and then only what made the post.
    let mut made = story.clone();
    made.events.truncate(3);
    for late in [&story, &made] {
        tell(&store, late, 0).await.unwrap();
        assert_eq!(world.rows::<u64>("SELECT count() FROM posts").await, [1]);
        compare(&store, &story).await;
    }
}
