//! Search in posts. What people type is never query syntax: it is split into words here, and PostgreSQL is given those.

use nova_events::UserId;
use nova_views::{List, PageRequest, PostCard, ViewError};
use sqlx::query;

use super::Reads;
use super::ask::{Columns, rows};
use super::feed::by_id;
use super::frozen::{Place, Showing, Start};
use crate::views::postgres::words;

const TEXT_BYTES_MAX: usize = 512;
const WORDS_MAX: usize = 32;
/// Best matches that a search goes through.
const MATCHES_MAX: i64 = 1_000;

/// A long text counts less for a word than a short one.
const RANK_BY_LENGTH: i32 = 1;

const MATCHES: &str =
    "SELECT p.id FROM v_posts.posts p WHERE p.tsv IS NOT NULL AND p.tsv @@ $1::text::tsquery AND p.state = 0
     ORDER BY ts_rank(p.tsv, $1::text::tsquery, $3) DESC, p.created_at DESC, p.id DESC LIMIT $2";

/// What someone looks for, within its limits: each piece is a word, or words next to each other (`a-b`).
#[derive(Debug)]
pub(super) struct Sought<'a>(Vec<&'a str>);

impl<'a> Sought<'a> {
    pub(super) fn checked(text: &'a str) -> Result<Self, ViewError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ViewError::BadQuery("is longer than 512 bytes"));
        }
        let pieces: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c == '"' || c == '\0')
            .filter(|piece| nova_views::words::words(piece).next().is_some())
            .collect();
        match pieces.len() {
            0 => Err(ViewError::BadQuery("has no word in it")),
            count if count > WORDS_MAX => Err(ViewError::BadQuery("has more than 32 words")),
            _ => Ok(Self(pieces)),
        }
    }

    /// As the text of a `tsquery`, with a lexeme that must be there too.
    pub(super) fn query(&self, with: Option<&str>) -> String {
        words::query(self.0.iter().copied(), with).unwrap_or_default()
    }
}

impl Reads {
    pub(super) async fn search(
        &self,
        viewer: UserId,
        text: &str,
        page: &PageRequest,
        now_ms: i64,
    ) -> Result<List<PostCard>, ViewError> {
        let sought = Sought::checked(text)?.query(None);
        let question = self.orders.question("search", &sought, 0, now_ms, 0);
        let (order, at) = match self.orders.start(&question, page)? {
            Start::Kept(order, at) => (order, at),
            Start::Anew { started_ms, passed, behind } => {
                let order = self.orders.keep(&question, started_ms, self.matches(&sought).await?);
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

    async fn matches(&self, sought: &str) -> Result<Vec<Place>, ViewError> {
        let question = || query(MATCHES).bind(sought).bind(MATCHES_MAX).bind(RANK_BY_LENGTH);
        let found = rows(&self.pool, question).await?;
        found.iter().map(|row| Ok(Place::of(Columns::of(row).take()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_words_whatever_it_holds() {
        let sought = |text: &str| Sought::checked(text).unwrap().query(None);
        assert_eq!(sought("Hello  world"), "('hello') & ('world')");
        assert_eq!(sought("a\" OR text:b* NEAR("), "('a') & ('or') & ('text' <-> 'b') & ('near')");
        assert_eq!(sought("it''s \\ & | ! <->"), "('it' <-> 's')");
    }

    #[test]
    fn nothing_to_look_for_or_too_much_is_refused() {
        for text in ["", "  ", "\"\"", "*** --", &"x".repeat(600), &"x ".repeat(40)] {
            assert!(matches!(Sought::checked(text), Err(ViewError::BadQuery(_))), "{text}");
        }
    }
}
