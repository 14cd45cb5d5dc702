//! The state of one token, pure: which line of the decision table answers, and what an answer changes.

use crate::policy::{CLAIMS_ANSWER, HALF_LIFE_FROM, Policy, RETRY_AFTER_MAX};
use crate::time::{Instant, minus, plus};

/// Times of a token that a fetch brought. All in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// When the token ends.
    pub expires_at: i64,
    /// When its source wishes it to be refreshed.
    pub refresh_at: Option<i64>,
    /// When it was issued, where that is known; else its life counts from the fetch.
    pub issued_at: Option<i64>,
    /// It equals the token that the host holds for the entry.
    pub unchanged: bool,
    /// The login session under which it was fetched: see [`crate::cache::IdentityChange::Touched`].
    pub session: u32,
}

/// Why a fetch failed, as far as it matters for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The network failed, not the credential.
    pub network: bool,
    /// The source asked for this long a pause, in milliseconds.
    pub retry_after: Option<u32>,
}

/// Why an expiry is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiryError {
    /// It is zero or negative.
    Missing,
    /// It is too small for milliseconds, and would be sensible in seconds.
    InSeconds,
    /// It is in the past.
    Past,
}

/// A line of the decision table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Not due: the token, and no work.
    Fresh,
    /// Due, with enough left: the token, and one fetch behind.
    RefreshBehind,
    /// Due, with little left: a bounded wait for one fetch, else the token.
    RefreshInFront,
    /// No token that may be served: a wait for one fetch.
    Expired,
}

/// Why a token is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueReason {
    /// Its source's hint has passed.
    Hint,
    /// No more than `refresh_before_expiry` is left.
    BeforeExpiry,
    /// Half of a long life without a hint is over.
    HalfLife,
    /// The wall clock was set back since it was fetched.
    ClockSetBack,
    /// A credential that cannot answer claims was challenged for it.
    Challenged,
}

/// Where an entry stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub zone: Zone,
    /// Milliseconds until the token ends; 0 where there is none.
    pub left: i64,
    /// Milliseconds until the zone ends by itself.
    pub lasts: i64,
}

/// The state of one token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    held: Option<Held>,
    gate_opens_at: i64,
    memory_ends_at: i64,
    jumps: u32,
    fruitless: u8,
    failures: u8,
}

/// What [`Entry::begin_attempt`] changed, for an abort: it is no attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    gate_opens_at: i64,
    fruitless: u8,
    crossed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    expires_at: i64,
    due_at: i64,
    fetched_at: i64,
    left_at_fetch: u32,
    before_expiry: u32,
    behind_min: u32,
    serve_min: u32,
    clock_epoch: u32,
    session: u32,
    /// The fetch that answered the last claims challenge: an earlier one cannot replace its answer.
    barrier: u32,
    reason: DueReason,
    crossed: bool,
}

impl Attempt {
    /// The same, now that a token came that the attempt never saw.
    pub fn under_another_token(self) -> Self {
        Self { crossed: true, ..self }
    }
}

impl Entry {
    pub const EMPTY: Self = Self {
        held: None,
        gate_opens_at: i64::MIN,
        memory_ends_at: i64::MIN,
        jumps: 0,
        fruitless: 0,
        failures: 0,
    };

    /// Which line of the table answers at this moment, and for how long.
    pub fn standing(&self, now: Instant) -> Standing {
        let Some(held) = &self.held else {
            return Standing { zone: Zone::Expired, left: 0, lasts: i64::MAX };
        };
        let left = held.left(now);
        let until = |threshold: u32| minus(left, i64::from(threshold));
        if let Some(lasts) = self.fresh_for(now) {
            return Standing { zone: Zone::Fresh, left, lasts };
        }
        if until(held.serve_min) <= 0 {
            return Standing { zone: Zone::Expired, left, lasts: i64::MAX };
        }
        if until(held.behind_min) >= 0 {
            let lasts = plus(until(held.behind_min), 1).min(until(held.serve_min));
            return Standing { zone: Zone::RefreshBehind, left, lasts };
        }
        Standing { zone: Zone::RefreshInFront, left, lasts: until(held.serve_min) }
    }

    /// Milliseconds for which the token stays fresh; `None` where it is not. The one question of nearly every call.
    #[inline]
    pub fn fresh_for(&self, now: Instant) -> Option<i64> {
        let held = self.held.as_ref().filter(|held| held.clock_epoch == now.epoch())?;
        let ends = held.due_at.min(minus(held.expires_at, i64::from(held.serve_min)));
        let lasts = minus(ends, now.unix_ms());
        (lasts > 0).then_some(lasts)
    }

