//! What each operation is tried on: a thing of its own for each person, and the request about it.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::authorization::cast::Cast;
use crate::authorization::table::Line;
use crate::client::{Answer, User};
use crate::media::bytes::{ogg, png};
use crate::media::{reserve, uploaded};
use crate::operators;

const PATIENCE: Duration = Duration::from_secs(30);

/// A request, and the thing that it is about.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    body: Option<Value>,
    /// What the person may not know of.
    pub(crate) hidden: Uuid,
}

impl Request {
    pub(crate) async fn of(cast: &Cast, line: &Line, person: &str) -> Self {
        let (mut path, mut body) = (line.path.to_owned(), None);
        let mut hidden = Uuid::now_v7();
        let name = |path: &str, id: Uuid| path.replacen("{id}", &id.to_string(), 1);
        if line.path.starts_with("/posts/{id}") {
            (hidden, _) = cast.post(line.thing, &[]).await;
        } else if line.path.starts_with("/comments/") {
            (_, hidden) = cast.post(line.thing, &[]).await;
        } else if line.path.starts_with("/users/{id}") {
            hidden = if line.thing == "closed" { cast.closed.id.0 } else { cast.owner().id.0 };
        } else if line.path.starts_with("/media/") || line.thing == "picture" {
            let owner = if line.thing == "private" { cast.private_author() } else { cast.owner() };
            hidden = uploaded(owner, &png()).await;
            if ["public", "private"].contains(&line.thing) {
                cast.post(line.thing, &[hidden]).await;
            }
        } else if line.path.starts_with("/uploads/") {
            hidden = id_of(&reserve(cast.owner(), &png()).await["upload_id"]);
        } else if line.path.starts_with("/admin/jobs") && line.method != "POST" {
            hidden = ended_job(cast.person("operator")).await;
        }
        if line.path.starts_with("/conversations/{id}") || ["/messages", "/stream"].contains(&line.path) {
            let (group, message) = cast.group().await;
            path = name(&path, group).replace("{message}", &message.to_string());
            let user = match line.thing {
                "hidden" => cast.person("blocker").id.0,
                "self" => cast.person(person).id.0,
                _ => cast.other.id.0,
            };
            path = path.replace("{user}", &user.to_string());
            if line.thing == "picture" {
                // Those who are not in the group must not know of it; those who are, not of the picture.
                let member = ["owner", "follower"].contains(&person);
                body = Some(json!({"media_id": hidden}));
                hidden = if member { hidden } else { group };
            } else if line.path.ends_with("/audio") {
                let voice = uploaded(&cast.other, &ogg(1_000)).await;
                body = Some(json!({"upload_id": voice, "duration_ms": 1_000}));
                hidden = if ["owner", "follower"].contains(&person) { voice } else { group };
            } else {
                hidden = if line.thing == "hidden" && person == "owner" { user } else { group };
            }
            if line.path == "/messages" {
                body = Some(json!({"conversation_id": group, "text": "a text"}));
            } else if line.thing == "conversation" {
                path = format!("/stream?conversation_id={group}");
            }
        }
        let path = name(&path, hidden);
        let body = body.or_else(|| body_of(cast, line, hidden));
        let (path, hidden) = match (line.path, line.method) {
            ("/conversations", "POST") => (path, cast.owner().id.0),
            ("/search", _) => ("/search?q=post".to_owned(), hidden),
            ("/conversations/{id}/search", _) => (format!("{path}?q=message"), hidden),
            ("/storage/{folder}/{name}", "GET") => {
                (format!("/storage/media/{hidden}?expires=1&type=image/png&signature=00"), hidden)
            }
            ("/storage/{folder}/{name}", _) => {
                (format!("/storage/staging/{hidden}?expires=1&signature=00"), hidden)
            }
            _ => (path, hidden),
        };
        Self { method: line.method, path, body, hidden }
    }

    pub(crate) fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// The same about a thing that never was.
    pub(crate) fn about_the_unknown(&self) -> Self {
        let (hidden, unknown) = (self.hidden.to_string(), Uuid::now_v7());
        let renamed = |text: String| text.replace(&hidden, &unknown.to_string());
        let body = self.body.as_ref().map(|body| renamed(body.to_string()).parse().unwrap());
        Self { path: renamed(self.path.clone()), body, hidden: unknown, ..self.clone() }
    }

