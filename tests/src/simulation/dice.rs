//! Choices from a seed, kept so that a failing schedule can be replayed and made shorter.

/// Where the next choice comes from.
#[derive(Debug)]
pub struct Dice {
    state: u64,
    replayed: Option<Vec<u32>>,
    /// Every choice so far, as the number that was drawn.
    pub drawn: Vec<u32>,
}

impl Dice {
    /// The splitmix64 generator, as in core; a test must not depend on what it tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed, replayed: None, drawn: Vec::new() }
    }

    /// The same choices again; zeros after the last.
    #[must_use]
    pub fn replaying(choices: Vec<u32>) -> Self {
        Self { state: 0, replayed: Some(choices), drawn: Vec::new() }
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number = match &self.replayed {
            Some(choices) => choices.get(self.drawn.len()).copied().unwrap_or(0),
            None => self.next(),
        };
        self.drawn.push(number);
        usize::try_from(number).unwrap_or(0) % end
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True once in `times`, and never in a replay that ran out of choices.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// Whether a replay has used all its choices.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.replayed.as_ref().is_some_and(|choices| self.drawn.len() >= choices.len())
    }

    fn next(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0)
    }
}