    /// Milliseconds until the retry gate opens; 0 where it is open.
    pub fn gate_closed_for(&self, policy: &Policy, now: Instant) -> i64 {
        if self.jumps != now.jumps() {
            return 0;
        }
        let closed = minus(self.gate_opens_at, now.monotonic_ms()).max(0);
        match &self.held {
            Some(held) if policy.tolerate_repeats && !held.crossed => closed.min(held.crosses_in(now).max(0)),
            _ => closed,
        }
    }

    /// Milliseconds for which the last failure still answers; 0 where it does not.
    pub fn memory_lasts(&self, now: Instant) -> i64 {
        if self.jumps != now.jumps() {
            return 0;
        }
        minus(self.memory_ends_at, now.monotonic_ms()).max(0)
    }

    /// Why the token is due, where it is.
    pub fn due_reason(&self, now: Instant) -> Option<DueReason> {
        let held = self.held.as_ref().filter(|held| held.is_due(now))?;
        if held.clock_epoch != now.epoch() {
            return Some(DueReason::ClockSetBack);
        }
        if held.reason != DueReason::Challenged && held.crosses_in(now) <= 0 {
            return Some(DueReason::BeforeExpiry);
        }
        Some(held.reason)
    }

    /// The fetch that answered the last claims challenge, or 0; `None` where no token is held.
    pub fn barrier(&self) -> Option<u32> {
        self.held.as_ref().map(|held| held.barrier)
    }

    /// The login session of the held token.
    pub fn session(&self) -> Option<u32> {
        self.held.as_ref().map(|held| held.session)
    }

    /// Notes that an attempt begins: the gate closes.
    pub fn begin_attempt(&mut self, policy: &Policy, spread: i64, now: Instant) -> Attempt {
        self.catch_up(now);
        let crossed = self.held.as_ref().is_some_and(|held| held.crossed);
        let before = Attempt { gate_opens_at: self.gate_opens_at, fruitless: self.fruitless, crossed };
        self.gate_opens_at = plus(now.monotonic_ms(), policy.retry_gate(self.fruitless, spread));
        self.fruitless = self.fruitless.saturating_add(1);
        if let Some(held) = &mut self.held {
            held.crossed |= held.crosses_in(now) <= 0;
        }
        before
    }

    /// Takes an attempt back: an abort is not one. What was opened or reset since it began stays so.
    pub fn forget_attempt(&mut self, before: Attempt) {
        self.gate_opens_at = self.gate_opens_at.min(before.gate_opens_at);
        self.fruitless = self.fruitless.min(before.fruitless);
        if let Some(held) = &mut self.held {
            held.crossed &= before.crossed;
        }
    }

    /// Keeps a token. `barrier` is the fetch that brought it, if that answered a claims challenge.
    pub fn accept(&mut self, grant: &Grant, barrier: Option<u32>, policy: &Policy, now: Instant) {
        self.catch_up(now);
        let barrier = barrier.or(self.barrier()).unwrap_or(0);
        let mut held = Held::new(grant, barrier, policy, now);
        match &self.held {
            Some(before) if grant.unchanged && policy.tolerate_repeats => held.repeat(before, policy, now),
            _ => {
                self.fruitless = 0;
                self.failures = 0;
                self.memory_ends_at = i64::MIN;
            }
        }
        self.held = Some(held);
    }

    /// Keeps the answer to a claims challenge, for identical challenges alone.
    pub fn accept_claims(&mut self, grant: &Grant, now: Instant) {
        let ends = plus(now.unix_ms(), CLAIMS_ANSWER).min(grant.expires_at);
        let bounded = Grant { expires_at: ends, refresh_at: None, issued_at: None, ..*grant };
        let to_its_end = Policy { refresh_before_expiry: 0, min_validity: 0, ..Policy::DEFAULT };
        self.accept(&bounded, None, &to_its_end, now);
    }

