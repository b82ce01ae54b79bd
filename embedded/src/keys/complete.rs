//! Whether the keys are those of the log: every subject with a sealed event in it has a key or a tombstone.
//!
//! * A key is durable before the first event that is sealed under it, so keys that were copied after their log have what
//!   it needs. Keys that are older than the log, or of another installation, lack some: the start is refused.
//! * The file of the keys says up to which event they are known to be complete, and how many subjects it had then. Only
//!   what the log has behind that event is looked at. When the event is not in the log, or subjects have gone since, the
//!   whole log is.

use std::collections::HashSet;

use nova_eventlog::{EventMark, LogReader};
use nova_events::UserId;
use nova_events::codec::sealed_part;
use nova_events::seal::owner;

use super::keyring::KeyringError;
use super::store::KeyStore;

const PAGE_EVENTS: usize = 4_096;
/// Subjects that have just been looked up, 16 bytes each.
const REMEMBERED_MAX: usize = 100_000;

/// What the file of the keys says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Complete {
    pub(super) mark: EventMark,
    pub(super) subjects: u64,
}

/// Refuses keys that lack one which the log needs, or leaves a tombstone in its place when the operator has given it up.
pub(super) fn check(store: &mut KeyStore, log: &LogReader, give_up: bool) -> Result<(), KeyringError> {
    let from = known_up_to(store, log)?;
    if log.head().saturating_sub(from) > PAGE_EVENTS as u64 {
        tracing::info!(from, head = log.head(), "looking whether every subject of the log has a key");
    }
    let mut after = from;
    while let Some(missing) = first_missing(log, after, |subject| store.has(subject))? {
        if !give_up {
            return Err(missing.into());
        }
        tracing::error!(
            subject = %missing.subject,
            "the key of a subject is missing and given up: what is sealed under it is redacted for good"
        );
        store.destroy(missing.subject)?;
        after = missing.position - 1;
    }
    mark_complete(store, log)
}

fn known_up_to(store: &KeyStore, log: &LogReader) -> Result<u64, KeyringError> {
    let Some(complete) = store.complete()? else { return Ok(0) };
    let holds =
        store.subjects() >= complete.subjects && log.mark(complete.mark.position)? == Some(complete.mark);
    Ok(if holds { complete.mark.position } else { 0 })
}

/// Says that the keys are complete up to the head of the log. True at any time while one process appends to it with
/// these keys.
pub(super) fn mark_complete(store: &mut KeyStore, log: &LogReader) -> Result<(), KeyringError> {
    let Some(mark) = log.mark(log.head())? else { return Ok(()) };
    let subjects = store.subjects();
    store.set_complete(Complete { mark, subjects })
}

/// A subject whose events are in the log and whose key is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    pub(super) subject: UserId,
    pub(super) position: u64,
}

/// Returns the first subject with a sealed event behind position `after` that has neither a key nor a tombstone.
pub(super) fn first_missing(
    log: &LogReader,
    mut after: u64,
    has: impl Fn(UserId) -> Result<bool, KeyringError>,
) -> Result<Option<Missing>, KeyringError> {
    let mut found = HashSet::new();
    loop {
        let page = log.read(after, PAGE_EVENTS)?;
        for event in &page.events {
            // The decoder reports a part of another form.
            let Some(Ok((subject, _))) = sealed_part(&event.data).map(owner) else { continue };
            if found.contains(&subject) {
                continue;
            }
            if !has(subject)? {
                return Ok(Some(Missing { subject, position: event.position }));
            }
            if found.len() >= REMEMBERED_MAX {
                found.clear();
            }
            found.insert(subject);
        }
        if page.position >= page.head || page.position == after {
            return Ok(None);
        }
        after = page.position;
    }
}
