//! The newest posts, in memory: what ranking, trending and timelines choose from.
//!
//! * It holds every post that is there with `created_at >= complete_from`, with its counts as of the last commit that
//!   was announced.
//! * At most `posts_max` posts. Posts older than the feed looks at are dropped too, but not the newest [`KEPT_MIN`]: a
//!   small community is in it whole.

use std::collections::BTreeSet;

use nova_events::post::Visibility;
use nova_views::ranking;
use parking_lot::RwLock;
use uuid::Uuid;

use crate::epochs::IdMap;

const KEPT_MIN: usize = 20_000;

/// A post as the posts view has it now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecentPost {
    pub(crate) post: Uuid,
    pub(crate) author: Uuid,
    pub(crate) created_at_ms: i64,
    pub(crate) visibility: Visibility,
    pub(crate) there: bool,
    /// It was not there before.
    pub(crate) appeared: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostState {
    There,
    Deleted,
    Purged,
}

impl PostState {
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::There => 0,
            Self::Deleted => 1,
            Self::Purged => 2,
        }
    }

    /// What is not known is not there.
    pub(crate) fn from_code(code: i64) -> Self {
        match code {
            0 => Self::There,
            1 => Self::Deleted,
            _ => Self::Purged,
        }
    }
}

/// Counts as the engagement view has them now. `n` grows with each change of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PostCounts {
    pub(crate) post: Uuid,
    pub(crate) likes: u64,
    pub(crate) comments: u64,
    pub(crate) n: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowPost {
    pub(crate) post: Uuid,
    pub(crate) author: Uuid,
    pub(crate) created_at_ms: i64,
    pub(crate) visibility: Visibility,
    pub(crate) likes: u64,
    pub(crate) comments: u64,
    counts_n: u64,
}

impl WindowPost {
    pub(crate) fn engagement(&self) -> ranking::Engagement {
        ranking::Engagement { likes: self.likes, comments: self.comments, shares: 0 }
    }
}

#[derive(Debug)]
pub(crate) struct Window {
    inner: RwLock<Inner>,
    posts_max: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    posts: IdMap<Uuid, WindowPost>,
    /// Oldest first.
    by_author: IdMap<Uuid, Vec<(i64, Uuid)>>,
    by_time: BTreeSet<(i64, Uuid)>,
    complete_from: i64,
}

impl Window {
    pub(crate) fn new(posts_max: usize) -> Self {
        let inner = Inner { complete_from: i64::MIN, ..Inner::default() };
        Self { inner: RwLock::new(inner), posts_max: posts_max.max(1) }
    }

    /// Whether a post of this time, `count` newer ones being known, would be kept.
    pub(crate) fn keeps(&self, count: usize, created_at_ms: i64, now_ms: i64) -> bool {
        count < self.posts_max && (count < KEPT_MIN || created_at_ms >= now_ms - ranking::FEED_AGE_MAX_MS)
    }

    /// Puts other posts in place of all there are: those of another generation.
    pub(crate) fn replace(&self, posts: Vec<RecentPost>, complete_from: i64) {
        let mut inner = Inner { complete_from, ..Inner::default() };
        for post in posts {
            inner.set(post);
        }
        *self.inner.write() = inner;
    }

    /// Takes posts as they are now. Their counts are then to be given with [`Self::set_counts`], from what was read
    /// *after* this: a commit of counts that was too early to find them here is then found there.
    pub(crate) fn set_posts(&self, posts: &[RecentPost], now_ms: i64) {
        let mut inner = self.inner.write();
        for post in posts {
            inner.set(*post);
        }
        while inner
            .by_time
            .first()
            .is_some_and(|(oldest, _)| !self.keeps(inner.posts.len() - 1, *oldest, now_ms))
        {
            inner.drop_oldest();
        }
    }

    pub(crate) fn set_counts(&self, counts: &[PostCounts]) {
        if counts.is_empty() {
            return;
        }
        let mut inner = self.inner.write();
        for counts in counts {
            if let Some(post) = inner.posts.get_mut(&counts.post)
                && counts.n > post.counts_n
            {
                (post.likes, post.comments, post.counts_n) = (counts.likes, counts.comments, counts.n);
            }
        }
    }

    /// Before the counts of another generation are loaded.
    pub(crate) fn forget_counts(&self) {
        for post in self.inner.write().posts.values_mut() {
            (post.likes, post.comments, post.counts_n) = (0, 0, 0);
        }
    }

    pub(crate) fn ids(&self) -> Vec<Uuid> {
        self.inner.read().posts.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.read().posts.len()
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.read())
    }
}

impl Inner {
    /// Every post that is there and not older is in the window.
    pub(crate) fn complete_from(&self) -> i64 {
        self.complete_from
    }

    pub(crate) fn post(&self, id: Uuid) -> Option<&WindowPost> {
        self.posts.get(&id)
    }

    /// The posts of an author with their times, oldest first.
    pub(crate) fn of_author(&self, author: Uuid) -> &[(i64, Uuid)] {
        self.by_author.get(&author).map_or(&[], Vec::as_slice)
    }

    /// Posts that are not older than `since_ms`, in order of time.
    pub(crate) fn since(&self, since_ms: i64) -> impl Iterator<Item = &WindowPost> {
        self.by_time.range((since_ms, Uuid::nil())..).filter_map(|(_, id)| self.posts.get(id))
    }

    fn set(&mut self, post: RecentPost) {
        if !post.there {
            self.remove(post.post);
            return;
        }
        if post.created_at_ms < self.complete_from {
            return;
        }
        let RecentPost { post: id, author, created_at_ms, visibility, .. } = post;
        let (likes, comments, counts_n) = (0, 0, 0);
        let new = WindowPost { post: id, author, created_at_ms, visibility, likes, comments, counts_n };
        // Author, time and visibility of a post never change.
        if self.posts.contains_key(&id) {
            return;
        }
        self.posts.insert(id, new);
        self.by_time.insert((created_at_ms, id));
        let of_author = self.by_author.entry(author).or_default();
        let at = of_author.partition_point(|key| *key < (created_at_ms, id));
        of_author.insert(at, (created_at_ms, id));
    }

    fn remove(&mut self, id: Uuid) {
        let Some(post) = self.posts.remove(&id) else { return };
        let key = (post.created_at_ms, id);
        self.by_time.remove(&key);
        if let Some(of_author) = self.by_author.get_mut(&post.author) {
            if let Ok(at) = of_author.binary_search(&key) {
                of_author.remove(at);
            }
            if of_author.is_empty() {
                self.by_author.remove(&post.author);
            }
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((oldest, id)) = self.by_time.first().copied() {
            self.remove(id);
            self.complete_from = oldest + 1;
            // Others of the same instant would be in it only in part.
            while let Some((at, id)) = self.by_time.first().copied()
                && at <= oldest
            {
                self.remove(id);
            }
        }
    }
}
