//! One fetch for all processes that share a store: Load, Lock, Load, Fetch, Save, Unlock, with its waits.
//!
//! A [`Walk`] gets one token for one caller, or for one job of a [`crate::Cache`]. The host performs [`Walk::step`], reports
//! what came of it with the input of the same name, and reads the next step, until that is [`Step::Done`]. Callers are
//! answered as soon as an input returns an [`Answer`]; the steps after it run behind them. As everywhere in this crate, no
//! token passes through: times, numbers and generations do.

use crate::cache::{MAX_RUNS, Stability};
use crate::policy::Policy;
use crate::random::Jitter;
use crate::time::{CLOCK_TOLERANCE, Instant};

/// A stored token that says to be acquired this much later than now, in milliseconds, is a miss: its clock was another.
pub const ACQUIRED_AHEAD: i64 = 60_000;
/// A stored failure answers for this long, in milliseconds: many times the longest pause between two looks.
pub const FAILURE_LASTS: i64 = 10_000;

/// What a walk is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The login under which it asks.
    pub login: Login,
    /// When the token that the asking process holds, and finds due, was acquired, in milliseconds since the Unix epoch.
    pub held: Option<i64>,
    /// The request answers a claims challenge: no stored token does, and no fetch of others.
    pub challenged: bool,
    /// How many runs before this one did not count, because the login moved.
    pub runs: u32,
    /// Nobody waits: callers have the held token meanwhile. Then a failure of a moment ago is answer enough.
    pub behind: bool,
}

/// Digests of the files that tell who is logged in. Equal ones mean the same login; 0 and 0 where nobody can change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Of the files that name the account: every login and logout touches them, and some harmless commands do.
    pub account: u64,
    /// Of the files that hold its secrets: a login touches them, and each fetch of az does.
    pub session: u64,
}

impl Login {
    /// Whether both are one login: a command that touched the account's files without a login left its secrets as they were.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        self.account == other.account || self.session == other.session
    }
}

/// How long the pauses of a walk are that found the lock taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// A look costs microseconds, and only this machine: 10 ms, each next pause half as long again, up to 200 ms.
    #[default]
    Near,
    /// A look goes over the network to a server that a fleet shares: 100 ms, each next pause twice as long, up to 2 s. A
    /// fetch of 1.5 s costs who waits for it four looks.
    Far,
}

impl Pace {
    /// The first pause, in milliseconds.
    #[must_use]
    pub const fn first(self) -> i64 {
        match self {
            Self::Near => 10,
            Self::Far => 100,
        }
    }

    /// The longest pause, in milliseconds.
    #[must_use]
    pub const fn longest(self) -> i64 {
        match self {
            Self::Near => 200,
            Self::Far => 2_000,
        }
    }

    fn after(self, pause: i64) -> i64 {
        let longer = match self {
            Self::Near => pause.saturating_add(pause / 2),
            Self::Far => pause.saturating_mul(2),
        };
        longer.min(self.longest())
    }
}

/// How long a walk may take. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A stored token must have more than this left.
    pub min_validity: u32,
    /// Whether that is scaled for short lives, as [`Policy::scale_short_lives`] says.
    pub scale_short_lives: bool,
    /// How long a walk waits for the fetch of another process before it takes one of two extra slots.
    pub patience: u32,
    /// When a walk that never had its turn ends with [`Answer::Exhausted`].
    pub limit: u32,
    /// How often it looks meanwhile.
    pub pace: Pace,
}

impl Terms {
    /// For a process that answers once, as the CLI and the shim: az promises its callers 300 s, and they give up after 10 s.
    pub const ONE_ANSWER: Self = Self {
        min_validity: 300_000,
        scale_short_lives: false,
        patience: 5_000,
        limit: 60_000,
        pace: Pace::Near,
    };

    /// For a process that holds its tokens in memory under this policy, by way of a store on this machine.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self {
            min_validity: policy.min_validity,
            scale_short_lives: policy.scale_short_lives,
            patience: (policy.fetch_limit / 2).min(30_000),
            limit: policy.fetch_limit,
            pace: Pace::Near,
        }
    }
}

/// The state of an entry that rises with each change, so that a result of before the change cannot replace it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation {
    /// Of the whole store: clearing it raises this.
    pub store: u64,
    /// Of the entry: saving and invalidating raise this.
    pub entry: u64,
}

