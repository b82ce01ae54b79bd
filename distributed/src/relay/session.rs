//! What the leader does with one producer: from the cursor on, until something goes wrong. The next session starts from
//! the cursor again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use nova_eventlog::{EventMark, Filter, LogError, Page, Recorded};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::lease::Lease;
use super::publisher::{Outcome, Outgoing, Publisher};
use super::sessions::{self, other_history};
use super::store::{Leads, Moved, Parking};
use super::{Backoff, Shared, names};
use crate::postgres::sql_problem;
use crate::topics::{CATEGORIES, event_headers, of_session, watermark_headers};

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// Everything was done, or stopping could wait no longer.
    Stopped,
    /// Another relay leads, or this one cannot know that it still does.
    Lost,
    /// The next session does better, at once.
    Again,
    Failed(String),
}

pub(super) type Step<T> = Result<T, End>;

/// What a session leaves to the next one.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Events that were refused together with others: each is sent alone, to know which one it is.
    suspects: BTreeSet<u64>,
    /// Events that were refused alone, and why.
    poison: BTreeMap<u64, String>,
}

/// Events between two looks at the lease.
const CHUNK_EVENTS: usize = 256;
/// The queue of the producer is asked again at least this often. It says when it has delivered, but not when it has
/// freed the place.
const FULL_PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) lease: &'a Arc<Lease>,
    pub(super) memory: &'a mut Memory,
    pub(super) publisher: Publisher,
    topics: HashMap<&'static str, String>,
    /// Streams of which something is parked, in the table or on its way there.
    pub(super) parked: HashSet<String>,
    /// Up to where events have been read, sent, and the cursor has been moved.
    read: u64,
    sent: u64,
    pub(super) cursor: u64,
    /// What records name, see [`super::Sessions`].
    session: i64,
    /// Of the event at `read`. `None` at 0.
    read_mark: Option<EventMark>,
    /// Of the events at the cursor and at the end of each page sent since; the last one is at `sent`. Empty at 0.
    page_ends: VecDeque<EventMark>,
    /// The last watermark on every partition; `None` before the first of this session.
    watermark: Option<u64>,
    watermark_at: Instant,
    reading: Option<AbortOnDropHandle<Result<Page, LogError>>>,
    ready: Option<Page>,
    read_backoff: Backoff,
    read_at: Instant,
    event_bytes: usize,
    /// Acknowledged, but the cursor has not been moved there yet.
    done: Option<Done>,
    moving: Option<AbortOnDropHandle<(Done, Result<Moved, sqlx::Error>)>>,
    move_at: Instant,
    /// This event is sent alone.
    alone: Option<u64>,
    pub(super) redrive: bool,
    stop_by: Option<Instant>,
}

#[derive(Debug, Default)]
struct Done {
    position: u64,
    parked: Vec<Parking>,
}

impl<'a> Session<'a> {
    pub(super) async fn start(
        shared: &'a Shared,
        lease: &'a Arc<Lease>,
        memory: &'a mut Memory,
    ) -> Result<Self, String> {
        let postgres = |error: sqlx::Error| format!("PostgreSQL: {}", sql_problem(&error));
        let session: i64 = rand::random();
        let begun = sessions::begin(&shared.store.pool, lease.epoch, session).await.map_err(postgres)?;
        let Some(cursor) = begun else {
            lease.fence();
            return Err("another relay leads".to_owned());
        };
        let parked = shared.store.parked_streams().await.map_err(postgres)?;
        let read_mark = sessions::mark_at_cursor(&*shared.log, cursor).await?;
        let publisher = Publisher::new(&shared.kafka, &shared.options).map_err(|error| error.to_string())?;
        let now = Instant::now();
        Ok(Self {
            shared,
            lease,
            memory,
            publisher,
            topics: CATEGORIES.into_iter().map(|name| (name, shared.kafka.topics.name(name))).collect(),
            parked: parked.into_iter().collect(),
            read: cursor,
            sent: cursor,
            cursor,
            session,
            read_mark,
            page_ends: read_mark.into_iter().collect(),
            watermark: None,
            watermark_at: now,
            reading: None,
            ready: None,
            read_backoff: Backoff::new(),
            read_at: now,
            event_bytes: 1_024,
            done: None,
            moving: None,
            move_at: now,
            alone: None,
            redrive: false,
            stop_by: None,
        })
    }

