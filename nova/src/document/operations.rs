//! The parts that many operations share: who may use them, headers, errors, pagination.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::problems::{self, Code};

const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";

/// Parameters that are shared, by their name in `components`.
const SHARED: [(&str, &str, &str); 5] = [
    ("after", "query", "After"),
    ("limit", "query", "Limit"),
    ("cursor", "query", "Cursor"),
    ("Idempotency-Key", "header", "IdempotencyKey"),
    ("Nova-Timeout-Ms", "header", "Timeout"),
];

/// Operations for which a token is enough: the account need not have a profile.
const WITHOUT_PROFILE: [&str; 2] = ["users_register", CLIENT_EVENTS];
/// They go to the analysts, and are no command to the log.
const CLIENT_EVENTS: &str = "events_publish";
/// Operators' jobs are in the memory of a process: they are neither commands to the log nor questions to the views.
const JOBS: &str = "jobs_";
/// Operations that the owner of a deactivated account may use.
const WHILE_DEACTIVATED: [&str; 2] = ["users_register", "users_deactivate"];
/// What a moderator may do to others' posts and comments, with or without a profile.
const MODERATED: [&str; 4] = ["posts_delete", "posts_restore", "comments_delete", "comments_restore"];
/// Its token may come in the first frame instead.
const TOKEN_LATER: &str = "websocket_open";

/// Properties of an operation, taken from its path and its parts.
struct Kind {
    id: String,
    /// The role of the token; `None`: no token.
    role: Option<&'static str>,
    is_command: bool,
    is_list: bool,
    /// The groups of `docs/problems.md` that it is in.
    groups: Vec<&'static str>,
}

pub(super) fn complete(document: &mut Value) {
    let lists: Vec<String> = lists(document);
    super::each_operation(document, |path, method, operation| {
        let kind = Kind::of(path, method, operation, &lists);
        summarise(operation, &kind);
        operation.insert("security".to_owned(), security(&kind));
        if kind.is_list {
            operation.insert("x-pagination".to_owned(), pagination(operation));
        }
        parameters(path, operation, &kind);
        body(operation);
        bytes(operation);
        answers(operation, &kind);
    });
    components(document);
}

/// Schemas of lists that go on.
fn lists(document: &Value) -> Vec<String> {
    let Some(schemas) = document["components"]["schemas"].as_object() else { return Vec::new() };
    let is_list = |schema: &Value| schema["properties"].get("next_cursor").is_some();
    schemas.iter().filter(|(_, schema)| is_list(schema)).map(|(name, _)| name.clone()).collect()
}

impl Kind {
    fn of(path: &str, method: &str, operation: &Map<String, Value>, lists: &[String]) -> Self {
        let is_open = operation.get("security").is_some_and(|security| *security == json!([{}]));
        let role = match path.strip_prefix("/api/v1/").and_then(|path| path.split('/').next()) {
            _ if is_open => None,
            Some("admin") => Some("operator"),
            Some("audit") => Some("auditor"),
            _ => Some("user"),
        };
        let of_list = &operation["responses"]["200"]["content"][JSON]["schema"]["$ref"];
        let is_list = of_list.as_str().is_some_and(|of_list| {
            lists.iter().any(|name| of_list.strip_prefix("#/components/schemas/") == Some(name))
        });
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let any = |test: &dyn Fn(&Value) -> bool| given(operation).iter().any(test);
        let is_job = id.starts_with(JOBS);
        let is_command = method != "get" && role.is_some() && !is_job;
        let groups = [
            ("load", operation["tags"][0] != "system"),
            ("token", role.is_some()),
            ("token-required", role.is_some() && id != TOKEN_LATER),
            ("role", matches!(role, Some("operator" | "auditor"))),
            ("account", role.is_some() && !WHILE_DEACTIVATED.contains(&id.as_str())),
            ("registered", is_command && !WITHOUT_PROFILE.contains(&id.as_str())),
            ("path", role.is_some() && !is_job && any(&|one| one["in"] == "path")),
            ("query-string", any(&|one| one["in"] == "query")),
            ("body", operation.contains_key("requestBody")),
            ("after", any(&waits)),
            ("cursor", any(&|one| one["name"] == "cursor")),
            ("command", is_command && id != CLIENT_EVENTS),
            ("query", method == "get" && role.is_some() && !is_job),
        ];
        let groups = groups.into_iter().filter(|(_, holds)| *holds).map(|(group, _)| group).collect();
        Self { id, role, is_command, is_list, groups }
    }
}

