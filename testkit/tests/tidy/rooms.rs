//! Who may use whom: the table of ARCHITECTURE.md, checked against the manifests.
//!
//! Only what a room is built of counts. Its tests may also use the contract suites and the embedded profile, which is
//! the double that everything is tested with.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::tree::Tree;

const STORES: &[&str] = &["sqlx", "rusqlite", "rdkafka", "redis", "fred", "clickhouse", "umadb-client"];
const HTTP: &[&str] =
    &["axum", "axum-extra", "http", "hyper", "hyper-util", "reqwest", "tower-http", "tokio-tungstenite"];
const ASYNC: &[&str] = &["tokio", "tokio-util", "tokio-stream", "futures", "async-trait"];
const CLOCKS: &[&str] = &["chrono", "time", "rand"];
const JSON: &[&str] = &["serde_json"];

struct Rule {
    room: &'static str,
    may_use: &'static [&'static str],
    /// Theirs that the room must not know.
    must_not_know: &'static [&'static [&'static str]],
}

const fn rule(
    room: &'static str,
    may_use: &'static [&'static str],
    must_not_know: &'static [&'static [&'static str]],
) -> Rule {
    Rule { room, may_use, must_not_know }
}

/// A room of the table that does not exist yet is fine; one that exists and is not here is not.
const RULES: &[Rule] = &[
    rule("eventlog", &[], &[JSON, STORES, HTTP]),
    rule("events", &["eventlog"], &[STORES, HTTP]),
    // `eventlog` for its vocabulary: a decision names streams and what it expects of them.
    rule("domain", &["events", "eventlog"], &[ASYNC, CLOCKS, JSON, STORES, HTTP]),
    rule("views", &["events"], &[STORES, HTTP]),
    rule("resilience", &[], &[STORES, HTTP]),
    rule("http", &["events", "resilience"], &[STORES]),
    rule("media", &["events", "resilience"], &[STORES, HTTP, JSON]),
    rule("deploy/local/s3", &[], &[]),
    rule("command-api", &["events", "eventlog", "domain", "http", "media"], &[STORES]),
    rule("projectors", &["eventlog", "events", "views"], &[STORES, HTTP]),
    rule("query-api", &["events", "eventlog", "views", "http", "media", "resilience"], &[STORES]),
    rule("embedded", &["eventlog", "events", "views", "resilience"], &[HTTP]),
    rule(
        "distributed",
        &["eventlog", "events", "views", "resilience"],
        &[&["axum", "axum-extra", "tower-http"]],
    ),
    rule("nova", &[ANY], &[]),
    rule("testkit", &[ANY], &[]),
    rule("bench", &[ANY], &[]),
];

/// May use every room.
const ANY: &str = "*";

/// What tests may use beside what the room itself may.
const FOR_TESTS: [&str; 3] = ["testkit", "embedded", "projectors"];

pub(crate) struct Room {
    /// Its folder.
    pub(crate) name: String,
    pub(crate) manifest: Table,
}

/// The folders with a manifest.
pub(crate) fn of(tree: &Tree) -> Vec<Room> {
    let manifests = tree.files.iter().filter_map(|(path, text)| {
        let name = path.strip_suffix("/Cargo.toml")?;
        let manifest = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        Some(Room { name: name.to_owned(), manifest })
    });
    manifests.collect()
}

pub(crate) fn faults(room: &Room) -> Vec<String> {
    let name = &room.name;
    let Some(rule) = RULES.iter().find(|rule| rule.room == name) else {
        return vec![format!("{name} is not in the table of rooms: say there whom it may use")];
    };
    let mut found = Vec::new();
    let may_use = |other: &str| rule.may_use.contains(&other) || rule.may_use.contains(&ANY);
    for dependency in dependencies(&room.manifest, &["dependencies", "build-dependencies"]) {
        match our_room(&dependency) {
            Some(other) if !may_use(other) => found.push(format!("{name} may not use {other}")),
            None if rule.must_not_know.iter().any(|group| group.contains(&dependency.as_str())) => {
                found.push(format!("{name} must not know {dependency}"));
            }
            Some(_) | None => {}
        }
    }
    for dependency in dependencies(&room.manifest, &["dev-dependencies"]) {
        if let Some(other) = our_room(&dependency)
            && !may_use(other)
            && !FOR_TESTS.contains(&other)
        {
            found.push(format!("the tests of {name} may not use {other}"));
        }
    }
    found
}

