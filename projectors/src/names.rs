//! The names of the metrics, all labelled with `projection`.

/// Events of the log that the projection has not seen yet.
pub(crate) const LAG_EVENTS: &str = "projection_lag_events";
/// How far the projection is in the log.
pub(crate) const POSITION: &str = "projection_position";
/// Events that it has projected, skipped ones not counted.
pub(crate) const EVENTS: &str = "projection_events_total";
/// Steps that a store has taken.
pub(crate) const STEPS: &str = "projection_steps_total";
/// How long a store took for a step.
pub(crate) const STEP_SECONDS: &str = "projection_step_seconds";
/// Times that a store, the keyring or the log did not answer and was asked again.
pub(crate) const RETRIES: &str = "projection_retries_total";
/// Events that were parked.
pub(crate) const DEAD_LETTERS: &str = "projection_dead_letters_total";
/// Streams that are parked.
pub(crate) const PARKED_STREAMS: &str = "projection_parked_streams";
