//! Appends as the columns that `nova.append` takes, and what it answers as results.

use std::collections::HashMap;

use nova_eventlog::{Appended, Expected, LogError, event_id};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Error, Row as _};
use uuid::Uuid;

use super::queue::Request;

const APPEND: &str = "SELECT head_before, head_after, verdicts, details, bases \
     FROM nova.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// The arguments of `nova.append`, which says what each means. Places begin with 1, as the server's do.
#[derive(Default)]
struct Columns<'a> {
    command_ids: Vec<Uuid>,
    command_earlier: Vec<i32>,
    command_last_write: Vec<i32>,
    write_stream: Vec<&'a str>,
    write_stream_number: Vec<i32>,
    write_expected: Vec<i64>,
    write_events: Vec<i32>,
    write_before: Vec<i64>,
    write_first: Vec<i64>,
    event_write: Vec<i32>,
    event_nth: Vec<i32>,
    event_ids: Vec<Uuid>,
    event_commands: Vec<Uuid>,
    event_ordinals: Vec<i16>,
    event_kinds: Vec<&'a str>,
    event_data: Vec<&'a [u8]>,
    event_meta: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(requests: &'a [Request]) -> Self {
        let mut columns = Self::default();
        // Of each stream: its number and how many events the batch has for it so far.
        let mut streams = HashMap::<&str, (i32, i64)>::new();
        let mut commands = HashMap::<Uuid, i32>::new();
        for (place, request) in (1..).zip(requests) {
            let command_id = request.append.command_id;
            columns.command_ids.push(command_id);
            columns.command_earlier.push(commands.insert(command_id, place).unwrap_or(0));
            let mut ordinal = 0;
            for write in &request.append.writes {
                let next_number = streams.len() as i32 + 1;
                let stream = write.stream.as_str();
                let (number, before) = streams.entry(stream).or_insert((next_number, 0));
                columns.write_stream.push(stream);
                columns.write_stream_number.push(*number);
                columns.write_expected.push(expected_code(write.expected));
                columns.write_events.push(write.events.len() as i32);
                columns.write_before.push(*before);
                columns.write_first.push(columns.event_ids.len() as i64);
                *before += write.events.len() as i64;
                for (nth, event) in (0..).zip(&write.events) {
                    columns.event_write.push(columns.write_stream.len() as i32);
                    columns.event_nth.push(nth);
                    columns.event_ids.push(event_id(command_id, ordinal));
                    columns.event_commands.push(command_id);
                    columns.event_ordinals.push(ordinal.cast_signed());
                    columns.event_kinds.push(event.kind.as_str());
                    columns.event_data.push(&event.data);
                    columns.event_meta.push(&event.meta);
                    ordinal = ordinal.wrapping_add(1);
                }
            }
            columns.command_last_write.push(columns.write_stream.len() as i32);
        }
        columns
    }
}

fn expected_code(expected: Expected) -> i64 {
    match expected {
        Expected::NoStream => -1,
        Expected::Any => -2,
        Expected::StreamExists => -3,
        // No stream gets as far as the largest revision there is.
        Expected::Exact(revision) => i64::try_from(revision).unwrap_or(i64::MAX),
    }
}

/// What the server did with a batch.
pub(super) struct Answer {
    head_before: i64,
    pub(super) head_after: u64,
    /// `None`: everything was appended.
    verdicts: Option<Vec<(i16, i64)>>,
    /// Of each write.
    bases: Vec<i64>,
}

/// What became of one command.
pub(super) enum Outcome {
    Done(Result<Appended, LogError>),
    /// It was in the log before: its first event is there.
    InLog(u64),
    /// Like the command at this place of the batch.
    Same(usize),
}

