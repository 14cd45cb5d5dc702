//! One host of a fleet, without I/O: the real cache and the real walk. The simulation and the host process perform its tasks.

use azure_token_cache_core::walk::{
    Answer, Ending, Generation, Lane, Loaded, Locking, Login, Over, Pace, Step, StoredFailure, StoredToken,
    Terms, Walk, Wanted,
};
use azure_token_cache_core::{
    Action, Cache, Clock, CredentialKind, Decision, EntryId, FailReason, FetchId, Grant, Instant, JobId,
    Outcome, Policy, Request, RequestError, Settled, Stability, Zone,
};

use crate::given::{FAILED, given};
use crate::splitmix::SplitMix;

/// Both clocks of a host, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// From any origin.
    pub monotonic: i64,
    /// Since the Unix epoch.
    pub unix: i64,
}

/// A token, by what is known of it. Times are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// No other token has it.
    pub number: u64,
    /// When it ends.
    pub expires_at: i64,
    /// When it came, by the clock of the host that fetched it.
    pub acquired_at: i64,
}

/// What a look at the store found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// What a save compares.
    pub generation: Generation,
    /// The token.
    pub token: Option<Token>,
    /// The number of the last failure, and when it was, by the clock of the host that failed.
    pub failure: Option<(u64, i64)>,
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A token.
    Token(Token),
    /// An answer later: see [`Host::poll_answer`].
    Waits {
        /// There is no token that could be served meanwhile.
        empty_handed: bool,
    },
    /// An error.
    Failed,
}

/// What is to be done for a host, and reported with [`Host::report`].
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// What the report names. A report of a ticket that was withdrawn counts for nothing.
    pub ticket: u32,
    /// What is to be done.
    pub work: Work,
}

/// What a task is. All but two are one command to the server.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Read the entry: [`Report::Looked`].
    Look,
    /// Take a lease that is free, and read the entry: [`Report::Locked`].
    Lock(Lane),
    /// Keep a token, where the generation is still that one, and let go of the lease: [`Report::Kept`].
    Save {
        /// The token.
        token: Token,
        /// What it may replace.
        over: Over,
        /// The lease.
        lease: Lease,
    },
    /// Keep a failure for those who wait, and let go of the lease: [`Report::Kept`].
    Fail {
        /// When it was, by the host's clock.
        failed_at: i64,
        /// The lease.
        lease: Lease,
    },
    /// Let go of the lease: [`Report::Released`].
    Release(Lease),
    /// Get a token from the source: [`Report::Fetched`]. The lease is renewed meanwhile.
    Fetch(Lease),
    /// Nothing, until this time in monotonic milliseconds: [`Report::Woken`].
    Sleep(i64),
}

/// A lease that a host took. It may have expired since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    /// Which one.
    pub lane: Lane,
    /// It rises with each lease; 0 is none.
    pub fence: u64,
}

/// What came of a task.
#[derive(Clone, Copy, Debug)]
pub enum Report {
    /// The entry, and whether somebody holds the lease of the one fetch.
    Looked(Found, bool),
    /// The entry, and the fence, where the lease was free.
    Locked(Found, Option<u64>),
    /// The server could not be asked.
    Unreachable,
    /// It was kept, or need not be; or another holds the lease by now.
    Kept,
    /// The lease is free.
    Released,
    /// A token; `None` where the fetch failed.
    Fetched(Option<Token>),
    /// The time has come.
    Woken,
}

/// A host that is asked for one token again and again.
#[derive(Debug)]
pub struct Host {
    policy: Policy,
    seeds: SplitMix,
    clock: Clock,
    cache: Cache,
    entry: EntryId,
    held: Option<Token>,
    waiting: Option<JobId>,
    answer: Option<Asked>,
    ways: Vec<Way>,
    last_ticket: u32,
    forgets_what_it_holds: bool,
}

/// A walk, and what its host needs beside it.
#[derive(Debug)]
struct Way {
    fetch: FetchId,
    walk: Walk,
    begun: Option<(u32, Step)>,
    lease: Lease,
    released: bool,
    /// The last look, when it was, and whether it saw that the lease was taken.
    found: Found,
    looked_at: i64,
    was_busy: bool,
    /// The look that came with the lease, until the walk asks for it.
    second: Option<Found>,
    fetched: Option<Token>,
    failed_at: i64,
}

/// A look tells for this long, in milliseconds, that the lease is taken.
const BUSY_LASTS: i64 = 20;

impl Host {
    /// A host that has just started. The seed spreads what it does: give each its own.
    ///
    /// # Errors
    /// Never: the request is a valid one.
    pub fn new(policy: Policy, seed: u64, time: Time) -> Result<Self, RequestError> {
        let mut clock = Clock::default();
        let now = clock.sample(time.monotonic, time.unix);
        let mut cache = Cache::new(policy, seed);
        let credential = cache.register(CredentialKind::GENERAL);
        let request = Request { credential, scopes: &["r/.default"], tenant: None, cae: false, claims: None };
        let entry = cache.intern(&request, now)?;
        Ok(Self {
            policy,
            seeds: SplitMix(seed),
            clock,
            cache,
            entry,
            held: None,
            waiting: None,
            answer: None,
            ways: Vec::new(),
            last_ticket: 0,
            forgets_what_it_holds: false,
        })
    }

