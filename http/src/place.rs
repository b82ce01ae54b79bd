//! The place of a request among those that are answered at once.
//!
//! * It is held only while Nova works: a request that waits for its client's body, or for the views to get somewhere
//!   ([`without_place`]), gives it back and takes another one afterwards.
//! * What all requests share is also bounded for each client: no address and no user holds more than a share of the requests under
//!   way and of the memory of their bodies.
//! * Whatever a request holds it gives back when it ends, however it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use nova_events::UserId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::address::AddressShare;
use crate::layers::Shared;
use crate::overload::{Class, RETRY_AFTER};
use crate::problem::ApiError;
use crate::shares::Share;

tokio::task_local! {
    static CURRENT: Arc<Place>;
}

/// A client that has shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    Address(AddressShare),
    User(UserId),
}

/// What the request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is answered however busy Nova is.
    Probe,
    /// Bytes of media. They take as long as the client's line lets them, which says nothing about how busy Nova is.
    Transfer,
    Request(Class),
}

/// Why a request ends without what its handler answered.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// Something is wrong with it.
    Request(ApiError),
    /// Nova is busy, or the client has too much under way. The answer is paced: see [`crate::overload`].
    Paced(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Request(error)
    }
}

/// One request's place and shares.
pub(crate) struct Place {
    pub(crate) shared: Arc<Shared>,
    kind: Kind,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    holding: Holding,
    /// Of the requests under way: the address's and the user's.
    shares: [Option<Share<Client>>; 2],
    body_bytes: usize,
    /// Of the bytes of bodies: the address's and the user's.
    body_shares: [Option<Share<Client>>; 2],
    refusal: Option<Refusal>,
}

#[derive(Default)]
enum Holding {
    #[default]
    Nothing,
    PlaceSince(Instant),
    /// The request has been answered, or its client has gone.
    Ended,
}

