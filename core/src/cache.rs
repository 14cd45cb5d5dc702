//! The machine: inputs are methods, outputs are returned or polled, and `now` comes last.

use alloc::vec::Vec;

use crate::entry::{ExpiryError, Failure, Grant, Standing, Zone};
use crate::explain::Explanation;
use crate::job::{FetchId, Job, JobId, Jobs, Reason, Superseded};
use crate::keys::{Key, Names};
use crate::owners::{Owner, Owners};
use crate::policy::{CLAIMS_ANSWER, FRONT_PATIENCE, LEASE, Policy};
use crate::random::Jitter;
use crate::request::{CredentialId, CredentialKind, Request, RequestError};
use crate::slots::{EntryId, Slots};
use crate::time::{Instant, minus, plus};

/// How many tokens a cache keeps unless it is told otherwise.
pub const DEFAULT_MAX_ENTRIES: usize = 10_000;

/// A run whose result does not count, because the login moved under it, is repeated until this many runs are over.
pub(crate) const MAX_RUNS: u32 = 3;

/// Entries that one input sweeps at most.
const SWEEP_BUDGET: usize = 1_024;

/// An entry that has expired and was not asked for stays this long, in milliseconds.
const IDLE: i64 = 60_000;

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The held token. The answer stays the same while `from <= unix time < until`, unless an input arrives.
    Hit {
        /// Start of the lease, in milliseconds since the Unix epoch.
        from: i64,
        /// End of the lease, in milliseconds since the Unix epoch.
        until: i64,
    },
    /// The held token, at once; a fetch began behind.
    Refresh {
        /// As in [`Decision::Hit`].
        from: i64,
        /// As in [`Decision::Hit`].
        until: i64,
        /// The fetch.
        job: JobId,
    },
    /// The answer of a fetch. The caller counts as a waiter of it until it is settled or leaves.
    Wait {
        /// The fetch.
        job: JobId,
        /// When the held token is served instead, in monotonic milliseconds; `None`: there is none to serve.
        serve_at: Option<i64>,
    },
    /// The error of the last fetch.
    Fail {
        /// When it is no longer remembered, in monotonic milliseconds.
        until: i64,
    },
    /// The entry was evicted: intern the request again.
    Unknown,
}

/// What an input settled. The host answers the waiters of `job`, and asks anew at the entry's next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// Nothing: no caller is answered, and what came with the input is dropped.
    Nothing,
    /// The token of the result is kept for `entry`, and for `base` where the fetch answered a claims challenge.
    Granted {
        /// The fetch.
        job: JobId,
        /// Its entry.
        entry: EntryId,
        /// The entry of the same request without claims.
        base: Option<EntryId>,
    },
    /// The token of the result goes to the waiters and is not kept.
    HandedOut {
        /// The fetch.
        job: JobId,
    },
    /// The waiters have the token that is held for `entry`.
    Served {
        /// The fetch.
        job: JobId,
        /// Its entry.
        entry: EntryId,
    },
    /// The credential has no token; the waiters have its `null`.
    Null {
        /// The fetch.
        job: JobId,
    },
    /// The waiters have the error of the result.
    Failed {
        /// The fetch.
        job: JobId,
        /// Its entry, for which the host remembers the error while [`Decision::Fail`] is decided.
        entry: EntryId,
        /// The error, where the host has to make it.
        reason: FailReason,
    },
    /// The last waiter left, and the fetch was given up.
    Abandoned {
        /// The fetch.
        job: JobId,
    },
}

/// Whose error a failed fetch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailReason {
    /// The credential's own.
    Credential,
    /// The token's expiry cannot be one.
    Expiry(ExpiryError),
    /// The fetch took longer than its limit.
    Limit,
    /// The login kept moving while the credential ran.
    LoginMoved,
}

/// What a run of the credential brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A token.
    Granted(Grant),
    /// The credential's `null`.
    Null,
    /// An error.
    Failed(Failure),
}

/// Whether the login stayed the same while the credential ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// It did, or nobody can change it.
    Steady,
    /// Its files changed.
    Moved {
        /// The account before and after is the same, and no claim of the token contradicts it.
        same_account: bool,
    },
}

