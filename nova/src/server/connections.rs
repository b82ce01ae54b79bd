//! The connections that are open: how many there may be, of whom, and which one goes when there is no room.
//!
//! * A connection counts until its socket is closed, a WebSocket too.
//! * One address (one /64 of IPv6) holds no more than its share; trusted proxies carry many clients and are exempt.
//! * When all places are taken, the connections that have been idle for longest are closed, so that a new client is not kept waiting
//!   by sockets without a request.
//! * Answers that clients do not read may take so many bytes of memory in all; beyond it the connections with the most are closed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use metrics::{Counter, Gauge, counter, gauge};
use nova_http::{AddressShare, ClientAddress, TrustedProxies};
use parking_lot::Mutex;
use tokio::sync::Notify;

const OPEN: &str = "http_connections_open";
const MAX: &str = "http_connections_max";
const UNSENT: &str = "http_unsent_bytes";
const CLOSED: &str = "http_connections_closed_total";
const REFUSED: &str = "http_connections_refused_total";

/// A connection that has been idle for less is not closed for want of room: its client is about to use it.
const IDLE_MIN: Duration = Duration::from_secs(1);
/// Idle connections are closed in batches of this part of all, so that finding them costs little for each new connection.
const BATCH_PART: usize = 64;
/// How soon room is looked for again while every connection is in use.
const RETRY: Duration = Duration::from_millis(100);

/// What connections may take.
#[derive(Debug, Clone)]
pub(super) struct ConnectionLimits {
    /// Label of the metrics.
    pub(super) listener: &'static str,
    pub(super) connections_max: usize,
    pub(super) per_address_max: usize,
    pub(super) unsent_bytes_max: usize,
    pub(super) trusted: TrustedProxies,
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The client reads too slowly, or not at all.
    WriteTimeout,
    /// Answers that nobody reads take too much memory, and this connection has the most of them.
    UnsentBytes,
    /// Room was needed, and it had been idle for longest.
    Idle,
    /// The client of a WebSocket sends more than is read, and does not stop.
    Flood,
}

pub(super) struct Connections {
    limits: ConnectionLimits,
    began: Instant,
    open: Mutex<Open>,
    unsent_bytes: AtomicUsize,
    /// Rung when a connection has ended.
    freed: Notify,
    metrics: Metrics,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    by_id: HashMap<u64, Arc<Connection>>,
    by_address: HashMap<AddressShare, usize>,
}

struct Metrics {
    open: Gauge,
    unsent: Gauge,
    write_timeouts: Counter,
    unsent_closed: Counter,
    idle: Counter,
    floods: Counter,
    over_share: Counter,
    failed: Counter,
}

/// What the server knows about one connection.
pub(super) struct Connection {
    id: u64,
    pub(super) peer: SocketAddr,
    /// `None`: a trusted proxy's.
    share: Option<AddressShare>,
    /// Requests that are being answered; a WebSocket counts as one for as long as it lives.
    requests: AtomicUsize,
    /// When the last answer was complete, in milliseconds since the server began.
    idle_since_ms: AtomicU64,
    /// Bytes of answers that wait because the client does not read.
    unsent_bytes: AtomicUsize,
    is_blocked: AtomicBool,
    is_upgraded: AtomicBool,
    unblocked: Notify,
    /// Closed for the memory that it takes.
    gives_up: AtomicBool,
    blocked_task: AtomicWaker,
    is_shed: AtomicBool,
    shed: Notify,
    all: Arc<Connections>,
}

