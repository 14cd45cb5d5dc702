//! A cache and the reference side by side: performs one input on both, and compares all that can be seen.

use std::collections::{BTreeMap, BTreeSet};

use azure_token_cache_core::{
    Action, Cache, Clock, CredentialId, CredentialKind, Decision, EntryId, FailReason, Failure, FetchId,
    Grant, IdentityChange, Instant, JobId, KeyedBy, Outcome, Policy, Reason, Request, Selector, Settled,
    Stability, Zone,
};

use crate::reference::{Answer, Brought, FRESH_ENTRY, Flight, Key, Kind, Reference, Superseded, Time};

#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub lifetime: i64,
    pub hint: Option<i64>,
    pub issued: Option<i64>,
    pub unchanged: bool,
    pub session: u32,
}

#[derive(Clone, Debug)]
pub enum Input {
    Ask { credential: usize, scope: usize, claims: Option<usize> },
    Grant { flight: usize, times: Times, moved: Option<bool> },
    Fail { flight: usize, network: bool, pause: i64, moved: Option<bool> },
    Null { flight: usize, moved: Option<bool> },
    Nonsense { flight: usize, expires: i64 },
    Pass(i64),
    PassToTimeout,
    Timeout,
    Leave(usize),
    Started(usize),
    Suspend(i64),
    SetBack(i64),
    ChangeIdentity(usize),
    Touch { credential: usize, session: u32 },
    Invalidate { credential: usize, scope: usize },
    Spurious,
}

const SCOPES: [&str; 2] = ["a/.default", "b"];
const CLAIMS: [&str; 2] = ["{}", "{\"a\":1}"];
const MINUTE: i64 = 60_000;
const MAX_RUNS: u32 = 3;

pub struct Subject {
    cache: Cache,
    clock: Clock,
    credentials: Vec<CredentialId>,
    reference: Reference,
    time: Time,
    ids: BTreeMap<Key, EntryId>,
    /// The runs that are under way, by the order in which they began.
    runs: BTreeMap<u32, FetchId>,
    /// The jobs of core, by those of the reference.
    jobs: BTreeMap<u32, JobId>,
    asked_at: BTreeMap<Key, i64>,
    began: u32,
    waiters: u32,
    settled: BTreeSet<u32>,
    left: BTreeSet<u32>,
    expected: Expected,
    over: Vec<(JobId, FetchId)>,
}

/// What the reference expects of the actions that an input causes.
#[derive(Default)]
struct Expected {
    aborted: Vec<FetchId>,
    forgotten: Vec<Key>,
    lapsed: Vec<Key>,
    /// Jobs whose next run begins.
    fetching: Vec<u32>,
}

/// How the reference settles a job.
#[derive(Debug)]
enum Settling {
    Granted { base: Option<Key> },
    HandedOut,
    Served,
    Null,
    Failed(FailReason),
    Abandoned,
}

impl Subject {
    pub fn new(azure_identity: bool) -> Self {
        let policy = if azure_identity { Policy::AZURE_IDENTITY } else { Policy::DEFAULT };
        // The reference cannot know the spread.
        let policy = Policy { retry_jitter_percent: 0, ..policy };
        let kinds = [
            CredentialKind::GENERAL,
            CredentialKind::AZ,
            CredentialKind { interactive: true, ..CredentialKind::GENERAL },
        ];
        assert_eq!(CredentialKind::AZ.keyed_by, KeyedBy::Resource);
        let mut cache = Cache::new(policy, 7);
        let credentials = kinds.iter().map(|&kind| cache.register(kind)).collect();
        let reference = Reference {
            policy,
            kinds: kinds
                .iter()
                .map(|kind| Kind {
                    abortable: kind.abortable,
                    honours_claims: kind.honours_claims,
                    interactive: kind.interactive,
                })
                .collect(),
            entries: BTreeMap::new(),
            flights: BTreeMap::new(),
        };
        let mut subject = Self {
            cache,
            clock: Clock::default(),
            credentials,
            reference,
            time: Time { monotonic: 9_000_000, unix: 1_700_000_000_000, slept: 0, epoch: 0 },
            ids: BTreeMap::new(),
            runs: BTreeMap::new(),
            jobs: BTreeMap::new(),
            asked_at: BTreeMap::new(),
            began: 0,
            waiters: 0,
            settled: BTreeSet::new(),
            left: BTreeSet::new(),
            expected: Expected::default(),
            over: Vec::new(),
        };
        let _ = subject.now();
        subject
    }

