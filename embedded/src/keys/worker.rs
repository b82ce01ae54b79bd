//! The thread that owns the file of the keys. What waits for it is answered together: first what only has to be looked
//! up, then all new subjects with one commit. Destructions come in their turn. Only this thread puts keys into the
//! cache, so none can get there after its destruction.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use nova_events::keyring::KeyError;
use nova_events::seal::DataKey;
use nova_events::{Class, UserId};
use quick_cache::sync::Cache;
use tokio::sync::oneshot;

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

pub(super) fn start(
    store: KeyStore,
    cache: Arc<KeyCache>,
) -> Result<(SyncSender<Request>, std::thread::JoinHandle<()>), KeyringError> {
    let (requests, waiting) = sync_channel(WAITING_MAX);
    let thread = std::thread::Builder::new()
        .name("nova-keys".to_owned())
        .spawn(move || Worker { store, cache }.run(&waiting))
        .map_err(|error| KeyringError::Io(error.kind()))?;
    Ok((requests, thread))
}

struct Worker {
    store: KeyStore,
    cache: Arc<KeyCache>,
}

impl Worker {
    fn run(&mut self, waiting: &Receiver<Request>) {
        while let Ok(first) = waiting.recv() {
            let mut to_make = Vec::new();
            for request in std::iter::once(first).chain(waiting.try_iter().take(WAITING_MAX)) {
                match request {
                    Request::Open { subject, class, answer } => {
                        let _ = answer.send(self.open(subject, class));
                    }
                    Request::Seal { subject, class, answer } => match self.open(subject, class) {
                        Ok(Some(key)) => drop(answer.send(Ok(key))),
                        Ok(None) => to_make.push((subject, class, answer)),
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

    fn open(&self, subject: UserId, class: Class) -> Result<Option<Arc<DataKey>>, KeyError> {
        if let Some(key) = self.cache.get(&(subject, class)) {
            return Ok(Some(key));
        }
        match self.store.load(subject)? {
            Held::Never | Held::Destroyed => Ok(None),
            Held::Keys(keys) => {
                let place = Class::ALL.iter().position(|each| *each == class).unwrap_or(0);
                let bytes = keys.as_chunks::<32>().0.get(place);
                let key = bytes.and_then(|bytes| DataKey::new(bytes).ok());
                let key = Arc::new(key.ok_or(KeyringError::Refused)?);
                self.cache.insert((subject, class), Arc::clone(&key));
                Ok(Some(key))
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
            let result = made
                .as_ref()
                .map_err(KeyError::from)
                .and_then(|()| self.open(subject, class)?.ok_or(KeyError::Destroyed(subject)));
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
