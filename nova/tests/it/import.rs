//! Import of a small sample of each format, with everything in it that can be wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nova::import::id_of;
use nova_events::UserId;
use nova_http::Role;
use serde_json::json;
use tempfile::TempDir;

use crate::client::User;
use crate::process::{err, nova, out};
use crate::world::World;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Someone whom the import registered.
pub(crate) fn imported(world: &World, name: &str) -> User {
    let id = UserId(id_of(name));
    world.api.as_user(id, world.issuer.issue(id, Role::User, Duration::from_secs(3600)).unwrap())
}

pub(crate) fn head(data: &Path) -> u64 {
    let stats = out(&nova(data, &["log", "stats"]));
    stats.lines().find_map(|line| line.strip_prefix("head ")).unwrap().trim().parse().unwrap()
}

fn import(data: &TempDir, args: &[&str], code: i32) -> (String, String) {
    let output = nova(data.path(), args);
    assert_eq!(output.status.code(), Some(code), "{}{}", out(&output), err(&output));
    (out(&output), err(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn ldbc_good_lines_are_there_and_bad_ones_are_told() {
    let data = tempfile::tempdir().unwrap();
    let folder = sample("ldbc");
    let args = ["import", "ldbc", folder.to_str().unwrap()];
    let (counts, told) = import(&data, &args, 3);
    let bad = [
        ("person_0_0.csv:5", "id is not a number"),
        ("person_0_0.csv:6", "the line has 4 fields instead of 9"),
        ("person_0_0.csv:7", "creationDate is not a time"),
        ("person_knows_person_0_0.csv:4", "there is no such user"),
        ("person_knows_person_0_0.csv:5", "you cannot follow yourself"),
        ("post_0_0.csv:5", "text must not be empty"),
        ("post_0_0.csv:6", "register first"),
        ("comment_0_0.csv:6", "replyOfComment leads to no post"),
        ("comment_0_0.csv:7", "there is no such post"),
        ("comment_0_0.csv:8", "exactly one of replyOfPost and replyOfComment"),
        ("comment_0_0.csv:9", "replyOfComment leads to no post"),
        ("person_likes_post_0_0.csv:5", "there is no such post"),
        ("person_likes_comment_0_0.csv:3", "Comment.id is not a number"),
    ];
    for (place, reason) in bad {
        assert!(
            told.lines().any(|line| line.contains(&format!("{place}: {reason}"))),
            "{place}: {reason}\n{told}"
        );
    }
    assert_eq!(told.lines().count(), bad.len(), "{told}");
    assert!(counts.contains("18 new, 0 there already, 13 bad lines"), "{counts}");
    let status = out(&nova(data.path(), &["projections", "status"]));
    let lags = status.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3));
    assert!(lags.take(6).all(|lag| lag == "0"), "an import ends with current views: {status}");

    let before = head(data.path());
    let (counts, _) = import(&data, &args, 3);
    assert!(counts.contains("0 new, 18 there already, 13 bad lines"), "{counts}");
    assert_eq!(head(data.path()), before, "importing twice changes nothing");

    let world = World::in_folder(data, |_| {}).await;
    let [ann, bo, cy] = [1, 2, 3].map(|id| imported(&world, &format!("ldbc:person:{id}")));
    assert_eq!(ann.see("/users/@ldbc_2").await["display_name"], "Bo \"the quote\" Ray");
    let post = |id: u64| id_of(&format!("ldbc:post:{id}"));
    let card = cy.see(&format!("/posts/{}", post(101))).await;
    assert_eq!(
        (&card["text"], &card["like_count"], &card["comment_count"]),
        (&json!("photo101.jpg"), &json!(2), &json!(3))
    );
    assert_eq!(card["created_at"], "2010-03-02T00:00:00Z");
    assert_eq!(
        ann.see(&format!("/posts/{}", post(100))).await["text"],
        "About \"quotes\", plain as they are"
    );
    let thread = ann.items(&format!("/posts/{}/comments", post(101))).await;
    let texts: Vec<_> = thread.iter().map(|comment| comment["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["first", "second answers first", "third answers second"]);
    assert_eq!(thread[2]["parent_comment_id"], json!(id_of("ldbc:comment:202")));
    assert_eq!(thread[0]["like_count"], 1);
    let timeline = |ids: &[u64]| ids.iter().map(|&id| post(id).to_string()).collect::<Vec<_>>();
    assert_eq!(ann.all("/timeline", "id").await, timeline(&[101, 100]));
    assert_eq!(bo.all("/timeline", "id").await, timeline(&[102, 101, 100]));
}

#[tokio::test(flavor = "multi_thread")]
async fn ldbc_times_can_be_moved_so_that_the_newest_is_now() {
    let data = tempfile::tempdir().unwrap();
    let folder = sample("ldbc");
    import(&data, &["import", "ldbc", folder.to_str().unwrap(), "--shift-to-now"], 3);
    let world = World::in_folder(data, |_| {}).await;
    let ann = imported(&world, "ldbc:person:1");
    let card = ann.see(&format!("/posts/{}", id_of("ldbc:post:101"))).await;
    let at: chrono::DateTime<chrono::Utc> = card["created_at"].as_str().unwrap().parse().unwrap();
    // The newest time in the sample, a like of 4 May, is 63 days after this post.
    let age = chrono::Utc::now() - at;
    assert!((age - chrono::TimeDelta::days(63)).abs() < chrono::TimeDelta::minutes(5), "{age}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chitchat_conversations_keep_their_order_and_bad_texts_are_told() {
    let data = tempfile::tempdir().unwrap();
    let file = sample("chitchat.json");
    let args = ["import", "chitchat", file.to_str().unwrap()];
    let (counts, told) = import(&data, &args, 3);
    let bad = [
        ("chitchat.json:18: conversation conv-three: text 1", "text must not be empty"),
        ("chitchat.json:20: conversation conv-three: text 3", "text must not contain control characters"),
        ("chitchat.json:22: conversation conv-three: text 5", "timestamp is not a time"),
        ("chitchat.json:23: conversation conv-three: text 6", "a text must have text, timestamp and sender"),
        ("chitchat.json:26: conversation conv-bad", "messages must be a list of lists"),
    ];
    for (place, reason) in bad {
        assert!(
            told.lines().any(|line| line.contains(&format!("{place}: {reason}"))),
            "{place}: {reason}\n{told}"
        );
    }
    assert_eq!(told.lines().count(), bad.len(), "{told}");
    assert!(counts.contains("13 new, 0 there already, 5 bad lines"), "{counts}");
    let before = head(data.path());
    import(&data, &args, 3);
    assert_eq!(head(data.path()), before, "importing twice changes nothing");

    let world = World::in_folder(data, |_| {}).await;
    let [a, b] = ["aaaa1111-0000-4000-8000-000000000001", "bbbb2222-0000-4000-8000-000000000002"];
    let a = imported(&world, &format!("chitchat:person:{a}"));
    let b = imported(&world, &format!("chitchat:person:{b}"));
    assert_eq!(a.see(&format!("/users/{}", b.id)).await["handle"], "chat_bbbb22220000");
    let kinds: Vec<_> = a.items("/conversations").await.iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["group", "group", "direct"], "newest first");
    let path = format!("/conversations/{}/messages", id_of("chitchat:conversation:conv-two"));
    let messages = b.items(&path).await;
    let said: Vec<_> = messages.iter().map(|message| (&message["text"], &message["seq"])).collect();
    assert_eq!(
        said,
        [(&json!("Hello"), &json!(0)), (&json!("How are you?"), &json!(1)), (&json!("Fine 🙂"), &json!(2))]
    );
    assert_eq!(messages[2]["created_at"], "2018-05-02T19:38:29Z");
    let group = id_of("chitchat:conversation:conv-three");
    assert_eq!(b.see(&format!("/conversations/{group}")).await["members"].as_array().unwrap().len(), 3);
    assert_eq!(b.items(&format!("/conversations/{group}/messages")).await.len(), 3);
}

#[test]
fn what_is_not_there_or_not_of_the_format_fails() {
    let data = tempfile::tempdir().unwrap();
    let (_, told) = import(&data, &["import", "ldbc", "/nowhere"], 1);
    assert!(told.contains("cannot read /nowhere"), "{told}");
    let empty = tempfile::tempdir().unwrap();
    let (_, told) = import(&data, &["import", "ldbc", empty.path().to_str().unwrap()], 1);
    assert!(told.contains("holds no person_0_0.csv"), "{told}");
    let csv = sample("ldbc/person_0_0.csv");
    let (_, told) = import(&data, &["import", "chitchat", csv.to_str().unwrap()], 1);
    assert!(told.contains("person_0_0.csv:1: Syntax error in the JSON"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dated_in_the_future_happened_when_it_was_imported() {
    let data = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[&str]| {
        std::fs::write(folder.path().join(name), lines.join("\n") + "\n").unwrap();
    };
    write(
        "person_0_0.csv",
        &[
            "id|firstName|lastName|gender|birthday|creationDate|locationIP|browserUsed|place",
            "1|Ann|Lee|female|1980-01-01|2010-02-01T10:00:00.000+0000|1.1.1.1|Firefox|1",
        ],
    );
    write(
        "post_0_0.csv",
        &[
            "id|imageFile|creationDate|locationIP|browserUsed|language|content|length|creator|Forum.id|place",
            "101||2099-01-01T00:00:00.000+0000|1.1.1.1|Firefox|en|from the future|15|1|1|1",
            "102||2010-03-01T00:00:00.000+0000|1.1.1.1|Firefox|en|from the past|13|1|1|1",
        ],
    );
    let before = chrono::Utc::now();
    let (counts, _) = import(&data, &["import", "ldbc", folder.path().to_str().unwrap()], 0);
    assert!(counts.contains("warning: 1 times lay in the future"), "{counts}");
    let world = World::in_folder(data, |_| {}).await;
    let ann = imported(&world, "ldbc:person:1");
    let time = |card: &serde_json::Value| {
        card["created_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };
    let posts = ann.items("/timeline").await;
    assert_eq!(posts[0]["text"], "from the future");
    assert!(
        time(&posts[0]) >= before - chrono::TimeDelta::seconds(1) && time(&posts[0]) <= chrono::Utc::now()
    );
    // A post published now is newer.
    ann.publishes("now").await;
    assert_eq!(ann.items("/timeline").await[0]["text"], "now");
}
