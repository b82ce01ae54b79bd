//! The ranked feed, and what trends. The order is that of [`nova_views::ranking`]; here its candidates are chosen.

use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use nova_events::post::Visibility;
use nova_events::{PostId, UserId};
use nova_views::ranking::{self, Candidate, Trending};
use nova_views::{FeedItem, FeedReason, List, PageRequest, PostCard};
use uuid::Uuid;

use super::frozen::Place;
use super::people::{Viewer, contains};
use super::{Ask, Asked};
use crate::caches::Likes;
use crate::epochs::IdMap;
use crate::window::WindowPost;
use crate::write::GRAPH;

/// Trending posts that are known at a time, for all viewers.
const TRENDING_KNOWN_MAX: usize = 1_000;

impl Ask<'_> {
    pub(super) fn feed(
        &mut self,
        viewer: UserId,
        page: &PageRequest,
        now: DateTime<Utc>,
    ) -> Asked<List<FeedItem>> {
        let mut question = self.question("feed", viewer.0);
        question.epoch = self.shared.stores[GRAPH].epochs.of(viewer.0);
        question.now_ms = now.timestamp_millis();
        question.ttl_ms = self.shared.options.feed_ranking_ttl_ms;
        question.after = page.after;
        let viewer = self.viewer(viewer)?;
        let likes = self.likes_of(viewer.id)?;
        self.frozen_page(
            &question,
            page,
            |ask, now_ms| ask.ranked(&viewer, &likes, now_ms, page.after),
            |ask, place| {
                let card = ask.card(&viewer, &likes, place.id)?;
                Ok(card.map(|card| FeedItem { card, score: place.score, reason: place.reason }))
            },
        )
    }

    fn ranked(&mut self, viewer: &Viewer, likes: &Likes, now_ms: i64, after: u64) -> Asked<Vec<Place>> {
        let mut interactions = IdMap::<Uuid, u64>::default();
        for (at, author) in &likes.interactions {
            if *at >= now_ms - ranking::AFFINITY_MS {
                *interactions.entry(*author).or_default() += 1;
            }
        }
        let followees = self.followees(viewer)?;
        let trending = self.trending_places(now_ms, after)?;
        let since_ms = now_ms - ranking::FEED_AGE_MAX_MS;
        let candidate = |post: &WindowPost| Candidate {
            post: PostId(post.post),
            author: UserId(post.author),
            created_at_ms: post.created_at_ms,
            engagement: post.engagement(),
            interactions: interactions.get(&post.author).copied().unwrap_or(0),
            reason: if contains(followees, post.author) {
                FeedReason::Following
            } else if interactions.contains_key(&post.author) {
                FeedReason::Affinity
            } else {
                FeedReason::Trending
            },
        };
        let for_viewer = |post: &&WindowPost| {
            post.author != viewer.id
                && !viewer.blocks.contains(&post.author)
                && match post.visibility {
                    Visibility::Public => true,
                    Visibility::Followers => contains(followees, post.author),
                    Visibility::Private => false,
                }
        };
        let (mut followed, mut close, mut trending) = self.shared.window.read(|window| {
            let newest_of = |author: &Uuid, most: usize| {
                let posts = window.of_author(*author).iter().rev();
                let recent =
                    posts.take_while(|(at, _)| *at >= since_ms).filter_map(|(_, id)| window.post(*id));
                recent.filter(for_viewer).take(most).map(&candidate).collect::<Vec<_>>()
            };
            let followed: Vec<Candidate> =
                followees.iter().flat_map(|author| newest_of(author, ranking::FOLLOWED_MAX)).collect();
            let close: Vec<Candidate> =
                interactions.keys().flat_map(|author| newest_of(author, ranking::AFFINITY_MAX)).collect();
            let trending = trending.iter().filter_map(|place| window.post(place.id));
            let trending: Vec<Candidate> = trending.filter(for_viewer).map(&candidate).collect();
            (followed, close, trending)
        });
        for candidates in [&mut followed, &mut close, &mut trending] {
            self.drop_closed_accounts(candidates)?;
        }
        ranking::keep_newest(&mut followed, ranking::FOLLOWED_MAX);
        ranking::keep_newest(&mut close, ranking::AFFINITY_MAX);
        trending.truncate(ranking::TRENDING_MAX);
        followed.append(&mut close);
        followed.append(&mut trending);
        let ranked = ranking::rank(followed, &self.shared.options.weights, now_ms);
        let place =
            |ranked: ranking::Ranked| Place { id: ranked.post.0, score: ranked.score, reason: ranked.reason };
        Ok(ranked.into_iter().map(place).collect())
    }

    fn drop_closed_accounts(&mut self, candidates: &mut Vec<Candidate>) -> Asked<()> {
        let mut open = IdMap::<Uuid, bool>::default();
        for candidate in candidates.iter() {
            if let Entry::Vacant(unknown) = open.entry(candidate.author.0) {
                let user = self.user(candidate.author.0)?;
                unknown.insert(user.is_none_or(|user| user.active));
            }
        }
        candidates.retain(|candidate| open.get(&candidate.author.0).copied().unwrap_or(true));
        Ok(())
    }

    pub(super) fn trending(
        &mut self,
        viewer: UserId,
        page: &PageRequest,
        now: DateTime<Utc>,
    ) -> Asked<List<PostCard>> {
        let mut question = self.question("trending", ());
        question.now_ms = now.timestamp_millis();
        question.ttl_ms = self.shared.options.trending_ttl_ms;
        question.after = page.after;
        let viewer = self.viewer(viewer)?;
        let likes = self.likes_of(viewer.id)?;
        self.frozen_page(
            &question,
            page,
            |ask, now_ms| Ok(ask.trending_now(now_ms)),
            |ask, place| ask.card(&viewer, &likes, place.id),
        )
    }

    /// What trends, perhaps as it was a moment ago.
    fn trending_places(&mut self, now_ms: i64, after: u64) -> Asked<Vec<Place>> {
        let mut question = self.question("trending", ());
        question.now_ms = now_ms;
        question.ttl_ms = self.shared.options.trending_ttl_ms;
        question.after = after;
        let first = self.first(&question, |ask, now_ms| Ok(ask.trending_now(now_ms)))?;
        Ok(first.places.to_vec())
    }

    fn trending_now(&self, now_ms: i64) -> Vec<Place> {
        let posts: Vec<Trending> = self.shared.window.read(|window| {
            window
                .since(now_ms - ranking::TRENDING_AGE_MAX_MS)
                .filter(|post| post.visibility == Visibility::Public && post.likes + post.comments > 0)
                .map(|post| Trending {
                    post: PostId(post.post),
                    created_at_ms: post.created_at_ms,
                    engagement: post.engagement(),
                })
                .collect()
        });
        let trending = ranking::trending(posts, now_ms, TRENDING_KNOWN_MAX);
        trending.into_iter().map(|post| Place::of(post.post.0)).collect()
    }
}
