//! Feed candidates and trends in ClickHouse at size: 200,000 people, 300 followees for each viewer. The data set is made
//! on the server, in a database of its own, which is dropped at the end.

use std::time::Instant;

use clickhouse::Client;
use nova_distributed::views::clickhouse::{ClickHouseOptions, ClickHouseViews, Password, migrate};
use nova_events::UserId;
use uuid::Uuid;

use super::{Arguments, variable};
use crate::table::Table;

const PEOPLE: u64 = 200_000;
/// Followees of each of those who ask.
const FOLLOWEES: u64 = 300;
/// Posts are spread over so many days.
const DAYS: u64 = 30;

struct Fixture {
    client: Client,
    now_ms: i64,
}

impl Fixture {
    async fn execute(&self, what: &str, sql: &str) -> Result<(), anyhow::Error> {
        let began = Instant::now();
        self.client.query_raw(sql).execute().await?;
        eprintln!("{what}: {:.1} s", began.elapsed().as_secs_f64());
        Ok(())
    }

    async fn table(&self, stem: &str) -> Result<String, anyhow::Error> {
        let sql = format!(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND match(name, '^{stem}_g[0-9]+$')"
        );
        Ok(self.client.query_raw(&sql).fetch_one::<String>().await?)
    }

    async fn fill(&self, posts: u64, likes: u64) -> Result<(), anyhow::Error> {
        let user = |n: &str| format!("reinterpretAsUUID(sipHash128('u', toUInt64({n})))");
        let post = |n: &str| format!("reinterpretAsUUID(sipHash128('p', toUInt64({n})))");
        let now_ms = self.now_ms;
        // Few write much: authors by the square of a random number.
        let author = format!("toUInt64(pow(sipHash64('a', number) / 18446744073709551616., 2) * {PEOPLE})");
        let created = format!(
            "fromUnixTimestamp64Milli(toInt64({now_ms} - sipHash64('t', number) % {}), 'UTC')",
            DAYS * 86_400_000
        );
        let visibility = "CAST(if(number % 20 = 0, 1, if(number % 50 = 1, 2, 0)), 'Enum8(''public'' = 0, ''followers'' = 1, ''private'' = 2)')";
        for stem in ["posts", "posts_by_time"] {
            let sql = format!(
                "INSERT INTO {} (author_id, created_at, post_id, visibility, ver, is_deleted)
                 SELECT {}, {created}, {}, {visibility}, number + 1, number % 100 = 7 FROM numbers({posts})",
                self.table(stem).await?,
                user(&author),
                post("number"),
            );
            self.execute(stem, &sql).await?;
        }
        // Some posts are popular; some likes are taken back, and those rows come twice.
        let liked = format!("toUInt64(pow(sipHash64('l', number) / 18446744073709551616., 3) * {posts})");
        let of_post = author.replace("number", &liked);
        let liker = format!("sipHash64('k', number) % {PEOPLE}");
        let at = format!(
            "fromUnixTimestamp64Milli(toInt64({now_ms} - sipHash64('h', number) % 7776000000), 'UTC')"
        );
        let edges = self.table("engagement").await?;
        for (what, ver, off, some) in [("likes", 1, 0, ""), ("taken back", 2, 1, "WHERE number % 20 = 3")] {
            let sql = format!(
                "INSERT INTO {edges} (post_id, kind, user_id, item_id, at, ver, is_deleted)
                 SELECT {}, 'like', {}, toUUID('00000000-0000-0000-0000-000000000000'), {at}, {ver}, {off}
                 FROM numbers({likes}) {some}",
                post(&liked),
                user(&liker),
            );
            self.execute(what, &sql).await?;
            let sql = format!(
                "INSERT INTO {} (user_id, author_id, kind, item_id, at, ver, is_deleted)
                 SELECT {}, {}, 'like', {}, {at}, {ver}, {off} FROM numbers({likes}) {some}",
                self.table("interactions").await?,
                user(&liker),
                user(&of_post),
                post(&liked),
            );
            self.execute("interactions", &sql).await?;
        }
        let sql = format!(
            "INSERT INTO {} (post_id, likes, comments, ver)
             SELECT post_id, count(), 0, 1 FROM {edges} FINAL GROUP BY post_id",
            self.table("post_counters").await?
        );
        self.execute("counters", &sql).await?;
        let sql = format!(
            "INSERT INTO {} (follower, followee, at, ver, is_deleted)
             SELECT {}, {}, now64(3), number + 1, 0 FROM numbers({})",
            self.table("follows").await?,
            user(&format!("intDiv(number, {FOLLOWEES})")),
            user(&format!("sipHash64('f', number) % {PEOPLE}")),
            FOLLOWEES * 10_000
        );
        self.execute("follows", &sql).await?;
        let sql = format!(
            "INSERT INTO {} (user_id, active, ver) SELECT {}, number % 200 != 9, 1 FROM numbers({PEOPLE})",
            self.table("users").await?,
            user("number")
        );
        self.execute("users", &sql).await
    }

