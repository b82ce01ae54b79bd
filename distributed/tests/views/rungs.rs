//! Every rung of every ladder answers, and says that it did. Stores are taken away by their breakers, which is what an
//! answer sees of an outage; real outages are those of the fault suite.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_distributed::views::ViewsOptions;
use nova_distributed::views::redis::RedisOptions;
use nova_events::PostId;
use nova_events::conversation::Role;
use nova_events::post::Visibility;
use nova_resilience::BreakerState;
use nova_testkit::fault_proxy::{FaultProxy, Faults};
use nova_testkit::story::{Story, conversation, post, user};
use nova_views::{
    Answer, Apply, Change, FeedItem, Generation, List, Lookup, MessageRange, PageRequest, ProfileKey,
    ViewError, ViewReader, ViewWriter, What,
};

use crate::world::{PATIENCE, World};

const STORES: [&str; 4] = ["postgres", "postgres_fallback", "clickhouse", "redis"];

/// Every good page is kept, and nothing is asked beside what a test asks.
fn options() -> ViewsOptions {
    ViewsOptions { keep_interval_ms: 0, shadow_share: 0.0, warm_after_ms: 0, ..ViewsOptions::default() }
}

/// Stories happened long ago: marks and windows are kept for as long as need be.
fn for_long(redis: &mut RedisOptions) {
    (redis.marks_ttl_ms, redis.window_ttl_ms) = (1 << 42, 1 << 42);
}

async fn world() -> World {
    World::with(for_long, options()).await
}

fn only_without(world: &World, out: &[&str]) {
    for store in STORES {
        let breaker = world.views.breaker(store).unwrap();
        if out.contains(&store) { breaker.force_open() } else { breaker.reset() }
    }
}

fn posts_of(answer: &Answer<List<FeedItem>>) -> Vec<PostId> {
    answer.value.items.iter().map(|item| item.card.id).collect()
}

async fn feed(world: &World, viewer: u32, story: &Story) -> Answer<List<FeedItem>> {
    world.views.feed(user(viewer), PageRequest::first(20), story.now()).await.unwrap()
}

