//! Bodies on their way from their clients.
//!
//! * While a client has nothing more to give, its request holds no place (see [`crate::place`]): a thousand clients that dawdle take
//!   nothing from anybody.
//! * A client has a grace, then it must have sent so many bytes a second, and all within a time; otherwise 408 `body_timeout`. Only
//!   the time that Nova waits for the client counts.
//! * What of a body is held in memory is counted until its request ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use http_body::Frame;
use tokio::time::{Instant, Sleep};

use crate::layers::HttpLimits;
use crate::place::{Kind, Place, Refusal};
use crate::problem::ApiError;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    grace: Duration,
    /// 0: no least rate.
    bytes_per_second_min: u64,
    most: Duration,
}

impl Patience {
    pub(crate) fn new(limits: &HttpLimits, most: Duration) -> Self {
        Self {
            grace: Duration::from_millis(limits.body_grace_ms),
            bytes_per_second_min: limits.body_bytes_per_second_min,
            most,
        }
    }

    /// How long Nova may have waited for a client that has sent so many bytes.
    fn after(&self, received: u64) -> Duration {
        if self.bytes_per_second_min == 0 {
            return self.most;
        }
        let earned = Duration::from_secs_f64(received as f64 / self.bytes_per_second_min as f64);
        self.most.min(self.grace.saturating_add(earned))
    }
}

/// Surrounds the body of a request.
pub(crate) fn from_client(body: Body, place: &Arc<Place>, patience: Patience) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(ClientBody {
        body,
        place: Arc::clone(place),
        patience,
        received: 0,
        waited: Duration::ZERO,
        waiting: None,
        ended: false,
    })
}

struct ClientBody {
    body: Body,
    place: Arc<Place>,
    patience: Patience,
    received: u64,
    /// Before the present wait.
    waited: Duration,
    waiting: Option<Waiting>,
    ended: bool,
}

struct Waiting {
    since: Instant,
    /// When the client's time is over.
    over: Pin<Box<Sleep>>,
}

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

impl ClientBody {
    fn wait(&mut self, context: &mut Context<'_>) -> Polled {
        if self.waiting.is_none() {
            self.place.release();
            self.place.shared.metrics.bodies_awaited.increment(1.0);
            let left = self.patience.after(self.received).saturating_sub(self.waited);
            self.waiting = Some(Waiting { since: Instant::now(), over: Box::pin(tokio::time::sleep(left)) });
        }
        let is_over =
            self.waiting.as_mut().is_some_and(|waiting| waiting.over.as_mut().poll(context).is_ready());
        if !is_over {
            return Poll::Pending;
        }
        self.place.shared.metrics.body_timeout.increment(1);
        self.end(Refusal::Request(body_timeout()))
    }

    fn waited(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.waited += waiting.since.elapsed();
            self.place.shared.metrics.bodies_awaited.decrement(1.0);
        }
    }

    /// Ends the body before it is whole. The layer answers what the refusal says, whatever becomes of this error.
    fn end(&mut self, refusal: Refusal) -> Polled {
        self.waited();
        self.ended = true;
        self.place.refuse(refusal);
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))))
    }
}

impl HttpBody for ClientBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        if self.ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(context) else {
            return self.wait(context);
        };
        self.waited();
        if let Some(Ok(frame)) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.received += bytes as u64;
            // Those of a transfer go on at once to where they are kept.
            let fits = self.place.kind() == Kind::Transfer || self.place.hold_body(bytes);
            if fits {
                return Poll::Ready(polled);
            }
            self.ended = true;
            return Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(
                std::io::ErrorKind::OutOfMemory,
            )))));
        }
        self.ended = true;
        // The handler goes on with a body that is whole, or with an error. Without a place the layer refuses what it answers, so it
        // must not begin.
        if self.place.take_again() {
            return Poll::Ready(polled);
        }
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::ResourceBusy)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        self.waited();
    }
}

/// 408. The rest of the body is still to come, so the connection cannot be used again.
fn body_timeout() -> ApiError {
    let detail = "The body came too slowly. Nothing was done: send the request again.";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
        .header(header::CONNECTION, HeaderValue::from_static("close"))
}