/// What a Load found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The generation of the entry; the default where there never was one.
    pub generation: Generation,
    /// Its token; `None` where there is none, or none that can be read.
    pub token: Option<StoredToken>,
    /// The failure that the last fetch left.
    pub failure: Option<StoredFailure>,
}

/// Times of a stored token, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// When it ends.
    pub expires_at: i64,
    /// When its source was last asked for it.
    pub acquired_at: i64,
    /// How long ago that was on a clock that nobody can set, in milliseconds: boot time, where it was recorded in this boot.
    pub age: Option<i64>,
    /// The login under which it was fetched, as its files were after the fetch.
    pub login: Login,
}

impl StoredToken {
    /// Whether it answers who wants a token on these terms: valid, of this login and clock, and later than one that is held.
    /// A host may ask this of its first look, and begin a walk only where the answer is no.
    #[must_use]
    pub fn is_usable(&self, wanted: &Wanted, terms: &Terms, now: Instant) -> bool {
        let lifetime = self.expires_at.saturating_sub(self.acquired_at);
        let policy = Policy { scale_short_lives: terms.scale_short_lives, ..Policy::DEFAULT };
        let min_validity = i64::from(policy.scaled(terms.min_validity, lifetime));
        !wanted.challenged
            && self.expires_at.saturating_sub(now.unix_ms()) > min_validity
            && self.is_of_clock(now)
            && wanted.login.is(self.login)
            && wanted.held.is_none_or(|held| self.acquired_at > held)
    }

    /// The wall clock was not set back since it was acquired: else its expiry tells nothing.
    fn is_of_clock(&self, now: Instant) -> bool {
        let since = now.unix_ms().saturating_sub(self.acquired_at);
        since >= ACQUIRED_AHEAD.saturating_neg()
            && self.age.is_none_or(|age| since.saturating_add(CLOCK_TOLERANCE) >= age)
    }
}

/// A failure that a fetch left for those who waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFailure {
    /// A number that no other failure of the entry has: it tells a new failure from one that was there before.
    pub id: u64,
    /// When the fetch failed, in milliseconds since the Unix epoch.
    pub failed_at: i64,
    /// The login under which it failed.
    pub login: Login,
}

/// A lock of an entry. Each is held by one process at most, and is free once that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The lock for the one fetch.
    Fetch,
    /// The first extra slot, for those whose patience is over.
    FirstSlot,
    /// The second one.
    SecondSlot,
}

/// What the host does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Read the entry, and report with [`Walk::handle_loaded`] or [`Walk::handle_unreadable`].
    Load,
    /// Try the lock without waiting for it, and report with [`Walk::handle_locked`].
    Lock(Lane),
    /// Call [`Walk::handle_timeout`] at this time.
    Sleep {
        /// In monotonic milliseconds.
        until: i64,
    },
    /// Run the credential, and report with [`Walk::handle_fetched`].
    Fetch,
    /// Keep the fetched token, and report with [`Walk::handle_saved`].
    Save(Over),
    /// Keep the failure for those who wait, and report with [`Walk::handle_saved`].
    SaveFailure,
    /// Release the lock, and report with [`Walk::handle_unlocked`].
    Unlock(Lane),
    /// The walk is over.
    Done,
}

/// What a Save may replace. It compares while it holds the save lock, and raises the generation of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Only what was there at the second Load.
    Generation(Generation),
    /// Anything: the answer to a claims challenge counts more than what was fetched without the claims.
    Anything,
}

/// What came of trying a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    /// It is ours.
    Taken,
    /// Another process holds it.
    Busy,
    /// The store has no locks at this moment, for example because its folder cannot be written.
    Unavailable,
}

/// What came of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A token; and whether the login stayed the same meanwhile.
    Granted(Stability),
    /// The credential's `null`.
    Null,
    /// An error.
    Failed,
    /// Nothing that anybody waits for: the process does not want the result any more.
    Dropped,
}

/// What the callers get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// The token of the last Load.
    Stored,
    /// The failure of the last Load.
    StoredFailure,
    /// What the fetch brought: its token, `null` or error.
    Fetched,
    /// Nothing yet: the login moved, so look who is logged in and begin a new walk, with one more run.
    Again,
    /// An error: the login kept moving.
    LoginMoved,
    /// An error: other processes hold every slot and neither end nor bring a token.
    Exhausted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Looking,
    Locking(Lane),
    Sleeping(i64),
    LookingAgain(Lane),
    Fetching {
        lane: Option<Lane>,
        over: Over,
    },
    Saving {
        lane: Option<Lane>,
        over: Over,
    },
    SavingFailure(Lane),
    Unlocking(Lane),
    /// Nobody waits any more, but the lock that was being tried may turn out to be ours.
    Withdrawing(Lane),
    Done,
}

