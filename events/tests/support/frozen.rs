//! Committed files that a test compares with what the program makes today.
//!
//! `NOVA_BLESS=1` writes the files that are missing. A file that is there and differs is left alone, and the test
//! fails: it says what logs in the field hold. `NOVA_BLESS=overwrite` replaces it all the same, for an event that has
//! never been released.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bless {
    No,
    Missing,
    Overwrite,
}

impl Bless {
    pub(crate) fn from_environment() -> Self {
        match std::env::var("NOVA_BLESS").as_deref() {
            Err(_) | Ok("" | "0") => Self::No,
            Ok("1") => Self::Missing,
            Ok("overwrite") => Self::Overwrite,
            Ok(other) => panic!("NOVA_BLESS is 1 or overwrite, not {other:?}"),
        }
    }
}

/// A folder of `{Kind}.v{version}.json`.
pub(crate) struct Frozen {
    folder: PathBuf,
}

impl Frozen {
    pub(crate) fn new(name: &str) -> Self {
        Self { folder: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name) }
    }

    #[allow(dead_code, reason = "for the tests of blessing, which are in one of the binaries")]
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Every file, by kind and version.
    pub(crate) fn files(&self) -> BTreeMap<(String, u16), Value> {
        fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).map(read).collect()
    }

    /// Compares `current` with the file, after writing it if it may be written. Says what is wrong.
    pub(crate) fn check(
        &self,
        kind: &str,
        version: u16,
        current: &Value,
        bless: Bless,
    ) -> Result<(), String> {
        let path = self.folder.join(format!("{kind}.v{version}.json"));
        let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&path).display();
        let write = || {
            let json = serde_json::to_string_pretty(current).unwrap() + "\n";
            fs::write(&path, json).map_err(|error| format!("{shown}: {error}"))
        };
        if !path.exists() {
            return match bless {
                Bless::No => Err(format!("{shown} is missing: NOVA_BLESS=1 writes it; then commit it")),
                Bless::Missing | Bless::Overwrite => write(),
            };
        }
        let (_, frozen) = read(path.clone());
        match bless {
            _ if frozen == *current => Ok(()),
            Bless::Overwrite => write(),
            Bless::No | Bless::Missing => Err(format!(
                "{shown} differs from what is written today.\n  frozen: {frozen}\n  today:  {current}\n  \
                 Logs hold the frozen one: raise the version in `area!` and add an upcaster step instead. A field \
                 that is optional is shown by a further sample, not by changing the first."
            )),
        }
    }
}

fn read(path: PathBuf) -> ((String, u16), Value) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let key = name
        .strip_suffix(".json")
        .and_then(|stem| stem.rsplit_once(".v"))
        .and_then(|(kind, version)| Some((kind.to_owned(), version.parse().ok()?)))
        .unwrap_or_else(|| panic!("{name} is not named {{Kind}}.v{{version}}.json"));
    let value: Value = serde_json::from_slice(&fs::read(&path).unwrap())
        .unwrap_or_else(|error| panic!("{name} is not JSON: {error}"));
    assert_eq!(
        (value["kind"].as_str(), value["version"].as_u64()),
        (Some(key.0.as_str()), Some(u64::from(key.1))),
        "{name} says so of itself"
    );
    (key, value)
}
