//! The API as clients rely on it, line by line, in `clients/promises.txt`: what they may send and what they get. A line with
//! `!` is a demand on the client. Removing a line without `!`, or adding one with it, breaks clients and takes
//! `NOVA_BLESS=overwrite`; `NOVA_BLESS=1` writes additions.

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
    let (id, documented) = (operation.id, operation.part);
    lines.insert(format!("{id} = {} {}", operation.method, operation.path));
    let roles = documented["security"].as_array().unwrap().iter().filter_map(|one| one["bearer"][0].as_str());
    lines.extend(roles.map(|role| format!("! {id} needs a token with the role {role}")));
    for parameter in documented["parameters"].as_array().unwrap() {
        let parameter = resolved(document, parameter);
        let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
        lines.insert(format!("{id} ? {name} in {place}: {}", kind(document, &parameter["schema"])));
        if parameter["required"] == true && place != "path" {
            lines.insert(format!("! {id} ? {name}"));
        }
    }
    let body = documented.get("requestBody").unwrap_or(&Value::Null);
    if body["required"] == true {
        lines.insert(format!("! {id} > a body"));
    }
    for media_type in body["content"].as_object().into_iter().flat_map(|content| content.keys()) {
        lines.insert(format!("{id} > {media_type}"));
    }
    walk(document, &body["content"][JSON]["schema"], &format!("{id} >"), true, 0, lines);
    for (status, answer) in documented["responses"].as_object().unwrap() {
        if status.starts_with(['1', '2', '3']) {
            lines.insert(format!("{id} {status}"));
            let answer = resolved(document, answer);
            for part in ["content", "headers"] {
                let names = answer[part].as_object().into_iter().flat_map(|all| all.keys());
                lines.extend(names.map(|name| format!("{id} {status} {part} {name}")));
            }
            walk(document, &answer["content"][JSON]["schema"], &format!("{id} {status}"), false, 0, lines);
        }
    }
    for (status, codes) in documented["x-codes"].as_object().unwrap() {
        let codes = codes.as_array().unwrap().iter().filter_map(Value::as_str);
        lines.extend(codes.map(|code| format!("{code} is {status}")));
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
        Value::String(one) if one == "array" => format!("array of {}", kind(document, &schema["items"])),
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        other => other.as_str().unwrap_or("anything").to_owned(),
    };
    match schema["format"].as_str() {
        Some(format) => format!("{types} ({format})"),
        None => types,
    }
}

/// The changes that break clients of `before`.
fn broken(before: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<String> {
    let demand = |line: &&String| line.starts_with('!');
    let taken_back =
        before.iter().filter(|line| !demand(line) && !now.contains(*line)).map(|line| format!("- {line}"));
    // A new operation demands nothing of clients that do not use it.
    let known = |line: &str| {
        let operation = line.trim_start_matches("! ").split(' ').next().unwrap_or_default().to_owned();
        before.iter().any(|line| line.starts_with(&format!("{operation} = ")))
    };
    let demanded = now.iter().filter(|line| demand(line) && !before.contains(*line) && known(line));
    taken_back.chain(demanded.map(|line| format!("+ {line}"))).collect()
}

#[test]
fn promises_are_kept() {
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
fn breaking_changes_are_detected() {
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

/// Changes to the real document, each of which breaks clients.
#[test]
fn breaking_changes_of_the_document_are_detected() {
    let document = super::document();
    let before = promises(&document);
    let breaks = |what: &str, change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        assert_ne!(changed, document, "{what}: nothing was changed");
        assert!(!broken(&before, &promises(&changed)).is_empty(), "{what} is not detected");
    };
    let publish = "/paths/~1api~1v1~1posts/post";
    let at = |path: &str| format!("{publish}{path}");
    breaks("a removed operation", &|d| drop(d["paths"].as_object_mut().unwrap().remove("/api/v1/feed")));
    breaks("a renamed operation", &|d| d["paths"]["/api/v1/feed"]["get"]["operationId"] = "feed_get".into());
    breaks("a narrower token", &|d| *d.pointer_mut(&at("/security/0/bearer/0")).unwrap() = "operator".into());
    breaks("a body that is now required", &|d| {
        d["paths"]["/api/v1/posts/{id}"]["delete"]["requestBody"]["required"] = true.into();
    });
    breaks("a parameter that moved", &|d| d["components"]["parameters"]["Limit"]["in"] = "header".into());
    breaks("a field that is gone", &|d| {
        d["components"]["schemas"]["PostCard"]["properties"].as_object_mut().unwrap().remove("text");
    });
    breaks("a field of another type", &|d| {
        d["components"]["schemas"]["PostCard"]["properties"]["text"]["type"] = "integer".into();
    });
    breaks("items of another type", &|d| {
        d["components"]["schemas"]["PublishBody"]["properties"]["media_ids"]["items"]["format"] =
            "uri".into();
    });
    breaks("a field that may be missing", &|d| {
        d["components"]["schemas"]["PostCard"]["required"] = Value::Array(vec![])
    });
    breaks("a field that has to be sent", &|d| {
        d["components"]["schemas"]["RegisterBody"]["required"].as_array_mut().unwrap().push("bio".into());
    });
    breaks("a code with another status", &|d| {
        for item in d["paths"].as_object_mut().unwrap().values_mut() {
            for operation in item.as_object_mut().unwrap().values_mut() {
                if let Some(codes) = operation.pointer_mut("/x-codes/503").and_then(Value::as_array_mut) {
                    codes.retain(|code| code != "overloaded");
                }
            }
        }
    });
}
