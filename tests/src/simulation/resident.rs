//! What a process holds that lives on: its cache, its token, and those who wait for one.

use azure_token_cache_core::{
    Action, Cache, CredentialId, CredentialKind, Decision, EntryId, FetchId, Grant, IdentityChange, Instant,
    JobId, Outcome, Policy, Request, Settled, Stability,
};

use super::broken::Broken;
use super::delivery::deliver;
use super::dice::Dice;
use super::machine::{LoggedIn, Machine, Pid, Resource, Token};
use super::sight::Sight;
use super::violation::Violation;
use super::walker::Brought;
use crate::given::{FAILED, given};

/// A caller whose token is overtaken by changes of login this often gets an error instead of one more round.
const MAX_ROUNDS: u32 = 8;

#[derive(Debug)]
pub struct Resident {
    cache: Cache,
    credential: CredentialId,
    entry: EntryId,
    resource: Resource,
    started: Instant,
    held: Option<Token>,
    /// Who was logged in at the last look, and how many looks found another login than the one before.
    seen: LoggedIn,
    changes: u32,
    callers: Vec<Caller>,
}

/// One who waits.
#[derive(Clone, Copy, Debug)]
struct Caller {
    job: JobId,
    /// The changes of login before it asked.
    changes: u32,
    rounds: u32,
}

impl Resident {
    pub fn new(
        pid: Pid,
        resource: Resource,
        machine: &Machine,
        now: Instant,
        dice: &mut Dice,
    ) -> Result<Self, Violation> {
        let mut cache = Cache::new(Policy::DEFAULT, u64::try_from(pid).unwrap_or(0));
        let kind = if dice.once_in(2) { CredentialKind::GENERAL } else { CredentialKind::AZ };
        let credential = cache.register(kind);
        let request = Request { credential, scopes: &["r/.default"], tenant: None, cae: false, claims: None };
        let entry = cache.intern(&request, now).map_err(|_| Violation::Refused)?;
        Ok(Self {
            cache,
            credential,
            entry,
            resource,
            started: now,
            held: None,
            seen: machine.login,
            changes: 0,
            callers: Vec::new(),
        })
    }

    pub fn is_awaited(&self) -> bool {
        !self.callers.is_empty()
    }

    pub fn held(&self) -> Option<Token> {
        self.held
    }

    pub fn timeout(&self) -> Option<i64> {
        self.cache.poll_timeout().map(|(at, _)| at)
    }

    /// A caller asks.
    pub fn ask(&mut self, machine: &mut Machine, now: Instant) -> Result<(), Violation> {
        self.look_at_login(machine, now);
        self.ask_in_round(0, machine, now)
    }

    /// One of those who wait goes away.
    pub fn leave(&mut self, machine: &mut Machine, now: Instant) {
        if let Some(caller) = self.callers.pop() {
            note(self.cache.leave(caller.job, now), machine);
        }
    }

    /// As the watch of a credential does.
    pub fn look_at_login(&mut self, machine: &Machine, now: Instant) {
        let before = std::mem::replace(&mut self.seen, machine.login);
        if before.files.account == machine.login.files.account {
            return;
        }
        self.changes += 1;
        let change = if before.user == machine.login.user {
            IdentityChange::Touched { session: session(machine.login.files.session) }
        } else {
            IdentityChange::Changed
        };
        self.cache.handle_identity(self.credential, change, now);
    }

    pub fn begin_fetch(&mut self, fetch: FetchId, now: Instant) {
        self.cache.handle_started(fetch, now);
    }

    /// A run has ended.
    pub fn end_run(
        &mut self,
        fetch: FetchId,
        brought: Brought,
        stability: Stability,
        machine: &mut Machine,
        now: Instant,
    ) -> Result<Settled, Violation> {
        if stability != Stability::Steady {
            self.look_at_login(machine, now);
        }
        let (outcome, token) = match brought {
            Brought::Token(token) => (self.granted(&token), Some(token)),
            Brought::Failure => (FAILED, None),
            Brought::Null => (Outcome::Null, None),
        };
        let settled = self.cache.handle_fetched(fetch, outcome, stability, now);
        self.settle(settled, token, machine, now)?;
        Ok(settled)
    }

    pub fn time_out(&mut self, machine: &mut Machine, now: Instant) -> Result<Settled, Violation> {
        let settled = self.cache.handle_timeout(now);
        self.settle(settled, None, machine, now)?;
        Ok(settled)
    }

    /// What the cache asks for; what it asks of the token that is held is done.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.cache.poll_action();
        if let Some(Action::Forget { .. }) = action {
            self.held = None;
        }
        action
    }

    fn granted(&self, token: &Token) -> Outcome {
        Outcome::Granted(Grant {
            expires_at: token.expires_at,
            refresh_at: None,
            issued_at: Some(token.acquired_at),
            unchanged: self.held.is_some_and(|held| held.number == token.number),
            session: session(token.login.session),
        })
    }

    /// Those who waited for what was settled have a token, and the login is looked at last, with the token in hand: where it
    /// moved since they asked, they ask again.
    fn settle(
        &mut self,
        settled: Settled,
        brought: Option<Token>,
        machine: &mut Machine,
        now: Instant,
    ) -> Result<(), Violation> {
        note(settled, machine);
        let Some((job, token)) = given(settled, brought, &mut self.held) else { return Ok(()) };
        let (answered, waiting) = self.callers.iter().partition(|caller| caller.job == job);
        self.callers = waiting;
        if matches!(settled, Settled::Null { .. } | Settled::Failed { .. } | Settled::Abandoned { .. }) {
            return Ok(());
        }
        // A token that is not kept is of the login as it was seen after its run.
        let handed_out = matches!(settled, Settled::HandedOut { .. }).then_some(self.changes);
        for caller in answered {
            let changes = handed_out.unwrap_or(caller.changes);
            self.hand_out(token, Caller { changes, ..caller }, machine, now)?;
        }
        Ok(())
    }

    fn hand_out(
        &mut self,
        token: Option<Token>,
        caller: Caller,
        machine: &mut Machine,
        now: Instant,
    ) -> Result<(), Violation> {
        if !machine.is(Broken::LoginNotCheckedAtDelivery) {
            self.look_at_login(machine, now);
            if self.changes != caller.changes {
                machine.seen.note(Sight::AskedAgain);
                return self.ask_in_round(caller.rounds + 1, machine, now);
            }
        }
        deliver(token, self.resource, machine, now)
    }

    fn ask_in_round(&mut self, rounds: u32, machine: &mut Machine, now: Instant) -> Result<(), Violation> {
        if rounds == MAX_ROUNDS {
            return Ok(());
        }
        let asked = if machine.is(Broken::TimeStandsStill) { self.started } else { now };
        let decision = self.cache.lookup(self.entry, asked);
        if let Some(sight) = Sight::of_decision(decision) {
            machine.seen.note(sight);
        }
        match decision {
            Decision::Hit { .. } | Decision::Refresh { .. } => {
                deliver(self.held, self.resource, machine, now)
            }
            Decision::Wait { job, .. } => {
                self.callers.push(Caller { job, changes: self.changes, rounds });
                Ok(())
            }
            Decision::Fail { .. } => Ok(()),
            Decision::Unknown => Err(Violation::Refused),
        }
    }
}

fn note(settled: Settled, machine: &mut Machine) {
    if let Some(sight) = Sight::of_settled(settled) {
        machine.seen.note(sight);
    }
}

fn session(digest: u64) -> u32 {
    u32::try_from(digest).unwrap_or(0)
}
