//! Search in posts and in a conversation: what is found first, and where in it the words are. Stores only say which posts
//! or messages hold all the words; order and highlights are worked out here, so every store gives the same.
//!
//! * The newest [`MATCHES_MAX`] matches are ordered by their score, then newest first. The score is BM25's weight of a
//!   text, averaged over what is looked for, against a text of `USUAL_WORDS` words; half as much again is added where
//!   all of it stands next to each other in order. How rare a word is plays no part: every match holds every word. So a
//!   score depends on the message and the search alone, and stays when others are sent, edited or deleted.
//! * Posts are scored alike: the newest [`POSTS_MAX`] matches *that the viewer may see*, so that no number of hidden ones
//!   takes the place of one that is not.
//! * A cursor holds the newest match that there was at the first page. What is sent later is not looked at, so pages
//!   neither repeat nor skip anything that is not edited or deleted meanwhile.

use std::cmp::Reverse;
use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::ViewError;
use crate::message::Message;
use crate::page::{Cursor, PageRequest};
use crate::words::{places, words};

/// Matches that a search goes through, the newest ones.
pub const MATCHES_MAX: usize = 1_000;
/// The most bytes, and words, of one search.
pub const QUERY_BYTES_MAX: usize = 512;
const QUERY_WORDS_MAX: usize = 32;
/// Posts that match and that the viewer may see, the newest ones: a search goes through so many.
pub const POSTS_MAX: usize = 1_000;
/// A score looks at so much of a text.
pub const SCORED_CHARS: usize = 2_000;
/// Highlights of one message.
pub const HIGHLIGHTS_MAX: usize = 100;
/// The length against which a text is long or short.
const USUAL_WORDS: f64 = 12.0;
/// As BM25 has them: how soon a further occurrence says nothing more, and how much length matters.
const SATURATION: f64 = 1.2;
const BY_LENGTH: f64 = 0.75;

/// A message that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MessageHit {
    #[serde(flatten)]
    pub message: Message,
    /// Where in `text` the words stand, in order and apart from each other; at most 100.
    pub highlights: Vec<Highlight>,
}

/// A part of a text: from `start` up to, not including, `end`, counted in UTF-16 code units as strings are in
/// JavaScript, so `text.slice(start, end)` is what was found. Offsets rather than marked-up text: there is nothing to
/// escape, and nothing in a message can pass for a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Highlight {
    pub start: usize,
    pub end: usize,
}

/// What is looked for: each piece is a word, or words next to each other (`a-b`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrases(Vec<Vec<String>>);

impl Phrases {
    /// What people type is never syntax: it is taken apart here, and a store is given words.
    pub fn checked(text: &str) -> Result<Self, ViewError> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(ViewError::BadQuery("is longer than 512 bytes"));
        }
        let phrases = Self::of(text);
        match phrases.0.len() {
            0 => Err(ViewError::BadQuery("has no word in it")),
            count if count > QUERY_WORDS_MAX => Err(ViewError::BadQuery("has more than 32 words")),
            _ => Ok(phrases),
        }
    }

    pub fn of(text: &str) -> Self {
        let pieces = text.split(|c: char| c.is_whitespace() || c == '"' || c == '\0');
        Self(pieces.map(|piece| words(piece).collect::<Vec<_>>()).filter(|words| !words.is_empty()).collect())
    }

    /// The words of each piece, which stand next to each other.
    pub fn pieces(&self) -> &[Vec<String>] {
        &self.0
    }

    /// How well a text fits, for one that holds everything; only its first [`SCORED_CHARS`] characters count.
    pub fn score(&self, text: &str) -> u32 {
        let end = text.char_indices().nth(SCORED_CHARS).map_or(text.len(), |(at, _)| at);
        let found: Vec<String> = words(&text[..end]).collect();
        let long = 1.0 - BY_LENGTH + BY_LENGTH * found.len() as f64 / USUAL_WORDS;
        let weight = |phrase: &Vec<String>| {
            let times = starts(&found, phrase).count() as f64;
            times / (times + SATURATION * long)
        };
        let weights: f64 = self.0.iter().map(weight).sum();
        let whole = self.0.concat();
        let together = self.0.len() > 1 && starts(&found, &whole).next().is_some();
        let score = weights / self.0.len().max(1) as f64 + if together { 0.5 } else { 0.0 };
        (score * 1_000.0).round() as u32
    }

    /// Where they stand in a text.
    pub fn highlights(&self, text: &str) -> Vec<Highlight> {
        let (places, found): (Vec<Range<usize>>, Vec<String>) = places(text).unzip();
        let mut marked: Vec<Range<usize>> = Vec::new();
        for phrase in &self.0 {
            for start in starts(&found, phrase).take(HIGHLIGHTS_MAX) {
                if let (Some(first), Some(last)) = (places.get(start), places.get(start + phrase.len() - 1)) {
                    marked.push(first.start..last.end);
                }
            }
        }
        marked.sort_unstable_by_key(|range| (range.start, Reverse(range.end)));
        let mut apart: Vec<Range<usize>> = Vec::new();
        for range in marked {
            match apart.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart.truncate(HIGHLIGHTS_MAX);
        in_utf16(text, &apart)
    }

    pub fn hit(&self, message: Message) -> MessageHit {
        let highlights = message.text.as_deref().map(|text| self.highlights(text)).unwrap_or_default();
        MessageHit { message, highlights }
    }
}