    pub(super) async fn run(mut self) -> End {
        let end = loop {
            if let Err(end) = self.turn().await {
                break end;
            }
        };
        // No more of it reaches Kafka than what is on its way.
        let (alone, memory) = (self.alone, self.memory);
        if let Some(moving) = self.moving.take() {
            // What it does is right; the next session is to see it.
            let _ = tokio::time::timeout(Duration::from_secs(1), moving).await;
        }
        let failure = self.publisher.close().await;
        match end {
            End::Failed(problem) => {
                if failure.refused.is_empty() {
                    return End::Failed(problem);
                }
                match alone {
                    Some(position) if failure.refused == [position] => {
                        memory.suspects.remove(&position);
                        memory.poison.insert(position, failure.problem);
                    }
                    Some(_) | None => memory.suspects.extend(failure.refused),
                }
                End::Again
            }
            End::Stopped | End::Lost | End::Again => end,
        }
    }

    /// Does what can be done now, or waits for something to do.
    async fn turn(&mut self) -> Step<()> {
        self.check()?;
        self.take_done();
        self.move_cursor();
        self.show();
        if self.stopping()? {
            if self.owes_watermarks() {
                return self.send_watermarks().await;
            }
            return self.wait().await;
        }
        self.redrive |= self.lease.take_due();
        if self.redrive {
            // Everything before is settled first, so that nothing of these streams is on its way to being parked.
            if self.sent > self.cursor || self.publisher.acks.waiting() > 0 {
                return self.wait().await;
            }
            return self.redrive().await;
        }
        self.read_ahead();
        if self.ready.as_ref().is_some_and(|page| self.has_room_for(page))
            && let Some(page) = self.ready.take()
        {
            return self.send_page(page).await;
        }
        if self.watermark != Some(self.sent) && Instant::now() >= self.watermark_at {
            return self.send_watermarks().await;
        }
        self.wait().await
    }

