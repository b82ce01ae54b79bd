//! The one layer around every request. One service and one future do all of it, because a tower of small layers costs
//! more than the requests they surround:
//!
//! * correlation: `X-Correlation-Id` is taken or made, returned, and at hand for handlers; so is `traceparent`;
//! * limits: requests in flight (refused beyond; see [`crate::overload`]), requests per user, time, size of bodies;
//! * every answer of 400 and above is a problem document, a panic's too;
//! * one structured line and one metric per request, with the route's template and nothing personal;
//! * the headers that keep browsers from guessing and caches from keeping.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use futures::FutureExt;
use futures::future::BoxFuture;
use nova_events::UserId;
use nova_resilience::{AdaptiveOptions, Deadline};
use tower::{Layer, Service};
use uuid::Uuid;

use crate::linger::lingering;
use crate::overload::{Class, Limits, RETRY_AFTER, Refusals, time_for};
use crate::params::invalid_header;
use crate::problem::ApiError;
use crate::rate::RateLimiter;
use crate::telemetry::{RequestMetrics, UNMATCHED, method_label};
use crate::token::Verifier;

pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What clients may ask of the server at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// A larger body is refused with 413.
    pub body_bytes_max: usize,
    /// Beyond it requests are refused with 503; health checks and metrics are not.
    pub in_flight_max: usize,
    /// Between what the number of queries, and that of commands, answered at once follows their latency. `None`: it does not.
    pub adaptive: Option<AdaptiveOptions>,
    /// Of one user, in the long run; 0: no limit. Beyond it 429.
    pub requests_per_second_per_user: u32,
    /// Of one user, at once.
    pub requests_burst_per_user: u32,
    /// A request that takes longer is answered with 504. A client may ask for less with `Nova-Timeout-Ms`.
    pub request_timeout_ms: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 256 * 1024,
            in_flight_max: 1024,
            adaptive: Some(AdaptiveOptions::new(64, 1024)),
            requests_per_second_per_user: 0,
            requests_burst_per_user: 50,
            request_timeout_ms: 30_000,
        }
    }
}

/// Surrounds every route of the router, and what no route matches. Install the metrics recorder first.
pub fn with_layers(router: Router, verifier: Arc<Verifier>, limits: &HttpLimits) -> Router {
    let shared = Shared {
        verifier,
        limits: limits.clone(),
        timeout: Duration::from_millis(limits.request_timeout_ms),
        rate: RateLimiter::new(limits.requests_per_second_per_user, limits.requests_burst_per_user),
        adaptive: limits.adaptive.as_ref().map(Limits::new),
        in_flight: AtomicUsize::new(0),
        refusals: Refusals::new(),
        metrics: RequestMetrics::new(),
    };
    router.layer(Front { shared: Arc::new(shared) })
}

struct Shared {
    verifier: Arc<Verifier>,
    limits: HttpLimits,
    timeout: Duration,
    rate: Option<RateLimiter>,
    adaptive: Option<Limits>,
    in_flight: AtomicUsize,
    refusals: Refusals,
    metrics: RequestMetrics,
}

/// What the layer tells the extractors about a request.
#[derive(Clone)]
pub struct RequestContext {
    shared: Arc<Shared>,
    pub correlation_id: Uuid,
    /// Only a valid one.
    pub traceparent: Option<String>,
}

impl std::fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestContext").field("correlation_id", &self.correlation_id).finish_non_exhaustive()
    }
}

impl RequestContext {
    pub fn verifier(&self) -> &Verifier {
        &self.shared.verifier
    }

    pub fn body_bytes_max(&self) -> usize {
        self.shared.limits.body_bytes_max
    }

    /// Counts one request of the user; 429 when they send too many.
    pub fn check_rate(&self, user: UserId) -> Result<(), ApiError> {
        let Some(rate) = &self.shared.rate else { return Ok(()) };
        rate.check(user).map_err(|wait| {
            self.shared.metrics.rate_limited.increment(1);
            ApiError::too_many_requests().retry_after(wait.as_secs() + 1)
        })
    }
}

