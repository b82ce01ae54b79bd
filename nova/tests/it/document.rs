//! The rules of the OpenAPI document, and that it agrees with what the server answers.

mod examples;
mod promises;
pub(crate) mod truth;

use std::collections::{BTreeMap, BTreeSet};

use nova::document::Bounds;
use serde_json::{Map, Value};

use crate::authorization::table;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];
const JSON: &str = "application/json";

pub(crate) fn document() -> Value {
    nova::document::document(&Bounds::default())
}

/// An operation: its method in capitals, its path, and its part of the document.
struct Operation<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    part: &'a Map<String, Value>,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, part) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            let part = part.as_object().unwrap();
            all.push(Operation {
                id: part["operationId"].as_str().unwrap(),
                method: method.to_uppercase(),
                path,
                part,
            });
        }
    }
    all
}

impl<'a> Operation<'a> {
    fn schema_of_the_answer(&self, document: &'a Value) -> &'a Value {
        resolved(document, &self.part["responses"]["200"]["content"][JSON]["schema"])
    }
}

/// What a reference leads to.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"))
        }
        None => value,
    }
}

#[test]
fn every_operation_keeps_the_rules() {
    let document = document();
    let operations = operations(&document);
    let mut breaches = Vec::new();
    let mut ids = BTreeSet::new();
    for operation in &operations {
        let found = breaches_of(&document, operation);
        breaches.extend(found.into_iter().map(|breach| format!("{}: {breach}", operation.id)));
        if !ids.insert(operation.id) {
            breaches.push(format!("{}: the operation id is used twice", operation.id));
        }
    }
    let tags: Vec<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let used: BTreeSet<&str> = operations.iter().filter_map(|one| one.part["tags"][0].as_str()).collect();
    assert_eq!(
        tags.iter().copied().collect::<BTreeSet<_>>(),
        used,
        "the tags that are described, and those in use"
    );
    assert_eq!(tags[0], "users", "people come first");
    assert_eq!(document["servers"][0]["url"], "/");
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

fn breaches_of(document: &Value, operation: &Operation<'_>) -> Vec<String> {
    let part = operation.part;
    let mut breaches = Vec::new();
    let mut hold = |holds: bool, breach: &str| {
        if !holds {
            breaches.push(breach.to_owned());
        }
    };
    let words = operation.id.split('_');
    hold(operation.id.contains('_'), "the id is no noun and verb");
    hold(
        words.clone().all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase())),
        "the id has other letters than a-z",
    );
    let summary = part["summary"].as_str().unwrap_or_default();
    hold((1..=80).contains(&summary.chars().count()), "the summary is too long, or there is none");
    hold(!summary.ends_with('.') && !summary.contains('\n'), "the summary is no title");
    let description = part["description"].as_str().unwrap_or_default();
    let security = part["security"].as_array().unwrap();
    let role = security.first().map(|one| one["bearer"][0].as_str().unwrap_or_default());
    match role {
        None => hold(description.contains("No token"), "does not say that it needs no token"),
        Some("user") => hold(description.contains("token"), "it does not say who may"),
        Some(role) => hold(description.contains(&format!("`{role}`")), "it does not say which role may"),
    }
    hold(part["tags"].as_array().is_some_and(|tags| tags.len() == 1), "it has one tag");
    hold(
        !part.contains_key("deprecated") || part.contains_key("x-sunset"),
        "it is deprecated without an end",
    );

    for parameter in part["parameters"].as_array().unwrap() {
        let (is_shared, parameter) = (parameter.get("$ref").is_some(), resolved(document, parameter));
        let name = parameter["name"].as_str().unwrap();
        let is_own = name == "after" && ["events_list", "dead_letters_list"].contains(&operation.id);
        let must_be = ["after", "limit", "cursor", "Idempotency-Key", "Nova-Timeout-Ms"].contains(&name);
        hold(is_shared == (must_be && !is_own), &format!("{name} is shared, or it is not"));
        hold(parameter["description"].is_string(), &format!("{name} is not described"));
    }
    if let Some(body) = part.get("requestBody") {
        for (kind, content) in body["content"].as_object().unwrap() {
            hold(kind != JSON || content.get("example").is_some(), "the request has no example");
        }
    }
    let answers = part["responses"].as_object().unwrap();
    hold(!answers.contains_key("default"), "`default` hides what may go wrong");
    for (status, answer) in answers {
        let answer = resolved(document, answer);
        hold(
            answer["description"].as_str().is_some_and(|text| !text.is_empty()),
            &format!("{status} says nothing"),
        );
        let content = &answer["content"][JSON];
        if status.starts_with('2') && content.is_object() {
            hold(content.get("example").is_some(), &format!("{status} has no example"));
            hold(content["schema"].get("$ref").is_some(), &format!("{status} has a schema without a name"));
        }
        // A process that is not ready says why, and not by a problem.
        if status.starts_with(['4', '5']) && !content.is_object() {
            let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
            hold(problem == "#/components/schemas/Problem", &format!("{status} is no problem"));
            let codes = part["x-codes"][status].as_array();
            hold(codes.is_some_and(|codes| !codes.is_empty()), &format!("{status} without a code"));
        }
    }
    let list = operation.schema_of_the_answer(document);
    if list["properties"]["items"]["type"] == "array" {
        let required: Vec<&str> =
            list["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for name in ["items", "source", "as_of", "degraded"] {
            hold(required.contains(&name), &format!("the list has no {name}"));
        }
        hold(part["x-pagination"]["items"] == "items", "it does not say how the list goes on");
    }
    breaches
}

