//! Committed JSON Schemas: `schemas/{Kind}.v{version}.json` says what the clear and the personal part of an event look
//! like. A change that logs and older programs cannot bear is refused, whatever `NOVA_BLESS` says; another one
//! (documentation, an optional field, a further variant) is taken by `NOVA_BLESS=overwrite`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/compat.rs"]
mod compat;
#[path = "support/frozen.rs"]
mod frozen;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use compat::breaks;
use frozen::{Bless, Frozen};
use nova_events::Event;
use nova_events::upcast::{STEPS, Step};
use serde_json::{Value, json};

/// The folder, after it was compared with (and, if wanted, completed from) today's schemas; and what was wrong.
static SCHEMAS: LazyLock<(Frozen, Vec<String>)> = LazyLock::new(|| {
    let (schemas, bless) = (Frozen::new("schemas"), Bless::from_environment());
    let committed = schemas.files();
    let mut wrong = Vec::new();
    for (kind, version, clear, personal) in Event::schemas() {
        let current = json!({ "kind": kind, "version": version, "clear": clear, "personal": personal });
        let broken = match committed.get(&(kind.to_owned(), version)) {
            Some(committed) => event_breaks(committed, &current),
            None => Vec::new(),
        };
        if broken.is_empty() {
            wrong.extend(schemas.check(kind, version, &current, bless).err());
        } else {
            wrong.push(format!(
                "{kind} version {version} changed its shape: raise its version in `area!`, add an upcaster step \
                 and keep the old files.\n  {}",
                broken.join("\n  ")
            ));
        }
    }
    (schemas, wrong)
});

/// What is incompatible between two files of the same kind and version.
fn event_breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = breaks(&old["clear"], &new["clear"]);
    found.extend(match (&old["personal"], &new["personal"]) {
        (Value::Null, _) => Vec::new(),
        (_, Value::Null) => vec!["the personal part is gone".to_owned()],
        (old, new) => breaks(old, new).into_iter().map(|found| format!("personal part, {found}")).collect(),
    });
    found
}

/// What is missing between the versions of `kinds`: schemas of versions before today's, steps from them, and kinds
/// that were written once.
fn history_breaks<'a>(
    kinds: &BTreeMap<&str, u16>,
    committed: impl Iterator<Item = (&'a str, u16)>,
    steps: &[Step],
) -> Vec<String> {
    let committed: Vec<(&str, u16)> = committed.collect();
    let mut found = Vec::new();
    for (kind, version) in &committed {
        match kinds.get(kind) {
            None => found.push(format!("{kind} was written to logs and is unknown now")),
            Some(known) if version > known => {
                found.push(format!("{kind} went back from version {version} to {known}"));
            }
            Some(_) => {}
        }
    }
    for (kind, current) in kinds {
        for version in 1..*current {
            if !committed.contains(&(*kind, version)) {
                found.push(format!("{kind} version {version} has no schema"));
            }
            if !steps.iter().any(|(of, from, _)| of == kind && *from == version) {
                found.push(format!("{kind} has no upcaster step from version {version}"));
            }
        }
    }
    found
}

