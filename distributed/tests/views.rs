//! The reader and writer over all stores keep the contract of views; and what only they promise.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/redis.rs"]
mod redis_support;

#[path = "views/clickhouse.rs"]
mod clickhouse_support;
#[path = "views/rungs.rs"]
mod rungs;
#[path = "views/sources.rs"]
mod sources;
#[path = "views/world.rs"]
mod world;

mod of_all_stores {
    use nova_testkit::contract::views::Ports;

    use crate::world::World;

    async fn open() -> (Ports, World) {
        let world = World::new().await;
        (world.ports(), world)
    }

    nova_testkit::views_contract!(open);
}
