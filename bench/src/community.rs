//! The people who are measured, made over HTTP as people are: ids by number, everybody follows the same authors.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nova_events::UserId;
use nova_http::{Issuer, Role};
use uuid::Uuid;

use crate::http::server::Server;
use crate::http::wire::{Connection, request};

pub(crate) struct Community {
    pub(crate) viewer_tokens: Vec<String>,
    pub(crate) posts: Vec<Uuid>,
}

/// How large it is, and over how many connections it is made.
pub(crate) struct Size {
    pub(crate) viewers: u64,
    pub(crate) followees: u64,
    pub(crate) posts: u64,
    pub(crate) connections: u64,
}

pub(crate) fn user(kind: &str, number: u64) -> UserId {
    UserId(Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("bench:{kind}:{number}").as_bytes()))
}

/// Where the key is that signs the tokens.
pub(crate) fn token_key_file(data: &Path) -> PathBuf {
    data.join("keys").join("token.pkcs8")
}

/// Tokens of people by number. They hold for a day.
pub(crate) fn tokens(data: &Path, kind: &str, count: u64) -> anyhow::Result<Vec<String>> {
    let issuer = Issuer::open_or_create(&token_key_file(data))?;
    let token = |number| issuer.issue(user(kind, number), Role::User, Duration::from_secs(86_400));
    (0..count).map(|number| token(number).map_err(anyhow::Error::from)).collect()
}

/// Registers the people of a kind.
pub(crate) async fn register(
    address: &str,
    connections: u64,
    kind: &str,
    tokens: &[String],
) -> anyhow::Result<()> {
    let requests = tokens.iter().enumerate().map(|(number, token)| {
        let body = format!(r#"{{"handle":"{kind}_{number}","display_name":"{kind} {number}"}}"#);
        request("POST", "/api/v1/users", token, Some(&body))
    });
    send_all(address, connections, requests.collect()).await?;
    Ok(())
}

impl Community {
    /// `data`: the server's data folder, where the key is that signs tokens.
    pub(crate) async fn seed(server: &Server, data: &Path, size: &Size) -> anyhow::Result<Self> {
        let (address, connections) = (server.address.as_str(), size.connections);
        let viewer_tokens = tokens(data, "viewer", size.viewers)?;
        let author_tokens = tokens(data, "author", size.followees)?;
        register(address, connections, "viewer", &viewer_tokens).await?;
        register(address, connections, "author", &author_tokens).await?;
        let followees: Vec<Uuid> = (0..size.followees).map(|n| user("author", n).0).collect();
        for token in &viewer_tokens {
            let follow = |id| request("PUT", &format!("/api/v1/users/{id}/follow"), token, None);
            send_all(address, connections, followees.iter().map(follow).collect()).await?;
        }
        let requests = (0..size.posts).map(|n| {
            let token = &author_tokens[(n % size.followees) as usize];
            request("POST", "/api/v1/posts", token, Some(&post_body(n)))
        });
        let answers = send_all(address, connections, requests.collect()).await?;
        let posts = answers.iter().map(|answer| id_of(answer)).collect::<anyhow::Result<Vec<_>>>()?;
        caught_up(address, &viewer_tokens[0], &answers).await?;
        Ok(Self { viewer_tokens, posts })
    }
}

fn post_body(number: u64) -> String {
    let text = format!("Post number {number}: {}", "what a fine morning it is in the hills ".repeat(4));
    format!(r#"{{"text":"{}"}}"#, text.trim_end())
}

pub(crate) fn id_of(answer: &[u8]) -> anyhow::Result<Uuid> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    Ok(answer["id"].as_str().context("an answer without id")?.parse()?)
}

/// Waits until the views have seen the last answer's position.
pub(crate) async fn caught_up(address: &str, token: &str, answers: &[Vec<u8>]) -> anyhow::Result<()> {
    let mut last = 0;
    for answer in answers {
        let answer: serde_json::Value = serde_json::from_slice(answer)?;
        last = last.max(answer["position"].as_u64().unwrap_or(0));
    }
    let mut connection = Connection::open(address).await?;
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let path = format!("/api/v1/timeline?limit=1&after={last}");
        if connection.ask(&request("GET", &path, token, None)).await?.0 == 200 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the views did not catch up within five minutes");
        }
    }
}

/// Sends each request once, over several connections; the answers in the same order.
pub(crate) async fn send_all(
    address: &str,
    connections: u64,
    requests: Vec<Vec<u8>>,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let requests = Arc::new(requests);
    let mut tasks = Vec::new();
    for first in 0..connections as usize {
        let (requests, address) = (Arc::clone(&requests), address.to_owned());
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let mut answers = Vec::new();
            for number in (first..requests.len()).step_by(connections as usize) {
                let (status, answer) = connection.ask(&requests[number]).await?;
                if !(200..300).contains(&status) {
                    bail!("answered {status}: {}", String::from_utf8_lossy(answer));
                }
                answers.push((number, answer.to_vec()));
            }
            Ok(answers)
        }));
    }
    let mut all = vec![Vec::new(); requests.len()];
    for task in tasks {
        for (number, answer) in task.await?? {
            all[number] = answer;
        }
    }
    Ok(all)
}
