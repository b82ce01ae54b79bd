//! Lists of people.

use std::collections::{HashMap, HashSet};

use nova_events::UserId;
use nova_views::{List, Lookup, PageRequest, Profile, ViewError};
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::frozen::{Place, Showing, Start};
use super::lists::Page;
use super::people::{apart, follows, keyed, profile};

/// Of the viewer's followees the newest so many are asked whom they follow, and each for so many; and so many people
/// are suggested for each of the two reasons.
const FOLLOWEES_ASKED_MAX: i64 = 200;
const FOLLOWEES_EACH_MAX: i64 = 500;
const SUGGESTED_MAX: usize = 500;

const FOLLOWEES: &str = "SELECT followee FROM v_graph.follows WHERE follower = $1 AND edge ORDER BY followee";

const FOLLOWED_AMONG: &str =
    "SELECT followee FROM v_graph.follows WHERE follower = $1 AND followee = ANY($2) AND edge";

/// Changes with every edge of the viewer: one that is off stays, with a higher version.
const RELATIONS_VERSION: &str = "SELECT greatest((SELECT max(v) FROM v_graph.follows WHERE follower = $1),
                     (SELECT max(v) FROM v_graph.blocks WHERE blocker = $1),
                     (SELECT max(v) FROM v_graph.blocks WHERE blocked = $1 AND edge), 0)";

const FOLLOWERS: &str = concat!(
    "SELECT e.at, e.follower, ",
    profile!(),
    " FROM v_graph.follows e JOIN v_profiles.users u ON u.id = e.follower
     WHERE e.followee = $2 AND e.edge AND (e.at, e.follower) < ($3, $4) AND u.active AND NOT ",
    apart!("$1", "e.follower"),
    " ORDER BY e.at DESC, e.follower DESC LIMIT $5"
);

const FOLLOWING: &str = concat!(
    "SELECT e.at, e.followee, ",
    profile!(),
    " FROM v_graph.follows e JOIN v_profiles.users u ON u.id = e.followee
     WHERE e.follower = $2 AND e.edge AND (e.at, e.followee) < ($3, $4) AND u.active AND NOT ",
    apart!("$1", "e.followee"),
    " ORDER BY e.at DESC, e.followee DESC LIMIT $5"
);

const BLOCKS: &str = concat!(
    "SELECT e.at, e.blocked, ",
    profile!(),
    " FROM v_graph.blocks e JOIN v_profiles.users u ON u.id = e.blocked
     WHERE e.blocker = $1 AND e.edge AND (e.at, e.blocked) < ($2, $3) AND u.active
     ORDER BY e.at DESC, e.blocked DESC LIMIT $4"
);

/// With how many of the viewer's newest followees follow them.
const MUTUAL: &str = "SELECT f.followee, count(*)
     FROM (SELECT followee FROM v_graph.follows WHERE follower = $1 AND edge
           ORDER BY at DESC, followee DESC LIMIT $2) mine
     CROSS JOIN LATERAL (SELECT followee FROM v_graph.follows WHERE follower = mine.followee AND edge
                         ORDER BY followee LIMIT $3) f
     WHERE f.followee <> $1
       AND f.followee NOT IN (SELECT followee FROM v_graph.follows WHERE follower = $1 AND edge)
     GROUP BY f.followee ORDER BY count(*) DESC, f.followee";

const POPULAR: &str =
    "SELECT user_id FROM v_graph.counts WHERE followers > 0 ORDER BY followers DESC, user_id LIMIT $1";

impl Reads {
    pub(super) async fn followees(&self, user: UserId) -> Result<Vec<Uuid>, ViewError> {
        let found = rows(&self.pool, || query(FOLLOWEES).bind(user.0)).await?;
        found.iter().map(|row| Columns::of(row).take()).collect()
    }

    /// Those of `users` whom someone follows.
    pub(super) async fn followed_among(&self, user: UserId, users: &[Uuid]) -> Result<Vec<Uuid>, ViewError> {
        let found = rows(&self.pool, || query(FOLLOWED_AMONG).bind(user.0).bind(users)).await?;
        found.iter().map(|row| Columns::of(row).take()).collect()
    }

