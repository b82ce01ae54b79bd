//! The schemas in the form that generators of clients understand: no `allOf`, no unnamed copies of what has a name, bounds
//! as numbers, and a word on every enumeration that more values may come.

use serde_json::{Map, Value, json};

use super::Bounds;

const PREFIX: &str = "#/components/schemas/";
const MAY_GROW: &str = "More values may come.";

pub(super) fn tidy(document: &mut Value, bounds: &Bounds) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for name in names(schemas) {
        if let Some(merged) = schemas.get(&name).and_then(|schema| merged(schema, schemas)) {
            schemas.insert(name, merged);
        }
    }
    for name in names(schemas) {
        name_the_items(schemas, &name);
        let Some(schema) = schemas.get_mut(&name) else { continue };
        if schema.get("enum").is_some() {
            let before = schema["description"].as_str().map_or(String::new(), |text| format!("{text} "));
            schema["description"] = json!(format!("{before}{MAY_GROW}"));
        }
        without_siblings(schema);
        with_formats(schema);
    }
    bound(schemas, bounds);
}

/// What was written out where it was used is not used any more.
pub(super) fn drop_unused(document: &mut Value) {
    loop {
        let (text, mut dropped) = (document.to_string(), false);
        for kind in ["schemas", "responses"] {
            let Some(parts) = document["components"][kind].as_object_mut() else { continue };
            let before = parts.len();
            parts.retain(|name, _| text.contains(&format!("\"#/components/{kind}/{name}\"")));
            dropped |= parts.len() < before;
        }
        if !dropped {
            return;
        }
    }
}

fn names(schemas: &Map<String, Value>) -> Vec<String> {
    schemas.keys().cloned().collect()
}

fn named<'a>(reference: &Value, schemas: &'a Map<String, Value>) -> Option<&'a Value> {
    schemas.get(reference["$ref"].as_str()?.strip_prefix(PREFIX)?)
}

/// What `allOf` says, as one object: the properties of all its parts.
fn merged(schema: &Value, schemas: &Map<String, Value>) -> Option<Value> {
    let parts = schema.get("allOf")?.as_array()?;
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        let part = named(part, schemas).unwrap_or(part);
        let whole = merged(part, schemas);
        let part = whole.as_ref().unwrap_or(part);
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    let mut object = json!({"type": "object", "properties": properties, "required": required});
    if let Some(description) = schema.get("description") {
        object["description"] = description.clone();
    }
    Some(object)
}

/// A list of something has its items by name.
fn name_the_items(schemas: &mut Map<String, Value>, list: &str) {
    let Some(item) = list.strip_prefix("ListOf_") else { return };
    if schemas.contains_key(item)
        && let Some(schema) = schemas.get_mut(list)
    {
        schema["properties"]["items"]["items"] = json!({"$ref": format!("{PREFIX}{item}")});
    }
}

/// No description beside a reference, which many generators take for another schema: it moves up to the property, or goes.
fn without_siblings(schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for property in properties.values_mut() {
        if let Some(reference) = property.get("$ref").cloned() {
            *property = json!({"$ref": reference});
        }
        let options = property.get_mut("oneOf").and_then(Value::as_array_mut);
        let moved =
            options.and_then(|all| all.iter_mut().find_map(|one| one.as_object_mut()?.remove("description")));
        if let Some(description) = moved {
            property["description"] = description;
        }
    }
}

/// Every number has a format.
fn with_formats(schema: &mut Value) {
    let is = |schema: &Value, kind: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == kind),
        one => one == kind,
    };
    if schema.get("format").is_none() {
        if is(schema, "integer") {
            schema["format"] = json!("int64");
        } else if is(schema, "number") {
            schema["format"] = json!("double");
        }
    }
    let Some(schema) = schema.as_object_mut() else { return };
    for name in ["items", "additionalProperties"] {
        schema.get_mut(name).into_iter().for_each(with_formats);
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(with_formats);
    }
}

