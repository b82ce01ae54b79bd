//! The one layer around every request. One service and one future do all of it, because a tower of small layers costs
//! more than the requests they surround:
//!
//! * correlation: `X-Correlation-Id` is taken or made, returned, and at hand for handlers; so is `traceparent`;
//! * limits: requests in flight (refused beyond; see [`crate::overload`]), requests per user, time; size, time and rate of
//!   bodies;
//! * shares: no address and no user holds more than its part of what is limited (see `place`);
//! * every answer of 400 and above is a problem document, a panic's too;
//! * one structured line and one metric per request, with the route's template and nothing personal;
//! * the headers that keep browsers from guessing and caches from keeping.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
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

use crate::address::{ClientAddress, TrustedProxies};
use crate::body::{Patience, from_client};
use crate::linger::lingering;
use crate::overload::{Class, Limits, RETRY_AFTER, Refusals, time_for};
use crate::params::invalid_header;
use crate::place::{Client, Kind, Place, Refusal, overloaded};
use crate::problem::ApiError;
use crate::protocol::{check_encoding, check_host};
use crate::rate::{Rate, RateLimiter};
use crate::shares::Shares;
use crate::telemetry::{RequestMetrics, UNMATCHED, method_label};
use crate::token::Verifier;

pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What clients may ask of the server at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// A larger body is refused with 413.
    pub body_bytes_max: usize,
    /// How long Nova waits for a body, in all; then 408.
    pub body_timeout_ms: u64,
    /// How long it waits before the least rate counts.
    pub body_grace_ms: u64,
    /// From then on a client that has sent fewer bytes for each second that Nova waited gets 408; 0: no least rate.
    pub body_bytes_per_second_min: u64,
    /// Memory of all bodies of requests under way; beyond it 503. 0: no limit.
    pub bodies_bytes_max: usize,
    /// The part of it that one address, or one user, may hold; beyond it 429. 0: no limit.
    pub bodies_bytes_per_client_max: usize,
    /// Beyond it requests are refused with 503; health checks and metrics are not.
    pub in_flight_max: usize,
    /// Requests under way of one address, those that wait included; beyond it 429. 0: no limit.
    pub in_flight_per_address_max: usize,
    /// The same of one user.
    pub in_flight_per_user_max: usize,
    /// The proxies whose word counts for where a request comes from.
    pub trusted_proxies: TrustedProxies,
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
            body_timeout_ms: 20_000,
            body_grace_ms: 5_000,
            body_bytes_per_second_min: 1_024,
            bodies_bytes_max: 0,
            bodies_bytes_per_client_max: 0,
            in_flight_max: 1024,
            in_flight_per_address_max: 0,
            in_flight_per_user_max: 0,
            trusted_proxies: TrustedProxies::default(),
            adaptive: Some(AdaptiveOptions::new(64, 1024)),
            requests_per_second_per_user: 0,
            requests_burst_per_user: 50,
            request_timeout_ms: 30_000,
        }
    }
}

/// Surrounds every route of the router, and what no route matches. Install the metrics recorder first.
pub fn with_layers(router: Router, verifier: Arc<Verifier>, limits: &HttpLimits) -> Router {
    router.layer(Front { shared: Shared::new(verifier, limits) })
}

pub(crate) struct Shared {
    verifier: Arc<Verifier>,
    pub(crate) limits: HttpLimits,
    timeout: Duration,
    rate: Option<Rate>,
    buckets: RateLimiter<UserId>,
    pub(crate) adaptive: Option<Limits>,
    pub(crate) in_flight: AtomicUsize,
    /// Those that wait for something included.
    pub(crate) requests_under_way: Arc<Shares<Client>>,
    pub(crate) body_bytes: AtomicUsize,
    pub(crate) body_bytes_by_client: Arc<Shares<Client>>,
    refusals: Refusals,
    pub(crate) metrics: RequestMetrics,
}

impl Shared {
    fn new(verifier: Arc<Verifier>, limits: &HttpLimits) -> Arc<Self> {
        Arc::new(Self {
            verifier,
            limits: limits.clone(),
            timeout: Duration::from_millis(limits.request_timeout_ms),
            rate: Rate::per_second(limits.requests_per_second_per_user, limits.requests_burst_per_user),
            buckets: RateLimiter::default(),
            adaptive: limits.adaptive.as_ref().map(Limits::new),
            in_flight: AtomicUsize::new(0),
            requests_under_way: Arc::default(),
            body_bytes: AtomicUsize::new(0),
            body_bytes_by_client: Arc::default(),
            refusals: Refusals::new(),
            metrics: RequestMetrics::new(),
        })
    }
}

