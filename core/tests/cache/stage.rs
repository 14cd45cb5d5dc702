//! A cache, its two clocks and its credential, so that a test reads as a timeline.

use azure_token_cache_core::{
    Action, Cache, Clock, CredentialId, CredentialKind, Decision, EntryId, Explanation, FailReason, Failure,
    FetchId, Grant, Instant, JobId, Outcome, Policy, Request, Settled, Stability,
};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

/// The wall clock of the first moment; the monotonic clock starts elsewhere, so that no test confuses them.
pub const START: i64 = 1_700_000_000_000;
const BOOT: i64 = 5_000_000;

pub const SCOPE: &str = "https://vault.azure.net/.default";

pub struct Stage {
    pub cache: Cache,
    pub credential: CredentialId,
    clock: Clock,
    monotonic: i64,
    unix: i64,
}

impl Stage {
    pub fn new() -> Self {
        Self::with(Policy::DEFAULT, CredentialKind::GENERAL)
    }

    pub fn of(kind: CredentialKind) -> Self {
        Self::with(Policy::DEFAULT, kind)
    }

    pub fn under(policy: Policy) -> Self {
        Self::with(policy, CredentialKind::GENERAL)
    }

    pub fn with(policy: Policy, kind: CredentialKind) -> Self {
        Self::around(Cache::new(policy, 1), kind)
    }

    pub fn around(mut cache: Cache, kind: CredentialKind) -> Self {
        let credential = cache.register(kind);
        let mut clock = Clock::default();
        let _ = clock.sample(BOOT, START);
        Self { cache, credential, clock, monotonic: BOOT, unix: START }
    }

    pub fn now(&mut self) -> Instant {
        self.clock.sample(self.monotonic, self.unix)
    }

    /// Wall time, in milliseconds since the stage began.
    pub fn elapsed(&self) -> i64 {
        self.unix - START
    }

    pub fn pass(&mut self, ms: i64) {
        self.monotonic += ms;
        self.unix += ms;
        let _ = self.now();
    }

    /// Both clocks to this many milliseconds since the stage began.
    pub fn pass_to(&mut self, at: i64) {
        let ms = at - self.elapsed();
        assert!(ms >= 0, "time runs forward");
        self.pass(ms);
    }

    pub fn suspend(&mut self, ms: i64) {
        self.unix += ms;
        let _ = self.now();
    }

    pub fn set_back(&mut self, ms: i64) {
        self.unix -= ms;
        let _ = self.now();
    }

