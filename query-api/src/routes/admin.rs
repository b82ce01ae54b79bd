//! What operators ask: how the projections are doing, and what waits for a decision.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::Utc;
use nova_http::{OperatorCaller, ValidQuery};
use nova_resilience::{BreakerStatus, Dependency};
use nova_views::{Answer, DeadLetter, List, ProjectionStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{ListOf, Reply, list};
use crate::params::{DeadLettersParams, limit};
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

/// How every projection is doing.
#[utoipa::path(get, path = "/admin/projections", tag = "admin",
    responses((status = 200, body = ListOf<Projection>)))]
pub(crate) async fn projections(State(state): State<Arc<QueryState>>, _operator: OperatorCaller) -> Reply {
    let head = state.log.head();
    let statuses = state.writer.status().await;
    let with_lag =
        |status: ProjectionStatus| Projection { lag: head.saturating_sub(status.position), status };
    list(statuses.map(|all| whole(all.into_iter().map(with_lag).collect())))
}

/// Events that could not be projected, and those behind them in their streams, in order of position. The list goes on
/// with `after` as the last item's position.
#[utoipa::path(get, path = "/admin/dead-letters", tag = "admin", params(DeadLettersParams),
    responses((status = 200, body = ListOf<DeadLetter>)))]
pub(crate) async fn dead_letters(
    State(state): State<Arc<QueryState>>,
    _operator: OperatorCaller,
    ValidQuery(params): ValidQuery<DeadLettersParams>,
) -> Reply {
    let limit = limit(params.limit)?;
    let after = params.after.unwrap_or(0);
    list(state.writer.dead_letters(params.projection.as_deref(), after, limit).await.map(whole))
}

/// A breaker between this process and something it depends on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BreakerOf {
    /// Where that is.
    address: String,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    status: BreakerStatus,
}

/// The breakers of this process. An embedded Nova has that of its media alone.
#[utoipa::path(get, path = "/admin/breakers", tag = "admin", responses((status = 200, body = ListOf<BreakerOf>)))]
pub(crate) async fn breakers(State(state): State<Arc<QueryState>>, _operator: OperatorCaller) -> Reply {
    let of = |dependency: &Arc<dyn Dependency>| {
        dependency.breaker().map(|status| BreakerOf { address: dependency.address(), status })
    };
    list(Ok(whole(state.dependencies.iter().filter_map(of).collect())))
}

fn whole<T>(items: Vec<T>) -> Answer<List<T>> {
    Answer { value: List { items, next: None }, source: "views", as_of: Utc::now(), degraded: false }
}
