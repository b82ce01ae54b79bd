//! Nova's views over HTTP. Queries are answered from the views, the audit trail from the log, and whoever keeps a
//! WebSocket or an SSE stream open is told what happens as it happens. Nothing here writes.
//!
//! Reading order: [`state`] (what it works with), [`params`] (what a query takes), `after` (queries that wait for the views),
//! [`answer`] (what it gives), the routes, [`jobs`] (what operators start), [`live`] (WebSocket and SSE). `lag` and `current` keep answers and readiness true
//! while views are behind the log.

use std::sync::Arc;

use axum::Router;

pub mod state;

pub mod params;

mod after;

pub mod answer;

mod routes;

pub mod jobs;

pub mod live;

mod current;
mod lag;
mod openapi;

pub use jobs::Jobs;
pub use live::{Live, LiveOptions};
pub use openapi::openapi;
pub use routes::media::MediaAccess;
pub use routes::system::{MetricsText, system_router};
pub use state::{DeliveredCommand, QueryOptions, QueryState, ReadCommand, ReadyWhen};

/// Every query under `/api/v1`, without the layers of [`nova_http::with_layers`].
pub fn router(state: Arc<QueryState>) -> Router {
    let queries = Router::new()
        .merge(routes::feed::routes())
        .merge(routes::post::routes())
        .merge(routes::user::routes())
        .merge(routes::conversation::routes())
        .merge(routes::media::routes())
        .merge(routes::audit::routes())
        .merge(live::routes())
        .with_state(state);
    Router::new().nest("/api/v1", queries)
}

/// What operators ask and do, under `/api/v1/admin`.
pub fn admin_router(state: Arc<QueryState>, jobs: Jobs) -> Router {
    Router::new().nest("/api/v1", routes::admin::routes().with_state(state).merge(routes::jobs::routes(jobs)))
}
