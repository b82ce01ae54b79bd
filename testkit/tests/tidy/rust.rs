//! How Rust files are shaped, read as text: enough for these rules, and much quicker than parsing.

/// A longer file is rarely one thing.
const LINES_MAX: usize = 600;

/// Ways to wait, to reach out or to read a clock.
const IMPURE: [&str; 8] =
    ["async ", ".await", "std::fs", "std::net", "std::env", "std::process", "SystemTime", "Instant::now"];

pub(crate) fn shape_faults(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        found.push(format!("{path} has {lines} lines, {LINES_MAX} at most: is it one thing?"));
    }
    if path.ends_with("/mod.rs") {
        found.push(format!("{path}: a module lies beside its folder, as foo.rs beside foo/"));
    }
    found
}

pub(crate) fn impurity_faults(path: &str, text: &str) -> Vec<String> {
    let code = code_only(text);
    let found = IMPURE.iter().filter(|word| code.contains(**word));
    found.map(|word| format!("{path}: the domain has no {}", word.trim())).collect()
}

/// The bodies of the functions that fold or project events: those whose names begin so.
pub(crate) fn folds(text: &str) -> Vec<String> {
    let code = code_only(text);
    let starts = ["fn evolve", "fn project"].iter().flat_map(|start| code.match_indices(start));
    starts.filter_map(|(at, _)| body(&code[at..])).map(str::to_owned).collect()
}

/// Wildcard arms in them: the compiler is to show every place that a new event touches.
pub(crate) fn wildcard_faults(path: &str, text: &str) -> Vec<String> {
    let folds = folds(text);
    let wild = folds.iter().flat_map(|body| body.lines()).filter(|line| has_wildcard_arm(line));
    wild.map(|line| format!("{path}: a wildcard arm in evolve or project: {}", line.trim())).collect()
}

fn has_wildcard_arm(line: &str) -> bool {
    line.match_indices("=>").any(|(arrow, _)| {
        let in_name = |c: char| c.is_alphanumeric() || c == '_';
        let pattern = line[..arrow].trim_end();
        // Each end of a pattern: before its guard, if it has one, or before the arrow.
        let wildcard = pattern
            .split(" if ")
            .any(|part| part.trim_end().strip_suffix('_').is_some_and(|before| !before.ends_with(in_name)));
        // `(_, _)` says no more than `_`.
        let all_wild = pattern.rsplit_once('(').is_some_and(|(before, fields)| {
            !before.trim_end().ends_with(in_name)
                && fields.ends_with(')')
                && fields.trim_end_matches(')').split(',').all(|field| field.trim() == "_")
        });
        wildcard || all_wild
    })
}

/// From the first opening brace to the one that closes it.
fn body(code: &str) -> Option<&str> {
    let open = code.find('{')?;
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&code[open..=open + at]);
        }
    }
    None
}

/// The text with comments, and what stands in quotes, taken out; lines stay lines.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if c == '"' {
            let end = end_of_string(rest);
            code.extend(rest[..end].chars().filter(|c| *c == '\n'));
            rest = &rest[end..];
        } else if let Some(length) = char_literal(rest) {
            rest = &rest[length..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// Past the closing quote of the string that `text` begins with.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the character literal that `text` begins with, which a lifetime is not.
fn char_literal(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if let Some(escaped) = inside.strip_prefix('\\') {
        return escaped.get(1..)?.find('\'').map(|end| end + 4);
    }
    let c = inside.chars().next()?;
    inside[c.len_utf8()..].starts_with('\'').then_some(c.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_long_files_and_folders_with_a_mod_file() {
        assert_eq!(shape_faults("a/b.rs", &"\n".repeat(LINES_MAX)), [""; 0]);
        assert_eq!(shape_faults("a/b.rs", &"\n".repeat(LINES_MAX + 1)).len(), 1);
        assert_eq!(shape_faults("a/mod.rs", "").len(), 1);
    }

    #[test]
    fn finds_wildcard_arms_in_evolve_and_project_only() {
        let within = |arm: &str| {
            format!("fn project_posts(e: &Event) {{ match e {{ Event::A(_) => {{}}\n{arm}\n}} }}")
        };
        for arm in
            ["_ => {}", "  _ if late => 1,", "Event::B(_) | _ => {}", "(_, _) => {}", "B => 1, _ => 2,"]
        {
            assert_eq!(wildcard_faults("a.rs", &within(arm)).len(), 1, "{arm}");
        }
        for arm in [
            "Event::B(_) => {}",
            "Event::B { .. } => {}",
            "(Event::B(_), _) => {}",
            "rest_ => {}",
            "// _ => {}",
            "B => print(\"_ => {\"),",
        ] {
            assert_eq!(wildcard_faults("a.rs", &within(arm)), [""; 0], "{arm}");
        }
        let elsewhere = "fn evolve() { match a { B => '{', C => '\\'' } } fn other() { match a { _ => 1 } }";
        assert_eq!((folds(elsewhere).len(), wildcard_faults("a.rs", elsewhere).len()), (1, 0));
    }

    #[test]
    fn finds_a_domain_that_waits_or_looks_at_the_clock() {
        assert_eq!(impurity_faults("a.rs", "pub async fn decide() {}").len(), 1);
        assert_eq!(impurity_faults("a.rs", "let now = SystemTime::now();").len(), 1);
        assert_eq!(impurity_faults("a.rs", "// async is not for us\nfn decide<'a>() {}"), [""; 0]);
    }
}
