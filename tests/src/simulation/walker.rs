//! Performs one walk on the simulated machine, a small step at a time, and checks what must hold at each.

use azure_token_cache_core::walk::{
    Answer, Ending, Lane, Loaded, Locking, Login, Over, Step, StoredFailure, StoredToken, Terms, Walk, Wanted,
};
use azure_token_cache_core::{Instant, Stability};

use super::broken::Broken;
use super::dice::Dice;
use super::machine::{Failure, Key, Lock, LoggedIn, Machine, Moment, Pid, Resource, Token};
use super::sight::Sight;
use super::violation::Violation;

/// A fetch lasts for so long, in milliseconds, that nobody sees its end.
const NEVER: i64 = i64::MAX;

/// How many processes can hold a lock of an entry.
const LANES: usize = 3;

/// What the source gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    Token(Token),
    Failure,
    Null,
}

/// A lock whose holder fetches.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub lane: Lane,
    /// The fetch never ends by itself.
    pub hangs: bool,
}

/// Who wants what.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    pub pid: Pid,
    pub resource: Resource,
    pub wanted: Wanted,
}

/// A Save has small steps of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saving {
    Locks,
    Compares,
    Writes,
    Renames,
    Unlocks,
}

#[derive(Debug)]
pub struct Walker {
    pub pid: Pid,
    pub walk: Walk,
    pub wanted: Wanted,
    /// Who is logged in as the walk begins: whose entry it reads and writes.
    pub asks_for: LoggedIn,
    pub key: Key,
    /// The token of the last Load.
    pub loaded: Option<Token>,
    pub fetched: Option<Token>,
    /// When it first looked: from then on it waits for others.
    began: Option<Moment>,
    began_at: i64,
    patience: i64,
    lane: Option<Lane>,
    /// When the entry was read under the lock, or the fetch began without one.
    read: Moment,
    /// Another process brought an answer while this one waited: seen by the truth, whatever the host reported.
    had_answer: Option<Violation>,
    fetch_began: Option<LoggedIn>,
    /// When the source answers, in monotonic milliseconds.
    fetch_ends: i64,
    saving: Saving,
}

impl Walker {
    pub fn new(errand: Errand, terms: Terms, seed: u64, machine: &Machine, now: Instant) -> Self {
        let Errand { pid, resource, wanted } = errand;
        let told = if machine.is(Broken::PatienceForgotten) { Terms { patience: 0, ..terms } } else { terms };
        Self {
            pid,
            walk: Walk::new(wanted, told, seed, now),
            wanted,
            asks_for: machine.login,
            key: Key { user: machine.login.user, resource },
            loaded: None,
            fetched: None,
            began: None,
            began_at: now.monotonic_ms(),
            patience: i64::from(terms.patience),
            lane: None,
            read: 0,
            had_answer: None,
            fetch_began: None,
            fetch_ends: 0,
            saving: if machine.is(Broken::CompareWithoutLock) { Saving::Compares } else { Saving::Locks },
        }
    }

    pub fn is_done(&self) -> bool {
        self.walk.step() == Step::Done
    }

    pub fn is_fetching(&self) -> bool {
        self.walk.step() == Step::Fetch && self.fetch_began.is_some()
    }

    /// Its fetch ends with its process, or where that ends it, and never by itself.
    pub fn is_hanging(&self) -> bool {
        self.is_fetching() && self.fetch_ends == NEVER
    }

    /// What is seen where its process dies now; `None` where it has finished.
    pub fn death(&self) -> Option<Sight> {
        Some(match (self.walk.step(), self.saving) {
            (Step::Load, _) if self.lane.is_none() => Sight::DiedBeforeLoad,
            (Step::Load, _) => Sight::DiedBeforeSecondLoad,
            (Step::Lock(_), _) => Sight::DiedBeforeLock,
            (Step::Sleep { .. }, _) => Sight::DiedAsleep,
            (Step::Fetch, _) if self.is_hanging() => Sight::DiedHanging,
            (Step::Fetch, _) if self.is_fetching() => Sight::DiedFetching,
            (Step::Fetch, _) => Sight::DiedBeforeFetch,
            (Step::Save(_), Saving::Locks) => Sight::DiedBeforeSave,
            (Step::Save(_), Saving::Compares) => Sight::DiedBeforeCompare,
            (Step::Save(_), Saving::Writes) => Sight::DiedBeforeWrite,
            (Step::Save(_), Saving::Renames) => Sight::DiedBeforeRename,
            (Step::Save(_), Saving::Unlocks) => Sight::DiedBeforeSaveUnlock,
            (Step::SaveFailure, _) => Sight::DiedBeforeSaveFailure,
            (Step::Unlock(_), _) => Sight::DiedBeforeUnlock,
            (Step::Done, _) => return None,
        })
    }

