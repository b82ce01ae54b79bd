//! Serving: connections in, a graceful end.
//!
//! * At most `connections_max` are open; further ones wait in the kernel's queue.
//! * After the signal nothing new is accepted, live sessions are sent away, and requests that are being answered are
//!   answered. What takes longer than `drain_ms` is cut off; a second signal cuts it off at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use metrics_exporter_prometheus::PrometheusHandle;
use nova_query_api::Live;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::compose::Product;
use workers::{Accepted, Serving, Workers};

mod workers;

/// Connections that wait to be accepted; `net.core.somaxconn` is above it on most systems. With the usual 128 the kernel drops
/// most of those who come back at once after a restart, and they try again only a second later.
const WAITING_MAX: u32 = 4096;

/// When to stop: once, gracefully; twice, at once.
#[derive(Debug, Clone)]
pub struct Stop {
    pub gracefully: CancellationToken,
    pub at_once: CancellationToken,
}

impl Stop {
    /// For whoever stops it otherwise than by a signal.
    pub fn by_hand() -> Self {
        Self { gracefully: CancellationToken::new(), at_once: CancellationToken::new() }
    }

    /// SIGTERM and SIGINT. From now on they do not end the process by themselves.
    pub fn on_signals() -> anyhow::Result<Self> {
        let stop = Self::by_hand();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = stop.clone();
        tokio::spawn(async move {
            for token in [told.gracefully, told.at_once] {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                token.cancel();
            }
        });
        Ok(stop)
    }
}

/// Says on stdout, in one line, that requests are answered, and where.
pub fn tell_ready(address: SocketAddr) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready http://{address}")?;
    out.flush()
}

/// A product that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    live: Live,
    header_timeout: Duration,
    drain: Duration,
    connections_max: usize,
    threads: usize,
}

impl Server {
    #[expect(clippy::unused_async, reason = "so that nobody calls it outside of a runtime")]
    pub async fn bind(product: &Product, metrics: Option<PrometheusHandle>) -> anyhow::Result<Self> {
        let config = &product.config().server;
        let listener =
            listen(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            router: product.router(metrics),
            live: product.live().clone(),
            header_timeout: Duration::from_millis(config.header_timeout_ms),
            drain: Duration::from_millis(config.drain_ms),
            connections_max: config.connections_max.max(1),
            threads: config.threads,
        })
    }

    /// Where it listens, also when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is stopped and drained.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let permits = Arc::new(Semaphore::new(self.connections_max));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.header_timeout).pipeline_flush(true);
        let serving = Serving {
            router: self.router,
            http,
            connections: TaskTracker::new(),
            stopping: CancellationToken::new(),
            ending: CancellationToken::new(),
        };
        let workers = Workers::start(self.threads, &serving)?;
        loop {
            tokio::select! {
                () = stop.gracefully.cancelled() => break,
                accepted = accept(&self.listener, &permits) => workers.give(accepted),
            }
        }
        drop(self.listener);
        serving.stopping.cancel();
        serving.connections.close();
        tracing::info!(drain_ms = self.drain.as_millis() as u64, "stopping");
        let drained = async {
            tokio::join!(self.live.drain(), serving.connections.wait());
        };
        tokio::select! {
            () = drained => tracing::info!("every connection has ended"),
            () = tokio::time::sleep(self.drain) => tracing::warn!("cutting off connections that did not end in time"),
            () = stop.at_once.cancelled() => tracing::warn!("stopping at once"),
        }
        tokio::task::spawn_blocking(move || workers.end()).await?;
        Ok(())
    }
}

/// Must be called within a runtime.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Accepted {
    // The semaphore is never closed.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        let accepted = listener.accept().await.and_then(|(stream, _)| {
            // Answers are small and whole: waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            stream.into_std()
        });
        match accepted {
            Ok(stream) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Mostly: no file descriptors left. Some connection has to end first.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