    pub fn perform(&mut self, input: &Input) {
        match *input {
            Input::Ask { credential, scope, claims } => self.ask(Key { credential, scope, claims }),
            Input::Grant { flight, times, moved } => self.grant(flight, times, moved),
            Input::Fail { flight, network, pause, moved } => {
                let retry_after = (pause > 0).then(|| u32::try_from(pause).expect("a short pause"));
                let outcome = Outcome::Failed(Failure { network, retry_after });
                self.end(flight, outcome, Brought::Failure { network, pause }, moved);
            }
            Input::Null { flight, moved } => self.end(flight, Outcome::Null, Brought::Null, moved),
            Input::Nonsense { flight, expires } => self.bring_nonsense(flight, expires),
            Input::Pass(ms) => self.pass(ms),
            Input::PassToTimeout => {
                let at = self.reference.next_timer().map_or(self.time.monotonic, |(at, ..)| at);
                self.pass((at - self.time.monotonic).max(0));
            }
            Input::Timeout => self.time_out(),
            Input::Leave(which) => self.leave(which),
            Input::Started(which) => self.start(which),
            Input::Suspend(ms) => {
                self.time = Time { unix: self.time.unix + ms, slept: self.time.slept + ms, ..self.time };
                self.reference.jump();
            }
            Input::SetBack(ms) => {
                self.time = Time { unix: self.time.unix - ms, epoch: self.time.epoch + 1, ..self.time };
                self.reference.jump();
            }
            Input::ChangeIdentity(credential) => {
                self.change(credential, IdentityChange::Changed, |_, _| true);
            }
            Input::Touch { credential, session } => {
                self.change(credential, IdentityChange::Touched { session }, |held, flying| {
                    held.map_or(!flying, |held| held != session)
                });
            }
            Input::Invalidate { credential, scope } => self.invalidate(credential, scope),
            Input::Spurious => self.be_spurious(),
        }
        self.compare();
    }

    /// Whoever still waits is answered by the timers alone, each once.
    pub fn settle_everyone(&mut self) {
        for _ in 0..1_000 {
            let Some((at, ..)) = self.reference.next_timer() else { break };
            self.pass((at - self.time.monotonic).max(0));
            self.compare();
            self.time_out();
            self.compare();
        }
        assert!(self.reference.flights.is_empty(), "every run ends");
        let lost =
            (0..self.waiters).filter(|waiter| !self.settled.contains(waiter) && !self.left.contains(waiter));
        assert_eq!(lost.count(), 0, "nobody waits for ever");
    }

    fn now(&mut self) -> Instant {
        self.clock.sample(self.time.monotonic, self.time.unix)
    }

    fn pass(&mut self, ms: i64) {
        self.time = self.time.after(ms);
        let _ = self.now();
    }

    // ---- Callers

    fn ask(&mut self, key: Key) {
        let now = self.now();
        let scopes = [SCOPES[key.scope]];
        let request = Request {
            credential: self.credentials[key.credential],
            scopes: &scopes,
            tenant: None,
            cae: false,
            claims: key.claims.map(|claims| CLAIMS[claims]),
        };
        let base = self.cache.intern(&Request { claims: None, ..request }, now).expect("room");
        let id = self.cache.intern(&request, now).expect("room");
        self.take_sweeps();
        for (key, id) in [(key.base(), base), (key, id)] {
            self.reference.entries.entry(key).or_insert(FRESH_ENTRY);
            self.ids.insert(key, id);
            self.asked_at.insert(key, self.time.monotonic + self.time.slept);
        }
        self.refuse_challenge(key);
        let answer = self.reference.answer(key, self.time);
        let decision = self.cache.lookup(id, now);
        self.follow(key, answer, decision);
    }