/// Whether the token that a run brought is the credential's, by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Nobody else has had a token of that tenant.
    Known,
    /// Somebody else has had, and callers wait for this one: the older tokens are forgotten, this one counts.
    Other,
    /// Somebody else has had, and nobody waits for this one: report a failure, and keep what is held.
    Refused,
}

/// What happened to the login of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityChange {
    /// Another account is logged in, or none.
    Changed,
    /// The same account, but perhaps logged in anew: tokens of another session than this one go, and remembered failures.
    Touched {
        /// The session that is now.
        session: u32,
    },
}

/// What to invalidate.
#[derive(Clone, Copy)]
pub enum Selector<'a> {
    /// Every token.
    All,
    /// Every token of a credential.
    Credential(CredentialId),
    /// The tokens of a credential for a set of scopes, whatever their tenant.
    Scopes(CredentialId, &'a [&'a str]),
    /// The token of one request, and the answers to claims challenges for it.
    Request(Request<'a>),
}

/// What the host is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Run the credential for `entry`, and report with [`Cache::handle_fetched`].
    Fetch {
        /// The run.
        fetch: FetchId,
        /// Who waits for it.
        job: JobId,
        /// What it is for.
        entry: EntryId,
    },
    /// End a run whose result is not wanted any more, if it can be ended.
    Abort {
        /// The run.
        fetch: FetchId,
    },
    /// The lease of an entry is over: ask anew at its next call.
    Lapse {
        /// The entry.
        entry: EntryId,
    },
    /// Drop the token and the remembered error of an entry. Its id may be stale from now on.
    Forget {
        /// The entry.
        entry: EntryId,
    },
}

/// The cache of one process: which token is served, refreshed, awaited or failed. It holds times, ids and keys only.
///
/// After every input, drain [`Cache::poll_action`], then read [`Cache::poll_timeout`] and call
/// [`Cache::handle_timeout`] at that time. A spurious call changes nothing.
#[derive(Clone, Debug)]
pub struct Cache {
    policy: Policy,
    max_entries: usize,
    jitter: Jitter,
    credentials: Vec<CredentialKind>,
    /// Of each credential.
    owners: Vec<Owners>,
    names: Names,
    slots: Slots,
    jobs: Jobs,
    actions: Actions,
    closed: bool,
}

/// What waits to be polled, the oldest first.
#[derive(Clone, Debug, Default)]
struct Actions {
    all: Vec<Action>,
    polled: usize,
}

