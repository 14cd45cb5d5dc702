//! An index over things that are kept elsewhere under small numbers: found by a hash, told apart by themselves.
//!
//! Numbers in open addressing: five to eleven bytes a thing, and one copy of the code for every kind of key, where a map
//! has one for each. Its order is never read.

use alloc::vec;
use alloc::vec::Vec;

/// Numbers by the hash of what they stand for. Several may have one hash, and several one meaning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// A power of two long, or empty; never full.
    places: Vec<u32>,
    held: usize,
}

/// A place without a number.
const FREE: u32 = u32::MAX;
const FEWEST_PLACES: usize = 8;

impl Index {
    pub fn len(&self) -> usize {
        self.held
    }

    /// The number under this hash that `is` what is looked for.
    pub fn find(&self, hash: u32, is: &dyn Fn(u32) -> bool) -> Option<u32> {
        let mut place = self.home(hash);
        loop {
            let number = self.at(place);
            if number == FREE || is(number) {
                return (number != FREE).then_some(number);
            }
            place = self.after(place);
        }
    }

    /// Adds a number. `hash_of` is that of any number held.
    pub fn insert(&mut self, hash: u32, number: u32, hash_of: &dyn Fn(u32) -> u32) {
        self.held = self.held.saturating_add(1);
        if self.held.saturating_mul(4) > self.places.len().saturating_mul(3) {
            self.grow(hash_of);
        }
        self.put(hash, number);
    }

    /// Takes a number out, and closes the gap that it leaves.
    pub fn remove(&mut self, hash: u32, number: u32, hash_of: &dyn Fn(u32) -> u32) {
        let mut gap = self.home(hash);
        while self.at(gap) != number {
            if self.at(gap) == FREE {
                return;
            }
            gap = self.after(gap);
        }
        self.held = self.held.saturating_sub(1);
        let mut place = self.after(gap);
        while self.at(place) != FREE {
            let home = self.home(hash_of(self.at(place)));
            // One that would be sought from behind the gap cannot fill it.
            if self.distance(home, place) >= self.distance(gap, place) {
                self.set(gap, self.at(place));
                gap = place;
            }
            place = self.after(place);
        }
        self.set(gap, FREE);
    }

    fn grow(&mut self, hash_of: &dyn Fn(u32) -> u32) {
        let length = self.places.len().saturating_mul(2).max(FEWEST_PLACES);
        let former = core::mem::replace(&mut self.places, vec![FREE; length]);
        for number in former.into_iter().filter(|&number| number != FREE) {
            self.put(hash_of(number), number);
        }
    }

    fn put(&mut self, hash: u32, number: u32) {
        let mut place = self.home(hash);
        while self.at(place) != FREE {
            place = self.after(place);
        }
        self.set(place, number);
    }

    fn at(&self, place: usize) -> u32 {
        self.places.get(place).copied().unwrap_or(FREE)
    }

    fn set(&mut self, place: usize, number: u32) {
        if let Some(slot) = self.places.get_mut(place) {
            *slot = number;
        }
    }

    fn home(&self, hash: u32) -> usize {
        usize::try_from(hash).unwrap_or(usize::MAX) & self.mask()
    }

    fn after(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.mask()
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }
}

/// A hash of numbers.
pub(crate) fn hash_of_numbers(numbers: &[u32]) -> u32 {
    spread(numbers.iter().fold(SEED, |hash, &number| step(hash, number)))
}

/// A hash of a text.
pub(crate) fn hash_of_text(text: &str) -> u32 {
    spread(text.bytes().fold(SEED, |hash, byte| step(hash, u32::from(byte))))
}

/// FNV-1a's first value and factor.
const SEED: u32 = 0x811c_9dc5;
const FACTOR: u32 = 0x0100_0193;

fn step(hash: u32, part: u32) -> u32 {
    (hash ^ part).wrapping_mul(FACTOR).rotate_left(5)
}

/// Lets every bit of a hash reach its lowest ones, which choose the place.
fn spread(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash ^ (hash >> 13)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    /// Few hashes, so that numbers crowd.
    fn crowded(number: u32) -> u32 {
        number % 5
    }

    #[test]
    fn what_was_inserted_and_not_removed_is_found() {
        let mut index = Index::default();
        let mut model = BTreeSet::new();
        let mut state = 1_u32;
        for _ in 0..20_000 {
            state = hash_of_numbers(&[state]);
            let number = state % 64;
            if model.insert(number) {
                index.insert(crowded(number), number, &crowded);
            } else if state & 0x400 == 0 {
                model.remove(&number);
                index.remove(crowded(number), number, &crowded);
            }
            assert_eq!(index.len(), model.len());
            for sought in 0..64 {
                let found = index.find(crowded(sought), &|number| number == sought);
                assert_eq!(found, model.contains(&sought).then_some(sought));
            }
        }
    }

    #[test]
    fn removing_what_is_not_there_changes_nothing() {
        let mut index = Index::default();
        index.remove(3, 3, &crowded);
        index.insert(3, 3, &crowded);
        index.remove(3, 8, &crowded);
        assert_eq!((index.len(), index.find(3, &|_| true)), (1, Some(3)));
    }

    #[test]
    fn numbers_in_a_row_spread() {
        let homes: BTreeSet<u32> = (0..1_000).map(|number| hash_of_numbers(&[7, number]) % 1_024).collect();
        assert!(homes.len() > 550, "{} of 1,024 places used, 638 are to be expected", homes.len());
    }
}
