//! What a text must be like.

use crate::refusal::Refusal;

/// Something to say: not blank, at most `bytes_max`, no control characters but line breaks and tabs.
pub(crate) fn check_text(field: &'static str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.trim().is_empty() {
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
