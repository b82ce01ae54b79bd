//! What machines ask: is it alive, is it ready, on what does it depend, how is it doing; and the document of the API.
//! None of it needs a token, and none of it says anything about anyone. It is served at the root and under `/api/v1`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use nova_eventlog::{Append, EventLog, Expected, LogError, StreamId, Write};
use nova_http::json_response;
use nova_resilience::health::check_all;
use nova_resilience::{BreakerState, Dependency as NovaDependency, DependencyHealth, Trouble};
use nova_views::{ViewError, projection};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::lag::Lag;
use crate::state::QueryState;

/// Renders the metrics of this process in the Prometheus text format.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What the machines' routes need.
#[derive(Clone)]
pub(crate) struct System {
    state: Arc<QueryState>,
    checked: Checked,
    ready_checked: Checked,
}

/// What was found a moment ago, for all who ask: nobody has to say who they are to ask, and asking costs every server a
/// question.
type Checked = Arc<tokio::sync::Mutex<Option<(Instant, Vec<DependencyHealth>)>>>;

/// Health, and what of the rest is given: `/metrics`; `/openapi.json` with this document of the whole API, `/docs`, and `/`,
/// which leads there.
pub fn system_router(
    state: Arc<QueryState>,
    metrics: Option<MetricsText>,
    document: Option<&serde_json::Value>,
) -> Router {
    let system = System { state, checked: Checked::default(), ready_checked: Checked::default() };
    let mut routes = Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/health/dependencies", get(dependencies))
        .with_state(system);
    if let Some(metrics) = metrics {
        routes = routes.route("/metrics", get(async move || metrics_text(&metrics)));
    }
    let Some(document) = document else { return under_both(routes) };
    let document = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    routes = routes
        .route("/openapi.json", get(async move || openapi_json(document.clone())))
        .route("/docs", get(docs));
    under_both(routes).route("/", get(async || Redirect::temporary("/docs")))
}

fn under_both(routes: Router) -> Router {
    Router::new().nest("/api/v1", routes.clone()).merge(routes)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Up,
    Down,
    /// It answers, but is far behind or draining.
    NotReady,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: Condition,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    status: Condition,
    /// The head of the log.
    head: u64,
    /// How far the views are.
    applied: u64,
    /// Live sessions are being sent away.
    draining: bool,
    /// Everything that was looked at, one by one.
    checks: Vec<ReadyCheck>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyCheck {
    #[schema(example = "projection/posts")]
    name: String,
    status: Condition,
    /// Whether this process is not ready without it.
    required: bool,
    /// In words, for people.
    detail: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dependencies {
    status: Condition,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dependency {
    #[schema(value_type = String, example = "views")]
    name: &'static str,
    status: Condition,
    /// Without it nothing works; without another one answers come from elsewhere, and say so.
    required: bool,
    /// How long it took to find out.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    /// Between this process and it: `closed` lets questions through, `open` does not, `half_open` lets one through at a
    /// time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "closed")]
    breaker: Option<BreakerState>,
    /// What is wrong now, or (with `status` up) what was wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "timeout")]
    error_class: Option<&'static str>,
    /// In words, for people.
    detail: String,
}

/// Check that the process answers.
#[utoipa::path(get, path = "/health/live", operation_id = "liveness_check", tag = "system", security(()),
    responses((status = 200, body = Health)))]
pub(crate) async fn live() -> Response {
    json_response(StatusCode::OK, &Health { status: Condition::Up })
}

/// Check whether to send requests here. 503 says no, and `checks` why. A process that projects is ready while its views are
/// current, one that takes commands while the log takes appends.
#[utoipa::path(get, path = "/health/ready", operation_id = "readiness_check", tag = "system", security(()),
    responses((status = 200, body = Readiness), (status = 503, description = "Not ready: `checks` says why.", body = Readiness)))]
pub(crate) async fn ready(State(system): State<System>) -> Response {
    let state = &system.state;
    let (head, applied, draining) = (state.log.head(), state.reader.applied(), state.live.is_draining());
    let mut checks = projection_checks(state);
    let mut asked = state.ready_when.checks.clone();
    asked.push(Arc::new(LogWritable { log: Arc::clone(&state.log) }));
    for found in remembered(&system.ready_checked, &asked).await {
        let required = found.name != LogWritable::NAME || state.ready_when.log_writable;
        let detail = found.error.unwrap_or_else(|| "in order".to_owned());
        let status = if found.up { Condition::Up } else { Condition::Down };
        checks.push(ReadyCheck { name: found.name.to_owned(), status, required, detail });
    }
    let in_order = checks.iter().all(|check| check.status == Condition::Up || !check.required);
    let (code, status) = if in_order && !draining {
        (StatusCode::OK, Condition::Up)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Condition::NotReady)
    };
    json_response(code, &Readiness { status, head, applied, draining, checks })
}

/// One check for each view, or for each store that is asked as a whole.
fn projection_checks(state: &QueryState) -> Vec<ReadyCheck> {
    let mut checks: Vec<ReadyCheck> = Vec::new();
    for projection in projection::ALL {
        let mut sources = state.reader.applied_by_source(&[projection]);
        if sources.is_empty() {
            sources.push(("", state.reader.applied()));
        }
        for (source, applied) in sources {
            let name = match source {
                "sqlite" => format!("projection/{projection}"),
                "" => "views".to_owned(),
                store => format!("views/{store}"),
            };
            if checks.iter().any(|check| check.name == name) {
                continue;
            }
            let Lag { head, behind, .. } = state.lag.judge(applied);
            let detail = format!("at position {applied}, {} behind the log", head.saturating_sub(applied));
            let status = if behind { Condition::NotReady } else { Condition::Up };
            checks.push(ReadyCheck { name, status, required: state.ready_when.views_current, detail });
        }
    }
    checks
}

