//! Operators: their listener, jobs, and the commands of the program beside a running server.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use nova::config::{AdminListen, PublicRoutes};
use nova_http::Role;
use serde_json::{Value, json};

use crate::client::{Api, User};
use crate::process::{Process, err, nova, out};
use crate::shutdown::registered;
use crate::world::World;

const FILE: &str = "operators.json";

fn operator_at(api: &Api, world: &World) -> User {
    let operator = world.stranger(Role::Operator);
    api.as_user(operator.id, operator.token)
}

/// The job when it has come to its end.
pub(crate) async fn ended(operator: &User, job: &Value) -> Value {
    let (path, began) = (format!("/admin/jobs/{}", job["id"].as_str().unwrap()), Instant::now());
    loop {
        let job = operator.get(&path).await.ok();
        if job["state"] != "running" {
            return job;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{job}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_do_what_operators_ask_while_people_are_served() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let post = ada.publishes("before").await;
    let operator = operator_at(world.operators.as_ref().unwrap(), &world);
    for (body, summary, number) in [
        (json!({"kind": "rebuild", "projection": "posts"}), "rebuilt posts from 3 events", "events"),
        (
            json!({"kind": "redrive", "projection": "posts", "stream": "post-1"}),
            "0 events projected",
            "streams",
        ),
        (json!({"kind": "sweep_media"}), "0 reservations rejected", "rejected"),
        (json!({"kind": "verify_log"}), "the log is sound", "events"),
    ] {
        let mut asked = body.clone();
        asked["reason"] = json!("a test of it");
        let started = operator.ask("POST", "/admin/jobs").json(&asked).send().await;
        assert_eq!(started.status, 202, "{}", started.body);
        let started = started.ok();
        assert_eq!((&started["state"], &started["started_by"]), (&json!("running"), &json!(operator.id)));
        let job = ended(&operator, &started).await;
        assert_eq!(job["state"], "done", "{job}");
        assert!(job["outcome"]["summary"].as_str().unwrap().starts_with(summary), "{job}");
        assert!(job["outcome"]["numbers"][number].is_u64(), "{job}");
        if ["rebuild", "verify_log"].contains(&job["kind"].as_str().unwrap()) {
            assert!(job["total"].as_u64() > Some(0) && job["done"] == job["total"], "{job}");
        }
        assert_eq!((&job["reason"], &job["kind"]), (&json!("a test of it"), &body["kind"]));
        assert_eq!(operator.items("/admin/jobs").await[0]["id"], job["id"], "the latest first");
    }
    let rebuilt = operator.items("/admin/projections").await;
    let generations: Vec<_> = rebuilt.iter().filter(|one| one["name"] == "posts").collect();
    assert_eq!(generations[0]["generation"], 2, "{rebuilt:?}");
    assert_eq!(ada.look(&format!("/posts/{post}")).await.ok()["text"], "before");
    // The public listener shows the same jobs.
    assert_eq!(world.stranger(Role::Operator).items("/admin/jobs").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_job_is_said_before_it_begins() {
    let world = World::start().await;
    let operator = world.stranger(Role::Operator);
    let start = |body: Value| operator.ask("POST", "/admin/jobs").json(&body).send();
    for (body, fields) in [
        (json!({"kind": "redrive", "projection": "posts", "stream": "", "reason": "r"}), vec!["stream"]),
        (json!({"kind": "rebuild", "reason": "r"}), vec!["projection"]),
        (json!({"kind": "rebuild", "projection": "dreams", "reason": "r"}), vec!["projection"]),
        (json!({"kind": "redrive", "projection": "clickhouse/posts", "reason": "r"}), vec!["projection"]),
        (
            json!({"kind": "rebuild", "projection": "posts", "stream": "post-1", "reason": " "}),
            vec!["stream", "reason"],
        ),
        (
            json!({"kind": "redrive", "projection": "posts", "stream": "s".repeat(256), "reason": "r"}),
            vec!["stream"],
        ),
        (json!({"kind": "sweep_media", "projection": "posts", "reason": "r"}), vec!["projection"]),
        (json!({"kind": "redrive_outbox", "reason": "r"}), vec!["kind"]),
        (json!({"kind": "verify_log", "reason": "r".repeat(100_000)}), vec!["reason"]),
    ] {
        assert_eq!(start(body.clone()).await.problem(422, "validation_failed"), fields, "{body}");
    }
    for body in [json!({"kind": "dance", "reason": "r"}), json!({"kind": "verify_log"}), json!({"reason": 1})]
    {
        start(body).await.problem(422, "validation_failed");
    }
    operator
        .ask("POST", "/admin/jobs")
        .raw("application/json", "{")
        .send()
        .await
        .problem(400, "malformed_json");
    operator.get("/admin/jobs/none").await.problem(422, "validation_failed");
    operator.get(&format!("/admin/jobs/{}", operator.id)).await.problem(404, "not_found");
    assert!(operator.items("/admin/jobs").await.is_empty());
    // Of two for one view the second is refused while the first runs; another view is another thing.
    let ada = world.someone("ada").await;
    for n in 0..200 {
        ada.publishes(&format!("{n}")).await;
    }
    let rebuild = |name: &str| json!({"kind": "rebuild", "projection": name, "reason": "both of us"});
    for _ in 0..100 {
        let (first, second) = (start(rebuild("posts")).await, start(rebuild("posts")).await);
        if second.status == 409 {
            second.problem(409, "job_running");
            assert_eq!(start(rebuild("graph")).await.status, 202);
            return;
        }
        for started in [first, second] {
            ended(&operator, &started.ok()).await;
        }
    }
    panic!("a second job for the same view is never refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_have_a_listener_of_their_own() {
    let world = World::with(|config| {
        config.server.public_routes = Vec::new();
        config.server.connections_per_address_max = 2;
    })
    .await;
    let (public, operators) = (&world.api, world.operators.clone().unwrap());
    public.ask("GET", "/health/ready").send().await.ok();
    // A client that does not hold answers against the document of everything.
    let anybody = Api::new(public.address);
    for path in ["/", "/docs", "/openapi.json", "/metrics", "/api/v1/admin/projections", "/api/v1/admin/jobs"]
    {
        let url = format!("http://{}{path}", public.address);
        anybody.ask_at("GET", &url).send().await.problem(404, "not_found");
    }
    // While the public listener takes no connection more, operators are answered.
    let third = Api::new(public.address).ask("GET", "/health/live").try_send().await;
    // Its connection may be gone before it has read the refusal.
    assert!(third.is_none_or(|answer| answer.status == 429));
    let operator = operator_at(&operators, &world);
    assert!(!operator.items("/admin/projections").await.is_empty());
    operators.ask("GET", "/health/ready").send().await.ok();
    operators.ask("GET", "/docs").send().await.ok();
    for path in ["/feed", "/users/me", "/audit/events"] {
        operator.get(path).await.problem(404, "not_found");
    }
    operators.ask("GET", "/admin/projections").send().await.problem(401, "missing_token");
    for role in [Role::User, Role::Moderator, Role::Auditor, Role::Dpo] {
        let other = world.stranger(role);
        operators.as_user(other.id, other.token).get("/admin/jobs").await.problem(403, "role_required");
    }
    // Its document has what it answers.
    let document = operators.ask("GET", "/openapi.json").send().await.ok();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!(tags, BTreeSet::from(["admin", "system"]));
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let url = format!("http://{}{}", operators.address, path.replace(['{', '}'], ""));
            let answer = operators.ask_at(&method.to_uppercase(), &url).token(&operator.token).send().await;
            assert!(
                answer.status != 405 && answer.body["detail"] != "Not Found",
                "{method} {path}: {}",
                answer.body
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_document_leaves_out_what_is_not_public() {
    let world = World::with(|config| {
        config.server.public_routes = vec![PublicRoutes::Docs];
        config.server.admin_listen = AdminListen(None);
    })
    .await;
    assert!(world.operators.is_none() && !world.data.path().join(FILE).exists());
    let document = world.api.ask("GET", "/openapi.json").send().await.ok();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/api/v1/feed") && !paths.keys().any(|path| path.contains("/admin/")));
    let text = document.to_string();
    assert!(!text.contains("StartJobBody") && !text.contains("BreakerOf"), "schemas of nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_program_work_beside_a_running_server() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let mut server = Process::start(data, &["serve"]);
    let ada = registered(data, &server, "ada").await;
    ada.publishes("a post").await;
    ada.look("/timeline").await.ok();
    let file = data.join(FILE);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let works = |args: &[&str], told: &str| {
        let output = nova(data, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
        assert!(out(&output).contains(told), "{args:?}: {}", out(&output));
        out(&output)
    };
    let everything = |works: &dyn Fn(&[&str], &str) -> String| {
        works(&["projections", "rebuild", "posts"], "rebuilt posts from 3 events");
        works(&["dead-letters", "redrive", "posts"], "0 events projected, 0 streams free again");
        works(&["dead-letters", "list"], "");
        works(&["media", "sweep"], "\"rejected\": 0");
        works(&["projections", "status"], "The log is at position 3.")
    };
    let beside = everything(&works);
    works(&["migrate"], "there is nothing to migrate");
    for (args, told) in [
        (&["projections", "rebuild", "dreams"][..], "no projection is called \"dreams\": there are"),
        (&["dead-letters", "redrive", "dreams"], "no projection is called \"dreams\""),
        (&["dead-letters", "show", "1"], "no dead letter is at position 1"),
        (&["outbox", "status"], "the embedded profile has no outbox"),
    ] {
        let output = nova(data, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(err(&output).contains(told), "{args:?}: {}", err(&output));
    }
    // Of another version: this one does not say that there is nothing to do.
    let said = fs::read_to_string(&file).unwrap();
    fs::write(&file, said.replace(env!("CARGO_PKG_VERSION"), "0.0.7")).unwrap();
    let output = nova(data, &["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("version 0.0.7"), "{}", err(&output));
    fs::write(&file, said).unwrap();

    // Killed, it leaves its file, which nobody holds any more.
    server.signal("KILL");
    server.wait();
    assert!(file.exists());
    let alone = everything(&works);
    let generation = |table: &str| -> u64 {
        let line = table.lines().find(|line| line.starts_with("posts ")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    assert_eq!(generation(&alone), generation(&beside) + 1);
    let mut silent = Process::with_env(data, &["serve"], "NOVA__SERVER__ADMIN_LISTEN", "");
    // Whatever listens now where the killed server did hears of no token, even if the process has the same number.
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let (address, process) = (trap.local_addr().unwrap(), silent.id());
    let stale = json!({"address": address, "process": process, "version": env!("CARGO_PKG_VERSION")});
    for left in [stale.to_string(), "{".to_owned()] {
        fs::write(&file, left).unwrap();
        for args in [&["projections", "status"][..], &["migrate"]] {
            let output = nova(data, args);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {}", out(&output));
            let told = format!("in use by another process (process {process})");
            assert!(err(&output).contains(&told), "{args:?}: {}", err(&output));
        }
    }
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    silent.signal("TERM");
    assert_eq!(silent.wait().0, Some(0));
    let mut again = Process::start(data, &["serve"]);
    again.signal("TERM");
    assert_eq!(again.wait().0, Some(0));
    assert!(!file.exists(), "it goes with its server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_ends_with_its_operator_or_with_its_server() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let mut server = Process::start(data, &["serve"]);
    let ada = registered(data, &server, "ada").await;
    for n in 0..300 {
        ada.publishes(&format!("{n}")).await;
    }
    let token = out(&nova(data, &["token", "--role", "operator"]));
    let operator = ada.api.as_user(ada.id, token.trim().to_owned());
    let rebuild = json!({"kind": "rebuild", "projection": "posts", "reason": "to break it off"});
    let start = || async { operator.ask("POST", "/admin/jobs").json(&rebuild).send().await.ok() };
    let mut broken_off = 0;
    for _ in 0..20 {
        let job = start().await;
        let path = format!("/admin/jobs/{}", job["id"].as_str().unwrap());
        let job = operator.ask("DELETE", &path).send().await.ok();
        assert_ne!(job["state"], "running", "{job}");
        broken_off += usize::from(job["state"] == "failed");
        // The next one may find that one still tidying up, but not for long.
        let began = Instant::now();
        loop {
            let next = ended(&operator, &start().await).await;
            if next["state"] == "done" {
                break;
            }
            assert_eq!(next["error"], "posts is being rebuilt already");
            assert!(began.elapsed() < Duration::from_secs(30));
        }
    }
    assert!(broken_off > 0, "every rebuild was faster than its end");
    let post = ada.publishes("still here").await;
    start().await;
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    let again = Process::start(data, &["serve"]);
    let ada = Api::new(again.address).as_user(ada.id, ada.token);
    assert_eq!(ada.see(&format!("/posts/{post}")).await["text"], "still here");
    let files = fs::read_dir(data.join("views")).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let of_posts = names.filter(|name| name.starts_with("posts.g") && name.ends_with(".db"));
    assert_eq!(of_posts.count(), 1, "what was unfinished is gone");
}