    /// az throws at a challenge, and its base token becomes due.
    fn refuse_challenge(&mut self, key: Key) {
        let fresh = self.reference.zone(key, self.time) == Zone::Fresh;
        if key.claims.is_none() || fresh || self.reference.kinds[key.credential].honours_claims {
            return;
        }
        if let Some(token) = &mut self.reference.entry(key.base()).token {
            token.challenged = true;
        }
        self.expected.lapsed.push(key.base());
    }

    fn follow(&mut self, key: Key, answer: Answer, decision: Decision) {
        match (answer, decision) {
            (Answer::Token, Decision::Hit { from, until }) => self.check_lease(key, from, until),
            (Answer::TokenAndFetch, Decision::Refresh { from, until, job }) => {
                self.take_off(key, true, job);
                self.check_lease(key, from, until);
            }
            (Answer::Wait { serve_at, joins }, Decision::Wait { job, serve_at: given }) => {
                assert_eq!(given, serve_at);
                if !joins {
                    self.take_off(key, false, job);
                }
                let flight = self.reference.flight_of(key).expect("a flight to wait for");
                assert_eq!(self.jobs[&flight], job, "one fetch at a time");
                self.join(flight, serve_at);
            }
            (Answer::Error { until }, Decision::Fail { until: given }) => assert_eq!(given, until),
            (answer, decision) => panic!("the table says {answer:?}, core says {decision:?}"),
        }
    }

    /// Inside a lease nothing changes by itself, and it is as long as it may be.
    fn check_lease(&self, key: Key, from: i64, until: i64) {
        assert_eq!(from, self.time.unix);
        let length = until - from;
        assert!((1..=30_000).contains(&length), "a lease of {length} ms");
        for inside in [0, 1.min(length - 1), length / 2, length - 1] {
            let then = self.time.after(inside);
            assert_eq!(self.reference.answer(key, then), Answer::Token, "{inside} ms into {length}");
            let token = self.reference.entries[&key].token.expect("a token");
            assert!(Reference::left(&token, then) > 0, "never past expiry");
        }
        let end = self.time.after(length);
        let line_ends = self.reference.zone(key, end) != self.reference.zone(key, self.time);
        let answer_ends = self.reference.answer(key, end) != Answer::Token;
        assert!(length == 30_000 || line_ends || answer_ends, "a lease of {length} ms could be longer");
    }

    fn take_off(&mut self, key: Key, behind: bool, job: JobId) {
        let before = self.reference.begin_attempt(key, self.time);
        let flight = Flight {
            key,
            order: 0,
            runs: 0,
            behind,
            patience_over: false,
            serve_at: None,
            limit_at: 0,
            superseded: None,
            waiters: Vec::new(),
            before,
        };
        let number = self.jobs.keys().next_back().map_or(0, |last| last + 1);
        self.reference.flights.insert(number, flight);
        self.jobs.insert(number, job);
        self.begin_run(number);
    }

    fn begin_run(&mut self, number: u32) {
        let interactive = self.reference.kinds[self.reference.flights[&number].key.credential].interactive;
        let policy = self.reference.policy;
        let limit = if interactive { policy.interactive_fetch_limit } else { policy.fetch_limit };
        let flight = self.flight(number);
        flight.runs += 1;
        flight.superseded = None;
        let limit_at = self.time.monotonic + i64::from(limit);
        self.flight(number).limit_at = limit_at;
        self.expected.fetching.push(number);
    }

    fn join(&mut self, number: u32, serve_at: Option<i64>) {
        let waiter = self.waiters;
        self.waiters += 1;
        let flight = self.flight(number);
        flight.waiters.push(waiter);
        if flight.serve_at.is_none() {
            flight.serve_at = serve_at;
        }
    }

