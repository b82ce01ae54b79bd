//! Follow edges, and what a new one brings into a timeline.
//!
//! * A post and an edge to its author may come at once, from different shards, and one of them sees the other: a post is
//!   put with its author before the followers are looked at; an edge is turned on before the author's posts are looked
//!   at; and Redis does one thing after the other.
//! * An edge that is turned off takes nothing out of the timeline: whoever shows it asks who is followed.
//! * Someone with more than `fan_out_followers_max` followers becomes a celebrity: from then on their posts are not
//!   written to timelines, readers merge them. They have their recent posts for that, those from before too. Below three
//!   quarters of that, the way back: first new posts are written to timelines again, then the recent ones are merged
//!   into all of them, and only then readers stop merging. Should that be broken off, readers merge what they have
//!   already: the next one who leaves makes it begin anew.

use nova_views::{Apply, ViewError, What};
use uuid::Uuid;

use super::RedisViews;
use super::generations::{Standing, offset_text};
use crate::shard::ShardCursor;

/// Edges for each call of the script.
const EDGES_PER_CALL: usize = 250;
/// Merges for each call: each may add hundreds of posts.
const MERGES_PER_CALL: usize = 10;

/// An edge as a script takes it: its version with whether it is on, follower, followee.
type Edge = (u64, Uuid, Uuid);

impl RedisViews {
    pub(super) async fn apply_graph(
        &self,
        standing: &Standing,
        step: &Apply,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        let edges: Vec<Edge> = step
            .changes
            .iter()
            .filter_map(|change| {
                // Blocks are looked at when a timeline is shown, dismissals matter to none; the rest are changes of other views.
                let What::Follow { follower, followee, on, .. } = &change.what else { return None };
                Some((2 * change.version + u64::from(*on), follower.0, followee.0))
            })
            .collect();
        let has_letters = !step.dead_letters.is_empty() || !step.redriven.is_empty();
        let calls = edges.len().div_ceil(EDGES_PER_CALL);
        let mut moved = false;
        for (at, edges) in edges.chunks(EDGES_PER_CALL).enumerate() {
            let is_last = at + 1 == calls && !has_letters;
            moved = self.turn_edges(standing, edges, cursor, is_last).await?;
        }
        if moved {
            return Ok(());
        }
        self.commit(standing, cursor, &step.dead_letters, &step.redriven).await
    }

    /// Whether the cursor moved with it.
    async fn turn_edges(
        &self,
        standing: &Standing,
        edges: &[Edge],
        cursor: ShardCursor,
        is_last: bool,
    ) -> Result<bool, ViewError> {
        let options = &self.shared.options;
        let most = options.fan_out_followers_max;
        let mark = format!("back-{:016x}", rand::random::<u64>());
        let mut call = self.shared.scripts.edges.call().arg(standing.kind()).arg(&standing.token);
        call = call.arg(standing.shard.as_str()).arg(standing.seen);
        call = call.arg(cursor.position).arg(offset_text(cursor)).arg(u8::from(is_last));
        call = call.arg(most).arg(most - most / 4).arg(&mark);
        for (version, follower, followee) in edges {
            call = call.arg(version).arg(&follower.as_bytes()[..]).arg(&followee.as_bytes()[..]);
        }
        let mut reply = call.run(self.writes()).await?;
        reply.written()?;
        let moved: u8 = reply.next()?;
        let merges: Vec<Vec<u8>> = reply.next()?;
        for pairs in merges.chunks(2 * MERGES_PER_CALL) {
            let mut call =
                self.shared.scripts.merge.call().arg(&standing.token).arg(options.timeline_posts_max);
            for id in pairs {
                call = call.arg(&id[..]);
            }
            call.run(self.writes()).await?.written()?;
        }
        for author in reply.next::<Vec<Vec<u8>>>()? {
            self.spread(standing, &author, &mark).await?;
        }
        Ok(moved == 1)
    }

    /// Merges someone's recent posts into the timelines of all their followers.
    async fn spread(&self, standing: &Standing, author: &[u8], mark: &str) -> Result<(), ViewError> {
        let mut from = "0".to_owned();
        loop {
            let call = self.shared.scripts.spread.call().arg(&standing.token);
            let call = call.arg(self.shared.options.timeline_posts_max).arg(MERGES_PER_CALL);
            let mut reply = call.arg(author).arg(&from).arg(mark).run(self.writes()).await?;
            reply.written()?;
            from = reply.next()?;
            if from == "0" {
                return Ok(());
            }
        }
    }
}
