//! Reading: streams, the whole log, pages of it by category and kind. Each answer is one statement, so of one snapshot.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nova_eventlog::{Appended, Direction, EventMark, Filter, Kind, LogError, Page, Recorded, StreamId};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{Error, Row as _};
use uuid::Uuid;

use super::history::Seen;
use super::{Head, PostgresLogOptions};
use crate::postgres::{is_transient, sql_problem};

/// Rows that one statement looks at.
const PAGE_EVENTS_MAX: usize = 8_192;
/// With kinds to choose from, at least so many are looked at.
const CHOSEN_FROM_MIN: usize = 256;
const RETRY_PAUSE: Duration = Duration::from_millis(30);

/// The head, and which event is there.
// The limit says that it is one row, also where nothing is known of the tables: an event is then found by its position.
macro_rules! head {
    () => {
        "SELECT head.position, event.event_id, event.recorded_at \
         FROM (SELECT position FROM nova.head LIMIT 1) AS head \
         LEFT JOIN nova.events AS event ON event.position = head.position"
    };
}

const HEAD: &str = head!();
const MARK: &str = "SELECT head.position, event.event_id, event.recorded_at, pg_is_in_recovery() \
     FROM (SELECT position FROM nova.head LIMIT 1) AS head \
     LEFT JOIN nova.events AS event ON event.position = $1";
const STREAM_HEAD: &str = "SELECT revision FROM nova.events WHERE stream = $1 ORDER BY revision DESC LIMIT 1";
const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const FIND: &str = "SELECT position, stream, revision, event_id, ordinal, kind, recorded_at, data, meta \
     FROM nova.events WHERE event_id = $1";

// `running` is how many bytes there are up to a row: a page ends with the row that reaches the limit.
const FORWARDS: &str = "SELECT position, stream, revision, event_id, ordinal, kind, recorded_at, data, meta \
     FROM (SELECT *, sum(octet_length(data) + octet_length(meta)) OVER (ORDER BY revision) \
                     - octet_length(data) - octet_length(meta) AS running \
             FROM (SELECT * FROM nova.events WHERE stream = $1 AND revision >= $2 ORDER BY revision LIMIT $3) AS few \
          ) AS counted \
     WHERE running < $4 ORDER BY revision";
const BACKWARDS: &str = "SELECT position, stream, revision, event_id, ordinal, kind, recorded_at, data, meta \
     FROM (SELECT *, sum(octet_length(data) + octet_length(meta)) OVER (ORDER BY revision DESC) \
                     - octet_length(data) - octet_length(meta) AS running \
             FROM (SELECT * FROM nova.events WHERE stream = $1 AND revision <= $2 ORDER BY revision DESC LIMIT $3) AS few \
          ) AS counted \
     WHERE running < $4 ORDER BY revision DESC";

// At least one row, for the head. Sorting them again would cost the server memory for all their bytes.
const ALL: &str = concat!(
    "SELECT e.position, e.stream, e.revision, e.event_id, e.ordinal, e.kind, e.recorded_at, e.data, e.meta, h.* FROM (",
    head!(),
    ") AS h LEFT JOIN LATERAL ( \
        SELECT * FROM ( \
            SELECT *, sum(octet_length(data) + octet_length(meta)) OVER (ORDER BY position) \
                      - octet_length(data) - octet_length(meta) AS running \
              FROM (SELECT * FROM nova.events WHERE position > $1 ORDER BY position LIMIT $2) AS few) AS counted \
         WHERE running < $3) AS e ON true"
);
// Compared as rows, so that only the index by category and position will do: with the other one, a category that is seldom
// written is looked for through the whole log.
const OF_CATEGORIES: &str = concat!(
    "SELECT e.position, e.stream, e.revision, e.event_id, e.ordinal, e.kind, e.recorded_at, e.data, e.meta, h.* FROM (",
    head!(),
    ") AS h LEFT JOIN LATERAL ( \
        SELECT * FROM ( \
            SELECT *, sum(octet_length(data) + octet_length(meta)) OVER (ORDER BY position) \
                      - octet_length(data) - octet_length(meta) AS running \
              FROM (SELECT event.* FROM ( \
                        SELECT place.position FROM unnest($4::text[]) AS wanted (category) CROSS JOIN LATERAL ( \
                            SELECT position FROM nova.events \
                             WHERE (category, position) > (wanted.category, $1) \
                               AND (category, position) < (wanted.category, 9223372036854775807) \
                             ORDER BY category, position LIMIT $2) AS place \
                         ORDER BY place.position LIMIT $2) AS place \
                      JOIN nova.events AS event USING (position) ORDER BY event.position) AS few) AS counted \
         WHERE running < $3) AS e ON true"
);