    pub(super) async fn relations_version(&self, viewer: UserId) -> Result<i64, ViewError> {
        let found = rows(&self.pool, || query(RELATIONS_VERSION).bind(viewer.0)).await?;
        found.first().map_or(Ok(0), |row| Columns::of(row).take())
    }

    pub(super) async fn followers(
        &self,
        viewer: UserId,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Lookup<List<Profile>>, ViewError> {
        self.edges("followers", FOLLOWERS, viewer, user, page).await
    }

    pub(super) async fn following(
        &self,
        viewer: UserId,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Lookup<List<Profile>>, ViewError> {
        self.edges("following", FOLLOWING, viewer, user, page).await
    }

    async fn edges(
        &self,
        kind: &'static str,
        sql: &'static str,
        viewer: UserId,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Lookup<List<Profile>>, ViewError> {
        match self.person(viewer, user).await? {
            Lookup::Unknown => return Ok(Lookup::Unknown),
            Lookup::Gone => return Ok(Lookup::Gone),
            Lookup::Found(()) => {}
        }
        let page = Page::of(kind, page)?;
        let (at, id) = page.behind();
        let question = || query(sql).bind(viewer.0).bind(user.0).bind(at).bind(id).bind(page.wanted());
        let found = rows(&self.pool, question).await?;
        let profiles = found.iter().map(keyed).collect::<Result<Vec<_>, _>>()?;
        Ok(Lookup::Found(page.list(profiles)))
    }

    pub(super) async fn blocks(
        &self,
        viewer: UserId,
        page: &PageRequest,
    ) -> Result<List<Profile>, ViewError> {
        let page = Page::of("blocks", page)?;
        let (at, id) = page.behind();
        let question = || query(BLOCKS).bind(viewer.0).bind(at).bind(id).bind(page.wanted());
        let found = rows(&self.pool, question).await?;
        Ok(page.list(found.iter().map(keyed).collect::<Result<Vec<_>, _>>()?))
    }

    pub(super) async fn discover(
        &self,
        viewer: UserId,
        page: &PageRequest,
        now_ms: i64,
    ) -> Result<List<Profile>, ViewError> {
        let ttl_ms = self.options.trending_ttl_ms;
        let epoch = if ttl_ms > 0 { self.relations_version(viewer).await? } else { 0 };
        let question = self.orders.question("discover", viewer.0, epoch, now_ms, ttl_ms);
        let followees: HashSet<Uuid> = self.followees(viewer).await?.into_iter().collect();
        let (order, at) = match self.orders.start(&question, page)? {
            Start::Kept(order, at) => (order, at),
            Start::Anew { started_ms, passed, behind } => {
                let places = self.suggested(viewer, followees.len()).await?;
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
            let hidden = |id: &Uuid| *id == viewer.0 || followees.contains(id);
            let wanted: Vec<Uuid> = ids.iter().copied().filter(|id| !hidden(id)).collect();
            let profiles = self.profiles(viewer, &wanted).await?;
            let mut profiles: HashMap<Uuid, Profile> =
                profiles.into_iter().map(|profile| (profile.id.0, profile)).collect();
            showing.show(ids.len(), |place| profiles.remove(&place.id));
        }
    }

    /// Those whom most of the viewer's followees follow, then those whom most people follow; ties by id.
    async fn suggested(&self, viewer: UserId, followees: usize) -> Result<Vec<Place>, ViewError> {
        let question = || query(MUTUAL).bind(viewer.0).bind(FOLLOWEES_ASKED_MAX).bind(FOLLOWEES_EACH_MAX);
        let mutual = rows(&self.pool, question).await?;
        let mutual: Vec<Uuid> = mutual.iter().map(|row| Columns::of(row).take()).collect::<Result<_, _>>()?;
        let mut places: Vec<Place> = mutual.iter().take(SUGGESTED_MAX).copied().map(Place::of).collect();
        let mutual: HashSet<Uuid> = mutual.into_iter().collect();
        let most = SUGGESTED_MAX + followees.min(SUGGESTED_MAX) + places.len() + 1;
        let popular = rows(&self.pool, || query(POPULAR).bind(most as i64)).await?;
        for row in &popular {
            let id = Columns::of(row).take()?;
            if !mutual.contains(&id) {
                places.push(Place::of(id));
            }
        }
        Ok(places)
    }
}
