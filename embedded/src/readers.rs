//! The connections that questions use: a bounded number of sets, each with one connection to every view's live file,
//! opened when it is first needed.

use std::sync::Arc;

use nova_views::ViewError;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::file::ViewFile;
use crate::options::ViewsOptions;
use crate::sqlite;
use crate::store::Store;

#[derive(Debug)]
pub(crate) struct Readers {
    idle: Mutex<Vec<Reader>>,
    /// One permit for each set.
    pub(crate) permits: Arc<Semaphore>,
}

#[derive(Debug, Default)]
pub(crate) struct Reader {
    connections: [Option<OpenFile>; 6],
}

/// The connection is closed before the file is let go.
#[derive(Debug)]
struct OpenFile {
    connection: Connection,
    file: Arc<ViewFile>,
}

impl Readers {
    pub(crate) fn new(readers_max: usize) -> Self {
        Self { idle: Mutex::default(), permits: Arc::new(Semaphore::new(readers_max.max(1))) }
    }

    /// For a permit's holder.
    pub(crate) fn take(&self) -> Reader {
        self.idle.lock().pop().unwrap_or_default()
    }

    pub(crate) fn put_back(&self, mut reader: Reader, stores: &[Store]) {
        reader.close_old(stores);
        self.idle.lock().push(reader);
    }

    /// Lets go of the files that are not live any more. Those in use do so when they are put back.
    pub(crate) fn close_old(&self, stores: &[Store]) {
        self.idle.lock().iter_mut().for_each(|reader| reader.close_old(stores));
    }
}

impl Reader {
    fn close_old(&mut self, stores: &[Store]) {
        for (open, store) in self.connections.iter_mut().zip(stores) {
            if open.as_ref().is_some_and(|open| !Arc::ptr_eq(&open.file, &store.file())) {
                *open = None;
            }
        }
    }

    pub(crate) fn connection(
        &mut self,
        index: usize,
        store: &Store,
        options: &ViewsOptions,
    ) -> Result<&Connection, ViewError> {
        let live = store.file();
        let slot = &mut self.connections[index];
        if slot.as_ref().is_none_or(|open| !Arc::ptr_eq(&open.file, &live)) {
            *slot = None;
        }
        match slot {
            Some(open) => Ok(&open.connection),
            None => {
                let connection =
                    sqlite::open_reader(&live.path, options).map_err(|error| sqlite::view_error(&error))?;
                Ok(&slot.insert(OpenFile { connection, file: live }).connection)
            }
        }
    }
}
