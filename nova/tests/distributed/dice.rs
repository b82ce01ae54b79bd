//! Choices that can be repeated (SplitMix64).

#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Of the environment, or of the clock. Printed, so that it can be repeated.
    pub(crate) fn of_this_run() -> Self {
        let seed = std::env::var("NOVA_CHAOS_SEED").map_or_else(
            |_| u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap_or_default(),
            |text| text.parse().expect("NOVA_CHAOS_SEED is a number"),
        );
        println!("NOVA_CHAOS_SEED={seed}");
        Self(seed)
    }

    /// Others, which these determine.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len() as u64) as usize).cloned()
    }
}