/// The way of one process to one token.
#[derive(Clone, Debug)]
pub struct Walk {
    wanted: Wanted,
    terms: Terms,
    jitter: Jitter,
    state: State,
    /// The failure that was there when the walk first read the entry: it answers nobody who came after it.
    before: Option<u64>,
    looked: bool,
    pause: i64,
    patience_ends_at: i64,
    limit_at: i64,
    first_slot: Lane,
}

impl Walk {
    /// A walk that begins now. The seed spreads the pauses: give each its own.
    #[must_use]
    pub fn new(wanted: Wanted, terms: Terms, seed: u64, now: Instant) -> Self {
        let mut jitter = Jitter::new(seed);
        // Those whose patience began together do not try the slots together.
        let patience = i64::from(terms.patience);
        let patience = patience.saturating_add(patience.saturating_mul(jitter.spread().abs()) / 5_000);
        let first_slot = if jitter.spread() < 0 { Lane::FirstSlot } else { Lane::SecondSlot };
        let fetching = State::Fetching { lane: None, over: Over::Anything };
        Self {
            wanted,
            terms,
            jitter,
            state: if wanted.challenged { fetching } else { State::Looking },
            before: None,
            looked: false,
            pause: terms.pace.first(),
            patience_ends_at: now.monotonic_ms().saturating_add(patience),
            limit_at: now.monotonic_ms().saturating_add(i64::from(terms.limit)),
            first_slot,
        }
    }

    /// What to do next. It stays the same until an input changes it.
    pub fn step(&self) -> Step {
        match self.state {
            State::Looking | State::LookingAgain(_) => Step::Load,
            State::Locking(lane) | State::Withdrawing(lane) => Step::Lock(lane),
            State::Sleeping(until) => Step::Sleep { until },
            State::Fetching { .. } => Step::Fetch,
            State::Saving { over, .. } => Step::Save(over),
            State::SavingFailure(_) => Step::SaveFailure,
            State::Unlocking(lane) => Step::Unlock(lane),
            State::Done => Step::Done,
        }
    }

    /// The entry was read; and whether the login is still the one of [`Wanted`], looked at with the token in hand.
    pub fn handle_loaded(&mut self, loaded: Loaded, stability: Stability, now: Instant) -> Option<Answer> {
        let is_due = self.step() == Step::Load;
        let found = self.look(&loaded, stability, now);
        if is_due && !self.looked {
            self.looked = true;
            self.before = loaded.failure.map(|failure| failure.id);
        }
        found
    }

    /// The entry could not be read. Nothing is known of it: what the next look finds may have been there before.
    pub fn handle_unreadable(&mut self, stability: Stability, now: Instant) -> Option<Answer> {
        self.look(&Loaded::default(), stability, now)
    }

    /// The lock was tried.
    pub fn handle_locked(&mut self, locking: Locking, now: Instant) -> Option<Answer> {
        match (self.state, locking) {
            (State::Locking(lane), Locking::Taken) => self.state = State::LookingAgain(lane),
            (State::Locking(_), Locking::Unavailable) => {
                self.state = State::Fetching { lane: None, over: Over::Generation(Generation::default()) };
            }
            (State::Locking(lane), Locking::Busy) => return self.wait_or_try_next(lane, now),
            (State::Withdrawing(lane), Locking::Taken) => self.state = State::Unlocking(lane),
            (State::Withdrawing(_), _) => self.state = State::Done,
            _ => {}
        }
        None
    }

