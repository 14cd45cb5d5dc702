//! What the simulated processes share: time, the login, the disk of the store and its locks; and what is true of them.

use std::collections::BTreeMap;

use azure_token_cache_core::walk::{Generation, Lane, Login};

use super::broken::Broken;
use super::sight::{Seen, Sight};

/// The number of an event: they are totally ordered.
pub type Moment = u64;

/// Who is logged in: the entry of each user is another.
pub type User = u8;

/// A process, by its number.
pub type Pid = usize;

/// A token as its issuer knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub number: u32,
    pub user: User,
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
    pub moment: Moment,
    files: BTreeMap<User, File>,
    store_generation: u64,
    cleared: Moment,
    locks: BTreeMap<(User, Lock), Pid>,
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

    pub fn file(&self, user: User) -> File {
        let read = if self.is(Broken::KeyIgnored) {
            self.files.values().find(|file| file.token.is_some()).or(self.files.get(&user))
        } else {
            self.files.get(&user)
        };
        read.copied().unwrap_or_default()
    }

    pub fn file_mut(&mut self, user: User) -> &mut File {
        self.files.entry(user).or_default()
    }

    pub fn generation(&self, user: User) -> Generation {
        Generation { store: self.store_generation, entry: self.file(user).generation }
    }

    /// When the entry, or the whole store, last changed.
    pub fn changed(&self, user: User) -> Moment {
        self.file(user).changed.max(self.cleared)
    }

    /// Writes a tombstone.
    pub fn invalidate(&mut self, user: User) {
        self.seen.note(Sight::Invalidated);
        self.replace(user, None);
    }

    /// Writes a token, or a tombstone.
    pub fn replace(&mut self, user: User, token: Option<Token>) {
        let moment = self.moment;
        let file = self.file_mut(user);
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

    pub fn try_lock(&mut self, user: User, lock: Lock, pid: Pid) -> bool {
        if self.is_locked(user, lock) && !self.is(Broken::LockForEveryone) {
            return false;
        }
        self.locks.insert((user, lock), pid);
        true
    }

    pub fn is_locked(&self, user: User, lock: Lock) -> bool {
        self.locks.contains_key(&(user, lock))
    }

    pub fn unlock(&mut self, user: User, lock: Lock) {
        self.locks.remove(&(user, lock));
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