    /// Some small parts beside the large ones, as there are while it is written to.
    async fn small_parts(&self) -> Result<(), anyhow::Error> {
        for table in ["posts", "posts_by_time", "post_counters", "interactions", "follows"] {
            let table = self.table(table).await?;
            for n in 0..8 {
                let sql = format!("INSERT INTO {table} SELECT * FROM {table} LIMIT 500 OFFSET {}", n * 500);
                self.client.query_raw(&sql).execute().await?;
            }
        }
        Ok(())
    }

    async fn viewers(&self, count: u64) -> Result<Vec<UserId>, anyhow::Error> {
        let sql =
            format!("SELECT toString(reinterpretAsUUID(sipHash128('u', number))) FROM numbers({count})");
        let ids: Vec<String> = self.client.query_raw(&sql).fetch_all().await?;
        Ok(ids.iter().map(|id| Uuid::parse_str(id).map(UserId)).collect::<Result<_, _>>()?)
    }
}

/// Milliseconds of each answer.
async fn candidates(views: &ClickHouseViews, viewers: &[UserId], at_once: usize) -> anyhow::Result<Vec<f64>> {
    let mut tasks = Vec::new();
    for part in viewers.chunks(viewers.len().div_ceil(at_once)) {
        let (views, part) = (views.clone(), part.to_vec());
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for viewer in part {
                let began = Instant::now();
                let found = views.feed_candidates(viewer, chrono::Utc::now(), 0).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
                assert!(!found.posts.is_empty(), "someone has no candidates");
            }
            Ok::<_, nova_views::ViewError>(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(times)
}

/// The rows of one measurement: its median, and its 99th percentile.
fn report(table: &mut Table, what: &str, setting: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    table.row(&format!("{what}, p50"), setting, "ms", &[at(0.5)]);
    table.row(&format!("{what}, p99"), setting, "ms", &[at(0.99)]);
}

pub(super) async fn run(arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let (posts, likes) = (arguments.posts, arguments.likes);
    let database = format!("nova_bench_ranking_{}", std::process::id());
    let (url, user, password) = (
        variable("NOVA_TEST_CLICKHOUSE_URL")?,
        variable("NOVA_TEST_CLICKHOUSE_USER")?,
        variable("NOVA_TEST_CLICKHOUSE_PASSWORD")?,
    );
    let client =
        Client::default().with_url(&url).with_user(&user).with_password(&password).with_database(&database);
    let options = ClickHouseOptions {
        url,
        database: database.clone(),
        user,
        password: Password::new(password),
        query_timeout_ms: 30_000,
        ..ClickHouseOptions::default()
    };
    migrate(&options).await?;
    let fixture = Fixture { client: client.clone(), now_ms: chrono::Utc::now().timestamp_millis() };
    let measured =
        measure(&fixture, options, &format!("{posts} posts, {likes} likes"), arguments, table).await;
    let outside = client.with_database("default");
    outside.query_raw(&format!("DROP DATABASE IF EXISTS {database}")).execute().await?;
    measured
}

async fn measure(
    fixture: &Fixture,
    options: ClickHouseOptions,
    size: &str,
    arguments: &Arguments,
    table: &mut Table,
) -> anyhow::Result<()> {
    fixture.fill(arguments.posts, arguments.likes).await?;
    let views = ClickHouseViews::open(options.clone()).await?;
    let viewers = fixture.viewers(400).await?;
    let what = "candidates of a feed, ClickHouse";
    report(table, what, &format!("{size}; one at a time"), candidates(&views, &viewers, 1).await?);
    fixture.small_parts().await?;
    let setting = format!("{size}; small parts beside the large ones, one at a time");
    report(table, what, &setting, candidates(&views, &viewers, 1).await?);
    let setting = format!("{size}; small parts too, four at a time");
    report(table, what, &setting, candidates(&views, &viewers, 4).await?);
    let uncached = ClickHouseViews::open(ClickHouseOptions { trending_ttl_ms: 0, ..options }).await?;
    let mut times = Vec::new();
    for _ in 0..30 {
        let began = Instant::now();
        uncached.trending(chrono::Utc::now(), 100, 0).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    report(table, "what trends, worked out anew", size, times);
    Ok(())
}
