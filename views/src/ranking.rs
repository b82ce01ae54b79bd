//! The order of the ranked feed and of what trends. Pure: candidates in, ranking out, the same on every store.
//!
//! * `score = 0.30 F + 0.40 E + 0.30 A` with the default [`Weights`], each part between 0 and 1:
//!   `F = exp(-0.10 * age_hours)`, `E = ln(1 + engagement) / ln(1 + most engagement of a candidate)`,
//!   `A = ln(1 + interactions) / ln(1 + most interactions of a candidate)`; E and A are 0 when that most is 0.
//! * Higher scores first; ties: newer first, then by id. A post from the future has age 0.
//! * At most [`AUTHOR_POSTS_MAX`] posts of one author stand in any [`AUTHOR_WINDOW`] consecutive places. Each place goes
//!   to the best post that may stand there; what can stand nowhere is left out.
//! * The same candidates in any order give the same ranking.
//!
//! Which posts are candidates for a viewer: those of followees, at most [`FOLLOWED_MAX`] newest; those that trend, at
//! most [`TRENDING_MAX`]; those of authors whom the viewer has liked or answered within [`AFFINITY_MS`], at most
//! [`AFFINITY_MAX`] newest. Posts of followees and of such authors are candidates for [`FEED_AGE_MAX_MS`]. Never the
//! viewer's own, nor what the viewer may not see.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};

use nova_events::{PostId, UserId};

use crate::post_card::FeedReason;

pub const FOLLOWED_MAX: usize = 500;
pub const TRENDING_MAX: usize = 200;
pub const AFFINITY_MAX: usize = 200;

const HOUR_MS: i64 = 3_600_000;
/// Posts of followees and of authors with affinity: 7 days.
pub const FEED_AGE_MAX_MS: i64 = 7 * 24 * HOUR_MS;
/// Posts that can trend: 48 hours.
pub const TRENDING_AGE_MAX_MS: i64 = 48 * HOUR_MS;
/// Interactions that count towards affinity: 90 days.
pub const AFFINITY_MS: i64 = 90 * 24 * HOUR_MS;

pub const AUTHOR_POSTS_MAX: usize = 2;
pub const AUTHOR_WINDOW: usize = 10;

/// How much each part of the score weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    pub freshness: f64,
    pub engagement: f64,
    pub affinity: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { freshness: 0.30, engagement: 0.40, affinity: 0.30 }
    }
}

/// What people did with a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Engagement {
    pub likes: u64,
    pub comments: u64,
    pub shares: u64,
}

impl Engagement {
    /// A comment counts as two likes, a share as three.
    pub fn weighted(self) -> f64 {
        self.likes as f64 + 2.0 * self.comments as f64 + 3.0 * self.shares as f64
    }
}

/// A post that may be in someone's feed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    pub post: PostId,
    pub author: UserId,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    pub engagement: Engagement,
    /// Likes and comments of the viewer on what the author wrote, within [`AFFINITY_MS`].
    pub interactions: u64,
    pub reason: FeedReason,
}

/// A place in a feed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    pub post: PostId,
    pub score: f64,
    pub reason: FeedReason,
}

/// Age in hours at `now_ms`, never negative.
pub fn age_hours(created_at_ms: i64, now_ms: i64) -> f64 {
    now_ms.saturating_sub(created_at_ms).max(0) as f64 / HOUR_MS as f64
}

