//! Metrics of the reader over all stores.

/// By `source` of the answer, `none` for a feed that nobody could answer.
pub(super) const FEED_SECONDS: &str = "feed_request_duration_seconds";
/// By `event`: hit and miss (rankings of a moment ago), kept, page (a kept page was shown), none (there was no kept page),
/// hidden (a place was left out of a kept page), warmed.
pub(super) const FEED_CACHE: &str = "feed_cache_events";
/// Candidates for one ranking.
pub(super) const FEED_CANDIDATES: &str = "feed_candidate_count";
/// By `ladder`, `source`: answers of list and look-ups that have a ladder.
pub(super) const ANSWERS: &str = "read_answers_total";
/// By `ladder`, `rung`, `outcome` (same, different, failed, empty): lower rungs that were asked beside real reads.
pub(super) const SHADOWS: &str = "shadow_reads_total";
/// By `ladder`, `rung`: which share of the places of the answer the lower rung has too.
pub(super) const SHADOW_OVERLAP: &str = "shadow_overlap_ratio";
/// By `store`: 1 while a store lacks what was written to it and is not used for answers, else 0.
pub(super) const INCOMPLETE: &str = "views_store_incomplete";
/// By `store`: how often a store was found to have lost what was written to it.
pub(super) const LOSSES: &str = "views_store_losses_total";
