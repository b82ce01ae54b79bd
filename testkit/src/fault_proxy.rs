//! A TCP proxy on loopback that a test puts between a program and a server, to make the network between them go wrong.
//!
//! * While no fault is set, all bytes arrive, in order and unchanged, and the end of either side (half close, reset)
//!   reaches the other as what it was.
//! * Faults can be changed at any time ([`FaultProxy::set`]) and are in force at once, for open connections too. A fault
//!   that ends loses nothing that was held back: it goes on in order.
//! * Memory is bounded: each direction of a connection holds [`HELD_CHUNKS_MAX`] chunks of at most [`CHUNK_BYTES_MAX`]
//!   bytes. What is further behind waits in the sender, as it would behind a slow network.
//! * What is left to chance depends on the seed and a connection's number alone.
//! * Nothing outlives the proxy: when it is dropped, its port and all connections are closed.
//!
//! Connecting itself is not slowed down: the kernel answers it. That a server cannot be reached is either a connection that
//! nothing comes from ([`NewConnections::Hang`]) or one that is reset at once ([`NewConnections::Refuse`]).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

mod chance;
mod connection;
mod flow;

/// What is read at once.
pub const CHUNK_BYTES_MAX: usize = 16 * 1024;
/// Chunks that one direction of a connection holds back.
pub const HELD_CHUNKS_MAX: usize = 64;

/// How long an acceptor that has no file descriptors left waits for some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What goes wrong. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    pub new_connections: NewConnections,
    /// How likely a new connection is to be reset as soon as it is made; from 0 to 1.
    pub reset_probability: f64,
    /// From the client to the server.
    pub up: Flow,
    /// From the server to the client.
    pub down: Flow,
}

/// What becomes of connections that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NewConnections {
    #[default]
    Accept,
    /// They are open and nothing comes. The server hears of them when this ends, unless the client has gone by then.
    Hang,
    /// They are reset at once.
    Refuse,
}

/// What happens to bytes on their way in one direction. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Each chunk arrives so much later, without holding up the next.
    pub latency: Duration,
    /// And up to so much later than that.
    pub jitter: Duration,
    pub bytes_per_second_max: Option<u64>,
    /// Nothing passes, not even the end.
    pub silent: bool,
    /// The receiver is told that nothing more comes, and what the sender says is thrown away. For good: a connection that
    /// was open meanwhile does not recover.
    pub half_closed: bool,
    /// The connection is closed once exactly so many bytes have arrived, counted from its beginning or from when this was
    /// set, whichever is later.
    pub cut_after_bytes: Option<u64>,
}

impl Faults {
    /// Answers come later by this.
    pub fn slow(by: Duration) -> Self {
        Self { down: Flow { latency: by, ..Flow::default() }, ..Self::default() }
    }

    /// Everything that is sent disappears, and so do attempts to connect.
    pub fn blackhole() -> Self {
        let silent = Flow { silent: true, ..Flow::default() };
        Self { new_connections: NewConnections::Hang, up: silent, down: silent, ..Self::default() }
    }

    /// Nobody listens any more. Open connections go on.
    pub fn refuse() -> Self {
        Self { new_connections: NewConnections::Refuse, ..Self::default() }
    }

    /// Of new connections this share is reset.
    pub fn resets(probability: f64) -> Self {
        Self { reset_probability: probability, ..Self::default() }
    }
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections that clients have made.
    pub accepted: u64,
    /// Of these, those that are open still.
    pub open: u64,
    /// Connections that the proxy has reset: refused, at random, or because it was told to.
    pub resets: u64,
    /// Bytes that have arrived at the server, and at clients.
    pub bytes_up: u64,
    pub bytes_down: u64,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    resets: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
}

/// The faults in force, and which setting this is: limits in bytes count from it.
#[derive(Debug, Clone, Copy)]
struct Setting {
    number: u64,
    faults: Faults,
}

/// What every connection looks at.
#[derive(Debug, Clone)]
struct Shared {
    upstream: Arc<[SocketAddr]>,
    setting: watch::Receiver<Setting>,
    /// Changes when all open connections are to be reset.
    resets: watch::Receiver<u64>,
    counters: Arc<Counters>,
    seed: u64,
}

/// A running proxy. It ends when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    setting: watch::Sender<Setting>,
    resets: watch::Sender<u64>,
    counters: Arc<Counters>,
    acceptor: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port of loopback and passes everything on to `upstream`, which need not be there yet.
    pub async fn start(upstream: impl ToSocketAddrs) -> io::Result<Self> {
        Self::start_seeded(upstream, 0).await
    }

    /// The same with a seed of its own for what is left to chance.
    pub async fn start_seeded(upstream: impl ToSocketAddrs, seed: u64) -> io::Result<Self> {
        let upstream: Arc<[SocketAddr]> = tokio::net::lookup_host(upstream).await?.collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (setting, seen) = watch::channel(Setting { number: 0, faults: Faults::default() });
        let (resets, reset) = watch::channel(0);
        let counters = Arc::<Counters>::default();
        let shared = Shared { upstream, setting: seen, resets: reset, counters: Arc::clone(&counters), seed };
        let acceptor = tokio::spawn(accept(listener, shared));
        Ok(Self { address, setting, resets, counters, acceptor })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this goes wrong, and nothing else.
    pub fn set(&self, faults: Faults) {
        self.setting.send_modify(|setting| {
            *setting = Setting { number: setting.number + 1, faults };
        });
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        self.set(Faults::default());
    }

    pub fn faults(&self) -> Faults {
        self.setting.borrow().faults
    }

    /// Resets all connections that are open now.
    pub fn reset_open(&self) {
        self.resets.send_modify(|number| *number += 1);
    }

    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let counters = &self.counters;
        Counts {
            accepted: get(&counters.accepted),
            open: get(&counters.open),
            resets: get(&counters.resets),
            bytes_up: get(&counters.bytes_up),
            bytes_down: get(&counters.bytes_down),
        }
    }

    /// Ends it and waits until its port and all connections are closed.
    pub async fn stop(mut self) {
        self.acceptor.abort();
        // It ends because it was aborted: there is nothing to hear.
        let _ = (&mut self.acceptor).await;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Owns all connections, so that they end with it.
async fn accept(listener: TcpListener, shared: Shared) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(serve(client, number, shared.clone()));
                    number += 1;
                }
                // Out of file descriptors, or the client went away meanwhile.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(client: TcpStream, number: u64, shared: Shared) {
    let counters = Arc::clone(&shared.counters);
    counters.accepted.fetch_add(1, Ordering::SeqCst);
    let _open = Open::new(&counters);
    connection::run(client, number, shared).await;
}

/// A connection that is counted as open, however it ends.
struct Open<'a>(&'a Counters);

impl<'a> Open<'a> {
    fn new(counters: &'a Counters) -> Self {
        counters.open.fetch_add(1, Ordering::SeqCst);
        Self(counters)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