    /// Ends the session if it may not, or cannot, go on.
    fn check(&self) -> Step<()> {
        if !self.lease.holds() {
            return Err(End::Lost);
        }
        if let Some(failure) = self.publisher.acks.failure() {
            return Err(End::Failed(failure.problem));
        }
        let stall = Duration::from_millis(self.shared.options.stall_ms);
        match self.publisher.acks.oldest() {
            Some((since, _)) if since.elapsed() >= stall => {
                let known = self.publisher.last_error().unwrap_or_else(|| "no answer".to_owned());
                let waited = stall.as_secs_f64();
                Err(End::Failed(format!("Kafka has not acknowledged anything for {waited:.1} s: {known}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the relay is to stop, and only waits for what is under way.
    fn stopping(&mut self) -> Step<bool> {
        if !self.shared.stop.is_cancelled() {
            return Ok(false);
        }
        let stop_ms = Duration::from_millis(self.shared.options.stop_ms);
        if self.stop_by.is_none() {
            self.move_at = Instant::now();
        }
        let by = *self.stop_by.get_or_insert_with(|| Instant::now() + stop_ms);
        let settled =
            self.sent == self.cursor && self.publisher.acks.waiting() == 0 && !self.owes_watermarks();
        if settled || Instant::now() >= by {
            return Err(End::Stopped);
        }
        Ok(true)
    }

    /// It has sent more than it has told of since. Whoever stops says so first: nobody else would before another relay leads. One
    /// that has told nothing yet leaves that to the next, which begins with it: Kafka may be away, and stopping is not to wait for it.
    fn owes_watermarks(&self) -> bool {
        self.watermark.is_some_and(|told| told != self.sent)
    }

    fn has_room_for(&self, page: &Page) -> bool {
        let options = &self.shared.options;
        let (events, bytes) = self.publisher.acks.in_flight();
        events == 0
            || (events + page.events.len() <= options.in_flight_events_max
                && bytes + page.events.len() * self.event_bytes <= options.in_flight_bytes_max)
    }

    /// The condition of its changes in PostgreSQL.
    pub(super) fn leads(&self) -> Leads {
        Leads { epoch: self.lease.epoch, session: self.session }
    }

    fn head(&self) -> u64 {
        *self.shared.wakeup.borrow()
    }

    /// Reads the next page while earlier ones are under way.
    fn read_ahead(&mut self) {
        let idle = self.ready.is_none() && self.reading.is_none();
        if !idle || self.read >= self.head() || Instant::now() < self.read_at {
            return;
        }
        let (options, log) = (&self.shared.options, Arc::clone(&self.shared.log));
        // With the event at `read`: it shows whether the log still has what was read before.
        let again = usize::from(self.read_mark.is_some());
        let (read, after) = (self.read, self.read - again as u64);
        let fits = options.batch_bytes_max / self.event_bytes.max(1);
        let limit = fits.clamp(1, options.batch_events_max.max(1));
        self.reading = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let mut page = log.read_all(after, &Filter::all(), limit + again).await?;
            if page.events.len() == again && page.head > read {
                // That one is as large as a page may be.
                let next = log.read_all(read, &Filter::all(), limit).await?;
                page.events.extend(next.events);
                (page.position, page.head) = (next.position, next.head);
            }
            Ok(page)
        })));
    }

    fn page_read(&mut self, mut result: Result<Page, LogError>) -> Step<()> {
        if let (Ok(page), Some(known)) = (&mut result, self.read_mark)
            && (page.head < self.read || !page.events.is_empty())
            && !sessions::takes_known(page, known)
        {
            return Err(other_history(self.read));
        }
        let problem = match result {
            Ok(page) if page.events.is_empty() => "the log says there is more, but not what".to_owned(),
            Ok(page) if !dense(self.read, &page) => format!("the log has a gap behind {}", self.read),
            Ok(page) => {
                let bytes: usize = page.events.iter().map(bytes_of).sum();
                self.event_bytes = bytes.div_ceil(page.events.len()).max(1);
                self.read = page.position;
                self.read_mark = page.events.last().map(Recorded::mark);
                self.read_backoff = Backoff::new();
                self.ready = Some(page);
                return Ok(());
            }
            Err(error) => error.to_string(),
        };
        tracing::warn!(%problem, "the relay cannot read the log, trying again");
        self.shared.problem(Some(problem));
        self.read_at = Instant::now() + self.read_backoff.next();
        Ok(())
    }

    async fn send_page(&mut self, page: Page) -> Step<()> {
        metrics::histogram!(names::BATCH).record(page.events.len() as f64);
        let batch = self.publisher.open();
        let mut parked = Vec::new();
        for (index, event) in page.events.iter().enumerate() {
            if index % CHUNK_EVENTS == 0 {
                self.check()?;
                tokio::task::yield_now().await;
            }
            if let Some(parking) = self.send_or_park(batch, event).await? {
                parked.push(parking);
            }
        }
        self.publisher.seal(batch, page.position, parked);
        self.sent = page.position;
        self.page_ends.extend(page.events.last().map(Recorded::mark));
        Ok(())
    }

    async fn send_or_park(&mut self, batch: u64, event: &Recorded) -> Step<Option<Parking>> {
        let stream = event.stream.as_str();
        if self.parked.contains(stream) {
            let error = "an earlier event of the stream is parked".to_owned();
            return Ok(Some(parking(event, error, None)));
        }
        let refused = if let Some(error) = self.memory.poison.get(&event.position) {
            Some(error.clone())
        } else if self.memory.suspects.contains(&event.position) {
            self.send_alone(batch, event, false).await?
        } else {
            self.send_event(batch, event, false).await?
        };
        let Some(error) = refused else {
            return Ok(None);
        };
        tracing::error!(
            stream,
            position = event.position,
            error,
            "Kafka refuses an event, its stream is parked"
        );
        self.parked.insert(stream.to_owned());
        Ok(Some(parking(event, error, self.shared.options.parked_retry(1))))
    }

    /// Sends one event when nothing else is under way, and waits for the answer.
    pub(super) async fn send_alone(
        &mut self,
        batch: u64,
        event: &Recorded,
        late: bool,
    ) -> Step<Option<String>> {
        self.settle().await?;
        self.alone = Some(event.position);
        let refused = self.send_event(batch, event, late).await?;
        self.settle().await?;
        self.alone = None;
        Ok(refused)
    }

    /// Waits until everything sent has been acknowledged.
    async fn settle(&self) -> Step<()> {
        loop {
            self.check()?;
            if self.publisher.acks.waiting() == 0 {
                return Ok(());
            }
            tokio::select! {
                () = self.publisher.acks.changed.notified() => {}
                () = self.lease.ticked.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    }

    /// Answers why Kafka does not take it, or nothing when it has been sent.
    async fn send_event(&mut self, batch: u64, event: &Recorded, late: bool) -> Step<Option<String>> {
        let Some(topic) = self.topics.get(event.stream.category()) else {
            return Ok(Some(format!("there is no topic for the category {}", event.stream.category())));
        };
        loop {
            let record = Outgoing {
                topic,
                partition: self.shared.kafka.topics.partition_of(&event.stream),
                key: Some(event.stream.as_str()),
                payload: Some(event.data.as_ref()),
                headers: of_session(event_headers(event, late), self.session),
                position: event.position,
            };
            match self.publisher.send(batch, record) {
                Outcome::Sent => {
                    self.publisher.count(batch, bytes_of(event), event.recorded_at_ms);
                    return Ok(None);
                }
                Outcome::Full => self.wait_for_place().await?,
                Outcome::Refused(error) => return Ok(Some(error)),
                Outcome::Failed(problem) => return Err(End::Failed(problem)),
            }
        }
    }

    async fn wait_for_place(&self) -> Step<()> {
        tokio::select! {
            () = self.publisher.acks.changed.notified() => {}
            () = tokio::time::sleep(FULL_PAUSE) => {}
        }
        self.check()
    }

    /// Behind everything that has been sent, on every partition.
    async fn send_watermarks(&mut self) -> Step<()> {
        let batch = self.publisher.open();
        let headers = watermark_headers(self.sent, self.page_ends.back().copied());
        let headers = of_session(headers, self.session);
        for topic in self.topics.values() {
            for partition in 0..self.shared.kafka.topics.partitions.max(1) {
                loop {
                    let headers = headers.clone();
                    let record =
                        Outgoing { topic, partition, key: None, payload: None, headers, position: 0 };
                    match self.publisher.send(batch, record) {
                        Outcome::Sent => break,
                        Outcome::Full => self.wait_for_place().await?,
                        Outcome::Refused(problem) | Outcome::Failed(problem) => {
                            return Err(End::Failed(format!("a watermark to {topic}: {problem}")));
                        }
                    }
                }
            }
        }
        self.publisher.seal(batch, self.sent, Vec::new());
        self.watermark = Some(self.sent);
        let interval = Duration::from_millis(self.shared.options.watermark_interval_ms);
        self.watermark_at = Instant::now() + interval;
        Ok(())
    }

    fn take_done(&mut self) {
        for sent in self.publisher.acks.take_done() {
            let done = self.done.get_or_insert_default();
            done.position = sent.position;
            done.parked.extend(sent.parked);
        }
    }

    fn move_cursor(&mut self) {
        if self.moving.is_some() || Instant::now() < self.move_at {
            return;
        }
        let Some(done) = self.done.take() else {
            return;
        };
        if done.position <= self.cursor && done.parked.is_empty() {
            return;
        }
        let (store, leads) = (self.shared.store.clone(), self.leads());
        let mark = self.page_ends.iter().find(|mark| mark.position == done.position).copied();
        self.moving = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let moved = store.advance(leads, (done.position, mark), &done.parked).await;
            (done, moved)
        })));
    }

