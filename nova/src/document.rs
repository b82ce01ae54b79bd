//! The OpenAPI document of the whole API.
//!
//! Handlers document what is their own: path, parameters, bodies. Here the two sides are merged, and what operations share
//! is added: who may use them, headers and pagination (`operations`), errors (`problems`), schemas that generators of clients
//! understand, with their bounds (`schemas`), recorded examples (`examples`).
//!
//! The rules that every operation keeps are tests: `nova/tests/it/document.rs`.

mod examples;
mod operations;
mod problems;
mod schemas;

use nova_domain::Limits;
use serde_json::{Map, Value, json};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// Those for clients first, then those for auditors and operators.
const TAGS: [(&str, &str); 12] = [
    ("users", "Accounts, profiles, followers, blocks and suggestions."),
    ("posts", "Posts, their likes and their comments."),
    ("comments", "Comments and their likes."),
    ("feed", "The ranked feed, the timeline, trending posts and the search."),
    ("conversations", "Direct conversations and groups, their members, and read marks."),
    ("messages", "Text and voice messages of a conversation."),
    ("media", "Uploads and downloads."),
    ("live", "Live events, by WebSocket or as server-sent events."),
    ("events", "Client events such as impressions and clicks, for analysts."),
    ("system", "Health checks."),
    ("audit", "The event log and deletions, for auditors."),
    ("admin", "Projections, dead letters, breakers and jobs, for operators."),
];

/// What clients may send at most.
#[derive(Debug, Clone)]
pub struct Bounds {
    pub limits: Limits,
    /// Posts of a batch.
    pub batch_posts: usize,
    /// Client events of a request.
    pub client_events: usize,
}

const DESCRIPTION: &str = "A social network over an event log.\n\n\
    * Errors are problems (RFC 9457) with a stable `code`; each operation lists its codes by status as `x-codes`. \
    `docs/problems.md` says what they mean.\n\
    * A command answers with a `position` of the log. Given as `after` to a query, the answer has its effect.\n\
    * A command that is repeated with its `Idempotency-Key` is carried out once.\n\
    * Lists are `{items, next_cursor, source, as_of, degraded}` and go on with `next_cursor`, until it is null. \
    `x-pagination` says how, also of messages and dead letters, which go on by the place of an item.\n\
    * Positions and seqs are whole numbers below 2^53. Times are RFC 3339 in UTC. More fields, and more values of what \
    is enumerated, may come.";

impl Default for Bounds {
    fn default() -> Self {
        Self { limits: Limits::default(), batch_posts: 100, client_events: 100 }
    }
}

/// The document of an installation with these bounds.
pub fn document(bounds: &Bounds) -> Value {
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
        "description": "A token whose subject is a user id. `nova token` issues one. Its role is `user`, or \
                        `moderator`, `auditor`, `operator` or `dpo`.",
    }});
    schemas::tidy(&mut document, bounds);
    operations::complete(&mut document);
    examples::attach(&mut document);
    schemas::drop_unused(&mut document);
    document
}

/// Leaves out the operations of other tags.
pub fn keep_tags(document: &mut Value, keep: impl Fn(&str) -> bool) {
    let has = |part: &Value| part["tags"][0].as_str().is_some_and(&keep);
    if let Some(paths) = document["paths"].as_object_mut() {
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            item.retain(|_, operation| has(operation));
        }
        paths.retain(|_, item| item.as_object().is_some_and(|item| !item.is_empty()));
    }
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.retain(|tag| tag["name"].as_str().is_some_and(&keep));
    }
    schemas::drop_unused(document);
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
