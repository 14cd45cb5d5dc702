//! Jitter from a seed: the same seed gives the same spread, so that a run can be replayed.

/// The splitmix64 generator (Steele, Lea and Flood 2014): one addition and three multiplications, any seed will do.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number in `-1000..=1000`.
    pub fn spread(&mut self) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        i64::try_from(mixed % 2_001).unwrap_or(0).saturating_sub(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_fills_its_range_and_repeats_with_its_seed() {
        let draw = |seed| {
            let mut jitter = Jitter::new(seed);
            (0..10_000).map(|_| jitter.spread()).collect::<alloc::vec::Vec<_>>()
        };
        let drawn = draw(1);
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
        assert!(drawn.iter().all(|spread| (-1_000..=1_000).contains(spread)));
        assert!(drawn.iter().any(|spread| *spread < -990) && drawn.iter().any(|spread| *spread > 990));
        let mean = drawn.iter().sum::<i64>() / 10_000;
        assert!((-30..=30).contains(&mean), "mean {mean}");
    }
}