    fn cursor_moved(&mut self, done: Done, moved: Result<Moved, sqlx::Error>) -> Step<()> {
        let pause = Duration::from_millis(self.shared.options.cursor_interval_ms);
        match moved {
            Ok(Moved::Yes) => {
                self.cursor = done.position;
                self.page_ends.retain(|mark| mark.position >= done.position);
                self.memory.suspects = self.memory.suspects.split_off(&(done.position + 1));
                self.memory.poison = self.memory.poison.split_off(&(done.position + 1));
                self.shared.problem(None);
                self.move_at = Instant::now() + pause;
                Ok(())
            }
            Ok(Moved::Fenced) => {
                self.lease.fence();
                Err(End::Lost)
            }
            Ok(Moved::OtherHistory) => Err(other_history(done.position)),
            Err(error) => {
                tracing::warn!(error = %sql_problem(&error), "the relay cannot move its cursor, trying again");
                let later = self.done.take().unwrap_or_default();
                let mut parked = done.parked;
                parked.extend(later.parked);
                self.done = Some(Done { position: done.position.max(later.position), parked });
                self.move_at = Instant::now() + pause.max(Duration::from_millis(100));
                Ok(())
            }
        }
    }

    /// When there may be something to do though nothing happened.
    fn next_time(&self) -> Option<Instant> {
        let stall = Duration::from_millis(self.shared.options.stall_ms);
        let times = [
            self.publisher.acks.oldest().map(|(since, _)| since + stall),
            (self.watermark != Some(self.sent)).then_some(self.watermark_at),
            (self.done.is_some() && self.moving.is_none()).then_some(self.move_at),
            (self.ready.is_none() && self.reading.is_none() && self.read < self.head())
                .then_some(self.read_at),
            self.stop_by,
        ];
        times.into_iter().flatten().min()
    }