    pub(crate) async fn send(&self, cast: &Cast, person: &str) -> Answer {
        let user = cast.person(person);
        let path = if self.method == "GET" && !self.path.starts_with("/storage") {
            let separator = if self.path.contains('?') { '&' } else { '?' };
            match self.path.split(['?', '/']).nth(1) {
                Some("health" | "stream" | "ws" | "audit" | "admin") => self.path.clone(),
                _ => format!("{}{separator}after={}", self.path, user.api.position()),
            }
        } else {
            self.path.clone()
        };
        if ["/stream", "/ws"].iter().any(|live| path.starts_with(live)) {
            return open(user, &path, person != "anonymous").await;
        }
        let ask = user.api.ask(self.method, &path);
        let ask = if person == "anonymous" { ask } else { ask.token(&user.token) };
        match &self.body {
            Some(body) => ask.json(body).send().await,
            None => ask.send().await,
        }
    }
}

fn body_of(cast: &Cast, line: &Line, hidden: Uuid) -> Option<Value> {
    let text = json!({"text": "Good morning from the harbour"});
    Some(match (line.method, line.path) {
        ("POST", "/posts") if line.thing == "picture" => json!({"text": "", "media_ids": [hidden]}),
        ("POST", "/posts" | "/posts/{id}/comments" | "/conversations/{id}/messages")
        | ("PATCH", "/posts/{id}" | "/comments/{id}" | "/conversations/{id}/messages/{message}") => text,
        ("POST", "/posts/batch-create") => json!({"posts": [text]}),
        ("POST", "/users") => {
            json!({"handle": format!("h{}", &hidden.simple().to_string()[20..]), "display_name": "H"})
        }
        ("PATCH", "/users/me") => json!({"bio": "Reads, sails, bakes"}),
        ("POST", "/conversations") => json!({"kind": "direct", "members": [cast.owner().id]}),
        ("PATCH", "/conversations/{id}") => json!({"title": "Harbour talk"}),
        ("PUT", "/conversations/{id}/read") => json!({"seq": 0}),
        ("PUT", "/conversations/{id}/delivered") => json!({"seq": 0, "device_id": "a phone"}),
        ("POST", "/conversations/{id}/messages/audio/presigned-url") => ogg(1_000).body(),
        ("POST", "/uploads") => png().body(),
        ("PUT", "/storage/{folder}/{name}") => json!({}),
        (
            "DELETE",
            "/posts/{id}" | "/comments/{id}" | "/conversations/{id}/messages/{message}" | "/users/me",
        ) => json!({"reason": "posted twice"}),
        ("PUT", "/conversations/{id}/members/{user}") => json!({"role": "member"}),
        ("POST", "/events") => json!({"events": [{"kind": "view"}]}),
        ("POST", "/admin/jobs") => {
            json!({"kind": "rebuild", "projection": "posts", "reason": "a page of its file was damaged"})
        }
        _ => return None,
    })
}

/// A job that has come to its end. Another one of its kind may be under way.
async fn ended_job(operator: &User) -> Uuid {
    let body =
        json!({"kind": "redrive", "projection": "conversations", "reason": "the projection is mended"});
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE);
        let started = operator.ask("POST", "/admin/jobs").json(&body).send().await;
        if started.status != StatusCode::CONFLICT {
            return id_of(&operators::ended(operator, &started.ok()).await["id"]);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn id_of(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

/// The answer to a request that goes on for ever when it goes well: then only its head.
async fn open(user: &User, path: &str, with_token: bool) -> Answer {
    let mut stream = TcpStream::connect(user.api.address).await.unwrap();
    let token = if with_token { format!("authorization: Bearer {}\r\n", user.token) } else { String::new() };
    let upgrade = if path.starts_with("/ws") {
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    } else {
        ""
    };
    let request = format!("GET /api/v1{path} HTTP/1.1\r\nhost: nova\r\n{token}{upgrade}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        loop {
            if let Some((head, body)) = split(&text) {
                return (head, body);
            }
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the connection ended: {}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&buffer[..read]);
        }
    };
    let (head, body) = tokio::time::timeout(PATIENCE, read).await.expect("an answer");
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse::<u16>().unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let body = serde_json::from_str(&body).unwrap_or_default();
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body }
}

/// The head and as much of the body as the head says, when both are there.
fn split(text: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    (body.len() >= length.unwrap_or(0)).then(|| (head.to_owned(), body.to_owned()))
}