impl Cache {
    /// A cache that holds nothing. The seed spreads its retries: give each process its own.
    #[must_use]
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            max_entries: DEFAULT_MAX_ENTRIES,
            jitter: Jitter::new(seed),
            credentials: Vec::new(),
            owners: Vec::new(),
            names: Names::default(),
            slots: Slots::default(),
            jobs: Jobs::default(),
            actions: Actions::default(),
            closed: false,
        }
    }

    /// The same cache with another bound, of at least one entry.
    #[must_use]
    pub fn with_max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries.max(1);
        self
    }

    /// Makes a credential known. Two instances are two credentials, and never share a token.
    pub fn register(&mut self, kind: CredentialKind) -> CredentialId {
        let id = CredentialId(u32::try_from(self.credentials.len()).unwrap_or(u32::MAX));
        self.credentials.push(kind);
        self.owners.push(Owners::default());
        id
    }

    /// The entry of a request, made where there is none. The least recently used entries make room for it.
    ///
    /// # Errors
    /// [`RequestError::Full`] when every entry has a fetch in flight: the request passes by the cache.
    pub fn intern(&mut self, request: &Request<'_>, now: Instant) -> Result<EntryId, RequestError> {
        if self.closed {
            return Err(RequestError::Closed);
        }
        if request.claims.is_some() {
            self.intern(&Request { claims: None, ..*request }, now)?;
        }
        let kind = self.kind(request.credential).ok_or(RequestError::UnknownCredential)?;
        let key = self.names.hold(request, kind.keyed_by)?;
        if let Some(entry) = self.slots.find(&key) {
            self.names.release(key);
            if let Some(slot) = self.slots.get_mut(entry) {
                slot.last_used = coarse(now);
            }
            return Ok(entry);
        }
        self.sweep(now, SWEEP_BUDGET);
        if self.slots.len() >= self.max_entries && !self.evict() {
            self.names.release(key);
            return Err(RequestError::Full);
        }
        Ok(self.slots.insert(key, coarse(now)))
    }

    /// The entry of a request, where there is one. Makes none, and marks none as used.
    ///
    /// # Errors
    /// [`RequestError`] when the request cannot have an entry.
    pub fn find(&self, request: &Request<'_>) -> Result<Option<EntryId>, RequestError> {
        let kind = self.kind(request.credential).ok_or(RequestError::UnknownCredential)?;
        let key = self.names.find(request, kind.keyed_by)?;
        Ok(key.and_then(|key| self.slots.find(&key)))
    }

    /// What a caller of an entry gets now.
    #[inline]
    pub fn lookup(&mut self, entry: EntryId, now: Instant) -> Decision {
        let Some(slot) = self.slots.get_mut(entry) else { return Decision::Unknown };
        slot.last_used = coarse(now);
        match slot.entry.fresh_for(now) {
            Some(lasts) => hit(now, lasts),
            None => self.decide(entry, now),
        }
    }

    /// A waiter of a job went away. Call it once for each `Wait` whose caller gave up.
    pub fn leave(&mut self, job: JobId, now: Instant) -> Settled {
        let _ = now;
        let Some(found) = self.jobs.get_mut(job) else { return Settled::Nothing };
        found.waiters = found.waiters.saturating_sub(1);
        let (entry, alone) = (found.entry, found.waiters == 0 && !found.behind);
        if !alone || !self.kind_of(entry).abortable {
            return Settled::Nothing;
        }
        if let Some(job) = self.jobs.close(job) {
            self.actions.push(Action::Abort { fetch: job.fetch });
            if let Some(slot) = self.slots.get_mut(entry) {
                slot.entry.forget_attempt(job.before);
            }
        }
        Settled::Abandoned { job }
    }

    /// The run began only now, having waited for its turn: its limit counts from here.
    pub fn handle_started(&mut self, fetch: FetchId, now: Instant) {
        if let Some(job) = self.jobs.of_fetch(fetch)
            && let Some(entry) = self.jobs.get(job).map(|job| job.entry)
        {
            self.jobs.limit_to(job, self.limit_at(entry, now));
        }
    }

    /// A run brought a token of this owner: call it before [`Self::handle_fetched`]. A chain may have fallen through to
    /// somebody else: behind the callers that is a failure of its winner, in front of them a change of identity. Then the older
    /// tokens go. Runs in flight go on, and are judged by what they bring: a credential may ask somebody else for each scope.
    pub fn handle_owner(&mut self, fetch: FetchId, owner: Owner<'_>, now: Instant) -> Ownership {
        let _ = now;
        let Some(id) = self.jobs.of_fetch(fetch) else { return Ownership::Known };
        let Some((entry, waiters)) = self.jobs.say_whose(id) else { return Ownership::Known };
        let Some(credential) = self.slots.key(entry).map(|key| key.credential) else {
            return Ownership::Known;
        };
        let Some(known) = self.owners_of(credential) else { return Ownership::Known };
        if !known.know_another(owner) {
            known.remember(owner);
            return Ownership::Known;
        }
        if waiters == 0 {
            return Ownership::Refused;
        }
        known.forget();
        known.remember(owner);
        for &other in &self.slots.of(Some(credential), None) {
            self.forget_held(other);
            if let Some(flying) = self.jobs.of_entry(other) {
                self.jobs.serve_never(flying);
                if flying != id {
                    self.jobs.supersede(flying, Superseded::OwnerChanged);
                }
            }
        }
        Ownership::Other
    }

    /// A run has ended. What it brought counts only if the login stayed the same meanwhile.
    pub fn handle_fetched(
        &mut self,
        fetch: FetchId,
        outcome: Outcome,
        stability: Stability,
        now: Instant,
    ) -> Settled {
        let Some(id) = self.jobs.of_fetch(fetch) else { return Settled::Nothing };
        self.jobs.end_run(id);
        let Some(job) = self.jobs.get(id) else { return Settled::Nothing };
        let moved = stability != Stability::Steady || job.superseded == Some(Superseded::IdentityChanged);
        // It does not say whose it is.
        let doubtful =
            job.superseded == Some(Superseded::OwnerChanged) && matches!(outcome, Outcome::Granted(_));
        if job.superseded == Some(Superseded::Invalidated) || ((moved || doubtful) && job.runs < MAX_RUNS) {
            return self.run_again(id, now);
        }
        if !moved {
            return self.settle(id, outcome, now);
        }
        let same_account = stability == Stability::Moved { same_account: true } && job.superseded.is_none();
        match outcome {
            Outcome::Granted(grant) if same_account && grant.check(now).is_ok() => {
                self.close_job(id, now);
                Settled::HandedOut { job: id }
            }
            _ => self.fail(id, Failure::default(), FailReason::LoginMoved, now),
        }
    }

    /// The login of a credential changed.
    pub fn handle_identity(&mut self, credential: CredentialId, change: IdentityChange, now: Instant) {
        if change == IdentityChange::Changed
            && let Some(owners) = self.owners_of(credential)
        {
            owners.forget();
        }
        for &entry in &self.slots.of(Some(credential), None) {
            let stays = match change {
                IdentityChange::Changed => false,
                IdentityChange::Touched { session } => self.is_of_session(entry, session),
            };
            if !stays {
                self.forget(entry, Superseded::IdentityChanged, now);
            }
        }
    }

    /// The earliest timeout has come. It settles one job at most: call again while [`Self::poll_timeout`] is due.
    pub fn handle_timeout(&mut self, now: Instant) -> Settled {
        let Some((at, job, reason)) = self.jobs.next_timer() else { return Settled::Nothing };
        if at > now.monotonic_ms() {
            return Settled::Nothing;
        }
        match reason {
            Reason::FrontPatience => self.end_patience(job, now),
            Reason::FetchLimit => self.end_at_limit(job, now),
        }
    }

    /// Forgets tokens, their gates and their memories. Those who wait for them get the answer of a run that starts later.
    ///
    /// # Errors
    /// [`RequestError`] when the selector's request cannot have an entry.
    pub fn invalidate(&mut self, selector: Selector<'_>, now: Instant) -> Result<(), RequestError> {
        let (credential, scopes, request) = match selector {
            Selector::All => (None, None, None),
            Selector::Credential(credential) => (Some(credential), None, None),
            Selector::Scopes(credential, scopes) => {
                let kind = self.kind(credential).ok_or(RequestError::UnknownCredential)?;
                let Some(name) = self.names.scopes(scopes, kind.keyed_by)? else { return Ok(()) };
                (Some(credential), Some(name), None)
            }
            Selector::Request(request) => {
                let kind = self.kind(request.credential).ok_or(RequestError::UnknownCredential)?;
                let Some(key) = self.names.find(&request, kind.keyed_by)? else { return Ok(()) };
                (Some(key.credential), Some(key.scopes), Some(key))
            }
        };
        for &entry in &self.slots.of(credential, scopes) {
            if request.is_none_or(|key| self.is_of_request(entry, key)) {
                self.forget(entry, Superseded::Invalidated, now);
            }
        }
        Ok(())
    }

    /// Forgets everything, for good. The host answers all waiters itself.
    pub fn close(&mut self, now: Instant) {
        let _ = now;
        self.closed = true;
        for place in 0..self.jobs.places() {
            if let Some(id) = self.jobs.id_at(place)
                && let Some(job) = self.jobs.close(id)
                && self.kind_of(job.entry).abortable
            {
                self.actions.push(Action::Abort { fetch: job.fetch });
            }
        }
        for &entry in &self.slots.of(None, None) {
            self.remove(entry);
        }
    }

    /// What the host is to do next.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop()
    }

    /// When to call [`Self::handle_timeout`], in monotonic milliseconds, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(i64, Reason)> {
        self.jobs.next_timer().map(|(at, _, reason)| (at, reason))
    }

    /// Which line of the table answers a caller of this entry now, and why; `None` where the entry was evicted.
    #[must_use]
    pub fn explain(&self, entry: EntryId, now: Instant) -> Option<Explanation> {
        let slot = self.slots.get(entry)?;
        let standing = slot.entry.standing(now);
        let holds = slot.entry.barrier().is_some();
        let answered_anew = standing.zone != Zone::Fresh && self.is_challenge(entry);
        Some(Explanation {
            zone: if answered_anew { Zone::Expired } else { standing.zone },
            due: slot.entry.due_reason(now),
            left: holds.then_some(standing.left),
            gate_closed_for: slot.entry.gate_closed_for(&self.policy, now),
            memory_lasts: slot.entry.memory_lasts(now),
            in_flight: self.jobs.of_entry(entry).is_some(),
        })
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out expired entries that nobody asked for lately, among the next `budget` entries. Inputs on the cold path
    /// do this by themselves; it returns how many went.
    pub fn sweep(&mut self, now: Instant, budget: usize) -> usize {
        let due = self.slots.swept(now.unix_ms(), budget);
        let before = self.slots.len();
        for &entry in &due {
            if self.is_idle(entry, now) {
                self.remove(entry);
            }
        }
        before.saturating_sub(self.slots.len())
    }

    /// What a caller of an entry gets that is not fresh.
    fn decide(&mut self, entry: EntryId, now: Instant) -> Decision {
        let Some(slot) = self.slots.get(entry) else { return Decision::Unknown };
        let mut standing = slot.entry.standing(now);
        if self.is_challenge(entry) {
            self.refuse_challenge(entry);
            standing.zone = Zone::Expired;
        }
        match standing.zone {
            Zone::Fresh | Zone::RefreshBehind => self.refresh_behind(entry, standing, now),
            Zone::RefreshInFront => self.refresh_in_front(entry, standing, now),
            Zone::Expired => self.wait_for_token(entry, now),
        }
    }

    fn kind(&self, credential: CredentialId) -> Option<CredentialKind> {
        self.credentials.get(usize::try_from(credential.0).ok()?).copied()
    }

    fn owners_of(&mut self, credential: CredentialId) -> Option<&mut Owners> {
        self.owners.get_mut(usize::try_from(credential.0).ok()?)
    }

    fn kind_of(&self, entry: EntryId) -> CredentialKind {
        let credential = self.slots.key(entry).map(|key| key.credential);
        credential.and_then(|credential| self.kind(credential)).unwrap_or(CredentialKind::GENERAL)
    }

    fn base_of(&self, entry: EntryId) -> Option<EntryId> {
        self.slots.key(entry)?.base().and_then(|base| self.slots.find(&base))
    }

    /// The entry of a request, or of a challenge for it.
    fn is_of_request(&self, entry: EntryId, request: Key) -> bool {
        self.slots.key(entry).is_some_and(|key| key == request || key.base() == Some(request))
    }

    /// Without a token there is the memory of a failure, which a new login may have mended; a fetch that is under way
    /// counts by its own login.
    fn is_of_session(&self, entry: EntryId, session: u32) -> bool {
        let held = self.slots.get(entry).and_then(|slot| slot.entry.session());
        held.map_or_else(|| self.jobs.of_entry(entry).is_some(), |held| held == session)
    }

    fn is_challenge(&self, entry: EntryId) -> bool {
        self.slots.key(entry).is_some_and(|key| key.base().is_some())
    }

    /// A credential that cannot answer a challenge says so itself; its base token has become doubtful.
    fn refuse_challenge(&mut self, challenge: EntryId) {
        if self.kind_of(challenge).honours_claims {
            return;
        }
        if let Some(base) = self.base_of(challenge)
            && let Some(slot) = self.slots.get_mut(base)
        {
            slot.entry.make_due();
            self.actions.push(Action::Lapse { entry: base });
        }
    }

    fn refresh_behind(&mut self, entry: EntryId, standing: Standing, now: Instant) -> Decision {
        if self.kind_of(entry).interactive || self.jobs.of_entry(entry).is_some() {
            return hit(now, standing.lasts);
        }
        let closed = self.gate_closed_for(entry, now);
        if closed > 0 {
            return hit(now, standing.lasts.min(closed));
        }
        let job = self.start(entry, true, now);
        let (from, until) = lease(now, standing.lasts);
        Decision::Refresh { from, until, job }
    }

    fn refresh_in_front(&mut self, entry: EntryId, standing: Standing, now: Instant) -> Decision {
        let flying = self.jobs.of_entry(entry);
        if flying.and_then(|job| self.jobs.get(job)).is_some_and(|job| job.patience_over) {
            return hit(now, standing.lasts);
        }
        let closed = self.gate_closed_for(entry, now);
        if flying.is_none() && closed > 0 {
            return hit(now, standing.lasts.min(closed));
        }
        let job = flying.unwrap_or_else(|| self.start(entry, false, now));
        let servable = minus(standing.lasts, 1);
        let patience = FRONT_PATIENCE.min(standing.left / 2).min(servable);
        let serve_at = self.jobs.serve_by(job, plus(now.monotonic_ms(), patience));
        self.join(job, serve_at)
    }

    fn wait_for_token(&mut self, entry: EntryId, now: Instant) -> Decision {
        if let Some(job) = self.jobs.of_entry(entry) {
            return self.join(job, None);
        }
        let remembered = self.slots.get(entry).map_or(0, |slot| slot.entry.memory_lasts(now));
        if remembered > 0 {
            return Decision::Fail { until: plus(now.monotonic_ms(), remembered) };
        }
        let job = self.start(entry, false, now);
        self.join(job, None)
    }

    fn join(&mut self, job: JobId, serve_at: Option<i64>) -> Decision {
        if let Some(found) = self.jobs.get_mut(job) {
            found.waiters = found.waiters.saturating_add(1);
        }
        Decision::Wait { job, serve_at }
    }

    fn gate_closed_for(&self, entry: EntryId, now: Instant) -> i64 {
        self.slots.get(entry).map_or(0, |slot| slot.entry.gate_closed_for(&self.policy, now))
    }

    fn start(&mut self, entry: EntryId, behind: bool, now: Instant) -> JobId {
        let spread = self.jitter.spread();
        let mut state = crate::entry::Entry::EMPTY;
        let slot_state = self.slots.get_mut(entry).map_or(&mut state, |slot| &mut slot.entry);
        let before = slot_state.begin_attempt(&self.policy, spread, now);
        let job = self.jobs.open(entry, self.base_of(entry), behind, before);
        self.start_run(job, now);
        job
    }

    fn start_run(&mut self, job: JobId, now: Instant) {
        let Some(entry) = self.jobs.get(job).map(|job| job.entry) else { return };
        let limit_at = self.limit_at(entry, now);
        if let Some(fetch) = self.jobs.start_run(job, limit_at) {
            self.actions.push(Action::Fetch { fetch, job, entry });
        }
    }

    fn limit_at(&self, entry: EntryId, now: Instant) -> i64 {
        let kind = self.kind_of(entry);
        let general =
            if kind.interactive { self.policy.interactive_fetch_limit } else { self.policy.fetch_limit };
        plus(now.monotonic_ms(), i64::from(kind.fetch_limit.unwrap_or(general)))
    }

    /// The result of a run does not count: those who wait move to a new run, and without any the job is over.
    fn run_again(&mut self, id: JobId, now: Instant) -> Settled {
        let Some(job) = self.jobs.get(id) else { return Settled::Nothing };
        let (deserted, cleared) = (job.waiters == 0, job.superseded.is_some());
        if deserted {
            self.close_job(id, now);
            return Settled::Nothing;
        }
        if cleared {
            self.begin_attempt_again(id, now);
        }
        self.start_run(id, now);
        Settled::Nothing
    }

    /// What superseded the last run also opened the gate: the next run closes it again.
    fn begin_attempt_again(&mut self, id: JobId, now: Instant) {
        let spread = self.jitter.spread();
        if let Some(job) = self.jobs.get_mut(id)
            && let Some(slot) = self.slots.get_mut(job.entry)
        {
            job.before = slot.entry.begin_attempt(&self.policy, spread, now);
        }
    }

    fn settle(&mut self, id: JobId, outcome: Outcome, now: Instant) -> Settled {
        match outcome {
            Outcome::Granted(grant) => match grant.check(now) {
                Ok(()) => self.grant(id, &grant, now),
                Err(error) => self.fail(id, Failure::default(), FailReason::Expiry(error), now),
            },
            Outcome::Null => self.have_none(id, now),
            Outcome::Failed(failure) => self.fail(id, failure, FailReason::Credential, now),
        }
    }

    fn grant(&mut self, id: JobId, grant: &Grant, now: Instant) -> Settled {
        let Some(job) = self.close_job(id, now) else { return Settled::Nothing };
        let order = job.fetch.0;
        if self.is_challenge(job.entry) {
            return self.grant_challenge(id, &job, grant, now);
        }
        let Some(slot) = self.slots.get_mut(job.entry) else { return Settled::HandedOut { job: id } };
        let answered_later = slot.entry.barrier().is_some_and(|barrier| order < barrier);
        if answered_later && slot.entry.standing(now).zone != Zone::Expired {
            return Settled::Served { job: id, entry: job.entry };
        }
        slot.entry.accept(grant, None, &self.policy, now);
        self.slots.sweep_after(job.entry, plus(grant.expires_at, IDLE));
        Settled::Granted { job: id, entry: job.entry, base: None }
    }

    fn grant_challenge(&mut self, id: JobId, job: &Job, grant: &Grant, now: Instant) -> Settled {
        let order = job.fetch.0;
        if let Some(slot) = self.slots.get_mut(job.entry) {
            slot.entry.accept_claims(grant, now);
        }
        self.slots.sweep_after(job.entry, plus(now.unix_ms(), CLAIMS_ANSWER));
        let mut base = job.base;
        if let Some(found) = base
            && let Some(slot) = self.slots.get_mut(found)
        {
            if slot.entry.barrier().is_some_and(|barrier| barrier > order) {
                base = None;
            } else {
                slot.entry.accept(&Grant { unchanged: false, ..*grant }, Some(order), &self.policy, now);
                self.slots.sweep_after(found, plus(grant.expires_at, IDLE));
                if let Some(flying) = self.jobs.of_entry(found).and_then(|id| self.jobs.get_mut(id)) {
                    flying.before = flying.before.under_another_token();
                }
            }
        }
        Settled::Granted { job: id, entry: job.entry, base }
    }

    fn have_none(&mut self, id: JobId, now: Instant) -> Settled {
        let Some(job) = self.close_job(id, now) else { return Settled::Nothing };
        if self.can_serve(job.entry, now) {
            return Settled::Served { job: id, entry: job.entry };
        }
        Settled::Null { job: id }
    }

    fn fail(&mut self, id: JobId, failure: Failure, reason: FailReason, now: Instant) -> Settled {
        let Some(job) = self.close_job(id, now) else { return Settled::Nothing };
        let entry = job.entry;
        if self.note_failure(entry, failure, now) {
            return Settled::Served { job: id, entry };
        }
        let remembered = self.slots.get(entry).map_or(0, |slot| slot.entry.memory_lasts(now));
        self.slots.sweep_after(entry, plus(plus(now.unix_ms(), remembered), IDLE));
        Settled::Failed { job: id, entry, reason }
    }

    /// Whether callers have a token all the same.
    fn note_failure(&mut self, entry: EntryId, failure: Failure, now: Instant) -> bool {
        let servable = self.can_serve(entry, now);
        if let Some(slot) = self.slots.get_mut(entry) {
            slot.entry.fail(failure, servable, &self.policy, now);
        }
        servable
    }

    /// A challenge is never answered by what was held before it.
    fn can_serve(&self, entry: EntryId, now: Instant) -> bool {
        !self.is_challenge(entry)
            && self.slots.get(entry).is_some_and(|slot| slot.entry.standing(now).zone != Zone::Expired)
    }

    fn close_job(&mut self, id: JobId, now: Instant) -> Option<Job> {
        self.sweep(now, SWEEP_BUDGET);
        self.jobs.close(id)
    }

    fn end_patience(&mut self, id: JobId, now: Instant) -> Settled {
        self.jobs.serve_never(id);
        let Some(job) = self.jobs.get(id) else { return Settled::Nothing };
        let entry = job.entry;
        if !self.can_serve(entry, now) {
            return Settled::Nothing;
        }
        if let Some(job) = self.jobs.get_mut(id) {
            job.patience_over = true;
            job.behind = true;
            job.waiters = 0;
        }
        Settled::Served { job: id, entry }
    }

    fn end_at_limit(&mut self, id: JobId, now: Instant) -> Settled {
        let Some(job) = self.jobs.get(id) else { return Settled::Nothing };
        let superseded = job.superseded.is_some_and(|why| why != Superseded::OwnerChanged);
        let fetch = job.fetch;
        self.actions.push(Action::Abort { fetch });
        self.jobs.end_run(id);
        if superseded {
            return self.run_again(id, now);
        }
        self.fail(id, Failure::default(), FailReason::Limit, now)
    }

    /// Drops the token of an entry, and the result of the run that is under way.
    fn forget(&mut self, entry: EntryId, why: Superseded, now: Instant) {
        self.forget_held(entry);
        let Some(id) = self.jobs.of_entry(entry) else { return };
        self.jobs.serve_never(id);
        self.jobs.supersede(id, why);
        let abortable = self.kind_of(entry).abortable;
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.patience_over = false;
        if abortable {
            let fetch = job.fetch;
            self.jobs.end_run(id);
            self.actions.push(Action::Abort { fetch });
            let _ = self.run_again(id, now);
        }
    }

    fn forget_held(&mut self, entry: EntryId) {
        if let Some(slot) = self.slots.get_mut(entry) {
            slot.entry.clear();
        }
        self.actions.push(Action::Forget { entry });
    }

    fn is_idle(&self, entry: EntryId, now: Instant) -> bool {
        let idle_since = minus(i64::from(coarse(now)), IDLE / 1_000);
        !self.jobs.need(entry)
            && self.slots.get(entry).is_some_and(|slot| i64::from(slot.last_used) < idle_since)
    }

    /// Makes room by a thirty-second part, so that a full cache does not search itself at every request.
    fn evict(&mut self) -> bool {
        let room = (self.max_entries / 32).max(1);
        let mut idle = Vec::new();
        for &entry in &self.slots.of(None, None) {
            if !self.jobs.need(entry) {
                idle.push((self.slots.turn(entry), entry));
            }
        }
        let last = last_turn(&idle, room);
        for &(turn, entry) in &idle {
            if turn <= last {
                self.remove(entry);
            }
        }
        !idle.is_empty()
    }

    fn remove(&mut self, entry: EntryId) {
        if let Some(key) = self.slots.remove(entry) {
            self.names.release(key);
            self.actions.push(Action::Forget { entry });
        }
    }
}