#[derive(Clone)]
struct Front {
    shared: Arc<Shared>,
}

impl Layer<Route> for Front {
    type Service = Fronted;

    fn layer(&self, inner: Route) -> Fronted {
        Fronted { inner, shared: Arc::clone(&self.shared) }
    }
}

#[derive(Clone)]
struct Fronted {
    inner: Route,
    shared: Arc<Shared>,
}

impl Service<Request> for Fronted {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let started = Instant::now();
        let mut exchange = Exchange {
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            in_flight: InFlight::enter(&self.shared, started),
            timeout: self.shared.timeout,
            correlation_id: Uuid::nil(),
            started,
        };
        let admitted = exchange.admit(&mut request);
        let request = request.map(lingering);
        let inner = admitted.map(|()| self.inner.call(request));
        Box::pin(async move {
            let response = match inner {
                Ok(answer) => exchange.guard(answer).await,
                Err(Refused::Request(error)) => error.into_response(),
                Err(Refused::TooMany) => exchange.turn_away().await.into_response(),
            };
            Ok(exchange.finish(response))
        })
    }
}

/// Why a request is not even begun.
enum Refused {
    /// Something is wrong with it.
    Request(ApiError),
    /// Nova is busy.
    TooMany,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Request(error)
    }
}

/// One request on its way to its answer.
struct Exchange {
    method: Method,
    route: Option<MatchedPath>,
    in_flight: InFlight,
    correlation_id: Uuid,
    timeout: Duration,
    started: Instant,
}

impl Exchange {
    /// Takes the request's headers, checks what can be checked at once, and leaves the context for the extractors.
    fn admit(&mut self, request: &mut Request) -> Result<(), Refused> {
        let taken = correlation_of(request.headers());
        self.correlation_id = taken.clone().ok().flatten().unwrap_or_else(Uuid::now_v7);
        taken?;
        self.timeout = time_for(request.headers(), self.timeout)?;
        let is_transfer = is_transfer(request.uri().path());
        if is_transfer {
            self.timeout = self.timeout.max(TRANSFER_TIMEOUT);
        }
        if !is_probe(request.uri().path()) && !self.in_flight.take_place(&self.method, is_transfer) {
            return Err(Refused::TooMany);
        }
        let context = RequestContext {
            shared: Arc::clone(&self.in_flight.shared),
            correlation_id: self.correlation_id,
            traceparent: traceparent_of(request.headers()),
        };
        request.extensions_mut().insert(context);
        Ok(())
    }

    /// The answer to a request for which there is no place, when it is time to give it.
    async fn turn_away(&mut self) -> ApiError {
        self.in_flight.leave();
        let shared = &self.in_flight.shared;
        shared.metrics.overloaded.increment(1);
        shared.refusals.pace(RETRY_AFTER.min(self.timeout)).await;
        let detail = "Nova answers as many requests as it can. Try again.";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
            .retry_after(RETRY_AFTER.as_secs())
    }

