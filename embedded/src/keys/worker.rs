//! The thread that owns the file of the keys. What waits for it is answered together: first what only has to be looked
//! up, then all new subjects with one commit. Destructions come in their turn. Only this thread puts keys into the
//! cache, so none can get there after its destruction.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use nova_eventlog::LogReader;
use nova_events::keyring::KeyError;
use nova_events::seal::DataKey;
use nova_events::{Class, UserId, streams};
use quick_cache::sync::Cache;
use tokio::sync::oneshot;

use super::complete;
use super::keyring::KeyringError;
use super::store::{Held, KeyStore};
use crate::epochs::IdHash;

pub(super) type KeyCache = Cache<(UserId, Class), Arc<DataKey>, quick_cache::UnitWeighter, IdHash>;
type Answer<T> = oneshot::Sender<Result<T, KeyError>>;

pub(super) enum Request {
    Open { subject: UserId, class: Class, answer: Answer<Option<Arc<DataKey>>> },
    Seal { subject: UserId, class: Class, answer: Answer<Arc<DataKey>> },
    Destroy { subject: UserId, answer: Answer<()> },
}

/// Requests that may wait; further ones wait for a place.
const WAITING_MAX: usize = 4_096;
/// How often the file records up to where it is complete: at most so much of the log is scanned after a kill.
const MARK_EVERY: Duration = Duration::from_secs(60);

pub(super) fn start(
    store: KeyStore,
    log: Option<LogReader>,
    cache: Arc<KeyCache>,
) -> Result<(SyncSender<Request>, std::thread::JoinHandle<()>), KeyringError> {
    let (requests, waiting) = sync_channel(WAITING_MAX);
    let thread = std::thread::Builder::new()
        .name("nova-keys".to_owned())
        .spawn(move || Worker { store, log, cache }.run(&waiting))
        .map_err(|error| KeyringError::Io(error.kind()))?;
    Ok((requests, thread))
}

/// What there is of a subject.
enum Found {
    Key(Arc<DataKey>),
    Destroyed,
    Never,
}

struct Worker {
    store: KeyStore,
    log: Option<LogReader>,
    cache: Arc<KeyCache>,
}

impl Worker {
    fn run(&mut self, waiting: &Receiver<Request>) {
        let mut marked = Instant::now();
        loop {
            let next = waiting.recv_timeout(MARK_EVERY);
            if next.is_err() || marked.elapsed() > MARK_EVERY {
                self.mark_complete();
                marked = Instant::now();
            }
            let first = match next {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut to_make = Vec::new();
            for request in std::iter::once(first).chain(waiting.try_iter().take(WAITING_MAX)) {
                match request {
                    Request::Open { subject, class, answer } => {
                        let found = self.find(subject, class);
                        let _ = answer.send(match found {
                            Ok(Found::Key(key)) => Ok(Some(key)),
                            Ok(Found::Destroyed) => Ok(None),
                            Ok(Found::Never) => Err(KeyError::Missing(subject)),
                            Err(error) => Err(error),
                        });
                    }
                    Request::Seal { subject, class, answer } => match self.find(subject, class) {
                        Ok(Found::Key(key)) => drop(answer.send(Ok(key))),
                        Ok(Found::Destroyed) => drop(answer.send(Err(KeyError::Destroyed(subject)))),
                        Ok(Found::Never) => match self.may_make(subject) {
                            Ok(()) => to_make.push((subject, class, answer)),
                            Err(error) => drop(answer.send(Err(error))),
                        },
                        Err(error) => drop(answer.send(Err(error))),
                    },
                    Request::Destroy { subject, answer } => {
                        // After those that were asked for before it.
                        self.make(&mut to_make);
                        let _ = answer.send(self.destroy(subject));
                    }
                }
            }
            self.make(&mut to_make);
        }
    }

    fn mark_complete(&mut self) {
        if let Some(log) = &self.log
            && let Err(error) = complete::mark_complete(&mut self.store, log)
        {
            tracing::warn!(%error, "cannot save up to where the keys are complete");
        }
    }

    /// Refuses to make keys for a user whom the log has: theirs are lost.
    fn may_make(&self, subject: UserId) -> Result<(), KeyError> {
        let Some(log) = &self.log else { return Ok(()) };
        match log.has_stream(&streams::user(subject)) {
            Ok(false) => Ok(()),
            Ok(true) => Err(KeyError::Missing(subject)),
            Err(error) => Err(KeyError::Unavailable(error.to_string())),
        }
    }

    fn find(&self, subject: UserId, class: Class) -> Result<Found, KeyError> {
        if let Some(key) = self.cache.get(&(subject, class)) {
            return Ok(Found::Key(key));
        }
        match self.store.load(subject)? {
            Held::Never => Ok(Found::Never),
            Held::Destroyed => Ok(Found::Destroyed),
            Held::Keys(keys) => {
                let place = Class::ALL.iter().position(|each| *each == class).unwrap_or(0);
                let bytes = keys.as_chunks::<32>().0.get(place);
                let key = bytes.and_then(|bytes| DataKey::new(bytes).ok());
                let key = Arc::new(key.ok_or(KeyringError::Refused)?);
                self.cache.insert((subject, class), Arc::clone(&key));
                Ok(Found::Key(key))
            }
        }
    }

    fn make(&mut self, waiting: &mut Vec<(UserId, Class, Answer<Arc<DataKey>>)>) {
        if waiting.is_empty() {
            return;
        }
        let subjects: Vec<UserId> = waiting.iter().map(|(subject, _, _)| *subject).collect();
        let made = self.store.make(&subjects);
        for (subject, class, answer) in waiting.drain(..) {
            let result =
                made.as_ref().map_err(KeyError::from).and_then(|()| match self.find(subject, class)? {
                    Found::Key(key) => Ok(key),
                    Found::Destroyed => Err(KeyError::Destroyed(subject)),
                    Found::Never => Err(KeyError::Missing(subject)),
                });
            let _ = answer.send(result);
        }
    }

    fn destroy(&mut self, subject: UserId) -> Result<(), KeyError> {
        let result = self.store.destroy(subject);
        for class in Class::ALL {
            self.cache.remove(&(subject, class));
        }
        Ok(result?)
    }
}
