//! The port through which projections fill a store.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::change::Change;
use crate::error::ViewError;

/// By `view`: views that were found to be of another history than the log, and are filled again.
pub const OTHER_HISTORY: &str = "views_of_other_history_total";

/// The names of the projections. A store knows each by its name and keeps a cursor for each.
pub mod projection {
    pub const PROFILES: &str = "profiles";
    pub const POSTS: &str = "posts";
    pub const ENGAGEMENT: &str = "engagement";
    pub const GRAPH: &str = "graph";
    pub const CONVERSATIONS: &str = "conversations";
    pub const DELETIONS: &str = "deletions";

    pub const ALL: [&str; 6] = [PROFILES, POSTS, ENGAGEMENT, GRAPH, CONVERSATIONS, DELETIONS];
}

/// Which copy of a projection's view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// The one that readers see.
    Live,
    /// The one that a rebuild fills beside it.
    Next,
}

/// One step of a projection: everything in it takes effect together with the cursor, or nothing does.
#[derive(Debug, Clone, PartialEq)]
pub struct Apply {
    pub projection: &'static str,
    pub generation: Generation,
    /// In the order of their versions. Those of `redriven` streams are older than the cursor: what a store ignores it
    /// ignores by the version of the thing that changes, never by the cursor.
    pub changes: Vec<Change>,
    /// Events that could not be projected, and events of streams that are parked because of one.
    pub dead_letters: Vec<DeadLetter>,
    /// Streams whose dead letters have been projected by `changes`: they are taken off the list, before
    /// `dead_letters` (those of them that failed again) are put on it.
    pub redriven: Vec<String>,
    /// Everything up to this position has been projected. A lower one than the store's leaves the store's in place.
    pub cursor: u64,
}

/// An event that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    pub projection: String,
    pub stream: String,
    pub position: u64,
    pub kind: String,
    /// Why it could not be projected; for the ones behind it: that their stream is parked.
    pub error: String,
    pub parked_at: DateTime<Utc>,
}

/// What an operator sees of a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectionStatus {
    pub name: String,
    /// Counts the rebuilds.
    pub generation: u64,
    /// How far the live view is.
    pub position: u64,
    /// How far a rebuild is, when one is going on.
    pub rebuilding: Option<u64>,
    pub dead_letters: u64,
    /// Streams that are parked.
    pub parked_streams: u64,
}

/// The stores of a profile, as the projections see them.
#[async_trait::async_trait]
pub trait ViewWriter: Send + Sync + 'static {
    /// Where the projection goes on: the cursor of its last step that took effect, 0 when there was none.
    async fn cursor(&self, projection: &str, generation: Generation) -> Result<u64, ViewError>;

    /// Steps of one projection and generation come one at a time and in order.
    /// Shared, because a step that a store could not take is offered again.
    async fn apply(&self, step: Arc<Apply>) -> Result<(), ViewError>;

    /// Says that the projection has looked at everything up to `cursor`, with nothing to change: cheap, may be
    /// forgotten in a crash.
    async fn advance(&self, projection: &str, generation: Generation, cursor: u64) -> Result<(), ViewError>;

    /// Asked now and then while there is nothing to do: [`ViewError::Switched`] when the store has lost what it held, or
    /// another generation is live, so that it does not take a step to find out.
    async fn check(&self, _projection: &str, _generation: Generation) -> Result<(), ViewError> {
        Ok(())
    }

    /// Starts an empty next generation, dropping one that was left unfinished.
    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError>;

    /// Drops a next generation that was left unfinished, where the store can do so at once; the next beginning does otherwise.
    async fn give_up_rebuild(&self, _projection: &str) -> Result<(), ViewError> {
        Ok(())
    }

    /// Makes the next generation the live one, at once for every reader, and drops the old one.
    async fn switch(&self, projection: &str) -> Result<(), ViewError>;

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError>;

    /// Dead letters of one projection, or of all, in order of position; at most `limit`, those after `position`.
    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError>;
}
