//! The posts that appeared last, in the order they did: what a home timeline that was built earlier is brought up to
//! date with. When it has missed more than are kept here, it is built anew.

use std::collections::VecDeque;

use parking_lot::RwLock;
use uuid::Uuid;

const KEPT_MAX: usize = 8_192;

/// A post that appeared: it was published, or restored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appeared {
    pub(crate) author: Uuid,
    pub(crate) created_at_ms: i64,
    pub(crate) post: Uuid,
}

#[derive(Debug, Default)]
pub(crate) struct Recent {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// How many have been dropped: the number of the first one in `posts`.
    dropped: u64,
    posts: VecDeque<Appeared>,
}

impl Recent {
    /// The number that the next one will have.
    pub(crate) fn next(&self) -> u64 {
        let inner = self.inner.read();
        inner.dropped + inner.posts.len() as u64
    }

    pub(crate) fn push(&self, posts: impl Iterator<Item = Appeared>) {
        let mut inner = self.inner.write();
        for post in posts {
            if inner.posts.len() == KEPT_MAX {
                inner.posts.pop_front();
                inner.dropped += 1;
            }
            inner.posts.push_back(post);
        }
    }

    /// Makes everyone who has looked before build anew.
    pub(crate) fn forget(&self) {
        let mut inner = self.inner.write();
        inner.dropped += inner.posts.len() as u64 + 1;
        inner.posts.clear();
    }

    /// Calls `each` with those from number `from` on and returns the next number; `None` when some are missing.
    pub(crate) fn since(&self, from: u64, mut each: impl FnMut(&Appeared)) -> Option<u64> {
        let inner = self.inner.read();
        let skip = usize::try_from(from.checked_sub(inner.dropped)?).ok()?;
        if skip > inner.posts.len() {
            return None;
        }
        inner.posts.range(skip..).for_each(&mut each);
        Some(inner.dropped + inner.posts.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(n: u128) -> Appeared {
        Appeared { author: Uuid::nil(), created_at_ms: 0, post: Uuid::from_u128(n) }
    }

    #[test]
    fn whoever_looks_again_sees_each_once_or_hears_that_some_are_missing() {
        let recent = Recent::default();
        let start = recent.next();
        recent.push((0..3).map(post));
        let mut seen = Vec::new();
        let next = recent.since(start, |p| seen.push(p.post.as_u128())).unwrap();
        assert_eq!((seen, recent.since(next, |_| panic!("none is new"))), (vec![0, 1, 2], Some(next)));
        recent.push((0..KEPT_MAX as u128 + 1).map(post));
        assert_eq!(recent.since(next, |_| ()), None);
        let next = recent.next();
        recent.forget();
        assert_eq!(recent.since(next, |_| ()), None);
        assert_eq!(recent.since(recent.next(), |_| ()), Some(recent.next()));
    }
}
