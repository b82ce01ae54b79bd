//! New posts: into what is kept of their authors, then into the timelines of their followers.
//!
//! What happens to a post later changes nothing here: it keeps its place, and is looked at when it is shown. A deleted
//! post that is restored is thus where it was.

use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use nova_views::{Apply, ViewError, What};
use uuid::Uuid;

use super::generations::{Standing, offset_text};
use super::{RedisViews, names};
use crate::shard::ShardCursor;

/// Posts for each call of the first script.
const POSTS_PER_CALL: usize = 250;
/// Authors whose posts are fanned out at a time.
const FAN_OUTS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posted {
    author: Uuid,
    at_ms: i64,
    post: Uuid,
}

impl RedisViews {
    pub(super) async fn apply_posts(
        &self,
        standing: &Standing,
        step: &Apply,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        let mut posted: Vec<Posted> = step.changes.iter().filter_map(|change| posted(&change.what)).collect();
        posted.sort_unstable();
        let has_letters = !step.dead_letters.is_empty() || !step.redriven.is_empty();
        let calls = posted.len().div_ceil(POSTS_PER_CALL);
        let mut moved = false;
        for (at, posts) in posted.chunks(POSTS_PER_CALL).enumerate() {
            let is_last = at + 1 == calls && !has_letters;
            moved = self.take_posts(standing, posts, cursor, is_last).await?;
        }
        if moved {
            return Ok(());
        }
        self.commit(standing, cursor, &step.dead_letters, &step.redriven).await
    }

    /// Whether the cursor moved with it.
    async fn take_posts(
        &self,
        standing: &Standing,
        posts: &[Posted],
        cursor: ShardCursor,
        is_last: bool,
    ) -> Result<bool, ViewError> {
        let options = &self.shared.options;
        let mut call = self.shared.scripts.posts.call().arg(standing.kind()).arg(&standing.token);
        call = call.arg(standing.shard.as_str()).arg(standing.seen);
        call = call.arg(cursor.position).arg(offset_text(cursor)).arg(u8::from(is_last));
        call = call.arg(options.timeline_posts_max).arg(options.fan_out_batch_followers);
        for Posted { author, at_ms, post } in posts {
            call = call.arg(&author.as_bytes()[..]).arg(at_ms).arg(&post.as_bytes()[..]);
        }
        let mut reply = call.run(self.writes()).await?;
        reply.written()?;
        let moved: u8 = reply.next()?;
        let left: Vec<Vec<u8>> = reply.next()?;
        stream::iter(left)
            .map(Ok)
            .try_for_each_concurrent(FAN_OUTS, |author| async move {
                let author = Uuid::from_slice(&author).map_err(|_| super::scripts::unreadable())?;
                let from = posts.partition_point(|posted| posted.author < author);
                let until = posts.partition_point(|posted| posted.author <= author);
                self.fan_out(&standing.token, author, &posts[from..until]).await
            })
            .await?;
        Ok(moved == 1)
    }

    /// To all followers, a batch at a time. They are gone through while some come and go: whoever follows meanwhile
    /// finds the posts with the author, where they were put before.
    async fn fan_out(&self, token: &str, author: Uuid, posts: &[Posted]) -> Result<(), ViewError> {
        let options = &self.shared.options;
        let began = Instant::now();
        let mut followers = 0;
        for posts in posts.chunks(100) {
            let batch = (options.fan_out_batch_followers / posts.len()).max(1);
            let mut from = "0".to_owned();
            loop {
                let mut call = self.shared.scripts.fan_out.call().arg(token).arg(options.timeline_posts_max);
                call = call.arg(batch).arg(&author.as_bytes()[..]).arg(&from);
                for posted in posts {
                    call = call.arg(posted.at_ms).arg(&posted.post.as_bytes()[..]);
                }
                let mut reply = call.run(self.writes()).await?;
                reply.written()?;
                from = reply.next()?;
                followers += reply.next::<u64>()?;
                if from == "0" {
                    break;
                }
            }
        }
        metrics::counter!(names::FAN_OUT_FOLLOWERS).increment(followers);
        metrics::histogram!(names::FAN_OUT_SECONDS).record(began.elapsed().as_secs_f64());
        Ok(())
    }
}

fn posted(what: &What) -> Option<Posted> {
    match what {
        What::Post { post, author, created_at, .. } => {
            Some(Posted { author: author.0, at_ms: created_at.timestamp_millis(), post: post.0 })
        }
        // Shown or not, it keeps its place.
        What::PostText { .. } | What::PostDeleted { .. } | What::PostPurged { .. } => None,
        // Changes of other views.
        What::Registered { .. }
        | What::ProfileIs { .. }
        | What::UserActive { .. }
        | What::Comment { .. }
        | What::CommentText { .. }
        | What::CommentDeleted { .. }
        | What::Like { .. }
        | What::Follow { .. }
        | What::Block { .. }
        | What::Dismissal { .. }
        | What::Conversation { .. }
        | What::ConversationTitle { .. }
        | What::Member { .. }
        | What::Message { .. }
        | What::MessageBody { .. }
        | What::MessageDeleted { .. }
        | What::ReadUpTo { .. }
        | What::DeliveredUpTo { .. }
        | What::Deletion { .. }
        | What::Restoration { .. } => None,
    }
}
