//! The threads that answer requests: one runtime of a single thread for each core.
//!
//! A connection stays on the thread that it was given to, and with it everything that its requests wake. A runtime with
//! several threads hands every wake-up of a waiting command from thread to thread instead, which costs more than most
//! commands themselves (`bench/RESULTS.md`, `docs/decisions/`).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::connections::{Connection, OpenConnection};
use super::service::ConnectionService;
use super::stream::{ClientStream, ReadLimits, WriteLimits};

/// A connection that was accepted, and its place among those that may be open.
pub(super) type Accepted = (std::net::TcpStream, OpenConnection);

/// How soon a connection that is to end for want of room is looked at again.
const SHED_CHECK: Duration = Duration::from_millis(100);

/// What every connection is served with.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) http: http1::Builder,
    pub(super) writes: WriteLimits,
    pub(super) reads: ReadLimits,
    pub(super) connections: TaskTracker,
    /// Requests under way are still answered, then connections end.
    pub(super) stopping: CancellationToken,
    /// Whatever is left is cut off.
    pub(super) ending: CancellationToken,
}

pub(super) struct Workers {
    giver: Giver,
    threads: Vec<JoinHandle<()>>,
    /// Also ends the threads of a server that is dropped without having been stopped.
    ending: DropGuard,
}

/// Gives connections to the threads in turn.
#[derive(Clone)]
pub(super) struct Giver {
    senders: Vec<mpsc::UnboundedSender<Accepted>>,
    next: usize,
}

impl Giver {
    pub(super) fn give(&mut self, accepted: Accepted) {
        let worker = self.next % self.senders.len();
        self.next = worker + 1;
        // A worker ends only after the last connection has been given out.
        let _ = self.senders[worker].send(accepted);
    }
}

impl Workers {
    /// `threads`: 0 for one a core.
    pub(super) fn start(threads: usize, serving: &Serving) -> anyhow::Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let mut workers = Self {
            giver: Giver { senders: Vec::new(), next: 0 },
            threads: Vec::new(),
            ending: serving.ending.clone().drop_guard(),
        };
        for number in 0..threads {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .thread_name("nova-http-aside")
                .build()
                .context("cannot start a runtime for requests")?;
            // Unbounded, but every connection in it is one of those that may be open.
            let (sender, accepted) = mpsc::unbounded_channel();
            let serving = serving.clone();
            let thread = std::thread::Builder::new()
                .name(format!("nova-http-{number}"))
                .spawn(move || {
                    runtime.block_on(work(accepted, serving));
                    runtime.shutdown_background();
                })
                .context("cannot start a thread for requests")?;
            workers.giver.senders.push(sender);
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    pub(super) fn giver(&self) -> Giver {
        self.giver.clone()
    }

    /// Ends every thread, cutting off what is still open.
    pub(super) fn end(self) {
        drop(self.ending);
        drop(self.giver);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread for requests has panicked");
            }
        }
    }
}

async fn work(mut accepted: mpsc::UnboundedReceiver<Accepted>, serving: Serving) {
    let serving = Arc::new(serving);
    loop {
        let (stream, open) = tokio::select! {
            () = serving.ending.cancelled() => return,
            next = accepted.recv() => match next {
                Some(next) => next,
                None => break,
            },
        };
        match TcpStream::from_std(stream) {
            Ok(stream) => serve(stream, open, &serving),
            Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
        }
    }
    serving.ending.cancelled().await;
}

fn serve(stream: TcpStream, open: OpenConnection, serving: &Serving) {
    let connection = Arc::clone(open.connection());
    let service = ConnectionService::new(serving.router.clone(), Arc::clone(&connection));
    let stopping = serving.stopping.clone();
    let stream = ClientStream::new(stream, open, (serving.writes, serving.reads), stopping.clone());
    let served = serving.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    serving.connections.spawn(async move {
        let mut served = std::pin::pin!(served);
        // Clients that go away in the middle are no fault of ours: errors say nothing.
        tokio::select! {
            _ = served.as_mut() => {}
            () = stopping.cancelled() => {
                served.as_mut().graceful_shutdown();
                let _ = served.await;
            }
            () = connection.shed() => {
                served.as_mut().graceful_shutdown();
                tokio::select! {
                    _ = served => {}
                    () = idle(&connection) => {}
                }
            }
        }
    });
}

/// Returns when the connection answers nothing. A request that came just before it was to end is answered first.
async fn idle(connection: &Connection) {
    loop {
        tokio::time::sleep(SHED_CHECK).await;
        if connection.is_idle() {
            return;
        }
    }
}
