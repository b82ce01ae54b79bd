//! What may go wrong with an operation. `docs/problems.md` is the one place where that is written.

use axum::http::StatusCode;

const TABLE: &str = include_str!("../../../docs/problems.md");

/// A code of problems, as a row of the table tells of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    pub(super) code: &'static str,
    pub(super) status: u16,
    /// Ids of operations, and words for many of them.
    places: &'static str,
}

pub(super) fn codes() -> impl Iterator<Item = Code> {
    TABLE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.splitn(4, " | ");
        let code = cells.next()?.strip_suffix('`')?;
        Some(Code { code, status: cells.next()?.parse().ok()?, places: cells.next()? })
    })
}

/// The codes of an operation that is called `id`, and that `is` what some words say.
pub(super) fn codes_of<'a>(id: &'a str, is: &'a [&'static str]) -> impl Iterator<Item = Code> + 'a {
    codes().filter(move |code| {
        code.places.split(' ').any(|place| place == "every" || place == id || is.contains(&place))
    })
}

/// The name of a status.
pub(super) fn reason(status: &str) -> &'static str {
    let known = status.parse::<StatusCode>().ok();
    known.and_then(|status| status.canonical_reason()).unwrap_or("Refused")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_in_the_order_of_the_codes() {
        let all: Vec<_> = codes().collect();
        assert_eq!(all.len(), TABLE.lines().filter(|line| line.starts_with("| `")).count());
        assert!(all.is_sorted_by_key(|code| code.code));
        assert!(all.iter().all(|code| (400..600).contains(&code.status)));
    }
}
