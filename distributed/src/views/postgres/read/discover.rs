//! Whom someone may know. What counts for how much is said in [`nova_views::discover`].

use std::collections::{HashMap, HashSet};

use nova_events::UserId;
use nova_views::discover::{self, Candidate};
use nova_views::{List, PageRequest, Profile, ViewError};
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::frozen::{Place, Showing, Start};
use super::people::{apart, follows, profile, profile_of};

/// Whether `$1` may have someone suggested, as far as the graph says.
macro_rules! suggestable {
    ($id:literal) => {
        concat!(
            $id,
            " <> $1 AND NOT ",
            follows!("$1", $id),
            " AND NOT ",
            apart!("$1", $id),
            " AND (SELECT d.edge FROM v_graph.dismissals d WHERE d.dismisser = $1 AND d.dismissed = ",
            $id,
            ") IS NOT TRUE"
        )
    };
}

/// Those with most mutual ones, with what the graph says of them. All whom followees follow are counted first; those
/// who may not be suggested are taken out as the ones with most of them are looked at.
const CLOSE: &str = concat!(
    "SELECT c.id, c.mutual, ",
    follows!("c.id", "$1"),
    ", coalesce((SELECT n.followers FROM v_graph.counts n WHERE n.user_id = c.id), 0)
     FROM (SELECT m.id, m.mutual FROM (
               SELECT f.followee AS id, count(*) AS mutual
               FROM (SELECT followee FROM v_graph.follows WHERE follower = $1 AND edge
                     ORDER BY at DESC, followee DESC LIMIT $2) mine
               CROSS JOIN LATERAL (SELECT followee FROM v_graph.follows WHERE follower = mine.followee AND edge
                                   ORDER BY followee LIMIT $3) f
               GROUP BY f.followee ORDER BY count(*) DESC, f.followee OFFSET 0) m
           WHERE ",
    suggestable!("m.id"),
    "      ORDER BY m.mutual DESC, m.id LIMIT $4) c"
);

const POPULAR: &str = concat!(
    "SELECT p.user_id FROM (SELECT user_id, followers FROM v_graph.counts WHERE followers > 0
                            ORDER BY followers DESC, user_id LIMIT $2) p
     WHERE ",
    suggestable!("p.user_id"),
    " ORDER BY p.followers DESC, p.user_id LIMIT $3"
);

/// What someone has lately liked, and the posts they have lately commented on.
const ENGAGED: &str = "SELECT l.target FROM
         (SELECT target, at FROM v_engagement.likes WHERE user_id = $1 AND liked ORDER BY target DESC LIMIT $3) l
         WHERE l.at >= $2
     UNION
     SELECT c.post FROM
         (SELECT post FROM v_engagement.comments WHERE author = $1 AND NOT deleted AND created_at >= $2
          ORDER BY created_at DESC, id DESC LIMIT $4) c";

/// How many of the things `$2` each of `$1` has lately liked or commented on.
const SHARED: &str = "SELECT s.id, count(DISTINCT s.thing)
     FROM (SELECT l.user_id AS id, l.target AS thing
           FROM unnest($1::uuid[]) AS who (id)
           JOIN v_engagement.likes l ON l.user_id = who.id AND l.target = ANY($2) AND l.liked AND l.at >= $3
           UNION ALL
           SELECT who.id, c.post FROM unnest($1::uuid[]) AS who (id)
           CROSS JOIN LATERAL (SELECT post FROM v_engagement.comments
                               WHERE author = who.id AND NOT deleted AND created_at >= $3
                               ORDER BY created_at DESC, id DESC LIMIT $4) c
           WHERE c.post = ANY($2)) s
     GROUP BY s.id";

const SUGGESTIONS: &str = concat!(
    "SELECT ",
    profile!(),
    " FROM unnest($2::uuid[]) AS wanted (id) JOIN v_profiles.users u ON u.id = wanted.id
     WHERE u.active AND ",
    suggestable!("u.id")
);

