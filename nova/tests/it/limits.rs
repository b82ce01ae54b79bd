//! What one client cannot take from the others, and what HTTP asks of every request.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nova::compose::Product;
use nova::profile::Roles;
use nova::server::{Server, Stop};
use nova_http::{Issuer, Role};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::client::{Api, User};
use crate::world::{World, config_for};

/// As slow as a test may find the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends bytes as they are and reads until the server closes.
async fn exchange(api: &Api, bytes: &str) -> String {
    let mut socket = TcpStream::connect(api.address).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a body byte by byte until it is answered; the answer's status line.
async fn dawdle(api: Api, token: String) -> String {
    let mut socket = TcpStream::connect(api.address).await.unwrap();
    let head = format!(
        "POST /api/v1/posts HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 5000\r\n\r\n",
        api.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = socket.split();
    let mut answer = [0; 12];
    let drip = async {
        // Until the server has had enough.
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await
    };
    tokio::select! {
        () = drip => unreachable!("it never ends"),
        read = reading.read_exact(&mut answer) => { read.unwrap(); }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_dribble_bodies_take_no_place_from_others() {
    let world = World::with(|config| {
        config.http.in_flight_max = 8;
        config.http.body_grace_ms = 2_000;
    })
    .await;
    let [ada, eve] = world.someones(["ada", "eve"]).await;
    let began = Instant::now();
    let mut dawdlers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        dawdlers.spawn(dawdle(world.api.clone(), eve.token.clone()));
    }
    let mut posts = 0;
    while !dawdlers.is_empty() {
        ada.post("/posts", json!({"text": "hello"})).await.ok();
        posts += 1;
        while let Some(answer) = dawdlers.try_join_next() {
            assert_eq!(answer.unwrap(), "HTTP/1.1 408");
        }
        assert!(began.elapsed() < PATIENCE, "{} have no answer", dawdlers.len());
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "they have a grace");
    assert!(posts > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_and_one_body_hold_no_more_than_their_share() {
    let world = World::with(|config| {
        config.http.in_flight_per_user_max = 4;
        config.http.body_grace_ms = 60_000;
        config.http.body_timeout_ms = 3_000;
    })
    .await;
    let [ada, eve] = world.someones(["ada", "eve"]).await;
    let mut dawdlers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        dawdlers.spawn(dawdle(world.api.clone(), eve.token.clone()));
    }
    let mut statuses = Vec::new();
    while let Some(answer) = dawdlers.join_next().await {
        statuses.push(answer.unwrap());
        ada.post("/posts", json!({"text": "hello"})).await.ok();
    }
    statuses.sort();
    let (in_time, beyond) = ("HTTP/1.1 408", "HTTP/1.1 429");
    assert_eq!(statuses, [in_time, in_time, in_time, in_time, beyond, beyond]);
    eve.post("/posts", json!({"text": "hello"})).await.ok();
}

/// A product whose views stand still.
struct Standing {
    api: Api,
    stop: Stop,
    ada: User,
    bob: User,
    head: u64,
    _data: tempfile::TempDir,
}

impl Standing {
    async fn start(change: impl FnOnce(&mut nova::config::Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let config = config_for(&data, change);
        let issuer = Issuer::with_options(&config.token_key_file(), config.verifier_options()).unwrap();
        let product = Product::open(config, Roles::ALL).await.unwrap();
        let server = Server::bind(&product, None).await.unwrap();
        let (api, stop) = (Api::new(server.address()), Stop::by_hand());
        let stopping = stop.clone();
        tokio::spawn(async move {
            server.run(stopping).await.unwrap();
            product.close().await;
        });
        let user = || {
            let id = nova_events::UserId::make();
            api.as_user(id, issuer.issue(id, Role::User, PATIENCE).unwrap())
        };
        let (ada, bob) = (user(), user());
        ada.post("/users", json!({"handle": "ada", "display_name": "Ada"})).await.ok();
        let head = bob.post("/users", json!({"handle": "bob", "display_name": "Bob"})).await.ok();
        let head = head["position"].as_u64().unwrap();
        Self { api, stop, ada, bob, head, _data: data }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.stop.at_once.cancel();
        self.stop.gracefully.cancel();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_beyond_the_head_of_the_log_is_refused_at_once() {
    let standing = Standing::start(|config| config.queries.after_patience_ms = 50_000).await;
    let (ada, head) = (&standing.ada, standing.head);
    let began = Instant::now();
    for beyond in [head + 1, u64::MAX] {
        for path in ["/timeline", "/feed", "/users/me", "/conversations", "/search?q=a"] {
            let separator = if path.contains('?') { '&' } else { '?' };
            let answer = ada.get(&format!("{path}{separator}after={beyond}")).await;
            assert_eq!(answer.headers["nova-position"], head.to_string());
            assert_eq!(answer.problem(422, "position_unknown"), ["after"]);
        }
    }
    assert!(began.elapsed() < Duration::from_secs(40), "nobody waited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queries_that_wait_for_the_views_take_no_place_from_others() {
    let standing = Standing::start(|config| {
        config.http.in_flight_max = 16;
        config.queries.after_patience_ms = 3_000;
        config.queries.after_waiting_max = 64;
        config.queries.after_waiting_per_user_max = 32;
    })
    .await;
    let (ada, bob) = (&standing.ada, &standing.bob);
    let path = format!("/timeline?after={}", standing.head);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..48 {
        let (ada, path) = (ada.clone(), path.clone());
        waiting.spawn(async move {
            let began = Instant::now();
            let answer = ada.get(&path).await;
            assert_eq!(answer.headers["retry-after"], "1");
            assert_eq!(answer.problem(503, "views_behind"), Vec::<String>::new());
            began.elapsed() >= Duration::from_millis(2_900)
        });
    }
    let (mut asked, mut waited) = (0, 0);
    while !waiting.is_empty() {
        let answer = bob.get("/timeline").await;
        assert_ne!(answer.body["code"], "overloaded", "after {asked}");
        bob.post("/posts", json!({"text": "hello"})).await.ok();
        asked += 1;
        while let Some(done) = waiting.try_join_next() {
            waited += usize::from(done.unwrap());
        }
    }
    assert_eq!(waited, 32, "the others of one user are answered at once");
    assert_eq!(standing.api.ask("GET", "/health/live").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_allowed_origins_can_use_the_api() {
    let world = World::with(|config| {
        config.http.cors_origins = vec!["https://app.example".to_owned(), "http://localhost:5173".to_owned()];
    })
    .await;
    let ada = world.someone("ada").await;
    let preflight = async |origin: &str, method: &str, path: &str| {
        let ask = world.api.ask("OPTIONS", path).header("origin", origin);
        let ask = ask.header("access-control-request-method", method);
        ask.header("access-control-request-headers", "authorization,content-type,idempotency-key")
            .send()
            .await
    };
    for (method, path) in
        [("POST", "/posts"), ("DELETE", "/posts/x"), ("PUT", "/storage/staging/x"), ("GET", "/feed")]
    {
        let answer = preflight("https://app.example", method, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], "https://app.example");
        let allowed = |name: &str| answer.headers[name].to_str().unwrap().to_ascii_lowercase();
        assert!(allowed("access-control-allow-methods").contains(&method.to_ascii_lowercase()));
        for header in ["authorization", "content-type", "idempotency-key"] {
            assert!(allowed("access-control-allow-headers").contains(header));
        }
        assert!(answer.headers.contains_key("access-control-max-age"));
        assert!(!answer.headers.contains_key("access-control-allow-credentials"), "no cookies");
        let foreign = preflight("https://evil.example", method, path).await;
        assert!(!foreign.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    // The refusal can be read as well.
    for (answer, status) in [
        (ada.ask("GET", "/users/me").header("origin", "http://localhost:5173").send().await, 200),
        (world.api.ask("GET", "/users/me").header("origin", "http://localhost:5173").send().await, 401),
        (ada.ask("GET", "/nowhere").header("origin", "http://localhost:5173").send().await, 404),
        (ada.ask("DELETE", "/posts").header("origin", "http://localhost:5173").send().await, 405),
    ] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["access-control-allow-origin"], "http://localhost:5173");
        let vary: Vec<_> = answer.headers.get_all("vary").iter().map(|v| v.to_str().unwrap()).collect();
        assert!(vary.join(",").to_ascii_lowercase().contains("origin"), "{vary:?}");
        let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
        for name in
            ["nova-position", "nova-source", "nova-as-of", "nova-degraded", "retry-after", "x-correlation-id"]
        {
            assert!(exposed.contains(name), "{name}");
        }
    }
    let foreign = ada.ask("GET", "/users/me").header("origin", "https://evil.example").send().await;
    assert_eq!(foreign.status, 200, "a browser keeps it from the page, not Nova");
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    let closed = World::start().await;
    let answer = closed.api.ask("OPTIONS", "/posts").header("origin", "https://app.example").send().await;
    assert_eq!(answer.status, 405);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_http_are_refused() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let head = world.head().await;
    let get = "GET /api/v1/health/live HTTP/1.1\r\nconnection: close\r\n";
    let old = "GET /api/v1/health/live HTTP/1.0\r\n";
    for (request, status) in [
        (format!("{get}\r\n"), 400),
        (format!("{get}host: a\r\nhost: a\r\n\r\n"), 400),
        (format!("{get}host: a b\r\n\r\n"), 400),
        (format!("{get}host: nova.example:8080\r\n\r\n"), 200),
        (format!("{old}\r\n"), 200),
        (format!("{old}host: a\r\nhost: b\r\n\r\n"), 400),
    ] {
        let answer = exchange(&world.api, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status.to_string().as_str()), "{request}{answer}");
        assert!(status == 200 || answer.contains("application/problem+json"), "{answer}");
    }
    for coding in ["gzip", "br", "deflate", "x-unknown", "identity, gzip"] {
        let ask = ada.ask("POST", "/posts").header("content-encoding", coding).json(&json!({"text": "a"}));
        let answer = ask.send().await;
        assert_eq!(answer.headers["accept-encoding"], "identity");
        answer.problem(415, "unsupported_content_encoding");
    }
    for (body, field) in [
        (json!(["hi"]), "body"),
        (json!(["hi", [], "public"]), "body"),
        (json!({"posts": [["hi"]]}), "posts[0]"),
    ] {
        let path = if body.is_array() { "/posts" } else { "/posts/batch-create" };
        assert_eq!(ada.post(path, body).await.problem(422, "validation_failed"), [field]);
    }
    let event = json!({"events": [{"kind": "view", "subject": ["post", Uuid::now_v7()]}]});
    assert_eq!(ada.post("/events", event).await.problem(422, "validation_failed"), ["events[0].subject"]);
    assert_eq!(world.head().await, head, "nothing was written");
    let marked = ada.ask("POST", "/posts").raw("application/json", "\u{feff}{\"text\":\"a\"}");
    marked.send().await.ok();
    let plain = ada.ask("POST", "/posts").header("content-encoding", "identity").json(&json!({"text": "a"}));
    plain.send().await.ok();
}

fn upload() -> Value {
    json!({"content_type": "image/png", "content_length": 68, "sha256": "0".repeat(64)})
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_signed_for_a_host_that_does_not_lead_here() {
    let world = World::with(|config| config.http.hosts_allowed = vec!["nova.example".to_owned()]).await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("group", &[&bob]).await;
    let voice = format!("/conversations/{group}/messages/audio/presigned-url");
    let sound = json!({"content_type": "audio/ogg", "content_length": 68, "sha256": "0".repeat(64)});
    let head = world.head().await;
    for host in ["evil.example", "nova.example.evil.example", "evil.example:80", "nova.example:81", ""] {
        for (path, body) in [("/uploads", upload()), (voice.as_str(), sound.clone())] {
            let answer = ada.ask("POST", path).header("host", host).json(&body).send().await;
            assert_eq!(answer.problem(421, "host_not_allowed"), ["host"], "{host}");
        }
    }
    assert_eq!(world.head().await, head, "nothing was reserved");
    let own = world.api.address.to_string();
    for host in [own.as_str(), "localhost", "Nova.example"] {
        let answer = ada.ask("POST", "/uploads").header("host", host).json(&upload()).send().await.ok();
        let url = answer["presigned_url"].as_str().unwrap();
        assert!(url.starts_with(&format!("http://{}/api/v1/storage/", host.to_ascii_lowercase())), "{url}");
    }
    let behind = World::with(|config| config.media.public_url = "https://nova.example/".to_owned()).await;
    let ada = behind.someone("ada").await;
    let answer = ada.ask("POST", "/uploads").header("host", "evil.example").json(&upload()).send().await.ok();
    assert!(answer["presigned_url"].as_str().unwrap().starts_with("https://nova.example/api/v1/storage/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_makes_no_more_in_an_hour_than_their_quotas() {
    let world = World::with(|config| config.quotas.enabled = true).await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = json!({"kind": "group", "title": "t", "members": [world.someone("eve").await.id]});
    for (path, body, quota, most) in [
        ("/conversations", group, "conversations_per_hour", 200),
        ("/uploads", upload(), "uploads_per_hour", 200),
    ] {
        let began = Instant::now();
        let mut made = 0;
        let refused = loop {
            let answer = ada.post(path, body.clone()).await;
            if answer.status != 201 {
                break answer;
            }
            made += 1;
        };
        // One comes back every 18 s.
        let back = began.elapsed().as_secs() / 18;
        assert!((most..=most + back + 1).contains(&made), "{made} of {quota}");
        let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=19).contains(&wait), "{wait} s for one of {most} an hour");
        assert_eq!(refused.problem(429, "quota_exceeded"), [quota]);
        bob.post(path, body).await.ok();
    }
    ada.post("/posts", json!({"text": "something else"})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_creation_has_its_quota() {
    let world = World::with(|config| {
        let quotas = &mut config.quotas;
        quotas.enabled = true;
        for quota in [
            &mut quotas.posts_per_hour,
            &mut quotas.comments_per_hour,
            &mut quotas.messages_per_hour,
            &mut quotas.relations_per_hour,
            &mut quotas.likes_per_hour,
            &mut quotas.client_events_per_hour,
            &mut quotas.profile_changes_per_hour,
        ] {
            *quota = 2;
        }
        quotas.members_per_hour = 4;
    })
    .await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    let post = bob.publishes("a post").await;
    let group = ada.starts_group("group", &[&bob]).await;
    let text = json!({"text": "x"});
    let event = json!({"events": [{"kind": "view"}]});
    let mut met = BTreeSet::new();
    for (method, path, body, most) in [
        ("POST", "/posts".to_owned(), text.clone(), 2),
        ("POST", format!("/posts/{post}/comments"), text.clone(), 2),
        ("POST", format!("/conversations/{group}/messages"), text.clone(), 2),
        ("POST", "/messages".to_owned(), json!({"conversation_id": group, "text": "x"}), 0),
        ("PUT", format!("/users/{}/follow", eve.id), Value::Null, 2),
        ("PUT", format!("/users/{}/block", eve.id), Value::Null, 0),
        ("PUT", format!("/users/{}/dismiss", bob.id), Value::Null, 0),
        ("PUT", format!("/posts/{post}/like"), Value::Null, 2),
        ("POST", "/events".to_owned(), event, 2),
        // To register was one.
        ("PATCH", "/users/me".to_owned(), json!({"bio": "x"}), 1),
        // The group's other member was one.
        ("PUT", format!("/conversations/{group}/members/{}", eve.id), Value::Null, 3),
    ] {
        let ask = || {
            let ask = ada.ask(method, &path);
            if body.is_null() { ask } else { ask.json(&body) }
        };
        for _ in 0..most {
            ask().send().await.ok();
        }
        met.extend(ask().send().await.problem(429, "quota_exceeded"));
    }
    assert_eq!(met.len(), 7 + 1, "{met:?}");
    // Of a batch, each counts for itself.
    let batch = json!({"posts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]});
    let eves = eve.post("/posts/batch-create", batch).await.ok();
    let statuses: Vec<_> =
        eves["results"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [201, 201, 429]);
    assert_eq!(eves["results"][2]["problem"]["code"], "quota_exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_opens_no_more_accounts_in_an_hour_than_its_quota() {
    let world = World::with(|config| {
        config.quotas.enabled = true;
        config.quotas.registrations_per_hour_per_address = 3;
        config.server.trusted_proxies = vec!["127.0.0.1".to_owned()];
    })
    .await;
    let registers = async |number: u32, from: Option<&str>| {
        let body = json!({"handle": format!("person_{number}"), "display_name": "A person"});
        let stranger = world.stranger(Role::User);
        let ask = stranger.ask("POST", "/users").json(&body);
        match from {
            Some(from) => ask.header("x-forwarded-for", from).send().await,
            None => ask.send().await,
        }
    };
    // Each request is from another person with another token. An IPv6 /64 network counts as one address.
    let addresses = [
        [None; 4],
        [Some("198.51.100.7"); 4],
        [
            Some("2001:db8:1:2::1"),
            Some("2001:db8:1:2::2"),
            Some("2001:db8:1:2:ffff::3"),
            Some("2001:db8:1:2:3:4:5:6"),
        ],
        // Entries that the client itself wrote before the proxy's do not count.
        [
            Some("203.0.113.1, 198.51.100.9"),
            Some("203.0.113.2, 198.51.100.9"),
            Some("203.0.113.3, 198.51.100.9"),
            Some("203.0.113.4, 198.51.100.9"),
        ],
    ];
    for (group, four) in (0_u32..).zip(addresses) {
        for (nth, from) in (0_u32..).zip(four) {
            let answer = registers(4 * group + nth, from).await;
            if nth < 3 {
                answer.ok();
            } else {
                let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=1_200).contains(&wait), "{wait} s for one of three an hour");
                let quota = answer.problem(429, "quota_exceeded");
                assert_eq!(quota, ["registrations_per_hour_per_address"], "{from:?}");
            }
        }
    }
    registers(100, Some("2001:db8:1:3::1")).await.ok();
}
