//! The rows, as the tables have them; see `migrations/clickhouse/generation`.

use clickhouse::Row;
use nova_eventlog::EventMark;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::shard::ShardCursor;

pub(super) const PUBLIC: i8 = 0;
pub(super) const FOLLOWERS: i8 = 1;
pub(super) const PRIVATE: i8 = 2;

pub(super) const THERE: i8 = 0;
pub(super) const DELETED: i8 = 1;
pub(super) const PURGED: i8 = 2;

pub(super) const LIKE: i8 = 1;
pub(super) const COMMENT: i8 = 2;
pub(super) const COMMENT_LIKE: i8 = 3;

pub(super) const BLOCKS: i8 = 1;
pub(super) const BLOCKED_BY: i8 = 2;

#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct GenerationRow {
    #[serde(rename = "projection_name")]
    pub(super) projection: String,
    pub(super) live: u64,
    pub(super) next: u64,
    pub(super) rebuilds: u64,
    pub(super) change: u64,
}

#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct CursorRow {
    #[serde(rename = "projection_name")]
    pub(super) projection: String,
    pub(super) generation: u64,
    pub(super) shard: String,
    pub(super) position: u64,
    pub(super) partition_offset: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) event: Uuid,
    pub(super) recorded_at: u64,
}

impl CursorRow {
    pub(super) fn new(projection: &str, generation: u64, shard: String, cursor: ShardCursor) -> Self {
        Self {
            projection: projection.to_owned(),
            generation,
            shard,
            position: cursor.position,
            partition_offset: cursor.offset.unwrap_or(-1),
            event: cursor.mark.map_or_else(Uuid::nil, |mark| mark.event_id),
            recorded_at: cursor.mark.map_or(0, |mark| mark.recorded_at_ms),
        }
    }

    pub(super) fn cursor(&self) -> ShardCursor {
        let mark =
            EventMark { position: self.position, event_id: self.event, recorded_at_ms: self.recorded_at };
        ShardCursor {
            position: self.position,
            offset: (self.partition_offset >= 0).then_some(self.partition_offset),
            mark: (!self.event.is_nil()).then_some(mark),
        }
    }
}

/// A row of `generations` with one of `cursors` beside it, whose `shard` is empty when there is none.
#[derive(Debug, Row, Deserialize)]
pub(super) struct LiveRow {
    #[serde(rename = "projection_name")]
    pub(super) projection: String,
    pub(super) live: u64,
    pub(super) next: u64,
    pub(super) rebuilds: u64,
    pub(super) change: u64,
    pub(super) shard: String,
    pub(super) position: u64,
    pub(super) partition_offset: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) event: Uuid,
    pub(super) recorded_at: u64,
}

#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct DeadLetterRow {
    #[serde(rename = "projection_name")]
    pub(super) projection: String,
    pub(super) generation: u64,
    pub(super) position: u64,
    pub(super) stream: String,
    pub(super) kind: String,
    pub(super) error: String,
    pub(super) parked_at: i64,
    pub(super) ver: u64,
    pub(super) is_deleted: u8,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(super) struct UserRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) user_id: Uuid,
    pub(super) active: u8,
    pub(super) ver: u64,
}

/// An insert names its columns, so one shape serves `posts` and `posts_by_time`.
#[derive(Debug, Clone, Row, Serialize)]
pub(super) struct PostRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) author_id: Uuid,
    pub(super) created_at: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) post_id: Uuid,
    pub(super) visibility: i8,
    pub(super) ver: u64,
    pub(super) is_deleted: u8,
}

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
pub(super) struct PostKeyRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) post_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) author_id: Uuid,
    pub(super) created_at: i64,
    pub(super) visibility: i8,
    pub(super) state: i8,
    pub(super) ver: u64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(super) struct EngagementRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) post_id: Uuid,
    pub(super) kind: i8,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) user_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) item_id: Uuid,
    pub(super) at: i64,
    pub(super) ver: u64,
    pub(super) is_deleted: u8,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(super) struct InteractionRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) user_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) author_id: Uuid,
    pub(super) kind: i8,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) item_id: Uuid,
    pub(super) at: i64,
    pub(super) ver: u64,
    pub(super) is_deleted: u8,
}

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
pub(super) struct CommentKeyRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) comment_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) post_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) post_author: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) author_id: Uuid,
    pub(super) created_at: i64,
    pub(super) deleted: u8,
    pub(super) ver: u64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(super) struct FollowRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) follower: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) followee: Uuid,
    pub(super) at: i64,
    pub(super) ver: u64,
    pub(super) is_deleted: u8,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(super) struct BlockRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) user_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) other_id: Uuid,
    pub(super) side: i8,
    pub(super) at: i64,
    pub(super) ver: u64,
    pub(super) is_deleted: u8,
}
