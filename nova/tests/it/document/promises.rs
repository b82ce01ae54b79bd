//! What the document promises to clients, line by line, in `clients/promises.txt`. A line that starts with `!` is what a
//! client has to give. Clients break when a promise is taken back, or when more has to be given: neither is written to
//! the file unless `NOVA_BLESS=overwrite` says so. `NOVA_BLESS=1` writes what only adds.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{JSON, Operation, operations, resolved};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/promises.txt");
const DEPTH_MAX: usize = 8;

fn promises(document: &Value) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for operation in operations(document) {
        of(document, &operation, &mut lines);
    }
    lines
}

fn of(document: &Value, operation: &Operation<'_>, lines: &mut BTreeSet<String>) {
    let (id, told) = (operation.id, operation.told);
    lines.insert(format!("{id} = {} {}", operation.method, operation.path));
    for parameter in told["parameters"].as_array().unwrap() {
        let parameter = resolved(document, parameter);
        let name = parameter["name"].as_str().unwrap();
        lines.insert(format!("{id} ? {name}: {}", kind(document, &parameter["schema"])));
        if parameter["required"] == true && parameter["in"] != "path" {
            lines.insert(format!("! {id} ? {name}"));
        }
    }
    let body = &told.get("requestBody").unwrap_or(&Value::Null)["content"][JSON]["schema"];
    walk(document, body, &format!("{id} >"), true, 0, lines);
    for (status, answer) in told["responses"].as_object().unwrap() {
        if status.starts_with('2') {
            lines.insert(format!("{id} {status}"));
            walk(document, &answer["content"][JSON]["schema"], &format!("{id} {status}"), false, 0, lines);
        }
    }
}

/// The properties of a schema, and of those below it.
fn walk(
    document: &Value,
    schema: &Value,
    place: &str,
    is_request: bool,
    depth: usize,
    lines: &mut BTreeSet<String>,
) {
    if depth > DEPTH_MAX {
        return;
    }
    let schema = resolved(document, schema);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place} .{name}");
        let is_required = required.contains(&name.as_str());
        let always = if is_required && !is_request { ", always" } else { "" };
        lines.insert(format!("{place}: {}{always}", kind(document, property)));
        if is_required && is_request {
            lines.insert(format!("! {place}"));
        }
        let property = resolved(document, property);
        let options = property["oneOf"].as_array().into_iter().flatten();
        for part in options.chain([property]) {
            walk(document, part, &place, is_request, depth + 1, lines);
            walk(
                document,
                &resolved(document, part)["items"],
                &format!("{place}[]"),
                is_request,
                depth + 1,
                lines,
            );
        }
        if is_request {
            let values = property["enum"].as_array().into_iter().flatten();
            lines.extend(values.map(|value| format!("{place} = {value}")));
        }
    }
}

fn kind(document: &Value, schema: &Value) -> String {
    if let Some(options) = schema["oneOf"].as_array() {
        return options.iter().map(|one| kind(document, one)).collect::<Vec<_>>().join(" or ");
    }
    let schema = resolved(document, schema);
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        other => other.as_str().unwrap_or("anything").to_owned(),
    };
    match schema["format"].as_str() {
        Some(format) => format!("{types} ({format})"),
        None => types,
    }
}

/// What a client of `before` would not get any more, or would have to give.
fn broken(before: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<String> {
    let demand = |line: &&String| line.starts_with('!');
    let taken_back =
        before.iter().filter(|line| !demand(line) && !now.contains(*line)).map(|line| format!("- {line}"));
    // What is new as a whole demands nothing of those who do not know it.
    let known = |line: &str| {
        let operation = line.trim_start_matches("! ").split(' ').next().unwrap_or_default().to_owned();
        before.iter().any(|line| line.starts_with(&format!("{operation} = ")))
    };
    let demanded = now.iter().filter(|line| demand(line) && !before.contains(*line) && known(line));
    taken_back.chain(demanded.map(|line| format!("+ {line}"))).collect()
}

#[test]
fn clients_get_what_they_were_promised() {
    let now = promises(&super::document());
    let text = now.iter().map(|line| format!("{line}\n")).collect::<String>();
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    let before: BTreeSet<String> = written.lines().map(str::to_owned).collect();
    let broken = broken(&before, &now);
    let bless = std::env::var("NOVA_BLESS").unwrap_or_default();
    assert!(broken.is_empty() || bless == "overwrite", "clients would break:\n{}", broken.join("\n"));
    if !bless.is_empty() {
        std::fs::write(FILE, &text).unwrap();
        return;
    }
    assert!(written == text, "clients/promises.txt differs: NOVA_BLESS=1 adds what is new");
}

#[test]
fn what_breaks_clients_is_noticed() {
    let of = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<BTreeSet<_>>();
    let before = of(&["a = GET /a", "a 200 .x: string, always", "b = POST /b", "b > .y: string", "! b > .y"]);
    assert!(broken(&before, &before).is_empty());
    let mut now = before.clone();
    now.extend(of(&["a 200 .z: string", "c = POST /c", "c > .y: string", "! c > .y", "b > .o: string"]));
    assert!(broken(&before, &now).is_empty(), "what is added breaks nobody");
    now.insert("! b > .o".to_owned());
    assert_eq!(broken(&before, &now), ["+ ! b > .o"], "what has to be given besides does");
    let mut now = before.clone();
    now.remove("a 200 .x: string, always");
    now.insert("a 200 .x: string".to_owned());
    assert_eq!(broken(&before, &now), ["- a 200 .x: string, always"], "what may be missing now does");
    now = before.clone();
    now.remove("! b > .y");
    assert!(broken(&before, &now).is_empty(), "what need not be given any more does not");
}
