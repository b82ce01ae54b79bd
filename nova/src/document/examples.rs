//! Examples of bodies: what a server was asked and answered when they were recorded (`NOVA_BLESS=1`, see the test of the
//! document), with ids and times made the same each time.

use serde_json::Value;

const RECORDED: &str = include_str!("examples.json");
const JSON: &str = "application/json";

/// Puts them into the document: `{operation: {"request": body, "200": body}}`.
pub(super) fn attach(document: &mut Value) {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap_or_default();
    super::each_operation(document, |_, _, operation| {
        let Some(id) = operation.get("operationId").and_then(Value::as_str) else { return };
        let Some(of_it) = recorded.get(id).and_then(Value::as_object) else { return };
        for (name, body) in of_it {
            let part = match name.as_str() {
                "request" => operation.get_mut("requestBody"),
                status => operation.get_mut("responses").and_then(|all| all.get_mut(status)),
            };
            if let Some(content) = part.and_then(|part| part.get_mut("content")?.get_mut(JSON)) {
                content["example"] = body.clone();
            }
        }
    });
}
