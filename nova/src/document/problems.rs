//! The error codes of operations, read from `docs/problems.md`.

use axum::http::StatusCode;

const TABLE: &str = include_str!("../../../docs/problems.md");

/// A code of problems, as a row of the table tells of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    pub(super) code: &'static str,
    pub(super) status: u16,
    /// Ids and groups of operations.
    places: &'static str,
}

pub(super) fn codes() -> impl Iterator<Item = Code> {
    TABLE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.splitn(4, " | ");
        let code = cells.next()?.strip_suffix('`')?;
        Some(Code { code, status: cells.next()?.parse().ok()?, places: cells.next()? })
    })
}

/// The codes of an operation with this id, in these groups.
pub(super) fn codes_of<'a>(id: &'a str, groups: &'a [&'static str]) -> impl Iterator<Item = Code> + 'a {
    codes().filter(move |code| {
        code.places.split(' ').any(|place| place == "every" || place == id || groups.contains(&place))
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
        let rows = TABLE.lines().skip_while(|line| !line.starts_with("| code"));
        assert_eq!(all.len(), rows.filter(|line| line.starts_with("| `")).count());
        assert!(all.is_sorted_by_key(|code| code.code));
        assert!(all.iter().all(|code| (400..600).contains(&code.status)));
    }
}
