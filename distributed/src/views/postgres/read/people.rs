//! People, and what stands between two of them.

use nova_events::UserId;
use nova_events::envelope::time_of_ms;
use nova_views::{Lookup, Profile, ProfileKey, ViewError};
use sqlx::postgres::PgRow;
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};

/// Whether one follows the other now.
macro_rules! follows {
    ($follower:literal, $followee:literal) => {
        concat!(
            "((SELECT f.edge FROM v_graph.follows f WHERE f.follower = ",
            $follower,
            " AND f.followee = ",
            $followee,
            ") IS TRUE)"
        )
    };
}

/// Whether one of the two blocks the other.
macro_rules! apart {
    ($one:literal, $other:literal) => {
        concat!(
            "((SELECT b.edge FROM v_graph.blocks b WHERE b.blocker = ",
            $one,
            " AND b.blocked = ",
            $other,
            ") IS TRUE OR (SELECT b.edge FROM v_graph.blocks b WHERE b.blocker = ",
            $other,
            " AND b.blocked = ",
            $one,
            ") IS TRUE)"
        )
    };
}

/// The columns that [`profile_of`] reads, of `u`, for the viewer `$1`.
macro_rules! profile {
    () => {
        concat!(
            "u.id, u.handle, u.display_name, u.bio, coalesce(u.created_at, 0),
             coalesce((SELECT c.posts FROM v_posts.author_counts c WHERE c.author = u.id), 0),
             coalesce((SELECT c.followers FROM v_graph.counts c WHERE c.user_id = u.id), 0),
             coalesce((SELECT c.following FROM v_graph.counts c WHERE c.user_id = u.id), 0), ",
            follows!("$1", "u.id"),
            ", ",
            follows!("u.id", "$1")
        )
    };
}

pub(super) use {apart, follows, profile};

const PERSON: &str =
    concat!("SELECT u.active, ", apart!("$1", "u.id"), " FROM v_profiles.users u WHERE u.id = $2");

const PROFILE: &str = concat!(
    "SELECT u.active, ",
    apart!("$1", "u.id"),
    ", ",
    profile!(),
    " FROM v_profiles.users u WHERE u.id = $2"
);

const PROFILE_BY_HANDLE: &str = concat!(
    "SELECT u.active, ",
    apart!("$1", "u.id"),
    ", ",
    profile!(),
    " FROM v_profiles.users u WHERE u.id = (
        SELECT id FROM v_profiles.users WHERE handle = $2 AND handle <> '' ORDER BY v DESC LIMIT 1)"
);

impl Reads {
    pub(super) async fn profile(
        &self,
        viewer: UserId,
        key: &ProfileKey,
    ) -> Result<Lookup<Profile>, ViewError> {
        let found = match key {
            ProfileKey::Id(id) => rows(&self.pool, || query(PROFILE).bind(viewer.0).bind(id.0)).await?,
            ProfileKey::Handle(handle) => {
                rows(&self.pool, || query(PROFILE_BY_HANDLE).bind(viewer.0).bind(storable(handle))).await?
            }
        };
        let Some(row) = found.first() else { return Ok(Lookup::Unknown) };
        let mut columns = Columns::of(row);
        Ok(match standing(&mut columns)? {
            Lookup::Found(()) => Lookup::Found(profile_of(&mut columns)?),
            Lookup::Gone => Lookup::Gone,
            Lookup::Unknown => Lookup::Unknown,
        })
    }

    /// Someone with an account, if the viewer may see them.
    pub(super) async fn person(&self, viewer: UserId, user: UserId) -> Result<Lookup<()>, ViewError> {
        let found = rows(&self.pool, || query(PERSON).bind(viewer.0).bind(user.0)).await?;
        found.first().map_or(Ok(Lookup::Unknown), |row| standing(&mut Columns::of(row)))
    }
}

/// PostgreSQL's texts hold no zero bytes, so nothing is found by one that does.
pub(super) fn storable(text: &str) -> &str {
    if text.contains('\0') { "" } else { text }
}

fn standing(columns: &mut Columns<'_>) -> Result<Lookup<()>, ViewError> {
    let (active, apart): (bool, bool) = (columns.take()?, columns.take()?);
    Ok(match (active, apart) {
        (_, true) => Lookup::Unknown,
        (false, false) => Lookup::Gone,
        (true, false) => Lookup::Found(()),
    })
}

pub(super) fn profile_of(columns: &mut Columns<'_>) -> Result<Profile, ViewError> {
    Ok(Profile {
        id: UserId(columns.take()?),
        handle: columns.take()?,
        display_name: columns.take()?,
        bio: columns.take()?,
        created_at: time_of_ms(columns.take()?),
        post_count: columns.count()?,
        follower_count: columns.count()?,
        following_count: columns.count()?,
        followed_by_viewer: columns.take()?,
        follows_viewer: columns.take()?,
    })
}

/// A key of a list, then the profile.
pub(super) fn keyed(row: &PgRow) -> Result<((i64, Uuid), Profile), ViewError> {
    let mut columns = Columns::of(row);
    let key = (columns.take()?, columns.take()?);
    Ok((key, profile_of(&mut columns)?))
}