/// Pages are kept beside the answer.
async fn until_kept(world: &World, keys: usize) {
    for _ in 0..200 {
        if world.prefix.count("page:") >= keys {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} pages are kept, not {keys}", world.prefix.count("page:"));
}

/// 1 follows 2, 3, 6 and 7, who write; 4 is followed by 2 and 3; 5 is new.
fn community() -> Story {
    let mut story = Story::of(1..=8);
    let authors = [2, 3, 6, 7];
    for author in authors {
        story.follow(1, author);
    }
    story.follow(2, 4);
    story.follow(3, 4);
    for n in 0..8 {
        story.publish(n, authors[n as usize % 4], "something");
        story.like(4, n);
    }
    story
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_comes_down_its_ladder() {
    let world = world().await;
    let story = community();
    world.ports().tell(&story).await;
    let best = feed(&world, 1, &story).await;
    assert_eq!((best.source, best.degraded), ("clickhouse", false));
    assert_eq!(best.value.items.len(), 8);
    until_kept(&world, 1).await;

    only_without(&world, &["clickhouse"]);
    let kept = feed(&world, 1, &story).await;
    assert_eq!((kept.source, kept.degraded), ("last_good", true));
    assert_eq!(posts_of(&kept), posts_of(&best), "in the order that was good last");
    assert_eq!(kept.as_of.timestamp_millis(), best.as_of.timestamp_millis());

    world.prefix.delete("page:");
    assert!(!world.views.timeline(user(1), PageRequest::first(5)).await.unwrap().value.items.is_empty());
    world.prefix.delete("page:");
    let home = feed(&world, 1, &story).await;
    assert_eq!((home.source, home.degraded), ("redis", true));
    assert_eq!(posts_of(&home), (0..8).rev().map(post).collect::<Vec<_>>(), "newest first");

    only_without(&world, &["clickhouse", "redis"]);
    let there = feed(&world, 1, &story).await;
    assert_eq!((there.source, there.degraded), ("postgres", true));
    assert_eq!(posts_of(&there), posts_of(&home));

    let newcomer = feed(&world, 5, &story).await;
    assert_eq!((newcomer.source, newcomer.degraded), ("recent", true));
    assert_eq!(posts_of(&newcomer), posts_of(&home), "follows nobody, and sees what is new");

    only_without(&world, &[]);
    feed(&world, 1, &story).await;
    until_kept(&world, 1).await;
    only_without(&world, &["postgres", "postgres_fallback"]);
    let whole = feed(&world, 1, &story).await;
    assert_eq!((whole.source, whole.degraded), ("last_good", true));
    assert_eq!(whole.value.items, best.value.items, "as it was shown");

    only_without(&world, &["postgres", "postgres_fallback", "clickhouse", "redis"]);
    let nobody = world.views.feed(user(1), PageRequest::first(20), story.now()).await;
    assert!(matches!(nobody, Err(ViewError::Unavailable(_))), "{nobody:?}");
    only_without(&world, &[]);
    assert_eq!(feed(&world, 1, &story).await.source, "clickhouse");
}

/// What a process has in memory is given before anybody waits for a store, and when none answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_memory_comes_first() {
    let options = ViewsOptions {
        feed_ranking_ttl_ms: 10_000,
        stale_ms: 20_000,
        page_ttl_ms: 3_600_000,
        shadow_share: 0.0,
        warm_after_ms: 0,
        ..ViewsOptions::default()
    };
    let world = World::with(|_| {}, options).await;
    let mut story = community();
    story.follow(1, 8);
    world.ports().tell(&story).await;
    let began = story.now();
    let at = |seconds: i64| began + chrono::TimeDelta::seconds(seconds);
    let ask = async |viewer: u32, seconds: i64, after: u64| {
        let page = PageRequest { after, ..PageRequest::first(20) };
        world.views.feed(user(viewer), page, at(seconds)).await
    };
    let trending =
        async |seconds: i64| world.views.trending(user(4), PageRequest::first(20), at(seconds)).await;
    let best = ask(1, 0, 0).await.unwrap();
    assert_eq!((best.source, best.as_of), ("clickhouse", began));

    // Their pages are those of one order, which Redis is given once.
    let mut first = Vec::new();
    for _ in 0..3 {
        let page = world.views.feed(user(1), PageRequest::first(3), at(1)).await.unwrap();
        let cursor = page.value.next.clone();
        let second = PageRequest { cursor, ..PageRequest::first(20) };
        let second = world.views.feed(user(1), second, at(2)).await.unwrap();
        first.push([posts_of(&page), posts_of(&second)].concat());
    }
    assert_eq!(world.prefix.count("z:"), 1);
    assert!(first.iter().all(|posts| *posts == posts_of(&best)), "{first:?}");

    let stale = ask(1, 15, 0).await.unwrap();
    assert_eq!((stale.source, stale.degraded, stale.as_of), ("clickhouse", false, began), "given at once");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut anew = stale;
    while anew.as_of == began && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
        anew = ask(1, 15, 0).await.unwrap();
    }
    assert_eq!((anew.source, anew.as_of), ("clickhouse", at(15)), "and worked out behind the answer");

    // Whoever wants what is new waits for it.
    let told = story.head();
    story.publish(30, 8, "new");
    world.ports().tell_from(&story, told).await;
    world.views.wait_applied(story.head(), Duration::from_secs(20)).await.unwrap();
    let new = ask(1, 16, story.head()).await.unwrap();
    assert!(posts_of(&new).contains(&post(30)), "{new:?}");
    assert_eq!(new.as_of, at(16));

    only_without(&world, &["clickhouse", "redis", "postgres_fallback"]);
    let fresh = ask(1, 17, 0).await.unwrap();
    assert_eq!((fresh.source, fresh.degraded), ("clickhouse", false), "a moment old is new enough");
    for seconds in [30, 3_000] {
        let remembered = ask(1, seconds, 0).await.unwrap();
        assert_eq!((remembered.source, remembered.degraded), ("last_good", true), "{seconds}");
        assert_eq!((posts_of(&remembered), remembered.as_of), (posts_of(&new), at(16)));
        let trends = trending(seconds).await.unwrap();
        assert_eq!((trends.source, trends.degraded), ("last_good", true), "{seconds}");
        assert_eq!(trends.value.items.len(), 8);
        let newcomer = ask(5, seconds, 0).await.unwrap();
        assert_eq!((newcomer.source, newcomer.value.items.len()), ("last_good", 8), "what trends for all");
    }
    let too_old = (ask(1, 4_000, 0).await, trending(4_000).await);
    assert!(
        matches!(too_old, (Err(ViewError::Unavailable(_)), Err(ViewError::Unavailable(_)))),
        "{too_old:?}"
    );

    // When the stores are back it is worked out anew: whoever asks waits a moment for that, and no longer.
    only_without(&world, &[]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut back = ask(1, 200, 0).await.unwrap();
    while back.as_of != at(200) && Instant::now() < deadline {
        assert_eq!((back.source, back.degraded, back.as_of), ("last_good", true, at(16)));
        tokio::time::sleep(Duration::from_millis(10)).await;
        back = ask(1, 200, 0).await.unwrap();
    }
    assert_eq!((back.source, back.as_of), ("clickhouse", at(200)));
    assert_eq!(trending(200).await.unwrap().as_of, at(200));
    only_without(&world, &["clickhouse", "redis", "postgres_fallback"]);

    // What has been hidden since is not shown, from memory either.
    let told = story.head();
    story.delete(0);
    world.ports().tell_from(&story, told).await;
    let remembered = ask(1, 300, 0).await.unwrap();
    assert_eq!(remembered.source, "last_good");
    assert!(!posts_of(&remembered).contains(&post(0)));
}

/// A cursor that was given out by one rung goes on whatever answers next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_go_on_while_stores_come_and_go() {
    let world = world().await;
    let story = community();
    world.ports().tell(&story).await;
    for first_without in [vec![], vec!["clickhouse"], vec!["clickhouse", "redis"]] {
        for then_without in [vec![], vec!["clickhouse"], vec!["redis"]] {
            only_without(&world, &first_without);
            let mut page = PageRequest::first(3);
            let answer = world.views.feed(user(1), page.clone(), story.now()).await.unwrap();
            let mut seen = posts_of(&answer);
            page.cursor = answer.value.next;
            only_without(&world, &then_without);
            while page.cursor.is_some() {
                let answer = world.views.feed(user(1), page.clone(), story.now()).await.unwrap();
                seen.extend(posts_of(&answer));
                page.cursor = answer.value.next;
            }
            let mut once = seen.clone();
            once.sort_unstable();
            once.dedup();
            assert!(once.len() >= 6, "{first_without:?} then {then_without:?}: {seen:?}");
            let orders_are_kept = !first_without.contains(&"redis") && !then_without.contains(&"redis");
            if orders_are_kept {
                assert_eq!(
                    (seen.len(), once.len()),
                    (8, 8),
                    "{first_without:?} then {then_without:?}: {seen:?}"
                );
            }
        }
    }
}

