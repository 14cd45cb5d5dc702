//! Makes a failing schedule short.

use super::broken::Broken;
use super::dice::Dice;
use super::schedule::Schedule;
use super::violation::Violation;

/// Choices after which something goes wrong, in so many events.
pub struct Shortening {
    pub choices: Vec<u32>,
    pub events: u64,
    pub violation: Violation,
    pub broken: Option<Broken>,
}

impl Shortening {
    /// Leaves out and zeroes choices as long as the same goes wrong, after no more events.
    pub fn finish(mut self) -> Vec<u32> {
        // Where even all of them lead elsewhere, fewer would prove nothing.
        if !self.takes(self.choices.clone()) {
            return self.choices;
        }
        loop {
            let before = (self.choices.len(), self.events);
            let mut length = self.choices.len().div_ceil(2);
            while length > 0 {
                self.try_without(length);
                length /= 2;
            }
            if (self.choices.len(), self.events) == before {
                return self.choices;
            }
        }
    }

    /// Tries to do without so many choices that follow each other, wherever they are.
    fn try_without(&mut self, length: usize) {
        let mut from = 0;
        while from + length <= self.choices.len() {
            let mut fewer = self.choices.clone();
            fewer.drain(from..from + length);
            let mut zeroed = self.choices.clone();
            zeroed[from..from + length].fill(0);
            if !self.takes(fewer) {
                let _ = zeroed != self.choices && self.takes(zeroed);
                from += length;
            }
        }
    }

    fn takes(&mut self, choices: Vec<u32>) -> bool {
        let mut schedule = Schedule::new(Dice::replaying(choices.clone()), self.broken);
        let shows = schedule.run() == Err(self.violation) && schedule.events() <= self.events;
        if shows {
            (self.choices, self.events) = (choices, schedule.events());
        }
        shows
    }
}
