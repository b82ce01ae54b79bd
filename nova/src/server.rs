//! Serving: connections in, a graceful end.
//!
//! * At most `connections_max` are open, and fewer where the system allows fewer files; of one address no more than its share. Idle ones
//!   are closed for new ones; while all are in use, further ones wait in the kernel's queue.
//! * Operators have a listener of their own, with a thread, limits and layers of its own.
//! * What a connection holds in memory is bounded, whatever its client does or does not read (`stream`, `service`).
//! * After the signal nothing new is accepted, live sessions are sent away, and requests that are being answered are
//!   answered. What takes longer than `drain_ms` is cut off; a second signal cuts it off at once.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use metrics_exporter_prometheus::PrometheusHandle;
use nova_http::{ApiError, TrustedProxies};
use nova_query_api::Live;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::compose::Product;
use crate::config::Config;
use connections::{ConnectionLimits, Connections, OverShare};
use operators::OperatorsFile;
pub use operators::RunningServer;
use stream::{ReadLimits, WriteLimits};
use workers::{Accepted, Serving, Workers};

mod connections;
mod descriptors;
mod operators;
mod service;
mod stream;
mod workers;

/// Connections that wait to be accepted; `net.core.somaxconn` is above it on most systems. With the usual 128 the kernel drops
/// most of those who come back at once after a restart, and they try again only a second later.
const WAITING_MAX: u32 = 4096;

/// Connections of operators and their tools.
const OPERATORS_CONNECTIONS_MAX: usize = 64;
const OPERATORS_UNSENT_BYTES_MAX: usize = 64 << 20;

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
    public: Listening,
    operators: Option<Listening>,
    config: Config,
    live: Live,
    drain: Duration,
}

/// One address to listen on, and how what comes in there is served.
#[derive(Debug)]
struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    connections: ConnectionLimits,
    header_timeout: Duration,
    buffer_bytes: usize,
    writes: WriteLimits,
    reads: ReadLimits,
    threads: usize,
}

/// A listener that is being served.
struct Open {
    serving: Serving,
    workers: Workers,
    accepting: JoinHandle<()>,
}

impl Server {
    #[expect(clippy::unused_async, reason = "so that nobody calls it outside of a runtime")]
    pub async fn bind(product: &Product, metrics: Option<PrometheusHandle>) -> anyhow::Result<Self> {
        let config = &product.config().server;
        let connections_max = descriptors::connections_max(product.config())?;
        let limits = ConnectionLimits {
            listener: "public",
            connections_max,
            per_address_max: if connections_max < config.connections_max {
                // Where fewer fit than are configured, one address must not have them all.
                config.connections_per_address_max.min(connections_max.div_ceil(2))
            } else {
                config.connections_per_address_max
            },
            unsent_bytes_max: config.unsent_bytes_max,
            trusted: config.trusted_proxies()?,
        };
        let document = crate::document::document(&product.config().document_bounds());
        let router = product.router(metrics.clone(), &document);
        let public = Listening::bind(config.listen.0, "server.listen", router, limits, product.config())?;
        let operators = match config.admin_listen.0 {
            Some(address) => {
                let limits = ConnectionLimits {
                    listener: "operators",
                    connections_max: OPERATORS_CONNECTIONS_MAX,
                    per_address_max: OPERATORS_CONNECTIONS_MAX,
                    unsent_bytes_max: OPERATORS_UNSENT_BYTES_MAX,
                    trusted: TrustedProxies::default(),
                };
                let router = product.operators_router(metrics, document);
                let mut listening =
                    Listening::bind(address, "server.admin_listen", router, limits, product.config())?;
                listening.threads = 1;
                Some(listening)
            }
            None => None,
        };
        let drain = Duration::from_millis(config.drain_ms);
        Ok(Self { public, operators, config: product.config().clone(), live: product.live().clone(), drain })
    }

