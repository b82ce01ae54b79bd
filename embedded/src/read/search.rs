//! Search in posts.

use std::collections::hash_map::Entry;

use nova_events::UserId;
use nova_views::search::{POSTS_MAX, Phrases, PostMatch, best_posts};
use nova_views::{List, PageRequest, PostCard};
use rusqlite::params;
use uuid::Uuid;

use super::frozen::Place;
use super::people::Viewer;
use super::{Ask, Asked};
use crate::epochs::IdMap;
use crate::write::{POSTS, visibility};

/// Matches that are looked at for those that the viewer may see, the newest ones. Private posts of others are not among
/// them.
const LOOKED_AT_MAX: i64 = 100_000;

/// Returns the search as a query of FTS5: words hold letters, digits and marks only, and a string is a phrase.
pub(super) fn matching(phrases: &Phrases) -> String {
    let quoted = phrases.pieces().iter().map(|words| format!("\"{}\"", words.join(" ")));
    quoted.collect::<Vec<_>>().join(" AND ")
}

impl Ask<'_> {
    pub(super) fn search(
        &mut self,
        viewer: UserId,
        phrases: &Phrases,
        page: &PageRequest,
    ) -> Asked<List<PostCard>> {
        let query = matching(phrases);
        let question = self.question("search", (viewer.0, &query));
        let viewer = self.viewer(viewer)?;
        let likes = self.likes_of(viewer.id)?;
        self.frozen_page(
            &question,
            page,
            |ask, _| ask.found_posts(&viewer, phrases, &query),
            |ask, place| ask.card(&viewer, &likes, place.id),
        )
    }

    /// The newest matches that the viewer may see, best first.
    fn found_posts(&mut self, viewer: &Viewer, phrases: &Phrases, query: &str) -> Asked<Vec<Place>> {
        let matches = self.query(POSTS, |db| {
            let sql = "SELECT p.id, p.author, p.visibility, p.created_at
                       FROM posts_fts JOIN posts p ON p.n = posts_fts.rowid
                       WHERE posts_fts MATCH ?1 AND p.state = 0 AND (p.visibility <> 2 OR p.author = ?2)
                       ORDER BY p.created_at DESC, p.id DESC LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let values = params![query, viewer.id.as_bytes(), LOOKED_AT_MAX];
            let rows = statement.query_map(values, |row| {
                let id = |column| row.get(column).map(Uuid::from_bytes);
                Ok((id(0)?, id(1)?, visibility(row.get(2)?), row.get::<_, i64>(3)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut shown = IdMap::<Uuid, bool>::default();
        let mut found = Vec::new();
        for (post, author, visibility, created_at_ms) in matches {
            if let Entry::Vacant(unknown) = shown.entry(author) {
                unknown.insert(self.author(viewer, author)?.is_some());
            }
            if !shown.get(&author).copied().unwrap_or(false) || !self.may_see(viewer, author, visibility)? {
                continue;
            }
            let Some(row) = self.post_row(post)? else { continue };
            found.push(PostMatch { post, created_at_ms, score: phrases.score(&row.text) });
            if found.len() == POSTS_MAX {
                break;
            }
        }
        Ok(best_posts(found).into_iter().map(Place::of).collect())
    }
}
