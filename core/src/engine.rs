//! The machine with numbers in and numbers out, which wasm and napi wrap: one meaning for every host.

mod doors;
mod numbers;

use crate::cache::{
    Action, Cache, Decision, FailReason, IdentityChange, Outcome, Ownership, Selector, Settled, Stability,
};
use crate::entry::{DueReason, ExpiryError, Failure, Grant, Zone};
use crate::job::{FetchId, JobId, Reason};
use crate::owners::{Owner, OwnerId};
use crate::policy::Policy;
use crate::request::{CredentialId, CredentialKind, KeyedBy, Request, RequestError};
use crate::slots::EntryId;
use crate::time::{Clock, Instant};

pub use doors::{Doors, policy_number};
pub use numbers::{known, login, stored_is_usable, whole};

/// How many numbers describe a [`Policy`], in the order of [`policy_from_numbers`].
pub const POLICY_NUMBERS: usize = 14;

/// What [`Engine::lookup`] returns.
pub mod decision {
    /// Serve the held token inside the lease.
    pub const HIT: u32 = 0;
    /// The same, and a fetch began behind.
    pub const REFRESH: u32 = 1;
    /// Wait for `job`, until `serve_at` at the latest.
    pub const WAIT: u32 = 2;
    /// Fail with the remembered error.
    pub const FAIL: u32 = 3;
    /// The id is stale: intern again.
    pub const UNKNOWN: u32 = 4;
}

/// What an input returns that may settle a job.
pub mod settled {
    /// Nothing.
    pub const NOTHING: u32 = 0;
    /// Keep the result for `settled_entry`, and for `settled_base` unless that is negative.
    pub const GRANTED: u32 = 1;
    /// Give the result to the waiters and do not keep it.
    pub const HANDED_OUT: u32 = 2;
    /// Give the held token to the waiters.
    pub const SERVED: u32 = 3;
    /// Give `null` to the waiters.
    pub const NULL: u32 = 4;
    /// Give the error to the waiters; `settled_reason` says whose it is.
    pub const FAILED: u32 = 5;
    /// The last waiter left.
    pub const ABANDONED: u32 = 6;
}

/// What [`Engine::settled_reason`] returns.
pub mod reason {
    /// The credential's own error.
    pub const CREDENTIAL: u32 = 0;
    /// The expiry is missing: zero, negative or not a number.
    pub const EXPIRY_MISSING: u32 = 1;
    /// The expiry is in seconds.
    pub const EXPIRY_IN_SECONDS: u32 = 2;
    /// The expiry is past.
    pub const EXPIRY_PAST: u32 = 3;
    /// The fetch took longer than its limit.
    pub const LIMIT: u32 = 4;
    /// The login kept moving while the credential ran.
    pub const LOGIN_MOVED: u32 = 5;
}

/// What [`Engine::next_action`] returns.
pub mod action {
    /// There is nothing to do.
    pub const NONE: u32 = 0;
    /// Run the credential for `action_entry` as `action_fetch`, on behalf of `action_job`.
    pub const FETCH: u32 = 1;
    /// End `action_fetch`, if it can be ended.
    pub const ABORT: u32 = 2;
    /// The lease of `action_entry` is over.
    pub const LAPSE: u32 = 3;
    /// Drop what is held for `action_entry`.
    pub const FORGET: u32 = 4;
}

/// What [`Engine::intern`] returns instead of an entry.
pub mod refusal {
    /// No scope, or an empty one.
    pub const EMPTY_SCOPE: f64 = -1.0;
    /// The credential was not registered.
    pub const UNKNOWN_CREDENTIAL: f64 = -2.0;
    /// Every entry has a fetch in flight: pass by the cache.
    pub const FULL: f64 = -3.0;
    /// The engine was closed.
    pub const CLOSED: f64 = -4.0;
    /// What [`Engine::find`](super::Engine::find) returns where there is no entry.
    pub const NO_ENTRY: f64 = -5.0;
}

/// What a run's `stability` is.
pub mod stability {
    /// The login stayed the same, or nobody can change it.
    pub const STEADY: u32 = 0;
    /// Its files moved, the account is the same.
    pub const MOVED_SAME_ACCOUNT: u32 = 1;
    /// Its files moved, and the account with them, or nobody knows.
    pub const MOVED: u32 = 2;
}

