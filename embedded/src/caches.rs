//! What is kept ready for answers. All of it is exact (see [`crate::epochs`]) but for ranked lists, which are kept for a
//! short configured time and checked again, item by item, whenever a part of them is shown.

use std::sync::Arc;

use nova_views::Author;
use uuid::Uuid;

use crate::epochs::{EpochCache, Epochs, IdSet, Weigh};
use crate::options::ViewsOptions;
use crate::read::{Frozen, FrozenLists, Home, PostRow};
use crate::window::PostCounts;

#[derive(Debug)]
pub(crate) struct Caches {
    /// By post; epochs of the posts view. `None`: there is no such post.
    pub(crate) posts: EpochCache<Option<Arc<PostRow>>>,
    /// By post or comment; engagement.
    pub(crate) counts: EpochCache<Counts>,
    /// By user; profiles.
    pub(crate) users: EpochCache<Option<Arc<UserRow>>>,
    /// By user: whom they block and who blocks them; graph.
    pub(crate) blocks: EpochCache<Arc<IdSet<Uuid>>>,
    /// By user: whom they follow, in order of id; graph.
    pub(crate) followees: EpochCache<Arc<[Uuid]>>,
    /// By user; engagement.
    pub(crate) likes: EpochCache<Arc<Likes>>,
    /// By user; graph. Brought up to date with [`crate::recent`].
    pub(crate) homes: EpochCache<Arc<Home>>,
    pub(crate) frozen: FrozenLists,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) likes: u64,
    pub(crate) comments: u64,
}

#[derive(Debug)]
pub(crate) struct UserRow {
    pub(crate) author: Arc<Author>,
    pub(crate) bio: Option<String>,
    pub(crate) created_at_ms: i64,
    pub(crate) active: bool,
}

/// What someone likes, and what they did with whose posts lately.
#[derive(Debug)]
pub(crate) struct Likes {
    pub(crate) targets: IdSet<Uuid>,
    /// `targets` has all of them.
    pub(crate) complete: bool,
    /// When, and who wrote what was liked or commented; within the time that counts towards affinity.
    pub(crate) interactions: Vec<(i64, Uuid)>,
}

impl Caches {
    pub(crate) fn new(options: &ViewsOptions) -> Self {
        let percent = |share: usize| options.cache_bytes / 100 * share;
        Self {
            posts: EpochCache::new(percent(30), 500),
            counts: EpochCache::new(percent(5), 16),
            users: EpochCache::new(percent(8), 250),
            blocks: EpochCache::new(percent(2), 100),
            followees: EpochCache::new(percent(15), 4_000),
            likes: EpochCache::new(percent(15), 4_000),
            homes: EpochCache::new(percent(25), 10_000),
            frozen: FrozenLists::new(options),
        }
    }

    /// Spares the readers a load of what is asked for all the time.
    pub(crate) fn put_counts_if_held(&self, counts: &PostCounts, epochs: &Epochs) {
        if self.counts.holds(counts.post) {
            let value = Counts { likes: counts.likes, comments: counts.comments };
            self.counts.put(counts.post, epochs.of(counts.post), value);
        }
    }

    /// What each takes, by name.
    pub(crate) fn bytes(&self) -> [(&'static str, u64); 8] {
        [
            ("posts", self.posts.bytes()),
            ("counts", self.counts.bytes()),
            ("users", self.users.bytes()),
            ("blocks", self.blocks.bytes()),
            ("followees", self.followees.bytes()),
            ("likes", self.likes.bytes()),
            ("homes", self.homes.bytes()),
            ("lists", self.frozen.bytes()),
        ]
    }

    pub(crate) fn forget_lists(&self) {
        self.frozen.forget();
    }
}

impl Weigh for Counts {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl Weigh for Option<Arc<PostRow>> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, |row| row.bytes())
    }
}

impl Weigh for Option<Arc<UserRow>> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, |row| {
            let author = &row.author;
            150 + author.handle.len() + author.display_name.len() + row.bio.as_ref().map_or(0, String::len)
        })
    }
}

impl Weigh for Arc<IdSet<Uuid>> {
    fn bytes(&self) -> usize {
        64 + self.capacity() * 17
    }
}

impl Weigh for Arc<[Uuid]> {
    fn bytes(&self) -> usize {
        32 + size_of_val::<[Uuid]>(self)
    }
}

impl Weigh for Arc<Likes> {
    fn bytes(&self) -> usize {
        96 + self.targets.capacity() * 17 + self.interactions.capacity() * 24
    }
}

impl Weigh for Arc<Home> {
    fn bytes(&self) -> usize {
        self.bytes_held()
    }
}

impl Weigh for Arc<Frozen> {
    fn bytes(&self) -> usize {
        self.bytes_held()
    }
}
