//! One post to the timelines of many followers in Redis.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use chrono::{TimeDelta, Utc};
use nova_distributed::shard::{ShardStore, ShardWriter};
use nova_distributed::views::redis::{RedisOptions, RedisViews, TimelineKey, TimelineSource};
use nova_events::UserId;
use nova_events::post::Visibility;
use nova_views::{Apply, Change, Generation, ViewError, ViewWriter as _, What, projection};

use super::{Arguments, variable};
use crate::history::{post, user};
use crate::table::Table;

/// Timelines begin full: 400 older posts of others.
struct Full;

#[async_trait::async_trait]
impl TimelineSource for Full {
    async fn newest(&self, _: UserId, most: usize) -> Result<Vec<TimelineKey>, ViewError> {
        let now_ms = Utc::now().timestamp_millis();
        let place = |n: usize| (now_ms - 1_000_000 - n as i64 * 1_000, post(1_000_000 + n as u64).0);
        Ok((0..most.min(400)).map(place).collect())
    }
}

pub(super) async fn run(arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let options = RedisOptions {
        url: variable("NOVA_TEST_REDIS_URL")?,
        prefix: format!("nova-bench-{}:", std::process::id()),
        fan_out_followers_max: usize::MAX,
        ..RedisOptions::default()
    };
    let views = RedisViews::open(options).await?;
    let writer = ShardWriter::whole(Arc::new(views.clone()) as Arc<dyn ShardStore>);
    for name in [projection::POSTS, projection::GRAPH] {
        writer.cursor(name, Generation::Live).await?;
    }
    let (author, at) = (user(0), Utc::now());
    let follow = |n: u64| What::Follow { follower: user(n), followee: author, on: true, at };
    apply(&writer, projection::GRAPH, 1, (1..=arguments.followers).map(follow)).await?;
    for n in 1..=arguments.followers {
        views.timeline_from(user(n), None, 1, &Full).await.context("a timeline could not be begun")?;
    }
    let mut samples = Vec::new();
    for run in 0..arguments.runs as u64 {
        let published = What::Post {
            post: post(run + 1),
            author,
            visibility: Visibility::Public,
            media: Vec::new(),
            text: None,
            created_at: at + TimeDelta::seconds(run as i64),
        };
        let began = Instant::now();
        apply(&writer, projection::POSTS, 1_000_000 + run, [published].into_iter()).await?;
        samples.push(arguments.followers as f64 / began.elapsed().as_secs_f64());
    }
    let setting = format!("{} followers, timelines of 400 posts, one Redis", arguments.followers);
    table.row("fan-out of one post", &setting, "followers/s", &samples);
    Ok(())
}

async fn apply(
    writer: &ShardWriter,
    projection: &'static str,
    first: u64,
    whats: impl Iterator<Item = What>,
) -> anyhow::Result<()> {
    let changes: Vec<Change> =
        whats.enumerate().map(|(n, what)| Change { version: first + n as u64, what }).collect();
    let cursor = first + changes.len() as u64 - 1;
    let step = Apply {
        projection,
        generation: Generation::Live,
        changes,
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor,
    };
    Ok(writer.apply(Arc::new(step)).await?)
}