/// What [`Engine::owned`] returns.
pub mod ownership {
    /// Keep the token.
    pub const KNOWN: u32 = 0;
    /// Keep it: everything older was forgotten.
    pub const OTHER: u32 = 1;
    /// Report a failure.
    pub const REFUSED: u32 = 2;
}

/// Bits of a credential kind.
pub mod kind {
    /// Keyed by resource and tenant, as az is.
    pub const BY_RESOURCE: u32 = 1;
    /// Cannot answer a claims challenge.
    pub const REFUSES_CLAIMS: u32 = 2;
    /// A fetch must not be aborted.
    pub const UNABORTABLE: u32 = 4;
    /// Asks a person.
    pub const INTERACTIVE: u32 = 8;
}

/// A [`Cache`] and its [`Clock`], driven by numbers.
///
/// Times are milliseconds: `monotonic` from any origin, `unix` since the Unix epoch. An entry is a number below 2^52, or
/// one of [`refusal`]. What does not fit the return value is read from a getter, and stands until the next input.
#[derive(Debug)]
pub struct Engine {
    cache: Cache,
    clock: Clock,
    decided: Decided,
    settled: Answered,
    action: Ordered,
    explained: Explained,
}

#[derive(Debug)]
struct Decided {
    from: f64,
    until: f64,
    job: u32,
    serve_at: f64,
}

#[derive(Debug)]
struct Answered {
    job: u32,
    entry: f64,
    base: f64,
    reason: u32,
}

#[derive(Debug)]
struct Ordered {
    entry: f64,
    fetch: u32,
    job: u32,
}

#[derive(Debug)]
struct Explained {
    due: u32,
    left: f64,
    gate: f64,
    memory: f64,
    in_flight: bool,
}

/// A policy from its numbers, in the order of the fields of [`Policy`]; truths are 0 and 1. `None` where one is negative,
/// not a number, or above 2^32 - 1 ms (49 days).
#[must_use]
pub fn policy_from_numbers(numbers: &[f64]) -> Option<Policy> {
    let numbers: &[f64; POLICY_NUMBERS] = numbers.try_into().ok()?;
    let mut whole = [0; POLICY_NUMBERS];
    for (whole, number) in whole.iter_mut().zip(numbers) {
        *whole = millis(*number)?;
    }
    let [
        refresh_before_expiry,
        background_min_validity,
        min_validity,
        half_life,
        retry_delay,
        retry_delay_max,
        retry_jitter_percent,
        failure_memory,
        failure_memory_max,
        network_failure_memory,
        fetch_limit,
        interactive_fetch_limit,
        scale_short_lives,
        tolerate_repeats,
    ] = whole;
    Some(Policy {
        refresh_before_expiry,
        background_min_validity,
        min_validity,
        half_life: half_life != 0,
        retry_delay,
        retry_delay_max,
        retry_jitter_percent,
        failure_memory,
        failure_memory_max,
        network_failure_memory,
        fetch_limit,
        interactive_fetch_limit,
        scale_short_lives: scale_short_lives != 0,
        tolerate_repeats: tolerate_repeats != 0,
    })
}

/// The numbers of a policy, in the order of its fields.
#[must_use]
pub const fn policy_numbers(policy: &Policy) -> [f64; POLICY_NUMBERS] {
    [
        policy.refresh_before_expiry as f64,
        policy.background_min_validity as f64,
        policy.min_validity as f64,
        policy.half_life as u32 as f64,
        policy.retry_delay as f64,
        policy.retry_delay_max as f64,
        policy.retry_jitter_percent as f64,
        policy.failure_memory as f64,
        policy.failure_memory_max as f64,
        policy.network_failure_memory as f64,
        policy.fetch_limit as f64,
        policy.interactive_fetch_limit as f64,
        policy.scale_short_lives as u32 as f64,
        policy.tolerate_repeats as u32 as f64,
    ]
}