    /// Where it listens, also when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.public.address
    }

    /// Where operators are answered, if anywhere.
    pub fn operators_address(&self) -> Option<SocketAddr> {
        self.operators.as_ref().map(|listening| listening.address)
    }

    /// Serves until it is stopped and drained. Operators are answered until the end.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let ended = CancellationToken::new();
        let operators = match self.operators {
            Some(listening) => {
                let address = listening.address;
                let open = listening.open(ended.clone())?;
                tracing::info!(%address, "operators are answered here: /metrics, /docs, /api/v1/admin");
                Some((open, OperatorsFile::write(&self.config, address)))
            }
            None => None,
        };
        let Open { serving, workers, accepting } = self.public.open(stop.gracefully.clone())?;
        stop.gracefully.cancelled().await;
        accepting.await?;
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
        ended.cancel();
        if let Some((Open { workers, accepting, .. }, file)) = operators {
            drop(file);
            accepting.await?;
            tokio::task::spawn_blocking(move || workers.end()).await?;
        }
        Ok(())
    }
}

impl Listening {
    fn bind(
        address: SocketAddr,
        key: &str,
        router: Router,
        connections: ConnectionLimits,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let server = &config.server;
        let listener = listen(address).with_context(|| format!("cannot listen on {address} ({key})"))?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            router,
            connections,
            header_timeout: Duration::from_millis(server.header_timeout_ms),
            buffer_bytes: server.connection_buffer_bytes,
            writes: WriteLimits {
                timeout: Duration::from_millis(server.write_timeout_ms),
                bytes_min: usize::try_from(
                    server.write_bytes_per_second_min.saturating_mul(server.write_timeout_ms) / 1_000,
                )
                .unwrap_or(usize::MAX),
            },
            reads: read_limits(&config.live),
            threads: server.threads,
        })
    }

    /// Accepts connections until it is to stop.
    fn open(self, stop: CancellationToken) -> anyhow::Result<Open> {
        let connections = Connections::new(self.connections);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(self.buffer_bytes);
        let serving = Serving {
            router: self.router,
            http,
            writes: self.writes,
            reads: self.reads,
            connections: TaskTracker::new(),
            stopping: CancellationToken::new(),
            ending: CancellationToken::new(),
        };
        let workers = Workers::start(self.threads, &serving)?;
        let mut giver = workers.giver();
        let (listener, buffer_bytes) = (self.listener, self.buffer_bytes);
        let accepting = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    accepted = accept(&listener, &connections, buffer_bytes) => giver.give(accepted),
                }
            }
        });
        Ok(Open { serving, workers, accepting })
    }
}

/// Operations are short. In the long run a second has room for two of the largest frames, at once there is room for sixteen: more
/// than operations of the usual size can fill.
fn read_limits(live: &crate::config::Live) -> ReadLimits {
    let frame_bytes = live.frame_bytes_max.max(1_024) as f64;
    ReadLimits { bytes_per_second: frame_bytes * 2.0, burst_bytes: frame_bytes * 16.0 }
}

/// Must be called within a runtime.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

/// The answer to a connection of an address that has its share already.
fn over_share() -> String {
    let detail = "This address has as many connections as it may have.";
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", detail);
    let body = serde_json::to_string(&error.problem(Uuid::now_v7())).unwrap_or_default();
    format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/problem+json\r\nretry-after: 5\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn accept(listener: &TcpListener, connections: &Arc<Connections>, buffer_bytes: usize) -> Accepted {
    loop {
        connections.room().await;
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The client has gone already.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) =>
            {
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                connections.accept_failed();
                // Mostly: no file descriptors left. Some connection has to end first.
                connections.close_idle();
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let open = match connections.admit(peer) {
            Ok(open) => open,
            Err(OverShare) => {
                let _ = stream.try_write(over_share().as_bytes());
                continue;
            }
        };
        limit_send_queue(&stream, buffer_bytes);
        // Answers are small and whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        match stream.into_std() {
            Ok(stream) => return (stream, open),
            Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
        }
    }
}

/// Bounds what the kernel holds of answers beside what is on its way to the client, without slowing down clients that read.
fn limit_send_queue(stream: &TcpStream, buffer_bytes: usize) {
    #[cfg(target_os = "linux")]
    {
        let bytes = u32::try_from(buffer_bytes / 4).unwrap_or(u32::MAX);
        let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(bytes);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, buffer_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_a_connection_is_a_whole_answer() {
        let answer = over_share();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&429.into(), &"too_many_connections".into()));
        assert!(problem["correlation_id"].as_str().is_some_and(|id| Uuid::try_parse(id).is_ok()));
    }
}