/// What the layer tells the extractors about a request.
#[derive(Clone)]
pub struct RequestContext {
    place: Arc<Place>,
    client: Option<ClientAddress>,
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
        &self.place.shared.verifier
    }

    pub fn body_bytes_max(&self) -> usize {
        self.place.shared.limits.body_bytes_max
    }

    /// Returns where the request comes from; `None`: not over a connection.
    pub fn client_address(&self) -> Option<ClientAddress> {
        self.client
    }

    /// Counts one request, or one operation of a live session, of the user; 429 when they send too many.
    pub fn check_rate(&self, user: UserId) -> Result<(), ApiError> {
        let shared = &self.place.shared;
        let Some(rate) = &shared.rate else { return Ok(()) };
        shared.buckets.take(user, 1, rate).map_err(|wait| {
            shared.metrics.rate_limited.increment(1);
            ApiError::too_many_requests().retry_after(wait.as_secs() + 1)
        })
    }

    /// Counts the request among those that the user has under way until it is answered; 429 when they have too many.
    pub(crate) fn count_user(&self, user: UserId) -> Result<(), ApiError> {
        self.place.count_user(user)
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
        let kind = kind_of(&request);
        let mut exchange = Exchange {
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            under_way: UnderWay { place: Place::new(&self.shared, kind), answered: false },
            timeout: self.shared.timeout,
            correlation_id: Uuid::nil(),
            started,
        };
        let admitted = exchange.admit(&mut request);
        let inner = admitted.map(|()| {
            let patience = Patience::new(&self.shared.limits, exchange.body_timeout());
            let place = &exchange.under_way.place;
            self.inner.call(request.map(|body| from_client(lingering(body), place, patience)))
        });
        Box::pin(async move {
            let response = match inner {
                Ok(answer) => {
                    let response = exchange.guard(answer).await;
                    match exchange.under_way.place.refusal() {
                        None => response,
                        Some(refusal) => exchange.refuse(refusal).await,
                    }
                }
                Err(refusal) => exchange.refuse(refusal).await,
            };
            Ok(exchange.finish(response))
        })
    }
}

/// One request on its way to its answer.
struct Exchange {
    method: Method,
    route: Option<MatchedPath>,
    under_way: UnderWay,
    correlation_id: Uuid,
    timeout: Duration,
    started: Instant,
}

impl Exchange {
    /// Takes the request's headers, checks what can be checked at once, and leaves the context for the extractors.
    fn admit(&mut self, request: &mut Request) -> Result<(), Refusal> {
        let taken = correlation_of(request.headers());
        self.correlation_id = taken.clone().ok().flatten().unwrap_or_else(Uuid::now_v7);
        taken?;
        check_host(request)?;
        check_encoding(request.headers())?;
        self.timeout = time_for(request.headers(), self.timeout)?;
        let place = &self.under_way.place;
        let shared = &place.shared;
        if place.kind() == Kind::Transfer {
            self.timeout = self.timeout.max(TRANSFER_TIMEOUT);
        }
        let client = shared.limits.trusted_proxies.client(request.extensions(), request.headers());
        if let Some(client) = client.filter(|_| place.kind() != Kind::Probe) {
            place.count_address(client.share())?;
        }
        if !place.take() {
            shared.metrics.overloaded.increment(1);
            return Err(Refusal::Paced(overloaded()));
        }
        let context = RequestContext {
            place: Arc::clone(place),
            client,
            correlation_id: self.correlation_id,
            traceparent: traceparent_of(request.headers()),
        };
        request.extensions_mut().insert(context);
        Ok(())
    }

    /// How long Nova waits for the request's body.
    fn body_timeout(&self) -> Duration {
        let place = &self.under_way.place;
        match place.kind() {
            Kind::Transfer => TRANSFER_TIMEOUT,
            Kind::Probe | Kind::Request(_) => Duration::from_millis(place.shared.limits.body_timeout_ms),
        }
    }

    /// The answer to a request that is refused, when it is time to give it.
    async fn refuse(&self, refusal: Refusal) -> Response {
        let place = &self.under_way.place;
        match refusal {
            Refusal::Request(error) => error.into_response(),
            Refusal::Paced(error) => {
                place.end();
                place.shared.refusals.pace(RETRY_AFTER.min(self.timeout)).await;
                error.into_response()
            }
        }
    }

    /// The handler's answer, unless it panics or takes too long.
    async fn guard(&self, answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
        let caught = AssertUnwindSafe(answer).catch_unwind();
        let answer = Deadline::within(self.timeout).scope(tokio::time::timeout(self.timeout, caught));
        match Arc::clone(&self.under_way.place).scope(answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(panic)) => {
                self.report_panic(&*panic);
                ApiError::internal().into_response()
            }
            Err(_) => {
                self.under_way.place.shared.metrics.timed_out.increment(1);
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
        self.under_way.answered = true;
        self.under_way.place.shared.metrics.answered(self.route(), &self.method, status, took);
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

/// Ends the request's place with the request, also when its client goes away and its future is dropped.
struct UnderWay {
    place: Arc<Place>,
    answered: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.place.end();
        if !self.answered {
            self.place.shared.metrics.aborted.increment(1);
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

fn kind_of(request: &Request) -> Kind {
    let path = request.uri().path();
    if is_probe(path) {
        Kind::Probe
    } else if is_transfer(path) {
        Kind::Transfer
    } else {
        Kind::Request(Class::of(request.method()))
    }
}

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

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod waiting_tests;