impl Engine {
    /// An engine that holds nothing. See [`Cache::new`].
    #[must_use]
    pub fn new(policy: Policy, max_entries: f64, seed: f64) -> Self {
        let max_entries = usize::try_from(whole(max_entries).max(1)).unwrap_or(usize::MAX);
        Self {
            cache: Cache::new(policy, seed.to_bits()).with_max_entries(max_entries),
            clock: Clock::default(),
            decided: Decided::NOTHING,
            settled: Answered::NOTHING,
            action: Ordered::NOTHING,
            explained: Explained::NOTHING,
        }
    }

    /// Makes a credential known by the bits of [`kind`]; a `fetch_limit` that is not positive is the policy's.
    pub fn register(&mut self, bits: u32, fetch_limit: f64) -> u32 {
        let has = |bit: u32| bits & bit != 0;
        let kind = CredentialKind {
            keyed_by: if has(kind::BY_RESOURCE) { KeyedBy::Resource } else { KeyedBy::Request },
            honours_claims: !has(kind::REFUSES_CLAIMS),
            abortable: !has(kind::UNABORTABLE),
            interactive: has(kind::INTERACTIVE),
            fetch_limit: millis(fetch_limit).filter(|&limit| limit > 0),
        };
        self.cache.register(kind).to_bits()
    }

    /// The entry of a request, or one of [`refusal`]. See [`Cache::intern`].
    pub fn intern(&mut self, request: &Request<'_>, monotonic: f64, unix: f64) -> f64 {
        let now = self.now(monotonic, unix);
        match self.cache.intern(request, now) {
            Ok(entry) => exact(entry.to_bits()),
            Err(error) => refused(error),
        }
    }

    /// The entry of a request where there is one, else one of [`refusal`]. See [`Cache::find`].
    #[must_use]
    pub fn find(&self, request: &Request<'_>) -> f64 {
        match self.cache.find(request) {
            Ok(entry) => entry.map_or(refusal::NO_ENTRY, |entry| exact(entry.to_bits())),
            Err(error) => refused(error),
        }
    }

    /// One of [`decision`]. See [`Cache::lookup`].
    pub fn lookup(&mut self, entry: f64, monotonic: f64, unix: f64) -> u32 {
        let now = self.now(monotonic, unix);
        let decision = self.cache.lookup(entry_id(entry), now);
        self.decided = Decided::NOTHING;
        let decided = &mut self.decided;
        match decision {
            Decision::Hit { from, until } => {
                (decided.from, decided.until) = (number(from), number(until));
                decision::HIT
            }
            Decision::Refresh { from, until, job } => {
                (decided.from, decided.until) = (number(from), number(until));
                decided.job = job.to_bits();
                decision::REFRESH
            }
            Decision::Wait { job, serve_at } => {
                decided.job = job.to_bits();
                decided.serve_at = serve_at.map_or(f64::NAN, number);
                decision::WAIT
            }
            Decision::Fail { until } => {
                decided.until = number(until);
                decision::FAIL
            }
            Decision::Unknown => decision::UNKNOWN,
        }
    }

    /// Start of the lease, in Unix milliseconds; NaN where there is none.
    #[must_use]
    pub fn from(&self) -> f64 {
        self.decided.from
    }

    /// End of the lease in Unix milliseconds, or of a failure's memory in monotonic ones; NaN where there is none.
    #[must_use]
    pub fn until(&self) -> f64 {
        self.decided.until
    }

    /// The job of the decision; 0 where there is none.
    #[must_use]
    pub fn job(&self) -> u32 {
        self.decided.job
    }

    /// When the held token is served to one who waits, in monotonic milliseconds; NaN: never.
    #[must_use]
    pub fn serve_at(&self) -> f64 {
        self.decided.serve_at
    }

    /// One of [`settled`]. See [`Cache::leave`].
    pub fn leave(&mut self, job: u32, monotonic: f64, unix: f64) -> u32 {
        let now = self.now(monotonic, unix);
        let settled = self.cache.leave(JobId::from_bits(job), now);
        self.note(settled)
    }

    /// See [`Cache::handle_started`].
    pub fn started(&mut self, fetch: u32, monotonic: f64, unix: f64) {
        let now = self.now(monotonic, unix);
        self.cache.handle_started(FetchId::from_bits(fetch), now);
    }

