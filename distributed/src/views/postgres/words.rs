//! Words as PostgreSQL is given them: texts and searches go through [`nova_views::words`], and PostgreSQL never splits or
//! folds anything itself: it is given finished lexemes.

use std::collections::BTreeMap;
use std::fmt::Write;

use nova_views::search::Phrases;
use nova_views::words::{INDEXED_WORDS_MAX, words};
use uuid::Uuid;

/// PostgreSQL keeps at most as many positions of one lexeme.
const POSITIONS_EACH_MAX: usize = 255;
/// Different lexemes of one text that are found, in bytes. PostgreSQL takes 1 MiB.
const LEXEME_BYTES_MAX: usize = 500_000;

/// A text as the text of a `tsvector`, with a lexeme that is no word of it.
pub(crate) fn vector(text: &str, with: Option<&str>) -> String {
    let mut lexemes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut bytes = 0;
    for (place, word) in words(text).take(INDEXED_WORDS_MAX).enumerate() {
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

/// Returns the search as the text of a `tsquery`, with a lexeme that must be there too.
pub(crate) fn query(phrases: &Phrases, with: Option<&str>) -> String {
    let quoted = phrases.pieces().iter().map(|words| {
        let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        format!("({})", words.join(" <-> "))
    });
    let with = with.map(|with| format!("'{with}'"));
    with.into_iter().chain(quoted).collect::<Vec<_>>().join(" & ")
}

/// A conversation as a lexeme that no text can hold.
pub(crate) fn of_conversation(conversation: Uuid) -> String {
    format!("#{}", conversation.simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_knows_where_words_are() {
        assert_eq!(vector("b a B", None), "'a':2 'b':1,3 ");
        assert_eq!(vector("it's", Some("#1")), "'it':1 's':2 '#1'");
    }

    #[test]
    fn a_query_asks_for_all_words_and_for_phrases_in_their_order() {
        let sought = |text: &str, with| query(&Phrases::checked(text).unwrap(), with);
        assert_eq!(sought("a-b C", None), "('a' <-> 'b') & ('c')");
        assert_eq!(sought("it's", Some("#1")), "'#1' & ('it' <-> 's')");
        assert_eq!(sought("a\" OR text:b* NEAR(", None), "('a') & ('or') & ('text' <-> 'b') & ('near')");
        assert_eq!(sought("it''s \\ & | ! <->", None), "('it' <-> 's')");
    }

    #[test]
    fn long_texts_are_cut() {
        let text: String = (0..50_000).map(|n| format!("w{n} ")).collect();
        assert!(vector(&text, None).len() < 1 << 20);
        assert!(vector(&"same ".repeat(50_000), None).len() < 10_000);
    }
}
