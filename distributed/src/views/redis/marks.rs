//! What must not be shown any more from a page that was kept: posts that were deleted, people whose account is closed, pairs
//! of whom one blocks the other, and followers who have left.
//!
//! * A mark is a fact with the version (the position) of the change that it comes from, set or taken back. Only a higher
//!   version changes it, so what comes late, twice or again in a rebuild changes nothing; what is taken back stays for a
//!   while too, with its version, so that an older one does not come back.
//! * Marks belong to no generation: a rebuild says the same of them. They are left behind with every generation when the log is
//!   of another history. Each is known for `marks_ttl_ms`, which is longer than any
//!   page is kept, and then goes with others of its time. Redis never drops one to make room: they have no time to live. A change that is older than that makes no mark, so that a replay of years leaves nothing behind.
//!   Closed accounts and purged posts have no time of their own in a change, and are always marked.
//! * What is between two people (blocks, dismissals) is marked for as long as it holds, however old it is: pages that are kept
//!   for all were not made for anybody in particular.
//! * A store that lost everything has lost its pages too. Until it has been filled again as far as PostgreSQL was when a page
//!   was kept, marks may be missing: whoever shows a page compares that, after the marks were read (`last_good` of the reader).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use nova_events::{PostId, UserId};
use nova_views::{Apply, Change, ViewError, What};
use uuid::Uuid;

use super::RedisViews;
use super::generations::Standing;

/// Marks for each call of the script.
const MARKS_PER_CALL: usize = 500;

/// Something that is to be shown from a page that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub post: PostId,
    pub author: UserId,
    /// Only for whoever follows the author.
    pub needs_follow: bool,
}

/// What is marked, or not any more.
#[derive(Debug, PartialEq)]
struct Mark {
    key: String,
    version: u64,
    on: bool,
    /// For as long as it is on, not for a while.
    lasts: bool,
}

fn post_key(post: PostId) -> String {
    format!("p:{}", post.0.simple())
}

fn user_key(user: UserId) -> String {
    format!("u:{}", user.0.simple())
}

fn pair_key(kind: char, one: Uuid, other: Uuid) -> String {
    format!("{kind}:{}:{}", one.simple(), other.simple())
}

fn block_key(blocker: UserId, blocked: UserId) -> String {
    pair_key('b', blocker.0, blocked.0)
}

fn left_key(follower: UserId, followee: UserId) -> String {
    pair_key('l', follower.0, followee.0)
}

fn dismissed_key(user: UserId, dismissed: UserId) -> String {
    pair_key('d', user.0, dismissed.0)
}

/// The mark that a change makes. `since`: older changes make none.
fn mark_of(change: &Change, since: DateTime<Utc>) -> Option<Mark> {
    let (key, on, at) = match &change.what {
        What::PostDeleted { post, deleted, at } => (post_key(*post), *deleted, Some(*at)),
        What::PostPurged { post } => (post_key(*post), true, None),
        What::UserActive { user, active } => (user_key(*user), !active, None),
        What::Block { blocker, blocked, on, at } => (block_key(*blocker, *blocked), *on, Some(*at)),
        What::Dismissal { dismisser, dismissed, on, at } => {
            (dismissed_key(*dismisser, *dismissed), *on, Some(*at))
        }
        What::Follow { follower, followee, on, at } => (left_key(*follower, *followee), !on, Some(*at)),
        What::Registered { .. }
        | What::ProfileIs { .. }
        | What::Post { .. }
        | What::PostText { .. }
        | What::Comment { .. }
        | What::CommentText { .. }
        | What::CommentDeleted { .. }
        | What::Like { .. }
        | What::Conversation { .. }
        | What::ConversationTitle { .. }
        | What::Member { .. }
        | What::Message { .. }
        | What::MessageBody { .. }
        | What::MessageDeleted { .. }
        | What::ReadUpTo { .. }
        | What::DeliveredUpTo { .. }
        | What::Deletion { .. }
        | What::Restoration { .. } => return None,
    };
    let lasts = matches!(change.what, What::Block { .. } | What::Dismissal { .. });
    (lasts || at.is_none_or(|at| at >= since)).then_some(Mark { key, version: change.version, on, lasts })
}

impl RedisViews {
    /// Before the cursor moves past the step. Marks that are made twice are the same.
    pub(super) async fn apply_marks(&self, standing: &Standing, step: &Apply) -> Result<(), ViewError> {
        let ttl_ms = self.shared.options.marks_ttl_ms;
        let ttl = chrono::TimeDelta::try_milliseconds(i64::try_from(ttl_ms).unwrap_or(i64::MAX));
        let since =
            ttl.and_then(|ttl| Utc::now().checked_sub_signed(ttl)).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let marks: Vec<Mark> = step.changes.iter().filter_map(|change| mark_of(change, since)).collect();
        for some in marks.chunks(MARKS_PER_CALL) {
            let Standing { projection, shard, token, seen, .. } = standing;
            let mut call = self.shared.scripts.marks.call().arg(self.bucket_ms()).arg(projection);
            call = call.arg(standing.kind()).arg(token).arg(shard.as_str()).arg(seen);
            for mark in some {
                let place = match (mark.lasts, mark.on) {
                    (true, true) => "stay",
                    (true, false) => "go",
                    (false, _) => "bucket",
                };
                call = call.arg(place).arg(&mark.key).arg(mark.version).arg(u8::from(mark.on));
            }
            call.run(self.writes()).await?.written()?;
        }
        Ok(())
    }