    /// The lock that it holds while it fetches.
    pub fn held(&self) -> Option<Held> {
        let lane = self.lane.filter(|_| self.is_fetching())?;
        Some(Held { lane, hangs: self.is_hanging() })
    }

    /// Whether the host can perform the next step now.
    pub fn is_able(&self, machine: &Machine, now: Instant) -> bool {
        match self.walk.step() {
            Step::Done => false,
            Step::Sleep { until } => now.monotonic_ms() >= until && !machine.is(Broken::SleepsForever),
            Step::Save(_) if self.saving == Saving::Locks => !machine.is_saving(),
            Step::Fetch if self.is_fetching() => now.monotonic_ms() >= self.fetch_ends,
            Step::Lock(lane) if machine.is(Broken::WaitsForLock) => {
                !machine.is_locked(self.key, Lock::Lane(lane))
            }
            _ => true,
        }
    }

    /// When the walk wants to be woken.
    pub fn wakes_at(&self) -> Option<i64> {
        match self.walk.step() {
            Step::Sleep { until } => Some(until),
            Step::Fetch if self.is_fetching() && !self.is_hanging() => Some(self.fetch_ends),
            _ => None,
        }
    }

    /// Performs the next step; a fetch is performed with [`Self::begin_fetch`] and [`Self::end_fetch`].
    pub fn perform(
        &mut self,
        others: &[Held],
        machine: &mut Machine,
        now: Instant,
    ) -> Result<Option<Answer>, Violation> {
        match self.walk.step() {
            Step::Load => return self.load(machine, now),
            Step::Lock(lane) => return Ok(self.try_lock(lane, others, machine, now)),
            Step::Sleep { .. } => self.walk.handle_timeout(now),
            Step::Save(over) => self.save(over, machine)?,
            Step::SaveFailure => self.save_failure(machine, now),
            Step::Unlock(lane) => {
                if !machine.is(Broken::LockNotReleased) {
                    machine.unlock(self.key, Lock::Lane(lane));
                }
                self.lane = None;
                self.walk.handle_unlocked();
            }
            Step::Fetch | Step::Done => {}
        }
        Ok(None)
    }

    pub fn begin_fetch(
        &mut self,
        others: &[Held],
        machine: &mut Machine,
        now: Instant,
        dice: &mut Dice,
    ) -> Result<(), Violation> {
        self.check_may_fetch(others, now)?;
        self.fetch_began = Some(machine.login);
        self.fetch_ends = now.monotonic_ms().saturating_add(Self::how_long(machine, dice));
        if self.wanted.challenged {
            self.read = machine.moment;
        }
        Ok(())
    }

    /// What the source brings to those who are logged in now, or were as the fetch began.
    pub fn bring(&mut self, machine: &mut Machine, now: Instant, dice: &mut Dice) -> Brought {
        match dice.below(8) {
            6 => return Brought::Failure,
            7 => return Brought::Null,
            _ => {}
        }
        if dice.once_in(2) {
            machine.touch_session();
        }
        let began = self.fetch_began.unwrap_or(machine.login);
        let of = if dice.once_in(2) { began } else { machine.login };
        let lifetime = dice.pick(&[3_600_000, 600_000, 4_000_000]);
        let token = Token {
            number: machine.number(),
            key: Key { user: of.user, ..self.key },
            acquired_at: now.unix_ms(),
            expires_at: now.unix_ms() + lifetime,
            acquired: machine.elapsed,
            ends: machine.elapsed + lifetime,
            login: machine.login.files,
        };
        self.fetched = Some(token);
        Brought::Token(token)
    }

