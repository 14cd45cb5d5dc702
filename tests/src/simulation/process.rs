//! A simulated process: one that answers once and ends, or one that lives on and holds its token in a cache.

use azure_token_cache_core::walk::{Answer, Ending, Lane, Step, Terms, Wanted};
use azure_token_cache_core::{
    Action, Cache, Clock, CredentialId, CredentialKind, Decision, EntryId, FailReason, Failure, FetchId,
    Grant, IdentityChange, Instant, JobId, Outcome, Policy, Request, Settled, Stability,
};

use super::broken::Broken;
use super::dice::Dice;
use super::machine::{LoggedIn, Machine, Pid, Token, User};
use super::violation::Violation;
use super::walker::{Brought, Walker};

/// How late a token may be served that the wall clock calls valid: the tolerance of the clocks, twice, and their skew.
const CLOCKS_DIFFER: i64 = 6_000;

#[derive(Debug)]
pub struct Process {
    pub pid: Pid,
    skew: i64,
    clock: Clock,
    /// A walk, and the run of the cache that it serves.
    walkers: Vec<(Walker, Option<FetchId>)>,
    life: Life,
    seed: u64,
}

#[derive(Debug)]
enum Life {
    /// Asks once, has an answer, and ends.
    Once {
        challenged: bool,
        answered: bool,
    },
    Resident(Box<Resident>),
}

#[derive(Debug)]
struct Resident {
    cache: Cache,
    credential: CredentialId,
    entry: EntryId,
    held: Option<Token>,
    seen: LoggedIn,
    waiters: Vec<JobId>,
}

impl Process {
    pub fn once(pid: Pid, machine: &Machine, dice: &mut Dice) -> Self {
        let challenged = dice.once_in(8);
        let mut process = Self::new(pid, Life::Once { challenged, answered: false }, dice);
        process.walk_once(0, machine);
        process
    }

    pub fn resident(pid: Pid, machine: &Machine, dice: &mut Dice) -> Result<Self, Violation> {
        let mut cache = Cache::new(Policy::DEFAULT, u64::try_from(pid).unwrap_or(0));
        let kind = if dice.once_in(2) { CredentialKind::GENERAL } else { CredentialKind::AZ };
        let credential = cache.register(kind);
        let mut clock = Clock::default();
        let now = clock.sample(machine.monotonic, machine.unix);
        let request = Request { credential, scopes: &["r/.default"], tenant: None, cae: false, claims: None };
        let entry = cache.intern(&request, now).map_err(|_| Violation::Refused)?;
        let resident =
            Resident { cache, credential, entry, held: None, seen: machine.login, waiters: Vec::new() };
        Ok(Self::new(pid, Life::Resident(Box::new(resident)), dice))
    }

    fn new(pid: Pid, life: Life, dice: &mut Dice) -> Self {
        let skew = dice.pick(&[0, 900, -900]);
        Self { pid, skew, clock: Clock::default(), walkers: Vec::new(), life, seed: pid as u64 * 1_000 }
    }

    /// It has nothing left to do, now or later.
    pub fn is_over(&self) -> bool {
        matches!(self.life, Life::Once { answered: true, .. }) && self.is_idle()
    }

    /// No walk is under way, and nobody waits.
    pub fn is_idle(&self) -> bool {
        let waits = match &self.life {
            Life::Once { answered, .. } => !answered,
            Life::Resident(resident) => !resident.waiters.is_empty(),
        };
        self.walkers.iter().all(|(walker, _)| walker.is_done()) && !waits
    }

