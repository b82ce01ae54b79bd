//! Messages of conversations: PostgreSQL, the window in Redis and the log itself give the same answers. On the servers that
//! `NOVA_TEST_POSTGRES_URL` and `NOVA_TEST_REDIS_URL` name.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/redis.rs"]
mod support;

#[path = "conversations/bounds.rs"]
mod bounds;
#[path = "conversations/lost.rs"]
mod lost;
#[path = "conversations/orders.rs"]
mod orders;
#[path = "conversations/past.rs"]
mod past;
#[path = "conversations/same.rs"]
mod same;
#[path = "conversations/talk.rs"]
mod talk;
#[path = "conversations/world.rs"]
mod world;
