//! The socket of a client, which does not wait for ever for a client that does not read.
//!
//! * A write that is blocked has to get on: within each write timeout so many bytes have to leave, or the rest of what waits.
//!   Otherwise the socket is closed, with a reset, so that the kernel keeps nothing of it either. This holds for everything that is
//!   written: JSON, files, server-sent events, WebSockets.
//! * A WebSocket is read no faster than honest clients send. A client that goes on sending more is closed.
//! * What leaves when the server closes first is read by the client: the socket takes in what the client still sends for a moment,
//!   because a kernel that has unread input resets the connection and the client loses the answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::connections::{CloseReason, OpenConnection};

/// How often a blocked write is looked at.
const CHECK: Duration = Duration::from_secs(1);
/// How long, and for how many bytes, the server reads on after it has closed its side.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;
/// How long the client of a WebSocket may send more than is read. What it has sent by then may be minutes of reading.
const FLOOD_MAX: Duration = Duration::from_secs(10);

/// How slowly a client may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriteLimits {
    pub(super) timeout: Duration,
    /// Bytes that leave within each timeout at least, as long as a write is blocked.
    pub(super) bytes_min: usize,
}

/// How fast a WebSocket is read. Frames that make no message, such as empty parts of one that never ends, are seen by nobody
/// who counts operations.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadLimits {
    pub(super) bytes_per_second: f64,
    pub(super) burst_bytes: f64,
}

pub(super) struct ClientStream {
    stream: TcpStream,
    open: OpenConnection,
    limits: WriteLimits,
    pace: ReadPace,
    blocked: Option<Blocked>,
    /// Of the blocked write, or of the lingering end.
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes that are still taken in after the server has closed its side.
    lingers: Option<usize>,
    stopping: CancellationToken,
}

/// Bytes that may be read; less than none after a read that took more than there was.
struct ReadPace {
    limits: ReadLimits,
    left: f64,
    filled: Instant,
    /// Since when there has hardly been any.
    short_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// More was sent for too long.
struct Flood;

impl ReadPace {
    fn new(limits: ReadLimits) -> Self {
        Self { limits, left: limits.burst_bytes, filled: Instant::now(), short_since: None, timer: None }
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Flood>> {
        loop {
            if let Some(timer) = &mut self.timer {
                ready!(timer.as_mut().poll(context));
                self.timer = None;
            }
            let now = Instant::now();
            let passed = now.duration_since(self.filled).as_secs_f64();
            self.left = (self.left + passed * self.limits.bytes_per_second).min(self.limits.burst_bytes);
            self.filled = now;
            if self.left > self.limits.burst_bytes / 2.0 {
                self.short_since = None;
            }
            if self.left > 0.0 {
                return Poll::Ready(Ok(()));
            }
            if now.duration_since(*self.short_since.get_or_insert(now)) >= FLOOD_MAX {
                return Poll::Ready(Err(Flood));
            }
            let pause = (1.0 - self.left) / self.limits.bytes_per_second;
            self.timer = Some(Box::pin(tokio::time::sleep(Duration::from_secs_f64(pause))));
        }
    }
}

/// A write that waits for the client.
struct Blocked {
    since: Instant,
    /// Bytes that have left since then.
    bytes: usize,
}

impl ClientStream {
    pub(super) fn new(
        stream: TcpStream,
        open: OpenConnection,
        (limits, reads): (WriteLimits, ReadLimits),
        stopping: CancellationToken,
    ) -> Self {
        let pace = ReadPace::new(reads);
        Self { stream, open, limits, pace, blocked: None, timer: None, lingers: None, stopping }
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
        waiting: usize,
    ) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(bytes)) => {
                if let Some(blocked) = &mut self.blocked {
                    blocked.bytes += bytes;
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_blocked(context, waiting).map(Err),
        }
    }

    /// Returns the error that ends a connection whose client reads too slowly.
    fn poll_blocked(&mut self, context: &mut Context<'_>, waiting: usize) -> Poll<io::Error> {
        self.open.connection().block(waiting, context.waker());
        loop {
            if self.open.connection().gives_up() {
                return Poll::Ready(self.close(CloseReason::UnsentBytes));
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(CHECK)));
            let now = Instant::now();
            let blocked = match &mut self.blocked {
                Some(blocked) => blocked,
                none => {
                    timer.as_mut().reset(now + CHECK.min(self.limits.timeout));
                    none.insert(Blocked { since: now, bytes: 0 })
                }
            };
            ready!(timer.as_mut().poll(context));
            timer.as_mut().reset(now + CHECK.min(self.limits.timeout));
            if now.duration_since(blocked.since) >= self.limits.timeout {
                if blocked.bytes < self.limits.bytes_min {
                    return Poll::Ready(self.close(CloseReason::WriteTimeout));
                }
                *blocked = Blocked { since: now, bytes: 0 };
            }
        }
    }