/// Invariant 5: whatever a kept page holds, it shows nothing that has been hidden since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_page_shows_nothing_that_has_been_hidden_since() {
    let world = world().await;
    let mut story = community();
    story.follow(1, 4);
    story.publish(20, 4, "for everybody");
    story.follow(1, 8);
    story.publish_to(21, 8, "for followers", Visibility::Followers);
    story.publish(22, 5, "of a newcomer");
    story.like(1, 22);
    world.ports().tell(&story).await;
    let before = feed(&world, 1, &story).await;
    let timeline = world.views.timeline(user(1), PageRequest::first(20)).await.unwrap();
    let trending = world.views.trending(user(1), PageRequest::first(20), story.now()).await.unwrap();
    assert_eq!(trending.source, "clickhouse");
    for id in [0, 20, 21, 22] {
        assert!(posts_of(&before).contains(&post(id)), "{id}");
    }
    until_kept(&world, 3).await;
    let told = story.head();
    story.delete(0);
    story.deactivate(5);
    story.block(4, 1);
    story.unfollow(1, 8);
    story.delete(3);
    story.restore(3);
    world.ports().tell_from(&story, told).await;
    only_without(&world, &["postgres", "postgres_fallback"]);
    let after = feed(&world, 1, &story).await;
    assert_eq!(after.source, "last_good");
    let hidden = [0, 20, 21, 22].map(post);
    let expected: Vec<PostId> = posts_of(&before).into_iter().filter(|id| !hidden.contains(id)).collect();
    assert_eq!(
        posts_of(&after),
        expected,
        "deleted, blocked, for followers only, deactivated; not what came back"
    );
    let after = world.views.timeline(user(1), PageRequest::first(20)).await.unwrap();
    assert_eq!((after.source, after.degraded), ("last_good", true));
    let authors: Vec<_> = after.value.items.iter().map(|card| card.author.id).collect();
    assert!(!authors.contains(&user(8)), "whoever is not followed any more is out: {authors:?}");
    assert!(timeline.value.items.len() > after.value.items.len() && !after.value.items.is_empty());
    let after = world.views.trending(user(1), PageRequest::first(20), story.now()).await.unwrap();
    assert_eq!((after.source, after.degraded), ("last_good", true));
    assert!(after.value.items.iter().all(|card| !hidden[..2].contains(&card.id) && !card.liked_by_viewer));
    // Someone without a page of their own sees what trended.
    let other = feed(&world, 3, &story).await;
    assert_eq!((other.source, other.degraded), ("last_good", true));
    assert!(other.value.items.iter().all(|item| item.card.author.id != user(3)));
    world.prefix.delete("");
    let lost = world.views.feed(user(1), PageRequest::first(20), story.now()).await;
    assert!(matches!(lost, Err(ViewError::Unavailable(_))), "{lost:?}");
}

