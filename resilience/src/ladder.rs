//! An answer from the best source that works. The sources (rungs) are tried from the best down; the first that answers
//! is the answer, and its name goes with it. What is wrong with the question itself ends the ladder: no other source would
//! answer it.
//!
//! A ladder is for reads. A write has one place to go to.

use metrics::counter;

use crate::guard::Verdict;

/// By `ladder`, `rung`, `outcome`: answered, empty, failed, refused.
pub const RUNGS: &str = "ladder_rungs_total";

/// What a rung answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    pub value: T,
    /// The rung that answered.
    pub rung: &'static str,
    /// It is not the best one.
    pub degraded: bool,
}

/// One climb down. `judge` tells what is wrong with a source from what is wrong with the question.
#[derive(Debug)]
pub struct Ladder<E> {
    name: &'static str,
    judge: fn(&E) -> Verdict,
    degraded: bool,
    failure: Option<E>,
}

impl<E> Ladder<E> {
    /// `name` is what is asked for, in metrics.
    pub fn new(name: &'static str, judge: fn(&E) -> Verdict) -> Self {
        Self { name, judge, degraded: false, failure: None }
    }

    /// Asks the next source. `Ok(None)`: it does not know, or does not answer; go on. `Err`: nobody would.
    pub async fn try_rung<T>(
        &mut self,
        rung: &'static str,
        work: impl Future<Output = Result<Option<T>, E>>,
    ) -> Result<Option<Answered<T>>, E> {
        let outcome = |outcome: &'static str| {
            counter!(RUNGS, "ladder" => self.name, "rung" => rung, "outcome" => outcome).increment(1);
        };
        match work.await {
            Ok(Some(value)) => {
                outcome("answered");
                Ok(Some(Answered { value, rung, degraded: self.degraded }))
            }
            Ok(None) => {
                outcome("empty");
                self.degraded = true;
                Ok(None)
            }
            Err(error) => match (self.judge)(&error) {
                Verdict::Failed(_) => {
                    outcome("failed");
                    self.degraded = true;
                    // The best source's failure says most.
                    self.failure.get_or_insert(error);
                    Ok(None)
                }
                Verdict::Fine => {
                    outcome("refused");
                    Err(error)
                }
            },
        }
    }

    /// Whether a source above has not answered.
    pub fn is_degraded(&self) -> bool {
        self.degraded
    }

    /// No source answered: what the first that failed said, or else `otherwise`.
    pub fn exhausted(self, otherwise: impl FnOnce() -> E) -> E {
        self.failure.unwrap_or_else(otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(error: &&'static str) -> Verdict {
        if *error == "bad question" { Verdict::Fine } else { Verdict::Failed("down") }
    }

    #[tokio::test]
    async fn the_first_that_answers_is_the_answer() {
        let mut ladder = Ladder::new("feed", judge);
        assert_eq!(ladder.try_rung("best", async { Err::<Option<u8>, _>("down") }).await, Ok(None));
        assert_eq!(ladder.try_rung("next", async { Ok(None::<u8>) }).await, Ok(None));
        let third = ladder.try_rung("third", async { Ok(Some(3)) }).await;
        assert_eq!(third, Ok(Some(Answered { value: 3, rung: "third", degraded: true })));
    }

    #[tokio::test]
    async fn the_best_is_not_degraded() {
        let mut ladder = Ladder::new("feed", judge);
        let best = ladder.try_rung("best", async { Ok(Some(1)) }).await.unwrap().unwrap();
        assert!(!best.degraded);
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_question_ends_it() {
        let mut ladder = Ladder::new("feed", judge);
        assert_eq!(
            ladder.try_rung("best", async { Err::<Option<u8>, _>("bad question") }).await,
            Err("bad question")
        );
    }

    #[tokio::test]
    async fn without_any_answer_the_first_failure_is_told() {
        let mut ladder = Ladder::new("feed", judge);
        for failure in ["first", "second"] {
            assert_eq!(ladder.try_rung("one", async { Err::<Option<u8>, _>(failure) }).await, Ok(None));
        }
        assert_eq!(ladder.exhausted(|| "none"), "first");
        assert_eq!(Ladder::new("feed", judge).exhausted(|| "none"), "none");
    }
}
