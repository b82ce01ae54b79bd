//! What operators ask: how the projections are doing, and what waits for a decision.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::Utc;
use nova_http::{OperatorCaller, ValidQuery};
use nova_resilience::{BreakerState, BreakerStatus, Dependency, LastFailure};
use nova_views::{Answer, DeadLetter, List, ProjectionStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{ListOf, Reply, list};
use crate::params::{DeadLettersParams, limit, position};
use crate::state::QueryState;

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new()
        .route("/admin/projections", get(projections))
        .route("/admin/dead-letters", get(dead_letters))
        .route("/admin/breakers", get(breakers))
}

/// A projection and how far it is behind the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Projection {
    #[serde(flatten)]
    status: ProjectionStatus,
    /// Events between it and the head of the log.
    lag: u64,
}

/// List the projections and how far they are.
#[utoipa::path(get, path = "/admin/projections", operation_id = "projections_list", tag = "admin",
    responses((status = 200, body = ListOf<Projection>)))]
pub(crate) async fn projections(State(state): State<Arc<QueryState>>, _operator: OperatorCaller) -> Reply {
    let head = state.log.head();
    let statuses = state.writer.status().await;
    let with_lag =
        |status: ProjectionStatus| Projection { lag: head.saturating_sub(status.position), status };
    list(statuses.map(|all| whole(all.into_iter().map(with_lag).collect())))
}

/// List events that could not be projected, in order of position. Those behind them in their streams are there as well. The
/// list goes on with `after` as the last item's position.
#[utoipa::path(get, path = "/admin/dead-letters", operation_id = "dead_letters_list", tag = "admin", params(DeadLettersParams),
    responses((status = 200, body = ListOf<DeadLetter>)))]
pub(crate) async fn dead_letters(
    State(state): State<Arc<QueryState>>,
    _operator: OperatorCaller,
    ValidQuery(params): ValidQuery<DeadLettersParams>,
) -> Reply {
    let limit = limit(params.limit)?;
    let after = position("after", params.after)?.unwrap_or(0);
    list(state.writer.dead_letters(params.projection.as_deref(), after, limit).await.map(whole))
}

/// A breaker between this process and something it depends on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BreakerOf {
    /// Where that is.
    address: String,
    name: String,
    /// `closed` lets calls through, `open` does not, `half_open` lets one through at a time.
    #[schema(value_type = String, example = "closed")]
    state: BreakerState,
    /// Closed: failures in a row. Half-open: successful probes in a row.
    count: u8,
    /// No call is let through before; 0 when one would be.
    retry_after_ms: u64,
    /// How long it has been in this state.
    for_ms: u64,
    /// How often it opened since the process started.
    opened: u64,
    /// Calls that were not let through since the process started.
    rejected: u64,
    last_failure: Option<Failure>,
    failures_to_open: u8,
    open_ms: u64,
    successes_to_close: u8,
}

/// The latest failure of what a breaker stands before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failure {
    #[schema(example = "timeout")]
    class: &'static str,
    /// Milliseconds since the Unix epoch.
    at_ms: u64,
}

impl BreakerOf {
    fn new(address: String, status: BreakerStatus) -> Self {
        let failure = |LastFailure { class, at_ms }| Failure { class, at_ms };
        Self {
            address,
            name: status.name,
            state: status.state,
            count: status.count,
            retry_after_ms: status.retry_after_ms,
            for_ms: status.for_ms,
            opened: status.opened,
            rejected: status.rejected,
            last_failure: status.last_failure.map(failure),
            failures_to_open: status.failures_to_open,
            open_ms: status.open_ms,
            successes_to_close: status.successes_to_close,
        }
    }
}

/// List the breakers of this process. An embedded Nova has that of its media alone.
#[utoipa::path(get, path = "/admin/breakers", operation_id = "breakers_list", tag = "admin", responses((status = 200, body = ListOf<BreakerOf>)))]
pub(crate) async fn breakers(State(state): State<Arc<QueryState>>, _operator: OperatorCaller) -> Reply {
    let of = |dependency: &Arc<dyn Dependency>| {
        dependency.breaker().map(|status| BreakerOf::new(dependency.address(), status))
    };
    list(Ok(whole(state.dependencies.iter().filter_map(of).collect())))
}

pub(super) fn whole<T>(items: Vec<T>) -> Answer<List<T>> {
    Answer { value: List { items, next: None }, source: "views", as_of: Utc::now(), degraded: false }
}