    fn leave(&mut self, which: usize) {
        let flights = self.reference.flights.iter().filter(|(_, flight)| !flight.waiters.is_empty());
        let numbers: Vec<u32> = flights.map(|(&number, _)| number).collect();
        let Some(&number) = numbers.get(which % numbers.len().max(1)) else { return };
        let waiter = self.flight(number).waiters.pop().expect("a waiter");
        self.left.insert(waiter);
        let flight = &self.reference.flights[&number];
        let abortable = self.reference.kinds[flight.key.credential].abortable;
        let ends = flight.waiters.is_empty() && !flight.behind && abortable;
        let now = self.now();
        let settled = self.cache.leave(self.jobs[&number], now);
        if ends {
            self.abort_run(number);
            let flight = self.land(number);
            self.reference.undo_attempt(flight.key, flight.before);
            self.check(number, &flight, settled, &Settling::Abandoned);
        } else {
            assert_eq!(settled, Settled::Nothing);
        }
    }

    // ---- Runs

    fn grant(&mut self, which: usize, times: Times, moved: Option<bool>) {
        let Some(number) = self.pick(which) else { return };
        let key = self.reference.flights[&number].key;
        let held = self.reference.entries[&key].token;
        let unix = self.time.unix;
        // An unchanged token has the expiry that it had.
        let repeated = held.filter(|held| times.unchanged && held.expires > unix);
        let expires = repeated.map_or(unix + times.lifetime, |held| held.expires);
        let grant = Grant {
            expires_at: expires,
            refresh_at: times.hint.map(|hint| unix + hint),
            issued_at: times.issued.map(|issued| unix + issued),
            unchanged: repeated.is_some(),
            session: times.session,
        };
        let brought = Brought::Token {
            expires,
            hint: grant.refresh_at,
            issued: grant.issued_at,
            unchanged: grant.unchanged,
            session: grant.session,
        };
        self.end_run(number, Outcome::Granted(grant), brought, moved, None);
    }

    fn bring_nonsense(&mut self, which: usize, expires: i64) {
        use azure_token_cache_core::ExpiryError;
        let Some(number) = self.pick(which) else { return };
        let grant =
            Grant { expires_at: expires, refresh_at: None, issued_at: None, unchanged: false, session: 0 };
        let error = match expires {
            ..=0 => ExpiryError::Missing,
            1..100_000_000_000 => ExpiryError::InSeconds,
            _ => ExpiryError::Past,
        };
        let brought = Brought::Failure { network: false, pause: 0 };
        self.end_run(number, Outcome::Granted(grant), brought, None, Some(FailReason::Expiry(error)));
    }

    fn end(&mut self, which: usize, outcome: Outcome, brought: Brought, moved: Option<bool>) {
        if let Some(number) = self.pick(which) {
            self.end_run(number, outcome, brought, moved, None);
        }
    }

    fn end_run(
        &mut self,
        number: u32,
        outcome: Outcome,
        brought: Brought,
        moved: Option<bool>,
        reason: Option<FailReason>,
    ) {
        let now = self.now();
        let stability = moved.map_or(Stability::Steady, |same_account| Stability::Moved { same_account });
        let fetch = self.runs[&number];
        let settled = self.cache.handle_fetched(fetch, outcome, stability, now);
        self.runs.remove(&number);
        self.over.push((self.jobs[&number], fetch));
        let flight = &self.reference.flights[&number];
        let changed = flight.superseded == Some(Superseded::IdentityChanged);
        let is_moved = moved.is_some() || changed;
        if flight.superseded == Some(Superseded::Invalidated) || (is_moved && flight.runs < MAX_RUNS) {
            assert_eq!(settled, Settled::Nothing);
            return self.run_again(number);
        }
        let flight = self.land(number);
        let settling = if !is_moved {
            self.settle(&flight, brought, reason)
        } else if moved == Some(true) && !changed && matches!(brought, Brought::Token { .. }) {
            Settling::HandedOut
        } else {
            self.fail(&flight, false, 0, FailReason::LoginMoved)
        };
        self.check(number, &flight, settled, &settling);
    }

