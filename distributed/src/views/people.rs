//! People: one of them, and whom a viewer may know, each down its ladder.

use chrono::{DateTime, Utc};
use nova_events::UserId;
use nova_views::{Answer, List, Lookup, PageRequest, Profile, ProfileKey, ViewReader};

use super::climb::Climb;
use super::postgres::PostgresViews;
use super::sources::Source;
use super::{Answered, Views};

impl Views {
    /// PostgreSQL; the profile as it was seen last.
    pub(super) async fn profile_down(&self, viewer: UserId, key: ProfileKey) -> Answered<Lookup<Profile>> {
        let mut climb = Climb::new("profile");
        let asked = async {
            let key = &key;
            let ask = |postgres: PostgresViews| async move { postgres.profile(viewer, key.clone()).await };
            self.sources().postgres(ask).await.map(Some)
        };
        if let Some(answer) = climb.rung("postgres", &[Source::Postgres], asked).await? {
            if let Lookup::Found(profile) = &answer.value {
                self.keep_profile(viewer, &key, answer.as_of, profile);
            }
            return Ok(answer);
        }
        let kept = self.whole_profile(viewer, &key);
        if let Some((profile, as_of)) = climb.rung("last_good", &[Source::Redis], kept).await? {
            let value = Lookup::Found(profile);
            return Ok(Answer { value, source: "last_good", as_of, degraded: true });
        }
        Err(climb.exhausted())
    }

    /// The graph in PostgreSQL; the suggestions that were good last; those whom most follow.
    pub(super) async fn discover_down(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<Profile>> {
        let mut climb = Climb::new("discover");
        let page = &page;
        let asked = async {
            let ask =
                |postgres: PostgresViews| async move { postgres.discover(viewer, page.clone(), now).await };
            self.sources().postgres(ask).await.map(Some)
        };
        if let Some(answer) = climb.rung("postgres", &[Source::Postgres], asked).await? {
            if page.cursor.is_none() {
                self.keep_people(viewer, answer.as_of, &answer.value.items);
            }
            return Ok(answer);
        }
        if page.cursor.is_none() {
            let kept = self.whole_people(viewer, page.limit);
            if let Some((value, as_of)) = climb.rung("last_good", &[Source::Redis], kept).await? {
                return Ok(Answer { value, source: "last_good", as_of, degraded: true });
            }
        }
        let popular = async {
            let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
            let ask = |postgres: PostgresViews| async move {
                let people = postgres.discover_popular(viewer, limit).await?;
                postgres.suggestions(viewer, &people).await
            };
            let items = self.sources().fallback(ask).await?;
            Ok(Some(List { items, next: None }))
        };
        if page.cursor.is_none()
            && let Some(value) = climb.rung("popular", &[Source::Fallback], popular).await?
        {
            return Ok(Answer { value, source: "popular", as_of: now, degraded: true });
        }
        Err(climb.exhausted())
    }
}