impl Place {
    pub(crate) fn new(shared: &Arc<Shared>, kind: Kind) -> Arc<Self> {
        Arc::new(Self { shared: Arc::clone(shared), kind, state: Mutex::default() })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Takes a place, unless the request has one. `false`: there is none.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.state.lock();
        if !matches!(state.holding, Holding::Nothing) {
            return true;
        }
        let shared = &*self.shared;
        let rank = shared.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let fits = match self.kind {
            Kind::Probe => true,
            Kind::Transfer => rank <= shared.limits.in_flight_max,
            Kind::Request(class) => {
                let enters = || shared.adaptive.as_ref().is_none_or(|adaptive| adaptive.enter(class));
                rank <= shared.limits.in_flight_max && enters()
            }
        };
        if !fits {
            shared.in_flight.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        shared.metrics.in_flight.increment(1.0);
        state.holding = Holding::PlaceSince(Instant::now());
        true
    }

    /// Gives the place back until [`Self::take_again`]: the request waits for something that is not Nova's work.
    pub(crate) fn release(&self) {
        let mut state = self.state.lock();
        if matches!(state.holding, Holding::PlaceSince(_)) {
            state.holding = Holding::Nothing;
            self.leave();
            if let (Kind::Request(class), Some(adaptive)) = (self.kind, &self.shared.adaptive) {
                adaptive.left_early(class);
            }
        }
    }

    /// Takes a place after [`Self::release`]. `false`: there is none, and the request is refused.
    pub(crate) fn take_again(&self) -> bool {
        let taken = self.take();
        if !taken {
            self.shared.metrics.overloaded.increment(1);
            self.refuse(Refusal::Paced(overloaded()));
        }
        taken
    }

    fn leave(&self) {
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.shared.metrics.in_flight.decrement(1.0);
    }

    /// Counts the request among those under way of its address.
    pub(crate) fn count_address(&self, address: AddressShare) -> Result<(), Refusal> {
        let most = self.shared.limits.in_flight_per_address_max;
        self.count(0, Client::Address(address), most).map_err(Refusal::Paced)
    }

    /// Counts the request among those under way of its user.
    pub(crate) fn count_user(&self, user: UserId) -> Result<(), ApiError> {
        self.count(1, Client::User(user), self.shared.limits.in_flight_per_user_max)
    }

    fn count(&self, index: usize, client: Client, most: usize) -> Result<(), ApiError> {
        let mut state = self.state.lock();
        if matches!(state.holding, Holding::Ended) || state.shares[index].is_some() {
            return Ok(());
        }
        let share = self.shared.requests_under_way.take(client, 1, most);
        let share = share.ok_or_else(|| {
            self.shared.metrics.share.increment(1);
            too_much_under_way()
        })?;
        // The body's first bytes come after its user is known.
        state.body_shares[index] = self.shared.body_bytes_by_client.take(client, 0, 0);
        state.shares[index] = Some(share);
        Ok(())
    }

    /// Keeps count of memory that the request's body takes until the request ends. `false`: there is no more, and the request is
    /// refused.
    pub(crate) fn hold_body(&self, bytes: usize) -> bool {
        let (shared, mut state) = (&*self.shared, self.state.lock());
        if matches!(state.holding, Holding::Ended) {
            return true;
        }
        let limits = &shared.limits;
        state.body_bytes += bytes;
        let held = shared.body_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        shared.metrics.body_bytes.increment(bytes as f64);
        // A client over its own share hears that, also when there is no room for anybody.
        let most = limits.bodies_bytes_per_client_max;
        let is_shared = state
            .body_shares
            .iter_mut()
            .all(|share| share.as_mut().is_none_or(|share| share.grow(bytes, most)));
        let refusal = if !is_shared {
            shared.metrics.share.increment(1);
            Some(too_much_under_way())
        } else if limits.bodies_bytes_max > 0 && held > limits.bodies_bytes_max {
            shared.metrics.overloaded.increment(1);
            Some(overloaded())
        } else {
            None
        };
        let fits = refusal.is_none();
        if let Some(error) = refusal {
            state.refusal.get_or_insert(Refusal::Paced(error));
        }
        fits
    }

    /// The request is to be answered with this, whatever its handler answers.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.state.lock().refusal.get_or_insert(refusal);
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.state.lock().refusal.take()
    }

    /// Gives everything back.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        let before = std::mem::take(&mut *state);
        state.holding = Holding::Ended;
        drop(state);
        if before.body_bytes > 0 {
            self.shared.body_bytes.fetch_sub(before.body_bytes, Ordering::Relaxed);
            self.shared.metrics.body_bytes.decrement(before.body_bytes as f64);
        }
        if let Holding::PlaceSince(since) = before.holding {
            self.leave();
            // Also when the client has gone: the request took at least so long, and those that are left are the slow ones.
            if let (Kind::Request(class), Some(adaptive)) = (self.kind, &self.shared.adaptive) {
                adaptive.left(class, since.elapsed());
            }
        }
    }

    /// Makes the place that of what is done within, for [`without_place`].
    pub(crate) async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}

/// Waits for something that is not Nova's work, such as views that are behind, without holding the place of the request that this is
/// called for. Fails with 503 `overloaded` when there is none to go on with.
pub async fn without_place<T>(wait: impl Future<Output = T>) -> Result<T, ApiError> {
    let Ok(place) = CURRENT.try_with(Arc::clone) else { return Ok(wait.await) };
    place.release();
    let value = wait.await;
    if place.take_again() { Ok(value) } else { Err(overloaded()) }
}

pub(crate) fn overloaded() -> ApiError {
    let detail = "Nova answers as many requests as it can. Try again.";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(RETRY_AFTER.as_secs())
}

fn too_much_under_way() -> ApiError {
    let detail = "You have as many requests under way as one client may have. Try again.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)
        .retry_after(RETRY_AFTER.as_secs())
}