    fn settle(&mut self, flight: &Flight, brought: Brought, reason: Option<FailReason>) -> Settling {
        let (key, time) = (flight.key, self.time);
        match brought {
            Brought::Failure { network, pause } => {
                self.fail(flight, network, pause, reason.unwrap_or(FailReason::Credential))
            }
            Brought::Null if self.reference.can_serve(key, time) => Settling::Served,
            Brought::Null => Settling::Null,
            Brought::Token { .. } if key.claims.is_some() => {
                let replaces = self.reference.keep_answer(key, brought, flight.order, time);
                Settling::Granted { base: replaces.then(|| key.base()) }
            }
            Brought::Token { .. } => {
                let held = self.reference.entries[&key].token;
                let answered_later = held.is_some_and(|held| held.claims_order > flight.order);
                if answered_later && self.reference.can_serve(key, time) {
                    return Settling::Served;
                }
                self.reference.keep(key, brought, None, time);
                Settling::Granted { base: None }
            }
        }
    }

    fn fail(&mut self, flight: &Flight, network: bool, pause: i64, reason: FailReason) -> Settling {
        if self.reference.fail(flight.key, network, pause, self.time) {
            Settling::Served
        } else {
            Settling::Failed(reason)
        }
    }

    /// Those who wait move to a new run; for nobody none begins.
    fn run_again(&mut self, number: u32) {
        let (key, time) = (self.flight(number).key, self.time);
        if self.flight(number).waiters.is_empty() {
            self.land(number);
            return;
        }
        if self.flight(number).superseded.is_some() {
            let before = self.reference.begin_attempt(key, time);
            self.flight(number).before = before;
        }
        self.begin_run(number);
    }

    fn start(&mut self, which: usize) {
        let Some(number) = self.pick(which) else { return };
        let now = self.now();
        self.cache.handle_started(self.runs[&number], now);
        let interactive = self.reference.kinds[self.reference.flights[&number].key.credential].interactive;
        let limit = if interactive { 900_000 } else { 60_000 };
        self.flight(number).limit_at = self.time.monotonic + limit;
    }

    fn time_out(&mut self) {
        let due = self.reference.next_timer().filter(|&(at, ..)| at <= self.time.monotonic);
        let now = self.now();
        let settled = self.cache.handle_timeout(now);
        match due {
            None => assert_eq!(settled, Settled::Nothing),
            Some((_, number, true)) => self.end_patience(number, settled),
            Some((_, number, false)) => self.end_at_limit(number, settled),
        }
    }

    fn end_patience(&mut self, number: u32, settled: Settled) {
        self.flight(number).serve_at = None;
        let key = self.flight(number).key;
        if !self.reference.can_serve(key, self.time) {
            assert_eq!(settled, Settled::Nothing);
            return;
        }
        let served = self.reference.flights[&number].clone();
        self.check(number, &served, settled, &Settling::Served);
        let flight = self.flight(number);
        flight.waiters.clear();
        flight.behind = true;
        flight.patience_over = true;
    }

    fn end_at_limit(&mut self, number: u32, settled: Settled) {
        self.abort_run(number);
        if self.flight(number).superseded.is_some() {
            assert_eq!(settled, Settled::Nothing);
            return self.run_again(number);
        }
        let flight = self.land(number);
        let settling = self.fail(&flight, false, 0, FailReason::Limit);
        self.check(number, &flight, settled, &settling);
    }

    // ---- Logins

    /// `goes` is told the session of the token that is held, and whether a fetch is under way.
    fn change(
        &mut self,
        credential: usize,
        change: IdentityChange,
        goes: impl Fn(Option<u32>, bool) -> bool,
    ) {
        let keys = self.keys(|key| key.credential == credential);
        let session = |key: &Key| self.reference.entries[key].token.map(|token| token.session);
        let going = keys
            .into_iter()
            .filter(|key| goes(session(key), self.reference.flight_of(*key).is_some()))
            .collect();
        let now = self.now();
        self.cache.handle_identity(self.credentials[credential], change, now);
        self.forget(going, Superseded::IdentityChanged);
    }

