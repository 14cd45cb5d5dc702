//! What the simulated processes share: time, the login, the disk of the store and its locks; and what is true of them.

use std::collections::BTreeMap;

use azure_token_cache_core::walk::{Generation, Lane, Login};

use super::broken::Broken;
use super::sight::{Seen, Sight};

/// The number of an event: they are totally ordered.
pub type Moment = u64;

/// Who is logged in.
pub type User = u8;

/// What a token is for.
pub type Resource = u8;

/// Which entry of the store: that of each user and resource is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub user: User,
    pub resource: Resource,
}

/// A process, by its number.
pub type Pid = usize;

/// A token as its issuer knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub number: u32,
    pub key: Key,
    pub acquired_at: i64,
    pub expires_at: i64,
    /// When it was acquired, on the clock that nobody sets.
    pub acquired: i64,
    /// When it truly ends, on the clock that nobody sets.
    pub ends: i64,
    pub login: Login,
}

/// A failure that was kept for those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub id: u64,
    pub failed_at: i64,
    pub login: Login,
    pub ended: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    Lane(Lane),
    Save,
}

/// One entry of the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct File {
    pub token: Option<Token>,
    pub generation: u64,
    pub failure: Option<Failure>,
    /// Half of a new record is written over the old one.
    pub torn: bool,
    /// When it last changed.
    pub changed: Moment,
    /// When a failure was last left for those who wait, whether or not it was kept.
    pub failed: Option<Failure>,
}

/// Who is logged in, as the files tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    pub user: User,
    pub files: Login,
}

#[derive(Debug)]
pub struct Machine {
    pub broken: Option<Broken>,
    pub seen: Seen,
    /// Milliseconds since the machine started, those that it slept too: nobody sets this clock.
    pub elapsed: i64,
    pub monotonic: i64,
    pub unix: i64,
    pub login: LoggedIn,
    pub was_set_back: bool,
    /// One of so many fetches never ends by itself.
    pub hangs_once_in: usize,
    pub moment: Moment,
    files: BTreeMap<Key, File>,
    store_generation: u64,
    cleared: Moment,
    locks: BTreeMap<(Key, Lock), Pid>,
    last_number: u32,
}

impl Machine {
    pub fn new(broken: Option<Broken>) -> Self {
        Self {
            broken,
            seen: Seen::default(),
            elapsed: 1_000_000,
            monotonic: 1_000_000,
            unix: 1_700_000_000_000,
            login: LoggedIn { user: 0, files: Login { account: 1, session: 2 } },
            was_set_back: false,
            hangs_once_in: 12,
            moment: 0,
            files: BTreeMap::new(),
            store_generation: 0,
            cleared: 0,
            locks: BTreeMap::new(),
            last_number: 2,
        }
    }

    pub fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// A number that was never given before.
    pub fn number(&mut self) -> u32 {
        self.last_number += 1;
        self.last_number
    }

    pub fn pass(&mut self, millis: i64) {
        self.elapsed += millis;
        self.monotonic += millis;
        self.unix += millis;
    }

    pub fn sleep(&mut self, millis: i64) {
        self.seen.note(Sight::Slept);
        self.elapsed += millis;
        self.unix += millis;
    }

    pub fn set_back(&mut self, millis: i64) {
        self.seen.note(Sight::ClockSetBack);
        self.unix -= millis;
        self.was_set_back = true;
    }

    /// Somebody logs in.
    pub fn log_in(&mut self, user: User) {
        self.seen.note(if user == self.login.user { Sight::LoggedInAnew } else { Sight::LoggedInAsAnother });
        let (account, session) = (self.digest(), self.digest());
        self.login = LoggedIn { user, files: Login { account, session } };
    }

    /// A command rewrites the account's files, and nobody logs in.
    pub fn touch_account(&mut self) {
        self.seen.note(Sight::AccountTouched);
        self.login.files.account = self.digest();
    }

    /// az keeps what it fetched in a file of its own.
    pub fn touch_session(&mut self) {
        self.login.files.session = self.digest();
    }

    /// What a host reads, and the generation of it.
    pub fn read(&self, key: Key) -> (File, Generation) {
        let mut files = self.files.values();
        let other = if self.is(Broken::KeyIgnored) { files.find(|file| file.token.is_some()) } else { None };
        let file = other.copied().unwrap_or_else(|| self.file(key));
        (file, Generation { entry: file.generation, ..self.generation(key) })
    }

    /// What there is in truth.
    pub fn file(&self, key: Key) -> File {
        self.files.get(&key).copied().unwrap_or_default()
    }

    pub fn file_mut(&mut self, key: Key) -> &mut File {
        self.files.entry(key).or_default()
    }

    pub fn generation(&self, key: Key) -> Generation {
        Generation { store: self.store_generation, entry: self.file(key).generation }
    }

    /// When the entry, or the whole store, last changed.
    pub fn changed(&self, key: Key) -> Moment {
        self.file(key).changed.max(self.cleared)
    }

    /// Writes a tombstone.
    pub fn invalidate(&mut self, key: Key) {
        self.seen.note(Sight::Invalidated);
        self.replace(key, None);
    }

    /// Writes a token, or a tombstone.
    pub fn replace(&mut self, key: Key, token: Option<Token>) {
        let moment = self.moment;
        let file = self.file_mut(key);
        *file = File { token, generation: file.generation + 1, torn: false, changed: moment, ..*file };
    }

    /// Drops every entry; no result of before counts.
    pub fn clear(&mut self) {
        self.seen.note(Sight::Cleared);
        self.store_generation += 1;
        self.cleared = self.moment;
        for file in self.files.values_mut() {
            file.token = None;
        }
    }

    pub fn try_lock(&mut self, key: Key, lock: Lock, pid: Pid) -> bool {
        if self.is_locked(key, lock) && !self.is(Broken::LockForEveryone) {
            return false;
        }
        self.locks.insert((key, lock), pid);
        true
    }

    pub fn is_locked(&self, key: Key, lock: Lock) -> bool {
        self.locks.contains_key(&(key, lock))
    }

    pub fn unlock(&mut self, key: Key, lock: Lock) {
        self.locks.remove(&(key, lock));
    }

    pub fn is_saving(&self) -> bool {
        self.locks.keys().any(|(_, lock)| *lock == Lock::Save)
    }

    /// The locks of a process end with it.
    pub fn end(&mut self, pid: Pid) {
        if !self.is(Broken::LockOutlivesHolder) {
            self.locks.retain(|_, holder| *holder != pid);
        }
    }

    pub fn held_locks(&self) -> usize {
        self.locks.len()
    }

    fn digest(&mut self) -> u64 {
        u64::from(self.number())
    }
}