/// Whether this is the `after` that a query waits for, and not the place to read the log from.
fn waits(parameter: &Value) -> bool {
    let description = parameter["description"].as_str().unwrap_or_default();
    parameter["name"] == "after" && description.starts_with("Wait")
}

fn security(kind: &Kind) -> Value {
    match kind.role {
        None => json!([]),
        Some(role) if kind.id == TOKEN_LATER => json!([{"bearer": [role]}, {}]),
        Some(role) => json!([{"bearer": [role]}]),
    }
}

fn given(operation: &Map<String, Value>) -> &[Value] {
    operation.get("parameters").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The first sentence is the summary; the others, and who may use it, are the description.
fn summarise(operation: &mut Map<String, Value>, kind: &Kind) {
    let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let all = [text("summary"), text("description")].join("\n").replace('\n', " ");
    let (first, others) = match all.split_once(". ") {
        Some((first, others)) => (first, others.trim()),
        None => (all.trim().trim_end_matches('.'), ""),
    };
    let mut who = match kind.role {
        None => "No token is needed.".to_owned(),
        Some("user") if kind.id == TOKEN_LATER => {
            "Needs a token, in the header or in the first frame.".to_owned()
        }
        Some("user") if kind.groups.contains(&"registered") => {
            "Needs the token of a registered account.".to_owned()
        }
        Some("user") => "Needs a token.".to_owned(),
        Some(role) => format!("Needs a token with the role `{role}`."),
    };
    if MODERATED.contains(&kind.id.as_str()) {
        who.push_str(" The role `moderator` may do it as well.");
    }
    let description = [others, &who].join("\n\n");
    operation.insert("summary".to_owned(), json!(first));
    operation.insert("description".to_owned(), json!(description.trim()));
}

/// Which parameter gets the place of the next page.
fn pagination(operation: &Map<String, Value>) -> Value {
    let has = |name: &str| given(operation).iter().any(|one| one["name"] == name);
    let (parameter, next) = match () {
        () if has("cursor") => ("cursor", "next_cursor"),
        // Without it the newest come, from which it goes back by `before_seq`.
        () if has("after_seq") => {
            return json!({"items": "items", "parameter": "after_seq", "start": -1, "next": "items[-1].seq"});
        }
        () if has("category") => ("after", "next_cursor"),
        () if has("projection") => ("after", "items[-1].position"),
        () => return json!({"items": "items"}),
    };
    json!({"items": "items", "parameter": parameter, "next": next})
}

fn parameters(path: &str, operation: &mut Map<String, Value>, kind: &Kind) {
    let mut all: Vec<Value> = given(operation).to_vec();
    if kind.is_command {
        all.push(json!({"name": "Idempotency-Key", "in": "header"}));
    }
    all.push(json!({"name": "Nova-Timeout-Ms", "in": "header"}));
    for parameter in &mut all {
        let is_own = parameter["name"] == "after" && !waits(parameter);
        let shared =
            SHARED.iter().find(|(name, place, _)| parameter["name"] == *name && parameter["in"] == *place);
        if let Some((_, _, component)) = shared.filter(|_| !is_own) {
            *parameter = json!({"$ref": format!("#/components/parameters/{component}")});
        } else if parameter["in"] == "path" && parameter.get("description").is_none() {
            parameter["description"] =
                json!(of_the_path(path, parameter["name"].as_str().unwrap_or_default()));
        }
    }
    operation.insert("parameters".to_owned(), json!(all));
}

fn of_the_path(path: &str, name: &str) -> String {
    let of = match (path.strip_prefix("/api/v1/").and_then(|path| path.split('/').next()), name) {
        (_, "message") => "message",
        (_, "user") => "member",
        (Some("posts"), _) => "post",
        (Some("comments"), _) => "comment",
        (Some("conversations"), _) => "conversation",
        (Some("media" | "uploads"), _) => "medium",
        (Some("admin"), _) => "job",
        _ => return format!("The {name} of the address that was given."),
    };
    format!("The id of the {of}.")
}

/// An optional body is one that is not required; it is never null.
fn body(operation: &mut Map<String, Value>) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    if body.get("required").is_none() {
        body["required"] = json!(false);
    }
    let Some(schema) = body["content"].get_mut(JSON).and_then(|content| content.get_mut("schema")) else {
        return;
    };
    let named =
        schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one.get("$ref").is_some())).cloned();
    if let Some(named) = named {
        *schema = named;
    }
}

