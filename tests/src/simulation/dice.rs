//! Choices from a seed, kept so that a failing schedule can be replayed and made shorter.

use crate::splitmix::SplitMix;

/// Where the next choice comes from.
#[derive(Debug)]
pub struct Dice {
    seeded: SplitMix,
    replayed: Option<Vec<u32>>,
    /// Every choice so far, as the number that was drawn.
    pub drawn: Vec<u32>,
}

impl Dice {
    /// Choices from a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seeded: SplitMix(seed), replayed: None, drawn: Vec::new() }
    }

    /// The same choices again; zeros after the last.
    #[must_use]
    pub fn replaying(choices: Vec<u32>) -> Self {
        Self { seeded: SplitMix(0), replayed: Some(choices), drawn: Vec::new() }
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
        u32::try_from(self.seeded.number() >> 32).unwrap_or(0)
    }
}
