//! What no text file may hold. The words are put together here so that this file does not hold them either.

/// Marks of unfinished work, looked for as whole words.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
const UNFINISHED_RUST: [&str; 3] =
    [concat!("to", "do!"), concat!("unimpl", "emented!"), concat!("#[ig", "nore")];

/// Roots of paths that only one machine has.
const MACHINE_PATHS: [&str; 5] = ["work", "root", "home", "Users", "farm"];

/// Hosts of package registries: where packages come from is the business of whoever builds.
const REGISTRIES: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("repo1", ".maven.org"),
    concat!("deb.debian", ".org"),
];

pub(crate) fn faults(path: &str, text: &str) -> Vec<String> {
    // Made by cargo, which writes the index's address into it.
    if path.ends_with(".lock") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut fault = |what: String| found.push(format!("{path}:{number}: {what}"));
        if let Some(mark) = UNFINISHED.iter().find(|mark| has_word(line, mark)) {
            fault(format!("unfinished work ({mark})"));
        }
        if path.ends_with(".rs")
            && let Some(mark) = UNFINISHED_RUST.iter().find(|mark| line.contains(**mark))
        {
            fault(format!("unfinished work ({mark})"));
        }
        if let Some(place) = MACHINE_PATHS.iter().find(|place| has_path(line, place)) {
            fault(format!("a path of one machine (/{place}/)"));
        }
        if let Some(host) = REGISTRIES.iter().find(|host| line.contains(**host)) {
            fault(format!("the host of a package registry ({host})"));
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

/// Whether the line has an absolute path under `/place/`: one that nothing stands before, as it would in a URL.
fn has_path(line: &str, place: &str) -> bool {
    line.match_indices(&format!("/{place}/")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.}/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_no_file_may_hold() {
        for (path, line, expected) in [
            ("a.md", format!("{}: more", UNFINISHED[0]), "a.md:1: unfinished work"),
            ("a.sh", format!("# {}", UNFINISHED[1]), "a.sh:1: unfinished work"),
            ("a.rs", format!("{}()", UNFINISHED_RUST[0]), "a.rs:1: unfinished work"),
            ("a.rs", format!("{}]", UNFINISHED_RUST[2]), "a.rs:1: unfinished work"),
            (
                "a.toml",
                format!("path = \"/{}/ada/nova\"", MACHINE_PATHS[2]),
                "a.toml:1: a path of one machine",
            ),
            (
                "a.yml",
                format!("https://static.{}/x", REGISTRIES[0]),
                "a.yml:1: the host of a package registry",
            ),
        ] {
            let found = faults(path, &line);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{line}: {found:?}");
        }
    }

    #[test]
    fn lets_the_rest_through() {
        for line in [
            "todo lists are content like any other".to_owned(),
            format!("{}MENT", UNFINISHED[0]),
            format!("https://example.org/{}/", MACHINE_PATHS[2]),
            format!("the {} of things", MACHINE_PATHS[0]),
        ] {
            assert_eq!(faults("a.rs", &line), [""; 0], "{line}");
        }
        assert_eq!(faults("Cargo.lock", REGISTRIES[0]), [""; 0]);
    }
}
