//! What end-to-end encrypted messages, receipts and searches promise, over HTTP and sockets.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::lines;
use crate::client::{Api, User};
use crate::process::{Process, nova, out};
use crate::race::Race;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn edits_deletions_and_a_removal_have_one_outcome_for_everybody() {
    let world = World::start().await;
    let [ada, bob, cat] = world.someones(["ada", "bob", "cat"]).await;
    let race = Race {
        admin: vec![ada.clone()],
        editor: vec![bob.clone()],
        member: cat.clone(),
        watchers: vec![ada, bob.clone(), cat.clone()],
    };
    let told = race.run().await;
    told.agrees_with_the_views(&cat, &bob).await;
    let data = world.stop().await;
    let log = lines(&out(&nova(data.path(), &["log", "read"])));
    told.agrees_with_the_log(&log, &bob.id.to_string());
    // And the views of a product that starts anew on the same folder.
    let world = World::in_folder(data, |_| {}).await;
    let again = |user: &User| world.again_as(user, nova_http::Role::User);
    told.agrees_with_the_views(&again(&cat), &again(&bob)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_of_a_device_is_taken_once() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("sealed", &[&bob]).await;
    let path = format!("/conversations/{group}/messages");
    let body = |nonce: &str| json!({"encrypted_content": "b3BhcXVl", "nonce": nonce, "device_id": "phone-7"});

    // At once: one wins, whatever their idempotency keys.
    let both = futures::future::join_all((0..8).map(|_| ada.post(&path, body("nonce-a")))).await;
    let (won, lost): (Vec<_>, Vec<_>) = both.into_iter().partition(|answer| answer.status.is_success());
    assert_eq!(won.len(), 1);
    for answer in lost {
        assert_eq!(answer.problem(409, "nonce_reused"), ["nonce"]);
    }
    let message = won.into_iter().next().unwrap().id();
    ada.post(&path, body("nonce-a")).await.problem(409, "nonce_reused");

    // The same command again is answered as it was.
    let key = Uuid::new_v4().to_string();
    let send = || ada.ask("POST", &path).header("idempotency-key", &key).json(&body("nonce-b")).send();
    let (first, second) = (send().await.id(), send().await.id());
    assert_eq!(first, second);

    // Edits are held to it too.
    let edit = format!("{path}/{message}");
    ada.send("PATCH", &edit, body("nonce-b")).await.problem(409, "nonce_reused");
    ada.send("PATCH", &edit, body("nonce-c")).await.ok();
    ada.post(&path, body("nonce-c")).await.problem(409, "nonce_reused");
    bob.post(&path, body("nonce-a")).await.ok();

    // What is in the log names neither the device nor a nonce, and a restart does not forget them.
    let data = world.stop().await;
    let log = out(&nova(data.path(), &["log", "read"]));
    assert_eq!(lines(&log).iter().filter(|event| event["kind"] == "NonceUsed").count(), 4);
    for word in ["phone-7", "nonce-a", "nonce-b", "b3BhcXVl"] {
        assert!(!log.contains(word), "{word} is in the log in clear");
    }
    let world = World::in_folder(data, |_| {}).await;
    let ada = world.again_as(&ada, nova_http::Role::User);
    ada.post(&path, body("nonce-a")).await.problem(409, "nonce_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_marks_are_of_devices_and_are_shown_of_members() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("receipts", &[&bob]).await;
    for n in 0..5 {
        ada.says(group, &format!("line {n}")).await;
    }
    let path = format!("/conversations/{group}");
    let mark = async |device: &str, seq: u64| {
        bob.send("PUT", &format!("{path}/delivered"), json!({"seq": seq, "device_id": device})).await
    };
    let marks = async || {
        let members = ada.see(&path).await["members"].as_array().unwrap().clone();
        let of_bob = members.iter().find(|member| member["user_id"] == json!(bob.id)).unwrap().clone();
        (of_bob["delivered_seq"].clone(), of_bob["last_read_seq"].clone())
    };
    assert_eq!(marks().await, (Value::Null, Value::Null));
    mark("phone", 3).await.ok();
    mark("tablet", 1).await.ok();
    // Forward only, and also when they come at once and out of order.
    futures::future::join_all((0..3).rev().map(|seq| mark("phone", seq))).await;
    assert_eq!(marks().await, (json!(3), Value::Null));
    mark("tablet", 4).await.ok();
    bob.send("PUT", &format!("{path}/read"), json!({"seq": 2})).await.ok();
    assert_eq!(marks().await, (json!(4), json!(2)));
    assert_eq!(mark("phone", 5).await.problem(422, "validation_failed"), ["seq"]);
    assert_eq!(mark("", 4).await.problem(422, "validation_failed"), ["device_id"]);

    let data = world.stop().await;
    let log = out(&nova(data.path(), &["log", "read"]));
    assert!(!log.contains("tablet"), "devices are not named in the log");
    let world = World::in_folder(data, |_| {}).await;
    let members = world.again_as(&ada, nova_http::Role::User).see(&path).await["members"].clone();
    assert!(members.as_array().unwrap().iter().any(|member| member["delivered_seq"] == 4), "{members}");
}

#[tokio::test(flavor = "multi_thread")]
async fn found_messages_show_where_they_match() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("search", &[&bob]).await;
    ada.says(group, "once upon a time there was a harbour at the end of the world").await;
    let best = ada.says(group, "🐝 Harbour, <b>harbour</b>").await;
    let path = format!("/conversations/{group}/search?q=HARBOUR");
    let found = bob.items(&path).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["id"], json!(best));
    assert_eq!(found[0]["text"], "🐝 Harbour, <b>harbour</b>");
    assert_eq!(found[0]["highlights"], json!([{"start": 3, "end": 10}, {"start": 15, "end": 22}]));
    let first = bob.see(&format!("{path}&limit=1")).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = bob.see(&format!("{path}&limit=1&cursor={cursor}")).await;
    assert_eq!((&first["items"][0], &second["items"][0]), (&found[0], &found[1]));
    assert_eq!(second["next_cursor"], Value::Null);
}

