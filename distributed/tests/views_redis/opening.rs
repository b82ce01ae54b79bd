//! What is said when Redis cannot be used.

use std::time::Duration;

use nova_distributed::views::redis::{Frozen, RedisOptions, RedisViews};
use nova_views::FeedReason;
use uuid::Uuid;

use crate::support::Prefix;
use crate::world::World;

async fn error(options: RedisOptions) -> String {
    let error = RedisViews::open(options).await.expect_err("this cannot be opened").to_string();
    assert!(!error.contains('\n') && !error.contains("s3cret"), "{error}");
    error
}

#[tokio::test]
async fn errors_say_what_and_where_but_no_password() {
    let prefix = Prefix::new("open");
    let options = |url: &str| RedisOptions { url: url.to_owned(), ..prefix.options() };
    let closed = error(options("redis://someone:s3cret@127.0.0.1:1/0")).await;
    assert!(closed.starts_with("Redis at 127.0.0.1:1 cannot be reached"), "{closed}");
    let refused = error(options(&prefix.url.replace("redis://", "redis://someone:s3cret@"))).await;
    assert!(refused.contains("refuses the user name or password"), "{refused}");
    let url = error(options("s3cret")).await;
    assert!(url.starts_with("the Redis URL cannot be read"), "{url}");
    let unprefixed = error(RedisOptions { prefix: "a*".to_owned(), ..prefix.options() }).await;
    assert!(unprefixed.contains("prefix"), "{unprefixed}");
    let printed = format!("{:?}", options("redis://:s3cret@127.0.0.1:1/0"));
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[tokio::test]
async fn an_order_is_frozen_for_a_while() {
    let world = World::new("frozen").await;
    let places: Vec<Frozen> = (0..900u128)
        .map(|n| Frozen {
            id: Uuid::from_u128(n),
            score: 1.0 / (n as f64 + 1.0),
            reason: FeedReason::Affinity,
        })
        .collect();
    world.views.freeze("feed:7", &places, Duration::from_millis(300)).await.unwrap();
    assert_eq!(world.views.frozen("feed:7").await.unwrap(), Some(places));
    assert_eq!(world.views.frozen("feed:8").await.unwrap(), None);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.views.frozen("feed:7").await.unwrap(), None);
}
