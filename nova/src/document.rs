//! The OpenAPI document of the whole API.
//!
//! Each side tells of its operations next to their handlers. Here they are put together, and what is the same for many is
//! said once: who may ask, what may go wrong (`problems`), what the headers are, how lists go on (`operations`); the
//! schemas get the form that generators of clients understand, and their bounds (`schemas`); each answer gets an example
//! that a server has given (`examples`).
//!
//! What holds for every operation is a test: `nova/tests/it/document.rs`.

mod examples;
mod operations;
mod problems;
mod schemas;

use nova_domain::Limits;
use serde_json::{Map, Value, json};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// In the order in which people come across them: a client first, then those who watch over the installation.
const TAGS: [(&str, &str); 12] = [
    ("users", "Accounts and profiles; whom one follows, blocks and may know."),
    ("posts", "Posts, their likes and their comments."),
    ("comments", "Comments and their likes."),
    ("feed", "What there is to read: the ranked feed, the timeline, what trends, and the search."),
    ("conversations", "Direct conversations and groups, their members, and how far each has read."),
    ("messages", "What is said in a conversation, in words and by voice."),
    ("media", "Uploads, and where to get them."),
    ("live", "What happens as it happens, by WebSocket or as server-sent events."),
    ("events", "What clients tell of impressions and clicks, for analysts."),
    ("system", "Whether this process is well."),
    ("audit", "The history, for auditors."),
    ("admin", "Projections and breakers, for operators."),
];

const DESCRIPTION: &str = "A social network over an event log.\n\n\
    * Errors are problems (RFC 9457) with a stable `code`; each operation lists its codes by status as `x-codes`.\n\
    * A command answers with a `position` of the log. Given as `after` to a query, the answer has its effect.\n\
    * A command that is repeated with its `Idempotency-Key` is carried out once.\n\
    * Lists are `{items, next_cursor, source, as_of, degraded}` and go on with `next_cursor`, until it is null.\n\
    * Positions and seqs are whole numbers below 2^53. Times are RFC 3339 in UTC. More fields, and more values of what \
    is enumerated, may come.";

/// The document, with the bounds of this installation.
pub fn document(limits: &Limits) -> Value {
    let mut sides = nova_query_api::openapi();
    sides.merge(nova_command_api::openapi());
    let mut document = serde_json::to_value(sides).unwrap_or_default();
    document["info"]["description"] = json!(DESCRIPTION);
    document["info"]["license"] = json!({"name": "Apache-2.0", "identifier": "Apache-2.0"});
    document["servers"] = json!([{"url": "/", "description": "The server that this document comes from."}]);
    document["tags"] =
        TAGS.iter().map(|(name, description)| json!({"name": name, "description": description})).collect();
    document["components"]["securitySchemes"] = json!({"bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token whose subject is a user id. `nova token` issues one. Its role, if it has one, is \
                        `moderator`, `auditor` or `operator`.",
    }});
    schemas::tidy(&mut document, limits);
    operations::complete(&mut document);
    examples::attach(&mut document);
    schemas::drop_unused(&mut document);
    document
}

/// Each operation of the document, with its path and method.
fn each_operation(document: &mut Value, mut visit: impl FnMut(&str, &str, &mut Map<String, Value>)) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        for method in METHODS {
            if let Some(Value::Object(operation)) = item.get_mut(method) {
                visit(path, method, operation);
            }
        }
    }
}
