//! Following and blocking race: no follow edge is ever on while a block is.

use std::collections::HashSet;

use nova_domain::block::{Block, Unblock};
use nova_domain::follow::{Follow, Unfollow};
use nova_domain::{Command, Refusal};
use nova_events::block::BlockEvent;
use nova_events::follow::FollowEvent;
use nova_events::{Envelope, Event, UserId};

use crate::support::{Nova, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ever_follows_over_a_block() {
    follow_and_block_race(Nova::new()).await;
    follow_and_block_race(Nova::with_writers(3)).await;
}

async fn follow_and_block_race(nova: Nova) {
    let people = nova.people(3).await;
    for round in 0..40usize {
        let runs = (0..48).map(|n| {
            let (a, b) = (people[n % 3], people[(n + 1 + n / 3 % 2) % 3]);
            // Both sides of each pair follow, block and let go, in another mix each round.
            let command: Command = match (n * 7 + round) % 6 {
                0..=2 => Follow { user: b }.into(),
                3 => Block { user: b }.into(),
                4 => Unblock { user: b }.into(),
                _ => Unfollow { user: b }.into(),
            };
            let executor = nova.executor();
            async move { executor.execute(crate::support::asking(a), command).await }
        });
        for outcome in at_once(runs).await {
            match outcome {
                Ok(_) | Err(nova_command_api::CommandError::Refused(Refusal::Unknown("user"))) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let history = nova.history().await;
    let edges = no_follow_over_a_block(&history);
    assert!(edges.follows_seen > 50 && edges.blocks_seen > 20, "the race never happened: {edges:?}");

    // What the executor says afterwards is what the log says.
    for &a in &people {
        for &b in people.iter().filter(|b| **b != a) {
            // Where there is a block there is no following, and each is unknown to the other.
            let changed = match nova.tries(a, Unfollow { user: b }).await {
                Err(nova_command_api::CommandError::Refused(Refusal::Unknown("user"))) => false,
                unfollowed => unfollowed.unwrap().changed,
            };
            assert_eq!(changed, edges.follows.contains(&(a, b)));
            let outcome = nova.does(a, Unblock { user: b }).await;
            assert_eq!(outcome.changed, edges.blocks.contains(&(a, b)));
        }
    }
}

#[derive(Debug, Default)]
struct Edges {
    follows: HashSet<(UserId, UserId)>,
    blocks: HashSet<(UserId, UserId)>,
    follows_seen: usize,
    blocks_seen: usize,
}

/// Between commands; within the block's own append the follows end right behind it.
fn no_follow_over_a_block(history: &[Envelope]) -> Edges {
    let mut edges = Edges::default();
    for (at, envelope) in history.iter().enumerate() {
        match &envelope.event {
            Event::Follow(FollowEvent::Followed(e)) => {
                edges.follows_seen += 1;
                assert!(
                    edges.follows.insert((e.follower, e.followee)),
                    "followed twice at {}",
                    envelope.position
                );
            }
            Event::Follow(FollowEvent::Unfollowed(e)) => {
                assert!(edges.follows.remove(&(e.follower, e.followee)), "no edge at {}", envelope.position);
            }
            Event::Block(BlockEvent::Blocked(e)) => {
                edges.blocks_seen += 1;
                assert!(
                    edges.blocks.insert((e.blocker, e.blocked)),
                    "blocked twice at {}",
                    envelope.position
                );
            }
            Event::Block(BlockEvent::Unblocked(e)) => {
                assert!(edges.blocks.remove(&(e.blocker, e.blocked)), "no block at {}", envelope.position);
            }
            _ => {}
        }
        if history.get(at + 1).is_none_or(|next| next.command_id != envelope.command_id) {
            for (a, b) in &edges.blocks {
                let over = edges.follows.contains(&(*a, *b)) || edges.follows.contains(&(*b, *a));
                assert!(!over, "a follow edge is on over a block at {}", envelope.position);
            }
        }
    }
    edges
}
