//! A running server, asked over its operators' listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nova_events::UserId;
use nova_http::{Issuer, Role};
use nova_query_api::jobs::{Job, JobOutcome, JobState, Progress, Task};
use nova_views::{DeadLetter, ProjectionStatus};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::PAGE;
use crate::config::Config;
use crate::server::RunningServer;

/// How long a server may take for an answer; a job goes on without anybody waiting.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 16 << 20;
const POLL: Duration = Duration::from_millis(100);
/// How long a server that does not say how a job is doing is asked again.
const SILENT_MAX: Duration = Duration::from_secs(30);
/// Of a token, which is made for each request.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60);

pub(in crate::commands) struct Remote {
    client: Client<HttpConnector, Body>,
    address: SocketAddr,
    process: u32,
    /// By the key in the data folder: whoever may read it is an operator.
    issuer: Issuer,
    user: UserId,
}

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct WithLag {
    #[serde(flatten)]
    status: ProjectionStatus,
    lag: u64,
}

impl Remote {
    pub(super) fn new(config: &Config, server: &RunningServer) -> anyhow::Result<Self> {
        let mut address = server.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        // Makes none: the server has its own.
        let issuer = Issuer::open(&config.token_key_file(), config.verifier_options())
            .context("a server has the data folder, and the key of its tokens cannot be read")?;
        Ok(Self { client, address, process: server.process, issuer, user: UserId::make() })
    }

    pub(super) async fn projections(&self) -> anyhow::Result<(u64, Vec<ProjectionStatus>)> {
        let all: Items<WithLag> = self.ask(Method::GET, "projections", None).await?;
        let head = all.items.iter().map(|one| one.status.position + one.lag).max().unwrap_or_default();
        Ok((head, all.items.into_iter().map(|one| one.status).collect()))
    }

    pub(super) async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
    ) -> anyhow::Result<Vec<DeadLetter>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("after", &after.to_string()).append_pair("limit", &PAGE.to_string());
        if let Some(projection) = projection {
            query.append_pair("projection", projection);
        }
        let page: Items<DeadLetter> =
            self.ask(Method::GET, &format!("dead-letters?{}", query.finish()), None).await?;
        Ok(page.items)
    }

    /// Starts a job and waits for its end. Interrupted by a person, it breaks the job off.
    pub(super) async fn perform(&self, task: &Task, progress: Progress<'_>) -> anyhow::Result<JobOutcome> {
        let (kind, projection, stream) = task.parts();
        let reason = format!("command line of the system's user {}", rustix::process::getuid().as_raw());
        let mut body = json!({"kind": kind, "reason": reason});
        for (name, value) in [("projection", projection), ("stream", stream)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let job: Job = self.ask(Method::POST, "jobs", Some(&body)).await?;
        let id = job.id;
        tokio::select! {
            ended = self.watch(job, progress) => ended,
            _ = tokio::signal::ctrl_c() => {
                let _: Job = self.ask(Method::DELETE, &format!("jobs/{id}"), None).await?;
                bail!("the job {id} was broken off")
            }
        }
    }

    async fn watch(&self, mut job: Job, progress: Progress<'_>) -> anyhow::Result<JobOutcome> {
        let (id, path) = (job.id, format!("jobs/{}", job.id));
        let mut heard = Instant::now();
        loop {
            if job.total > 0 {
                progress(job.done, job.total);
            }
            match job.state {
                JobState::Running => {}
                JobState::Done => return job.outcome.context("the server does not say what came of the job"),
                JobState::Failed => bail!(job.error.unwrap_or_else(|| "the job has failed".to_owned())),
            }
            tokio::time::sleep(POLL).await;
            match self.ask(Method::GET, &path, None).await {
                Ok(now) => (job, heard) = (now, Instant::now()),
                Err(_) if heard.elapsed() < SILENT_MAX => {}
                Err(error) => {
                    return Err(error.context(format!(
                        "what comes of the job {id} is not known; it goes on for as long as its server runs"
                    )));
                }
            }
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<T> {
        let asked = tokio::time::timeout(ANSWER_MAX, self.exchange(method, path, body)).await;
        let (address, process) = (self.address, self.process);
        asked
            .unwrap_or_else(|_| bail!("no answer within {} s", ANSWER_MAX.as_secs()))
            .with_context(|| format!("the server that has the data folder (process {process}, {address})"))
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<T> {
        let token = self.issuer.issue(self.user, Role::Operator, TOKEN_LIFETIME)?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}/api/v1/admin/{path}", self.address))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| Body::from(body.to_string())).unwrap_or_default();
        let answer = self.client.request(request.body(body)?).await.context("does not answer")?;
        let status = answer.status();
        let bytes: Bytes = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await?;
        if !status.is_success() {
            let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let of_fields = problem["errors"].as_array().into_iter().flatten();
            let mut told: Vec<&str> = of_fields.filter_map(|error| error["detail"].as_str()).collect();
            if told.is_empty() {
                told.extend(problem["detail"].as_str());
            }
            if status == StatusCode::UNAUTHORIZED {
                told.push(
                    "the server runs with another configuration or environment: give this command the same",
                );
            }
            bail!("answers {}: {}", status.as_u16(), told.join("; "));
        }
        serde_json::from_slice(&bytes).context("answers something else than expected")
    }
}