    /// Whether the login is still the one that this walk asks for, and the token its own.
    pub fn stability(&self, machine: &Machine, token: Option<Token>) -> Stability {
        let compared = match self.fetch_began {
            Some(began) if machine.is(Broken::LoginComparedFromFetch) => began,
            _ => self.asks_for,
        };
        if compared.files.account == machine.login.files.account
            || machine.is(Broken::LoginNotCheckedAfterFetch) && self.fetch_began.is_some()
            || machine.is(Broken::LoginNotCheckedAfterLoad) && self.fetch_began.is_none()
        {
            return Stability::Steady;
        }
        let user = machine.login.user;
        Stability::Moved {
            same_account: user == self.asks_for.user && token.is_none_or(|token| token.key.user == user),
        }
    }

    pub fn end_fetch(&mut self, ending: Ending) -> Option<Answer> {
        self.fetch_began = None;
        self.walk.handle_fetched(ending)
    }

    fn check_may_fetch(&self, others: &[Held], now: Instant) -> Result<(), Violation> {
        if let Some(violation) = self.had_answer {
            return Err(violation);
        }
        let Some(lane) = self.lane else {
            return if self.wanted.challenged { Ok(()) } else { Err(Violation::FetchWithoutLock) };
        };
        if others.iter().any(|other| other.lane == lane) {
            return Err(Violation::TwoFetchesInLane);
        }
        if lane != Lane::Fetch && now.monotonic_ms() - self.began_at < self.patience {
            return Err(Violation::SlotTakenInPatience);
        }
        Ok(())
    }

    /// How long a fetch lasts, in milliseconds.
    fn how_long(machine: &mut Machine, dice: &mut Dice) -> i64 {
        if dice.once_in(machine.hangs_once_in) {
            machine.seen.note(Sight::FetchHung);
            return NEVER;
        }
        dice.pick(&[0, 0, 0, 0, 2_000, 12_000, 40_000])
    }

    fn load(&mut self, machine: &mut Machine, now: Instant) -> Result<Option<Answer>, Violation> {
        let (file, generation) = machine.read(self.key);
        if file.torn {
            return Err(Violation::TornRead);
        }
        self.read = machine.moment;
        let began = *self.began.get_or_insert(machine.moment);
        self.had_answer = self.lane.and_then(|_| self.answer_in_truth(began, machine, now));
        let stability = self.stability(machine, file.token);
        let blind = self.lane.is_some() && machine.is(Broken::NoSecondLoad);
        let loaded = Loaded {
            generation,
            token: file.token.filter(|_| !blind).map(|token| self.stored(&token, machine)),
            failure: file.failure.filter(|_| !blind).map(|failure| StoredFailure {
                id: self.number_of(&failure, machine),
                failed_at: failure.failed_at,
                login: failure.login,
            }),
        };
        self.loaded = file.token;
        let answer = self.walk.handle_loaded(loaded, stability, now);
        match answer {
            Some(Answer::Stored) => self.check_stored()?,
            Some(Answer::StoredFailure)
                if !self.wanted.behind && file.failure.is_none_or(|failure| failure.ended <= began) =>
            {
                return Err(Violation::FailureAnswersLatecomer);
            }
            _ => {}
        }
        Ok(answer)
    }

    fn number_of(&self, failure: &Failure, machine: &Machine) -> u64 {
        match machine.broken {
            Some(Broken::FailuresAlike) => 0,
            Some(Broken::FailuresNumberedAnew) => self.read,
            _ => failure.id,
        }
    }

    fn stored(&self, token: &Token, machine: &Machine) -> StoredToken {
        let unrecorded = machine.is(Broken::LoginNotRecorded);
        StoredToken {
            expires_at: token.expires_at,
            acquired_at: token.acquired_at,
            age: (!machine.is(Broken::AgeNotRecorded)).then_some(machine.elapsed - token.acquired),
            login: if unrecorded { self.wanted.login } else { token.login },
        }
    }

    fn check_stored(&self) -> Result<(), Violation> {
        let Some(token) = self.loaded else { return Err(Violation::AnswerWithoutToken) };
        let Login { account, session } = self.asks_for.files;
        if self.wanted.runs < 2 && token.login.account != account && token.login.session != session {
            return Err(Violation::TokenOfEarlierLogin);
        }
        Ok(())
    }