    /// The same host, which does not tell the walk which token it holds: for a proof that a test would notice.
    #[must_use]
    pub fn forgetting_what_it_holds(mut self) -> Self {
        self.forgets_what_it_holds = true;
        self
    }

    /// A caller asks. Ask no second time before one who waits has an answer.
    pub fn ask(&mut self, time: Time) -> Asked {
        let now = self.clock.sample(time.monotonic, time.unix);
        let asked = match (self.cache.lookup(self.entry, now), self.held) {
            (Decision::Hit { .. } | Decision::Refresh { .. }, Some(token)) => Asked::Token(token),
            (Decision::Wait { job, serve_at }, _) => {
                self.waiting = Some(job);
                Asked::Waits { empty_handed: serve_at.is_none() }
            }
            _ => Asked::Failed,
        };
        self.follow_up(now);
        asked
    }

    /// What one who waited gets, as soon as there is something.
    pub fn poll_answer(&mut self) -> Option<Asked> {
        self.answer.take()
    }

    /// What is to be done next; read it until it is `None`, after every call of the other methods.
    pub fn poll_task(&mut self, time: Time) -> Option<Task> {
        let now = self.clock.sample(time.monotonic, time.unix);
        loop {
            self.ways.retain(|way| way.walk.step() != Step::Done);
            let mut ways = self.ways.iter();
            let place = ways.position(|way| way.begun.map(|(_, step)| step) != Some(way.walk.step()))?;
            let way = &mut self.ways[place];
            self.last_ticket += 1;
            way.begun = Some((self.last_ticket, way.walk.step()));
            match way.next(now) {
                Next::Work(work) => return Some(Task { ticket: self.last_ticket, work }),
                Next::Known(report) => self.take(place, report, now),
                Next::Over => return None,
            }
        }
    }

    /// When [`Self::time_out`] wants to be called, in monotonic milliseconds.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<i64> {
        self.cache.poll_timeout().map(|(at, _)| at)
    }

    /// The time of [`Self::poll_timeout`] may have come.
    pub fn time_out(&mut self, time: Time) {
        let now = self.clock.sample(time.monotonic, time.unix);
        while self.cache.poll_timeout().is_some_and(|(at, _)| at <= now.monotonic_ms()) {
            let settled = self.cache.handle_timeout(now);
            if let Settled::Failed { reason: FailReason::Limit, .. } = settled {
                self.leave_failure(now);
            }
            self.settle(settled, None);
            self.follow_up(now);
        }
    }

    /// A task was done.
    pub fn report(&mut self, ticket: u32, report: Report, time: Time) {
        let now = self.clock.sample(time.monotonic, time.unix);
        let is_of =
            |way: &Way| way.begun.is_some_and(|(begun, step)| begun == ticket && step == way.walk.step());
        if let Some(place) = self.ways.iter().position(is_of) {
            self.take(place, report, now);
        }
    }

    /// Whether a caller would be given the token without any work.
    #[must_use]
    pub fn is_fresh(&self, time: Time) -> bool {
        let now = self.clock.clone().sample(time.monotonic, time.unix);
        self.cache.explain(self.entry, now).is_some_and(|explanation| explanation.zone == Zone::Fresh)
    }

    /// The token that it holds.
    #[must_use]
    pub fn held(&self) -> Option<Token> {
        self.held
    }

    /// Whether a walk is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.ways.is_empty()
    }

    fn take(&mut self, place: usize, report: Report, now: Instant) {
        if let Report::Fetched(token) = report {
            self.end_fetch(place, token, now);
        } else {
            let way = &mut self.ways[place];
            let answer = way.take(report, now);
            let fetch = way.fetch;
            if way.walk.step() == Step::Fetch {
                self.cache.handle_started(fetch, now);
            }
            let token = way.found.token.filter(|_| answer == Some(Answer::Stored));
            if answer.is_some() {
                let outcome = token.map_or(FAILED, |token| self.granted(token));
                let settled = self.cache.handle_fetched(fetch, outcome, Stability::Steady, now);
                self.settle(settled, token);
            }
        }
        self.follow_up(now);
    }

    fn end_fetch(&mut self, place: usize, token: Option<Token>, now: Instant) {
        let outcome = token.map_or(FAILED, |token| self.granted(token));
        let fetch = self.ways[place].fetch;
        let settled = self.cache.handle_fetched(fetch, outcome, Stability::Steady, now);
        let ending = match settled {
            Settled::Granted { .. } => Ending::Granted(Stability::Steady),
            Settled::Failed { .. } | Settled::Served { .. } if token.is_none() => Ending::Failed,
            _ => Ending::Dropped,
        };
        let way = &mut self.ways[place];
        way.fetched = token;
        way.failed_at = now.unix_ms();
        let _ = way.walk.handle_fetched(ending);
        self.settle(settled, token);
    }

    /// A fetch takes too long: others who wait for it are to know.
    fn leave_failure(&mut self, now: Instant) {
        for way in self.ways.iter_mut().filter(|way| way.walk.step() == Step::Fetch) {
            way.failed_at = now.unix_ms();
            let _ = way.walk.handle_fetched(Ending::Failed);
        }
    }

    fn granted(&self, token: Token) -> Outcome {
        Outcome::Granted(Grant {
            expires_at: token.expires_at,
            refresh_at: None,
            issued_at: Some(token.acquired_at),
            unchanged: self.held.is_some_and(|held| held.number == token.number),
            session: 0,
        })
    }

    fn settle(&mut self, settled: Settled, token: Option<Token>) {
        let Some((job, asked)) = given(settled, token, &mut self.held) else { return };
        if self.waiting == Some(job) {
            self.waiting = None;
            self.answer = Some(asked.map_or(Asked::Failed, Asked::Token));
        }
    }

    /// Performs what the cache asks for.
    fn follow_up(&mut self, now: Instant) {
        while let Some(action) = self.cache.poll_action() {
            match action {
                Action::Fetch { fetch, .. } => self.begin(fetch, now),
                Action::Abort { fetch } => {
                    for way in self.ways.iter_mut().filter(|way| way.fetch == fetch) {
                        way.walk.cancel();
                    }
                }
                Action::Forget { .. } => self.held = None,
                Action::Lapse { .. } => {}
            }
        }
    }

    fn begin(&mut self, fetch: FetchId, now: Instant) {
        let behind = self.waiting.is_none();
        let held = self.held.filter(|_| !self.forgets_what_it_holds).map(|held| held.acquired_at);
        let wanted = Wanted { login: Login::default(), held, challenged: false, runs: 0, behind };
        let walk =
            Walk::new(wanted, Terms { pace: Pace::Far, ..Terms::of(&self.policy) }, self.seeds.number(), now);
        self.ways.push(Way {
            fetch,
            walk,
            begun: None,
            lease: NO_LEASE,
            released: true,
            found: Found::default(),
            looked_at: i64::MIN,
            was_busy: false,
            second: None,
            fetched: None,
            failed_at: 0,
        });
    }
}

