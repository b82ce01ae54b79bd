//! Lists of people.

use nova_events::UserId;
use nova_views::{List, Lookup, PageRequest, Profile, ViewError};
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::lists::Page;
use super::people::{apart, follows, keyed, profile};

const FOLLOWEES: &str = "SELECT followee FROM v_graph.follows WHERE follower = $1 AND edge ORDER BY followee";

const FOLLOWED_AMONG: &str =
    "SELECT followee FROM v_graph.follows WHERE follower = $1 AND followee = ANY($2) AND edge";

/// Changes with every edge of the viewer: one that is off stays, with a higher version.
const RELATIONS_VERSION: &str = "SELECT greatest((SELECT max(v) FROM v_graph.follows WHERE follower = $1),
                     (SELECT max(v) FROM v_graph.blocks WHERE blocker = $1),
                     (SELECT max(v) FROM v_graph.blocks WHERE blocked = $1 AND edge),
                     (SELECT max(v) FROM v_graph.dismissals WHERE dismisser = $1), 0)";

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
}
