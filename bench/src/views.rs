//! Questions to the embedded views, in process: what a page costs before HTTP. 1,000 viewers who each follow 1,000 of
//! 2,000 people, 10,000 posts of the last days, 200,000 likes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use nova_embedded::{Views, ViewsOptions};
use nova_events::like::Target;
use nova_events::post::Visibility;
use nova_events::user::Profile;
use nova_events::{PostId, UserId};
use nova_views::{Apply, Change, Generation, PageRequest, ViewReader, ViewWriter, What, projection};
use uuid::Uuid;

use crate::processor;
use crate::table::Table;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to put the files.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

const PEOPLE: u64 = 2_000;
const VIEWERS: u64 = 1_000;
const FOLLOWEES: u64 = 1_000;
const POSTS: u64 = 10_000;
const LIKES: u64 = 200_000;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    std::fs::create_dir_all(&arguments.dir)?;
    let dir = tempfile::tempdir_in(&arguments.dir)?;
    let now = Utc::now();
    let views = Views::open(&dir.path().join("views"), ViewsOptions::default(), u64::MAX)?;
    fill(&views, now).await?;
    drop(views);
    let setting = "10,000 posts, 1,000 followees, 1,000 viewers in turn, page of 20 with its JSON";
    let mut table = Table::new();
    // Nothing kept of an earlier ranking.
    let options = ViewsOptions { feed_ranking_ttl_ms: 0, ..ViewsOptions::default() };
    let fresh = Views::open(&dir.path().join("views"), options, u64::MAX)?;
    let options = ViewsOptions { feed_ranking_ttl_ms: 600_000, ..ViewsOptions::default() };
    let kept = Views::open(&dir.path().join("views"), options, u64::MAX)?;
    let mut report = |what: &str, samples: &[Sample]| {
        let of = |pick: fn(&Sample) -> f64| samples.iter().map(pick).collect::<Vec<f64>>();
        table.row(what, setting, "microseconds", &of(|sample| sample.elapsed));
        table.row(&format!("{what}, processor"), setting, "microseconds", &of(|sample| sample.processor));
    };
    pages(&fresh, now, true, 1).await?;
    let (mut anew, mut ranked, mut timeline) = (Vec::new(), Vec::new(), Vec::new());
    let first = pages(&kept, now, true, 1).await?;
    for _ in 0..arguments.runs {
        anew.push(pages(&fresh, now, true, 2).await?);
        ranked.push(pages(&kept, now, true, 20).await?);
        timeline.push(pages(&kept, now, false, 20).await?);
    }
    report("feed page, ranked anew", &anew);
    report("feed page, first of each viewer after a start", &[first]);
    report("feed page, ranked within the last minutes", &ranked);
    report("timeline page", &timeline);
    table.print();
    Ok(())
}

/// Microseconds for a page.
struct Sample {
    elapsed: f64,
    processor: f64,
}

async fn pages(views: &Views, now: DateTime<Utc>, feed: bool, rounds: u64) -> anyhow::Result<Sample> {
    let (started, before) = (Instant::now(), processor::seconds());
    let mut bytes = 0;
    for _ in 0..rounds {
        for viewer in (0..VIEWERS).map(user) {
            let page = PageRequest::first(20);
            bytes += if feed {
                let list = views.feed(viewer, page, now).await?.value;
                anyhow::ensure!(list.items.len() == 20, "a page of the feed is not full");
                serde_json::to_vec(&list.items)?.len()
            } else {
                serde_json::to_vec(&views.timeline(viewer, page).await?.value.items)?.len()
            };
        }
    }
    let pages = (rounds * VIEWERS) as f64;
    anyhow::ensure!(bytes > 0, "pages are empty");
    Ok(Sample {
        elapsed: started.elapsed().as_secs_f64() * 1e6 / pages,
        processor: (processor::seconds() - before) * 1e6 / pages,
    })
}

async fn fill(views: &Views, now: DateTime<Utc>) -> anyhow::Result<()> {
    let at = |ago_s: u64| now - TimeDelta::seconds(ago_s as i64);
    let profile = |n: u64| Profile {
        handle: format!("person_{n}"),
        display_name: format!("Person Number {n}"),
        bio: None,
    };
    let people = (0..PEOPLE).map(|n| What::Registered {
        user: user(n),
        created_at: at(900_000),
        profile: Some(profile(n)),
    });
    apply(views, projection::PROFILES, people.collect()).await?;
    let posts = (0..POSTS).map(|n| What::Post {
        post: post(n),
        author: user(n % PEOPLE),
        visibility: Visibility::Public,
        media: Vec::new(),
        text: Some(format!("Post number {n}: some words that a person may say about the day.").repeat(2)),
        created_at: at((POSTS - n) * 50),
    });
    apply(views, projection::POSTS, posts.collect()).await?;
    let follows = (0..VIEWERS).flat_map(|viewer| {
        (0..FOLLOWEES).map(move |n| (viewer, (viewer + 1 + n * 2) % PEOPLE)).filter(|(a, b)| a != b)
    });
    let follows = follows.map(|(a, b)| What::Follow {
        follower: user(a),
        followee: user(b),
        on: true,
        at: at(800_000),
    });
    apply(views, projection::GRAPH, follows.collect()).await?;
    let likes = (0..LIKES).map(|n| {
        let on = n.wrapping_mul(2_654_435_761) % POSTS * (n % 7 + 1) / 7;
        let (target, liker) = (Target::Post(post(on)), user(n % VIEWERS));
        What::Like {
            target,
            post: post(on),
            author: user(on % PEOPLE),
            user: liker,
            on: true,
            at: at(LIKES - n),
        }
    });
    apply(views, projection::ENGAGEMENT, likes.collect()).await
}

async fn apply(views: &Views, projection: &'static str, whats: Vec<What>) -> anyhow::Result<()> {
    let changes: Vec<Change> =
        whats.into_iter().enumerate().map(|(n, what)| Change { version: n as u64 + 1, what }).collect();
    let cursor = changes.len() as u64;
    let step = Apply {
        projection,
        generation: Generation::Live,
        changes,
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor,
    };
    views.apply(Arc::new(step)).await?;
    Ok(())
}

fn user(n: u64) -> UserId {
    UserId(id(1, n))
}

fn post(n: u64) -> PostId {
    PostId(id(2, n))
}

fn id(kind: u128, n: u64) -> Uuid {
    let random = u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    Uuid::from_u128(u128::from(n) << 80 | kind << 64 | random)
}
