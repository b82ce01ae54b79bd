//! All that a breaker knows, in one word:
//!
//! | bits | what |
//! |---|---|
//! | 0..3 | state |
//! | 3 | half-open: a probe is under way |
//! | 4..12 | closed: consecutive failures; half-open: successful probes |
//! | 12..32 | generation |
//! | 32..64 | milliseconds: open until, probe's lease until, closed: the latest failure |
//!
//! Times and generations go round. A time is compared within the longest that it can be ahead; a generation comes again
//! after a million transitions, which no call outlives.

use serde::Serialize;

/// The state of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    Closed,
    Open,
    HalfOpen,
    /// By an operator.
    ForcedOpen,
    ForcedClosed,
}

impl BreakerState {
    /// As in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
        }
    }

    const fn bits(self) -> u64 {
        match self {
            Self::Closed => 0,
            Self::Open => 1,
            Self::HalfOpen => 2,
            Self::ForcedOpen => 3,
            Self::ForcedClosed => 4,
        }
    }
}

const STATE: u64 = 0b111;
const PROBING: u64 = 1 << 3;
const COUNT_AT: u32 = 4;
const COUNT: u64 = 0xff << COUNT_AT;
const GENERATION_AT: u32 = 12;
const GENERATION: u64 = 0xf_ffff << GENERATION_AT;
const TIME_AT: u32 = 32;
const TIME: u64 = 0xffff_ffff << TIME_AT;

/// Closed, no failures, generation 0 by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

impl Word {
    pub(super) fn state(self) -> BreakerState {
        match self.0 & STATE {
            0 => BreakerState::Closed,
            1 => BreakerState::Open,
            2 => BreakerState::HalfOpen,
            3 => BreakerState::ForcedOpen,
            _ => BreakerState::ForcedClosed,
        }
    }

    pub(super) fn is_probing(self) -> bool {
        self.0 & PROBING != 0
    }

    pub(super) fn count(self) -> u8 {
        ((self.0 & COUNT) >> COUNT_AT) as u8
    }

    pub(super) fn generation(self) -> u32 {
        ((self.0 & GENERATION) >> GENERATION_AT) as u32
    }

    pub(super) fn time(self) -> u32 {
        (self.0 >> TIME_AT) as u32
    }

    /// How long until its time. More than `most` means that the time is past, and the clock has gone round since.
    pub(super) fn time_left(self, now: u32, most: u32) -> u32 {
        let left = self.time().wrapping_sub(now);
        if left > most { 0 } else { left }
    }

    /// Another state: a new generation, with nothing counted, no probe and no time.
    pub(super) fn to(self, state: BreakerState) -> Self {
        Self(state.bits() | (self.next_generation().0 & GENERATION))
    }

    pub(super) fn next_generation(self) -> Self {
        let next = (u64::from(self.generation()) + 1) << GENERATION_AT & GENERATION;
        Self(self.0 & !GENERATION | next)
    }

    pub(super) fn with_count(self, count: u8) -> Self {
        Self(self.0 & !COUNT | u64::from(count) << COUNT_AT)
    }

    pub(super) fn at(self, time: u32) -> Self {
        Self(self.0 & !TIME | u64::from(time) << TIME_AT)
    }

    pub(super) fn with_probe(self, until: u32) -> Self {
        Self(self.0 | PROBING).at(until)
    }

    pub(super) fn without_probe(self) -> Self {
        Self(self.0 & !PROBING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_do_not_touch_each_other() {
        let word = Word::default().to(BreakerState::HalfOpen).with_probe(u32::MAX).with_count(255);
        assert_eq!((word.state(), word.is_probing(), word.count()), (BreakerState::HalfOpen, true, 255));
        assert_eq!((word.generation(), word.time()), (1, u32::MAX));
        let next = word.without_probe().at(7).with_count(1);
        assert_eq!((next.is_probing(), next.time(), next.count(), next.generation()), (false, 7, 1, 1));
        let closed = next.to(BreakerState::Closed);
        assert_eq!((closed.count(), closed.time(), closed.generation()), (0, 0, 2));
    }

    #[test]
    fn generations_go_round() {
        let last = Word(GENERATION);
        assert_eq!(last.next_generation(), Word(0));
    }

    #[test]
    fn a_time_that_the_clock_has_gone_round_is_past() {
        let word = Word::default().at(5);
        assert_eq!(word.time_left(u32::MAX - 4, 100), 10, "across the end of the clock");
        assert_eq!(word.time_left(5, 100), 0);
        assert_eq!(word.time_left(6, 100), 0, "just past");
    }
}
