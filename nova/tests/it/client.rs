//! A small typed HTTP client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nova_events::UserId;
use serde_json::{Value, json};
use uuid::Uuid;

/// Where requests go, and how far the log is known to be.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    position: Arc<AtomicU64>,
    watch: Option<Watch>,
}

/// Looks at every answer: the method, the address, the status and the body.
type Watch = fn(&str, &str, u16, &Value);

/// A request that is being put together.
#[derive(Debug)]
pub(crate) struct Ask {
    api: Api,
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Bytes>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Api {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, client, position: Arc::default(), watch: None }
    }

    pub(crate) fn watched(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// A request under `/api/v1`, without a token.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = format!("http://{}/api/v1{path}", self.address);
        Ask { api: self.clone(), method, path, headers: Vec::new(), body: None }
    }

    /// A request to a whole address, without a token.
    pub(crate) fn ask_at(&self, method: &str, url: &str) -> Ask {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Ask { api: self.clone(), method, path: url.to_owned(), headers: Vec::new(), body: None }
    }

    /// What lies at a whole address.
    pub(crate) async fn bytes_at(&self, url: &str) -> Bytes {
        let request = Request::builder().uri(url).body(Full::default()).unwrap();
        let (parts, body) = self.client.request(request).await.expect("the server answers").into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert!(parts.status.is_success(), "{} {}", parts.status, String::from_utf8_lossy(&bytes));
        bytes
    }

    pub(crate) fn as_user(&self, user: UserId, token: String) -> User {
        User { api: self.clone(), id: user, token }
    }

    /// The highest position that a command of this client was answered with.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::SeqCst)
    }
}

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    pub(crate) fn raw(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        self.try_send().await.expect("the server answers")
    }

    /// `None`: the server went away before it had answered.
    pub(crate) async fn try_send(self) -> Option<Answer> {
        let mut request = Request::builder().method(&self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        let request = request.body(Full::new(self.body.unwrap_or_default())).unwrap();
        let (parts, body) = self.api.client.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        if let Some(watch) = self.api.watch {
            watch(self.method.as_str(), &self.path, answer.status.as_u16(), &answer.body);
        }
        if let Some(position) = answer.body.get("position").and_then(Value::as_u64)
            && answer.headers.contains_key("nova-position")
        {
            self.api.position.fetch_max(position, Ordering::SeqCst);
        }
        Some(answer)
    }
}

impl Answer {
    /// It went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    /// The id of what a command was about.
    #[track_caller]
    pub(crate) fn id(self) -> Uuid {
        let body = self.ok();
        body["id"].as_str().unwrap().parse().unwrap()
    }

    /// It is a problem with this status and code; the fields that it names.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Vec<String> {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status, "{}", self.body);
        assert_eq!(self.body["type"], format!("urn:nova:problem:{code}"));
        assert_eq!(self.body["correlation_id"].as_str(), self.headers["x-correlation-id"].to_str().ok());
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

/// Someone with a token.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) api: Api,
    pub(crate) id: UserId,
    pub(crate) token: String,
}

impl User {
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        self.api.ask(method, path).token(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send().await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.ask(method, path).json(&body).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.ask("PUT", path).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path).send().await
    }

    /// Asks a query that sees everything that this client was told it had done, whatever the answer.
    pub(crate) async fn look(&self, path: &str) -> Answer {
        if path.contains("after=") {
            return self.get(path).await;
        }
        let separator = if path.contains('?') { '&' } else { '?' };
        self.get(&format!("{path}{separator}after={}", self.api.position())).await
    }

    /// The same, and it goes well.
    pub(crate) async fn see(&self, path: &str) -> Value {
        let answer = self.look(path).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// The items of a list.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        self.see(path).await["items"].as_array().unwrap().clone()
    }

    /// One field of every item of a list, through all of its pages.
    pub(crate) async fn all(&self, path: &str, field: &str) -> Vec<String> {
        let mut values = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.see(&format!("{path}{separator}limit=100{cursor}")).await;
            for item in page["items"].as_array().unwrap() {
                values.push(item[field].as_str().unwrap().to_owned());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return values,
            }
        }
    }

    pub(crate) async fn publishes(&self, text: &str) -> Uuid {
        self.post("/posts", json!({"text": text})).await.id()
    }

    pub(crate) async fn comments(&self, post: Uuid, text: &str, parent: Option<Uuid>) -> Uuid {
        let body = json!({"text": text, "parent_comment_id": parent});
        self.post(&format!("/posts/{post}/comments"), body).await.id()
    }

    pub(crate) async fn likes(&self, post: Uuid) {
        self.put(&format!("/posts/{post}/like")).await.ok();
    }

    pub(crate) async fn follows(&self, other: &Self) {
        self.put(&format!("/users/{}/follow", other.id)).await.ok();
    }

    pub(crate) async fn blocks(&self, other: &Self) {
        self.put(&format!("/users/{}/block", other.id)).await.ok();
    }

    pub(crate) async fn starts_group(&self, title: &str, others: &[&Self]) -> Uuid {
        let members: Vec<_> = others.iter().map(|other| other.id).collect();
        self.post("/conversations", json!({"kind": "group", "title": title, "members": members})).await.id()
    }

    pub(crate) async fn says(&self, conversation: Uuid, text: &str) -> Uuid {
        self.post(&format!("/conversations/{conversation}/messages"), json!({"text": text})).await.id()
    }
}