    fn invalidate(&mut self, credential: usize, scope: usize) {
        let going = self.keys(|key| key.credential == credential && key.scope == scope);
        let now = self.now();
        let scopes = [SCOPES[scope]];
        let selector = Selector::Scopes(self.credentials[credential], &scopes);
        self.cache.invalidate(selector, now).expect("a selector");
        self.forget(going, Superseded::Invalidated);
    }

    fn forget(&mut self, going: Vec<Key>, why: Superseded) {
        for key in going {
            *self.reference.entry(key) = FRESH_ENTRY;
            self.expected.forgotten.push(key);
            let Some(number) = self.reference.flight_of(key) else { continue };
            let flight = self.flight(number);
            flight.serve_at = None;
            flight.patience_over = false;
            flight.superseded = flight.superseded.max(Some(why));
            if self.reference.kinds[key.credential].abortable {
                self.abort_run(number);
                self.run_again(number);
            }
        }
    }

    // ---- Nothing at all

    fn be_spurious(&mut self) {
        let now = self.now();
        for (job, fetch) in self.over.clone() {
            if !self.jobs_flying().contains(&job) {
                assert_eq!(self.cache.leave(job, now), Settled::Nothing);
            }
            let outcome = Outcome::Failed(Failure::default());
            assert_eq!(self.cache.handle_fetched(fetch, outcome, Stability::Steady, now), Settled::Nothing);
            self.cache.handle_started(fetch, now);
        }
        if self.reference.next_timer().is_none_or(|(at, ..)| at > self.time.monotonic) {
            assert_eq!(self.cache.handle_timeout(now), Settled::Nothing);
        }
        assert_eq!(self.cache.poll_action(), None);
    }

    fn jobs_flying(&self) -> BTreeSet<JobId> {
        self.reference.flights.keys().map(|number| self.jobs[number]).collect()
    }

    // ---- What can be seen

    /// Actions, timers and the explanation of every entry.
    fn compare(&mut self) {
        self.compare_actions();
        let timer = self
            .reference
            .next_timer()
            .map(|(at, _, patience)| (at, if patience { Reason::FrontPatience } else { Reason::FetchLimit }));
        assert_eq!(self.cache.poll_timeout(), timer);
        let now = self.now();
        for (key, entry) in &self.reference.entries {
            let seen = self.cache.explain(self.ids[key], now).expect("an entry");
            let (time, left) = (self.time, entry.token.map(|token| Reference::left(&token, self.time)));
            assert_eq!(seen.zone, self.reference.zone(*key, time), "{key:?} {entry:?}");
            assert_eq!(seen.left, left, "{key:?}");
            assert_eq!(seen.in_flight, self.reference.flight_of(*key).is_some(), "{key:?}");
            let closed = self.reference.gate_is_closed(*key, time);
            assert!(key.claims.is_some() || closed == (seen.gate_closed_for > 0), "{key:?} {entry:?}");
            assert_eq!(
                seen.memory_lasts,
                (entry.memory_ends.saturating_sub(time.monotonic)).max(0),
                "{key:?}"
            );
            assert!(self.reference.is_reason(*key, seen.due, time), "{key:?} {entry:?} {seen:?}");
        }
    }