/// With everything told that can be told, and every way to be refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_is_in_no_line_no_error_and_no_index() {
    let (data, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let told = beside.path().join("told");
    let file = std::fs::File::create(&told).unwrap();
    let mut server = Process::telling(data.path(), &["serve"], "trace", file);
    let id = nova_events::UserId::make();
    let token = out(&nova(data.path(), &["token", "--user", &id.to_string()])).trim().to_owned();
    let ada = Api::new(server.address).as_user(id, token);
    ada.post("/users", json!({"handle": "ada", "display_name": "Ada"})).await.ok();
    let group = ada.starts_group("sealed", &[]).await;
    let path = format!("/conversations/{group}/messages");
    let words = ["ciphertextquux", "noncequux", "devicequux", "cleartextquux"];
    let [content, nonce, device, clear] = words;
    let body = json!({"encrypted_content": content, "nonce": nonce, "device_id": device});
    let message = ada.post(&path, body.clone()).await.id();
    let mut refused = vec![ada.post(&path, body.clone()).await];
    refused.push(ada.send("PATCH", &format!("{path}/{message}"), body.clone()).await);
    refused.push(ada.post(&path, json!({"text": clear, "encrypted_content": content})).await);
    refused.push(ada.post(&path, json!({"encrypted_content": content.repeat(9_000), "nonce": nonce})).await);
    refused.push(ada.post(&path, json!({"encrypted_content": content, "nonce": nonce.repeat(20)})).await);
    refused.push(ada.post(&format!("/conversations/{}/messages", Uuid::now_v7()), body).await);
    let far = json!({"seq": 99, "device_id": device});
    refused.push(ada.send("PUT", &format!("/conversations/{group}/delivered"), far).await);
    for answer in &refused {
        assert!(answer.status.is_client_error(), "{}", answer.status);
        assert!(words.iter().all(|word| !answer.body.to_string().contains(word)), "{}", answer.body);
    }
    ada.says(group, clear).await;
    ada.see(&path).await;
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));

    let told = std::fs::read_to_string(&told).unwrap();
    assert!(told.contains("nonce_reused") || told.contains("409"), "the refusals have their lines");
    for word in words {
        assert!(!told.contains(word), "{word} is in a line that was told");
    }
    let view = std::fs::read_dir(data.path().join("views")).unwrap().map(|entry| entry.unwrap().path());
    let view = view.into_iter().find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("conversations.g"))
            && path.extension().is_some_and(|end| end == "db")
    });
    let view = rusqlite::Connection::open(view.unwrap()).unwrap();
    let indexed = |word: &str| -> i64 {
        let sql = "SELECT count(*) FROM messages_fts WHERE messages_fts MATCH ?1";
        view.query_row(sql, [word], |row| row.get(0)).unwrap()
    };
    assert_eq!(words.map(indexed), [0, 0, 0, 1], "clear texts are indexed, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_hides_marks_from_queries_as_from_live_sessions() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let direct = ada.post("/conversations", json!({"kind": "direct", "members": [bob.id]})).await.id();
    let group = ada.starts_group("group", &[&bob]).await;
    for conversation in [direct, group] {
        bob.says(conversation, "hello").await;
        let path = format!("/conversations/{conversation}");
        ada.send("PUT", &format!("{path}/read"), json!({"seq": 0})).await.ok();
        ada.send("PUT", &format!("{path}/delivered"), json!({"seq": 0, "device_id": "phone"})).await.ok();
    }
    let marks = async |viewer: &User, conversation: Uuid| {
        let talk = viewer.see(&format!("/conversations/{conversation}")).await;
        let listed = viewer.items("/conversations").await;
        let listed = listed.iter().find(|talk| talk["id"] == json!(conversation)).unwrap();
        assert_eq!(talk["members"], listed["members"]);
        let members = talk["members"].as_array().unwrap();
        let of_ada = members.iter().find(|member| member["user_id"] == json!(ada.id)).unwrap();
        (of_ada["last_read_seq"].clone(), of_ada["delivered_seq"].clone())
    };
    let (shown, hidden) = ((json!(0), json!(0)), (Value::Null, Value::Null));
    assert_eq!(marks(&bob, direct).await, shown);
    ada.blocks(&bob).await;
    assert_eq!(marks(&bob, direct).await, hidden);
    assert_eq!(marks(&ada, direct).await, shown, "one sees one's own");
    assert_eq!(marks(&bob, group).await, shown, "a group is everybody's");
    ada.delete(&format!("/users/{}/block", bob.id)).await.ok();
    assert_eq!(marks(&bob, direct).await, shown);
}