/// Whether the log takes appends: its last batch did not fail, and an empty append succeeds.
struct LogWritable {
    log: Arc<dyn EventLog>,
}

impl LogWritable {
    const NAME: &str = "log_writable";
}

#[async_trait::async_trait]
impl NovaDependency for LogWritable {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn address(&self) -> String {
        String::new()
    }

    fn is_required(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), Trouble> {
        if self.log.write_trouble().is_some() {
            return Err(no_appends());
        }
        let stream = StreamId::new("health-append")
            .map_err(|_| Trouble { class: "log", message: "the name of the stream is refused".to_owned() })?;
        let writes = vec![Write::condition(stream, Expected::Any)];
        let append = Append { command_id: Uuid::now_v7(), writes };
        match self.log.append(append).await {
            // A full queue moves.
            Ok(_) | Err(LogError::Overloaded { .. }) => Ok(()),
            Err(error) => {
                tracing::warn!(error.message = %error, "the log does not take appends");
                Err(no_appends())
            }
        }
    }
}

fn no_appends() -> Trouble {
    Trouble { class: "log", message: "the log does not take appends".to_owned() }
}

/// How long something may take to say how it is doing.
const CHECK_LIMIT: Duration = Duration::from_secs(1);
/// How long that is known.
const CHECKED_FOR: Duration = Duration::from_millis(500);

async fn remembered(checked: &Checked, asked: &[Arc<dyn NovaDependency>]) -> Vec<DependencyHealth> {
    let mut checked = checked.lock().await;
    if let Some((at, found)) = &*checked
        && at.elapsed() < CHECKED_FOR
    {
        return found.clone();
    }
    let found = check_all(asked, CHECK_LIMIT).await;
    *checked = Some((Instant::now(), found.clone()));
    found
}

/// List what this process depends on, and how that is doing. Always 200: what is down here is not what answers.
#[utoipa::path(get, path = "/health/dependencies", operation_id = "dependencies_check", tag = "system", security(()),
    responses((status = 200, body = Dependencies)))]
pub(crate) async fn dependencies(State(system): State<System>) -> Response {
    let state = &system.state;
    let statuses = tokio::time::timeout(CHECK_LIMIT, state.writer.status());
    let (servers, statuses) = futures::join!(remembered(&system.checked, &state.dependencies), statuses);
    let late = |_| Err(ViewError::Unavailable("no answer in time".to_owned()));
    let mut dependencies = vec![views(state), projections(statuses.unwrap_or_else(late))];
    dependencies.extend(servers.into_iter().map(server));
    let all_up = dependencies.iter().all(|dependency| dependency.status == Condition::Up);
    let status = if all_up { Condition::Up } else { Condition::Down };
    json_response(StatusCode::OK, &Dependencies { status, dependencies })
}

/// Nothing that tells where it is: nobody has said who they are.
fn server(found: DependencyHealth) -> Dependency {
    let breaker = found.breaker.as_ref();
    let last = breaker.and_then(|breaker| breaker.last_failure.as_ref()).map(|failure| failure.class);
    Dependency {
        name: found.name,
        status: if found.up { Condition::Up } else { Condition::Down },
        required: found.required,
        latency_ms: Some(found.latency_ms),
        breaker: breaker.map(|breaker| breaker.state),
        error_class: found.error_class.or(last),
        detail: found
            .detail
            .unwrap_or_else(|| if found.up { "it answers" } else { "it does not answer" }.to_owned()),
    }
}

fn views(state: &QueryState) -> Dependency {
    let Lag { head, applied, behind } = state.lag.judge(state.reader.applied());
    let lag = head.saturating_sub(applied);
    Dependency {
        name: "views",
        status: if behind { Condition::NotReady } else { Condition::Up },
        required: true,
        latency_ms: None,
        breaker: None,
        error_class: None,
        detail: format!("at position {applied}, {lag} events behind the log, whose head is at {head}"),
    }
}

fn projections(statuses: Result<Vec<nova_views::ProjectionStatus>, ViewError>) -> Dependency {
    let (status, error_class, detail) = match statuses {
        Ok(all) => {
            let parked: u64 = all.iter().map(|status| status.parked_streams).sum();
            let status = if parked == 0 { Condition::Up } else { Condition::NotReady };
            (status, None, format!("{} projections, {parked} parked streams", all.len()))
        }
        Err(error) => {
            tracing::warn!(error.message = %error, "the state of the projections cannot be read");
            (Condition::Down, Some("unavailable"), "their store does not answer".to_owned())
        }
    };
    Dependency {
        name: "projections",
        status,
        required: true,
        latency_ms: None,
        breaker: None,
        error_class,
        detail,
    }
}

fn metrics_text(render: &MetricsText) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], render()).into_response()
}

fn openapi_json(document: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let cached = HeaderValue::from_static("public, max-age=300");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cached)], document).into_response()
}

/// The page is whole in itself: it loads nothing but the document beside it.
async fn docs() -> Response {
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let policy = HeaderValue::from_static(policy);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(include_str!("../docs.html"))).into_response()
}