    pub fn fetching_in(&self, user: User) -> impl Iterator<Item = Lane> + '_ {
        let fetching = move |(walker, _): &(Walker, _)| {
            if walker.is_fetching() && walker.asks_for.user == user { walker.lane() } else { None }
        };
        self.walkers.iter().filter_map(fetching)
    }

    /// Whether, and where, something can be done now: a walk by its number, or the timeout of the cache.
    pub fn able(&mut self, machine: &Machine, able: &mut Vec<(Pid, Option<usize>)>) {
        let now = self.now(machine);
        for (place, (walker, _)) in self.walkers.iter().enumerate() {
            if walker.is_able(machine, now) {
                able.push((self.pid, Some(place)));
            }
        }
        if self.timeout().is_some_and(|at| now.monotonic_ms() >= at) {
            able.push((self.pid, None));
        }
    }

    /// When the process wants to be woken, in monotonic milliseconds.
    pub fn wakes_at(&self) -> Option<i64> {
        self.walkers.iter().filter_map(|(walker, _)| walker.wakes_at()).chain(self.timeout()).min()
    }

    pub fn step_of(&self, place: usize) -> Option<Step> {
        self.walkers.get(place).map(|(walker, _)| walker.walk.step())
    }

    /// Whose entry a walk reads and writes.
    pub fn asks_for(&self, place: usize) -> Option<User> {
        self.walkers.get(place).map(|(walker, _)| walker.asks_for.user)
    }

    /// A caller asks a process that lives on.
    pub fn ask(&mut self, machine: &Machine) -> Result<(), Violation> {
        let now = self.now(machine);
        let Life::Resident(resident) = &mut self.life else { return Ok(()) };
        resident.look_at_login(machine, now);
        match resident.cache.lookup(resident.entry, now) {
            Decision::Hit { .. } | Decision::Refresh { .. } => deliver(resident.held, machine, now)?,
            Decision::Wait { job, .. } => resident.waiters.push(job),
            Decision::Fail { .. } => {}
            Decision::Unknown => return Err(Violation::Refused),
        }
        self.follow_up(false, machine, now)
    }

    /// One of those who wait goes away.
    pub fn leave(&mut self, machine: &Machine) -> Result<(), Violation> {
        let now = self.now(machine);
        let Life::Resident(resident) = &mut self.life else { return Ok(()) };
        let Some(job) = resident.waiters.pop() else { return Ok(()) };
        let _ = resident.cache.leave(job, now);
        self.follow_up(false, machine, now)
    }

    /// Performs a step of a walk, or the timeout.
    pub fn perform(
        &mut self,
        place: Option<usize>,
        others: &[Lane],
        machine: &mut Machine,
        dice: &mut Dice,
    ) -> Result<(), Violation> {
        let now = self.now(machine);
        let Some(place) = place else { return self.time_out(machine, now) };
        let Some((walker, fetch)) = self.walkers.get_mut(place) else { return Ok(()) };
        let fetch = *fetch;
        if walker.walk.step() != Step::Fetch {
            let answer = walker.perform(machine, now)?;
            self.answer(place, answer, machine, now)?;
        } else if walker.is_fetching() {
            let brought = walker.bring(machine, now, dice);
            self.end_fetch(place, brought, machine, now)?;
        } else {
            walker.begin_fetch(others, machine, now)?;
            if let (Life::Resident(resident), Some(fetch)) = (&mut self.life, fetch) {
                resident.cache.handle_started(fetch, now);
            }
        }
        self.follow_up(false, machine, now)
    }

    fn now(&mut self, machine: &Machine) -> Instant {
        self.clock.sample(machine.monotonic, machine.unix + self.skew)
    }

    fn timeout(&self) -> Option<i64> {
        let Life::Resident(resident) = &self.life else { return None };
        resident.cache.poll_timeout().map(|(at, _)| at)
    }

    fn time_out(&mut self, machine: &Machine, now: Instant) -> Result<(), Violation> {
        let Life::Resident(resident) = &mut self.life else { return Ok(()) };
        let settled = resident.cache.handle_timeout(now);
        let at_limit = matches!(settled, Settled::Failed { reason: FailReason::Limit, .. });
        resident.settle(settled, None, machine, now)?;
        self.follow_up(at_limit, machine, now)
    }

    fn walk_once(&mut self, runs: u32, machine: &Machine) {
        let now = self.now(machine);
        let Life::Once { challenged, .. } = self.life else { return };
        let wanted = Wanted { login: machine.login.files, held: None, challenged, runs, behind: false };
        self.begin(wanted, Terms::ONE_ANSWER, None, machine, now);
    }

    fn begin(
        &mut self,
        wanted: Wanted,
        terms: Terms,
        fetch: Option<FetchId>,
        machine: &Machine,
        now: Instant,
    ) {
        self.seed += 1;
        self.walkers.push((Walker::new(self.pid, wanted, terms, self.seed, machine, now), fetch));
    }

    fn answer(
        &mut self,
        place: usize,
        answer: Option<Answer>,
        machine: &Machine,
        now: Instant,
    ) -> Result<(), Violation> {
        let (Some(answer), (walker, fetch)) = (answer, &self.walkers[place]) else { return Ok(()) };
        let (stored, fetch) = (walker.loaded, *fetch);
        match &mut self.life {
            Life::Once { answered, .. } => {
                *answered = answer != Answer::Again;
                match answer {
                    Answer::Stored => deliver_once(stored, machine, now)?,
                    Answer::Again => self.walk_once(walker.wanted.runs + 1, machine),
                    _ => {}
                }
                Ok(())
            }
            Life::Resident(resident) => {
                let Some(fetch) = fetch else { return Ok(()) };
                let (outcome, stability, token) = match (answer, stored) {
                    (Answer::Stored, Some(token)) => {
                        if resident.held.is_some_and(|held| held.acquired_at >= token.acquired_at) {
                            return Err(Violation::AnswerIsHeldToken);
                        }
                        (granted(&token, resident.held), Stability::Steady, Some(token))
                    }
                    (Answer::Again, _) => (FAILED, Stability::Moved { same_account: false }, None),
                    (Answer::Fetched, _) => return Ok(()),
                    _ => (FAILED, Stability::Steady, None),
                };
                let settled = resident.cache.handle_fetched(fetch, outcome, stability, now);
                resident.settle(settled, token, machine, now)
            }
        }
    }

    fn end_fetch(
        &mut self,
        place: usize,
        brought: Brought,
        machine: &Machine,
        now: Instant,
    ) -> Result<(), Violation> {
        let (walker, fetch) = &mut self.walkers[place];
        let token = if let Brought::Token(token) = brought { Some(token) } else { None };
        let stability = walker.stability(machine, token);
        let ending = match (&mut self.life, *fetch) {
            (Life::Resident(resident), Some(fetch)) => {
                let outcome = match brought {
                    Brought::Token(token) => granted(&token, resident.held),
                    Brought::Failure => FAILED,
                    Brought::Null => Outcome::Null,
                };
                let settled = resident.cache.handle_fetched(fetch, outcome, stability, now);
                resident.settle(settled, token, machine, now)?;
                match (brought, settled) {
                    (Brought::Token(_), Settled::Granted { .. }) => Ending::Granted(Stability::Steady),
                    (Brought::Failure, Settled::Failed { .. } | Settled::Served { .. }) => Ending::Failed,
                    _ => Ending::Dropped,
                }
            }
            _ => match brought {
                Brought::Token(_) => Ending::Granted(stability),
                Brought::Failure => Ending::Failed,
                Brought::Null => Ending::Null,
            },
        };
        let answer = walker.end_fetch(ending);
        if answer == Some(Answer::Fetched) && fetch.is_none() && token.is_some() {
            deliver(token, machine, now)?;
        }
        self.answer(place, answer, machine, now)
    }

    /// Performs what the cache asks for.
    fn follow_up(&mut self, at_limit: bool, machine: &Machine, now: Instant) -> Result<(), Violation> {
        loop {
            let Life::Resident(resident) = &mut self.life else { return Ok(()) };
            let Some(action) = resident.cache.poll_action() else { return Ok(()) };
            match action {
                Action::Fetch { fetch, .. } => {
                    resident.look_at_login(machine, now);
                    let held = resident.held.map(|held| held.acquired_at);
                    let held = held.filter(|_| !machine.is(Broken::HeldTokenForgotten));
                    let behind = resident.waiters.is_empty();
                    let login = machine.login.files;
                    let wanted = Wanted { login, held, challenged: false, runs: 0, behind };
                    self.begin(wanted, Terms::of(&Policy::DEFAULT), Some(fetch), machine, now);
                }
                Action::Abort { fetch } => {
                    let of_fetch = |walker: &&mut (Walker, Option<FetchId>)| walker.1 == Some(fetch);
                    if let Some((walker, _)) = self.walkers.iter_mut().find(of_fetch) {
                        let answer = if at_limit && walker.is_fetching() {
                            walker.end_fetch(Ending::Failed)
                        } else {
                            walker.walk.cancel();
                            None
                        };
                        if answer.is_some_and(|answer| answer != Answer::Fetched) {
                            return Err(Violation::LimitAnsweredOtherwise);
                        }
                    }
                }
                Action::Forget { .. } => resident.held = None,
                Action::Lapse { .. } => {}
            }
        }
    }
}

