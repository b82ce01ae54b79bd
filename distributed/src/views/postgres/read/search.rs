//! Search in posts.

use nova_events::UserId;
use nova_views::search::{POSTS_MAX, Phrases, PostMatch, SCORED_CHARS, best_posts};
use nova_views::{List, PageRequest, PostCard, ViewError};
use sqlx::query;

use super::Reads;
use super::ask::{Columns, rows};
use super::feed::by_id;
use super::frozen::{Place, Showing, Start};
use super::people::{apart, follows};
use super::posts::may_see;
use crate::views::postgres::words;

/// The newest matches that the viewer `$1` may see. `$4` characters of a text are enough to score it.
const MATCHES: &str = concat!(
    "SELECT p.id, p.created_at, left(p.text, $4) FROM v_posts.posts p
     LEFT JOIN v_profiles.users u ON u.id = p.author
     WHERE p.tsv IS NOT NULL AND p.tsv @@ $2::text::tsquery AND p.state = 0 AND u.active IS NOT FALSE AND ",
    may_see!(),
    " ORDER BY p.created_at DESC, p.id DESC LIMIT $3"
);

impl Reads {
    pub(super) async fn search(
        &self,
        viewer: UserId,
        text: &str,
        page: &PageRequest,
        now_ms: i64,
    ) -> Result<List<PostCard>, ViewError> {
        let phrases = Phrases::checked(text)?;
        let sought = words::query(&phrases, None);
        let question = self.orders.question("search", (viewer.0, &sought), 0, now_ms, 0);
        let (order, at) = match self.orders.start(&question, page)? {
            Start::Kept(order, at) => (order, at),
            Start::Anew { started_ms, passed, behind } => {
                let matches = self.matches(viewer, &phrases, &sought).await?;
                let order = self.orders.keep(&question, started_ms, matches);
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
            let mut cards = by_id(self.cards(viewer, &ids).await?);
            showing.show(ids.len(), |place| cards.remove(&place.id));
        }
    }

    async fn matches(
        &self,
        viewer: UserId,
        phrases: &Phrases,
        sought: &str,
    ) -> Result<Vec<Place>, ViewError> {
        let (most, chars) = (POSTS_MAX as i64, SCORED_CHARS as i32);
        let question = || query(MATCHES).bind(viewer.0).bind(sought).bind(most).bind(chars);
        let mut matches = Vec::new();
        for row in &rows(&self.pool, question).await? {
            let mut columns = Columns::of(row);
            let (post, created_at_ms) = (columns.take()?, columns.take()?);
            let text: Option<String> = columns.take()?;
            matches.push(PostMatch { post, created_at_ms, score: phrases.score(&text.unwrap_or_default()) });
        }
        Ok(best_posts(matches).into_iter().map(Place::of).collect())
    }
}
