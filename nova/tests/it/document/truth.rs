//! Every answer that the stories' client gets is documented.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::LazyLock;

use serde_json::Value;

use crate::client::Api;

struct Documented {
    method: String,
    path: Vec<String>,
    id: String,
    codes: Value,
    statuses: BTreeSet<String>,
}

static DOCUMENTED: LazyLock<Vec<Documented>> = LazyLock::new(|| {
    let document = super::document();
    let documented = super::operations(&document).into_iter().map(|operation| Documented {
        method: operation.method.clone(),
        path: operation.path.split('/').map(str::to_owned).collect(),
        id: operation.id.to_owned(),
        codes: operation.part["x-codes"].clone(),
        statuses: operation.part["responses"].as_object().unwrap().keys().cloned().collect(),
    });
    documented.collect()
});

/// A client of a server, whose answers are checked.
pub(crate) fn client(address: SocketAddr) -> Api {
    Api::new(address).watched(check)
}

/// Fails unless the operation's status and code are in the document. What is no operation may answer as it likes.
fn check(method: &str, url: &str, status: u16, body: &Value) {
    let path =
        url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path: Vec<&str> =
        path.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default().split('/').collect();
    let Some(documented) = operation(method, &path) else { return };
    let code = body["code"].as_str().filter(|_| status >= 400);
    let has = |code: &str| {
        documented.codes[status.to_string()].as_array().is_some_and(|all| all.iter().any(|one| one == code))
    };
    let is_documented = documented.statuses.contains(&status.to_string()) && code.is_none_or(has);
    if is_documented {
        return;
    }
    let breach = format!("{} answers {status} {}", documented.id, code.unwrap_or_default());
    // All that is missing, in one run.
    if let Some(file) = std::env::var_os("NOVA_UNDOCUMENTED") {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        writeln!(file, "{breach}").unwrap();
        return;
    }
    panic!("{breach}: docs/problems.md, or the operation's answers, do not have it");
}

/// Of those that fit, the one that names most of the path: `/users/me` is not `/users/{id}`.
fn operation(method: &str, path: &[&str]) -> Option<&'static Documented> {
    let fits = |documented: &&Documented| {
        let place = documented.path.iter().skip(1);
        documented.method == method
            && documented.path.len() == path.len() + 1
            && place.zip(path).all(|(documented, asked)| documented.starts_with('{') || documented == asked)
    };
    let named =
        |documented: &&Documented| documented.path.iter().filter(|part| !part.starts_with('{')).count();
    DOCUMENTED.iter().filter(fits).max_by_key(named)
}
