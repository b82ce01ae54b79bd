//! The schemas in the form that generators of clients understand: no `allOf`, no unnamed copies of what has a name, bounds
//! as numbers, and a word on every enumeration that more values may come.

use nova_eventlog::StreamId;
use nova_query_api::jobs::REASON_BYTES_MAX;
use serde_json::{Map, Value, json};

use super::Bounds;

const PREFIX: &str = "#/components/schemas/";
/// Longer than the name of any projection.
const PROJECTION_BYTES_MAX: usize = 64;
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

/// Removes components that nothing refers to, such as the parts of a flattened `allOf`.
pub(super) fn drop_unused(document: &mut Value) {
    loop {
        let (text, mut dropped) = (document.to_string(), false);
        for kind in ["schemas", "responses", "parameters", "headers"] {
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
    let (client_id, handle) = (limits.client_id_bytes_max, limits.handle_chars_max);
    let all = [
        ("AddCommentBody", "text", 1, limits.comment_text_bytes_max),
        ("ChangeProfileBody", "bio", 0, limits.bio_bytes_max),
        ("ChangeProfileBody", "display_name", 1, limits.display_name_bytes_max),
        ("ChangeProfileBody", "handle", limits.handle_chars_min, handle),
        ("DeliveredBody", "device_id", 1, client_id),
        ("EditBody", "device_id", 0, client_id),
        ("EditBody", "encrypted_content", 0, limits.message_text_bytes_max),
        ("EditBody", "nonce", 0, limits.nonce_bytes_max),
        ("EditBody", "text", 0, limits.message_text_bytes_max),
        ("EventsBody", "events", 1, bounds.client_events),
        ("PublishBatchBody", "posts", 1, bounds.batch_posts),
        ("PublishBody", "media_ids", 0, limits.post_media_max),
        ("PublishBody", "text", 0, limits.post_text_bytes_max),
        ("ReasonBody", "reason", 1, limits.reason_bytes_max),
        ("RegisterBody", "bio", 0, limits.bio_bytes_max),
        ("RegisterBody", "display_name", 1, limits.display_name_bytes_max),
        ("RegisterBody", "handle", limits.handle_chars_min, handle),
        ("RenameBody", "title", 1, limits.title_bytes_max),
        ("SendBody", "client_message_id", 0, client_id),
        ("SendBody", "device_id", 0, client_id),
        ("SendBody", "encrypted_content", 0, limits.message_text_bytes_max),
        ("SendBody", "nonce", 0, limits.nonce_bytes_max),
        ("SendBody", "text", 0, limits.message_text_bytes_max),
        ("SendToBody", "client_message_id", 0, client_id),
        ("SendToBody", "device_id", 0, client_id),
        ("SendToBody", "encrypted_content", 0, limits.message_text_bytes_max),
        ("SendToBody", "nonce", 0, limits.nonce_bytes_max),
        ("SendToBody", "text", 0, limits.message_text_bytes_max),
        ("StartBody", "title", 1, limits.title_bytes_max),
        ("StartJobBody", "projection", 1, PROJECTION_BYTES_MAX),
        ("StartJobBody", "reason", 1, REASON_BYTES_MAX),
        ("StartJobBody", "stream", 1, StreamId::BYTES_MAX),
        ("TextBody", "text", 0, limits.post_text_bytes_max.max(limits.comment_text_bytes_max)),
        ("VoiceBody", "client_message_id", 0, client_id),
        ("VoiceBody", "waveform", 0, limits.waveform_samples_max),
    ];
    for (schema, property, least, most) in all {
        let Some(property) = property_of(schemas, schema, property) else { continue };
        let is_list = property["type"] == "array";
        let (minimum, maximum) = if is_list { ("minItems", "maxItems") } else { ("minLength", "maxLength") };
        property[maximum] = json!(most);
        if least > 0 {
            property[minimum] = json!(least);
        }
    }
    if let Some(length) = property_of(schemas, "UploadBody", "content_length") {
        length["minimum"] = json!(1);
    }
}

fn property_of<'a>(
    schemas: &'a mut Map<String, Value>,
    schema: &str,
    property: &str,
) -> Option<&'a mut Value> {
    schemas.get_mut(schema)?["properties"].get_mut(property)
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