/// What is kept for all was made for nobody in particular: it leaves out whom the viewer has blocked, however long ago.
/// While PostgreSQL is away feeds are shown as they were; whoever asks has theirs ranked anew all the same, so that it is there
/// when PostgreSQL is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ranking_is_kept_new_while_there_are_no_cards() {
    let options = ViewsOptions { feed_ranking_ttl_ms: 10_000, stale_ms: 10_000, ..options() };
    let world = World::with(for_long, options).await;
    let story = community();
    world.ports().tell(&story).await;
    let began = story.now();
    let ask = async |seconds: i64| {
        let at = began + chrono::TimeDelta::seconds(seconds);
        world.views.feed(user(1), PageRequest::first(20), at).await.unwrap()
    };
    let as_of_s = |answer: &Answer<List<FeedItem>>| (answer.as_of - began).num_seconds();
    let first = ask(0).await;
    assert_eq!((first.source, as_of_s(&first)), ("clickhouse", 0));
    until_kept(&world, 1).await;

    only_without(&world, &["postgres", "postgres_fallback"]);
    for seconds in [15, 40, 70] {
        let shown = ask(seconds).await;
        assert_eq!((shown.source, shown.degraded), ("last_good", true));
        assert!(as_of_s(&shown) < seconds, "as it was");
        let deadline = Instant::now() + PATIENCE;
        loop {
            // What is in memory alone.
            only_without(&world, &["clickhouse", "redis"]);
            let known = ask(seconds).await;
            if as_of_s(&known) == seconds {
                break;
            }
            assert!(Instant::now() < deadline, "it is still as of {}", as_of_s(&known));
            only_without(&world, &["postgres", "postgres_fallback"]);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        only_without(&world, &["postgres", "postgres_fallback"]);
    }

    only_without(&world, &[]);
    let back = ask(75).await;
    assert_eq!((back.source, back.degraded, as_of_s(&back)), ("clickhouse", false, 70));
}

