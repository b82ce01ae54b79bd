//! The command line.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use nova_events::UserId;
use serde_json::{Value, json};

use crate::client::Api;
use crate::process::{Process, err, nova, out};

/// A folder with a few events in it; nobody serves it any more.
async fn lived_in() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let mut server = Process::start(data.path(), &["serve"]);
    let user = UserId::make();
    let api = Api::new(server.address);
    let user = api.as_user(user, token(data.path(), user));
    user.post("/users", json!({"handle": "ada", "display_name": "Ada"})).await.ok();
    user.publishes("something personal").await;
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    data
}

fn token(data: &Path, user: UserId) -> String {
    let output = nova(data, &["token", "--user", &user.to_string()]);
    assert!(output.status.success(), "{}", err(&output));
    out(&output).trim().to_owned()
}

pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_printed_alone_and_lets_its_user_in() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::start(data.path(), &["serve"]);
    let user = UserId::make();
    let output =
        nova(data.path(), &["token", "--user", &user.to_string(), "--role", "auditor", "--ttl", "60"]);
    let printed = out(&output);
    assert_eq!((printed.lines().count(), printed.trim().split('.').count()), (1, 3), "{printed}");
    assert_eq!(err(&output), "");
    let auditor = Api::new(server.address).as_user(user, printed.trim().to_owned());
    assert_eq!(auditor.get("/audit/deletions").await.status, 200);
    let too_long = nova(data.path(), &["token", "--user", &user.to_string(), "--ttl", "99999999999"]);
    assert_eq!(too_long.status.code(), Some(1));
}

/// As README's first account, with nothing there and beside the demo.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_account_is_opened_beside_whatever_serves_this_folder() {
    let parent = tempfile::tempdir().unwrap();
    let here = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nova"));
        command.args(args).current_dir(parent.path()).output().unwrap()
    };
    let registers = async |server: &Process, handle: &str| {
        let printed = here(&["token"]);
        assert!(printed.status.success(), "{}", err(&printed));
        let api = Api::new(server.address).as_user(UserId::make(), out(&printed).trim().to_owned());
        let answer = api.post("/users", json!({"handle": handle, "display_name": "Ada"})).await;
        assert_eq!(answer.status, 201, "{handle}: {}", answer.body);
        err(&printed)
    };
    let (folder, of_demo) = (parent.path().join("nova-data"), parent.path().join("nova-data/demo"));
    let demo = Process::start(&of_demo, &["demo", "--people", "30"]);
    assert!(registers(&demo, "ada_0").await.contains("demo"));
    drop(demo);
    let served = Process::start(&folder, &["serve"]);
    assert_eq!(registers(&served, "ada_1").await, "");
    drop(served);
    let demo = Process::start(&of_demo, &["demo", "--people", "30"]);
    assert!(registers(&demo, "ada_2").await.contains("demo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_read_enough_of_the_log_is_no_failure() {
    let data = lived_in().await;
    let read = format!(
        "for n in 1 2 3; do '{}' --data '{}' log read || echo failed >&2; done | head -n 1",
        env!("CARGO_BIN_EXE_nova"),
        data.path().display()
    );
    let output = std::process::Command::new("bash").args(["-o", "pipefail", "-c", &read]).output().unwrap();
    assert_eq!(out(&output).lines().count(), 1);
    assert_eq!(err(&output), "");
}

#[test]
fn usage_and_configuration_mistakes_are_2_and_name_what_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("nova.toml");
    let with_file = |text: &str| {
        fs::write(&file, text).unwrap();
        nova(data.path(), &["--config", file.to_str().unwrap(), "config"])
    };
    for (text, named) in [
        ("[server]\nlissten = \"127.0.0.1:1\"", "server.lissten"),
        ("[server]\ndrain_ms = \"soon\"", "server.drain_ms"),
        ("[keys]\nmaster_key = \"00\"", "keys.master_key"),
    ] {
        let output = with_file(text);
        assert_eq!(output.status.code(), Some(2), "{}", err(&output));
        assert!(err(&output).contains(named), "{}", err(&output));
    }
    let output = with_file("[server]\ndrain_ms = 77");
    assert!(out(&output).contains("drain_ms = 77"), "{}", out(&output));
    for args in [&["sing"][..], &["token", "--user", "x"], &["import"], &["demo", "--people", "1"]] {
        assert_eq!(nova(data.path(), args).status.code(), Some(2), "{args:?}");
    }
    for (args, told) in [
        (&["token", "--user", "ada"][..], "an id is a UUID"),
        (&["log", "read", "--kind", "PostPublishd"], "PostPublished"),
        (&["--listen", "8080", "config"], "localhost:8080"),
    ] {
        let output = nova(data.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(err(&output).contains(told), "{}", err(&output));
    }
    let config = out(&nova(data.path(), &["--listen", ":8080", "config"]));
    assert!(config.contains("listen = \"0.0.0.0:8080\""), "{config}");
    assert_eq!(nova(data.path(), &["--config", "/nowhere", "config"]).status.code(), Some(2));
}

#[test]
fn the_environment_is_configuration_too_and_secrets_are_masked() {
    let data = tempfile::tempdir().unwrap();
    let config = |variable: &str, value: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nova"));
        command.arg("--data").arg(data.path()).arg("config").env(variable, value).output().unwrap()
    };
    let output = config("NOVA__LIMITS__MEMBERS_MAX", "12");
    assert!(out(&output).contains("members_max = 12"), "{}", err(&output));
    let secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let output = config("NOVA__KEYS__MASTER_KEY", secret);
    assert!(out(&output).contains("master_key = \"********\""), "{}", out(&output));
    assert!(!out(&output).contains("00112233"));
    let output = config("NOVA__LIMITS__MEMBRES_MAX", "12");
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("limits.membres_max"), "{}", err(&output));
    let output = config("NOVA__PROFILE", "distributed");
    assert_eq!(output.status.code(), Some(0), "it can be looked at");
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_nova"));
    let serve = serve
        .arg("--data")
        .arg(data.path())
        .arg("serve")
        .env("NOVA__PROFILE", "distributed")
        .output()
        .unwrap();
    assert_eq!(serve.status.code(), Some(1));
    assert_eq!(err(&serve).trim().lines().count(), 1, "{}", err(&serve));
    // It needs a master key of its own, or is not in this build at all.
    let told = if cfg!(feature = "distributed") {
        "keys.master_key"
    } else {
        "this build has the embedded profile only"
    };
    assert!(err(&serve).contains(told), "{}", err(&serve));
}

