//! Where entries live: plain arrays side by side, an index over their keys, and a bounded sweep.

use alloc::vec::Vec;

use crate::entry::Entry;
use crate::index::Index;
use crate::keys::{Key, NameId};
use crate::request::CredentialId;

/// An entry of the cache. It goes stale when the entry is evicted, and never comes to mean another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId {
    index: u32,
    generation: u32,
}

/// Generations wrap here, so that an id fits the 53 bits of a JavaScript number.
const GENERATIONS: u32 = 1 << 20;

/// No sweep takes an entry with this expiry, in seconds.
const NEVER: u32 = u32::MAX;

impl EntryId {
    /// The id as a number below 2^52.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        (u64::from(self.generation) << 32) | u64::from(self.index)
    }

    /// The id that [`Self::to_bits`] gave.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        let low = u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Self { index: low, generation: u32::try_from(bits >> 32).unwrap_or(u32::MAX) }
    }
}

/// What an entry carries beside its own state.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub entry: Entry,
    pub last_used: u32,
    generation: u32,
}

/// All entries. `expiries` and `keys` are apart, so that a sweep reads four bytes an entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    states: Vec<Slot>,
    expiries: Vec<u32>,
    keys: Vec<Key>,
    free: Vec<u32>,
    index: Index,
    cursor: usize,
}

impl Slots {
    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn get(&self, id: EntryId) -> Option<&Slot> {
        self.states.get(place(id.index)).filter(|slot| slot.generation == id.generation)
    }

    pub fn get_mut(&mut self, id: EntryId) -> Option<&mut Slot> {
        self.states.get_mut(place(id.index)).filter(|slot| slot.generation == id.generation)
    }

    pub fn key(&self, id: EntryId) -> Option<Key> {
        self.get(id)?;
        self.keys.get(place(id.index)).copied()
    }

    pub fn find(&self, key: &Key) -> Option<EntryId> {
        let found = self.index.find(key.hash(), &|index| self.keys.get(place(index)) == Some(key));
        found.and_then(|index| self.id_at(index))
    }

    /// Who was not used for longest goes first: a number of its own for each entry.
    pub fn turn(&self, id: EntryId) -> u64 {
        let last_used = self.get(id).map_or(0, |slot| slot.last_used);
        (u64::from(last_used) << 32) | u64::from(id.index)
    }

    pub fn insert(&mut self, key: Key, last_used: u32) -> EntryId {
        let index = self.free.pop().unwrap_or_else(|| self.grow(key));
        let mut generation = 0;
        if let Some(slot) = self.states.get_mut(place(index)) {
            generation = slot.generation;
            slot.entry = Entry::EMPTY;
            slot.last_used = last_used;
        }
        if let Some(place) = self.keys.get_mut(place(index)) {
            *place = key;
        }
        self.index.insert(key.hash(), index, &hash_in(&self.keys));
        EntryId { index, generation }
    }

    /// Takes an entry out and makes its id stale.
    pub fn remove(&mut self, id: EntryId) -> Option<Key> {
        let key = self.key(id)?;
        self.index.remove(key.hash(), id.index, &hash_in(&self.keys));
        if let Some(place) = self.keys.get_mut(place(id.index)) {
            *place = Key::GONE;
        }
        self.expire_at(id, NEVER);
        if let Some(slot) = self.get_mut(id) {
            slot.generation = slot.generation.wrapping_add(1) % GENERATIONS;
        }
        self.free.push(id.index);
        Some(key)
    }

    /// Notes when the sweep may take the entry, in milliseconds since the Unix epoch.
    pub fn sweep_after(&mut self, id: EntryId, unix_ms: i64) {
        let seconds = u32::try_from(unix_ms.saturating_add(999) / 1_000).unwrap_or(NEVER);
        self.expire_at(id, seconds);
    }

    /// The entries whose sweep time has come, among the next `budget` ones, and round again.
    pub fn swept(&mut self, unix_ms: i64, budget: usize) -> Vec<EntryId> {
        let now = u32::try_from(unix_ms / 1_000).unwrap_or(0);
        let count = self.expiries.len();
        let mut due = Vec::new();
        for _ in 0..budget.min(count) {
            let at = if self.cursor < count { self.cursor } else { 0 };
            self.cursor = at.wrapping_add(1);
            if self.expiries.get(at).is_some_and(|&expiry| expiry < now)
                && let Some(id) = u32::try_from(at).ok().and_then(|index| self.id_at(index))
            {
                due.push(id);
            }
        }
        due
    }

    /// The entries of a credential, or of all; and among them those of a set of scopes, or all.
    pub fn of(&self, credential: Option<CredentialId>, scopes: Option<NameId>) -> Vec<EntryId> {
        let mut found = Vec::new();
        for (index, key) in (0_u32..).zip(&self.keys) {
            if *key != Key::GONE
                && credential.is_none_or(|credential| key.credential == credential)
                && scopes.is_none_or(|name| key.scopes == name)
                && let Some(id) = self.id_at(index)
            {
                found.push(id);
            }
        }
        found
    }

    fn grow(&mut self, key: Key) -> u32 {
        let index = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        self.states.push(Slot { entry: Entry::EMPTY, last_used: 0, generation: 0 });
        self.expiries.push(NEVER);
        self.keys.push(key);
        index
    }

    fn id_at(&self, index: u32) -> Option<EntryId> {
        self.states.get(place(index)).map(|slot| EntryId { index, generation: slot.generation })
    }

    fn expire_at(&mut self, id: EntryId, seconds: u32) {
        if let Some(expiry) = self.expiries.get_mut(place(id.index)) {
            *expiry = seconds;
        }
    }
}

fn hash_in(keys: &[Key]) -> impl Fn(u32) -> u32 {
    |index| keys.get(place(index)).map_or(0, Key::hash)
}

fn place(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
