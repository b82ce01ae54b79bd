use std::time::Duration;

/// Why a view store did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// The store cannot be reached or is too slow. What it held is not lost: views are rebuilt from the log.
    #[error("the view store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored is not what was written.
    #[error("the view store is corrupt: {0}")]
    Corrupt(String),
    /// The store was written by another version of Nova.
    #[error("the view store has schema version {found}, this program knows {known}: {remedy}")]
    Schema { found: u32, known: u32, remedy: String },
    #[error("the cursor is not one that Nova gave out")]
    BadCursor,
    #[error("the search text {0}")]
    BadQuery(&'static str),
    /// Another generation of the projection has become the live one: ask for its cursor, and go on from there.
    #[error("another generation of the projection is live now")]
    Switched,
    #[error("no projection is called {0:?}")]
    UnknownProjection(String),
    /// The views did not reach the position that was asked for in time.
    #[error("the views are at position {applied}, not yet at {wanted} after {waited:?}")]
    Behind { wanted: u64, applied: u64, waited: Duration },
}