    /// Notes that a fetch failed; `servable` says whether callers have a token all the same.
    pub fn fail(&mut self, failure: Failure, servable: bool, policy: &Policy, now: Instant) {
        self.catch_up(now);
        let pause = i64::from(failure.retry_after.unwrap_or(0).min(RETRY_AFTER_MAX));
        let paused_until = plus(now.monotonic_ms(), pause);
        self.gate_opens_at = self.gate_opens_at.max(paused_until);
        if policy.failure_memory > 0 && !servable {
            let memory = policy.memory(self.failures, failure.network).max(pause);
            self.memory_ends_at = plus(now.monotonic_ms(), memory);
            if !failure.network {
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    /// Makes the token due at once: its credential was challenged and could not answer.
    pub fn make_due(&mut self) {
        if let Some(held) = &mut self.held {
            held.due_at = i64::MIN;
            held.reason = DueReason::Challenged;
        }
    }

    /// Forgets the token, the gate and the memory.
    pub fn clear(&mut self) {
        *self = Self::EMPTY;
    }

    /// A jump of the clocks opens the gate and ends the memory, once.
    fn catch_up(&mut self, now: Instant) {
        if self.jumps != now.jumps() {
            self.jumps = now.jumps();
            self.gate_opens_at = i64::MIN;
            self.memory_ends_at = i64::MIN;
            self.fruitless = 0;
            self.failures = 0;
        }
    }
}

impl Held {
    fn new(grant: &Grant, barrier: u32, policy: &Policy, now: Instant) -> Self {
        let left = minus(grant.expires_at, now.unix_ms());
        let began = grant.issued_at.filter(|&issued| issued < grant.expires_at && issued <= now.unix_ms());
        let lifetime = began.map_or(left, |issued| minus(grant.expires_at, issued));
        let before_expiry = policy.scaled(policy.refresh_before_expiry, lifetime);
        let mut held = Self {
            expires_at: grant.expires_at,
            due_at: minus(grant.expires_at, i64::from(before_expiry)),
            fetched_at: now.elapsed_ms(),
            left_at_fetch: u32::try_from(left.max(0)).unwrap_or(u32::MAX),
            before_expiry,
            behind_min: policy.scaled(policy.background_min_validity, lifetime),
            serve_min: policy.scaled(policy.min_validity, lifetime),
            clock_epoch: now.epoch(),
            session: grant.session,
            barrier,
            reason: DueReason::BeforeExpiry,
            crossed: false,
        };
        held.crossed = held.crosses_in(now) <= 0;
        match grant.refresh_at {
            Some(hint) => held.bring_forward(hint, DueReason::Hint),
            None => held.apply_half_life(policy, lifetime),
        }
        held
    }

    /// An unchanged answer: no hint any more, and the half-life counts from now. What is left of a token's life is not
    /// its lifetime, so that the numbers do not shrink; and an attempt that began before the crossing is not one after it.
    fn repeat(&mut self, before: &Self, policy: &Policy, now: Instant) {
        self.before_expiry = self.before_expiry.max(before.before_expiry);
        self.behind_min = self.behind_min.max(before.behind_min);
        self.serve_min = self.serve_min.max(before.serve_min);
        self.crossed = before.crossed;
        self.due_at = minus(self.expires_at, i64::from(self.before_expiry));
        self.reason = DueReason::BeforeExpiry;
        self.apply_half_life(policy, minus(self.expires_at, now.unix_ms()));
    }

    /// Half of the life before the expiry, where the rule applies.
    fn apply_half_life(&mut self, policy: &Policy, lifetime: i64) {
        if policy.half_life && lifetime >= HALF_LIFE_FROM {
            self.bring_forward(minus(self.expires_at, lifetime / 2), DueReason::HalfLife);
        }
    }

    fn bring_forward(&mut self, due_at: i64, reason: DueReason) {
        if due_at < self.due_at {
            self.due_at = due_at;
            self.reason = reason;
        }
    }

    fn left(&self, now: Instant) -> i64 {
        let by_wall = minus(self.expires_at, now.unix_ms());
        if self.clock_epoch == now.epoch() {
            return by_wall;
        }
        let age = minus(now.elapsed_ms(), self.fetched_at);
        by_wall.min(minus(i64::from(self.left_at_fetch), age))
    }

    fn is_due(&self, now: Instant) -> bool {
        now.unix_ms() >= self.due_at || self.clock_epoch != now.epoch()
    }

    /// Milliseconds until no more than `refresh_before_expiry` is left; not positive where that has come.
    fn crosses_in(&self, now: Instant) -> i64 {
        minus(self.left(now), i64::from(self.before_expiry))
    }
}

impl Grant {
    /// Whether the expiry can be one: never serve a token whose expiry is missing, in seconds or past.
    pub(crate) fn check(&self, now: Instant) -> Result<(), ExpiryError> {
        // 1e11 ms is March 1973; 1e11 s is the year 5138.
        const SMALLEST_IN_MILLISECONDS: i64 = 100_000_000_000;
        if self.expires_at <= 0 {
            return Err(ExpiryError::Missing);
        }
        if self.expires_at < SMALLEST_IN_MILLISECONDS && now.unix_ms() >= SMALLEST_IN_MILLISECONDS {
            return Err(ExpiryError::InSeconds);
        }
        if self.expires_at <= now.unix_ms() {
            return Err(ExpiryError::Past);
        }
        Ok(())
    }
}