impl Resident {
    /// As the watch of a credential does: last, with the token in hand.
    fn look_at_login(&mut self, machine: &Machine, now: Instant) {
        let before = std::mem::replace(&mut self.seen, machine.login);
        if before.files.account == machine.login.files.account {
            return;
        }
        let change = if before.user == machine.login.user {
            IdentityChange::Touched { session: session(machine.login) }
        } else {
            IdentityChange::Changed
        };
        self.cache.handle_identity(self.credential, change, now);
    }

    fn settle(
        &mut self,
        settled: Settled,
        token: Option<Token>,
        machine: &Machine,
        now: Instant,
    ) -> Result<(), Violation> {
        let (job, served) = match settled {
            Settled::Nothing => return Ok(()),
            Settled::Granted { job, .. } => {
                self.held = token;
                (job, token)
            }
            Settled::HandedOut { job } => (job, token),
            Settled::Served { job, .. } => (job, self.held),
            Settled::Null { job } | Settled::Failed { job, .. } | Settled::Abandoned { job } => (job, None),
        };
        let waiting = self.waiters.len();
        self.waiters.retain(|waiter| *waiter != job);
        if served.is_some() && self.waiters.len() < waiting && machine.login == self.seen {
            deliver(served, machine, now)?;
        }
        Ok(())
    }
}