    pub fn request<'a>(&self, scopes: &'a [&'a str]) -> Request<'a> {
        Request { credential: self.credential, scopes, tenant: None, cae: false, claims: None }
    }

    pub fn entry(&mut self) -> EntryId {
        let request = self.request(&[SCOPE]);
        self.intern(&request)
    }

    pub fn intern(&mut self, request: &Request<'_>) -> EntryId {
        let now = self.now();
        self.cache.intern(request, now).expect("room")
    }

    pub fn challenge(&mut self, claims: &str) -> EntryId {
        let request = Request { claims: Some(claims), ..self.request(&[SCOPE]) };
        self.intern(&request)
    }

    /// What a caller gets; what explains it must agree, and must change nothing.
    pub fn lookup(&mut self, entry: EntryId) -> Decision {
        let now = self.now();
        let explained = self.cache.explain(entry, now);
        assert_eq!(explained, self.cache.explain(entry, now));
        let decision = self.cache.lookup(entry, now);
        assert_agrees(explained, decision);
        decision
    }

    pub fn explain(&mut self, entry: EntryId) -> Explanation {
        let now = self.now();
        self.cache.explain(entry, now).expect("an entry")
    }

    /// The lease of a hit, as milliseconds from now; the decision must be one without work.
    pub fn hit(&mut self, entry: EntryId) -> i64 {
        match self.lookup(entry) {
            Decision::Hit { from, until } => self.length(from, until),
            other => panic!("no hit: {other:?}"),
        }
    }

    /// The lease of a refresh behind, and its run.
    pub fn behind(&mut self, entry: EntryId) -> (i64, FetchId) {
        match self.lookup(entry) {
            Decision::Refresh { from, until, .. } => (self.length(from, until), self.fetch()),
            other => panic!("no refresh behind: {other:?}"),
        }
    }

    /// The job that a caller waits for, and how long at most where the held token is served then.
    pub fn wait(&mut self, entry: EntryId) -> (JobId, Option<i64>) {
        match self.lookup(entry) {
            Decision::Wait { job, serve_at } => (job, serve_at.map(|at| at - self.monotonic)),
            other => panic!("no wait: {other:?}"),
        }
    }

    /// For how long the last failure answers.
    pub fn fails_for(&mut self, entry: EntryId) -> i64 {
        match self.lookup(entry) {
            Decision::Fail { until } => until - self.monotonic,
            other => panic!("no failure: {other:?}"),
        }
    }

    /// The run that the last input asks for; nothing else may be asked for before it.
    pub fn fetch(&mut self) -> FetchId {
        match self.cache.poll_action() {
            Some(Action::Fetch { fetch, .. }) => fetch,
            other => panic!("no fetch: {other:?}"),
        }
    }

    pub fn actions(&mut self) -> Vec<Action> {
        core::iter::from_fn(|| self.cache.poll_action()).collect()
    }

    pub fn no_action(&mut self) {
        assert_eq!(self.actions(), []);
    }

    /// A token that lives this long from now.
    pub fn token(&self, lifetime: i64) -> Grant {
        Grant {
            expires_at: self.unix + lifetime,
            refresh_at: None,
            issued_at: None,
            unchanged: false,
            session: 0,
        }
    }

    pub fn granted(&mut self, fetch: FetchId, grant: Grant) -> Settled {
        self.fetched(fetch, Outcome::Granted(grant))
    }

    pub fn failed(&mut self, fetch: FetchId) -> Settled {
        self.fetched(fetch, Outcome::Failed(Failure::default()))
    }

    pub fn failed_with(&mut self, fetch: FetchId, network: bool, retry_after: Option<u32>) -> Settled {
        self.fetched(fetch, Outcome::Failed(Failure { network, retry_after }))
    }

    pub fn fetched(&mut self, fetch: FetchId, outcome: Outcome) -> Settled {
        self.ended(fetch, outcome, Stability::Steady)
    }

    pub fn ended(&mut self, fetch: FetchId, outcome: Outcome, stability: Stability) -> Settled {
        let now = self.now();
        self.cache.handle_fetched(fetch, outcome, stability, now)
    }

    pub fn leave(&mut self, job: JobId) -> Settled {
        let now = self.now();
        self.cache.leave(job, now)
    }

    /// Goes to the next timeout and handles it: how long it took, and what it settled.
    pub fn time_out(&mut self) -> (i64, Settled) {
        let (at, _) = self.cache.poll_timeout().expect("a timeout");
        let before = self.monotonic;
        self.pass((at - before).max(0));
        let now = self.now();
        (at - before, self.cache.handle_timeout(now))
    }

    /// Makes an entry hold this token, by a fetch that begins and ends now.
    pub fn hold(&mut self, entry: EntryId, grant: Grant) {
        let (job, _) = self.wait(entry);
        let fetch = self.fetch();
        assert_eq!(self.granted(fetch, grant), Settled::Granted { job, entry, base: None });
    }

    /// Fails the entry's next fetch, which begins and ends now.
    pub fn fail(&mut self, entry: EntryId) {
        let (job, _) = self.wait(entry);
        let fetch = self.fetch();
        assert_eq!(self.failed(fetch), failed(job, entry));
    }

    fn length(&self, from: i64, until: i64) -> i64 {
        assert_eq!(from, self.unix, "a lease begins now");
        until - from
    }
}

pub fn failed(job: JobId, entry: EntryId) -> Settled {
    Settled::Failed { job, entry, reason: FailReason::Credential }
}

fn assert_agrees(explained: Option<Explanation>, decision: Decision) {
    use azure_token_cache_core::Zone;
    let Some(explained) = explained else { return assert_eq!(decision, Decision::Unknown) };
    let agrees = match decision {
        Decision::Hit { .. } => explained.zone != Zone::Expired,
        Decision::Refresh { .. } => explained.zone == Zone::RefreshBehind && !explained.in_flight,
        Decision::Wait { serve_at: Some(_), .. } => explained.zone == Zone::RefreshInFront,
        Decision::Wait { serve_at: None, .. } => {
            explained.zone == Zone::Expired && (explained.in_flight || explained.memory_lasts == 0)
        }
        Decision::Fail { .. } => explained.zone == Zone::Expired && explained.memory_lasts > 0,
        Decision::Unknown => false,
    };
    assert!(agrees, "{explained:?} does not explain {decision:?}");
}
