//! What a text must be like.

use std::hash::{DefaultHasher, Hash, Hasher};

use nova_events::Personal;
use nova_events::post::Text;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::refusal::Refusal;

/// Something to say: not blank, at most `bytes_max`, no control characters but line breaks and tabs.
///
/// Direction controls stay as they came: those that nobody closes end with their paragraph (UAX #9, X8).
pub(crate) fn check_text(field: &'static str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if is_blank(text) {
        return Err(Refusal::invalid(field, "empty", "must not be empty"));
    }
    check_optional_text(field, text, bytes_max)
}

/// As [`check_text`], but it may be blank.
pub(crate) fn check_optional_text(field: &'static str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.len() > bytes_max {
        let detail = format!("has {} bytes, at most {bytes_max} are allowed", text.len());
        return Err(Refusal::invalid(field, "too_long", detail));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Refusal::invalid(field, "control_character", "must not contain control characters"));
    }
    Ok(())
}

/// A name that stands in a line with other text: as [`check_text`], and without direction controls, which would turn
/// what stands around it.
pub(crate) fn check_name(field: &'static str, name: &str, bytes_max: usize) -> Result<(), Refusal> {
    check_text(field, name, bytes_max)?;
    if name.chars().any(is_direction_control) {
        let detail = "must not contain characters that change the direction of text";
        return Err(Refusal::invalid(field, "direction_control", detail));
    }
    Ok(())
}

/// Whether nothing of the text can be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || matches!(
                c.general_category(),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::SpaceSeparator
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
            )
            || is_invisible_letter_or_mark(c)
    })
}

/// The fillers, joiners and variation selectors that Unicode counts among letters, marks and symbols.
fn is_invisible_letter_or_mark(c: char) -> bool {
    matches!(
        c,
        '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// The characters with the property `Bidi_Control`.
fn is_direction_control(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Tells whether a text is the one that is there already. A hash that lives in memory only: nothing about a sealed text
/// is stored, and a text whose key was destroyed is no other text's equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextDigest(Option<u64>);

impl TextDigest {
    pub(crate) fn of(text: &Personal<Text>) -> Self {
        Self(text.clear().map(|text| {
            let mut hasher = DefaultHasher::new();
            text.text.hash(&mut hasher);
            hasher.finish()
        }))
    }

    pub(crate) fn is_of(self, text: &Personal<Text>) -> bool {
        self.0.is_some() && self == Self::of(text)
    }
}

/// A handle: `a-z`, `0-9` and `_`.
pub(crate) fn check_handle(handle: &str, chars_min: usize, chars_max: usize) -> Result<(), Refusal> {
    let refuse = |code, detail: String| Err(Refusal::invalid("handle", code, detail));
    if handle.len() < chars_min {
        return refuse("too_short", format!("must have at least {chars_min} characters"));
    }
    if handle.len() > chars_max {
        return refuse("too_long", format!("must have at most {chars_max} characters"));
    }
    if !handle.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        return refuse("character", "may hold a-z, 0-9 and _ only".to_owned());
    }
    Ok(())
}

pub(crate) fn check_reason(reason: Option<&String>, bytes_max: usize) -> Result<(), Refusal> {
    reason.map_or(Ok(()), |reason| check_text("reason", reason, bytes_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_invisible_characters_is_blank() {
        for text in [
            "",
            " \t\n",
            "\u{2060}",
            "\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}",
            "\u{feff}",
            "\u{ad}",
            "\u{a0}\u{3000}",
            "\u{2028}",
            "\u{3164}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0020}",
            "\u{180e}",
        ] {
            assert!(is_blank(text), "{}", text.escape_unicode());
        }
        for text in ["a", "\u{2060}a", "👨\u{200d}👩", "می\u{200c}خواهم", "\u{301}", "\u{f8ff}", "."]
        {
            assert!(!is_blank(text), "{}", text.escape_unicode());
        }
    }

    #[test]
    fn direction_controls_are_refused_in_names_only() {
        for c in ['\u{202e}', '\u{202a}', '\u{2066}', '\u{2069}', '\u{200e}', '\u{200f}', '\u{61c}'] {
            let text = format!("evil{c}txt");
            let refusal = check_name("display_name", &text, 100).unwrap_err();
            assert_eq!(refusal.field(), Some(("display_name", "direction_control")));
            assert_eq!(check_text("text", &text, 100), Ok(()));
        }
        // Joiners make words of some scripts, and families of emoji.
        for name in ["می\u{200c}خواهم", "👨\u{200d}👩\u{200d}👧", "שלום"] {
            assert_eq!(check_name("display_name", name, 100), Ok(()));
        }
    }

    #[test]
    fn a_digest_tells_texts_apart_and_knows_none_that_was_redacted() {
        let text = |text: &str| Personal::Clear(Text { text: text.to_owned() });
        assert!(TextDigest::of(&text("a")).is_of(&text("a")));
        assert!(!TextDigest::of(&text("a")).is_of(&text("b")));
        assert!(!TextDigest::of(&Personal::Redacted).is_of(&Personal::Redacted));
        assert!(!TextDigest::default().is_of(&text("")));
    }
}
