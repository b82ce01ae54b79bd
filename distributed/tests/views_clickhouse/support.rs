//! A database of its own for each test, dropped when the test ends; and the embedded profile to compare with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clickhouse::{Client, RowOwned, RowRead};
use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::clickhouse::{ClickHouseOptions, ClickHouseViews, Password, migrate};
use nova_embedded::{Views, ViewsOptions};
use nova_events::{Envelope, PostId};
use nova_projectors::{ALL, Projection};
use nova_testkit::contract::views::Ports;
use nova_testkit::story::{Story, user};
use nova_views::ranking::{self, Weights};
use nova_views::{Apply, Change, FeedReason, Generation, PageRequest, ViewError, ViewReader};
use tempfile::TempDir;

/// More than any history has.
pub(crate) const PEOPLE: u32 = 12;

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run ./test.sh, which starts the servers"))
}

pub(crate) struct World {
    pub(crate) options: ClickHouseOptions,
}

impl World {
    /// Not migrated.
    pub(crate) fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let options = ClickHouseOptions {
            url: variable("NOVA_TEST_CLICKHOUSE_URL"),
            database: format!("nova_test_{}_{n}", std::process::id()),
            user: variable("NOVA_TEST_CLICKHOUSE_USER"),
            password: Password::new(variable("NOVA_TEST_CLICKHOUSE_PASSWORD")),
            flush_interval_ms: 1,
            advance_interval_ms: 20,
            query_timeout_ms: 30_000,
            trending_ttl_ms: 0,
            ..ClickHouseOptions::default()
        };
        Self { options }
    }

    pub(crate) async fn new() -> Self {
        let world = Self::empty();
        migrate(&world.options).await.unwrap();
        world
    }

    pub(crate) async fn open(&self) -> ClickHouseViews {
        ClickHouseViews::open(self.options.clone()).await.unwrap()
    }

    fn client(&self) -> Client {
        Client::default()
            .with_url(&self.options.url)
            .with_user(variable("NOVA_TEST_CLICKHOUSE_USER"))
            .with_password(variable("NOVA_TEST_CLICKHOUSE_PASSWORD"))
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.client().with_database(&self.options.database).query_raw(sql).execute().await.unwrap();
    }

    pub(crate) async fn drop_database(&self) {
        let sql = format!("DROP DATABASE IF EXISTS {}", self.options.database);
        self.client().query_raw(&sql).execute().await.unwrap();
    }

    pub(crate) async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> Vec<T> {
        self.client().with_database(&self.options.database).query_raw(sql).fetch_all().await.unwrap()
    }

    /// The tables of a stem, whatever their generations.
    pub(crate) async fn tables(&self, stem: &str) -> Vec<String> {
        let sql = "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name";
        let all: Vec<String> = self.rows(sql).await;
        let is_one = |name: &String| {
            name.strip_prefix(stem)
                .and_then(|rest| rest.strip_prefix("_g"))
                .is_some_and(|g| g.parse::<u64>().is_ok())
        };
        all.into_iter().filter(is_one).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let (client, sql) = (self.client(), format!("DROP DATABASE IF EXISTS {}", self.options.database));
        let drop = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(client.query_raw(&sql).execute())
        };
        let dropped = std::thread::spawn(drop).join().unwrap();
        assert!(dropped.is_ok() || std::thread::panicking(), "{dropped:?}");
    }
}

/// The projections that ClickHouse holds.
pub(crate) fn projections(store: &ClickHouseViews) -> Vec<&'static Projection> {
    ALL.iter().filter(|projection| store.projections().contains(&projection.name)).collect()
}

pub(crate) fn changes<'a>(
    projection: &Projection,
    events: impl IntoIterator<Item = &'a Envelope>,
) -> Vec<Change> {
    let of_it = |event: &&Envelope| projection.categories.contains(&event.stream.category());
    let mut changes: Vec<Change> =
        events.into_iter().filter(of_it).flat_map(|event| (projection.project)(event)).collect();
    changes.sort_by_key(|change| change.version);
    changes
}

pub(crate) fn step(
    projection: &Projection,
    generation: Generation,
    changes: Vec<Change>,
    cursor: u64,
) -> Arc<Apply> {
    Arc::new(Apply {
        projection: projection.name,
        generation,
        changes,
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor,
    })
}

pub(crate) fn at(position: u64) -> ShardCursor {
    ShardCursor::at(position)
}

pub(crate) async fn tell(store: &ClickHouseViews, story: &Story, after: u64) -> Result<(), ViewError> {
    let whole = Shard::whole();
    let steps = projections(store).into_iter().map(|projection| {
        let changes = changes(projection, &story.events[after as usize..]);
        store.apply(&whole, step(projection, Generation::Live, changes, story.head()), at(story.head()))
    });
    futures::future::try_join_all(steps).await.map(|_| ())
}

/// The embedded profile, told the same.
pub(crate) struct Double {
    pub(crate) ports: Ports,
    _dir: TempDir,
}

impl Double {
    pub(crate) async fn told(story: &Story) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = ViewsOptions { feed_ranking_ttl_ms: 0, trending_ttl_ms: 0, ..ViewsOptions::default() };
        let views = Views::open(&dir.path().join("views"), options, u64::MAX).unwrap();
        let ports = Ports::of(Arc::new(views));
        ports.tell(story).await;
        Self { ports, _dir: dir }
    }
}

pub(crate) type Place = (PostId, FeedReason, f64);

/// The whole feed, as the embedded profile gives it.
pub(crate) async fn feed_of(reader: &dyn ViewReader, viewer: u32, story: &Story) -> Vec<Place> {
    let (mut places, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { cursor, limit: 50, after: 0 };
        let list = reader.feed(user(viewer), page, story.now()).await.unwrap().value;
        places.extend(list.items.iter().map(|item| (item.card.id, item.reason, item.score)));
        cursor = list.next;
        if cursor.is_none() {
            return places;
        }
    }
}

pub(crate) async fn ranked(store: &ClickHouseViews, viewer: u32, story: &Story) -> Vec<Place> {
    let candidates = store.feed_candidates(user(viewer), story.now(), 0).await.unwrap();
    let ranked = ranking::rank(candidates.posts, &Weights::default(), story.now().timestamp_millis());
    ranked.into_iter().map(|place| (place.post, place.reason, place.score)).collect()
}

/// Feeds and trends are those of the embedded profile. Returns how many places were compared.
pub(crate) async fn compare(store: &ClickHouseViews, story: &Story) -> usize {
    let double = Double::told(story).await;
    let reader = &*double.ports.reader;
    let mut compared = 0;
    for viewer in 0..PEOPLE {
        let (expected, found) = (feed_of(reader, viewer, story).await, ranked(store, viewer, story).await);
        let ids = |places: &[Place]| places.iter().map(|(id, reason, _)| (*id, *reason)).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&expected), "the feed of {viewer}");
        for ((id, _, found), (_, _, expected)) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-9, "{id} in the feed of {viewer}: {found} {expected}");
        }
        compared += expected.len();
    }
    // Someone who stands in no relation to anyone sees all that trends, but for closed accounts.
    let stranger = user(99);
    let list = reader.trending(stranger, PageRequest::first(500), story.now()).await.unwrap().value;
    let expected: Vec<PostId> = list.items.iter().map(|card| card.id).collect();
    let mut found = Vec::new();
    for place in store.trending(story.now(), 500, 0).await.unwrap() {
        if reader.post(stranger, place.post).await.unwrap().value.found().is_some() {
            found.push(place.post);
        }
    }
    assert_eq!(found, expected, "what trends");
    compared + expected.len()
}
