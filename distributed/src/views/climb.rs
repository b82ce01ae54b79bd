//! One way down a ladder of sources. A rung that needs a store which has failed on the way is passed over: nobody waits
//! for the same store twice.

use nova_resilience::{Ladder, Verdict};
use nova_views::ViewError;

use super::sources::{Source, SourceError, Sourced, Sources, judge_source};

pub(super) struct Climb {
    ladder: Ladder<SourceError>,
    /// Bits of the stores that have failed.
    out: u8,
    degraded: bool,
}

impl Climb {
    pub(super) fn new(name: &'static str) -> Self {
        Self { ladder: Ladder::new(name, judge_source), out: 0, degraded: false }
    }

    /// Asks the next source. `None`: it has nothing, or does not answer; go on. An error: nobody would answer that.
    pub(super) async fn rung<T>(
        &mut self,
        name: &'static str,
        needs: &[Source],
        work: impl Future<Output = Sourced<Option<T>>> + Send,
    ) -> Result<Option<T>, ViewError> {
        if needs.iter().any(|source| self.is_out(*source)) {
            self.degraded = true;
            return Ok(None);
        }
        // Apart from the others: a ladder's future would be as large as all of its rungs.
        let found = Box::pin(work).await;
        if let Err(failure) = &found
            && let Some(source) = failure.source
            && matches!(judge_source(failure), Verdict::Failed(_))
        {
            tracing::debug!(rung = name, store = source.name(), error = %failure.error, "a source does not answer");
            self.out |= source.bit();
        }
        let answered = self.ladder.try_rung(name, async { found }).await.map_err(|failure| failure.error)?;
        Ok(answered.map(|answered| answered.value))
    }

    /// Whether a store has failed on the way.
    pub(super) fn is_out(&self, source: Source) -> bool {
        self.out & source.bit() != 0
    }

    /// A store whose breaker is open need not be asked to know that it does not answer.
    pub(super) fn pass_over(&mut self, sources: &Sources, source: Source) {
        if sources.is_out(source) {
            self.out |= source.bit();
            self.degraded = true;
        }
    }

    /// A better source should have answered.
    pub(super) fn is_degraded(&self) -> bool {
        self.degraded || self.ladder.is_degraded()
    }

    /// No source answers.
    pub(super) fn exhausted(self) -> ViewError {
        let none = || ViewError::Unavailable("no source answers".to_owned()).into();
        self.ladder.exhausted(none).error
    }
}