#[test]
fn todays_schemas_are_the_committed_ones() {
    let (_, wrong) = &*SCHEMAS;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_version_has_its_schema_and_its_step() {
    let files = SCHEMAS.0.files();
    let committed = files.keys().map(|(kind, version)| (kind.as_str(), *version));
    let found = history_breaks(&Event::kinds().collect(), committed, STEPS);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_history_with_a_hole_is_refused() {
    fn of(kinds: &BTreeMap<&str, u16>, committed: &[(&str, u16)], steps: &[Step]) -> String {
        history_breaks(kinds, committed.iter().copied(), steps).join("; ")
    }
    let kinds = BTreeMap::from([("Moved", 2)]);
    let steps: &[Step] = &[("Moved", 1, |value| value)];
    let committed = [("Moved", 1), ("Moved", 2)];
    assert_eq!(of(&kinds, &committed, steps), "");
    assert_eq!(of(&kinds, &committed, &[]), "Moved has no upcaster step from version 1");
    assert_eq!(of(&kinds, &committed[1..], steps), "Moved version 1 has no schema");
    assert_eq!(of(&BTreeMap::new(), &committed[..1], steps), "Moved was written to logs and is unknown now");
    assert_eq!(
        of(&BTreeMap::from([("Moved", 1)]), &committed[1..], steps),
        "Moved went back from version 2 to 1"
    );
}

#[test]
fn a_lost_personal_part_is_refused_and_a_new_one_is_not() {
    let with = |personal: Value| json!({ "clear": { "type": "object" }, "personal": personal });
    let text = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
    assert_eq!(event_breaks(&with(text.clone()), &with(Value::Null)), ["the personal part is gone"]);
    assert!(event_breaks(&with(Value::Null), &with(text.clone())).is_empty());
    let number = json!({ "type": "object", "properties": { "text": { "type": "integer" } } });
    assert!(event_breaks(&with(text), &with(number))[0].starts_with("personal part, /text"));
}

/// An event with one of everything our schemas use.
fn moved() -> Value {
    json!({
        "title": "Moved",
        "type": "object",
        "properties": {
            "id": { "$ref": "#/$defs/Id" },
            "to": { "anyOf": [{ "$ref": "#/$defs/Id" }, { "type": "null" }] },
            "way": { "$ref": "#/$defs/Way" },
            "target": { "$ref": "#/$defs/Target" },
            "stops": { "type": "array", "items": {
                "type": "array", "prefixItems": [{ "$ref": "#/$defs/Id" }, { "type": "integer" }],
                "minItems": 2, "maxItems": 2,
            } },
            "note": { "type": ["string", "null"], "maxLength": 80 },
            "steps": { "type": "integer", "format": "uint64", "minimum": 0 },
        },
        "required": ["id", "way", "target", "stops", "steps"],
        "$defs": {
            "Id": { "type": "string", "format": "uuid" },
            "Way": { "oneOf": [
                { "type": "string", "enum": ["foot", "bus"] },
                { "type": "string", "const": "train", "description": "On rails." },
            ] },
            "Target": { "oneOf": [
                { "type": "object", "properties": { "town": { "$ref": "#/$defs/Id" } }, "required": ["town"],
                  "additionalProperties": false },
                { "type": "object", "properties": { "stop": { "$ref": "#/$defs/Id" } }, "required": ["stop"],
                  "additionalProperties": false },
            ] },
        },
    })
}

/// `moved()` with the value at `pointer` replaced, or removed if there is none.
fn changed(pointer: &str, value: Option<Value>) -> Value {
    let mut schema = moved();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer with a slash");
    let parent = schema.pointer_mut(parent).unwrap_or_else(|| panic!("no {pointer}"));
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(name.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.remove(name)),
        (Value::Array(items), Some(value)) => items.push(value),
        (Value::Array(items), None) => drop(items.remove(name.parse().unwrap())),
        (other, _) => panic!("{pointer} is in {other}"),
    }
    schema
}

#[test]
fn incompatible_changes_are_found() {
    let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let opened = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let counts = |of: &str| json!({ "type": "object", "additionalProperties": { "type": of } });
    let no_target = json!([{ "type": "object", "properties": { "stop": { "$ref": "#/$defs/Id" } },
                             "required": ["stop"], "additionalProperties": false }]);
    let free = json!({ "type": "string" });
    for (pointer, value, expected) in [
        ("/properties/note", None, "/note: the property is gone"),
        ("/required/-", Some(json!("note")), "/note: now required"),
        ("/required/0", None, "/id: no longer required"),
        ("/properties/steps", Some(free.clone()), "/steps: the type changed from integer to string"),
        ("/properties/steps/type", Some(json!(["integer", "null"])), "/steps: the type changed"),
        ("/properties/steps/format", Some(json!("uint32")), "/steps: format changed"),
        ("/properties/steps/minimum", Some(json!(1)), "/steps: minimum is tighter"),
        ("/properties/note/maxLength", Some(json!(40)), "/note: maxLength is tighter"),
        ("/properties/note/pattern", Some(json!("^a")), "/note: pattern changed"),
        ("/properties/note/type", Some(json!("string")), "/note: the type changed from null or string"),
        ("/properties/to", Some(free.clone()), "/to: the type changed"),
        ("/properties/way", Some(free.clone()), "/way: the type changed from fixed values to string"),
        ("/properties/way", Some(json!({ "enum": ["foot", "bus"] })), "/way: the value \"train\" is gone"),
        ("/$defs/Way/oneOf/0/enum", Some(json!(["foot"])), "/way: the value \"bus\" is gone"),
        ("/$defs/Id/format", None, "/id: format changed"),
        ("/$defs/Target/oneOf", Some(no_target), "/town: the property is gone"),
        ("/properties/stops/items/minItems", Some(json!(3)), "/stops[]: minItems is tighter"),
        ("/properties/stops/items/prefixItems/1", None, "/stops[]: a tuple of 2 became one of 1"),
        ("/properties/stops/items/prefixItems", Some(json!([free, free])), "/stops[][1]: the type changed"),
        ("/additionalProperties", Some(json!(false)), ": additional properties are now refused"),
        ("/additionalProperties", Some(free), "/*: the type changed from anything to string"),
    ] {
        let found = breaks(&moved(), &changed(pointer, value)).join("\n");
        assert!(found.contains(expected), "{pointer}: expected {expected:?}, found {found:?}");
    }
    assert!(breaks(&closed, &opened)[0].contains("older programs refuse unknown properties"));
    assert!(breaks(&counts("integer"), &counts("string"))[0].contains("/*: the type changed"));
}

#[test]
fn compatible_changes_are_let_through() {
    let direct = json!({ "type": "object", "properties": { "boat": { "type": "string" } }, "required": ["boat"],
                         "additionalProperties": false });
    for (pointer, value) in [
        ("/title", Some(json!("Went"))),
        ("/properties/weather", Some(json!({ "type": ["string", "null"] }))),
        ("/properties/id", Some(json!({ "type": "string", "format": "uuid", "description": "Inlined." }))),
        ("/properties/to", Some(json!({ "type": ["string", "null"], "format": "uuid" }))),
        ("/properties/way", Some(json!({ "type": "string", "enum": ["train", "bus", "foot"] }))),
        ("/properties/way", Some(json!({ "enum": ["train", "bus", "foot", "boat"] }))),
        ("/properties/note/maxLength", Some(json!(90))),
        ("/$defs/Target/oneOf/-", Some(direct)),
    ] {
        assert_eq!(breaks(&moved(), &changed(pointer, value)), [""; 0], "{pointer}");
    }
    assert_eq!(breaks(&moved(), &moved()), [""; 0]);
}