impl Reads {
    pub(super) async fn discover(
        &self,
        viewer: UserId,
        page: &PageRequest,
        now_ms: i64,
    ) -> Result<List<Profile>, ViewError> {
        let ttl_ms = self.options.trending_ttl_ms;
        let epoch = if ttl_ms > 0 { self.relations_version(viewer).await? } else { 0 };
        let question = self.orders.question("discover", viewer.0, epoch, now_ms, ttl_ms);
        let (order, at) = match self.orders.start(&question, page)? {
            Start::Kept(order, at) => (order, at),
            Start::Anew { started_ms, passed, behind } => {
                let graph = self.discover_graph(viewer, started_ms);
                let popular = self.discover_popular(viewer, discover::LIST_MAX);
                let (graph, popular) = futures::try_join!(graph, popular)?;
                let list = discover::list(graph, popular);
                let places = list.into_iter().map(|user| Place::of(user.0)).collect();
                let order = self.orders.keep(&question, started_ms, places);
                let at = order.place_behind(passed, behind);
                (order, at)
            }
        };
        let mut showing = Showing::new(order, at, page);
        loop {
            let ids = showing.upcoming();
            if ids.is_empty() {
                return Ok(showing.list(&question));
            }
            let mut profiles = self.suggestions_by_id(viewer, &ids).await?;
            showing.show(ids.len(), |place| profiles.remove(&place.id));
        }
    }

    pub(super) async fn suggestions(&self, viewer: UserId, ids: &[Uuid]) -> Result<Vec<Profile>, ViewError> {
        let mut profiles = self.suggestions_by_id(viewer, ids).await?;
        Ok(ids.iter().filter_map(|id| profiles.remove(id)).collect())
    }

    async fn suggestions_by_id(
        &self,
        viewer: UserId,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Profile>, ViewError> {
        let found = rows(&self.pool, || query(SUGGESTIONS).bind(viewer.0).bind(ids)).await?;
        let profiles = found.iter().map(|row| profile_of(&mut Columns::of(row)));
        profiles.map(|profile| profile.map(|profile| (profile.id.0, profile))).collect()
    }

    pub(super) async fn discover_graph(&self, viewer: UserId, now_ms: i64) -> Result<Vec<UserId>, ViewError> {
        let question = || {
            query(CLOSE)
                .bind(viewer.0)
                .bind(discover::FOLLOWEES_ASKED_MAX as i64)
                .bind(discover::FOLLOWEES_EACH_MAX as i64)
                .bind(discover::CANDIDATES_MAX as i64)
        };
        let found = rows(&self.pool, question).await?;
        let candidates = found.iter().map(|row| {
            let mut columns = Columns::of(row);
            let (user, mutual) = (UserId(columns.take()?), columns.count()?);
            let (follows_viewer, followers) = (columns.take()?, columns.count()?);
            Ok(Candidate { user, mutual, shared: 0, follows_viewer, followers })
        });
        let mut candidates = candidates.collect::<Result<Vec<_>, ViewError>>()?;
        let shared = self.shared_things(viewer, &candidates, now_ms).await?;
        for candidate in &mut candidates {
            candidate.shared = shared.get(&candidate.user.0).copied().unwrap_or(0);
        }
        Ok(discover::rank(candidates))
    }

    /// With whom of them the viewer shares how many things.
    async fn shared_things(
        &self,
        viewer: UserId,
        candidates: &[Candidate],
        now_ms: i64,
    ) -> Result<HashMap<Uuid, u64>, ViewError> {
        if candidates.is_empty() {
            return Ok(HashMap::new());
        }
        let since_ms = now_ms.saturating_sub(discover::SHARED_MS);
        let (likes, comments) = (discover::LIKES_MAX as i64, discover::COMMENTS_MAX as i64);
        let question = || query(ENGAGED).bind(viewer.0).bind(since_ms).bind(likes).bind(comments);
        let found = rows(&self.pool, question).await?;
        let things = found.iter().map(|row| Columns::of(row).take());
        let things = things.collect::<Result<HashSet<Uuid>, ViewError>>()?;
        if things.is_empty() {
            return Ok(HashMap::new());
        }
        let things: Vec<Uuid> = things.into_iter().collect();
        let ids: Vec<Uuid> = candidates.iter().map(|candidate| candidate.user.0).collect();
        let question = || query(SHARED).bind(&ids).bind(&things).bind(since_ms).bind(comments);
        let found = rows(&self.pool, question).await?;
        let shared = found.iter().map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.take()?, columns.count()?))
        });
        shared.collect()
    }

    pub(super) async fn discover_popular(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, ViewError> {
        let looked_at = discover::POPULAR_LOOKED_AT_MAX as i64;
        let limit = limit.min(discover::POPULAR_LOOKED_AT_MAX) as i64;
        let found = rows(&self.pool, || query(POPULAR).bind(viewer.0).bind(looked_at).bind(limit)).await?;
        found.iter().map(|row| Ok(UserId(Columns::of(row).take()?))).collect()
    }
}
