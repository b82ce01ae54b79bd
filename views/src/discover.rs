//! Whom someone may know. Pure: what a store found in, order out, the same on every store.
//!
//! * Candidates are followed by people whom the viewer follows: the newest [`FOLLOWEES_ASKED_MAX`] of those are looked
//!   at, and of each the first [`FOLLOWEES_EACH_MAX`] whom they follow, by id. (By id, so that whom one hub is asked
//!   for another is asked for too: a mutual one is either seen at all of them or at none.)
//! * Never the viewer, whom they follow, who blocks them or whom they block, or whom they dismissed. These are taken
//!   away before anything is counted out, and again when a page is shown; closed accounts are when it is shown.
//! * The [`CANDIDATES_MAX`] with most mutual ones are looked at closely ([`most_mutual`]; ties by id) and come in the
//!   order of `score = 1.0 ln(1 + mutual) + 0.5 ln(1 + shared) + 0.5 follows_viewer` ([`rank`]; ties: more followers
//!   first, then by id).
//!   `mutual`: how many of the followees that were looked at follow the candidate.
//!   `shared`: how many things both have lately cared for. The viewer's are what they liked or commented on within
//!   [`SHARED_MS`]: of the [`LIKES_MAX`] liked things with the highest ids and the newest [`COMMENTS_MAX`] comments.
//!   The candidate shares one when they liked it within that time or commented on it with one of their newest
//!   [`COMMENTS_MAX`] comments of that time. Comments that are deleted do not count.
//! * Behind them come those with most followers, to fill the list up to [`LIST_MAX`]: of the first
//!   [`POPULAR_LOOKED_AT_MAX`] (ties by id), whoever is not in it yet ([`list`]).
//!
//! Why these weights: friends of friends are the strongest sign of an acquaintance, and one more among many says less
//! than the second one, hence logarithms. Someone who already follows the viewer counts as much as about two thirds of
//! a first mutual one, and so does sharing about two things: each orders people with as many mutual ones, and neither
//! outweighs a handful of them.

use std::cmp::Reverse;
use std::collections::HashSet;

use nova_events::UserId;

/// Of the viewer's followees, the newest so many are asked whom they follow.
pub const FOLLOWEES_ASKED_MAX: usize = 200;
/// Each of them is asked for so many.
pub const FOLLOWEES_EACH_MAX: usize = 500;
/// So many candidates are looked at closely, and suggested because of the graph.
pub const CANDIDATES_MAX: usize = 200;
/// Likes of the viewer that may be shared.
pub const LIKES_MAX: usize = 50;
/// Comments of the viewer, and of each candidate, that may be shared.
pub const COMMENTS_MAX: usize = 50;
/// What may be shared happened within 90 days.
pub const SHARED_MS: i64 = 90 * 24 * 3_600_000;
/// Of those with most followers, so many are looked at.
pub const POPULAR_LOOKED_AT_MAX: usize = 1_000;
/// The whole list.
pub const LIST_MAX: usize = 500;

const MUTUAL_WEIGHT: f64 = 1.0;
const SHARED_WEIGHT: f64 = 0.5;
const FOLLOWS_VIEWER_WEIGHT: f64 = 0.5;

/// Someone whom the viewer may know, looked at closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub user: UserId,
    pub mutual: u64,
    pub shared: u64,
    pub follows_viewer: bool,
    /// All their followers: decides ties only.
    pub followers: u64,
}

pub fn score(candidate: &Candidate) -> f64 {
    MUTUAL_WEIGHT * (candidate.mutual as f64).ln_1p()
        + SHARED_WEIGHT * (candidate.shared as f64).ln_1p()
        + FOLLOWS_VIEWER_WEIGHT * f64::from(u8::from(candidate.follows_viewer))
}

/// Who is looked at closely, of people with their mutual ones: most first, ties by id, at most [`CANDIDATES_MAX`].
pub fn most_mutual(people: impl IntoIterator<Item = (UserId, u64)>) -> Vec<(UserId, u64)> {
    let mut people: Vec<(UserId, u64)> = people.into_iter().collect();
    let order = |(user, mutual): &(UserId, u64)| (Reverse(*mutual), *user);
    if people.len() > CANDIDATES_MAX {
        people.select_nth_unstable_by_key(CANDIDATES_MAX - 1, order);
        people.truncate(CANDIDATES_MAX);
    }
    people.sort_unstable_by_key(order);
    people
}

