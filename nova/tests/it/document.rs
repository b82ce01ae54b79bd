//! What holds for every operation of the OpenAPI document, and that the document tells the truth.

mod examples;
mod promises;
pub(crate) mod truth;

use std::collections::{BTreeMap, BTreeSet};

use nova_domain::Limits;
use serde_json::{Map, Value};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];
const JSON: &str = "application/json";

pub(crate) fn document() -> Value {
    nova::document::document(&Limits::default())
}

/// An operation: its method in capitals, its path, and what is told of it.
struct Operation<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    told: &'a Map<String, Value>,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, told) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            let told = told.as_object().unwrap();
            all.push(Operation {
                id: told["operationId"].as_str().unwrap(),
                method: method.to_uppercase(),
                path,
                told,
            });
        }
    }
    all
}

impl<'a> Operation<'a> {
    fn schema_of_the_answer(&self, document: &'a Value) -> &'a Value {
        resolved(document, &self.told["responses"]["200"]["content"][JSON]["schema"])
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
            breaches.push(format!("{}: there are two of it", operation.id));
        }
    }
    let tags: Vec<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let used: BTreeSet<&str> = operations.iter().filter_map(|one| one.told["tags"][0].as_str()).collect();
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
    let told = operation.told;
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
        "the id's letters",
    );
    let summary = told["summary"].as_str().unwrap_or_default();
    hold((1..=80).contains(&summary.chars().count()), "the summary is too long, or there is none");
    hold(!summary.ends_with('.') && !summary.contains('\n'), "the summary is no title");
    let description = told["description"].as_str().unwrap_or_default();
    let security = told["security"].as_array().unwrap();
    let role = security.first().map(|one| one["bearer"][0].as_str().unwrap_or_default());
    match role {
        None => hold(description.contains("No token"), "it does not say that it needs no token"),
        Some("user") => hold(description.contains("by a token"), "it does not say who may"),
        Some(role) => hold(description.contains(&format!("`{role}`")), "it does not say which role may"),
    }
    hold(told["tags"].as_array().is_some_and(|tags| tags.len() == 1), "it has one tag");
    hold(
        !told.contains_key("deprecated") || told.contains_key("x-sunset"),
        "it is deprecated without an end",
    );

    for parameter in told["parameters"].as_array().unwrap() {
        let (is_shared, parameter) = (parameter.get("$ref").is_some(), resolved(document, parameter));
        let name = parameter["name"].as_str().unwrap();
        let is_own = name == "after" && ["events_list", "dead_letters_list"].contains(&operation.id);
        let must_be = ["after", "limit", "cursor", "Idempotency-Key", "Nova-Timeout-Ms"].contains(&name);
        hold(is_shared == (must_be && !is_own), &format!("{name} is shared, or it is not"));
        hold(parameter["description"].is_string(), &format!("{name} is not described"));
    }
    if let Some(body) = told.get("requestBody") {
        for (kind, content) in body["content"].as_object().unwrap() {
            hold(kind != JSON || content.get("example").is_some(), "the request has no example");
        }
    }
    let answers = told["responses"].as_object().unwrap();
    hold(!answers.contains_key("default"), "`default` hides what may go wrong");
    for (status, answer) in answers {
        let answer = resolved(document, answer);
        hold(
            answer["description"].as_str().is_some_and(|told| !told.is_empty()),
            &format!("{status} says nothing"),
        );
        let content = &answer["content"][JSON];
        if status.starts_with('2') && content.is_object() {
            hold(content.get("example").is_some(), &format!("{status} has no example"));
            hold(content["schema"].get("$ref").is_some(), &format!("{status} has a schema without a name"));
        }
        if status.starts_with(['4', '5']) {
            let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
            hold(problem == "#/components/schemas/Problem", &format!("{status} is no problem"));
            let codes = told["x-codes"][status].as_array();
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
        hold(told["x-pagination"]["items"] == "items", "it does not say how the list goes on");
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
    let bounds = BTreeMap::from([
        ("/PublishBody/properties/text/maxLength", Limits::default().post_text_bytes_max),
        ("/RegisterBody/properties/handle/minLength", Limits::default().handle_chars_min),
        ("/StartBody/properties/members/maxItems", Limits::default().members_max - 1),
        ("/SendBody/properties/text/maxLength", Limits::default().message_text_bytes_max),
    ]);
    for (place, bound) in bounds {
        assert_eq!(document["components"]["schemas"].pointer(place), Some(&bound.into()), "{place}");
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
            schema["description"].as_str().is_some_and(|told| told.contains("More values may come")),
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