    async fn wait(&mut self) -> Step<()> {
        let time = self.next_time();
        let mut wakeup = self.shared.wakeup.clone();
        let known = self.read.max(self.head());
        tokio::select! {
            biased;
            () = self.publisher.acks.changed.notified() => {}
            Some(moved) = finished(&mut self.moving) => {
                self.moving = None;
                match moved {
                    Ok((done, moved)) => self.cursor_moved(done, moved)?,
                    Err(_) => return Err(End::Failed("moving the cursor was broken off".to_owned())),
                }
            }
            Some(page) = finished(&mut self.reading) => {
                self.reading = None;
                match page {
                    Ok(page) => self.page_read(page)?,
                    Err(_) => return Err(End::Failed("reading the log was broken off".to_owned())),
                }
            }
            () = self.lease.ticked.notified() => {}
            Ok(_) = wakeup.wait_for(|head| *head > known) => {}
            () = self.shared.stop.cancelled(), if self.stop_by.is_none() => {}
            () = tokio::time::sleep_until(time.unwrap_or_else(Instant::now)), if time.is_some() => {}
        }
        Ok(())
    }

    fn show(&self) {
        let (events, _) = self.publisher.acks.in_flight();
        {
            let mut status = self.shared.status.lock();
            status.position = self.cursor;
            status.in_flight_events = events;
            status.parked_streams = self.parked.len();
        }
        metrics::gauge!(names::IN_FLIGHT).set(events as f64);
        metrics::gauge!(names::PARKED_STREAMS).set(self.parked.len() as f64);
    }
}

/// What a task that runs has come to; pending while none runs.
async fn finished<T>(task: &mut Option<AbortOnDropHandle<T>>) -> Option<Result<T, tokio::task::JoinError>> {
    match task {
        Some(task) => Some(task.await),
        None => std::future::pending().await,
    }
}

fn dense(after: u64, page: &Page) -> bool {
    let mut expected = after;
    page.events.iter().all(|event| {
        expected += 1;
        event.position == expected
    }) && page.position == expected
}

fn bytes_of(event: &Recorded) -> usize {
    // Key, kind, ids and numbers in text beside the two parts.
    event.data.len() + event.meta.len() + event.stream.as_str().len() + 256
}

fn parking(event: &Recorded, error: String, retry_after: Option<Duration>) -> Parking {
    Parking {
        position: event.position,
        stream: event.stream.as_str().to_owned(),
        kind: event.kind.as_str().to_owned(),
        error,
        retry_after,
    }
}