#[test]
fn every_schema_keeps_the_rules() {
    let document = document();
    let mut breaches = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        look(name, schema, 0, &mut breaches);
    }
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
    let limits = Bounds::default().limits;
    let bounds = BTreeMap::from([
        ("/PublishBody/properties/text/maxLength", limits.post_text_bytes_max),
        ("/RegisterBody/properties/handle/minLength", limits.handle_chars_min),
        ("/SendBody/properties/text/maxLength", limits.message_text_bytes_max),
        ("/EventsBody/properties/events/maxItems", Bounds::default().client_events),
    ]);
    for (place, bound) in bounds {
        assert_eq!(document["components"]["schemas"].pointer(place), Some(&bound.into()), "{place}");
    }
}

/// Texts that clients send have a limit.
#[test]
fn every_text_of_a_request_is_bounded() {
    /// Words of a fixed set, and what has a form of its own.
    const FORMS: [&str; 7] =
        ["visibility", "kind", "message_type", "role", "content_type", "sha256", "nonce"];
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_text = property["type"].to_string().contains("\"string\"") && property["format"].is_null();
            let is_free = name.ends_with("Body") && is_text && !FORMS.contains(&field.as_str());
            assert!(!is_free || property["maxLength"].is_u64(), "{name}.{field} has no maxLength");
        }
    }
}

/// The groups of the table that hold an operation are those that its answers in the table of permissions speak of.
#[test]
fn who_may_use_an_operation_is_what_the_table_of_permissions_says() {
    let document = document();
    for operation in operations(&document) {
        let path = operation.path.strip_prefix("/api/v1").unwrap();
        let lines = table::lines();
        let about_it: Vec<_> =
            lines.iter().filter(|line| line.method == operation.method && line.path == path).collect();
        let any = |person: &str, outcome: &str| about_it.iter().any(|line| line.expected(person) == outcome);
        let documented: Vec<Option<&str>> = operation.part["security"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["bearer"][0].as_str())
            .collect();
        let role = match () {
            () if !any("anonymous", "401") => None,
            () if any("owner", "403:role_required") && any("auditor", "200") => Some("auditor"),
            () if any("owner", "403:role_required") => Some("operator"),
            () => Some("user"),
        };
        let expected = match (operation.id, role) {
            ("websocket_open", _) => vec![Some("user"), None],
            (_, None) => vec![],
            (_, role) => vec![role],
        };
        assert_eq!(documented, expected, "{}", operation.id);
        let description = operation.part["description"].as_str().unwrap();
        let moderated =
            any("moderator", "200") && any("auditor", "403:not_registered") && any("owner", "200");
        assert!(!moderated || description.contains("`moderator`"), "{}: {description}", operation.id);
    }
}

/// A group or an id that is misspelt would leave a code out.
#[test]
fn every_place_of_a_code_is_a_group_or_an_operation() {
    let document = document();
    let ids: BTreeSet<String> = operations(&document).iter().map(|one| one.id.to_owned()).collect();
    let table = include_str!("../../../docs/problems.md");
    let groups: BTreeSet<&str> = table
        .lines()
        .skip_while(|line| !line.starts_with("| group"))
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect();
    let rows = table.lines().skip_while(|line| !line.starts_with("| code")).skip(2);
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        for place in cells[2].split(' ') {
            assert!(ids.contains(place) || groups.contains(place) || place == "-", "{}: {place}", cells[0]);
        }
    }
}

fn look(place: &str, schema: &Value, depth: usize, breaches: &mut Vec<String>) {
    let mut hold = |holds: bool, breach: &str| {
        if !holds {
            breaches.push(format!("{place}: {breach}"));
        }
    };
    hold(schema.get("allOf").is_none(), "allOf");
    hold(schema.get("nullable").is_none(), "null is a type");
    hold(depth == 0 || schema.get("properties").is_none(), "an object without a name");
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => Vec::new(),
    };
    if types.contains(&"integer") || types.contains(&"number") {
        hold(schema["format"].is_string(), "a number without a format");
    }
    if schema.get("enum").is_some() {
        hold(
            schema["description"].as_str().is_some_and(|text| text.contains("More values may come")),
            "a closed enum",
        );
    }
    let name = place.rsplit('.').next().unwrap_or_default();
    if depth > 0 && types.contains(&"string") {
        if (name == "id" || name.ends_with("_id")) && !["device_id", "client_message_id"].contains(&name) {
            hold(schema["format"] == "uuid", "an id without a format");
        }
        if name.ends_with("_at") || name == "as_of" {
            hold(schema["format"] == "date-time", "a time without a format");
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        look(&format!("{place}.{name}"), property, depth + 1, breaches);
    }
    for name in ["items", "additionalProperties"] {
        if schema[name].is_object() {
            look(&format!("{place}[]"), &schema[name], depth + 1, breaches);
        }
    }
    for option in schema["oneOf"].as_array().into_iter().flatten() {
        let siblings =
            option.get("$ref").is_none_or(|_| option.as_object().is_some_and(|one| one.len() == 1));
        if !siblings {
            breaches.push(format!("{place}: something beside a reference"));
        }
        look(place, option, depth + 1, breaches);
    }
}