/// Best first; ties: more followers first, then by id.
pub fn rank(mut candidates: Vec<Candidate>) -> Vec<UserId> {
    candidates.sort_unstable_by(|a, b| {
        score(b).total_cmp(&score(a)).then(b.followers.cmp(&a.followers)).then(a.user.cmp(&b.user))
    });
    candidates.into_iter().map(|candidate| candidate.user).collect()
}

/// Those of the graph, then popular ones, at most [`LIST_MAX`], nobody twice.
pub fn list(graph: Vec<UserId>, popular: impl IntoIterator<Item = UserId>) -> Vec<UserId> {
    let mut seen = HashSet::new();
    graph.into_iter().chain(popular).filter(|user| seen.insert(*user)).take(LIST_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn candidate(n: u128, mutual: u64, shared: u64, follows_viewer: bool, followers: u64) -> Candidate {
        Candidate { user: user(n), mutual, shared, follows_viewer, followers }
    }

    #[test]
    fn the_score_is_the_formula() {
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
        close(score(&candidate(1, 0, 0, false, 9)), 0.0);
        close(score(&candidate(1, 3, 0, false, 9)), 4f64.ln());
        close(score(&candidate(1, 0, 3, false, 9)), 0.5 * 4f64.ln());
        close(score(&candidate(1, 1, 1, true, 9)), 1.5 * 2f64.ln() + 0.5);
    }

    #[test]
    fn each_sign_orders_those_who_are_otherwise_alike() {
        let plain = candidate(1, 2, 0, false, 5);
        for better in [
            candidate(2, 3, 0, false, 0),
            candidate(2, 2, 1, false, 0),
            candidate(2, 2, 0, true, 0),
            candidate(2, 2, 0, false, 6),
        ] {
            assert_eq!(rank(vec![plain, better]), [2, 1].map(user), "{better:?}");
        }
        assert_eq!(rank(vec![candidate(2, 2, 0, false, 5), plain]), [1, 2].map(user), "ties by id");
    }

    #[test]
    fn many_mutual_ones_outweigh_the_rest() {
        let follower_who_shares = candidate(1, 1, 2, true, 0);
        assert_eq!(rank(vec![follower_who_shares, candidate(2, 10, 0, false, 0)]), [2, 1].map(user));
    }

    #[test]
    fn nobody_is_in_the_list_twice_and_it_is_bounded() {
        let found = list([3, 1].map(user).to_vec(), [1, 2, 3, 4].map(user));
        assert_eq!(found, [3, 1, 2, 4].map(user));
        assert_eq!(list(Vec::new(), (0..2_000).map(user)).len(), LIST_MAX);
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0..5u64, 0..4u64, any::<bool>(), 0..3u64);
        prop::collection::vec(one, 0..40).prop_map(|all| {
            let numbered = all.into_iter().enumerate();
            numbered.map(|(n, (m, s, f, followers))| candidate(n as u128, m, s, f, followers)).collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_does_not_depend_on_how_they_come(all in candidates(), seed in any::<u64>()) {
            let ranked = rank(all.clone());
            let mut shuffled = all.clone();
            shuffled.sort_by_key(|c| (c.user.0.as_u128() as u64 + 1).wrapping_mul(seed | 1) >> 7);
            prop_assert_eq!(&rank(shuffled), &ranked);
            let of = |user: &UserId| all.iter().find(|c| c.user == *user).unwrap();
            prop_assert!(ranked.windows(2).all(|pair| score(of(&pair[0])) >= score(of(&pair[1]))));
        }

        #[test]
        fn more_of_a_sign_never_ranks_lower(all in candidates(), which in any::<prop::sample::Index>(), sign in 0..3u8) {
            prop_assume!(!all.is_empty());
            let mut better = all.clone();
            let one = which.get(&all).user;
            let place = |ranked: Vec<UserId>| ranked.iter().position(|user| *user == one).unwrap();
            let raised = &mut better[which.index(all.len())];
            match sign {
                0 => raised.mutual += 1,
                1 => raised.shared += 1,
                _ => raised.follows_viewer = true,
            }
            prop_assert!(place(rank(better)) <= place(rank(all)));
        }

        #[test]
        fn those_with_most_mutual_ones_are_looked_at(counts in prop::collection::vec(1..9u64, 0..600)) {
            let people: Vec<_> = counts.iter().enumerate().map(|(n, count)| (user(n as u128), *count)).collect();
            let mut sorted = people.clone();
            sorted.sort_by_key(|(user, count)| (Reverse(*count), *user));
            sorted.truncate(CANDIDATES_MAX);
            prop_assert_eq!(most_mutual(people.into_iter().rev()), sorted);
        }
    }
}
