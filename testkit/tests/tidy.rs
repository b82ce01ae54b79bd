//! What the whole tree promises, checked on its files: who may use whom, how files are shaped, what no file may hold.

#[path = "tidy/metrics.rs"]
mod metrics;
#[path = "tidy/problems.rs"]
mod problems;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/rust.rs"]
mod rust;
#[path = "tidy/text.rs"]
mod text;
#[path = "tidy/tree.rs"]
mod tree;

use std::collections::BTreeSet;

use tree::Tree;

/// Fails with every fault, one a line.
#[track_caller]
fn none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{} faults:\n  {}", faults.len(), faults.join("\n  "));
}

#[test]
fn rooms_use_only_whom_they_may() {
    none(rooms::of(&Tree::read()).iter().flat_map(rooms::faults));
}

#[test]
fn every_room_is_a_member_and_takes_the_workspaces_lints() {
    let tree = Tree::read();
    none(rooms::membership_faults(&tree.text("Cargo.toml"), &rooms::of(&tree)));
}

#[test]
fn files_hold_nothing_unfinished_and_nothing_of_one_machine() {
    none(Tree::read().files.iter().flat_map(|(path, text)| text::faults(path, text)));
}

#[test]
fn rust_files_are_short_and_lie_beside_their_folder() {
    none(Tree::read().rust_files("").flat_map(|(path, text)| rust::shape_faults(path, text)));
}

#[test]
fn evolve_and_project_name_every_event() {
    let tree = Tree::read();
    let files: Vec<(&str, &str)> =
        tree.rust_files("domain/src/").chain(tree.rust_files("projectors/src/")).collect();
    none(files.iter().flat_map(|(path, text)| rust::wildcard_faults(path, text)));
    let folds: usize = files.iter().map(|(_, text)| rust::folds(text).len()).sum();
    assert!(folds > 5, "only {folds} evolve and project functions were found: has the name changed?");
}

#[test]
fn the_domain_has_no_io_no_clock_and_does_not_wait() {
    none(Tree::read().rust_files("domain/src/").flat_map(|(path, text)| rust::impurity_faults(path, text)));
}

#[test]
fn every_event_has_a_frozen_sample_and_a_schema() {
    let tree = Tree::read();
    let names = |folder: &str| -> BTreeSet<String> {
        let files = tree.files.keys().filter_map(|path| path.strip_prefix(folder));
        files.filter(|name| name.ends_with(".json")).map(str::to_owned).collect()
    };
    let (golden, schemas) = (names("events/golden/"), names("events/schemas/"));
    assert!(!golden.is_empty(), "events/golden is empty");
    none(golden.symmetric_difference(&schemas).map(|name| format!("{name} is in golden or in schemas only")));
}

#[test]
fn every_metric_is_described() {
    none(metrics::faults(&Tree::read()));
}

#[test]
fn every_error_code_is_documented() {
    none(problems::faults(&Tree::read()));
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = Tree::read().text("README.md");
    let commands = ["cargo run --release -- demo", "./test.sh"];
    none(
        commands.iter().filter(|command| !readme.contains(**command)).map(|c| format!("README.md lacks {c}")),
    );
}