// Where a command's events begin, and how many are asked for: those that follow may be another command's.
const COMMANDS: &str = "SELECT wanted.number, event.command_id, event.stream, event.revision, event.position \
     FROM unnest($1::int[], $2::bigint[], $3::int[]) AS wanted (number, first, many) CROSS JOIN LATERAL ( \
        SELECT command_id, stream, revision, position FROM nova.events \
         WHERE position >= wanted.first AND position < wanted.first + wanted.many ORDER BY position) AS event \
     ORDER BY wanted.number, event.position";

pub(super) struct Reader {
    pub(super) pool: PgPool,
    head: Head,
    seen: Arc<Seen>,
    page_bytes_max: i64,
    patience: Duration,
}

impl Reader {
    pub(super) fn new(pool: PgPool, head: Head, seen: Arc<Seen>, options: &PostgresLogOptions) -> Self {
        Self {
            pool,
            head,
            seen,
            page_bytes_max: i64::try_from(options.page_bytes_max.max(1)).unwrap_or(i64::MAX),
            patience: Duration::from_millis(options.read_retry_ms_max),
        }
    }

    /// A lost connection is one thing, a server that is away another.
    async fn patiently<T, F>(&self, read: impl Fn(PgPool) -> F) -> Result<T, LogError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let since = Instant::now();
        loop {
            let error = match read(self.pool.clone()).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let waited_already = matches!(error, Error::PoolTimedOut);
            if waited_already || !is_transient(&error) || since.elapsed() + RETRY_PAUSE > self.patience {
                let problem = format!("PostgreSQL: {}", sql_problem(&error));
                return Err(LogError::Unavailable(problem));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    pub(super) async fn head(&self) -> Result<u64, LogError> {
        let (head, event, recorded_at): (i64, Option<Uuid>, Option<i64>) =
            self.patiently(|pool| async move { sqlx::query_as(HEAD).fetch_one(&pool).await }).await?;
        let head = head.cast_unsigned();
        self.seen.saw(mark(head, event, recorded_at));
        Ok(head)
    }

    /// The mark of the event at a position, and the head.
    pub(super) async fn mark_at(&self, position: u64) -> Result<(Option<EventMark>, u64), LogError> {
        let wanted = i64::try_from(position).unwrap_or(i64::MAX);
        let (head, event, recorded_at, in_recovery): (i64, Option<Uuid>, Option<i64>, bool) = self
            .patiently(|pool| async move { sqlx::query_as(MARK).bind(wanted).fetch_one(&pool).await })
            .await?;
        let mark = mark(position, event, recorded_at);
        if mark.is_none() && position > 0 && in_recovery {
            let problem = format!("PostgreSQL is a standby that does not show position {position} yet");
            return Err(LogError::Unavailable(problem));
        }
        self.seen.saw(mark);
        Ok((mark, head.cast_unsigned()))
    }

    pub(super) async fn clock_ms(&self) -> Result<i64, LogError> {
        self.patiently(|pool| async move { sqlx::query_scalar(CLOCK).fetch_one(&pool).await }).await
    }

    pub(super) async fn stream_head(&self, stream: &StreamId) -> Result<Option<u64>, LogError> {
        let revision: Option<i64> = self
            .patiently(|pool| async move {
                sqlx::query_scalar(STREAM_HEAD).bind(stream.as_str()).fetch_optional(&pool).await
            })
            .await?;
        Ok(revision.map(i64::cast_unsigned))
    }

    pub(super) async fn find(&self, id: Uuid) -> Result<Option<Recorded>, LogError> {
        let row = self
            .patiently(|pool| async move { sqlx::query(FIND).bind(id).fetch_optional(&pool).await })
            .await?;
        let event = row.as_ref().map(recorded).transpose()?;
        self.seen.saw(event.as_ref().map(Recorded::mark));
        Ok(event)
    }

    pub(super) async fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let sql = match direction {
            Direction::Forwards => FORWARDS,
            Direction::Backwards => BACKWARDS,
        };
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let limit = limit.min(PAGE_EVENTS_MAX) as i64;
        let rows = self
            .patiently(|pool| async move {
                let query = sqlx::query(sql).bind(stream.as_str()).bind(from).bind(limit);
                query.bind(self.page_bytes_max).fetch_all(&pool).await
            })
            .await?;
        let events: Vec<Recorded> = rows.iter().map(recorded).collect::<Result<_, _>>()?;
        self.seen.saw(events.iter().max_by_key(|event| event.position).map(Recorded::mark));
        Ok(events)
    }

    pub(super) async fn read_all(&self, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError> {
        let looked_at = if filter.kinds.is_empty() { limit } else { limit.max(CHOSEN_FROM_MIN) };
        let looked_at = looked_at.clamp(1, PAGE_EVENTS_MAX);
        let from = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = self
            .patiently(|pool| async move {
                let sql = if filter.categories.is_empty() { ALL } else { OF_CATEGORIES };
                let query = sqlx::query(sql).bind(from).bind(looked_at as i64).bind(self.page_bytes_max);
                let query = if filter.categories.is_empty() { query } else { query.bind(&filter.categories) };
                query.fetch_all(&pool).await
            })
            .await?;
        let first = rows.first().map_or(Ok((0, None, None)), |row| {
            Ok((row.try_get::<i64, _>(9)?, row.try_get(10)?, row.try_get(11)?))
        });
        let (head, event, recorded_at) = first.map_err(|error| damaged(&error))?;
        let head = head.cast_unsigned();
        let of_head = mark(head, event, recorded_at);
        self.head.raise(head);
        let mut found =
            rows.iter().filter(|row| !is_empty(row)).map(recorded).collect::<Result<Vec<_>, _>>()?;
        // They come in order. No rule of SQL says that they must.
        found.sort_unstable_by_key(|event| event.position);
        // The event at the head is at least as far.
        self.seen.saw(of_head.or_else(|| found.last().map(Recorded::mark)));
        Ok(self.page(found, looked_at, after, (head, of_head), filter, limit))
    }

    /// What was looked at, chosen from. It is all there is when nothing has cut it short.
    fn page(
        &self,
        found: Vec<Recorded>,
        looked_at: usize,
        after: u64,
        (head, of_head): (u64, Option<EventMark>),
        filter: &Filter,
        limit: usize,
    ) -> Page {
        let bytes: usize = found.iter().map(|event| event.data.len() + event.meta.len()).sum();
        let complete = found.len() < looked_at && (bytes as i64) < self.page_bytes_max;
        let (mut position, mut mark) = match found.last() {
            Some(last) if !complete => (last.position, Some(last.mark())),
            Some(_) | None => (head.max(after), of_head),
        };
        let mut events = Vec::with_capacity(found.len().min(limit));
        let mut before = None;
        for event in found {
            let this = event.mark();
            if filter.admits(event.stream.category(), event.kind.as_str()) {
                if events.len() == limit {
                    position = before.map_or(this.position - 1, |before: EventMark| before.position);
                    mark = before;
                    break;
                }
                events.push(event);
            }
            before = Some(this);
        }
        let mark = mark.filter(|mark| mark.position == position);
        Page { events, position, mark, head }
    }

    /// The first results of commands that are in the log, in the order asked for.
    pub(super) async fn first_results(
        &self,
        mut wanted: Vec<FirstResult>,
    ) -> Result<Vec<FirstResult>, LogError> {
        loop {
            let open: Vec<usize> =
                (0..wanted.len()).filter(|&number| wanted.get(number).is_some_and(|w| !w.complete)).collect();
            if open.is_empty() {
                return Ok(wanted);
            }
            let numbers: Vec<i32> = open.iter().map(|&number| number as i32).collect();
            let firsts: Vec<i64> = open.iter().map(|&number| wanted[number].next().cast_signed()).collect();
            let many: Vec<i32> = open.iter().map(|&number| wanted[number].ask).collect();
            let rows = self
                .patiently(|pool| {
                    let query = sqlx::query(COMMANDS).bind(&numbers).bind(&firsts).bind(&many);
                    async move { query.fetch_all(&pool).await }
                })
                .await?;
            let mut got = vec![0; wanted.len()];
            for row in &rows {
                let number: i32 = row.try_get(0).map_err(|error| damaged(&error))?;
                let number = number.cast_unsigned() as usize;
                if let Some(wanted) = wanted.get_mut(number) {
                    got[number] += 1;
                    wanted.take(row)?;
                }
            }
            for number in open {
                wanted[number].asked(got[number]);
            }
        }
    }
}

/// A command's events as they stand in the log.
pub(super) struct FirstResult {
    command_id: Uuid,
    first: u64,
    events: Vec<(StreamId, u64)>,
    /// How many more to ask for.
    ask: i32,
    complete: bool,
}

impl FirstResult {
    /// `likely` events from position `first` on; one more shows whether that is all.
    pub(super) fn wanted(command_id: Uuid, first: u64, likely: usize) -> Self {
        let ask = i32::try_from(likely + 1).unwrap_or(i32::MAX);
        Self { command_id, first, events: Vec::new(), ask, complete: false }
    }

    fn next(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn take(&mut self, row: &PgRow) -> Result<(), LogError> {
        let command_id: Uuid = row.try_get(1).map_err(|error| damaged(&error))?;
        if command_id != self.command_id {
            self.complete = true;
        }
        if !self.complete {
            let revision: i64 = row.try_get(3).map_err(|error| damaged(&error))?;
            self.events.push((stream(row, 2)?, revision.cast_unsigned()));
        }
        Ok(())
    }

    /// So many were there.
    fn asked(&mut self, got: i32) {
        self.complete |= got < self.ask;
        self.ask = self.ask.saturating_mul(4).min(PAGE_EVENTS_MAX as i32);
    }

    pub(super) fn appended(&self) -> Appended {
        Appended {
            first_position: self.first,
            last_position: self.next().saturating_sub(1),
            events: self.events.clone(),
            duplicate: true,
        }
    }
}

/// Of a page without events: the row is there for the head.
fn is_empty(row: &PgRow) -> bool {
    matches!(row.try_get::<Option<i64>, _>(0), Ok(None))
}

fn recorded(row: &PgRow) -> Result<Recorded, LogError> {
    let number =
        |at: usize| row.try_get::<i64, _>(at).map(i64::cast_unsigned).map_err(|error| damaged(&error));
    let bytes =
        |at: usize| row.try_get::<&[u8], _>(at).map(Bytes::copy_from_slice).map_err(|error| damaged(&error));
    let position = number(0)?;
    let kind = row.try_get::<&str, _>(5).map_err(|error| damaged(&error))?;
    let Some(kind) = Kind::new(kind) else {
        return Err(corrupt(position, "its kind is not a name"));
    };
    Ok(Recorded {
        position,
        stream: stream(row, 1)?,
        revision: number(2)?,
        id: row.try_get(3).map_err(|error| damaged(&error))?,
        ordinal: row.try_get::<i16, _>(4).map_err(|error| damaged(&error))?.cast_unsigned(),
        kind,
        recorded_at_ms: number(6)?,
        data: bytes(7)?,
        meta: bytes(8)?,
    })
}

fn mark(position: u64, event: Option<Uuid>, recorded_at: Option<i64>) -> Option<EventMark> {
    let (event_id, recorded_at_ms) = (event?, recorded_at?.cast_unsigned());
    Some(EventMark { position, event_id, recorded_at_ms })
}

fn stream(row: &PgRow, at: usize) -> Result<StreamId, LogError> {
    let name = row.try_get::<&str, _>(at).map_err(|error| damaged(&error))?;
    StreamId::new(name).map_err(|error| corrupt(0, error.problem))
}

fn corrupt(position: u64, problem: &str) -> LogError {
    let place =
        if position == 0 { "nova.events".to_owned() } else { format!("nova.events, position {position}") };
    LogError::Corrupt { place, problem: problem.to_owned() }
}

fn damaged(error: &Error) -> LogError {
    corrupt(0, &sql_problem(error))
}
