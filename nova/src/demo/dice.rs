//! Chance from a seed, the same on every machine and in every version of every library.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice for one purpose: `what` and `number` tell them from all others, so that a change in one part of the demo
    /// leaves the other parts as they are.
    pub(crate) fn of(what: &str, number: u64) -> Self {
        let mut state = 0x6e6f_7661_6465_6d6f_u64;
        for byte in what.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut dice = Self(state ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0, less than 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// 0 to `n - 1`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to.saturating_sub(from) + 1)
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// A number that is mostly near 0 and sometimes large: Pareto with the given exponent, cut at `most`.
    pub(crate) fn heavy_tail(&mut self, exponent: f64, most: f64) -> f64 {
        let u = 1.0 - self.unit();
        (u.powf(-1.0 / exponent) - 1.0).min(most)
    }

    /// An exponential waiting time with this mean.
    pub(crate) fn waiting(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_for_ever() {
        let mut dice = Dice::of("posts", 3);
        let mut again = Dice::of("posts", 3);
        let mut other = Dice::of("posts", 4);
        let (a, b, c): (Vec<_>, Vec<_>, Vec<_>) = (
            (0..5).map(|_| dice.next()).collect(),
            (0..5).map(|_| again.next()).collect(),
            (0..5).map(|_| other.next()).collect(),
        );
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut dice = Dice::of("range", 0);
        for _ in 0..10_000 {
            assert!(dice.below(7) < 7);
            assert!((2..=4).contains(&dice.between(2, 4)));
            assert!(dice.waiting(2.0) >= 0.0);
            assert!((0.0..=50.0).contains(&dice.heavy_tail(1.1, 50.0)));
        }
        assert_eq!(dice.below(0), 0);
    }
}
