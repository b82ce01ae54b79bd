//! How many requests are answered at once, by class, and how long a request may take.
//!
//! Queries and commands have a limit each, so that a slow store of the one does not shut out the other. What is counted
//! ends with the head of the answer: live sessions and streams are not under way for as long as they live.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, Method};
use nova_resilience::{AdaptiveLimit, AdaptiveOptions};

use crate::problem::ApiError;

/// A client that does not wait as long as Nova would says so: milliseconds, at most what Nova allows.
pub const TIMEOUT_MS: HeaderName = HeaderName::from_static("nova-timeout-ms");

/// What is limited together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Query,
    Command,
}

impl Class {
    pub(crate) fn of(method: &Method) -> Self {
        if method.is_safe() { Self::Query } else { Self::Command }
    }
}

/// A limit for each class.
#[derive(Debug)]
pub(crate) struct Limits {
    queries: AdaptiveLimit,
    commands: AdaptiveLimit,
}

impl Limits {
    pub(crate) fn new(options: &AdaptiveOptions) -> Self {
        Self { queries: AdaptiveLimit::new(options.clone()), commands: AdaptiveLimit::new(options.clone()) }
    }

    pub(crate) fn enter(&self, class: Class) -> bool {
        self.of(class).enter()
    }

    /// Also for a request whose client has gone: it took at least so long, and those who leave are the slow ones.
    pub(crate) fn left(&self, class: Class, took: Duration) {
        self.of(class).left(took);
    }

    fn of(&self, class: Class) -> &AdaptiveLimit {
        match class {
            Class::Query => &self.queries,
            Class::Command => &self.commands,
        }
    }
}

/// How long this request may take: what the client says, or all that Nova allows.
pub(crate) fn time_for(headers: &HeaderMap, most: Duration) -> Result<Duration, ApiError> {
    let Some(value) = headers.get(&TIMEOUT_MS) else { return Ok(most) };
    let asked = value.to_str().ok().and_then(|text| text.trim().parse().ok()).map(Duration::from_millis);
    asked.filter(|asked| !asked.is_zero() && *asked <= most).ok_or_else(|| {
        let must = format!("must be a number of milliseconds from 1 to {}", most.as_millis());
        ApiError::bad_request("invalid_header", "A header does not hold what it must.").field(
            TIMEOUT_MS.as_str(),
            "invalid",
            must,
        )
    })
}
