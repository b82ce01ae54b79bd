//! The text files of the tree: those that git tracks or would track, or all but what is built when there is no git.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that are made, not written.
const MADE: [&str; 7] = [
    ".git",
    "target",
    "nova-data",
    "node_modules",
    "clients/typescript/build",
    "clients/typescript/dist",
    "clients/python/generated",
];

pub(crate) struct Tree {
    /// By path from the root. Files that are not UTF-8 are not here.
    pub(crate) files: BTreeMap<String, String>,
}

impl Tree {
    pub(crate) fn read() -> Self {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("testkit is a room of the workspace");
        let paths = tracked(root).unwrap_or_else(|| {
            let mut found = Vec::new();
            walk(root, root, &mut found);
            found
        });
        let files: BTreeMap<String, String> = paths
            .into_iter()
            .filter_map(|path| Some((fs::read_to_string(root.join(&path)).ok()?, path)))
            .map(|(text, path)| (path, text))
            .collect();
        assert!(files.contains_key("Cargo.toml"), "the tree at {} was not read", root.display());
        Self { files }
    }

    /// The text of a file, nothing if it is missing.
    pub(crate) fn text(&self, path: &str) -> String {
        self.files.get(path).cloned().unwrap_or_default()
    }

    pub(crate) fn rust_files(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(folder) && path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    // An unpacked archive inside another repository is not tracked there.
    (output.status.success() && paths.iter().any(|path| path == "Cargo.toml")).then_some(paths)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    for path in paths {
        if path.is_dir() {
            if !MADE.iter().any(|made| path.ends_with(made)) {
                walk(root, &path, found);
            }
        } else if let Ok(inside) = path.strip_prefix(root) {
            found.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}