/// Orders the candidates of one viewer. A post that is given twice is taken once.
pub fn rank(mut candidates: Vec<Candidate>, weights: &Weights, now_ms: i64) -> Vec<Ranked> {
    candidates.sort_unstable_by_key(|c| (c.post, c.reason as u8));
    candidates.dedup_by_key(|c| c.post);
    let most_engagement = candidates.iter().map(|c| c.engagement.weighted()).fold(0.0, f64::max);
    let most_interactions = candidates.iter().map(|c| c.interactions).max().unwrap_or(0);
    let share = |value: f64, most: f64| if most > 0.0 { value.ln_1p() / most.ln_1p() } else { 0.0 };
    let mut scored: Vec<(f64, Candidate)> = candidates
        .into_iter()
        .map(|c| {
            let freshness = (-0.10 * age_hours(c.created_at_ms, now_ms)).exp();
            let engagement = share(c.engagement.weighted(), most_engagement);
            let affinity = share(c.interactions as f64, most_interactions as f64);
            let score =
                weights.freshness * freshness + weights.engagement * engagement + weights.affinity * affinity;
            (score, c)
        })
        .collect();
    scored.sort_unstable_by(|(a_score, a), (b_score, b)| {
        b_score.total_cmp(a_score).then(b.created_at_ms.cmp(&a.created_at_ms)).then(a.post.cmp(&b.post))
    });
    diversify(scored)
}

/// Goes through the places from the top. An author who has had their share of the last places waits, with their best
/// post, until the oldest of those leaves the window.
fn diversify(scored: Vec<(f64, Candidate)>) -> Vec<Ranked> {
    let total = scored.len();
    let mut waiting: HashMap<UserId, VecDeque<usize>> = HashMap::new();
    for (index, (_, candidate)) in scored.iter().enumerate() {
        waiting.entry(candidate.author).or_default().push_back(index);
    }
    // Authors who may take the next place, by the index of their best post; indexes are in order of rank.
    let mut free: BTreeMap<usize, UserId> =
        waiting.iter().map(|(author, posts)| (posts[0], *author)).collect();
    let mut placed: HashMap<UserId, usize> = HashMap::new();
    let mut window: VecDeque<UserId> = VecDeque::with_capacity(AUTHOR_WINDOW);
    let mut ranking = Vec::with_capacity(total);
    while let Some((index, author)) = free.pop_first() {
        let (score, candidate) = scored[index];
        ranking.push(Ranked { post: candidate.post, score, reason: candidate.reason });
        if let Some(posts) = waiting.get_mut(&author) {
            posts.pop_front();
        }
        *placed.entry(author).or_default() += 1;
        window.push_back(author);
        let leaving = if window.len() == AUTHOR_WINDOW { window.pop_front() } else { None };
        if let Some(leaving) = leaving
            && let Some(count) = placed.get_mut(&leaving)
        {
            *count -= 1;
        }
        for author in [Some(author), leaving].into_iter().flatten() {
            if placed.get(&author).copied().unwrap_or(0) < AUTHOR_POSTS_MAX
                && let Some(next) = waiting.get(&author).and_then(VecDeque::front)
            {
                free.insert(*next, author);
            }
        }
    }
    ranking
}

/// A post that may trend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trending {
    pub post: PostId,
    pub created_at_ms: i64,
    pub engagement: Engagement,
}

/// `engagement / (age_hours + 2)^1.8`
pub fn trending_score(engagement: Engagement, created_at_ms: i64, now_ms: i64) -> f64 {
    engagement.weighted() / (age_hours(created_at_ms, now_ms) + 2.0).powf(1.8)
}

/// The posts that trend, best first, at most `limit`: those of the last 48 hours that anyone has liked, commented or
/// shared, by decayed engagement; ties: newer first, then by id.
pub fn trending(posts: impl IntoIterator<Item = Trending>, now_ms: i64, limit: usize) -> Vec<Trending> {
    let mut scored: Vec<(f64, Trending)> = posts
        .into_iter()
        .filter(|p| p.created_at_ms >= now_ms.saturating_sub(TRENDING_AGE_MAX_MS))
        .map(|p| (trending_score(p.engagement, p.created_at_ms, now_ms), p))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    let order = |(a_score, a): &(f64, Trending), (b_score, b): &(f64, Trending)| {
        b_score.total_cmp(a_score).then(b.created_at_ms.cmp(&a.created_at_ms)).then(a.post.cmp(&b.post))
    };
    if scored.len() > limit && limit > 0 {
        scored.select_nth_unstable_by(limit - 1, order);
    }
    scored.truncate(limit);
    scored.sort_unstable_by(order);
    scored.into_iter().map(|(_, post)| post).collect()
}

