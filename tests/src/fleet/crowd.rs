//! One entry of a fleet: all its hosts and their server, event by event, and what must hold at each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use azure_token_cache_core::Policy;
use azure_token_cache_core::walk::Lane;

use super::Fleet;
use super::broken::Broken;
use super::host::{Asked, Found, Host, Lease, Report as Came, Task, Time, Token, Work};
use super::report::Report;
use super::server::{Issued, MAY_BE_DUE, Micros, Server};
use super::violation::Violation;
use crate::splitmix::SplitMix;

const MILLI: Micros = 1_000;
/// When the first host starts, by a clock that is right, in milliseconds since the Unix epoch.
const START: i64 = 1_800_000_000_000;
/// After the last token came, everybody has this long to take it.
const TAIL: Micros = 900_000_000;
/// A host that died is back after this.
const RESTART: Micros = 20_000_000;
/// A fleet that takes longer than this for one more token is stuck: a token's longest life, and what may come between.
const STUCK: Micros = 6_600_000_000;
/// An outage begins this long before the first token ends: before any clock finds it due.
const OUTAGE_BEGINS: Micros = 370_000_000;
/// In an outage a whole fleet makes a few attempts, and then one in so many milliseconds.
const ATTEMPT_EVERY: u64 = 10_000;
const FIRST_ATTEMPTS: u64 = 3;
/// A host that fetches renews its lease this often.
const RENEWAL: Micros = 4_000_000;

/// What happens next to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Ask,
    Done(u32),
    Renew(Lease),
    TimeOut,
    Die,
}

/// When, in which order among those at the same time, to whom, in which of its lives, and what.
type Event = (Micros, u64, usize, u32, What);

pub struct Crowd<'a> {
    fleet: &'a Fleet,
    broken: Option<Broken>,
    dice: SplitMix,
    now: Micros,
    events: BinaryHeap<Reverse<Event>>,
    last_event: u64,
    server: Server,
    members: Vec<Member>,
    issued: Vec<Issued>,
    /// Fetches that are under way.
    fetching: Vec<Fetching>,
    outage: Option<(Micros, Micros)>,
    /// Fetches whose host could not reach the server, or died.
    troubles: u64,
    report: Report,
}

/// A host, and what is known of it beside what it knows.
struct Member {
    host: Host,
    /// By how much its clock is wrong, in milliseconds.
    skew: i64,
    first_ask: Micros,
    /// How often it died.
    life: u32,
    /// What is being done for it.
    tasks: Vec<Task>,
    /// The token that its callers had last.
    had: Option<u64>,
    /// Since then.
    commands: u64,
    waits_since: Option<Micros>,
    /// When its walk first found the lease taken.
    barred_since: Option<Micros>,
    /// The last Load found a newer token than the one that it holds, whatever it was told.
    newer_was_there: bool,
}

/// A fetch as its source knows it.
#[derive(Clone, Copy)]
struct Fetching {
    place: usize,
    ticket: u32,
    lease: Lease,
    lease_ends: Micros,
    number: u64,
    fails: bool,
    /// The server cannot be reached from its host meanwhile.
    cut_off: bool,
}

impl Member {
    /// How long the token that it holds is not due, by its own clock.
    fn fresh_for(&self, now: Micros) -> Micros {
        let expires_at = self.host.held().map_or(0, |token| token.expires_at);
        let left = expires_at - time(now, self.skew).unix - i64::from(Policy::DEFAULT.refresh_before_expiry);
        u64::try_from(left).unwrap_or(0) * MILLI
    }
}

impl<'a> Crowd<'a> {
    pub fn new(fleet: &'a Fleet, seed: u64, entry: u64, broken: Option<Broken>) -> Self {
        let dice = SplitMix(SplitMix(seed).number() ^ SplitMix(!entry).number());
        Self {
            fleet,
            broken,
            dice,
            now: 0,
            events: BinaryHeap::new(),
            last_event: 0,
            server: Server::new(fleet.lease * MILLI, broken),
            members: Vec::new(),
            issued: Vec::new(),
            fetching: Vec::new(),
            outage: None,
            troubles: 0,
            report: Report { entries: 1, ..Report::default() },
        }
    }

