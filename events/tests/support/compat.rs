//! Whether one JSON Schema of an event may take the place of another without a new version.
//!
//! Programs of both ages run at once during an upgrade, and logs are kept for ever. So events written by either must be
//! read by either: what was written must be allowed still, and what is written from now on must be what older programs
//! expect, save for more of what they skip (optional fields) or park (values and variants of an enum).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keywords that say nothing about what is valid.
const ANNOTATIONS: [&str; 9] =
    ["$schema", "$id", "$defs", "$comment", "title", "description", "default", "examples", "deprecated"];

/// What is compared keyword by keyword; any other keyword must stay as it is.
const COMPARED: [&str; 6] =
    ["type", "properties", "required", "additionalProperties", "items", "prefixItems"];

const LOWER_BOUNDS: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
const UPPER_BOUNDS: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// No type of ours is nested deeper; more means a type that holds itself, which this comparison does not follow.
const DEPTH_MAX: usize = 32;

/// Everything that keeps `new` from taking the place of `old`: nothing when it may.
pub(crate) fn breaks(old: &Value, new: &Value) -> Vec<String> {
    Comparison { old_root: old, new_root: new }.schema("", old, new, 0)
}

/// The alternatives of a schema: fixed values, and one branch for each other alternative.
#[derive(Default)]
struct Shape {
    values: BTreeSet<String>,
    branches: Vec<Map<String, Value>>,
}

impl Shape {
    fn of(schema: &Value, root: &Value) -> Self {
        let mut shape = Self::default();
        shape.add(schema, root);
        shape
    }

    fn add(&mut self, schema: &Value, root: &Value) {
        let Some(schema) = schema.as_object() else {
            // `true` allows anything, `false` nothing.
            return if schema == &Value::Bool(true) {
                self.branches.push(Map::new())
            };
        };
        let mut schema = schema.clone();
        schema.retain(|keyword, _| !ANNOTATIONS.contains(&keyword.as_str()));
        if let Some(target) = schema.remove("$ref") {
            let target = target.as_str().and_then(|target| root.pointer(target.trim_start_matches('#')));
            let target = target.unwrap_or_else(|| panic!("a reference to nowhere in {root}"));
            return self.add(&with(target, &schema), root);
        }
        for alternatives in ["anyOf", "oneOf"] {
            if let Some(Value::Array(alternatives)) = schema.remove(alternatives) {
                return alternatives.iter().for_each(|one| self.add(&with(one, &schema), root));
            }
        }
        if let Some(value) = schema.get("const") {
            self.values.insert(value.to_string());
        } else if let Some(Value::Array(values)) = schema.get("enum") {
            self.values.extend(values.iter().map(Value::to_string));
        } else if let Some(Value::Array(types)) = schema.get("type").cloned() {
            for one in types {
                // Other keywords of the schema are about its other types.
                let mut branch = if one == "null" { Map::new() } else { schema.clone() };
                branch.insert("type".to_owned(), one);
                self.branches.push(branch);
            }
        } else {
            self.branches.push(schema);
        }
    }

    fn types(&self) -> BTreeSet<String> {
        self.branches.iter().map(type_of).collect()
    }
}

/// `schema` with the keywords beside the reference or alternative that led to it.
fn with(schema: &Value, beside: &Map<String, Value>) -> Value {
    let mut merged = schema.as_object().cloned().unwrap_or_default();
    merged.extend(beside.clone());
    Value::Object(merged)
}

fn type_of(branch: &Map<String, Value>) -> String {
    branch.get("type").and_then(Value::as_str).unwrap_or("anything").to_owned()
}

struct Comparison<'a> {
    old_root: &'a Value,
    new_root: &'a Value,
}