    /// What the entry holds for this walk, had the host read it rightly.
    fn answer_in_truth(&self, began: Moment, machine: &Machine, now: Instant) -> Option<Violation> {
        let file = machine.file(self.key);
        let mine = |login: Login| login == self.asks_for.files;
        if file.token.is_some_and(|token| {
            file.changed > began
                && mine(token.login)
                && self.wanted.held.is_none_or(|held| token.acquired_at > held)
                && token.acquired_at <= now.unix_ms()
                && token.expires_at - now.unix_ms() > 310_000
                && !machine.was_set_back
        }) {
            return Some(Violation::FetchDespiteToken);
        }
        file.failed.filter(|failure| {
            failure.ended > began
                && mine(failure.login)
                && (0..=5_000).contains(&(now.unix_ms() - failure.failed_at))
        })?;
        Some(Violation::FetchDespiteFailure)
    }

    fn try_lock(
        &mut self,
        lane: Lane,
        others: &[Held],
        machine: &mut Machine,
        now: Instant,
    ) -> Option<Answer> {
        let taken = machine.try_lock(self.key, Lock::Lane(lane), self.pid);
        if taken {
            self.lane = Some(lane);
        }
        machine.seen.note(if taken { lane.into() } else { Sight::FoundLaneBusy });
        let busy = if machine.is(Broken::BusyIsUnavailable) { Locking::Unavailable } else { Locking::Busy };
        let answer = self.walk.handle_locked(if taken { Locking::Taken } else { busy }, now);
        let hanging = others.iter().filter(|other| other.hangs).count();
        if taken && hanging > 0 {
            machine.seen.note(Sight::TookSlotBesideHanging);
        }
        if answer == Some(Answer::Exhausted) && hanging == LANES {
            machine.seen.note(Sight::ExhaustedByHanging);
        }
        answer
    }

    fn save(&mut self, over: Over, machine: &mut Machine) -> Result<(), Violation> {
        let key = self.key;
        match self.saving {
            Saving::Locks => {
                machine.try_lock(key, Lock::Save, self.pid);
                self.saving =
                    if machine.is(Broken::CompareWithoutLock) { Saving::Writes } else { Saving::Compares };
            }
            Saving::Compares => {
                let may = machine.is(Broken::SaveWithoutCompare) || Self::may_replace(over, key, machine);
                machine.seen.note(match (may, over) {
                    (false, _) => Sight::SaveRefused,
                    (true, Over::Generation(_)) => Sight::Saved,
                    (true, Over::Anything) => Sight::SavedOverAnything,
                });
                self.saving = match may {
                    true if machine.is(Broken::CompareWithoutLock) => Saving::Locks,
                    true => Saving::Writes,
                    false => Saving::Unlocks,
                };
            }
            Saving::Writes => {
                if machine.is(Broken::SaveWithoutRename) {
                    machine.file_mut(key).torn = true;
                }
                self.saving = Saving::Renames;
            }
            Saving::Renames => {
                if over != Over::Anything && machine.changed(key) > self.read {
                    return Err(Violation::OlderReplacesNewer);
                }
                if self.fetched.is_none_or(|token| token.key != key) {
                    return Err(Violation::KeptForAnother);
                }
                machine.replace(key, self.fetched);
                self.saving = Saving::Unlocks;
            }
            Saving::Unlocks => {
                machine.unlock(key, Lock::Save);
                self.walk.handle_saved();
            }
        }
        Ok(())
    }

    fn may_replace(over: Over, key: Key, machine: &Machine) -> bool {
        match over {
            Over::Generation(expected) => machine.generation(key) == expected,
            Over::Anything => true,
        }
    }

    fn save_failure(&mut self, machine: &mut Machine, now: Instant) {
        let failure = Failure {
            id: u64::from(machine.number()),
            failed_at: now.unix_ms(),
            login: self.asks_for.files,
            ended: machine.moment,
        };
        let keeps = !machine.is(Broken::FailureNotKept);
        let file = machine.file_mut(self.key);
        file.failed = Some(failure);
        if keeps {
            file.failure = Some(failure);
        }
        self.walk.handle_saved();
    }
}