    pub fn now(&self) -> Micros {
        self.now
    }

    pub fn live(&mut self) -> Result<Report, Violation> {
        self.start()?;
        while let Some(Reverse((at, _, place, life, what))) = self.events.pop() {
            self.now = at;
            if self.server.saved > self.fleet.periods && at > self.server.last_saved + TAIL {
                break;
            }
            if at > self.server.last_saved + STUCK {
                return Err(Violation::Stuck);
            }
            if self.members[place].life == life {
                self.happen(place, what)?;
            }
        }
        self.conclude()
    }

    fn start(&mut self) -> Result<(), Violation> {
        for place in 0..self.fleet.hosts as usize {
            let first_ask = self.dice.below(self.fleet.start_within * MILLI + 1);
            let skew = spread(&mut self.dice, self.fleet.skew);
            let host = self.new_host(skew)?;
            self.members.push(Member {
                host,
                skew,
                first_ask,
                life: 0,
                tasks: Vec::new(),
                had: None,
                commands: 0,
                waits_since: None,
                barred_since: None,
                newer_was_there: false,
            });
            self.plan(first_ask, place, What::Ask);
        }
        Ok(())
    }

    fn new_host(&mut self, skew: i64) -> Result<Host, Violation> {
        let seed = self.dice.number();
        let seed = if self.broken == Some(Broken::NoJitter) { 1 } else { seed };
        let host = Host::new(Policy::DEFAULT, seed, time(self.now, skew)).map_err(|_| Violation::Refused)?;
        let forgets = self.broken == Some(Broken::HeldTokenForgotten);
        Ok(if forgets { host.forgetting_what_it_holds() } else { host })
    }

    fn happen(&mut self, place: usize, what: What) -> Result<(), Violation> {
        match what {
            What::Ask => self.ask(place)?,
            What::Done(ticket) => self.end_task(place, ticket)?,
            What::Renew(lease) => self.renew(place, lease),
            What::TimeOut => {
                let now = self.time(place);
                self.members[place].host.time_out(now);
            }
            What::Die => return self.die(place),
        }
        self.follow_up(place)
    }

    fn ask(&mut self, place: usize) -> Result<(), Violation> {
        let now = self.time(place);
        self.report.asks += 1;
        let member = &mut self.members[place];
        match member.host.ask(now) {
            Asked::Waits { empty_handed } => {
                if empty_handed && member.had.is_some() {
                    return Err(Violation::WithoutToken);
                }
                member.waits_since = Some(self.now);
                Ok(())
            }
            answer => self.answer(place, answer),
        }
    }

    /// A caller has its answer, and the next one will come.
    fn answer(&mut self, place: usize, answer: Asked) -> Result<(), Violation> {
        let member = &mut self.members[place];
        if let Some(since) = member.waits_since.take() {
            self.report.caller_waits.note((self.now - since) / MILLI);
        }
        match answer {
            Asked::Token(token) => {
                if member.had != Some(token.number) {
                    member.had = Some(token.number);
                    let commands = std::mem::take(&mut member.commands);
                    self.report.host_periods += 1;
                    self.report.commands_per_period.note(commands);
                }
                let ends = usize::try_from(token.number).ok().and_then(|number| self.issued.get(number));
                let left = ends.map_or(0, |issued| issued.ends.saturating_sub(self.now)) / MILLI;
                if left == 0 {
                    return Err(Violation::ServedAfterEnd);
                }
                self.report.least_left = Some(self.report.least_left.map_or(left, |least| least.min(left)));
            }
            _ if member.had.is_some() => return Err(Violation::WithoutToken),
            _ => self.report.errors += 1,
        }
        let next = self.next_ask(place);
        self.plan(next, place, What::Ask);
        Ok(())
    }

