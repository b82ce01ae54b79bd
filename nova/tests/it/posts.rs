//! Posts, comments, likes.

use nova_http::Role;
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_post_lives_is_edited_deleted_and_restored() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let post = ada.publishes("first light").await;
    let path = format!("/posts/{post}");

    let card = bob.see(&path).await;
    assert_eq!((&card["text"], &card["author"]["handle"]), (&json!("first light"), &json!("ada")));
    assert_eq!((&card["like_count"], &card["edited_at"]), (&json!(0), &json!(null)));

    let edited = ada.send("PATCH", &path, json!({"text": "second light"})).await;
    assert_eq!(edited.headers["nova-position"].to_str().unwrap(), edited.body["position"].to_string());
    assert_eq!(edited.ok()["revision"], 1);
    let card = bob.see(&path).await;
    assert_eq!(card["text"], "second light");
    assert!(card["edited_at"].is_string());

    let refused = bob.send("PATCH", &path, json!({"text": "mine now"})).await;
    refused.problem(403, "not_yours");
    bob.delete(&path).await.problem(403, "not_yours");

    ada.send("DELETE", &path, json!({"reason": "wrong day"})).await.ok();
    bob.look(&path).await.problem(410, "gone");
    ada.send("PATCH", &path, json!({"text": "x"})).await.problem(410, "gone");
    bob.put(&format!("{path}/like")).await.problem(410, "gone");
    assert!(bob.items(&format!("/users/{}/posts", ada.id)).await.is_empty());

    ada.post(&format!("{path}/restore"), json!({})).await.ok();
    assert_eq!(bob.see(&path).await["text"], "second light");
    bob.look(&format!("/posts/{}", Uuid::now_v7())).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_moderator_deletes_only_a_moderator_restores_and_the_audit_knows() {
    let world = World::start().await;
    let [ada, mod_user] = world.someones(["ada", "judge"]).await;
    let moderator = world.again_as(&mod_user, Role::Moderator);
    let post = ada.publishes("buy my pills").await;
    let path = format!("/posts/{post}");
    let correlation = Uuid::now_v7();
    let deleting = moderator.ask("DELETE", &path).header("x-correlation-id", correlation.to_string());
    deleting.json(&json!({"reason": "advertising"})).send().await.ok();
    ada.post(&format!("{path}/restore"), json!({})).await.problem(403, "deleted_by_moderator");

    let auditor = world.auditor();
    let deletions = auditor.items("/audit/deletions?entity=post").await;
    assert_eq!(deletions.len(), 1);
    let deletion = &deletions[0];
    assert_eq!(deletion["id"], json!(post));
    assert_eq!((&deletion["owner_id"], &deletion["deleted_by"]), (&json!(ada.id), &json!(moderator.id)));
    assert_eq!((&deletion["reason"], &deletion["restored_at"]), (&json!("advertising"), &json!(null)));
    assert_eq!(deletion["correlation_id"], json!(correlation));
    ada.get("/audit/deletions").await.problem(403, "role_required");

    // Times are kept to the millisecond.
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    let before_restore = chrono::Utc::now();
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    moderator.post(&format!("{path}/restore"), json!({})).await.ok();
    assert_eq!(ada.see(&path).await["text"], "buy my pills");
    assert!(auditor.items("/audit/deletions").await[0]["restored_at"].is_string());
    let as_of = before_restore.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let then = auditor.items(&format!("/audit/deletions?as_of={as_of}")).await;
    assert_eq!(then.len(), 1, "it was in force then");
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert!(auditor.items(&format!("/audit/deletions?as_of={now}")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn visibility_is_kept_everywhere() {
    let world = World::start().await;
    let [ada, friend, other] = world.someones(["ada", "friend", "other"]).await;
    friend.follows(&ada).await;
    let mut posts = Vec::new();
    for visibility in ["public", "followers", "private"] {
        let body = json!({"text": format!("quokka {visibility}"), "visibility": visibility});
        posts.push(ada.post("/posts", body).await.id());
    }
    let [public, followers, private] = posts.try_into().unwrap();
    for (user, seen) in
        [(&ada, [true, true, true]), (&friend, [true, true, false]), (&other, [true, false, false])]
    {
        for (post, seen) in [public, followers, private].into_iter().zip(seen) {
            let answer = user.look(&format!("/posts/{post}")).await;
            assert_eq!(answer.status.as_u16(), if seen { 200 } else { 404 }, "{}", answer.body);
        }
        let wanted = seen.iter().filter(|seen| **seen).count();
        assert_eq!(user.items(&format!("/users/{}/posts", ada.id)).await.len(), wanted);
        assert_eq!(user.items("/search?q=quokka").await.len(), wanted);
    }
    other.put(&format!("/posts/{followers}/like")).await.problem(404, "not_found");
    let comment = other.post(&format!("/posts/{private}/comments"), json!({"text": "hm"})).await;
    comment.problem(404, "not_found");
    // Following later lets one see what is for followers, also from before.
    other.follows(&ada).await;
    assert_eq!(other.look(&format!("/posts/{followers}")).await.status, 200);
    other.delete(&format!("/users/{}/follow", ada.id)).await.ok();
    other.look(&format!("/posts/{followers}")).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_and_likes_are_counted_once_and_taken_back() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    let post = ada.publishes("who is in?").await;
    let path = format!("/posts/{post}");
    let first = bob.comments(post, "me", None).await;
    let answer = ada.comments(post, "good", Some(first)).await;
    let list = eve.items(&format!("{path}/comments")).await;
    let texts: Vec<_> = list.iter().map(|comment| comment["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["me", "good"]);
    assert_eq!(list[1]["parent_comment_id"], json!(first));

    for _ in 0..3 {
        bob.likes(post).await;
    }
    eve.likes(post).await;
    eve.put(&format!("/comments/{first}/like")).await.ok();
    let card = bob.see(&path).await;
    assert_eq!((&card["like_count"], &card["comment_count"]), (&json!(2), &json!(2)));
    assert_eq!(
        (&card["liked_by_viewer"], &ada.see(&path).await["liked_by_viewer"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(eve.items(&format!("{path}/comments")).await[0]["like_count"], 1);

    bob.delete(&format!("{path}/like")).await.ok();
    bob.delete(&format!("{path}/like")).await.ok();
    bob.send("PATCH", &format!("/comments/{first}"), json!({"text": "me too"})).await.ok();
    eve.send("PATCH", &format!("/comments/{first}"), json!({"text": "x"})).await.problem(403, "not_yours");
    // The post's author may take down what stands under the post.
    ada.delete(&format!("/comments/{first}")).await.ok();
    let card = bob.see(&path).await;
    assert_eq!((&card["like_count"], &card["comment_count"]), (&json!(1), &json!(1)));
    let list = eve.items(&format!("{path}/comments")).await;
    assert_eq!((list.len(), &list[0]["id"]), (1, &json!(answer)));
    let late =
        eve.post(&format!("{path}/comments"), json!({"text": "late", "parent_comment_id": first})).await;
    late.problem(410, "gone");
    let elsewhere = ada.publishes("another").await;
    let body = json!({"text": "lost", "parent_comment_id": answer});
    let fields =
        eve.post(&format!("/posts/{elsewhere}/comments"), body).await.problem(422, "validation_failed");
    assert_eq!(fields, ["parent_comment_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_batch_each_post_has_its_own_result() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let posts = json!({"posts": [{"text": "one"}, {"text": ""}, {"text": "three"}]});
    let key = Uuid::now_v7().to_string();
    let send = || ada.ask("POST", "/posts/batch-create").header("idempotency-key", &key).json(&posts).send();
    let results = async || {
        let mut answer = send().await.ok();
        // The one thing that belongs to the request and not to the command.
        answer["results"][1]["problem"]["correlation_id"].take();
        answer
    };
    let answer = results().await;
    let first = &answer["results"];
    let status: Vec<_> =
        first.as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(status, [201, 422, 201]);
    assert_eq!(first[1]["problem"]["errors"][0]["field"], "text");
    let last = [0, 2].map(|one| first[one]["accepted"]["position"].as_u64().unwrap()).into_iter().max();
    assert_eq!((answer["position"].as_u64(), ada.api.position()), (last, last.unwrap()));
    assert_eq!(ada.items(&format!("/users/{}/posts", ada.id)).await.len(), 2);
    let head = world.head().await;
    assert_eq!(results().await, answer, "the same again is the same");
    assert_eq!(world.head().await, head);

    let refused = ada.post("/posts/batch-create", json!({"posts": [{"text": ""}]})).await;
    assert!(!refused.headers.contains_key("nova-position"));
    assert_eq!(refused.ok()["position"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_deleted_long_ago_is_purged() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let (kept, dropped) = (ada.publishes("stays").await, ada.publishes("goes").await);
    ada.delete(&format!("/posts/{dropped}")).await.ok();
    let data = world.stop().await;

    let world = World::in_folder(data, |config| config.limits.restore_grace_ms = 1).await;
    let ada = world.again_as(&ada, Role::User);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let purged = loop {
        let purged = world.auditor().items("/audit/events?after=0&limit=10&kind=PostPurged").await;
        if !purged.is_empty() || std::time::Instant::now() > deadline {
            break purged;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(purged.len(), 1);
    ada.post(&format!("/posts/{dropped}/restore"), json!({})).await.problem(409, "grace_over");
    ada.look(&format!("/posts/{dropped}")).await.problem(410, "gone");
    ada.look(&format!("/posts/{kept}")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderators_deletion_stands_over_the_authors() {
    let world = World::start().await;
    let [ada, judge] = world.someones(["ada", "judge"]).await;
    let moderator = world.again_as(&judge, Role::Moderator);
    let post = ada.publishes("not fit to be seen").await;
    let comment = ada.comments(post, "nor this", None).await;
    for path in [format!("/comments/{comment}"), format!("/posts/{post}")] {
        let restore = format!("{path}/restore");
        ada.delete(&path).await.ok();
        let head = world.head().await;
        moderator.send("DELETE", &path, json!({"reason": "rules"})).await.ok();
        assert_eq!(world.head().await, head + 1, "it is an event");
        ada.post(&restore, json!({})).await.problem(403, "deleted_by_moderator");
        let audit = "/audit/deletions?limit=2";
        let both = world.auditor().items(&format!("{audit}&after={}", ada.api.position())).await;
        let by = |n: usize| (&both[n]["deleted_by"], &both[n]["reason"], &both[n]["restored_at"]);
        assert_eq!(by(0), (&json!(judge.id), &json!("rules"), &json!(null)));
        assert_eq!(by(1), (&json!(ada.id), &json!(null), &json!(null)));
        // The moderator undoes their own deletion and no more: the author's stands.
        moderator.post(&restore, json!({})).await.ok();
        moderator.post(&restore, json!({})).await.problem(403, "deleted_by_author");
        let both = world.auditor().items(&format!("{audit}&after={}", ada.api.position())).await;
        assert!(both[0]["restored_at"].is_string() && both[1]["restored_at"].is_null(), "{both:?}");
    }
    judge.look(&format!("/posts/{post}")).await.problem(410, "gone");
    ada.post(&format!("/posts/{post}/restore"), json!({})).await.ok();
    assert_eq!(judge.see(&format!("/posts/{post}")).await["comment_count"], 0);
    ada.post(&format!("/comments/{comment}/restore"), json!({})).await.ok();
    assert_eq!(judge.see(&format!("/posts/{post}")).await["comment_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn someone_who_is_blocked_says_nothing_again() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let post = ada.publishes("come in").await;
    let [shown, deleted] = [bob.comments(post, "hello", None).await, bob.comments(post, "bye", None).await];
    bob.delete(&format!("/comments/{deleted}")).await.ok();
    ada.blocks(&bob).await;
    let comment = json!({"text": "rude"});
    let first = bob.post(&format!("/posts/{post}/comments"), comment.clone()).await;
    let edit = bob.send("PATCH", &format!("/comments/{shown}"), comment).await;
    let restore = bob.post(&format!("/comments/{deleted}/restore"), json!({})).await;
    // As the first time, whatever that is.
    assert!(first.status.is_client_error());
    for again in [edit, restore] {
        assert_eq!(
            (again.status, &again.body["code"]),
            (first.status, &first.body["code"]),
            "{}",
            again.body
        );
    }
    bob.delete(&format!("/comments/{shown}")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_again_changes_nothing() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let post = ada.publishes("first").await;
    let comment = ada.comments(post, "first", None).await;
    let group = ada.starts_group("group", &[]).await;
    let messages = format!("/conversations/{group}/messages");
    let message = format!("{messages}/{}", ada.says(group, "zeroth").await);
    let head = world.head().await;
    let answer = ada.send("PATCH", &message, json!({"text": "zeroth"})).await.ok();
    assert!(answer["revision"].is_null(), "it has no seq: {answer}");
    assert_eq!(world.head().await, head);
    assert!(ada.items(&messages).await[0]["edited_at"].is_null());
    ada.send("PATCH", &message, json!({"text": "first"})).await.ok();
    let head = world.head().await;
    for path in [&format!("/posts/{post}"), &format!("/comments/{comment}"), &message] {
        ada.send("PATCH", path, json!({"text": "first"})).await.ok();
    }
    assert_eq!(world.head().await, head);
    assert!(ada.see(&format!("/posts/{post}")).await["edited_at"].is_null());
    // A text that it had before is another one by now.
    ada.send("PATCH", &message, json!({"text": "zeroth"})).await.ok();
    assert!(world.head().await > head);
    assert_eq!(ada.items(&messages).await[0]["text"], "zeroth");
    // A deletion may say that it gives no reason.
    for path in [&message, &format!("/comments/{comment}"), &format!("/posts/{post}"), "/users/me"] {
        ada.send("DELETE", path, json!(null)).await.ok();
    }
}
