//! One direction of a connection: what is read waits in a bounded queue until it is due, and is then written.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::chance::Chance;
use super::{CHUNK_BYTES_MAX, Counters, Flow, HELD_CHUNKS_MAX, Setting, Shared};

/// How finely a limited rate is spread.
const PIECES_PER_SECOND: u64 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// How a direction ends well.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The sender has said everything, and the receiver knows.
    Said,
    /// So many bytes were let through, and no more.
    Cut,
}

struct Chunk {
    bytes: Vec<u8>,
    read_at: Instant,
    /// Of the jitter, from 0 to 1.
    luck: f64,
}

/// The faults of this direction, as they change.
struct Watched {
    setting: watch::Receiver<Setting>,
    direction: Direction,
}

impl Watched {
    fn now(&mut self) -> (u64, Flow) {
        let Setting { number, faults } = *self.setting.borrow_and_update();
        let flow = match self.direction {
            Direction::Up => faults.up,
            Direction::Down => faults.down,
        };
        (number, flow)
    }

    /// Returns when the faults have changed since [`Self::now`]; never, once the proxy has ended.
    async fn changed(&mut self) {
        if self.setting.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

pub(super) struct Pipe {
    direction: Direction,
    setting: watch::Receiver<Setting>,
    counters: Arc<Counters>,
    chance: Chance,
}

impl Pipe {
    pub(super) fn new(direction: Direction, number: u64, shared: &Shared) -> Self {
        // Neither direction has the luck of the other, or of the connection.
        let own = match direction {
            Direction::Up => 1,
            Direction::Down => 2,
        };
        Self {
            direction,
            setting: shared.setting.clone(),
            counters: Arc::clone(&shared.counters),
            chance: Chance::of(shared.seed.wrapping_add(own), number),
        }
    }

    pub(super) async fn run(self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> io::Result<Ending> {
        let (held, due) = mpsc::channel(HELD_CHUNKS_MAX);
        let watched = || Watched { setting: self.setting.clone(), direction: self.direction };
        let reader = read(from, held, watched(), self.chance.clone());
        let writer = Writer {
            watched: watched(),
            arrived: match self.direction {
                Direction::Up => &self.counters.bytes_up,
                Direction::Down => &self.counters.bytes_down,
            },
            counted_since: 0,
            counted: 0,
            to,
        };
        let writer = writer.run(due);
        tokio::pin!(reader, writer);
        tokio::select! {
            // What was read is still to be written. Nobody else is there to fail.
            read = &mut reader => { read?; writer.await }
            ending = &mut writer => ending,
        }
    }
}

/// Reads for as long as there is room and the direction is not silent: then the sender feels it.
async fn read(
    mut from: ReadHalf<'_>,
    held: mpsc::Sender<Chunk>,
    mut watched: Watched,
    mut chance: Chance,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES_MAX];
    loop {
        let (_, flow) = watched.now();
        if flow.silent {
            watched.changed().await;
            continue;
        }
        let count = tokio::select! {
            count = from.read(&mut buffer) => count?,
            () = watched.changed() => continue,
        };
        if count == 0 {
            return Ok(());
        }
        let chunk =
            Chunk { bytes: buffer[..count].to_vec(), read_at: Instant::now(), luck: chance.fraction() };
        if held.send(chunk).await.is_err() {
            return Ok(());
        }
    }
}

struct Writer<'a> {
    watched: Watched,
    arrived: &'a AtomicU64,
    /// The setting since which bytes are counted, and how many they are.
    counted_since: u64,
    counted: u64,
    to: WriteHalf<'a>,
}

/// What may be done with what is held.
enum May {
    Write(Flow),
    /// The receiver hears nothing more.
    Discard,
}

impl Writer<'_> {
    async fn run(mut self, mut due: mpsc::Receiver<Chunk>) -> io::Result<Ending> {
        let mut discarding = false;
        loop {
            // That the receiver is to hear nothing more does not wait for something to be said.
            let chunk = tokio::select! {
                chunk = due.recv() => chunk,
                () = self.half_closed(), if !discarding => {
                    self.to.shutdown().await?;
                    discarding = true;
                    continue;
                }
            };
            if discarding && chunk.is_some() {
                continue;
            }
            let Some(chunk) = chunk else {
                if !discarding {
                    self.wait(Instant::now(), 0.0).await;
                    self.to.shutdown().await?;
                }
                return Ok(Ending::Said);
            };
            let mut rest = &chunk.bytes[..];
            while !rest.is_empty() {
                match self.wait(chunk.read_at, chunk.luck).await {
                    May::Discard => break,
                    May::Write(flow) => {
                        rest = self.write(rest, flow).await?;
                        if flow.cut_after_bytes.is_some_and(|limit| self.counted >= limit) {
                            self.to.shutdown().await?;
                            return Ok(Ending::Cut);
                        }
                    }
                }
            }
        }
    }

    async fn half_closed(&mut self) {
        while !self.watched.now().1.half_closed {
            self.watched.changed().await;
        }
    }

    /// Until what was read then may go, under the faults of this moment.
    async fn wait(&mut self, read_at: Instant, luck: f64) -> May {
        loop {
            let (number, flow) = self.watched.now();
            if number != self.counted_since {
                (self.counted_since, self.counted) = (number, 0);
            }
            if flow.half_closed {
                return May::Discard;
            }
            if flow.silent {
                self.watched.changed().await;
                continue;
            }
            let due = read_at + flow.latency + flow.jitter.mul_f64(luck);
            if due <= Instant::now() {
                return May::Write(flow);
            }
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = self.watched.changed() => {}
            }
        }
    }

    /// Writes a piece, so small that faults which change meanwhile are noticed soon. What is left.
    async fn write<'b>(&mut self, bytes: &'b [u8], flow: Flow) -> io::Result<&'b [u8]> {
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let left = flow.cut_after_bytes.map_or(usize::MAX, |limit| size(limit.saturating_sub(self.counted)));
        let piece =
            flow.bytes_per_second_max.map_or(usize::MAX, |limit| size(limit / PIECES_PER_SECOND).max(1));
        let (piece, rest) = bytes.split_at(bytes.len().min(piece).min(left));
        self.to.write_all(piece).await?;
        let count = piece.len() as u64;
        self.counted += count;
        self.arrived.fetch_add(count, Ordering::SeqCst);
        if let Some(limit) = flow.bytes_per_second_max {
            tokio::time::sleep(Duration::from_secs_f64(count as f64 / limit.max(1) as f64)).await;
        }
        Ok(rest)
    }
}