impl Actions {
    fn push(&mut self, action: Action) {
        self.all.push(action);
    }

    /// A host drains them all before its next input, so that room is made when none is left.
    fn pop(&mut self) -> Option<Action> {
        let next = self.all.get(self.polled).copied();
        self.polled = self.polled.wrapping_add(1);
        if next.is_none() {
            self.all.clear();
            self.polled = 0;
        }
        next
    }
}

/// The turn of the last of the first `count` that go, found by halving: sorting would be two kilobytes of wasm.
fn last_turn(idle: &[(u64, EntryId)], count: usize) -> u64 {
    let (mut low, mut high) = (0_u64, u64::MAX);
    while low < high {
        let middle = low.midpoint(high);
        if idle.iter().filter(|&&(turn, _)| turn <= middle).count() < count {
            low = middle.wrapping_add(1);
        } else {
            high = middle;
        }
    }
    high
}

fn hit(now: Instant, lasts: i64) -> Decision {
    let (from, until) = lease(now, lasts);
    Decision::Hit { from, until }
}

fn lease(now: Instant, lasts: i64) -> (i64, i64) {
    (now.unix_ms(), plus(now.unix_ms(), lasts.min(LEASE)))
}

/// Seconds that fit four bytes: fine enough for the least recently used.
fn coarse(now: Instant) -> u32 {
    u32::try_from(now.elapsed_ms() / 1_000).unwrap_or(0)
}