/// Clients are generated from it. `NOVA_BLESS=1` writes the file anew; then `npm run generate` in its folder.
#[test]
fn the_document_that_clients_are_made_from_is_the_one_that_is_served() {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/typescript/openapi.json");
    let printed = out(&nova(tempfile::tempdir().unwrap().path(), &["openapi"]));
    if std::env::var_os("NOVA_BLESS").is_some() {
        fs::write(committed, &printed).unwrap();
    }
    assert!(
        fs::read_to_string(committed).unwrap() == printed,
        "openapi.json differs: see the test's comment"
    );
    let document: Value = serde_json::from_str(&printed).unwrap();
    for path in ["/api/v1/feed", "/api/v1/conversations/{id}/messages", "/api/v1/ws"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_can_be_looked_at() {
    let data = lived_in().await;
    let data = data.path();
    let stats = out(&nova(data, &["log", "stats"]));
    assert!(stats.starts_with("head      3\nevents    3\n"), "{stats}");
    let verified = nova(data, &["log", "verify"]);
    assert!(out(&verified).contains("the log is sound"), "{}{}", out(&verified), err(&verified));

    let all = lines(&out(&nova(data, &["log", "read"])));
    let kinds: Vec<_> = all.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["UserRegistered", "HandleClaimed", "PostPublished"]);
    assert_eq!((&all[2]["personal"], &all[1]["personal"]), (&json!("redacted"), &Value::Null));
    assert!(!all.iter().any(|line| line.to_string().contains("something personal")));
    let stream = all[2]["stream"].as_str().unwrap();
    for (args, expected) in [
        (&["--after", "1", "--limit", "1"][..], vec![2]),
        (&["--category", "post"], vec![3]),
        (&["--category", "post", "--category", "user"], vec![1, 3]),
        (&["--kind", "HandleClaimed"], vec![2]),
        (&["--stream", stream], vec![3]),
        (&["--stream", stream, "--after", "3"], vec![]),
        (&["--stream", "post-nothing"], vec![]),
    ] {
        let args = [&["log", "read"], args].concat();
        let positions: Vec<_> =
            lines(&out(&nova(data, &args))).iter().map(|line| line["position"].as_u64().unwrap()).collect();
        assert_eq!(positions, expected, "{args:?}");
    }
    let opened = lines(&out(&nova(data, &["log", "read", "--personal"])));
    assert_eq!(opened[2]["personal"], json!({"text": "something personal"}));

    // One flipped byte is found.
    let segment = fs::read_dir(data.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.into_iter().find(|path| path.extension().is_some_and(|e| e == "events")).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(13).position(|window| window == b"PostPublished").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let verified = nova(data, &["log", "verify"]);
    assert_eq!(verified.status.code(), Some(1), "{}", out(&verified));
    assert!(err(&verified).contains(".events"), "{}", err(&verified));
}

#[test]
fn a_folder_in_use_says_by_whom_and_can_still_be_looked_at() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::start(data.path(), &["serve"]);
    for args in [&["serve"][..], &["import", "chitchat", "/dev/null"], &["log", "read", "--personal"]] {
        let output = nova(data.path(), args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let told = err(&output);
        assert!(
            told.contains(&format!("in use by another process (process {})", server.id())),
            "{args:?}: {told}"
        );
    }
    for args in [["log", "stats"], ["log", "verify"], ["log", "read"]] {
        let output = nova(data.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
    }
    let nothing = tempfile::tempdir().unwrap();
    for args in [
        &["log", "stats"][..],
        &["log", "read", "--personal"],
        &["projections", "status"],
        &["projections", "rebuild", "posts"],
        &["dead-letters", "list"],
        &["media", "sweep"],
    ] {
        let output = nova(nothing.path(), args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(err(&output).contains("there is no log in"), "{args:?}: {}", err(&output));
        assert_eq!(fs::read_dir(nothing.path()).unwrap().count(), 0, "{args:?}: and none is made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn projections_are_looked_at_and_rebuilt() {
    let data = lived_in().await;
    let data = data.path();
    let status = nova(data, &["projections", "status"]);
    assert!(out(&status).contains("The log is at position 3."), "{}{}", out(&status), err(&status));
    let names: Vec<_> =
        out(&status).lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert!(names.iter().any(|name| name == "posts"), "{names:?}");
    let rebuilt = nova(data, &["projections", "rebuild", "posts"]);
    assert!(out(&rebuilt).contains("rebuilt posts from 3 events"), "{}{}", out(&rebuilt), err(&rebuilt));
    let unknown = nova(data, &["projections", "rebuild", "dreams"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(err(&unknown).contains("dreams"), "{}", err(&unknown));
    let letters = nova(data, &["dead-letters", "list"]);
    assert_eq!((letters.status.code(), out(&letters)), (Some(0), String::new()), "{}", err(&letters));
    assert_eq!(nova(data, &["dead-letters", "show", "1"]).status.code(), Some(1));
    let redriven = nova(data, &["dead-letters", "redrive", "posts"]);
    assert!(out(&redriven).starts_with("0 events projected"), "{}{}", out(&redriven), err(&redriven));
    let migrated = nova(data, &["migrate"]);
    assert!(out(&migrated).contains("have the schemas of this version"), "{}", err(&migrated));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_greets_with_requests_that_work_and_is_there_again() {
    let data = tempfile::tempdir().unwrap();
    let mut demo = Process::start(data.path(), &["demo", "--people", "30"]);
    let curls: Vec<_> = demo.greeting.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(curls.len(), 5, "{}", demo.greeting);
    assert!(!demo.greeting.contains("eyJ"), "tokens are in files: {}", demo.greeting);
    let tokens = fs::read_dir(data.path().join("tokens")).unwrap().count();
    assert_eq!(tokens, 4, "{}", demo.greeting);
    for (number, curl) in curls.iter().enumerate() {
        let answer = shell(curl);
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{curl}: {answer}"));
        match number {
            0 | 4 => assert!(!answer["items"].as_array().unwrap().is_empty(), "{answer}"),
            _ => assert!(answer["position"].is_u64(), "{answer}"),
        }
    }
    let home = format!("http://{}/", demo.address);
    let answer = shell(&format!("curl -s -o /dev/null -w '%{{http_code}} %{{redirect_url}}' {home}"));
    assert_eq!(answer, format!("307 {home}docs"));
    let operators = fs::read_to_string(data.path().join("operators.json")).unwrap();
    let operators: Value = serde_json::from_str(&operators).unwrap();
    let metrics = shell(&format!("curl -s http://{}/metrics", operators["address"].as_str().unwrap()));
    let public = shell(&format!("curl -s -o /dev/null -w '%{{http_code}}' {home}metrics"));
    assert_eq!(public, "404");
    let of = |what: &str| -> HashSet<String> {
        let names = metrics.lines().filter_map(|line| line.strip_prefix(what)?.split(' ').next());
        names.map(str::to_owned).collect()
    };
    let (types, helps) = (of("# TYPE "), of("# HELP "));
    assert!(types.len() > 40 && types.contains("process_resident_memory_bytes"), "{types:?}");
    assert_eq!(types.difference(&helps).collect::<Vec<_>>(), Vec::<&String>::new(), "they have no HELP");
    let head = |demo: &Process| shell(&format!("curl -s http://{}/health/ready", demo.address));
    let before: Value = serde_json::from_str(&head(&demo)).unwrap();
    demo.signal("INT");
    assert_eq!(demo.wait().0, Some(0));
    let again = Process::start(data.path(), &["demo", "--people", "30"]);
    let after: Value = serde_json::from_str(&head(&again)).unwrap();
    assert_eq!(before["head"], after["head"], "nothing is made twice");
    assert!(again.greeting.contains("0 hours old"), "{}", again.greeting);
}

fn shell(line: &str) -> String {
    out(&std::process::Command::new("sh").args(["-c", line]).output().unwrap())
}
