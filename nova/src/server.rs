//! Serving: connections in, a graceful end.
//!
//! * At most `connections_max` are open, and fewer where the system allows fewer files; of one address no more than its share. Idle ones
//!   are closed for new ones; while all are in use, further ones wait in the kernel's queue.
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
use nova_http::ApiError;
use nova_query_api::Live;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::compose::Product;
use connections::{ConnectionLimits, Connections, OverShare};
use stream::WriteLimits;
use workers::{Accepted, Serving, Workers};

mod connections;
mod descriptors;
mod service;
mod stream;
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
    connections: ConnectionLimits,
    buffer_bytes: usize,
    writes: WriteLimits,
    threads: usize,
}

impl Server {
    #[expect(clippy::unused_async, reason = "so that nobody calls it outside of a runtime")]
    pub async fn bind(product: &Product, metrics: Option<PrometheusHandle>) -> anyhow::Result<Self> {
        let config = &product.config().server;
        let connections_max = descriptors::connections_max(product.config())?;
        let listener =
            listen(config.listen.0).with_context(|| format!("cannot listen on {}", config.listen.0))?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            router: product.router(metrics),
            live: product.live().clone(),
            header_timeout: Duration::from_millis(config.header_timeout_ms),
            drain: Duration::from_millis(config.drain_ms),
            connections: ConnectionLimits {
                connections_max,
                per_address_max: if connections_max < config.connections_max {
                    // Where fewer fit than are configured, one address must not have them all.
                    config.connections_per_address_max.min(connections_max.div_ceil(2))
                } else {
                    config.connections_per_address_max
                },
                unsent_bytes_max: config.unsent_bytes_max,
                trusted: config.trusted_proxies()?,
            },
            buffer_bytes: config.connection_buffer_bytes,
            writes: WriteLimits {
                timeout: Duration::from_millis(config.write_timeout_ms),
                bytes_min: usize::try_from(
                    config.write_bytes_per_second_min.saturating_mul(config.write_timeout_ms) / 1_000,
                )
                .unwrap_or(usize::MAX),
            },
            threads: config.threads,
        })
    }

    /// Where it listens, also when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is stopped and drained.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let connections = Connections::new(self.connections);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(self.buffer_bytes);
        let serving = Serving {
            router: self.router,
            http,
            writes: self.writes,
            connections: TaskTracker::new(),
            stopping: CancellationToken::new(),
            ending: CancellationToken::new(),
        };
        let workers = Workers::start(self.threads, &serving)?;
        loop {
            tokio::select! {
                () = stop.gracefully.cancelled() => break,
                accepted = accept(&self.listener, &connections, self.buffer_bytes) => workers.give(accepted),
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