/// Where a phrase begins among words.
fn starts<'a>(found: &'a [String], phrase: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    let length = phrase.len().max(1);
    found.windows(length).enumerate().filter(move |(_, window)| *window == phrase).map(|(start, _)| start)
}

/// Ranges of bytes, in order and apart, in UTF-16 code units.
fn in_utf16(text: &str, ranges: &[Range<usize>]) -> Vec<Highlight> {
    let (mut bytes, mut units) = (0, 0);
    let mut up_to = |end: usize| {
        units += text[bytes..end].encode_utf16().count();
        bytes = end;
        units
    };
    ranges.iter().map(|range| Highlight { start: up_to(range.start), end: up_to(range.end) }).collect()
}

/// The end of one page: the newest match of the first one, then the score and the seq of the last that was shown.
type Key = (i64, u32, i64);

const CURSOR: &str = "message_search";

/// A match that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    pub seq: i64,
    pub message: Uuid,
    pub score: u32,
}

/// A post that matches, and that the viewer may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostMatch {
    pub post: Uuid,
    pub created_at_ms: i64,
    pub score: u32,
}

/// The order of found posts: best first, then newest first, then by id.
pub fn best_posts(mut found: Vec<PostMatch>) -> Vec<Uuid> {
    found.sort_unstable_by_key(|found| Reverse((found.score, found.created_at_ms, found.post)));
    found.into_iter().map(|found| found.post).collect()
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub phrases: Phrases,
    after: Option<Key>,
    limit: usize,
}

impl Search {
    pub fn of(text: &str, page: &PageRequest) -> Result<Self, ViewError> {
        let after = page.cursor.as_ref().map(|cursor| cursor.unpack(CURSOR)).transpose()?;
        let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
        Ok(Self { phrases: Phrases::checked(text)?, after, limit })
    }

    /// Matches up to this seq are looked at, the newest [`MATCHES_MAX`] of them.
    pub fn up_to(&self) -> i64 {
        self.after.map_or(i64::MAX, |(up_to, ..)| up_to)
    }

    /// The matches of the page in their order, and the cursor of the next one.
    pub fn page(&self, mut all: Vec<Match>) -> (Vec<Uuid>, Option<Cursor>) {
        let newest = all.iter().map(|found| found.seq).max();
        let up_to = self.after.map(|(up_to, ..)| up_to).or(newest).unwrap_or(i64::MAX);
        if let Some((_, score, seq)) = self.after {
            all.retain(|found| (found.score, found.seq) < (score, seq));
        }
        all.sort_unstable_by_key(|found| Reverse((found.score, found.seq)));
        let more = all.len() > self.limit;
        all.truncate(self.limit);
        let next = all.last().filter(|_| more);
        let next = next.map(|last| Cursor::pack(CURSOR, &(up_to, last.score, last.seq)));
        (all.iter().map(|found| found.message).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, query: &str) -> Vec<String> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let highlights = Phrases::of(query).highlights(text);
        highlights.iter().map(|h| String::from_utf16(&units[h.start..h.end]).unwrap()).collect()
    }