    /// Two whole buckets, and the one that is being filled, are looked at.
    fn bucket_ms(&self) -> u64 {
        (self.shared.options.marks_ttl_ms / 2).clamp(1, 1 << 52)
    }

    /// Those of a page that the viewer must not see any more.
    pub async fn hidden(&self, viewer: UserId, shown: &[Shown]) -> Result<HashSet<PostId>, ViewError> {
        let mut keys = Vec::with_capacity(shown.len() * 5);
        for one in shown {
            keys.push(post_key(one.post));
            keys.push(user_key(one.author));
            keys.push(block_key(viewer, one.author));
            keys.push(block_key(one.author, viewer));
            keys.push(left_key(viewer, one.author));
        }
        let marked = self.marked(&keys).await?;
        let hidden = shown.iter().zip(marked.chunks(5)).filter(|(one, marked)| match marked {
            [always @ .., left] => always.contains(&SET) || (one.needs_follow && *left == SET),
            [] => false,
        });
        Ok(hidden.map(|(one, _)| one.post).collect())
    }

    /// Those of these people whom the viewer must not see any more.
    pub async fn hidden_users(&self, viewer: UserId, users: &[UserId]) -> Result<HashSet<UserId>, ViewError> {
        let keys: Vec<String> = users
            .iter()
            .flat_map(|user| [user_key(*user), block_key(viewer, *user), block_key(*user, viewer)])
            .collect();
        let marked = self.marked(&keys).await?;
        let hidden = users.iter().zip(marked.chunks(3)).filter(|(_, marked)| marked.contains(&SET));
        Ok(hidden.map(|(user, _)| *user).collect())
    }

    /// Those of these people who are no suggestions for the viewer any more: followed or dismissed since.
    pub async fn settled_users(
        &self,
        viewer: UserId,
        users: &[UserId],
    ) -> Result<HashSet<UserId>, ViewError> {
        let keys: Vec<String> =
            users.iter().flat_map(|user| [dismissed_key(viewer, *user), left_key(viewer, *user)]).collect();
        let marked = self.marked(&keys).await?;
        let settled = users.iter().zip(marked.chunks(2)).filter(|(_, marked)| {
            // Having left that is taken back is following.
            matches!(marked, [dismissed, left] if *dismissed == SET || *left == TAKEN_BACK)
        });
        Ok(settled.map(|(user, _)| *user).collect())
    }

    /// Those of these people whom the viewer follows, as far as is known here.
    pub async fn follows_among(
        &self,
        viewer: UserId,
        users: &[UserId],
    ) -> Result<HashSet<UserId>, ViewError> {
        let mut call = self.shared.scripts.follows.call().arg(&viewer.0.as_bytes()[..]);
        for user in users {
            call = call.arg(&user.0.as_bytes()[..]);
        }
        let mut reply = call.run(self.reads()).await?;
        if reply.next::<String>()? != "ok" {
            return Err(ViewError::Unavailable("Redis holds no graph yet".to_owned()));
        }
        let found: Vec<u8> = reply.next::<Vec<u8>>()?;
        Ok(users.iter().zip(found).filter(|(_, follows)| *follows == 1).map(|(user, _)| *user).collect())
    }

    async fn marked(&self, keys: &[String]) -> Result<Vec<Option<bool>>, ViewError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.shared.scripts.marked.call().arg(self.bucket_ms());
        for key in keys {
            call = call.arg(key);
        }
        let mut reply = call.run(self.reads()).await?;
        reply.written()?;
        let found: Vec<i8> = reply.next()?;
        Ok(found.into_iter().map(|mark| (mark >= 0).then_some(mark == 1)).collect())
    }
}

const SET: Option<bool> = Some(true);
const TAKEN_BACK: Option<bool> = Some(false);

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    #[test]
    fn what_is_older_than_marks_are_kept_makes_none() {
        let now = Utc::now();
        let follow = |at, on| What::Follow { follower: user(1), followee: user(2), on, at };
        let mark = |what| mark_of(&Change { version: 7, what }, now);
        assert_eq!(mark(follow(now - chrono::TimeDelta::milliseconds(1), false)), None);
        let made = Mark { key: left_key(user(1), user(2)), version: 7, on: true, lasts: false };
        assert_eq!(mark(follow(now, false)), Some(made));
        let closed = Mark { key: user_key(user(3)), version: 7, on: true, lasts: false };
        assert_eq!(mark(What::UserActive { user: user(3), active: false }), Some(closed));
        let long_ago = DateTime::<Utc>::MIN_UTC;
        let block = What::Block { blocker: user(1), blocked: user(2), on: true, at: long_ago };
        let blocked = Mark { key: block_key(user(1), user(2)), version: 7, on: true, lasts: true };
        assert_eq!(mark(block), Some(blocked), "as long as it holds");
        assert_eq!(mark(What::ProfileIs { user: user(3), profile: None }), None);
    }

    #[test]
    fn a_pair_has_two_sides() {
        assert_ne!(block_key(user(1), user(2)), block_key(user(2), user(1)));
        assert_ne!(block_key(user(1), user(2)), left_key(user(1), user(2)));
    }
}
