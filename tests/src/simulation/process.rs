//! A simulated process: one that answers once and ends, or one that lives on and holds its token in a cache.

use azure_token_cache_core::walk::{Answer, Ending, Step, Terms, Wanted};
use azure_token_cache_core::{Action, Clock, FailReason, FetchId, Instant, Policy, Settled, Stability};

use super::broken::Broken;
use super::delivery::{deliver, deliver_once};
use super::dice::Dice;
use super::machine::{Key, Machine, Pid, Resource, Token};
use super::resident::Resident;
use super::sight::Sight;
use super::violation::Violation;
use super::walker::{Brought, Errand, Held, Walker};

#[derive(Debug)]
pub struct Process {
    pub pid: Pid,
    /// What its callers ask for.
    resource: Resource,
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

impl Process {
    pub fn once(pid: Pid, machine: &Machine, dice: &mut Dice) -> Self {
        let challenged = dice.once_in(8);
        let life = Life::Once { challenged, answered: false };
        let mut process = Self::new(pid, resource(dice), life, dice);
        process.walk_once(0, machine);
        process
    }

    pub fn resident(pid: Pid, machine: &Machine, dice: &mut Dice) -> Result<Self, Violation> {
        let mut clock = Clock::default();
        let now = clock.sample(machine.monotonic, machine.unix);
        let resource = resource(dice);
        let resident = Resident::new(pid, resource, machine, now, dice)?;
        Ok(Self::new(pid, resource, Life::Resident(Box::new(resident)), dice))
    }

    fn new(pid: Pid, resource: Resource, life: Life, dice: &mut Dice) -> Self {
        let skew = dice.pick(&[0, 900, -900]);
        Self {
            pid,
            resource,
            skew,
            clock: Clock::default(),
            walkers: Vec::new(),
            life,
            seed: pid as u64 * 1_000,
        }
    }

    /// It has nothing left to do, now or later.
    pub fn is_over(&self) -> bool {
        matches!(self.life, Life::Once { answered: true, .. }) && self.is_idle()
    }

    /// No walk is under way, and nobody waits.
    pub fn is_idle(&self) -> bool {
        let waits = match &self.life {
            Life::Once { answered, .. } => !answered,
            Life::Resident(resident) => resident.is_awaited(),
        };
        self.walkers.iter().all(|(walker, _)| walker.is_done()) && !waits
    }

    /// Nothing but its death ends it: its fetch hangs, and it has no limit for that.
    pub fn is_stuck(&self) -> bool {
        matches!(self.life, Life::Once { .. }) && self.walkers.iter().any(|(walker, _)| walker.is_hanging())
    }

    /// Its locks are free; what it was about to do will never be done.
    pub fn die(self, machine: &mut Machine) {
        let mut sights = self.walkers.iter().filter_map(|(walker, _)| walker.death()).peekable();
        if sights.peek().is_none() {
            machine.seen.note(Sight::DiedIdle);
        }
        sights.for_each(|sight| machine.seen.note(sight));
        machine.end(self.pid);
    }

    pub fn held(&self) -> Option<Token> {
        if let Life::Resident(resident) = &self.life { resident.held() } else { None }
    }

    /// The locks of an entry that it holds while it fetches.
    pub fn held_in(&self, key: Key) -> impl Iterator<Item = Held> + '_ {
        let walkers = self.walkers.iter().filter(move |(walker, _)| walker.key == key);
        walkers.filter_map(|(walker, _)| walker.held())
    }

