//! What analysts see, and that every query of docs/analytics.md runs.

use nova_events::post::Visibility;
use nova_testkit::story::Story;

use crate::support::{World, tell};

const GUIDE: &str = include_str!("../../../docs/analytics.md");

fn told() -> Story {
    let mut story = Story::of(1..6);
    story.publish(1, 1, "public");
    story.publish(2, 2, "public too");
    story.publish(3, 1, "deleted");
    story.publish_to(4, 1, "for followers", Visibility::Followers);
    story.publish_to(5, 1, "for nobody", Visibility::Private);
    story.publish(6, 5, "by someone who left");
    for n in 1..7 {
        story.like(3, n);
        story.comment(n, n, 4, "a comment");
        story.like(5, n);
    }
    story.unlike(3, 2);
    story.delete_comment(1);
    story.delete(3);
    story.deactivate(5);
    story.at_ms += 7 * 24 * 3_600_000;
    story.like(4, 1);
    story
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn analysts_see_what_is_public_and_there() {
    let world = World::new().await;
    let store = world.open().await;
    tell(&store, &told(), 0).await.unwrap();
    let posts: Vec<(u64, u64)> =
        world.rows("SELECT likes, comments FROM analytics_posts ORDER BY created_at").await;
    assert_eq!(posts, [(3, 0), (1, 1)]);
    let engagement: Vec<(String, u64)> = world
        .rows("SELECT toString(kind) AS k, count() FROM analytics_engagement GROUP BY k ORDER BY k")
        .await;
    assert_eq!(engagement, [("comment".to_owned(), 1), ("like".to_owned(), 2)]);
    let days: Vec<(u64, u64)> = world.rows("SELECT posts, authors FROM analytics_posts_per_day").await;
    assert_eq!(days, [(2, 2)]);
    let hours: Vec<(u64, u64, u64)> =
        world.rows("SELECT likes, comments, people FROM analytics_engagement_per_hour ORDER BY hour").await;
    assert_eq!(hours, [(1, 1, 2), (1, 0, 1)]);
    let retention: Vec<(i64, u64)> = world
        .rows("SELECT toInt64(weeks_later) AS later, people FROM analytics_retention_weekly ORDER BY later")
        .await;
    assert_eq!(retention, [(0, 4), (1, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queries_of_the_guide_run() {
    let world = World::new().await;
    let store = world.open().await;
    tell(&store, &told(), 0).await.unwrap();
    let mut run = 0;
    for block in GUIDE.split("```sql\n").skip(1) {
        let (sql, _) = block.split_once("```").unwrap();
        let sql = sql.trim().trim_end_matches(';');
        if !sql.starts_with("SELECT") && !sql.starts_with("WITH") {
            continue;
        }
        // The story is over by the clock of the server.
        let sql = sql.replace("now()", "toDateTime('2026-01-09 00:00:00', 'UTC')");
        let rows: Vec<u64> = world.rows(&format!("SELECT count() FROM ({sql})")).await;
        assert!(rows[0] > 0, "a query of the guide finds nothing:\n{sql}");
        run += 1;
    }
    assert!(run >= 6, "{run}");
    // Every view is described.
    let views: Vec<String> = world
        .rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'analytics%'")
        .await;
    for view in views {
        assert!(GUIDE.contains(&format!("`{view}`")), "{view} is not in the guide");
    }
}
