//! Search in posts. What people type is never query syntax: each of their words becomes a quoted string.

use nova_events::UserId;
use nova_views::{List, PageRequest, PostCard, ViewError};
use rusqlite::params;
use uuid::Uuid;

use super::frozen::Place;
use super::{Ask, Asked};
use crate::write::POSTS;

const TEXT_BYTES_MAX: usize = 512;
const WORDS_MAX: usize = 32;
/// Best matches that a search goes through.
const MATCHES_MAX: i64 = 1_000;

/// Words to look for, as a query of FTS5 that asks for all of them.
pub(super) fn checked(text: &str) -> Result<String, ViewError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ViewError::BadQuery("is longer than 512 bytes"));
    }
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == '"' || c == '\0')
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| format!("\"{word}\""))
        .collect();
    match words.len() {
        0 => Err(ViewError::BadQuery("has no word in it")),
        count if count > WORDS_MAX => Err(ViewError::BadQuery("has more than 32 words")),
        _ => Ok(words.join(" AND ")),
    }
}

impl Ask<'_> {
    /// `query` comes from [`checked`].
    pub(super) fn search(
        &mut self,
        viewer: UserId,
        query: &str,
        page: &PageRequest,
    ) -> Asked<List<PostCard>> {
        let question = self.question("search", query);
        let viewer = self.viewer(viewer)?;
        let likes = self.likes_of(viewer.id)?;
        self.frozen_page(
            &question,
            page,
            |ask, _| {
                ask.query(POSTS, |db| {
                    let sql = "SELECT posts.id FROM posts_fts JOIN posts ON posts.n = posts_fts.rowid
                               WHERE posts_fts MATCH ?1
                               ORDER BY posts_fts.rank, posts.created_at DESC, posts.id DESC LIMIT ?2";
                    let mut statement = db.prepare_cached(sql)?;
                    let places = statement.query_map(params![query, MATCHES_MAX], |row| {
                        Ok(Place::of(Uuid::from_bytes(row.get(0)?)))
                    })?;
                    places.collect()
                })
            },
            |ask, place| ask.card(&viewer, &likes, place.id),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_whatever_they_hold() {
        assert_eq!(checked("Hello  world").unwrap(), "\"Hello\" AND \"world\"");
        assert_eq!(
            checked("a\" OR text:b* NEAR(").unwrap(),
            "\"a\" AND \"OR\" AND \"text:b*\" AND \"NEAR(\""
        );
    }

    #[test]
    fn nothing_to_look_for_or_too_much_is_refused() {
        for text in ["", "  ", "\"\"", "*** --", &"x".repeat(600), &"x ".repeat(40)] {
            assert!(matches!(checked(text), Err(ViewError::BadQuery(_))), "{text}");
        }
    }
}