/// One round trip, one transaction. When this returns, it has been committed, or has not.
pub(super) async fn send(connection: &mut PgConnection, requests: &[Request]) -> Result<Answer, Error> {
    let columns = Columns::of(requests);
    let query = sqlx::query(APPEND)
        .bind(&columns.command_ids)
        .bind(&columns.command_earlier)
        .bind(&columns.command_last_write)
        .bind(&columns.write_stream)
        .bind(&columns.write_stream_number)
        .bind(&columns.write_expected)
        .bind(&columns.write_events)
        .bind(&columns.write_before)
        .bind(&columns.write_first)
        .bind(&columns.event_write)
        .bind(&columns.event_nth)
        .bind(&columns.event_ids)
        .bind(&columns.event_commands)
        .bind(&columns.event_ordinals)
        .bind(&columns.event_kinds)
        .bind(&columns.event_data)
        .bind(&columns.event_meta);
    drop(columns);
    // All rows, not the first one: the row comes before the commit, the end of the rows behind it.
    let rows = query.fetch_all(connection).await?;
    Answer::read(rows.first().ok_or(Error::RowNotFound)?)
}

impl Answer {
    fn read(row: &PgRow) -> Result<Self, Error> {
        let verdicts: Option<Vec<i16>> = row.try_get(2)?;
        let details: Option<Vec<i64>> = row.try_get(3)?;
        Ok(Self {
            head_before: row.try_get(0)?,
            head_after: row.try_get::<i64, _>(1)?.cast_unsigned(),
            verdicts: verdicts
                .map(|verdicts| verdicts.into_iter().zip(details.unwrap_or_default()).collect()),
            bases: row.try_get::<Option<Vec<i64>>, _>(4)?.unwrap_or_default(),
        })
    }

    /// In the order of the requests.
    pub(super) fn outcomes(&self, requests: &[Request]) -> Vec<Outcome> {
        let mut head = self.head_before.cast_unsigned();
        let mut first_write = 0;
        let mut outcomes = Vec::with_capacity(requests.len());
        for (place, request) in requests.iter().enumerate() {
            let verdict = match &self.verdicts {
                None => Some((0, 0)),
                Some(verdicts) => verdicts.get(place).copied(),
            };
            let bases = self.bases.get(first_write..).unwrap_or_default();
            outcomes.push(match verdict {
                Some((0, _)) => Outcome::Done(Ok(appended(request, bases, &mut head))),
                Some((1, position)) => Outcome::InLog(position.cast_unsigned()),
                Some((2, write)) => {
                    let at = (write.cast_unsigned() as usize).saturating_sub(1 + first_write);
                    Outcome::Done(Err(conflict(request, bases, at)))
                }
                Some((3, place)) => Outcome::Same((place.cast_unsigned() as usize).saturating_sub(1)),
                Some((verdict, _)) => Outcome::Done(Err(unknown(&format!("verdict {verdict}")))),
                None => Outcome::Done(Err(unknown("no verdict"))),
            });
            first_write += request.append.writes.len();
        }
        outcomes
    }
}

fn revision(base: i64) -> Option<u64> {
    u64::try_from(base).ok()
}

fn appended(request: &Request, bases: &[i64], head: &mut u64) -> Appended {
    let mut events = Vec::with_capacity(request.events);
    for (write, base) in request.append.writes.iter().zip(bases) {
        let first = revision(*base).map_or(0, |revision| revision + 1);
        events.extend((first..).take(write.events.len()).map(|revision| (write.stream.clone(), revision)));
    }
    let first_position = if events.is_empty() { *head } else { *head + 1 };
    *head += events.len() as u64;
    Appended { first_position, last_position: *head, events, duplicate: false }
}

fn conflict(request: &Request, bases: &[i64], at: usize) -> LogError {
    match (request.append.writes.get(at), bases.get(at)) {
        (Some(write), Some(base)) => LogError::Conflict {
            stream: write.stream.clone(),
            expected: write.expected,
            actual: revision(*base),
        },
        _ => unknown("a conflict nowhere"),
    }
}

fn unknown(problem: &str) -> LogError {
    LogError::Corrupt { place: "nova.append".to_owned(), problem: format!("it answers with {problem}") }
}