    /// The first of its asks that does not find a fresh token: fresh ones are served from then on until it is not.
    fn next_ask(&self, place: usize) -> Micros {
        let member = &self.members[place];
        let every = self.fleet.asked_every * MILLI;
        let next = self.now + every - (self.now - member.first_ask) % every;
        let is_fresh = |asks: u64| member.host.is_fresh(time(next + asks * every, member.skew));
        if !self.fleet.skips || !is_fresh(0) {
            return next;
        }
        // Where the table says that it is due; but what is true is what the cache says.
        let fresh_for = self.now + member.fresh_for(self.now);
        let guess = fresh_for.saturating_sub(next).div_ceil(every);
        if guess > 0 && is_fresh(guess - 1) && !is_fresh(guess) {
            return next + guess * every;
        }
        let mut fresh = 0;
        let mut stale = 1;
        while is_fresh(stale) {
            (fresh, stale) = (stale, stale * 2);
        }
        while stale - fresh > 1 {
            let middle = fresh.midpoint(stale);
            if is_fresh(middle) { fresh = middle } else { stale = middle }
        }
        next + stale * every
    }

    fn follow_up(&mut self, place: usize) -> Result<(), Violation> {
        let now = self.time(place);
        while let Some(task) = self.members[place].host.poll_task(now) {
            self.begin_task(place, task)?;
        }
        if let Some(answer) = self.members[place].host.poll_answer() {
            self.answer(place, answer)?;
        }
        let member = &mut self.members[place];
        if !member.host.is_busy()
            && let Some(since) = member.barred_since.take()
        {
            self.report.lease_waits.note((self.now - since) / MILLI);
        }
        Ok(())
    }

    fn begin_task(&mut self, place: usize, task: Task) -> Result<(), Violation> {
        let at = match task.work {
            Work::Sleep(_) if self.broken == Some(Broken::SleepsForever) => return Ok(()),
            Work::Sleep(until) => {
                self.members[place].barred_since.get_or_insert(self.now);
                u64::try_from(until).unwrap_or(0) * MILLI
            }
            Work::Fetch(lease) => self.begin_fetch(place, task.ticket, lease)?,
            _ => self.command(place),
        };
        self.members[place].tasks.push(task);
        self.plan(at, place, What::Done(task.ticket));
        if matches!(task.work, Work::Sleep(_) | Work::Fetch(_))
            && let Some(at) = self.members[place].host.poll_timeout()
        {
            self.plan(u64::try_from(at).unwrap_or(0) * MILLI, place, What::TimeOut);
        }
        Ok(())
    }

    /// When the server will have done it.
    fn command(&mut self, place: usize) -> Micros {
        self.members[place].commands += 1;
        let done = self.server.done_at(self.now + 200 + self.dice.below(1_000));
        // The queue does not wait for one who stands still.
        let stalls = self.dice.below(1_000_000) < self.fleet.stalling;
        if stalls { done + self.dice.below(3_000_000) } else { done }
    }

    fn end_task(&mut self, place: usize, ticket: u32) -> Result<(), Violation> {
        let tasks = &mut self.members[place].tasks;
        let Some(found) = tasks.iter().position(|task| task.ticket == ticket) else { return Ok(()) };
        let came = match tasks.swap_remove(found).work {
            Work::Look => Came::Looked(self.load(place, false), self.server.is_busy(self.now)),
            Work::Lock(lane) => self.try_lock(place, lane)?,
            Work::Sleep(_) => Came::Woken,
            Work::Fetch(_) => Came::Fetched(self.end_fetch(place, ticket)),
            Work::Save { token, over, lease } => {
                let number = usize::try_from(token.number).unwrap_or(usize::MAX);
                if let Some(issued) = self.issued.get(number) {
                    let saved = self.server.save(over, *issued, lease, self.now)?;
                    self.report.unshared += u64::from(!saved);
                }
                Came::Kept
            }
            Work::Fail { failed_at, lease } => {
                self.server.save_failure(failed_at, lease, self.now);
                Came::Kept
            }
            Work::Release(lease) => {
                self.server.release(lease, self.now);
                Came::Released
            }
        };
        let now = self.time(place);
        self.members[place].host.report(ticket, came, now);
        Ok(())
    }

