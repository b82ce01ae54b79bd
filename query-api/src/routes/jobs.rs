//! What operators have a running process do. Each process answers for its own jobs.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use nova_eventlog::StreamId;
use nova_http::{ApiError, OperatorCaller, ValidJson, ValidPath, check_text, json_response};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::admin::whole;
use crate::answer::{ListOf, Reply, list};
use crate::jobs::{Job, JobKind, Jobs, NotStarted, REASON_BYTES_MAX, Task};

pub(crate) fn routes(jobs: Jobs) -> Router {
    Router::new()
        .route("/admin/jobs", get(list_jobs).post(start))
        .route("/admin/jobs/{id}", get(job).delete(break_off))
        .with_state(jobs)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartJobBody {
    kind: JobKind,
    /// Of `rebuild` and `redrive`, as the list of projections names it.
    projection: Option<String>,
    /// Of `redrive` and `redrive_outbox`: only this stream.
    stream: Option<String>,
    /// Why; it goes to the server log with the operator's id.
    reason: String,
}

/// Start a job. It rebuilds a view, projects dead letters again, publishes parked events again, removes what unfinished
/// uploads left behind, or verifies the log. A second job for the same thing is refused while the first one runs.
#[utoipa::path(post, path = "/admin/jobs", operation_id = "jobs_start", tag = "admin", request_body = StartJobBody,
    responses((status = 202, body = Job)))]
pub(crate) async fn start(
    State(jobs): State<Jobs>,
    OperatorCaller(caller): OperatorCaller,
    ValidJson(body): ValidJson<StartJobBody>,
) -> Reply {
    let reason = check_text("reason", &body.reason, REASON_BYTES_MAX).err();
    let stream = body.stream.as_ref().map(|stream| check_text("stream", stream, StreamId::BYTES_MAX));
    let texts: Vec<_> = stream.and_then(Result::err).into_iter().chain(reason).collect();
    let task = match Task::new(body.kind, body.projection, body.stream) {
        Ok(task) if texts.is_empty() => task,
        task => {
            let errors = task.err().into_iter().flatten().chain(texts).collect();
            return Err(ApiError::validation(errors));
        }
    };
    let started = jobs.start(task, body.reason, caller.user);
    let job = started.map_err(|error| match error {
        NotStarted::Invalid(error) => ApiError::validation(vec![error]),
        NotStarted::Busy(id) => ApiError::conflict(
            "job_running",
            format!("The job {id} works on the same thing; it is not done yet."),
        ),
    })?;
    Ok(json_response(StatusCode::ACCEPTED, &job))
}

/// List the jobs of this process, the latest first. It remembers the last hundred.
#[utoipa::path(get, path = "/admin/jobs", operation_id = "jobs_list", tag = "admin", responses((status = 200, body = ListOf<Job>)))]
pub(crate) async fn list_jobs(State(jobs): State<Jobs>, _operator: OperatorCaller) -> Reply {
    list(Ok(whole(jobs.list())))
}

/// Get a job of this process.
#[utoipa::path(get, path = "/admin/jobs/{id}", operation_id = "jobs_read", tag = "admin", params(("id" = Uuid, Path)),
    responses((status = 200, body = Job)))]
pub(crate) async fn job(
    State(jobs): State<Jobs>,
    _operator: OperatorCaller,
    ValidPath(id): ValidPath<Uuid>,
) -> Reply {
    let job = jobs.get(id).ok_or_else(|| ApiError::not_found("job"))?;
    Ok(json_response(StatusCode::OK, &job))
}

/// Break a job of this process off. What it has done stays done; a view that it was filling is removed, and the live one stays.
/// A job that has ended stays as it is.
#[utoipa::path(delete, path = "/admin/jobs/{id}", operation_id = "jobs_break_off", tag = "admin", params(("id" = Uuid, Path)),
    responses((status = 200, body = Job)))]
pub(crate) async fn break_off(
    State(jobs): State<Jobs>,
    OperatorCaller(caller): OperatorCaller,
    ValidPath(id): ValidPath<Uuid>,
) -> Reply {
    tracing::info!(job.id = %id, operator.id = %caller.user, "an operator breaks a job off");
    let job = jobs.break_off(id).ok_or_else(|| ApiError::not_found("job"))?;
    Ok(json_response(StatusCode::OK, &job))
}
