//! Timelines in Redis, on the server that `NOVA_TEST_REDIS_URL` names.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "support/redis.rs"]
mod support;

#[path = "views_redis/fan_out.rs"]
mod fan_out;
#[path = "views_redis/generations.rs"]
mod generations;
#[path = "views_redis/live.rs"]
mod live;
#[path = "views_redis/marks.rs"]
mod marks;
#[path = "views_redis/opening.rs"]
mod opening;
#[path = "views_redis/races.rs"]
mod races;
#[path = "views_redis/regeneration.rs"]
mod regeneration;
#[path = "views_redis/steps.rs"]
mod steps;
#[path = "views_redis/world.rs"]
mod world;
