//! Every answer of every story is one that the document tells of.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

struct Told {
    method: String,
    path: Vec<String>,
    id: String,
    codes: Value,
    statuses: BTreeSet<String>,
}

static TOLD: LazyLock<Vec<Told>> = LazyLock::new(|| {
    let document = super::document();
    let told = super::operations(&document).into_iter().map(|operation| Told {
        method: operation.method.clone(),
        path: operation.path.split('/').map(str::to_owned).collect(),
        id: operation.id.to_owned(),
        codes: operation.told["x-codes"].clone(),
        statuses: operation.told["responses"].as_object().unwrap().keys().cloned().collect(),
    });
    told.collect()
});

/// Fails unless the operation's status and code are in the document. What is no operation may answer as it likes.
pub(crate) fn is_told(method: &str, url: &str, status: u16, body: &Value) {
    let path =
        url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path: Vec<&str> =
        path.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default().split('/').collect();
    let Some(told) = operation(method, &path) else { return };
    let code = body["code"].as_str().filter(|_| status >= 400);
    let has = |code: &str| {
        told.codes[status.to_string()].as_array().is_some_and(|all| all.iter().any(|one| one == code))
    };
    let is_told = told.statuses.contains(&status.to_string()) && code.is_none_or(has);
    if is_told {
        return;
    }
    let breach = format!("{} answers {status} {}", told.id, code.unwrap_or_default());
    // For whoever mends the table: all that is missing, in one run.
    if let Some(file) = std::env::var_os("NOVA_UNTOLD") {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        writeln!(file, "{breach}").unwrap();
        return;
    }
    panic!("{breach}: docs/problems.md, or the operation's answers, do not tell of it");
}

/// Of those that fit, the one that names most of the path: `/users/me` is not `/users/{id}`.
fn operation(method: &str, path: &[&str]) -> Option<&'static Told> {
    let fits = |told: &&Told| {
        let place = told.path.iter().skip(1);
        told.method == method
            && told.path.len() == path.len() + 1
            && place.zip(path).all(|(told, asked)| told.starts_with('{') || told == asked)
    };
    let named = |told: &&Told| told.path.iter().filter(|part| !part.starts_with('{')).count();
    TOLD.iter().filter(fits).max_by_key(named)
}