    /// A run brought a token of this owner: one of [`ownership`]. Empty texts are claims that it does not have. See
    /// [`Cache::handle_owner`].
    pub fn owned(
        &mut self,
        fetch: u32,
        [tenant, object, client]: [&str; 3],
        monotonic: f64,
        unix: f64,
    ) -> u32 {
        let now = self.now(monotonic, unix);
        let id = if object.is_empty() { OwnerId::Client(client) } else { OwnerId::Object(object) };
        if tenant.is_empty() || (object.is_empty() && client.is_empty()) {
            return ownership::KNOWN;
        }
        match self.cache.handle_owner(FetchId::from_bits(fetch), Owner { tenant, id }, now) {
            Ownership::Known => ownership::KNOWN,
            Ownership::Other => ownership::OTHER,
            Ownership::Refused => ownership::REFUSED,
        }
    }

    /// A run brought a token; one of [`settled`]. Optional times that are unknown are NaN.
    #[expect(clippy::too_many_arguments, reason = "numbers cross the border one by one")]
    pub fn granted(
        &mut self,
        fetch: u32,
        expires_at: f64,
        refresh_at: f64,
        issued_at: f64,
        unchanged: bool,
        session: u32,
        stability: u32,
        monotonic: f64,
        unix: f64,
    ) -> u32 {
        let grant = Grant {
            expires_at: whole(expires_at),
            refresh_at: known(refresh_at),
            issued_at: known(issued_at),
            unchanged,
            session,
        };
        self.fetched(fetch, Outcome::Granted(grant), stability, (monotonic, unix))
    }

    /// A run brought `null`; one of [`settled`].
    pub fn none(&mut self, fetch: u32, stability: u32, monotonic: f64, unix: f64) -> u32 {
        self.fetched(fetch, Outcome::Null, stability, (monotonic, unix))
    }

    /// A run failed; one of [`settled`]. `retry_after` is in milliseconds, NaN where the source named none.
    pub fn failed(
        &mut self,
        fetch: u32,
        network: bool,
        retry_after: f64,
        stability: u32,
        monotonic: f64,
        unix: f64,
    ) -> u32 {
        let failure = Failure { network, retry_after: known(retry_after).map(bounded) };
        self.fetched(fetch, Outcome::Failed(failure), stability, (monotonic, unix))
    }

    /// One of [`settled`], for the one job that the earliest timeout settles. See [`Cache::handle_timeout`].
    pub fn timeout(&mut self, monotonic: f64, unix: f64) -> u32 {
        let now = self.now(monotonic, unix);
        let settled = self.cache.handle_timeout(now);
        self.note(settled)
    }

    /// The job that the last input settled; 0 where it settled none.
    #[must_use]
    pub fn settled_job(&self) -> u32 {
        self.settled.job
    }

    /// The entry of that job; -1 where it does not matter.
    #[must_use]
    pub fn settled_entry(&self) -> f64 {
        self.settled.entry
    }

    /// The entry without claims that the token is kept for too; -1 where there is none.
    #[must_use]
    pub fn settled_base(&self) -> f64 {
        self.settled.base
    }

    /// One of [`reason`], for a job that failed.
    #[must_use]
    pub fn settled_reason(&self) -> u32 {
        self.settled.reason
    }

    /// Another account is logged in, or none. See [`Cache::handle_identity`].
    pub fn identity_changed(&mut self, credential: u32, monotonic: f64, unix: f64) {
        let now = self.now(monotonic, unix);
        self.cache.handle_identity(CredentialId::from_bits(credential), IdentityChange::Changed, now);
    }

    /// The same account, perhaps logged in anew. See [`Cache::handle_identity`].
    pub fn identity_touched(&mut self, credential: u32, session: u32, monotonic: f64, unix: f64) {
        let now = self.now(monotonic, unix);
        self.cache.handle_identity(
            CredentialId::from_bits(credential),
            IdentityChange::Touched { session },
            now,
        );
    }