/// What the next step of a walk means for its host.
enum Next {
    Work(Work),
    Known(Report),
    Over,
}

impl Way {
    fn next(&mut self, now: Instant) -> Next {
        Next::Work(match self.walk.step() {
            Step::Load => match self.second.take() {
                Some(found) => return Next::Known(Report::Looked(found, false)),
                None => Work::Look,
            },
            Step::Lock(Lane::Fetch) if self.was_busy && now.monotonic_ms() - self.looked_at <= BUSY_LASTS => {
                return Next::Known(Report::Locked(self.found, None));
            }
            Step::Lock(lane) => Work::Lock(lane),
            Step::Sleep { until } => Work::Sleep(until),
            Step::Fetch => Work::Fetch(self.lease),
            Step::Save(over) => match self.fetched {
                Some(token) => Work::Save { token, over, lease: self.lease },
                None => return Next::Known(Report::Kept),
            },
            Step::SaveFailure => Work::Fail { failed_at: self.failed_at, lease: self.lease },
            Step::Unlock(_) if self.released => return Next::Known(Report::Released),
            Step::Unlock(_) => Work::Release(self.lease),
            Step::Done => return Next::Over,
        })
    }

    fn take(&mut self, report: Report, now: Instant) -> Option<Answer> {
        let step = self.walk.step();
        match report {
            Report::Looked(found, busy) => {
                (self.found, self.was_busy, self.looked_at) = (found, busy, now.monotonic_ms());
                return self.walk.handle_loaded(loaded(found), Stability::Steady, now);
            }
            Report::Locked(found, Some(fence)) => {
                if let Step::Lock(lane) = step {
                    self.lease = Lease { lane, fence };
                    self.released = false;
                    self.second = Some(found);
                }
                return self.walk.handle_locked(Locking::Taken, now);
            }
            Report::Locked(_, None) => return self.walk.handle_locked(Locking::Busy, now),
            Report::Unreachable if step == Step::Load => {
                return self.walk.handle_unreadable(Stability::Steady, now);
            }
            Report::Unreachable if matches!(step, Step::Lock(_)) => {
                return self.walk.handle_locked(Locking::Unavailable, now);
            }
            Report::Kept => {
                self.released = true;
                self.walk.handle_saved();
            }
            Report::Released => self.walk.handle_unlocked(),
            Report::Woken => self.walk.handle_timeout(now),
            Report::Unreachable => {
                self.walk.handle_saved();
                self.walk.handle_unlocked();
            }
            Report::Fetched(_) => {}
        }
        None
    }
}

const NO_LEASE: Lease = Lease { lane: Lane::Fetch, fence: 0 };

fn loaded(found: Found) -> Loaded {
    Loaded {
        generation: found.generation,
        token: found.token.map(|token| StoredToken {
            expires_at: token.expires_at,
            acquired_at: token.acquired_at,
            age: None,
            login: Login::default(),
        }),
        failure: found.failure.map(|(id, failed_at)| StoredFailure {
            id,
            failed_at,
            login: Login::default(),
        }),
    }
}
