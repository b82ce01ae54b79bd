//! That docs/metrics.md names every metric of the sources, and no other.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;

const TABLE: &str = "docs/metrics.md";
const MACROS: [&str; 3] = ["counter!(", "gauge!(", "histogram!("];

/// Returns the differences, one per line.
pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let table = named(&tree.text(TABLE));
    let mut used: BTreeSet<String> = BTreeSet::new();
    // Of each room, what its constants may be called.
    let mut constants: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut mentioned: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, text) in tree.rust_files("") {
        let Some((room, rest)) = path.split_once('/') else { continue };
        if !rest.starts_with("src/") {
            continue;
        }
        for (name, value) in string_constants(text) {
            constants.entry((room.to_owned(), name)).or_default().push(value);
        }
        for argument in MACROS.iter().flat_map(|call| text.split(call).skip(1)) {
            let argument = argument.trim_start();
            if let Some(literal) = argument.strip_prefix('"') {
                used.extend(literal.split('"').next().map(str::to_owned));
            } else {
                let name = argument.split([',', ')']).next().unwrap_or_default();
                let name = name.rsplit("::").next().unwrap_or_default().trim();
                mentioned.insert((room.to_owned(), name.to_owned()));
            }
        }
    }
    // Names may come from another room, such as those that both profiles share.
    for (room, name) in mentioned {
        let own = constants.get(&(room, name.clone()));
        let any = || constants.iter().filter(|((_, of), _)| *of == name).flat_map(|(_, values)| values);
        match own {
            Some(values) => used.extend(values.iter().cloned()),
            None => used.extend(any().cloned()),
        }
    }
    let all = constants.values().flatten().cloned().collect::<BTreeSet<_>>();
    let lacking = used.difference(&table).map(|name| format!("{TABLE} lacks {name}"));
    let gone = table.iter().filter(|name| !used.contains(*name) && !all.contains(*name));
    lacking.chain(gone.map(|name| format!("{TABLE} names {name}, which nothing sets"))).collect()
}

fn named(table: &str) -> BTreeSet<String> {
    let names = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

/// `const NAME: &str = "value"`, and what the value is, if it looks like a metric's.
fn string_constants(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split("const ").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once(": &str = \"")?;
        let value = rest.split('"').next()?;
        let is_name = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let is_metric = value.contains('_')
            && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit());
        (is_name && is_metric).then(|| (name.to_owned(), value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_rows_are_found() {
        let found: Vec<_> =
            string_constants("pub const LAG: &str = \"a_lag\";\nconst NOT: &str = \"a name\";").collect();
        assert_eq!(found, [("LAG".to_owned(), "a_lag".to_owned())]);
        assert_eq!(named("# x\n| `a_total` | counter | A. |\n"), BTreeSet::from(["a_total".to_owned()]));
    }
}
