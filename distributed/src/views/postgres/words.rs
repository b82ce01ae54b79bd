//! Words, as both profiles find them: runs of letters and digits, whatever their case and without diacritics. Texts and
//! searches go through the same code, and PostgreSQL never splits or folds anything itself: it is given finished lexemes.

use std::collections::BTreeMap;
use std::fmt::Write;

use unicode_normalization::char::{decompose_canonical, is_combining_mark};
use uuid::Uuid;

/// What is longer is cut. PostgreSQL takes 2,046 bytes.
const WORD_CHARS_MAX: usize = 200;
/// Words of one text that are found. PostgreSQL knows no position behind it.
const POSITIONS_MAX: usize = 16_383;
/// PostgreSQL keeps at most as many positions of one lexeme.
const POSITIONS_EACH_MAX: usize = 255;
/// Different lexemes of one text that are found, in bytes. PostgreSQL takes 1 MiB.
const LEXEME_BYTES_MAX: usize = 500_000;

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || is_combining_mark(c)))
        .map(|word| word.chars().filter_map(fold).take(WORD_CHARS_MAX).collect::<String>())
        .filter(|word| !word.is_empty())
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

/// A text as the text of a `tsvector`, with a lexeme that is no word of it.
pub(crate) fn vector(text: &str, with: Option<&str>) -> String {
    let mut lexemes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut bytes = 0;
    for (place, word) in words(text).take(POSITIONS_MAX).enumerate() {
        bytes += word.len();
        if bytes > LEXEME_BYTES_MAX {
            break;
        }
        let places = lexemes.entry(word).or_default();
        if places.len() < POSITIONS_EACH_MAX {
            places.push(place + 1);
        }
    }
    let mut vector = String::with_capacity(text.len() + 8 * lexemes.len());
    // Words hold letters and digits only: nothing of them is syntax.
    for (word, places) in &lexemes {
        let _ = write!(vector, "'{word}'");
        for (count, place) in places.iter().enumerate() {
            let _ = write!(vector, "{}{place}", if count == 0 { ':' } else { ',' });
        }
        vector.push(' ');
    }
    if let Some(with) = with {
        let _ = write!(vector, "'{with}'");
    }
    vector
}

/// A search for all of these, as the text of a `tsquery`: each is a word, or words next to each other (`a-b`). `None`:
/// there is no word in it.
pub(crate) fn query<'a>(texts: impl IntoIterator<Item = &'a str>, with: Option<&str>) -> Option<String> {
    let phrases: Vec<String> = texts
        .into_iter()
        .map(|text| words(text).map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" <-> "))
        .filter(|phrase| !phrase.is_empty())
        .map(|phrase| format!("({phrase})"))
        .collect();
    if phrases.is_empty() {
        return None;
    }
    let query = phrases.join(" & ");
    Some(match with {
        Some(with) => format!("'{with}' & {query}"),
        None => query,
    })
}

/// A conversation as a lexeme that no text can hold.
pub(crate) fn of_conversation(conversation: Uuid) -> String {
    format!("#{}", conversation.simple())
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
    fn a_vector_knows_where_words_are() {
        assert_eq!(vector("b a B", None), "'a':2 'b':1,3 ");
        assert_eq!(vector("it's", Some("#1")), "'it':1 's':2 '#1'");
    }

    #[test]
    fn a_query_asks_for_all_words_and_for_phrases_in_their_order() {
        assert_eq!(query(["a-b", "C"], None).as_deref(), Some("('a' <-> 'b') & ('c')"));
        assert_eq!(query(["it's"], Some("#1")).as_deref(), Some("'#1' & ('it' <-> 's')"));
        assert_eq!(query(["--", ""], Some("#1")), None);
    }

    #[test]
    fn long_words_and_long_texts_are_cut() {
        assert_eq!(all(&"x".repeat(5_000))[0].len(), WORD_CHARS_MAX);
        let text: String = (0..50_000).map(|n| format!("w{n} ")).collect();
        assert!(vector(&text, None).len() < 1 << 20);
        assert!(vector(&"same ".repeat(50_000), None).len() < 10_000);
    }
}
