//! The metrics of requests. Looking a metric up by its labels costs more than a small request, so the handles are kept
//! by route. Labels are route templates, methods and statuses: bounded whatever clients send.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parking_lot::RwLock;

const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";
const IN_FLIGHT: &str = "http_requests_in_flight";
const REFUSED: &str = "http_requests_refused_total";
const ABORTED: &str = "http_requests_aborted_total";
const BODY_BYTES: &str = "http_bodies_bytes";
const BODIES_AWAITED: &str = "http_bodies_awaited";

/// The route of what no route matches.
pub(crate) const UNMATCHED: &str = "unmatched";

pub(crate) struct RequestMetrics {
    by_route: RwLock<HashMap<String, Vec<Series>>>,
    pub(crate) in_flight: Gauge,
    /// Memory of the bodies of requests under way.
    pub(crate) body_bytes: Gauge,
    /// Requests whose client has more of its body to send.
    pub(crate) bodies_awaited: Gauge,
    /// Refused because too many requests, or too many bytes of bodies, were under way.
    pub(crate) overloaded: Counter,
    pub(crate) rate_limited: Counter,
    /// One client had its share under way.
    pub(crate) share: Counter,
    /// The body came too slowly.
    pub(crate) body_timeout: Counter,
    pub(crate) timed_out: Counter,
    /// The client went away before it had its answer.
    pub(crate) aborted: Counter,
}

struct Series {
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    duration: Histogram,
}

impl RequestMetrics {
    pub(crate) fn new() -> Self {
        Self {
            by_route: RwLock::new(HashMap::new()),
            in_flight: gauge!(IN_FLIGHT),
            body_bytes: gauge!(BODY_BYTES),
            bodies_awaited: gauge!(BODIES_AWAITED),
            overloaded: counter!(REFUSED, "reason" => "overloaded"),
            rate_limited: counter!(REFUSED, "reason" => "rate"),
            share: counter!(REFUSED, "reason" => "share"),
            body_timeout: counter!(REFUSED, "reason" => "body_timeout"),
            timed_out: counter!(REFUSED, "reason" => "timeout"),
            aborted: counter!(ABORTED),
        }
    }

    pub(crate) fn answered(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let method = method_label(method);
        let held = self.by_route.read();
        if let Some(series) = held.get(route).and_then(|all| find(all, method, status)) {
            series.record(took);
            return;
        }
        drop(held);
        self.first(route, method, status, took);
    }

    #[cold]
    fn first(&self, route: &str, method: &'static str, status: StatusCode, took: Duration) {
        let mut held = self.by_route.write();
        let all = held.entry(route.to_owned()).or_default();
        if find(all, method, status).is_none() {
            let labels = [
                ("route", route.to_owned()),
                ("method", method.to_owned()),
                ("status", status.as_str().to_owned()),
            ];
            all.push(Series {
                method,
                status,
                requests: counter!(REQUESTS, &labels),
                duration: histogram!(DURATION, &labels),
            });
        }
        if let Some(series) = find(all, method, status) {
            series.record(took);
        }
    }
}

impl Series {
    fn record(&self, took: Duration) {
        self.requests.increment(1);
        self.duration.record(took.as_secs_f64());
    }
}

fn find<'a>(all: &'a [Series], method: &'static str, status: StatusCode) -> Option<&'a Series> {
    all.iter().find(|series| series.status == status && series.method == method)
}

/// The method, as a label that clients cannot invent.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