    /// Whether, and where, something can be done now: a walk by its number, or the timeout of the cache.
    pub fn able(&mut self, machine: &Machine, able: &mut Vec<(Pid, Option<usize>)>) {
        let now = self.now(machine);
        for (place, (walker, _)) in self.walkers.iter().enumerate() {
            if walker.is_able(machine, now) {
                able.push((self.pid, Some(place)));
            }
        }
        if self.timeout().is_some_and(|at| now.monotonic_ms() >= at) && !machine.is(Broken::TimeoutsIgnored) {
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

    pub fn hangs_at(&self, place: usize) -> bool {
        self.walkers.get(place).is_some_and(|(walker, _)| walker.is_hanging())
    }

    /// The entry that a walk reads and writes.
    pub fn key_of(&self, place: usize) -> Option<Key> {
        self.walkers.get(place).map(|(walker, _)| walker.key)
    }

    /// A caller asks a process that lives on.
    pub fn ask(&mut self, machine: &mut Machine) -> Result<(), Violation> {
        let now = self.now(machine);
        let Life::Resident(resident) = &mut self.life else { return Ok(()) };
        resident.ask(machine, now)?;
        self.follow_up(false, machine, now)
    }

    /// One of those who wait goes away.
    pub fn leave(&mut self, machine: &mut Machine) -> Result<(), Violation> {
        let now = self.now(machine);
        let Life::Resident(resident) = &mut self.life else { return Ok(()) };
        resident.leave(machine, now);
        self.follow_up(false, machine, now)
    }

    /// Performs a step of a walk, or the timeout.
    pub fn perform(
        &mut self,
        place: Option<usize>,
        others: &[Held],
        machine: &mut Machine,
        dice: &mut Dice,
    ) -> Result<(), Violation> {
        let now = self.now(machine);
        let Some(place) = place else { return self.time_out(machine, now) };
        let Some((walker, fetch)) = self.walkers.get_mut(place) else { return Ok(()) };
        let fetch = *fetch;
        if walker.walk.step() != Step::Fetch {
            let answer = walker.perform(others, machine, now)?;
            self.answer(place, answer, machine, now)?;
        } else if walker.is_fetching() {
            let brought = walker.bring(machine, now, dice);
            self.end_fetch(place, brought, machine, now)?;
        } else {
            walker.begin_fetch(others, machine, now, dice)?;
            if let (Life::Resident(resident), Some(fetch)) = (&mut self.life, fetch) {
                resident.begin_fetch(fetch, now);
            }
        }
        self.follow_up(false, machine, now)
    }

    fn now(&mut self, machine: &Machine) -> Instant {
        self.clock.sample(machine.monotonic, machine.unix + self.skew)
    }

    fn timeout(&self) -> Option<i64> {
        let Life::Resident(resident) = &self.life else { return None };
        resident.timeout()
    }

    fn time_out(&mut self, machine: &mut Machine, now: Instant) -> Result<(), Violation> {
        let Life::Resident(resident) = &mut self.life else { return Ok(()) };
        let settled = resident.time_out(machine, now)?;
        let at_limit = matches!(settled, Settled::Failed { reason: FailReason::Limit, .. });
        self.follow_up(at_limit, machine, now)
    }

    fn walk_once(&mut self, runs: u32, machine: &Machine) {
        let now = self.now(machine);
        let Life::Once { challenged, .. } = self.life else { return };
        let wanted = Wanted { login: machine.login.files, held: None, challenged, runs, behind: false };
        let terms = if machine.is(Broken::PromiseForgotten) {
            Terms::of(&Policy::DEFAULT)
        } else {
            Terms::ONE_ANSWER
        };
        self.begin(wanted, terms, None, machine, now);
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
        self.walkers.push((
            Walker::new(
                Errand { pid: self.pid, resource: self.resource, wanted },
                terms,
                self.seed,
                machine,
                now,
            ),
            fetch,
        ));
    }

    fn answer(
        &mut self,
        place: usize,
        answer: Option<Answer>,
        machine: &mut Machine,
        now: Instant,
    ) -> Result<(), Violation> {
        let (Some(answer), (walker, fetch)) = (answer, &self.walkers[place]) else { return Ok(()) };
        machine.seen.note(answer);
        let (stored, fetch) = (walker.loaded, *fetch);
        match &mut self.life {
            Life::Once { answered, .. } => {
                *answered = answer != Answer::Again;
                match answer {
                    Answer::Stored => deliver_once(stored, self.resource, machine, now)?,
                    Answer::Again => self.walk_once(walker.wanted.runs + 1, machine),
                    _ => {}
                }
                Ok(())
            }
            Life::Resident(resident) => {
                let Some(fetch) = fetch else { return Ok(()) };
                let (brought, stability) = match (answer, stored) {
                    (Answer::Stored, Some(token)) => {
                        if resident.held().is_some_and(|held| held.acquired_at >= token.acquired_at) {
                            return Err(Violation::AnswerIsHeldToken);
                        }
                        (Brought::Token(token), Stability::Steady)
                    }
                    (Answer::Again, _) => (Brought::Failure, Stability::Moved { same_account: false }),
                    (Answer::Fetched, _) => return Ok(()),
                    _ => (Brought::Failure, Stability::Steady),
                };
                resident.end_run(fetch, brought, stability, machine, now).map(|_| ())
            }
        }
    }

    fn end_fetch(
        &mut self,
        place: usize,
        brought: Brought,
        machine: &mut Machine,
        now: Instant,
    ) -> Result<(), Violation> {
        let (walker, fetch) = &mut self.walkers[place];
        let token = if let Brought::Token(token) = brought { Some(token) } else { None };
        let stability = walker.stability(machine, token);
        let ending = match (&mut self.life, *fetch) {
            (Life::Resident(resident), Some(fetch)) => {
                let settled = resident.end_run(fetch, brought, stability, machine, now)?;
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
            deliver(token, self.resource, machine, now)?;
        }
        self.answer(place, answer, machine, now)
    }

    /// Performs what the cache asks for.
    fn follow_up(&mut self, at_limit: bool, machine: &mut Machine, now: Instant) -> Result<(), Violation> {
        loop {
            let Life::Resident(resident) = &mut self.life else { return Ok(()) };
            let Some(action) = resident.poll_action() else { return Ok(()) };
            match action {
                Action::Fetch { fetch, .. } => {
                    resident.look_at_login(machine, now);
                    let held = resident.held().map(|held| held.acquired_at);
                    let held = held.filter(|_| !machine.is(Broken::HeldTokenForgotten));
                    let behind = !resident.is_awaited();
                    let login = machine.login.files;
                    let wanted = Wanted { login, held, challenged: false, runs: 0, behind };
                    self.begin(wanted, Terms::of(&Policy::DEFAULT), Some(fetch), machine, now);
                }
                Action::Abort { fetch } => {
                    let of_fetch = |walker: &&mut (Walker, Option<FetchId>)| walker.1 == Some(fetch);
                    if let Some((walker, _)) = self.walkers.iter_mut().find(of_fetch) {
                        let answer = if at_limit && walker.is_fetching() {
                            machine.seen.note(Sight::FetchEndedAtLimit);
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
                Action::Forget { .. } | Action::Lapse { .. } => {}
            }
        }
    }
}

/// Most want the same.
pub fn resource(dice: &mut Dice) -> Resource {
    dice.pick(&[0, 0, 0, 1])
}