/// Uploads and downloads are bytes.
fn bytes(operation: &mut Map<String, Value>) {
    let bytes = json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}});
    match operation.get("operationId").and_then(Value::as_str) {
        Some("media_store") => {
            operation.insert("requestBody".to_owned(), json!({"required": true, "content": bytes}));
        }
        Some("media_fetch") => {
            for status in ["200", "206"] {
                operation["responses"][status]["content"] = bytes.clone();
            }
        }
        _ => {}
    }
}

/// The headers of successful answers, and the errors by status, with their codes.
fn answers(operation: &mut Map<String, Value>, kind: &Kind) {
    let mut codes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for Code { code, status, .. } in problems::codes_of(&kind.id, &kind.groups) {
        codes.entry(status.to_string()).or_default().push(code);
    }
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, answer) in answers.iter_mut() {
        if kind.is_command && has_position(answer) {
            answer["headers"]["Nova-Position"] = json!({"$ref": "#/components/headers/Position"});
        }
        if answer["description"].as_str().is_none_or(str::is_empty) {
            answer["description"] = json!(problems::reason(status));
        }
        if kind.groups.contains(&"query")
            && status == "200"
            && answer["content"].get(JSON).is_some()
            && !kind.is_list
        {
            for (header, component) in
                [("Nova-Source", "Source"), ("Nova-As-Of", "AsOf"), ("Nova-Degraded", "Degraded")]
            {
                answer["headers"][header] = json!({"$ref": format!("#/components/headers/{component}")});
            }
        }
        if status == "307" {
            answer["headers"]["Location"] =
                json!({"description": "Where the bytes are.", "schema": {"type": "string"}});
        }
    }
    for status in codes.keys() {
        match answers.get_mut(status) {
            // Such as of a process that is not ready, which says why.
            Some(own) => {
                own["content"][PROBLEM] = json!({"schema": {"$ref": "#/components/schemas/Problem"}})
            }
            None => {
                answers.insert(
                    status.clone(),
                    json!({"$ref": format!("#/components/responses/Problem{status}")}),
                );
            }
        }
    }
    operation.insert("x-codes".to_owned(), json!(codes));
}

/// One shared answer for each status of an error.
fn problem_answers() -> Value {
    let statuses: BTreeSet<u16> = problems::codes().map(|code| code.status).collect();
    let answer = |status: u16| {
        let reason = problems::reason(&status.to_string());
        let schema = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        let mut answer = json!({"description": reason, "content": {PROBLEM: schema}});
        if [429, 503].contains(&status) {
            answer["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfter"});
        }
        (format!("Problem{status}"), answer)
    };
    statuses.into_iter().map(answer).collect::<Map<_, _>>().into()
}

fn has_position(answer: &Value) -> bool {
    let schema = answer["content"][JSON]["schema"]["$ref"].as_str().unwrap_or_default();
    let name = schema.rsplit('/').next().unwrap_or_default();
    ["Accepted", "BatchResults", "PresignedUpload"].contains(&name)
}

fn components(document: &mut Value) {
    let components = &mut document["components"];
    components["responses"] = problem_answers();
    components["parameters"] = json!({
        "After": {"name": "after", "in": "query", "required": false,
            "description": "Wait (a little) until the views have seen this position of the log, such as the one that a command answered.",
            "schema": {"type": "integer", "format": "int64", "minimum": 0}},
        "Limit": {"name": "limit", "in": "query", "required": false, "description": "How many items.",
            "schema": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100, "default": 20}},
        "Cursor": {"name": "cursor", "in": "query", "required": false, "description": "The `next_cursor` of the page before.",
            "schema": {"type": "string", "minLength": 1}},
        "IdempotencyKey": {"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A new UUID for each command. Repeated with the same one, it is carried out once and answered alike.",
            "schema": {"type": "string", "format": "uuid"}},
        "Timeout": {"name": "Nova-Timeout-Ms", "in": "header", "required": false,
            "description": "For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait.",
            "schema": {"type": "integer", "format": "int64", "minimum": 1}},
    });
    components["headers"] = json!({
        "RetryAfter": {"description": "Seconds after which to try again.", "schema": {"type": "integer", "format": "int32", "minimum": 0}},
        "Source": {"description": "The source that answered.", "schema": {"type": "string"}},
        "AsOf": {"description": "The answer holds what was known at this time.",
            "schema": {"type": "string", "format": "date-time"}},
        "Degraded": {"description": "`true` when a better source should have answered; absent otherwise.",
            "schema": {"type": "string"}},
        "Position": {"description": "The `position` of the body.", "schema": {"type": "integer", "format": "int64", "minimum": 0}},
    });
}