    fn load(&mut self, place: usize, under_lease: bool) -> Found {
        let now = self.time(place);
        let member = &mut self.members[place];
        let held_since = member.host.held().map_or(i64::MIN, |held| held.acquired_at);
        let newer = self.server.token.filter(|issued| issued.token.acquired_at > held_since);
        member.newer_was_there = newer.is_some_and(|issued| issued.ends > self.now + MAY_BE_DUE);
        let mut found = self.server.load(self.now);
        found.token = found.token.filter(|token| match self.broken {
            Some(Broken::NoSecondLoad) => !under_lease,
            Some(Broken::SkewIgnored) => token.acquired_at <= now.unix,
            _ => true,
        });
        found
    }

    fn try_lock(&mut self, place: usize, lane: Lane) -> Result<Came, Violation> {
        let fence = self.server.try_lock(lane, self.now)?;
        let found = self.load(place, true);
        Ok(Came::Locked(found, fence))
    }

    /// When it will have ended.
    fn begin_fetch(&mut self, place: usize, ticket: u32, lease: Lease) -> Result<Micros, Violation> {
        if self.members[place].newer_was_there {
            return Err(Violation::FetchDespiteNewer);
        }
        let lane = lease.lane;
        if self.fetching.iter().any(|other| other.lease.lane == lane && other.lease_ends > self.now) {
            return Err(Violation::ConcurrentFetches);
        }
        self.report.fetches += 1;
        self.report.slots += u64::from(lane != Lane::Fetch);
        let in_outage = self.outage.is_some_and(|(from, to)| (from..to).contains(&self.now));
        self.report.fetches_in_outage += u64::from(in_outage);
        let fails = in_outage || self.dice.below(1_000_000) < self.fleet.failing;
        let mut befalls = |share: u64| self.dice.below(1_000_000) < share;
        let (slow, cut_off, dies) =
            (befalls(self.fleet.slow), befalls(self.fleet.cut_off), befalls(self.fleet.dying));
        let takes = match (slow || cut_off, in_outage) {
            (true, _) => 25_000_000 + self.dice.below(30_000_000),
            (_, true) => 5_000 + self.dice.below(20_000),
            _ => 100_000 + self.dice.below(1_400_000),
        };
        self.troubles += u64::from(cut_off || dies);
        let number = self.report.fetches;
        let lease_ends = self.now + self.fleet.lease * MILLI;
        self.fetching.push(Fetching { place, ticket, lease, lease_ends, number, fails, cut_off });
        if dies {
            let at = self.now + self.dice.below(takes);
            self.plan(at, place, What::Die);
        }
        self.plan(self.now + RENEWAL, place, What::Renew(lease));
        Ok(self.now + takes)
    }

    /// A host that still fetches tells so.
    fn renew(&mut self, place: usize, lease: Lease) {
        let mut fetching = self.fetching.iter_mut();
        let Some(fetching) = fetching.find(|other| other.place == place && other.lease == lease) else {
            return;
        };
        if !fetching.cut_off {
            // What the truth is, whatever the server makes of it.
            if fetching.lease_ends > self.now {
                fetching.lease_ends = self.now + self.fleet.lease * MILLI;
            }
            self.members[place].commands += 1;
            let _ = self.server.done_at(self.now);
            self.server.renew(lease, self.now);
        }
        self.plan(self.now + RENEWAL, place, What::Renew(lease));
    }