/// The address has as many connections as one may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OverShare;

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let metrics = Metrics::new(limits.listener);
        gauge!(MAX, "listener" => limits.listener).set(limits.connections_max as f64);
        Arc::new(Self {
            limits,
            began: Instant::now(),
            open: Mutex::default(),
            unsent_bytes: AtomicUsize::new(0),
            freed: Notify::new(),
            metrics,
        })
    }

    /// Returns as soon as one more connection may be open. Closes idle ones when there is no room.
    pub(super) async fn room(&self) {
        while self.open.lock().by_id.len() >= self.limits.connections_max {
            self.close_idle();
            tokio::select! {
                () = self.freed.notified() => {}
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Counts a connection in. Called by one task only, after [`Self::room`].
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Result<OpenConnection, OverShare> {
        let address = ClientAddress::new(peer.ip());
        let share = (!self.limits.trusted.contains(address.ip())).then(|| address.share());
        let mut open = self.open.lock();
        if let Some(share) = share {
            let count = open.by_address.entry(share).or_default();
            if *count >= self.limits.per_address_max {
                drop(open);
                self.metrics.over_share.increment(1);
                return Err(OverShare);
            }
            *count += 1;
        }
        let id = open.next_id;
        open.next_id += 1;
        let connection = Arc::new(Connection {
            id,
            peer,
            share,
            requests: AtomicUsize::new(0),
            idle_since_ms: AtomicU64::new(self.now_ms()),
            unsent_bytes: AtomicUsize::new(0),
            is_blocked: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            unblocked: Notify::new(),
            gives_up: AtomicBool::new(false),
            blocked_task: AtomicWaker::new(),
            is_shed: AtomicBool::new(false),
            shed: Notify::new(),
            all: Arc::clone(self),
        });
        open.by_id.insert(id, Arc::clone(&connection));
        drop(open);
        self.metrics.open.increment(1.0);
        Ok(OpenConnection(connection))
    }

    /// Asks the connections that have been idle for longest to end.
    pub(super) fn close_idle(&self) {
        let Some(latest_ms) = self.now_ms().checked_sub(IDLE_MIN.as_millis() as u64) else { return };
        let mut idle: Vec<_> = {
            let open = self.open.lock();
            let idle = open.by_id.values().filter_map(|connection| {
                let since_ms = connection.idle_since_ms.load(Ordering::Relaxed);
                (connection.is_idle() && since_ms <= latest_ms).then(|| (since_ms, Arc::clone(connection)))
            });
            idle.collect()
        };
        let count = (self.limits.connections_max / BATCH_PART + 1).min(idle.len());
        if count < idle.len() {
            idle.select_nth_unstable_by_key(count, |(since_ms, _)| *since_ms);
        }
        for (_, connection) in &idle[..count] {
            if !connection.is_shed.swap(true, Ordering::Relaxed) {
                self.closed(CloseReason::Idle);
                connection.shed.notify_one();
            }
        }
    }

    pub(super) fn closed(&self, reason: CloseReason) {
        match reason {
            CloseReason::WriteTimeout => self.metrics.write_timeouts.increment(1),
            CloseReason::UnsentBytes => self.metrics.unsent_closed.increment(1),
            CloseReason::Idle => self.metrics.idle.increment(1),
            CloseReason::Flood => self.metrics.floods.increment(1),
        }
    }

    /// Counts a connection that the system did not let the server accept.
    pub(super) fn accept_failed(&self) {
        self.metrics.failed.increment(1);
    }

    /// Makes connections give up until what is left unsent fits. The largest go first.
    fn limit_unsent(&self) {
        let mut total = self.unsent_bytes.load(Ordering::Relaxed);
        if total <= self.limits.unsent_bytes_max {
            return;
        }
        let mut blocked: Vec<_> = {
            let open = self.open.lock();
            open.by_id.values().filter(|one| one.is_blocked()).map(Arc::clone).collect()
        };
        blocked.sort_unstable_by_key(|one| std::cmp::Reverse(one.unsent_bytes.load(Ordering::Relaxed)));
        for connection in blocked {
            if total <= self.limits.unsent_bytes_max {
                break;
            }
            total -= connection.unsent_bytes.load(Ordering::Relaxed).min(total);
            connection.gives_up.store(true, Ordering::Relaxed);
            connection.blocked_task.wake();
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn remove(&self, connection: &Connection) {
        let mut open = self.open.lock();
        open.by_id.remove(&connection.id);
        if let Some(share) = connection.share
            && let Entry::Occupied(mut count) = open.by_address.entry(share)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        drop(open);
        self.metrics.open.decrement(1.0);
        self.freed.notify_one();
    }
}

impl Metrics {
    fn new(listener: &'static str) -> Self {
        let closed = |reason| counter!(CLOSED, "listener" => listener, "reason" => reason);
        let refused = |reason| counter!(REFUSED, "listener" => listener, "reason" => reason);
        Self {
            open: gauge!(OPEN, "listener" => listener),
            unsent: gauge!(UNSENT, "listener" => listener),
            write_timeouts: closed("write_timeout"),
            unsent_closed: closed("unsent_bytes"),
            idle: closed("idle"),
            floods: closed("flood"),
            over_share: refused("address"),
            failed: refused("system"),
        }
    }
}

impl Connection {
    /// Counts a request in for as long as the returned value lives.
    pub(super) fn begin(self: &Arc<Self>) -> RequestInProgress {
        self.requests.fetch_add(1, Ordering::Relaxed);
        RequestInProgress(Arc::clone(self))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    /// Returns as soon as earlier answers are on their way.
    pub(super) async fn unblocked(&self) {
        while self.is_blocked() {
            self.unblocked.notified().await;
        }
    }

    /// Keeps the connection in use for as long as it lives.
    pub(super) fn hold(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Whether it is a WebSocket.
    pub(super) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }

    /// Notes that so many bytes of answers cannot be written. The waker is called when the connection has to give up.
    pub(super) fn block(&self, unsent_bytes: usize, waker: &Waker) {
        self.blocked_task.register(waker);
        self.is_blocked.store(true, Ordering::Relaxed);
        if self.set_unsent(unsent_bytes) > 0 {
            self.all.limit_unsent();
        }
    }

    /// Notes that everything has been written.
    pub(super) fn unblock(&self) {
        self.is_blocked.store(false, Ordering::Relaxed);
        self.set_unsent(0);
        self.unblocked.notify_one();
    }

    /// Returns by how many bytes it is more than before.
    fn set_unsent(&self, bytes: usize) -> usize {
        let before = self.unsent_bytes.swap(bytes, Ordering::Relaxed);
        if bytes != before {
            self.all.unsent_bytes.fetch_add(bytes, Ordering::Relaxed);
            self.all.unsent_bytes.fetch_sub(before, Ordering::Relaxed);
            self.all.metrics.unsent.increment(bytes as f64 - before as f64);
        }
        bytes.saturating_sub(before)
    }

    pub(super) fn gives_up(&self) -> bool {
        self.gives_up.load(Ordering::Relaxed)
    }

    /// Returns when the connection is to end because room is needed.
    pub(super) async fn shed(&self) {
        self.shed.notified().await;
    }

    pub(super) fn closed(&self, reason: CloseReason) {
        self.all.closed(reason);
    }
}

/// A connection that counts as open. It belongs to the socket.
pub(super) struct OpenConnection(Arc<Connection>);

impl OpenConnection {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.0
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.set_unsent(0);
        self.0.all.remove(&self.0);
    }
}

/// A request whose answer is not complete.
pub(super) struct RequestInProgress(Arc<Connection>);

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.idle_since_ms.store(self.0.all.now_ms(), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use nova_http::ForwardingHeader;

    use super::*;

    fn connections(connections_max: usize, per_address_max: usize) -> Arc<Connections> {
        let trusted = TrustedProxies::parse(["10.0.0.0/8"], ForwardingHeader::default()).unwrap();
        Connections::new(ConnectionLimits {
            listener: "public",
            connections_max,
            per_address_max,
            unsent_bytes_max: 1_000,
            trusted,
        })
    }

    fn peer(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 4711)
    }

    #[test]
    fn one_address_holds_no_more_than_its_share() {
        let all = connections(100, 2);
        let held: Vec<_> = (1..=2).map(|_| all.admit(peer("198.51.100.1")).unwrap()).collect();
        assert_eq!(all.admit(peer("::ffff:198.51.100.1")).err(), Some(OverShare));
        let _other = all.admit(peer("198.51.100.2")).unwrap();
        drop(held);
        assert!(all.admit(peer("198.51.100.1")).is_ok());
        let _two = [all.admit(peer("2001:db8::1")).unwrap(), all.admit(peer("2001:db8::2")).unwrap()];
        assert!(all.admit(peer("2001:db8::3")).is_err(), "one /64 is one address");
        assert!(all.admit(peer("2001:db8:0:1::3")).is_ok());
        let _proxy: Vec<_> = (0..10).map(|_| all.admit(peer("10.0.0.1")).unwrap()).collect();
    }

    #[test]
    fn addresses_without_connections_are_forgotten() {
        let all = connections(100, 2);
        drop(all.admit(peer("198.51.100.1")).unwrap());
        let open = all.open.lock();
        assert!(open.by_id.is_empty() && open.by_address.is_empty());
    }

    fn is_asked_to_end(open: &OpenConnection) -> bool {
        open.connection().is_shed.load(Ordering::Relaxed)
    }

    #[test]
    fn oldest_idle_connections_go_first_and_busy_ones_stay() {
        let all = connections(3, 3);
        let held: Vec<_> = (0..3).map(|_| all.admit(peer("198.51.100.1")).unwrap()).collect();
        all.close_idle();
        assert!(!held.iter().any(is_asked_to_end), "they have been idle for too short a time");
        std::thread::sleep(IDLE_MIN + Duration::from_millis(20));
        let busy = held[0].connection().begin();
        held[2].connection().idle_since_ms.store(5, Ordering::Relaxed);
        all.close_idle();
        assert_eq!(held.iter().map(is_asked_to_end).collect::<Vec<_>>(), [false, true, false]);
        drop(busy);
        assert!(held[0].connection().is_idle());
    }

    #[test]
    fn largest_unread_answers_are_given_up_when_all_together_take_too_much() {
        let all = connections(3, 3);
        let held: Vec<_> = (0..3).map(|_| all.admit(peer("198.51.100.1")).unwrap()).collect();
        let connection = |number: usize| held[number].connection();
        connection(0).block(300, Waker::noop());
        connection(1).block(500, Waker::noop());
        assert!(!connection(1).gives_up());
        connection(2).block(400, Waker::noop());
        assert!(connection(1).gives_up() && !connection(0).gives_up() && !connection(2).gives_up());
        connection(2).unblock();
        assert_eq!(all.unsent_bytes.load(Ordering::Relaxed), 800);
        drop(held);
        assert_eq!(all.unsent_bytes.load(Ordering::Relaxed), 0);
    }
}
