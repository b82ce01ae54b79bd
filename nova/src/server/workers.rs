//! The threads that answer requests: one runtime of a single thread for each core.
//!
//! A connection stays on the thread that it was given to, and with it everything that its requests wake. A runtime with
//! several threads hands every wake-up of a waiting command from thread to thread instead, which costs more than most
//! commands themselves (`bench/RESULTS.md`, `docs/decisions/`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A connection that was accepted, and its place among those that may be open.
pub(super) type Accepted = (std::net::TcpStream, Option<OwnedSemaphorePermit>);

/// What every connection is served with.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) http: http1::Builder,
    pub(super) connections: TaskTracker,
    /// Requests under way are still answered, then connections end.
    pub(super) stopping: CancellationToken,
    /// Whatever is left is cut off.
    pub(super) ending: CancellationToken,
}

pub(super) struct Workers {
    senders: Vec<mpsc::UnboundedSender<Accepted>>,
    threads: Vec<JoinHandle<()>>,
    next: AtomicUsize,
    /// Also ends the threads of a server that is dropped without having been stopped.
    ending: DropGuard,
}

impl Workers {
    /// `threads`: 0 for one a core.
    pub(super) fn start(threads: usize, serving: &Serving) -> anyhow::Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let mut workers = Self {
            senders: Vec::new(),
            threads: Vec::new(),
            next: AtomicUsize::new(0),
            ending: serving.ending.clone().drop_guard(),
        };
        for number in 0..threads {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .thread_name("nova-http-aside")
                .build()
                .context("cannot start a runtime for requests")?;
            // Unbounded, but every connection in it holds one of the permits that bound them.
            let (sender, accepted) = mpsc::unbounded_channel();
            let serving = serving.clone();
            let thread = std::thread::Builder::new()
                .name(format!("nova-http-{number}"))
                .spawn(move || {
                    runtime.block_on(work(accepted, serving));
                    runtime.shutdown_background();
                })
                .context("cannot start a thread for requests")?;
            workers.senders.push(sender);
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    pub(super) fn give(&self, accepted: Accepted) {
        let worker = self.next.fetch_add(1, Ordering::Relaxed) % self.senders.len();
        // A worker ends only after the last connection has been given out.
        let _ = self.senders[worker].send(accepted);
    }

    /// Ends every thread, cutting off what is still open.
    pub(super) fn end(self) {
        drop(self.ending);
        drop(self.senders);
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
        let (stream, permit) = tokio::select! {
            () = serving.ending.cancelled() => return,
            next = accepted.recv() => match next {
                Some(next) => next,
                None => break,
            },
        };
        match TcpStream::from_std(stream) {
            Ok(stream) => serve(stream, permit, &serving),
            Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
        }
    }
    serving.ending.cancelled().await;
}

fn serve(stream: TcpStream, permit: Option<OwnedSemaphorePermit>, serving: &Serving) {
    let service = TowerToHyperService::new(serving.router.clone());
    let connection = serving.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let stopping = serving.stopping.clone();
    serving.connections.spawn(async move {
        let mut connection = std::pin::pin!(connection);
        // Clients that go away in the middle are no fault of ours: errors say nothing.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
        drop(permit);
    });
}