    /// The token that it brought.
    fn end_fetch(&mut self, place: usize, ticket: u32) -> Option<Token> {
        let is_it = |fetching: &Fetching| fetching.place == place && fetching.ticket == ticket;
        let found = self.fetching.iter().position(is_it)?;
        let fetching = self.fetching.swap_remove(found);
        self.report.leases_expired += u64::from(fetching.lease_ends <= self.now);
        if fetching.fails {
            self.report.failed += 1;
            return None;
        }
        let from = self.fleet.lifetime_from;
        let lifetime = from + self.dice.below(self.fleet.lifetime_to - from + 1);
        let ends = self.now + lifetime * MILLI;
        let unix = self.time(place).unix;
        let number = self.issued.len() as u64;
        let token =
            Token { number, acquired_at: unix, expires_at: unix + i64::try_from(lifetime).unwrap_or(0) };
        self.issued.push(Issued { token, ends, fetch: fetching.number });
        if self.outage.is_none() && self.fleet.outage > 0 {
            let begins = ends - OUTAGE_BEGINS;
            self.outage = Some((begins, begins + self.fleet.outage * MILLI));
        }
        Some(token)
    }

    /// It holds nothing any more, and its lease runs out.
    fn die(&mut self, place: usize) -> Result<(), Violation> {
        let skew = self.members[place].skew;
        let fetching = self.fetching.len();
        self.fetching.retain(|fetching| fetching.place != place);
        if self.fetching.len() == fetching {
            return Ok(());
        }
        self.report.leases_expired += 1;
        let host = self.new_host(skew)?;
        let member = &mut self.members[place];
        member.host = host;
        member.life += 1;
        member.tasks.clear();
        member.had = None;
        member.waits_since = None;
        member.barred_since = None;
        member.first_ask = self.now + RESTART;
        self.plan(self.now + RESTART, place, What::Ask);
        Ok(())
    }

    fn conclude(&mut self) -> Result<Report, Violation> {
        if self.server.saved <= self.fleet.periods {
            return Err(Violation::Stuck);
        }
        for member in &self.members {
            if member.waits_since.is_some() {
                return Err(Violation::Stuck);
            }
            if member.commands > 0 {
                self.report.host_periods += 1;
                self.report.commands_per_period.note(member.commands);
            }
        }
        let report = &mut self.report;
        report.periods = self.server.saved;
        report.cut_short = self.server.cut_short;
        report.commands = self.server.commands;
        report.busiest_at_start = self.server.busiest_at_start;
        report.busiest_later = self.server.busiest_later;
        report.longest_queue = self.server.longest_queue;
        let explained = report.periods + report.failed + report.leases_expired + report.slots;
        if report.fetches > explained {
            return Err(Violation::FetchesUnaccounted { fetches: report.fetches, explained });
        }
        if report.cut_short > report.unshared {
            return Err(Violation::PeriodsCutShort { count: report.cut_short });
        }
        if report.busiest_later > u64::from(self.fleet.hosts) / 2 {
            return Err(Violation::Stampede { count: report.busiest_later });
        }
        let patient = self.fleet.outage / ATTEMPT_EVERY;
        if report.fetches_in_outage > FIRST_ATTEMPTS + patient {
            return Err(Violation::TooManyAttempts { count: report.fetches_in_outage });
        }
        if report.leases_expired > self.troubles {
            return Err(Violation::LeasesExpired { count: report.leases_expired });
        }
        Ok(std::mem::take(report))
    }

    fn plan(&mut self, at: Micros, place: usize, what: What) {
        self.last_event += 1;
        let life = self.members[place].life;
        self.events.push(Reverse((at, self.last_event, place, life, what)));
    }

    fn time(&self, place: usize) -> Time {
        time(self.now, self.members[place].skew)
    }
}

/// Both clocks of a host whose wall clock is wrong by so much.
fn time(now: Micros, skew: i64) -> Time {
    let passed = i64::try_from(now / MILLI).unwrap_or(i64::MAX);
    Time { monotonic: passed, unix: START + passed + skew }
}

/// A number from `-most` to `most`.
fn spread(dice: &mut SplitMix, most: i64) -> i64 {
    let width = u64::try_from(2 * most + 1).unwrap_or(1);
    i64::try_from(dice.below(width)).unwrap_or(0) - most
}
