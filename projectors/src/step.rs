//! The step that a projection is putting together: what its events change, and what is parked.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::Utc;
use nova_eventlog::StreamId;
use nova_views::{Apply, Change, DeadLetter, Generation};

use crate::decode::Decoded;
use crate::{Projection, names};

/// * A poison event goes to the dead letters and parks its stream: its later events follow it, so that what is
///   projected of a stream is always a prefix of it.
/// * Everything else goes on.
#[derive(Debug)]
pub(crate) struct StepBuilder {
    pub(crate) projection: &'static Projection,
    generation: Generation,
    pub(crate) parked: HashSet<StreamId>,
    changes: Vec<Change>,
    dead_letters: Vec<DeadLetter>,
    /// Events taken since the last [`Self::finish`].
    pub(crate) events: usize,
}

impl StepBuilder {
    pub(crate) fn new(
        projection: &'static Projection,
        generation: Generation,
        parked: HashSet<StreamId>,
    ) -> Self {
        Self { projection, generation, parked, changes: Vec::new(), dead_letters: Vec::new(), events: 0 }
    }

    pub(crate) fn take(&mut self, decoded: &Decoded) {
        self.events += 1;
        if !self.parked.is_empty() && self.parked.contains(decoded.stream()) {
            self.park(decoded, "an earlier event of its stream is parked".to_owned());
            return;
        }
        match self.project(decoded) {
            Ok(changes) => self.changes.extend(changes),
            Err(error) => {
                tracing::error!(
                    projection = self.projection.name,
                    stream = %decoded.stream(),
                    position = decoded.position(),
                    kind = decoded.kind(),
                    error,
                    "parked a stream"
                );
                self.parked.insert(decoded.stream().clone());
                self.park(decoded, error);
            }
        }
    }

    fn project(&self, decoded: &Decoded) -> Result<Vec<Change>, String> {
        match decoded {
            Decoded::Poison(poison) => Err(poison.error.clone()),
            // Projections do not panic. If one did, it would do so at every start: better one stream than all of them.
            Decoded::Event(envelope) => {
                catch_unwind(AssertUnwindSafe(|| (self.projection.project)(envelope)))
                    .map_err(|_| "the projection failed on it".to_owned())
            }
        }
    }

    fn park(&mut self, decoded: &Decoded, error: String) {
        metrics::counter!(names::DEAD_LETTERS, "projection" => self.projection.name).increment(1);
        self.dead_letters.push(DeadLetter {
            projection: self.projection.name.to_owned(),
            stream: decoded.stream().as_str().to_owned(),
            position: decoded.position(),
            kind: decoded.kind().to_owned(),
            error,
            parked_at: Utc::now(),
        });
    }

    pub(crate) fn holds_events(&self) -> bool {
        self.events > 0
    }

    pub(crate) fn changes_nothing(&self) -> bool {
        self.changes.is_empty() && self.dead_letters.is_empty()
    }

    pub(crate) fn finish(&mut self, cursor: u64, redriven: Vec<String>) -> Arc<Apply> {
        self.events = 0;
        Arc::new(Apply {
            projection: self.projection.name,
            generation: self.generation,
            changes: std::mem::take(&mut self.changes),
            dead_letters: std::mem::take(&mut self.dead_letters),
            redriven,
            cursor,
        })
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }
}