/// Keeps the `most` newest; ties by id.
pub fn keep_newest(candidates: &mut Vec<Candidate>, most: usize) {
    if candidates.len() > most && most > 0 {
        candidates.select_nth_unstable_by_key(most - 1, |c| (Reverse(c.created_at_ms), c.post));
    }
    candidates.truncate(most);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn candidate(post: u128, author: u128, age_hours: i64, likes: u64, interactions: u64) -> Candidate {
        Candidate {
            post: PostId(Uuid::from_u128(post)),
            author: UserId(Uuid::from_u128(author)),
            created_at_ms: NOW - age_hours * HOUR_MS,
            engagement: Engagement { likes, comments: 0, shares: 0 },
            interactions,
            reason: FeedReason::Following,
        }
    }

    fn order(ranking: &[Ranked]) -> Vec<u128> {
        ranking.iter().map(|r| r.post.0.as_u128()).collect()
    }

    #[test]
    fn the_score_is_the_formula() {
        let ranking = rank(
            vec![candidate(1, 1, 0, 9, 0), candidate(2, 2, 10, 0, 3), candidate(3, 3, 5, 3, 1)],
            &Weights::default(),
            NOW,
        );
        let score = |post: u128| ranking.iter().find(|r| r.post.0.as_u128() == post).unwrap().score;
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(score(1), 0.30 + 0.40);
        close(score(2), 0.30 * (-1.0f64).exp() + 0.30);
        close(
            score(3),
            0.30 * (-0.5f64).exp() + 0.40 * 4f64.ln() / 10f64.ln() + 0.30 * 2f64.ln() / 4f64.ln(),
        );
    }

    #[test]
    fn comments_count_twice_and_shares_three_times() {
        assert!((Engagement { likes: 1, comments: 1, shares: 1 }.weighted() - 6.0).abs() < f64::EPSILON);
    }

    #[test]
    fn nothing_to_compare_with_gives_no_part() {
        let ranking = rank(vec![candidate(1, 1, 0, 0, 0)], &Weights::default(), NOW);
        assert!((ranking[0].score - 0.30).abs() < 1e-12);
    }

    #[test]
    fn a_post_from_the_future_is_as_fresh_as_one_of_now() {
        let ranking = rank(vec![candidate(1, 1, -48, 0, 0)], &Weights::default(), NOW);
        assert!((ranking[0].score - 0.30).abs() < 1e-12);
        assert!(
            (trending_score(Engagement { likes: 1, ..Default::default() }, NOW + HOUR_MS, NOW)
                - 2f64.powf(-1.8))
            .abs()
                < 1e-12
        );
    }

    #[test]
    fn ties_go_to_the_newer_then_by_id() {
        let flat = Weights { freshness: 0.0, engagement: 0.0, affinity: 0.0 };
        let ranking = rank(
            vec![candidate(3, 3, 1, 0, 0), candidate(2, 2, 1, 0, 0), candidate(1, 1, 5, 0, 0)],
            &flat,
            NOW,
        );
        assert_eq!(order(&ranking), [2, 3, 1]);
    }

    #[test]
    fn an_author_who_has_had_their_share_waits_for_others() {
        let mut posts: Vec<_> = (0..4).map(|n| candidate(n, 1, 0, 10, 0)).collect();
        posts.extend((10..18).map(|n| candidate(n, n, 5, 0, 0)));
        let ranking = order(&rank(posts, &Weights::default(), NOW));
        assert_eq!(&ranking[..2], [0, 1]);
        assert_eq!(&ranking[10..], [2, 3], "the third may stand in the place after the first has left");
    }

    #[test]
    fn what_can_stand_nowhere_is_left_out() {
        let posts = (0..5).map(|n| candidate(n, 1, 0, 0, 0)).collect();
        assert_eq!(rank(posts, &Weights::default(), NOW).len(), AUTHOR_POSTS_MAX);
    }

    #[test]
    fn trending_decays_and_forgets() {
        let post = |id: u128, age_hours: i64, likes: u64| Trending {
            post: PostId(Uuid::from_u128(id)),
            created_at_ms: NOW - age_hours * HOUR_MS,
            engagement: Engagement { likes, comments: 0, shares: 0 },
        };
        let posts = [post(1, 49, 1000), post(2, 47, 100), post(3, 1, 10), post(4, 0, 0), post(5, 1, 10)];
        let ids =
            |limit| -> Vec<u128> { trending(posts, NOW, limit).iter().map(|p| p.post.0.as_u128()).collect() };
        assert_eq!(ids(10), [3, 5, 2]);
        assert_eq!(ids(1), [3]);
        assert_eq!(ids(0), [0u128; 0]);
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        prop::collection::vec(
            (0..60u128, 0..6u128, -2..200i64, 0..50u64, 0..9u64).prop_map(
                |(post, author, age, likes, interactions)| candidate(post, author, age, likes, interactions),
            ),
            0..60,
        )
        .prop_map(|mut all| {
            all.sort_by_key(|c| c.post);
            all.dedup_by_key(|c| c.post);
            all
        })
    }

    /// The definition of the order, place by place.
    fn naive(candidates: &[Candidate]) -> Vec<PostId> {
        let author = |post: PostId| candidates.iter().find(|c| c.post == post).unwrap().author;
        let flat: Vec<Candidate> = candidates
            .iter()
            .enumerate()
            .map(|(n, c)| Candidate { author: UserId(Uuid::from_u128(1000 + n as u128)), ..*c })
            .collect();
        let mut left: Vec<PostId> = rank(flat, &Weights::default(), NOW).iter().map(|r| r.post).collect();
        let mut placed: Vec<PostId> = Vec::new();
        while let Some(at) = left.iter().position(|post| {
            let last = &placed[placed.len().saturating_sub(AUTHOR_WINDOW - 1)..];
            last.iter().filter(|p| author(**p) == author(*post)).count() < AUTHOR_POSTS_MAX
        }) {
            placed.push(left.remove(at));
        }
        placed
    }

    proptest! {
        #[test]
        fn any_order_of_candidates_gives_the_same_diverse_ranking(all in candidates(), seed in any::<u64>()) {
            let ranking = rank(all.clone(), &Weights::default(), NOW);
            let mut shuffled = all.clone();
            shuffled.sort_by_key(|c| c.post.0.as_u128().wrapping_mul(u128::from(seed) | 1) >> 7);
            shuffled.extend(all.iter().take(3));
            prop_assert_eq!(&rank(shuffled, &Weights::default(), NOW), &ranking);
            let author = |r: &Ranked| all.iter().find(|c| c.post == r.post).unwrap().author;
            for window in ranking.windows(AUTHOR_WINDOW.min(ranking.len().max(1))) {
                for r in window {
                    let count = window.iter().filter(|o| author(o) == author(r)).count();
                    prop_assert!(count <= AUTHOR_POSTS_MAX);
                }
            }
            prop_assert!(ranking.iter().all(|r| (0.0..=1.0 + 1e-9).contains(&r.score)));
            prop_assert_eq!(ranking.iter().map(|r| r.post).collect::<Vec<_>>(), naive(&all));
        }

        #[test]
        fn the_newest_are_kept(all in candidates(), most in 0..30usize) {
            let mut kept = all.clone();
            keep_newest(&mut kept, most);
            prop_assert_eq!(kept.len(), most.min(all.len()));
            let oldest_kept = kept.iter().map(|c| c.created_at_ms).min();
            let dropped = all.iter().filter(|c| !kept.contains(c)).map(|c| c.created_at_ms).max();
            if let (Some(kept), Some(dropped)) = (oldest_kept, dropped) {
                prop_assert!(kept >= dropped);
            }
        }
    }
}