    fn compare_actions(&mut self) {
        let now = self.now();
        let mut gone = Vec::new();
        let mut expected = std::mem::take(&mut self.expected);
        while let Some(action) = self.cache.poll_action() {
            match action {
                Action::Fetch { fetch, job, entry } => {
                    let at = expected.fetching.iter().position(|number| self.jobs[number] == job);
                    let number = expected.fetching.remove(at.expect("a run that the table begins"));
                    assert_eq!(self.ids[&self.reference.flights[&number].key], entry);
                    assert!(self.runs.insert(number, fetch).is_none(), "one run at a time");
                    self.began += 1;
                    self.flight(number).order = self.began;
                }
                Action::Abort { fetch } => remove(&mut expected.aborted, |&aborted| aborted == fetch),
                Action::Lapse { entry } => remove(&mut expected.lapsed, |key| self.ids[key] == entry),
                Action::Forget { entry } => {
                    let known = expected.forgotten.iter().any(|key| self.ids.get(key) == Some(&entry));
                    if known {
                        remove(&mut expected.forgotten, |key| self.ids[key] == entry);
                    }
                    // A sweep may meet it in the same input, and say so again.
                    let swept = self.cache.explain(entry, now).is_none();
                    if (!known || swept) && !gone.contains(&entry) {
                        self.sweep(entry);
                        gone.push(entry);
                    }
                }
            }
        }
        assert_eq!(expected.aborted, []);
        assert_eq!(expected.lapsed, []);
        assert_eq!(expected.forgotten, []);
        assert_eq!(expected.fetching, [0_u32; 0]);
    }

    fn take_sweeps(&mut self) {
        while let Some(action) = self.cache.poll_action() {
            let Action::Forget { entry } = action else { panic!("a request caused {action:?}") };
            self.sweep(entry);
        }
    }

    /// Only what has expired and was not asked for lately is swept.
    fn sweep(&mut self, id: EntryId) {
        let (&key, _) = self.ids.iter().find(|(_, known)| **known == id).expect("an entry of ours");
        let entry = self.reference.entries.remove(&key).expect("an entry of ours");
        let needs = |flight: &Flight| flight.key == key || flight.key.base() == key;
        assert!(!self.reference.flights.values().any(needs), "an entry in flight never goes");
        let left = entry.token.map_or(0, |token| Reference::left(&token, self.time));
        assert!(left <= 0, "a token with {left} ms left was swept");
        assert!(self.time.monotonic + self.time.slept - self.asked_at[&key] >= MINUTE);
        self.ids.remove(&key);
    }

    fn check(&mut self, number: u32, flight: &Flight, settled: Settled, settling: &Settling) {
        let job = self.jobs[&number];
        let entry = self.ids[&flight.key];
        let expected = match *settling {
            Settling::Granted { base } => {
                Settled::Granted { job, entry, base: base.map(|key| self.ids[&key]) }
            }
            Settling::HandedOut => Settled::HandedOut { job },
            Settling::Served => Settled::Served { job, entry },
            Settling::Null => Settled::Null { job },
            Settling::Failed(reason) => Settled::Failed { job, entry, reason },
            Settling::Abandoned => Settled::Abandoned { job },
        };
        assert_eq!(settled, expected);
        for &waiter in &flight.waiters {
            assert!(!self.left.contains(&waiter) && self.settled.insert(waiter), "settled once");
        }
    }

    // ---- Small parts

    fn abort_run(&mut self, number: u32) {
        let fetch = self.runs.remove(&number).expect("a run");
        self.over.push((self.jobs[&number], fetch));
        self.expected.aborted.push(fetch);
    }

    fn land(&mut self, number: u32) -> Flight {
        self.reference.flights.remove(&number).expect("a flight")
    }

    fn flight(&mut self, number: u32) -> &mut Flight {
        self.reference.flights.get_mut(&number).expect("a flight")
    }

    fn pick(&self, which: usize) -> Option<u32> {
        let numbers: Vec<u32> = self.runs.keys().copied().collect();
        numbers.get(which % numbers.len().max(1)).copied()
    }

    fn keys(&self, chosen: impl Fn(&Key) -> bool) -> Vec<Key> {
        self.reference.entries.keys().copied().filter(chosen).collect()
    }
}

fn remove<T>(expected: &mut Vec<T>, is_it: impl Fn(&T) -> bool) {
    let at = expected.iter().position(is_it).expect("an action that the table asks for");
    expected.remove(at);
}