    /// 0, or one of [`refusal`]. See [`Cache::invalidate`].
    pub fn invalidate(&mut self, selector: Selector<'_>, monotonic: f64, unix: f64) -> f64 {
        let now = self.now(monotonic, unix);
        self.cache.invalidate(selector, now).map_or_else(refused, |()| 0.0)
    }

    /// See [`Cache::close`].
    pub fn close(&mut self, monotonic: f64, unix: f64) {
        let now = self.now(monotonic, unix);
        self.cache.close(now);
    }

    /// One of [`action`]. See [`Cache::poll_action`].
    pub fn next_action(&mut self) -> u32 {
        self.action = Ordered::NOTHING;
        let ordered = &mut self.action;
        match self.cache.poll_action() {
            None => action::NONE,
            Some(Action::Fetch { fetch, job, entry }) => {
                *ordered =
                    Ordered { entry: exact(entry.to_bits()), fetch: fetch.to_bits(), job: job.to_bits() };
                action::FETCH
            }
            Some(Action::Abort { fetch }) => {
                ordered.fetch = fetch.to_bits();
                action::ABORT
            }
            Some(Action::Lapse { entry }) => {
                ordered.entry = exact(entry.to_bits());
                action::LAPSE
            }
            Some(Action::Forget { entry }) => {
                ordered.entry = exact(entry.to_bits());
                action::FORGET
            }
        }
    }

    /// The entry of the action; -1 where there is none.
    #[must_use]
    pub fn action_entry(&self) -> f64 {
        self.action.entry
    }

    /// The run of the action; 0 where there is none.
    #[must_use]
    pub fn action_fetch(&self) -> u32 {
        self.action.fetch
    }

    /// The job of the action; 0 where there is none.
    #[must_use]
    pub fn action_job(&self) -> u32 {
        self.action.job
    }

    /// When to call [`Self::timeout`], in monotonic milliseconds; infinity: never.
    #[must_use]
    pub fn next_timeout(&self) -> f64 {
        self.cache.poll_timeout().map_or(f64::INFINITY, |(at, _)| number(at))
    }

    /// Why: 0 nothing, 1 patience in front, 2 the limit of a fetch.
    #[must_use]
    pub fn next_timeout_reason(&self) -> u32 {
        match self.cache.poll_timeout() {
            None => 0,
            Some((_, Reason::FrontPatience)) => 1,
            Some((_, Reason::FetchLimit)) => 2,
        }
    }

    /// The line of the table: 0 fresh, 1 refresh behind, 2 refresh in front, 3 expired, 4 the id is stale. What else there
    /// is to know stands in the `explained_` getters.
    pub fn explain(&mut self, entry: f64, monotonic: f64, unix: f64) -> u32 {
        let now = self.now(monotonic, unix);
        self.explained = Explained::NOTHING;
        let Some(explanation) = self.cache.explain(entry_id(entry), now) else { return 4 };
        self.explained = Explained {
            due: match explanation.due {
                None => 0,
                Some(DueReason::Hint) => 1,
                Some(DueReason::BeforeExpiry) => 2,
                Some(DueReason::HalfLife) => 3,
                Some(DueReason::ClockSetBack) => 4,
                Some(DueReason::Challenged) => 5,
            },
            left: explanation.left.map_or(f64::NAN, number),
            gate: number(explanation.gate_closed_for),
            memory: number(explanation.memory_lasts),
            in_flight: explanation.in_flight,
        };
        match explanation.zone {
            Zone::Fresh => 0,
            Zone::RefreshBehind => 1,
            Zone::RefreshInFront => 2,
            Zone::Expired => 3,
        }
    }

    /// Why the token is due: 0 it is not, 1 hint, 2 expiry near, 3 half-life, 4 clock set back, 5 challenged.
    #[must_use]
    pub fn explained_due(&self) -> u32 {
        self.explained.due
    }

    /// Milliseconds that the token still lives; NaN where none is held.
    #[must_use]
    pub fn explained_left(&self) -> f64 {
        self.explained.left
    }

    /// Milliseconds until the retry gate opens.
    #[must_use]
    pub fn explained_gate(&self) -> f64 {
        self.explained.gate
    }

    /// Milliseconds for which the last failure answers.
    #[must_use]
    pub fn explained_memory(&self) -> f64 {
        self.explained.memory
    }

