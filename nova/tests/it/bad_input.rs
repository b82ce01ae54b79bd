//! Whatever clients send: each bad request is a problem that names the field, and nothing is written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nova_http::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::User;
use crate::world::World;

/// Sends a body and expects a problem; the fields that it names.
async fn refused(
    user: &User,
    method: &str,
    path: &str,
    body: &Value,
    status: u16,
    code: &str,
) -> Vec<String> {
    user.send(method, path, body.clone()).await.problem(status, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_what_they_must_be() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let post = ada.publishes("a post").await;
    let comment = ada.comments(post, "a comment", None).await;
    let group = ada.starts_group("group", &[&bob]).await;
    let message = ada.says(group, "a message").await;
    let head = world.head().await;

    let (edit, comments) = (format!("/posts/{post}"), format!("/posts/{post}/comments"));
    let (edit_comment, messages) =
        (format!("/comments/{comment}"), format!("/conversations/{group}/messages"));
    let (edit_message, read) = (format!("{messages}/{message}"), format!("/conversations/{group}/read"));
    let (over, over_message) = ("x".repeat(10_001), "x".repeat(65_537));
    let too_many: Vec<_> = (0..501).map(|_| Uuid::now_v7()).collect();
    let invalid = [
        ("POST", "/posts", json!({}), "text"),
        ("POST", "/posts", json!({"text": ""}), "text"),
        ("POST", "/posts", json!({"text": " \n\t "}), "text"),
        ("POST", "/posts", json!({"text": over}), "text"),
        ("POST", "/posts", json!({"text": "bell \u{7}"}), "text"),
        ("POST", "/posts", json!({"text": "nul \u{0}"}), "text"),
        ("POST", "/posts", json!({"text": 5}), "text"),
        ("POST", "/posts", json!({"text": null}), "text"),
        ("POST", "/posts", json!({"text": ["a"]}), "text"),
        ("POST", "/posts", json!({"text": "a", "colour": "red"}), "colour"),
        ("POST", "/posts", json!({"text": "a", "visibility": "secret"}), "visibility"),
        ("POST", "/posts", json!({"text": "a", "media_ids": ["x"]}), "media_ids[0]"),
        ("POST", "/posts", json!({"text": "a", "media_ids": vec![Uuid::now_v7(); 2]}), "media_ids"),
        ("POST", "/posts", json!([]), "body"),
        ("POST", "/posts/batch-create", json!({"posts": []}), "posts"),
        ("POST", "/posts/batch-create", json!({"posts": vec![json!({"text": "a"}); 101]}), "posts"),
        ("POST", "/posts/batch-create", json!({"posts": [{"text": "a"}, {"txt": "b"}]}), "posts[1].txt"),
        ("PATCH", edit.as_str(), json!({"text": over}), "text"),
        ("PATCH", edit.as_str(), json!({"text": "a", "visibility": "public"}), "visibility"),
        ("DELETE", edit.as_str(), json!({"reason": ""}), "reason"),
        ("DELETE", edit.as_str(), json!({"reason": "x".repeat(1001)}), "reason"),
        ("DELETE", edit.as_str(), json!({"why": "x"}), "why"),
        ("POST", comments.as_str(), json!({"text": over}), "text"),
        ("POST", comments.as_str(), json!({"text": "a", "parent_comment_id": "x"}), "parent_comment_id"),
        (
            "POST",
            comments.as_str(),
            json!({"text": "a", "parent_comment_id": Uuid::now_v7()}),
            "parent_comment_id",
        ),
        ("PATCH", edit_comment.as_str(), json!({"text": ""}), "text"),
        ("POST", "/users", json!({"handle": "ad", "display_name": "A"}), "handle"),
        ("POST", "/users", json!({"handle": "x".repeat(31), "display_name": "A"}), "handle"),
        ("POST", "/users", json!({"handle": "Ada", "display_name": "A"}), "handle"),
        ("POST", "/users", json!({"handle": "ada\u{0308}", "display_name": "A"}), "handle"),
        ("POST", "/users", json!({"handle": "ada_2", "display_name": ""}), "display_name"),
        ("POST", "/users", json!({"handle": "ada_2", "display_name": "x".repeat(201)}), "display_name"),
        ("POST", "/users", json!({"handle": "ada_2"}), "display_name"),
        ("POST", "/users", json!({"handle": "ada_2", "display_name": "A", "bio": "x".repeat(2001)}), "bio"),
        ("POST", "/users", json!({"handle": "ada_2", "display_name": "A", "id": Uuid::now_v7()}), "id"),
        ("PATCH", "/users/me", json!({"handle": "no spaces"}), "handle"),
        ("PATCH", "/users/me", json!({"display_name": ""}), "display_name"),
        ("POST", "/conversations", json!({"kind": "crowd", "members": []}), "kind"),
        ("POST", "/conversations", json!({"kind": "direct", "members": []}), "members"),
        ("POST", "/conversations", json!({"kind": "direct", "members": [ada.id]}), "members"),
        ("POST", "/conversations", json!({"kind": "direct", "members": [bob.id], "title": "t"}), "title"),
        ("POST", "/conversations", json!({"kind": "group", "members": ["x"]}), "members[0]"),
        ("POST", "/conversations", json!({"kind": "group", "members": [], "title": ""}), "title"),
        ("POST", messages.as_str(), json!({"text": ""}), "text"),
        ("POST", messages.as_str(), json!({"text": over_message}), "text"),
        ("POST", messages.as_str(), json!({"text": "a", "message_type": "smell"}), "message_type"),
        ("POST", messages.as_str(), json!({"text": "a", "reply_to": 7}), "reply_to"),
        (
            "POST",
            messages.as_str(),
            json!({"text": "a", "client_message_id": "x".repeat(129)}),
            "client_message_id",
        ),
        ("POST", "/messages", json!({"text": "a"}), "conversation_id"),
        ("PATCH", edit_message.as_str(), json!({"text": ""}), "text"),
        ("PUT", read.as_str(), json!({"seq": -1}), "seq"),
        ("PUT", read.as_str(), json!({"seq": 1.5}), "seq"),
        ("PUT", read.as_str(), json!({"seq": 1_000_000}), "seq"),
        ("PUT", read.as_str(), json!({}), "seq"),
    ];
    for (method, path, body, field) in &invalid {
        let fields = refused(&ada, method, path, body, 422, "validation_failed").await;
        assert_eq!(fields, [*field], "{method} {path} {:.100}", body.to_string());
    }
    let all_wrong = json!({"handle": "Ada Lovelace", "display_name": " ", "bio": "x".repeat(2_001)});
    for (method, path) in [("POST", "/users"), ("PATCH", "/users/me")] {
        let fields = refused(&ada, method, path, &all_wrong, 422, "validation_failed").await;
        assert_eq!(fields, ["handle", "display_name", "bio"], "all that is wrong is told at once");
    }
    let crowd = json!({"kind": "group", "members": too_many});
    assert_eq!(refused(&ada, "POST", "/conversations", &crowd, 422, "too_many_members").await, ["members"]);
    assert_eq!(world.head().await, head, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read() {
    let world = World::with(|config| config.http.body_bytes_max = 1 << 20).await;
    let ada = world.someone("ada").await;
    let head = world.head().await;
    let json = "application/json";
    for body in [
        &b"{"[..],
        b"",
        b"nul",
        b"{\"text\":\"a\"",
        b"{\"text\":\"\xff\xfe\"}",
        b"\xff",
        b"{\"text\":\"a\"} x",
    ] {
        let answer = ada.ask("POST", "/posts").raw(json, body).send().await;
        answer.problem(400, "malformed_json");
    }
    for half in ["\\ud800", "\\udc00x"] {
        let answer = ada.ask("POST", "/posts").raw(json, format!("{{\"text\":\"{half}\"}}")).send().await;
        answer.problem(400, "malformed_json");
    }
    let twice = ada.ask("POST", "/posts").raw(json, r#"{"text":"a","text":"b"}"#).send().await;
    assert_eq!(twice.problem(422, "validation_failed"), ["text"]);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep = ada.ask("POST", "/posts").raw(json, deep).send().await;
    assert!(matches!(deep.status.as_u16(), 400 | 422), "{}", deep.body);
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let answer = ada.ask("POST", "/posts").raw(kind, r#"{"text":"a"}"#).send().await;
        answer.problem(415, "unsupported_media_type");
    }
    // Whoever sends too much is told so, however much of it they send after that.
    for bytes in [(1 << 20) + 1, 2 << 20, 6 << 20] {
        for _ in 0..10 {
            let large = ada.ask("POST", "/posts").raw(json, vec![b' '; bytes]).send().await;
            large.problem(413, "payload_too_large");
            let unknown = world.api.ask("POST", "/posts").raw(json, vec![b' '; bytes]).send().await;
            assert_eq!(unknown.status, 401, "{}", unknown.body);
        }
    }
    assert_eq!(world.head().await, head);
    // In every language, right up to the limit.
    let text = "ü漢🦀".repeat(10_000 / 9);
    let post = ada.publishes(&text).await;
    assert_eq!(ada.see(&format!("/posts/{post}")).await["text"], text);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_queries_and_headers_that_are_not_what_they_must_be() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("group", &[&bob]).await;
    let auditor = world.auditor();
    let head = world.head().await;
    for (path, field) in [
        ("/posts/x", "id"),
        ("/posts/00000000-0000-0000-0000-00000000000g", "id"),
        ("/users/x/posts", "id"),
        ("/timeline?limit=0", "limit"),
        ("/timeline?limit=101", "limit"),
        ("/timeline?limit=many", "limit"),
        ("/timeline?limt=5", "limt"),
        ("/timeline?limit=5&limit=6", "limit"),
        ("/timeline?after=x", "after"),
        ("/search", "q"),
        ("/search?q=", "q"),
        ("/search?q=%20%20", "q"),
        (&format!("/search?q={}", "x".repeat(600)), "q"),
        ("/search?q=%00", "q"),
        (&format!("/conversations/{group}/messages?after_seq=-2"), "after_seq"),
        (&format!("/conversations/{group}/messages?before_seq=-1"), "before_seq"),
        ("/conversations/x", "id"),
    ] {
        assert_eq!(ada.get(path).await.problem(422, "validation_failed"), [field], "{path}");
    }
    for cursor in ["x", "AAAA", "WyJmZWVkIixbMV1d", &"A".repeat(600)] {
        for list in ["/timeline", "/feed", "/trending", "/discover", "/conversations", "/search?q=a"] {
            let separator = if list.contains('?') { '&' } else { '?' };
            ada.get(&format!("{list}{separator}cursor={cursor}")).await.problem(400, "invalid_cursor");
        }
    }
    for as_of in
        ["yesterday", "2026-13-01T00:00:00Z", "9999-01-01T00:00:00Z", "1066-10-14T09:00:00Z", "0", ""]
    {
        let fields =
            auditor.get(&format!("/audit/deletions?as_of={as_of}")).await.problem(422, "validation_failed");
        assert_eq!(fields, ["as_of"], "{as_of}");
    }
    for (path, field) in
        [("entity=planet", "entity"), ("deleted_by=x", "deleted_by"), ("colour=red", "colour")]
    {
        let answer = auditor.get(&format!("/audit/deletions?{path}")).await;
        assert_eq!(answer.problem(422, "validation_failed"), [field]);
    }
    for key in ["x", "", "00000000-0000-0000-0000-000000000000", "\u{e9}"] {
        let ask = ada.ask("POST", "/posts").header("idempotency-key", key).json(&json!({"text": "a"}));
        assert_eq!(ask.send().await.problem(400, "invalid_header"), ["idempotency-key"], "{key:?}");
    }
    let ask = ada.ask("POST", "/posts").header("x-correlation-id", "mine").json(&json!({"text": "a"}));
    assert_eq!(ask.send().await.problem(400, "invalid_header"), ["x-correlation-id"]);
    assert_eq!(ada.get("/nowhere").await.problem(404, "not_found"), Vec::<String>::new());
    ada.ask("DELETE", "/posts").send().await.problem(405, "method_not_allowed");
    assert_eq!(world.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn things_that_are_unknown_foreign_deleted_or_blocked() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    let (post, deleted) = (ada.publishes("a post").await, ada.publishes("a mistake").await);
    let comment = ada.comments(post, "a comment", None).await;
    let gone = ada.comments(post, "a slip", None).await;
    ada.delete(&format!("/posts/{deleted}")).await.ok();
    ada.delete(&format!("/comments/{gone}")).await.ok();
    let group = ada.starts_group("group", &[&bob]).await;
    let message = ada.says(group, "a message").await;
    ada.blocks(&eve).await;
    let head = world.head().await;
    let (nobody, text) = (Uuid::now_v7(), json!({"text": "x"}));

    for (user, method, path, status, code) in [
        (&bob, "PATCH", format!("/posts/{nobody}"), 404, "not_found"),
        (&bob, "PATCH", format!("/posts/{post}"), 403, "not_yours"),
        (&ada, "PATCH", format!("/posts/{deleted}"), 410, "gone"),
        (&bob, "PATCH", format!("/comments/{nobody}"), 404, "not_found"),
        (&bob, "PATCH", format!("/comments/{comment}"), 403, "not_yours"),
        (&ada, "PATCH", format!("/comments/{gone}"), 410, "gone"),
        (&bob, "POST", format!("/posts/{nobody}/comments"), 404, "not_found"),
        (&bob, "POST", format!("/posts/{deleted}/comments"), 410, "gone"),
        (&eve, "POST", format!("/posts/{post}/comments"), 404, "not_found"),
        // A comment's id is not a post's.
        (&bob, "POST", format!("/posts/{comment}/comments"), 404, "not_found"),
        (&bob, "POST", format!("/conversations/{nobody}/messages"), 404, "not_found"),
        (&eve, "POST", format!("/conversations/{group}/messages"), 404, "not_found"),
        (&bob, "PATCH", format!("/conversations/{group}/messages/{nobody}"), 404, "not_found"),
        (&bob, "PATCH", format!("/conversations/{group}/messages/{message}"), 403, "not_yours"),
        // A post's id is not a message's.
        (&ada, "PATCH", format!("/conversations/{group}/messages/{post}"), 404, "not_found"),
    ] {
        refused(user, method, &path, &text, status, code).await;
    }
    for (user, method, path, status, code) in [
        (&bob, "PUT", format!("/posts/{nobody}/like"), 404, "not_found"),
        (&bob, "PUT", format!("/posts/{deleted}/like"), 410, "gone"),
        (&eve, "PUT", format!("/posts/{post}/like"), 404, "not_found"),
        (&bob, "PUT", format!("/comments/{gone}/like"), 410, "gone"),
        (&eve, "PUT", format!("/comments/{comment}/like"), 404, "not_found"),
        (&bob, "PUT", format!("/users/{nobody}/follow"), 404, "not_found"),
        (&bob, "PUT", format!("/users/{}/follow", bob.id), 422, "yourself"),
        (&bob, "PUT", format!("/users/{}/block", bob.id), 422, "yourself"),
        (&eve, "PUT", format!("/users/{}/follow", ada.id), 404, "not_found"),
        (&bob, "PUT", format!("/users/{nobody}/block"), 404, "not_found"),
        (&bob, "PUT", format!("/users/{}/dismiss", bob.id), 422, "yourself"),
        (&bob, "PUT", format!("/users/{nobody}/dismiss"), 404, "not_found"),
        (&bob, "DELETE", format!("/users/{nobody}/dismiss"), 404, "not_found"),
        (&bob, "DELETE", format!("/posts/{post}"), 403, "not_yours"),
        (&bob, "DELETE", format!("/comments/{comment}"), 403, "not_yours"),
        (&bob, "POST", format!("/posts/{deleted}/restore"), 403, "not_yours"),
        (&ada, "PUT", format!("/conversations/{group}/members/{nobody}"), 404, "not_found"),
        (&ada, "PUT", format!("/conversations/{group}/members/{}", eve.id), 404, "not_found"),
        (&bob, "DELETE", format!("/conversations/{group}/members/{}", ada.id), 403, "not_an_admin"),
        (&bob, "DELETE", format!("/conversations/{group}/messages/{message}"), 403, "not_yours"),
    ] {
        user.ask(method, &path).send().await.problem(status, code);
    }
    let with_eve = json!({"kind": "direct", "members": [eve.id]});
    refused(&ada, "POST", "/conversations", &with_eve, 404, "not_found").await;
    let with_nobody = json!({"kind": "direct", "members": [nobody]});
    refused(&ada, "POST", "/conversations", &with_nobody, 404, "not_found").await;
    for role in [Role::User, Role::Moderator, Role::Operator, Role::Dpo] {
        world.stranger(role).get("/audit/deletions").await.problem(403, "role_required");
    }
    world.stranger(Role::Auditor).get("/admin/projections").await.problem(403, "role_required");
    assert_eq!(world.head().await, head, "nothing was written");
    // What already holds is no error, and writes nothing either.
    ada.delete(&format!("/posts/{deleted}")).await.ok();
    ada.blocks(&eve).await;
    bob.delete(&format!("/posts/{post}/like")).await.ok();
    assert_eq!(world.head().await, head);
}

/// Cursors are only opaque: whoever unpacks one can write another.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_cursor_holds_the_lists_answer() {
    let world = World::start().await;
    let [ada, bob, cleo] = world.someones(["ada", "bob", "cleo"]).await;
    let post = ada.publishes("a post about cursors").await;
    let second = ada.publishes("another post about cursors").await;
    for someone in [&bob, &cleo] {
        someone.put(&format!("/users/{}/follow", ada.id)).await.ok();
        someone.comments(post, "a comment", None).await;
        someone.comments(second, "a comment", None).await;
        ada.put(&format!("/users/{}/follow", someone.id)).await.ok();
        ada.starts_group("a group", &[&bob, &cleo]).await;
    }
    let lists = [
        "/timeline?".to_owned(),
        "/feed?".to_owned(),
        "/trending?".to_owned(),
        "/search?q=cursors&".to_owned(),
        format!("/posts/{post}/comments?"),
        format!("/users/{}/posts?", ada.id),
        format!("/users/{}/followers?", ada.id),
        format!("/users/{}/following?", ada.id),
        "/conversations?".to_owned(),
    ];
    let mut sound = Vec::new();
    for (number, list) in (0_u8..).zip(&lists) {
        let page = bob.look(&format!("{list}limit=1")).await.ok();
        let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("{list} goes on: {page}"));
        sound.push([&[number][..], &URL_SAFE_NO_PAD.decode(cursor).unwrap()].concat());
    }
    let runtime = tokio::runtime::Handle::current();
    let ask = |input: &[u8]| {
        let Some((number, json)) = input.split_first() else { return 0 };
        let list = &lists[usize::from(*number) % lists.len()];
        let path = format!("{list}limit=1&cursor={}", URL_SAFE_NO_PAD.encode(&json[..json.len().min(1_000)]));
        let answer = tokio::task::block_in_place(|| runtime.block_on(bob.get(&path)));
        assert!([200, 400].contains(&answer.status.as_u16()), "{path}: {} {}", answer.status, answer.body);
        usize::from(answer.status.as_u16()) * 100 + usize::from(*number) % lists.len()
    };
    nova_testkit::fuzz::fuzz_times("cursors-of-lists", 600, sound, ask);
}
