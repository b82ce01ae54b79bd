//! Whoever asks what, and wherever: the same answer, or none.

use nova_events::ConversationId;
use nova_views::{Lookup, Message, MessageRange};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::talk::{PEOPLE, Talk, talk_id, user};
use crate::world::World;

const LIMITS: [usize; 5] = [1, 2, 5, 20, 100];

/// `(asked, answered)` by the window.
pub(crate) async fn compare(world: &World, talk: ConversationId, most: usize, seed: u64) -> (u32, u32) {
    let mut rng = StdRng::seed_from_u64(seed);
    let head = world.log.stream_head(&nova_events::streams::messages(talk)).await.unwrap();
    let head = head.map_or(0, |head| head as i64);
    let mut ranges = vec![MessageRange::Before(u64::MAX), MessageRange::After(i64::MAX)];
    for seq in -1..=head + 2 {
        ranges.push(MessageRange::After(seq));
        ranges.push(MessageRange::Before((seq + 1) as u64));
    }
    let member = first_member(world, talk).await;
    let floor = floor_of(world, talk, member, head, most).await;
    let (mut asked, mut answered) = (0, 0);
    for range in ranges {
        let viewer = if rng.random_bool(0.7) { member } else { rng.random_range(0..PEOPLE + 1) };
        for limit in [LIMITS[rng.random_range(0..5)], LIMITS[rng.random_range(0..5)]] {
            let what = format!("seed {seed}: {range:?}, {limit}, for {viewer}");
            let viewer = user(viewer);
            let expected = world.by_postgres(viewer, talk, range, limit).await;
            assert_eq!(world.by_log(viewer, talk, range, limit).await, expected, "the log, {what}");
            let found = world.redis.messages_window(viewer, talk, range, limit).await.unwrap();
            asked += 1;
            assert_eq!(found.is_some(), can_say(&expected, range, limit, floor), "floor {floor}, {what}");
            if let Some(found) = found {
                answered += 1;
                assert_eq!(found.messages, expected, "the window, {what}");
                assert_eq!(found.applied, world.log.head());
            }
        }
    }
    (asked, answered)
}

async fn first_member(world: &World, talk: ConversationId) -> u32 {
    for n in 0..PEOPLE {
        if world.by_postgres(user(n), talk, MessageRange::Before(u64::MAX), 1).await != Lookup::Unknown {
            return n;
        }
    }
    panic!("the first one never leaves")
}

/// What the window says it is, which must be as low as the options allow.
async fn floor_of(world: &World, talk: ConversationId, member: u32, head: i64, most: usize) -> u64 {
    let range = MessageRange::After(head);
    let found = world.redis.messages_window(user(member), talk, range, 5).await.unwrap().expect("a window");
    assert_eq!(found.messages, Lookup::Found(Vec::new()));
    let newest = world.by_postgres(user(member), talk, MessageRange::Before(u64::MAX), most + 1).await;
    let newest: Vec<Message> = newest.found().unwrap();
    match newest.len() > most {
        false => assert_eq!(found.floor_seq, 0, "all of it is held"),
        // Behind the last one that was dropped.
        true => assert_eq!(found.floor_seq, newest[0].seq + 1),
    }
    found.floor_seq
}

fn can_say(expected: &Lookup<Vec<Message>>, range: MessageRange, limit: usize, floor: u64) -> bool {
    let Lookup::Found(messages) = expected else { return true };
    match range {
        MessageRange::After(seq) => seq >= floor as i64 - 1,
        MessageRange::Before(_) => {
            floor == 0 || messages.iter().filter(|message| message.seq >= floor).count() >= limit
        }
    }
}

async fn run(seed: u64, acts: usize, most: usize) {
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::new(|options| options.window_messages_max = most).await;
    let mut talks = [Talk::begin(&world, 0).await, Talk::begin(&world, 1).await];
    for _ in 0..acts {
        let at = rng.random_range(0..2);
        talks[at].act(&world, &mut rng).await;
    }
    for talk in &mut talks {
        talk.say_ahead(&world).await;
    }
    world.tell_all(&mut rng).await;
    let mut totals = (0, 0);
    for talk in &talks {
        let (asked, answered) = compare(&world, talk.id, most, seed).await;
        totals = (totals.0 + asked, totals.1 + answered);
    }
    println!("seed {seed}: {} questions, the window answered {}", totals.0, totals.1);
    assert!(totals.1 > 0);
    let nowhere = (user(0), talk_id(99), MessageRange::After(-1), 5);
    assert_eq!(world.by_log(nowhere.0, nowhere.1, nowhere.2, nowhere.3).await, Lookup::Unknown);
    let found = world.redis.messages_window(nowhere.0, nowhere.1, nowhere.2, nowhere.3).await.unwrap();
    assert!(found.is_none(), "whether there is such a conversation is not known here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_conversations_are_answered_alike() {
    for seed in 0..3 {
        run(seed, 120, 100).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_conversations_are_answered_alike_as_far_as_the_window_goes() {
    for seed in 10..13 {
        run(seed, 160, 8).await;
    }
}