/// The most that the server takes. Bytes bound characters: a text of more characters than that has more bytes as well.
fn bound(schemas: &mut Map<String, Value>, bounds: &Bounds) {
    let limits = &bounds.limits;
    let texts = [
        ("PublishBody", "text", limits.post_text_bytes_max),
        ("AddCommentBody", "text", limits.comment_text_bytes_max),
        ("TextBody", "text", limits.post_text_bytes_max.max(limits.comment_text_bytes_max)),
        ("RegisterBody", "handle", limits.handle_chars_max),
        ("RegisterBody", "display_name", limits.display_name_bytes_max),
        ("RegisterBody", "bio", limits.bio_bytes_max),
        ("ChangeProfileBody", "handle", limits.handle_chars_max),
        ("ChangeProfileBody", "display_name", limits.display_name_bytes_max),
        ("ChangeProfileBody", "bio", limits.bio_bytes_max),
        ("StartBody", "title", limits.title_bytes_max),
        ("RenameBody", "title", limits.title_bytes_max),
        ("ReasonBody", "reason", limits.reason_bytes_max),
        ("SendBody", "text", limits.message_text_bytes_max),
        ("SendToBody", "text", limits.message_text_bytes_max),
        ("EditBody", "text", limits.message_text_bytes_max),
        ("DeliveredBody", "device_id", limits.client_id_bytes_max),
    ];
    for (schema, property, most) in texts {
        set(schemas, schema, property, "maxLength", most);
    }
    for schema in ["SendBody", "SendToBody", "EditBody"] {
        set(schemas, schema, "device_id", "maxLength", limits.client_id_bytes_max);
        set(schemas, schema, "encrypted_content", "maxLength", limits.message_text_bytes_max);
        set(schemas, schema, "nonce", "maxLength", limits.nonce_bytes_max);
    }
    for schema in ["SendBody", "SendToBody", "VoiceBody"] {
        set(schemas, schema, "client_message_id", "maxLength", limits.client_id_bytes_max);
    }
    set(schemas, "RegisterBody", "handle", "minLength", limits.handle_chars_min);
    set(schemas, "ChangeProfileBody", "handle", "minLength", limits.handle_chars_min);
    set(schemas, "PublishBody", "media_ids", "maxItems", limits.post_media_max);
    set(schemas, "VoiceBody", "waveform", "maxItems", limits.waveform_samples_max);
    for (schema, property) in [
        ("AddCommentBody", "text"),
        ("RegisterBody", "display_name"),
        ("ChangeProfileBody", "display_name"),
        ("RenameBody", "title"),
        ("StartBody", "title"),
        ("ReasonBody", "reason"),
        ("DeliveredBody", "device_id"),
    ] {
        set(schemas, schema, property, "minLength", 1);
    }
    for (schema, property, most) in
        [("PublishBatchBody", "posts", bounds.batch_posts), ("EventsBody", "events", bounds.client_events)]
    {
        set(schemas, schema, property, "minItems", 1);
        set(schemas, schema, property, "maxItems", most);
    }
    set(schemas, "UploadBody", "content_length", "minimum", 1);
}

fn set(schemas: &mut Map<String, Value>, schema: &str, property: &str, name: &str, bound: usize) {
    if let Some(property) = schemas.get_mut(schema).and_then(|schema| schema["properties"].get_mut(property))
    {
        property[name] = json!(bound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_is_flattened() {
        let mut document = json!({"components": {"schemas": {
            "A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            "B": {"allOf": [{"$ref": "#/components/schemas/A"},
                {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}], "description": "Both."},
            "ListOf_B": {"type": "object", "properties": {"items": {"type": "array", "items": {"allOf": []}}}},
        }}});
        tidy(&mut document, &Bounds::default());
        let schemas = &document["components"]["schemas"];
        assert_eq!(
            schemas["B"],
            json!({"type": "object", "description": "Both.", "required": ["a", "b"],
                "properties": {"a": {"type": "string"}, "b": {"type": "integer", "format": "int64"}}})
        );
        assert_eq!(schemas["ListOf_B"]["properties"]["items"]["items"]["$ref"], "#/components/schemas/B");
    }
}
