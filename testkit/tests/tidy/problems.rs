//! That docs/problems.md names every code that the sources can answer with, and no other.

use std::collections::BTreeSet;

use super::tree::Tree;

const TABLE: &str = "docs/problems.md";
/// Where a code is said apart from the problem that carries it: `Self::Some => "code"`.
const TABLES_OF_CODES: [&str; 3] = ["domain/src/refusal.rs", "http/src/token.rs", "http/src/problem.rs"];
/// Where a problem is made of a code.
const CALLS: [&str; 6] = [
    "ApiError::new(",
    "ApiError::bad_request(",
    "ApiError::conflict(",
    "ApiError::forbidden(",
    "ApiError::unauthorized(",
    "Self::new(",
];

/// Returns the differences, one per line.
pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let table = tree.text(TABLE);
    let rows = table.lines().skip_while(|line| !line.starts_with("| code"));
    let named: BTreeSet<&str> = rows.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let mut used = BTreeSet::new();
    for (path, text) in tree.rust_files("") {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        if TABLES_OF_CODES.contains(&path) {
            used.extend(
                text.split("=> \"")
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next())
                    .filter(|code| is_code(code)),
            );
        }
        let of_http =
            ["http/src/", "query-api/src/", "command-api/src/"].iter().any(|room| path.starts_with(room));
        if of_http && !path.ends_with("_tests.rs") {
            used.extend(CALLS.iter().flat_map(|call| text.split(call).skip(1)).filter_map(first_code));
        }
    }
    let lacking = used.difference(&named).map(|code| format!("{TABLE} lacks {code}"));
    let gone = named.difference(&used).map(|code| format!("{TABLE} names {code}, which nothing answers"));
    lacking.chain(gone).collect()
}

/// The first argument that is a string, after a status where there is one.
fn first_code(call: &str) -> Option<&str> {
    let before = call.split('"').next()?;
    let is_plain = before
        .split(',')
        .all(|argument| argument.trim().is_empty() || argument.trim().starts_with("StatusCode::"));
    let code = call.split('"').nth(1).filter(|code| is_plain && is_code(code))?;
    Some(code)
}

fn is_code(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[test]
fn codes_are_found_where_they_are() {
    assert_eq!(first_code("StatusCode::CONFLICT, \"busy\", detail)"), Some("busy"));
    assert_eq!(first_code("\"invalid_cursor\", \"not one\")"), Some("invalid_cursor"));
    assert_eq!(first_code("status, refusal.code(), \"some words\")"), None);
}