    /// The handler's answer, unless it panics or takes too long.
    async fn guard(&self, answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
        let caught = AssertUnwindSafe(answer).catch_unwind();
        let answer = Deadline::within(self.timeout).scope(tokio::time::timeout(self.timeout, caught));
        match answer.await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(panic)) => {
                self.report_panic(&*panic);
                ApiError::internal().into_response()
            }
            Err(_) => {
                self.in_flight.shared.metrics.timed_out.increment(1);
                let detail = "The answer took too long. A command may have taken effect: repeat it with the \
                              same Idempotency-Key to find out.";
                ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail).into_response()
            }
        }
    }

    fn report_panic(&self, panic: &(dyn Any + Send)) {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        tracing::error!(
            http.route = self.route(),
            request.correlation_id = %self.correlation_id,
            panic.message = message,
            "a handler panicked"
        );
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    fn finish(mut self, response: Response) -> Response {
        let mut response = self.as_problem(response);
        let mut text = Uuid::encode_buffer();
        let correlation = self.correlation_id.hyphenated().encode_lower(&mut text);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(correlation) {
            headers.insert(CORRELATION_ID, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        self.record(response.status());
        response
    }

    /// Gives an error its body. Answers that carry no [`ApiError`] but are errors all the same, such as the router's
    /// own, get one made from their status.
    fn as_problem(&self, mut response: Response) -> Response {
        let status = response.status();
        if !status.is_client_error() && !status.is_server_error() {
            return response;
        }
        let error = response.extensions_mut().remove::<ApiError>();
        let is_json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().ends_with(b"json"));
        match error {
            None if is_json => response,
            error => {
                let headers = std::mem::take(response.headers_mut());
                error.unwrap_or_else(|| ApiError::of_status(status)).render(self.correlation_id, headers)
            }
        }
    }

    fn record(&mut self, status: StatusCode) {
        let took = self.started.elapsed();
        self.in_flight.answered = true;
        self.in_flight.shared.metrics.answered(self.route(), &self.method, status, took);
        tracing::info!(
            target: "nova::access",
            {
                http.method = method_label(&self.method),
                http.route = self.route(),
                http.status = status.as_u16(),
                duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                request.correlation_id = %self.correlation_id,
            },
            "request"
        );
    }
}

/// Counts a request as long as it lives, also when its client goes away and its future is dropped.
struct InFlight {
    shared: Arc<Shared>,
    /// How many were in flight with it.
    rank: usize,
    /// It has a place among those of its class.
    class: Option<Class>,
    started: Instant,
    /// It is one of those in flight.
    counts: bool,
    answered: bool,
}

impl InFlight {
    fn enter(shared: &Arc<Shared>, started: Instant) -> Self {
        let rank = shared.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        shared.metrics.in_flight.increment(1.0);
        Self { shared: Arc::clone(shared), rank, class: None, started, counts: true, answered: false }
    }

    /// A transfer takes as long as its client's line lets it: it says nothing about how busy Nova is.
    fn take_place(&mut self, method: &Method, is_transfer: bool) -> bool {
        if self.rank > self.shared.limits.in_flight_max {
            return false;
        }
        if is_transfer {
            return true;
        }
        let Some(adaptive) = &self.shared.adaptive else { return true };
        let class = Class::of(method);
        self.class = adaptive.enter(class).then_some(class);
        self.class.is_some()
    }

    /// Nobody works on it any more.
    fn leave(&mut self) {
        if std::mem::take(&mut self.counts) {
            self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.shared.metrics.in_flight.decrement(1.0);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.leave();
        if let (Some(class), Some(adaptive)) = (self.class, &self.shared.adaptive) {
            adaptive.left(class, self.started.elapsed());
        }
        if !self.answered {
            self.shared.metrics.aborted.increment(1);
        }
    }
}

fn correlation_of(headers: &HeaderMap) -> Result<Option<Uuid>, ApiError> {
    let Some(value) = headers.get(&CORRELATION_ID) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| Uuid::try_parse(text.trim()).ok());
    id.map(Some).ok_or_else(|| invalid_header(&CORRELATION_ID))
}

/// The trace that the request belongs to. W3C Trace Context: what is not valid is ignored.
fn traceparent_of(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(&TRACEPARENT)?.to_str().ok()?;
    is_traceparent(text).then(|| text.to_owned())
}

/// Version 00: `00-{trace id}-{parent id}-{flags}` in lower-case hexadecimal, neither id all zeros.
fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        parts.next().filter(|part| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (version, trace, parent, flags) = (part(2), part(32), part(16), part(2));
    let not_zero = |part: Option<&str>| part.is_some_and(|part| part.bytes().any(|b| b != b'0'));
    version == Some("00") && not_zero(trace) && not_zero(parent) && flags.is_some() && parts.next().is_none()
}

/// How long the bytes of a medium may be under way.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(900);

/// Bytes of media, by a presigned address of Nova's own.
fn is_transfer(path: &str) -> bool {
    path.starts_with("/api/v1/storage/")
}

/// Probes are answered however busy Nova is: to restart a busy server makes the others busier.
fn is_probe(path: &str) -> bool {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    path.starts_with("/health/") || path == "/metrics"
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