    fn close(&self, reason: CloseReason) -> io::Error {
        self.open.connection().closed(reason);
        // What the kernel still holds for this client goes, too.
        let _ = self.stream.set_zero_linger();
        io::ErrorKind::TimedOut.into()
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.open.connection().is_upgraded() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        if ready!(this.pace.poll_ready(context)).is_err() {
            return Poll::Ready(Err(this.close(CloseReason::Flood)));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.pace.left -= (buffer.filled().len() - before) as f64;
        polled
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, polled, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, polled, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called by those who write when nothing waits any more.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.blocked.take().is_some() {
            self.open.connection().unblock();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut left = match this.lingers {
            Some(left) => left,
            None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
                this.timer = Some(Box::pin(tokio::time::sleep(LINGER_TIME)));
                LINGER_BYTES
            }
        };
        let mut scratch = [0; 4096];
        while left > 0 && !this.stopping.is_cancelled() {
            let mut buffer = ReadBuf::new(&mut scratch);
            let polled = Pin::new(&mut this.stream).poll_read(context, &mut buffer);
            this.lingers = Some(left);
            match polled {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    left = left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    if let Some(timer) = &mut this.timer {
                        ready!(timer.as_mut().poll(context));
                    }
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use nova_http::TrustedProxies;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpSocket};

    use super::super::connections::{ConnectionLimits, Connections};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// The client's end, with a small receive buffer, and the server's.
    async fn pair(limits: WriteLimits) -> (TcpStream, ClientStream) {
        let all = Connections::new(ConnectionLimits {
            listener: "public",
            connections_max: 10,
            per_address_max: 10,
            unsent_bytes_max: usize::MAX,
            trusted: TrustedProxies::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8_192).unwrap();
        let client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let open = all.admit(peer).unwrap();
        let reads = ReadLimits { bytes_per_second: 100_000.0, burst_bytes: 10_000.0 };
        (client, ClientStream::new(stream, open, (limits, reads), CancellationToken::new()))
    }

    async fn write(mut server: ClientStream, bytes: usize) -> io::Result<()> {
        let write = async {
            server.write_all(&vec![7; bytes]).await?;
            server.flush().await
        };
        tokio::time::timeout(PATIENCE, write).await.unwrap()
    }

    #[tokio::test]
    async fn write_fails_when_the_client_does_not_read() {
        let timeout = Duration::from_millis(300);
        let (mut client, server) = pair(WriteLimits { timeout, bytes_min: 1 }).await;
        let began = Instant::now();
        let error = write(server, 16 << 20).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= timeout);
        let mut read = Vec::new();
        let reset = tokio::time::timeout(PATIENCE, client.read_to_end(&mut read)).await.unwrap();
        assert_eq!(reset.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "the socket is closed at once");
    }

    #[tokio::test]
    async fn slow_reader_above_the_least_rate_gets_everything() {
        let (mut client, server) =
            pair(WriteLimits { timeout: Duration::from_secs(2), bytes_min: 1_024 }).await;
        let written = tokio::spawn(write(server, 2 << 20));
        let (mut left, mut part) = (2 << 20, vec![0; 128 << 10]);
        while left > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            left -= tokio::time::timeout(PATIENCE, client.read(&mut part)).await.unwrap().unwrap();
        }
        written.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn reader_below_the_least_rate_is_cut_off() {
        let (mut client, server) =
            pair(WriteLimits { timeout: Duration::from_millis(500), bytes_min: 8 << 20 }).await;
        let reading = tokio::spawn(async move {
            let mut part = [0; 1_024];
            while client.read(&mut part).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert_eq!(write(server, 64 << 20).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        reading.await.unwrap();
    }

    #[tokio::test]
    async fn last_answer_arrives_although_the_client_still_sends() {
        let (mut client, mut server) = pair(WriteLimits { timeout: PATIENCE, bytes_min: 1 }).await;
        client.write_all(&[0; 100_000]).await.unwrap();
        let ended = tokio::spawn(async move {
            server.write_all(b"answer").await?;
            server.shutdown().await
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.write_all(&[0; 100_000]).await.unwrap();
        let mut read = Vec::new();
        tokio::time::timeout(PATIENCE, client.read_to_end(&mut read)).await.unwrap().unwrap();
        assert_eq!(read, b"answer");
        drop(client);
        ended.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_websocket_is_read_at_a_pace_and_nothing_else() {
        let limits = WriteLimits { timeout: PATIENCE, bytes_min: 1 };
        let mut took = Vec::new();
        for is_upgraded in [false, true] {
            let (mut client, mut server) = pair(limits).await;
            if is_upgraded {
                server.open.connection().hold();
            }
            let sent = tokio::spawn(async move {
                client.write_all(&[0; 60_000]).await.unwrap();
                client
            });
            let (began, mut read, mut buffer) = (Instant::now(), 0, [0; 1_000]);
            while read < 60_000 {
                read += server.read(&mut buffer).await.unwrap();
            }
            took.push(began.elapsed());
            sent.await.unwrap();
        }
        assert!(took[1] >= Duration::from_millis(450) && took[1] > took[0], "{took:?}");
    }
}