impl Comparison<'_> {
    fn schema(&self, at: &str, old: &Value, new: &Value, depth: usize) -> Vec<String> {
        if old.is_boolean() && old == new {
            return Vec::new();
        }
        assert!(depth < DEPTH_MAX, "{at} is nested too deep to compare");
        let (old, new) = (Shape::of(old, self.old_root), Shape::of(new, self.new_root));
        let mut found: Vec<String> = old
            .values
            .difference(&new.values)
            .map(|value| format!("{at}: the value {value} is gone"))
            .collect();
        if old.types() != new.types() || old.values.is_empty() != new.values.is_empty() {
            found.push(format!("{at}: the type changed from {} to {}", names(&old), names(&new)));
            return found;
        }
        for branch in &old.branches {
            let candidates = new.branches.iter().filter(|other| type_of(other) == type_of(branch));
            let closest = candidates.map(|other| self.branch(at, branch, other, depth)).min_by_key(Vec::len);
            found.extend(closest.unwrap_or_default());
        }
        found
    }

    fn branch(
        &self,
        at: &str,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        depth: usize,
    ) -> Vec<String> {
        let mut found = self.properties(at, old, new, depth);
        found.extend(self.items(at, old, new, depth));
        found.extend(bounds(at, old, new));
        let others = |keyword: &&String| {
            let keyword = keyword.as_str();
            !COMPARED.contains(&keyword)
                && !LOWER_BOUNDS.contains(&keyword)
                && !UPPER_BOUNDS.contains(&keyword)
        };
        let keywords: BTreeSet<&String> = old.keys().chain(new.keys()).filter(others).collect();
        for keyword in keywords {
            if old.get(keyword) != new.get(keyword) {
                found.push(format!("{at}: {keyword} changed"));
            }
        }
        found
    }

    fn properties(
        &self,
        at: &str,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        depth: usize,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let (old_properties, new_properties) = (properties(old), properties(new));
        let (old_required, new_required) = (required(old), required(new));
        for (name, schema) in &old_properties {
            match new_properties.get(name) {
                Some(other) => found.extend(self.schema(&format!("{at}/{name}"), schema, other, depth + 1)),
                None => found.push(format!("{at}/{name}: the property is gone")),
            }
        }
        found.extend(new_required.difference(&old_required).map(|name| format!("{at}/{name}: now required")));
        let kept = old_required.difference(&new_required).filter(|name| new_properties.contains_key(*name));
        found.extend(kept.map(|name| format!("{at}/{name}: no longer required, but older programs need it")));
        let (old_rest, new_rest) = (old.get("additionalProperties"), new.get("additionalProperties"));
        if old_rest == Some(&Value::Bool(false)) {
            let added = new_properties.keys().filter(|name| !old_properties.contains_key(*name));
            found.extend(added.map(|name| format!("{at}/{name}: older programs refuse unknown properties")));
        } else {
            let anything = Value::Bool(true);
            let (old_rest, new_rest) = (old_rest.unwrap_or(&anything), new_rest.unwrap_or(&anything));
            if new_rest == &Value::Bool(false) {
                found.push(format!("{at}: additional properties are now refused"));
            } else {
                found.extend(self.schema(&format!("{at}/*"), old_rest, new_rest, depth + 1));
            }
        }
        found
    }

    fn items(
        &self,
        at: &str,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        depth: usize,
    ) -> Vec<String> {
        let anything = Value::Bool(true);
        let items = |schema: &Map<String, Value>| schema.get("items").unwrap_or(&anything).clone();
        let first = |schema: &Map<String, Value>| {
            schema.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (old_first, new_first) = (first(old), first(new));
        if old_first.len() != new_first.len() {
            return vec![format!("{at}: a tuple of {} became one of {}", old_first.len(), new_first.len())];
        }
        let mut found = self.schema(&format!("{at}[]"), &items(old), &items(new), depth + 1);
        for (index, (old, new)) in old_first.iter().zip(&new_first).enumerate() {
            found.extend(self.schema(&format!("{at}[{index}]"), old, new, depth + 1));
        }
        found
    }
}

fn bounds(at: &str, old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let number = |schema: &Map<String, Value>, keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let mut found = Vec::new();
    for keyword in LOWER_BOUNDS {
        let (old, new) = (number(old, keyword), number(new, keyword));
        if new.is_some_and(|new| old.is_none_or(|old| new > old)) {
            found.push(format!("{at}: {keyword} is tighter"));
        }
    }
    for keyword in UPPER_BOUNDS {
        let (old, new) = (number(old, keyword), number(new, keyword));
        if new.is_some_and(|new| old.is_none_or(|old| new < old)) {
            found.push(format!("{at}: {keyword} is tighter"));
        }
    }
    found
}

fn properties(schema: &Map<String, Value>) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn required(schema: &Map<String, Value>) -> BTreeSet<String> {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn names(shape: &Shape) -> String {
    let mut names: Vec<String> = shape.types().into_iter().collect();
    if !shape.values.is_empty() {
        names.push("fixed values".to_owned());
    }
    names.join(" or ")
}
