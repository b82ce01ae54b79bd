//! What machines ask.

use nova_http::Role;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn health_documents_and_operators() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    ada.publishes("a sign of life").await;
    assert_eq!(world.api.ask("GET", "/health/live").send().await.ok()["status"], "up");
    assert_eq!(world.api.ask("GET", "/health/ready").send().await.ok()["head"], 3);
    assert_eq!(world.api.ask("GET", "/health/dependencies").send().await.ok()["status"], "up");
    let docs = world.api.ask("GET", "/docs").send().await;
    assert_eq!(docs.headers["content-type"].to_str().unwrap().split(';').next(), Some("text/html"));

    let operator = world.stranger(Role::Operator);
    ada.items("/timeline").await;
    for projection in operator.items("/admin/projections").await {
        assert_eq!((&projection["dead_letters"], &projection["parked_streams"]), (&json!(0), &json!(0)));
    }
    assert!(operator.items("/admin/dead-letters").await.is_empty());

    let events = world.auditor().get("/audit/events?after=0&limit=2").await.ok();
    let kinds: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["UserRegistered", "HandleClaimed"]);
    assert_eq!(events["head"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_both_sides_and_every_path_in_it_is_served() {
    let world = World::start().await;
    let document = world.api.ask("GET", "/openapi.json").send().await.ok();
    let paths = document["paths"].as_object().unwrap();
    for (path, method) in
        [("/api/v1/posts", "post"), ("/api/v1/feed", "get"), ("/api/v1/posts/{id}", "patch")]
    {
        assert!(paths.get(path).and_then(|item| item.get(method)).is_some(), "{method} {path}");
    }
    assert!(paths["/api/v1/posts/{id}"].get("get").is_some(), "both sides of one path");
    let auditor = world.auditor();
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let path = path.trim_start_matches("/api/v1").replace(['{', '}'], "");
            if path == "/stream" {
                // It is served: its answer does not end. `live` tells its story.
                continue;
            }
            let answer = auditor.ask(&method.to_uppercase(), &path).send().await;
            let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
            let unserved =
                answer.status == 405 || (answer.status == 404 && answer.body["detail"] == "Not Found");
            assert!(!unserved && code != "internal", "{method} {path}: {}", answer.body);
        }
    }
    let text = document.to_string();
    for name in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_ne!(document["components"]["schemas"][name], Value::Null, "{name}");
    }
}