    /// A pause may be over. Does nothing where it is not.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Sleeping(until) = self.state
            && now.monotonic_ms() >= until
        {
            self.state = State::Looking;
        }
    }

    /// The fetch has ended.
    pub fn handle_fetched(&mut self, ending: Ending) -> Option<Answer> {
        let State::Fetching { lane, over } = self.state else { return None };
        let released = lane.map_or(State::Done, State::Unlocking);
        let can_save = lane.is_some() || self.wanted.challenged;
        let (answer, state) = match ending {
            Ending::Granted(Stability::Steady) if can_save => {
                (Some(Answer::Fetched), State::Saving { lane, over })
            }
            Ending::Granted(Stability::Steady) | Ending::Null => (Some(Answer::Fetched), released),
            Ending::Granted(Stability::Moved { same_account }) => {
                (Some(self.moved(same_account, Answer::Fetched)), released)
            }
            Ending::Failed => (Some(Answer::Fetched), lane.map_or(State::Done, State::SavingFailure)),
            Ending::Dropped => (None, released),
        };
        self.state = state;
        answer
    }

    /// The token or the failure was kept, or could not be: either way nobody waits for it.
    pub fn handle_saved(&mut self) {
        if let State::Saving { lane: Some(lane), .. } | State::SavingFailure(lane) = self.state {
            self.state = State::Unlocking(lane);
        } else if let State::Saving { lane: None, .. } = self.state {
            self.state = State::Done;
        }
    }

    /// The lock was released.
    pub fn handle_unlocked(&mut self) {
        if let State::Unlocking(_) = self.state {
            self.state = State::Done;
        }
    }

    /// Nobody waits any more. The host ends a fetch that is under way; what is being saved is saved.
    pub fn cancel(&mut self) {
        self.state = match self.state {
            State::Looking | State::Sleeping(_) | State::Fetching { lane: None, .. } => State::Done,
            State::Locking(lane) => State::Withdrawing(lane),
            State::LookingAgain(lane) | State::Fetching { lane: Some(lane), .. } => State::Unlocking(lane),
            ending => ending,
        };
    }

    fn look(&mut self, loaded: &Loaded, stability: Stability, now: Instant) -> Option<Answer> {
        let lane = match self.state {
            State::Looking => None,
            State::LookingAgain(lane) => Some(lane),
            _ => return None,
        };
        let found = self.answer_of(loaded, stability, now);
        self.state = match (found, lane) {
            (Some(_), Some(lane)) => State::Unlocking(lane),
            (Some(_), None) => State::Done,
            (None, Some(lane)) => {
                State::Fetching { lane: Some(lane), over: Over::Generation(loaded.generation) }
            }
            (None, None) => State::Locking(Lane::Fetch),
        };
        found
    }

    fn answer_of(&self, loaded: &Loaded, stability: Stability, now: Instant) -> Option<Answer> {
        let usable = loaded.token.is_some_and(|token| token.is_usable(&self.wanted, &self.terms, now));
        if let Stability::Moved { same_account } = stability {
            return Some(self.moved(same_account && usable, Answer::Stored));
        }
        if usable {
            return Some(Answer::Stored);
        }
        loaded.failure.filter(|failure| self.answers_me(failure, now)).map(|_| Answer::StoredFailure)
    }

    /// It was left after this walk began, by a fetch that this walk waited for. Or nobody waits: else each process of a
    /// fleet would try a source that is down, one after the other.
    fn answers_me(&self, failure: &StoredFailure, now: Instant) -> bool {
        let age = now.unix_ms().saturating_sub(failure.failed_at);
        let is_later = self.looked && self.before != Some(failure.id);
        (is_later || self.wanted.behind)
            && (-ACQUIRED_AHEAD..=FAILURE_LASTS).contains(&age)
            && self.wanted.login.is(failure.login)
    }

    fn wait_or_try_next(&mut self, busy: Lane, now: Instant) -> Option<Answer> {
        if now.monotonic_ms() >= self.limit_at {
            self.state = State::Done;
            return Some(Answer::Exhausted);
        }
        let patient = now.monotonic_ms() < self.patience_ends_at;
        self.state = match busy {
            Lane::Fetch if !patient => State::Locking(self.first_slot),
            slot if slot == self.first_slot => State::Locking(other_than(slot)),
            _ => State::Sleeping(self.next_pause(now)),
        };
        None
    }

    fn next_pause(&mut self, now: Instant) -> i64 {
        let pause = self.pause.saturating_add(self.pause.saturating_mul(self.jitter.spread()) / 5_000);
        self.pause = self.terms.pace.after(self.pause);
        now.monotonic_ms().saturating_add(pause).min(self.limit_at.max(now.monotonic_ms().saturating_add(1)))
    }

    /// A run that the login moved under is repeated; the last one's token is handed out if it is the account's all the same.
    fn moved(&self, same_account: bool, token: Answer) -> Answer {
        if self.wanted.runs.saturating_add(1) < MAX_RUNS {
            return Answer::Again;
        }
        if same_account { token } else { Answer::LoginMoved }
    }
}

fn other_than(slot: Lane) -> Lane {
    if slot == Lane::FirstSlot { Lane::SecondSlot } else { Lane::FirstSlot }
}