const FAILED: Outcome = Outcome::Failed(Failure { network: false, retry_after: None });

fn granted(token: &Token, held: Option<Token>) -> Outcome {
    Outcome::Granted(Grant {
        expires_at: token.expires_at,
        refresh_at: None,
        issued_at: Some(token.acquired_at),
        unchanged: held.is_some_and(|held| held.number == token.number),
        session: u32::try_from(token.login.session).unwrap_or(0),
    })
}

fn session(login: LoggedIn) -> u32 {
    u32::try_from(login.files.session).unwrap_or(0)
}

/// A caller has a token.
fn deliver(token: Option<Token>, machine: &Machine, now: Instant) -> Result<(), Violation> {
    let Some(token) = token else { return Err(Violation::AnswerWithoutToken) };
    if token.expires_at <= now.unix_ms() {
        return Err(Violation::TokenPastExpiry);
    }
    if machine.elapsed > token.ends + CLOCKS_DIFFER {
        return Err(Violation::TokenOutlivedByClock);
    }
    if token.user != machine.login.user {
        return Err(Violation::TokenOfAnother);
    }
    Ok(())
}

/// A caller of a process that lives for one answer has a stored token.
fn deliver_once(token: Option<Token>, machine: &Machine, now: Instant) -> Result<(), Violation> {
    deliver(token, machine, now)?;
    if token.is_some_and(|token| token.expires_at - now.unix_ms() <= 300_000) {
        return Err(Violation::TokenTooShort);
    }
    Ok(())
}
