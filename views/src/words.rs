//! Words, as both profiles find them: runs of letters and digits, whatever their case and without diacritics. What is
//! looked for and what is looked through go through the same code.

use std::ops::Range;

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// What is longer is cut.
pub const WORD_CHARS_MAX: usize = 200;

/// The words of a text, in order.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    places(text).map(|(_, word)| word)
}

/// The words of a text with the bytes where they stand, in order.
pub fn places(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    text.split(|c: char| !(c.is_alphanumeric() || is_combining_mark(c))).filter_map(|run| {
        let word: String = run.chars().filter_map(fold).take(WORD_CHARS_MAX).collect();
        // `run` is a part of `text`.
        let start = run.as_ptr().addr() - text.as_ptr().addr();
        (!word.is_empty()).then_some((start..start + run.len(), word))
    })
}

/// `None`: a mark of its own on the letter before it.
fn fold(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c.to_ascii_lowercase());
    }
    if ('\u{300}'..='\u{36f}').contains(&c) {
        return None;
    }
    // By the upper case, so that the forms of one letter (a final sigma) are the same.
    let folded = only(c.to_uppercase()).and_then(|upper| only(upper.to_lowercase())).unwrap_or(c);
    let (mut base, mut marks) = (None, true);
    decompose_canonical(folded, |part| match base {
        None => base = Some(part),
        Some(_) => marks &= is_combining_mark(part),
    });
    // As SQLite does it: from Latin letters only; elsewhere a mark may make another letter.
    match base {
        Some(base) if base.is_ascii_alphanumeric() && marks => Some(base.to_ascii_lowercase()),
        Some(_) | None => Some(folded),
    }
}

fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    chars.next().filter(|_| chars.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn words_are_letters_and_digits_whatever_their_case_and_marks() {
        assert_eq!(all("The QUICK, (brown) fox-trot 2x"), ["the", "quick", "brown", "fox", "trot", "2x"]);
        assert_eq!(all("Crème BRÛLÉE Tiếng Cafe\u{301}"), ["creme", "brulee", "tieng", "cafe"]);
        assert_eq!(all("ΟΔΟΣ οδος Йод straße 東京"), ["οδοσ", "οδοσ", "йод", "straße", "東京"]);
        assert_eq!(all("-- ' \0 #a_b's"), ["a", "b", "s"]);
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        let text = "Ünder the brûlée";
        let found: Vec<_> = places(text).map(|(place, word)| (&text[place], word)).collect();
        assert_eq!(
            found,
            [("Ünder", "under".to_owned()), ("the", "the".to_owned()), ("brûlée", "brulee".to_owned())]
        );
        assert_eq!(all(&"x".repeat(5_000))[0].len(), WORD_CHARS_MAX);
    }
}
