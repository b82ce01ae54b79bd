//! Says what the metrics mean. `docs/metrics.md` is the one place where that is written.

use metrics::{describe_counter, describe_gauge, describe_histogram};

const TABLE: &str = include_str!("../../../docs/metrics.md");

/// Metrics of one name, as a row of the table tells of them.
#[derive(Debug, Clone, Copy)]
struct Family {
    name: &'static str,
    kind: &'static str,
    meaning: &'static str,
}

fn families() -> impl Iterator<Item = Family> {
    TABLE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.splitn(3, " | ");
        let name = cells.next()?.strip_suffix('`')?;
        Some(Family { name, kind: cells.next()?, meaning: cells.next()? })
    })
}

/// Tells the recorder that is installed.
pub(super) fn describe() {
    for Family { name, kind, meaning } in families() {
        match kind {
            "counter" => describe_counter!(name, meaning),
            "gauge" => describe_gauge!(name, meaning),
            _ => describe_histogram!(name, meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_says_what_it_must() {
        let all: Vec<_> = families().collect();
        assert_eq!(all.len(), TABLE.lines().filter(|line| line.starts_with("| `")).count());
        assert!(all.is_sorted_by_key(|family| family.name), "rows are in the order of their names");
        for Family { name, kind, meaning } in all {
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{name}: {kind}");
            assert!(meaning.ends_with('.'), "{name}: {meaning}");
            for (suffix, unit) in [("_seconds", "econds"), ("_bytes", "ytes")] {
                assert!(
                    !name.ends_with(suffix) || meaning.contains(unit),
                    "{name} has to say its unit: {meaning}"
                );
            }
        }
    }
}