    #[test]
    fn highlights_are_where_the_words_stand_whatever_is_around_them() {
        assert_eq!(marked("🐝 Crème brûlée, crème!", "CREME"), ["Crème", "crème"]);
        assert_eq!(marked("an a-b, a b and a", "a-b"), ["a-b", "a b"]);
        assert_eq!(marked("<b>bold</b> \u{202e}b", "b"), ["b", "b", "b"]);
        assert_eq!(marked("one two three", "two-three one-two"), ["one two three"], "what overlaps is one");
        assert_eq!(marked("nothing here", "else"), [""; 0]);
        assert_eq!(marked(&"a ".repeat(500), "a").len(), HIGHLIGHTS_MAX);
    }

    #[test]
    fn what_says_it_more_and_in_fewer_words_comes_first() {
        let score = |text: &str| Phrases::of("low tide").score(text);
        let long = "the tide is not what it was when the water was low and we were there in the early days";
        let ordered = ["low tide", "at low tide we meet", "tide low", "the tide is rather low today", long];
        for pair in ordered.windows(2) {
            assert!(score(pair[0]) > score(pair[1]), "{pair:?}");
        }
        let once = Phrases::of("tide");
        assert!(once.score("tide tide tide and so on") > once.score("tide this day and so on"));
        assert_eq!(Phrases::of("").score("anything"), 0);
        assert_eq!(once.score(&format!("{} tide", "x".repeat(SCORED_CHARS))), 0, "too far behind");
    }

    fn found(seq: i64, score: u32) -> Match {
        Match { seq, message: Uuid::from_u128(seq as u128), score }
    }

    #[test]
    fn nothing_to_look_for_or_too_much_is_refused() {
        for text in ["", "  ", "\"\"", "*** --", &"x".repeat(600), &"x ".repeat(40)] {
            assert!(matches!(Phrases::checked(text), Err(ViewError::BadQuery(_))), "{text}");
        }
    }

    #[test]
    fn posts_come_best_first_then_newest_first() {
        let found =
            |post, created_at_ms, score| PostMatch { post: Uuid::from_u128(post), created_at_ms, score };
        let ordered = best_posts(vec![found(1, 5, 7), found(2, 9, 7), found(3, 1, 8), found(4, 9, 7)]);
        assert_eq!(ordered, [3, 4, 2, 1].map(Uuid::from_u128));
    }

    #[test]
    fn pages_go_on_whatever_is_sent_and_deleted_meanwhile() {
        let mut all = vec![found(1, 5), found(2, 9), found(3, 5), found(4, 7)];
        let page = |cursor, all: &[Match]| {
            let search = Search::of("word", &PageRequest { cursor, limit: 2, after: 0 }).unwrap();
            let all = all.iter().filter(|found| found.seq <= search.up_to()).copied().collect();
            let (ids, next) = search.page(all);
            (ids.iter().map(|id| id.as_u128()).collect::<Vec<_>>(), next)
        };
        let (first, next) = page(None, &all);
        assert_eq!(first, [2, 4]);
        // Sent later, better and worse; and one that was shown is deleted.
        all.extend([found(5, 8), found(6, 1)]);
        all.remove(1);
        let (second, end) = page(next, &all);
        assert_eq!((second, end), (vec![3, 1], None));
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let cursor = Some(Cursor::pack("messages", &(1, Uuid::nil())));
        let refused = Search::of("word", &PageRequest { cursor, limit: 2, after: 0 });
        assert!(matches!(refused, Err(ViewError::BadCursor)));
    }
}