pub(crate) fn membership_faults(root_manifest: &str, rooms: &[Room]) -> Vec<String> {
    let root: Table = root_manifest.parse().expect("the root manifest is TOML");
    let members = root.get("workspace").and_then(|workspace| workspace.get("members"));
    let members: BTreeSet<&str> =
        members.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut found = Vec::new();
    for Room { name, manifest } in rooms {
        // A server for tests stands with those that run it.
        let called = name.strip_prefix("deploy/").unwrap_or(name).replace('/', "-");
        let expected = if name == "nova" { "nova".to_owned() } else { format!("nova-{called}") };
        let package = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        if package != Some(&expected) {
            found.push(format!("{name}/Cargo.toml: the package is not called {expected}"));
        }
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
        if lints != Some(true) {
            found.push(format!("{name}/Cargo.toml lacks `[lints] workspace = true`"));
        }
        if !members.contains(name.as_str()) {
            found.push(format!("{name} is not a member of the workspace"));
        }
    }
    let rooms: BTreeSet<&str> = rooms.iter().map(|room| room.name.as_str()).collect();
    found.extend(members.difference(&rooms).map(|member| format!("the member {member} has no manifest")));
    found
}

/// The packages that the named tables of a manifest depend on, those for one target only among them.
fn dependencies(manifest: &Table, tables: &[&str]) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = targets.filter_map(Value::as_table).chain([manifest]);
    let named = places.flat_map(|place| tables.iter().filter_map(|table| place.get(*table)?.as_table()));
    named
        .flatten()
        .map(|(name, wanted)| wanted.get("package").and_then(Value::as_str).unwrap_or(name).to_owned())
        .collect()
}

fn our_room(package: &str) -> Option<&str> {
    package.strip_prefix("nova-").or_else(|| (package == "nova").then_some("nova"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str, manifest: &str) -> Room {
        Room { name: name.to_owned(), manifest: manifest.parse().unwrap() }
    }

    #[test]
    fn finds_whom_a_room_may_not_use() {
        for (name, manifest, expected) in [
            ("domain", "dependencies = { nova-views = 1 }", "domain may not use views"),
            ("domain", "dependencies = { v = { package = 'nova-views' } }", "domain may not use views"),
            ("domain", "build-dependencies = { tokio = 1 }", "domain must not know tokio"),
            ("domain", "[target.'cfg(unix)'.dependencies]\nnova-http = 1", "domain may not use http"),
            ("views", "dependencies.rusqlite.workspace = true", "views must not know rusqlite"),
            ("eventlog", "dependencies.serde_json.workspace = true", "eventlog must not know serde_json"),
            ("embedded", "dependencies.nova-distributed = 1", "embedded may not use distributed"),
            ("query-api", "dependencies.nova-embedded = 1", "query-api may not use embedded"),
            ("query-api", "dependencies.nova = 1", "query-api may not use nova"),
            ("domain", "dev-dependencies = { nova-http = 1 }", "the tests of domain may not use http"),
            ("attic", "", "attic is not in the table of rooms: say there whom it may use"),
        ] {
            assert_eq!(faults(&room(name, manifest)), [expected]);
        }
        for (name, manifest) in [
            ("domain", "dependencies = { nova-events = 1, thiserror = 1 }"),
            ("domain", "dev-dependencies = { nova-testkit = 1, nova-embedded = 1, tokio = 1 }"),
            ("nova", "dependencies = { nova-distributed = 1, axum = 1 }"),
        ] {
            assert_eq!(faults(&room(name, manifest)), [""; 0]);
        }
    }

    #[test]
    fn finds_a_room_outside_the_workspace_or_its_lints() {
        let root = "workspace.members = ['views', 'gone']";
        let views = room("views", "package.name = 'nova-views'\nlints.workspace = true");
        let http = room("http", "package.name = 'http'");
        assert_eq!(
            membership_faults(root, &[views, http]),
            [
                "http/Cargo.toml: the package is not called nova-http",
                "http/Cargo.toml lacks `[lints] workspace = true`",
                "http is not a member of the workspace",
                "the member gone has no manifest",
            ]
        );
    }
}
