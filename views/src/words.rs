//! Words, as both profiles find them. A text and what is looked for in it go through the same code, and a store is given
//! finished words only.
//!
//! * A text is split where UAX 29 splits words. Scripts written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) come
//!   apart character by character: what is looked for in them is then a phrase of these, so any part of a sentence is
//!   found, and no dictionary has to know it.
//! * A word is what is left of it in NFKC, without regard to case (as full case folding does it: `ß` is `ss`), without
//!   the diacritics of Latin and Greek letters, and without the vowel points of Hebrew and Arabic. Elsewhere a mark makes
//!   another letter, and stays.
//!
//! Stores keep words. A change here needs a new version of the schemas of both profiles, which fills the views again.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// What is longer is cut.
pub const WORD_CHARS_MAX: usize = 200;
/// Words of one text that are found. PostgreSQL knows no position behind it.
pub const INDEXED_WORDS_MAX: usize = 16_383;

/// The words of a text, in order.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    places(text).map(|(_, word)| word)
}

/// The words of a text that are found, one space between two.
pub fn indexed(text: &str) -> String {
    words(text).take(INDEXED_WORDS_MAX).collect::<Vec<_>>().join(" ")
}

/// The words of a text with the bytes where they stand, in order.
pub fn places(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    let runs = text.unicode_word_indices().flat_map(|(start, segment)| {
        // UAX 29 keeps `can't`, `3.14` and `a_b` together.
        let parts = segment.split(|c: char| !belongs(c) && !is_joiner(c));
        parts.map(move |part| (start + (part.as_ptr().addr() - segment.as_ptr().addr()), part))
    });
    runs.filter_map(|(start, run)| {
        let word = fold(run);
        (!word.is_empty()).then_some((start..start + run.len(), word))
    })
}

fn belongs(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Says how letters join, and is no letter itself.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}')
}

fn fold(run: &str) -> String {
    if run.is_ascii() {
        return run.chars().take(WORD_CHARS_MAX).map(|c| c.to_ascii_lowercase()).collect();
    }
    let mut base = None;
    let letters = run.nfkd().filter(move |c| {
        if !is_combining_mark(*c) {
            base = Some(*c);
        }
        belongs(*c) && *c != TATWEEL && !is_passed_over(*c, base)
    });
    // Down, up and down again: so the forms of one letter (a final sigma, a capital sharp s) are the same.
    let folded =
        letters.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let marked = folded.nfd().collect::<String>();
    // An upper case may bring a mark of its own.
    let mut base = None;
    let kept = marked.chars().filter(move |c| {
        if !is_combining_mark(*c) {
            base = Some(*c);
        }
        !is_passed_over(*c, base)
    });
    kept.nfc().take(WORD_CHARS_MAX).collect()
}

/// Lengthens an Arabic word, and says nothing.
const TATWEEL: char = '\u{640}';

/// A mark that readers do without.
fn is_passed_over(mark: char, base: Option<char>) -> bool {
    match canonical_combining_class(mark) {
        0 => false,
        // The points of Hebrew and Arabic.
        10..=35 => true,
        _ => base.is_some_and(|base| {
            base.is_ascii_alphanumeric()
                || matches!(base, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}')
        }),
    }
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
        assert_eq!(
            all("ΟΔΟΣ οδος Ὀδός Йод straße STRASSE ẞ"),
            ["οδοσ", "οδοσ", "οδοσ", "йод", "strasse", "strasse", "ss"]
        );
        assert_eq!(all("-- ' \0 #a_b's can't 3.14"), ["a", "b", "s", "can", "t", "3", "14"]);
    }

    #[test]
    fn scripts_without_spaces_come_apart_into_characters() {
        assert_eq!(all("東京都 ひらがな"), ["東", "京", "都", "ひ", "ら", "が", "な"]);
        assert_eq!(all("ไทย"), ["ไ", "ท", "ย"]);
        assert_eq!(all("カタカナ 한국어"), ["カタカナ", "한국어"]);
    }

    #[test]
    fn one_word_in_two_encodings_is_one_word() {
        for (one, other) in [
            ("がぎ", "か\u{3099}き\u{3099}"),
            ("ｶﾞｷﾞ", "ガギ"),
            ("한국어", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"),
            ("Йод", "и\u{306}од"),
            ("ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ", "საქართველო"),
            ("Ωμέγα", "ΩΜΕΓΑ"),
            ("ＡＢＣ１", "abc1"),
            ("ﬁn", "fin"),
            ("مُحَمَّد", "محمد"),
            ("שָׁלוֹם", "שלום"),
            ("क्\u{200d}ष", "क्ष"),
            ("İstanbul", "istanbul"),
        ] {
            assert_eq!(all(one), all(other), "{one} {other}");
        }
    }

    #[test]
    fn a_mark_that_makes_another_letter_stays() {
        assert_eq!(all("हिन्दी"), ["हिन्दी"]);
        assert_ne!(all("कि"), all("का"));
        assert_ne!(all("и"), all("й"));
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        let text = "Ünder the brûlée 東京";
        let found: Vec<_> = places(text).map(|(place, word)| (&text[place], word)).collect();
        let expected = [("Ünder", "under"), ("the", "the"), ("brûlée", "brulee"), ("東", "東"), ("京", "京")];
        assert_eq!(found, expected.map(|(part, word)| (part, word.to_owned())));
        assert_eq!(all(&"x".repeat(5_000))[0].len(), WORD_CHARS_MAX);
    }

    #[test]
    fn words_hold_nothing_that_is_syntax_to_a_store() {
        for text in ["a'b\\c\"d", "x & y | !z <-> (w)", "½ ™ ﷺ", "\u{202e}a\u{0}b"] {
            for word in words(text) {
                assert!(word.chars().all(belongs), "{word:?}");
                assert_eq!(all(&word).concat(), word, "a word stays what it is");
            }
        }
    }
}