    /// Whether a fetch is under way.
    #[must_use]
    pub fn explained_in_flight(&self) -> bool {
        self.explained.in_flight
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> f64 {
        number(i64::try_from(self.cache.len()).unwrap_or(i64::MAX))
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }

    fn now(&mut self, monotonic: f64, unix: f64) -> Instant {
        self.clock.sample(whole(monotonic), whole(unix))
    }

    fn fetched(&mut self, fetch: u32, outcome: Outcome, stability: u32, clocks: (f64, f64)) -> u32 {
        let now = self.now(clocks.0, clocks.1);
        let stability = match stability {
            stability::STEADY => Stability::Steady,
            stability::MOVED_SAME_ACCOUNT => Stability::Moved { same_account: true },
            _ => Stability::Moved { same_account: false },
        };
        let settled = self.cache.handle_fetched(FetchId::from_bits(fetch), outcome, stability, now);
        self.note(settled)
    }

    fn note(&mut self, settled: Settled) -> u32 {
        self.settled = Answered::NOTHING;
        let answered = &mut self.settled;
        let (code, job, of) = match settled {
            Settled::Nothing => return settled::NOTHING,
            Settled::Granted { job, entry, base } => {
                answered.base = base.map_or(-1.0, |base| exact(base.to_bits()));
                (settled::GRANTED, job, Some(entry))
            }
            Settled::HandedOut { job } => (settled::HANDED_OUT, job, None),
            Settled::Served { job, entry } => (settled::SERVED, job, Some(entry)),
            Settled::Null { job } => (settled::NULL, job, None),
            Settled::Failed { job, entry, reason } => {
                answered.reason = reason_code(reason);
                (settled::FAILED, job, Some(entry))
            }
            Settled::Abandoned { job } => (settled::ABANDONED, job, None),
        };
        answered.job = job.to_bits();
        answered.entry = of.map_or(-1.0, |entry| exact(entry.to_bits()));
        code
    }
}

impl Decided {
    const NOTHING: Self = Self { from: f64::NAN, until: f64::NAN, job: 0, serve_at: f64::NAN };
}

impl Answered {
    const NOTHING: Self = Self { job: 0, entry: -1.0, base: -1.0, reason: reason::CREDENTIAL };
}

impl Ordered {
    const NOTHING: Self = Self { entry: -1.0, fetch: 0, job: 0 };
}

impl Explained {
    const NOTHING: Self = Self { due: 0, left: f64::NAN, gate: f64::NAN, memory: f64::NAN, in_flight: false };
}

fn reason_code(reason: FailReason) -> u32 {
    match reason {
        FailReason::Credential => reason::CREDENTIAL,
        FailReason::Expiry(ExpiryError::Missing) => reason::EXPIRY_MISSING,
        FailReason::Expiry(ExpiryError::InSeconds) => reason::EXPIRY_IN_SECONDS,
        FailReason::Expiry(ExpiryError::Past) => reason::EXPIRY_PAST,
        FailReason::Limit => reason::LIMIT,
        FailReason::LoginMoved => reason::LOGIN_MOVED,
    }
}

fn refused(error: RequestError) -> f64 {
    match error {
        RequestError::EmptyScope => refusal::EMPTY_SCOPE,
        RequestError::UnknownCredential => refusal::UNKNOWN_CREDENTIAL,
        RequestError::Full => refusal::FULL,
        RequestError::Closed => refusal::CLOSED,
    }
}

fn entry_id(number: f64) -> EntryId {
    EntryId::from_bits(u64::try_from(whole(number)).unwrap_or(u64::MAX))
}

fn bounded(millis: i64) -> u32 {
    u32::try_from(millis.max(0)).unwrap_or(u32::MAX)
}

fn millis(number: f64) -> Option<u32> {
    (number >= 0.0).then(|| u32::try_from(whole(number)).ok()).flatten()
}

#[expect(clippy::cast_precision_loss, reason = "times and ids stay below 2^53")]
fn number(whole: i64) -> f64 {
    whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "ids stay below 2^53")]
fn exact(bits: u64) -> f64 {
    bits as f64
}