/// All questions to Redis share one connection: a stall holds up all of them. It is one failure for its breaker, and while
/// PostgreSQL is away those who ask wait for the end of it, because nobody else can answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_of_redis_is_waited_for_while_it_is_the_last() {
    let mut options = options();
    let guards = &mut options.guards;
    for guard in [&mut guards.postgres, &mut guards.fallback, &mut guards.clickhouse] {
        guard.call_timeout = PATIENCE;
    }
    (guards.redis.call_timeout, guards.redis_last_call) = (Duration::from_secs(1), PATIENCE);
    let server = crate::redis_support::address();
    let proxy = FaultProxy::start(&*server).await.unwrap();
    let through = proxy.address();
    let redis = |redis: &mut RedisOptions| {
        for_long(redis);
        (redis.read_timeout_ms, redis.response_timeout_ms) = (40_000, 40_000);
        redis.url = redis.url.replace(&server, &through.to_string());
        assert!(redis.url.contains(&through.to_string()), "{} goes by way of the proxy", redis.url);
    };
    let world = World::guarded(redis, options).await;
    let story = community();
    world.ports().tell(&story).await;
    let best = feed(&world, 1, &story).await;
    assert_eq!(best.source, "clickhouse");
    until_kept(&world, 1).await;

    let stall = Duration::from_millis(1_200);
    let many = async || {
        let asks = (0..40).map(|_| world.views.feed(user(1), PageRequest::first(20), story.now()));
        let began = Instant::now();
        let answers = futures::future::join_all(asks).await;
        (answers.into_iter().map(|answer| answer.unwrap().source).collect::<HashSet<_>>(), began.elapsed())
    };
    let redis = world.views.breaker("redis").unwrap();

    only_without(&world, &["postgres", "postgres_fallback"]);
    proxy.set(Faults::slow(stall));
    let (sources, took) = many().await;
    assert_eq!(sources, HashSet::from(["last_good"]));
    assert!(took >= stall, "they waited: {took:?}");
    assert_eq!((redis.state(), redis.status().count), (BreakerState::Closed, 0));

    // With others to ask nobody waits so long, and forty who were held up together have seen one failure.
    only_without(&world, &["clickhouse"]);
    let timelines = (0..40).map(|_| world.views.timeline(user(1), PageRequest::first(5)));
    for answer in futures::future::join_all(timelines).await {
        assert_eq!(answer.unwrap().source, "postgres");
    }
    assert_eq!((redis.state(), redis.status().count), (BreakerState::Closed, 1));
    proxy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_for_all_knows_old_blocks() {
    let options = ViewsOptions { keep_interval_ms: 0, warm_after_ms: 0, ..ViewsOptions::default() };
    let world = World::with(|_| {}, options).await;
    let mut story = community();
    story.block(5, 2);
    story.block(3, 5);
    story.block(5, 6);
    story.unblock(5, 6);
    world.ports().tell(&story).await;
    let trending = world.views.trending(user(4), PageRequest::first(20), story.now()).await.unwrap();
    assert_eq!(trending.value.items.len(), 8);
    until_kept(&world, 1).await;
    only_without(&world, &["postgres", "postgres_fallback"]);
    let all = feed(&world, 5, &story).await;
    assert_eq!((all.source, all.degraded), ("last_good", true));
    let authors: std::collections::BTreeSet<_> =
        all.value.items.iter().map(|item| item.card.author.id).collect();
    assert_eq!(
        authors,
        [6, 7].map(user).into_iter().collect(),
        "blocked one way or the other, and no longer"
    );
    let trending = world.views.trending(user(5), PageRequest::first(20), story.now()).await.unwrap();
    assert!(trending.value.items.iter().all(|card| ![user(2), user(3)].contains(&card.author.id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timelines_and_trends_come_down_their_ladders() {
    let world = world().await;
    let story = community();
    world.ports().tell(&story).await;
    let timeline = async || world.views.timeline(user(1), PageRequest::first(20)).await.unwrap();
    let trending = async || world.views.trending(user(1), PageRequest::first(20), story.now()).await.unwrap();
    let (home, trend) = (timeline().await, trending().await);
    assert_eq!((home.source, home.degraded), ("redis", false));
    assert_eq!((trend.source, trend.degraded), ("clickhouse", false));
    until_kept(&world, 2).await;

    only_without(&world, &["redis"]);
    let there = timeline().await;
    assert_eq!(
        (there.source, there.degraded, there.value.items),
        ("postgres", true, home.value.items.clone())
    );

    only_without(&world, &["clickhouse"]);
    let kept = trending().await;
    assert_eq!(
        (kept.source, kept.degraded, kept.value.items),
        ("last_good", true, trend.value.items.clone())
    );
    assert_eq!(timeline().await.source, "redis", "nothing to do with it");

    only_without(&world, &["clickhouse", "redis"]);
    let there = trending().await;
    assert_eq!(
        (there.source, there.degraded, there.value.items),
        ("postgres", true, trend.value.items.clone())
    );

    only_without(&world, &["postgres", "postgres_fallback"]);
    let whole = timeline().await;
    assert_eq!((whole.source, whole.degraded, whole.value.items), ("last_good", true, home.value.items));
    let whole = trending().await;
    assert_eq!((whole.source, whole.degraded, whole.value.items), ("last_good", true, trend.value.items));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_down_their_ladders() {
    let world = world().await;
    let mut story = community();
    story.follow(6, 5);
    story.follow(7, 8);
    world.ports().tell(&story).await;
    let profile = async |key: ProfileKey| world.views.profile(user(1), key).await;
    let now = story.now();
    let discover = async || world.views.discover(user(1), PageRequest::first(20), now).await;
    let best = profile(ProfileKey::Id(user(2))).await.unwrap();
    let by_handle = profile(ProfileKey::Handle(nova_testkit::story::handle(2))).await.unwrap();
    let known = discover().await.unwrap();
    assert_eq!((best.source, best.degraded), ("postgres", false));
    assert_eq!((known.source, known.degraded), ("postgres", false));
    assert_eq!(known.value.items.first().map(|one| one.id), Some(user(4)));
    until_kept(&world, 3).await;
    only_without(&world, &["postgres"]);
    let kept = profile(ProfileKey::Id(user(2))).await.unwrap();
    assert_eq!((kept.source, kept.degraded, kept.value), ("last_good", true, best.value));
    let kept = profile(ProfileKey::Handle(nova_testkit::story::handle(2))).await.unwrap();
    assert_eq!((kept.source, kept.value), ("last_good", by_handle.value));
    assert!(profile(ProfileKey::Id(user(3))).await.is_err(), "nobody has seen it");
    let kept = discover().await.unwrap();
    assert_eq!((kept.source, kept.degraded, &kept.value), ("last_good", true, &known.value));

    only_without(&world, &["postgres", "redis"]);
    let popular = discover().await.unwrap();
    assert_eq!((popular.source, popular.degraded), ("popular", true));
    assert!(!popular.value.items.is_empty());
    assert!(popular.value.items.iter().all(|one| ![user(1), user(2), user(3)].contains(&one.id)));

    let told = story.head();
    let suggested = known.value.items.iter().map(|one| one.id).collect::<Vec<_>>();
    assert!(suggested.contains(&user(5)) && suggested.contains(&user(8)));
    story.dismiss(1, 5);
    story.follow(1, 8);
    story.block(4, 1);
    story.deactivate(2);
    world.ports().tell_from(&story, told).await;
    only_without(&world, &["postgres", "postgres_fallback"]);
    let kept = discover().await.unwrap();
    let left: Vec<_> = kept.value.items.iter().map(|one| one.id).collect();
    let gone = [4, 5, 8].map(user);
    let expected: Vec<_> = suggested.into_iter().filter(|one| !gone.contains(one)).collect();
    assert_eq!(left, expected, "blocked, dismissed and followed since");
    assert!(profile(ProfileKey::Id(user(2))).await.is_err(), "closed since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_down_their_ladder() {
    let world = world().await;
    let mut story = community();
    story.start(1, &[1, 2]);
    for n in 0..30 {
        story.say(n, 1, 1 + n % 2, "hello");
    }
    story.edit_message(3, "good day");
    story.delete_message(4);
    world.ports().tell(&story).await;
    // Redis has been told everything when it has heard of something that happened after it began to be told.
    let (role, at) = (Some(Role::Member), chrono::Utc::now());
    let what = What::Member { conversation: conversation(9), user: user(5), role, at, joined: true };
    let step = Apply {
        projection: "redis/conversations",
        generation: Generation::Live,
        changes: vec![Change { version: story.head(), what }],
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor: story.head(),
    };
    world.views.apply(Arc::new(step)).await.unwrap();
    let messages = async |viewer| {
        world.views.messages(user(viewer), conversation(1), MessageRange::Before(u64::MAX), 50).await
    };
    let best = messages(1).await.unwrap();
    assert_eq!((best.source, best.degraded), ("postgres", false));
    only_without(&world, &["postgres", "postgres_fallback"]);
    let window = messages(1).await.unwrap();
    assert_eq!((window.source, window.degraded, window.value), ("redis", true, best.value.clone()));
    assert_eq!(messages(3).await.unwrap().value, Lookup::Unknown, "not a member");
    only_without(&world, &["postgres", "postgres_fallback", "redis"]);
    assert!(matches!(messages(1).await, Err(ViewError::Unavailable(_))), "there is no log here");
}
