//! Every order of events that two entries can see within a few seconds: stateright walks them all.
#![expect(clippy::expect_used, reason = "a model that cannot follow has found something")]

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use azure_token_cache_core::{
    Action, Cache, Clock, CredentialKind, Decision, EntryId, Failure, FetchId, Grant, IdentityChange,
    Instant, JobId, Outcome, Policy, Request, Settled, Stability,
};
use stateright::{Checker, Model, Property};

const SECOND: i64 = 1_000;
const START: i64 = 1_700_000_000_000;
const LIFETIME: i64 = 4 * SECOND;

/// The table in seconds: due with 3 s left, in front with less than 2 s, expired with half a second.
const POLICY: Policy = Policy {
    refresh_before_expiry: 3_000,
    background_min_validity: 2_000,
    min_validity: 500,
    retry_delay: 1_000,
    retry_delay_max: 1_000,
    retry_jitter_percent: 0,
    failure_memory: 1_000,
    failure_memory_max: 1_000,
    network_failure_memory: 1_000,
    fetch_limit: 2_000,
    scale_short_lives: false,
    half_life: false,
    ..Policy::DEFAULT
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Event {
    Ask(usize),
    Leave(usize),
    Bring { entry: usize, token: bool },
    ChangeIdentity(usize),
    ASecondPasses,
}

/// A token as the host holds it, and under which login its run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Held {
    expires_at: i64,
    login: u32,
}

#[derive(Clone, Debug)]
struct Run {
    fetch: FetchId,
    login: u32,
}

/// The cache and its host: what it holds, runs and owes.
#[derive(Clone, Debug)]
struct World {
    cache: Cache,
    clock: Clock,
    at: i64,
    entries: Vec<EntryId>,
    held: Vec<Option<Held>>,
    /// The runs that are under way, by entry.
    runs: Vec<Vec<Run>>,
    /// Those who wait, by job.
    waiting: BTreeMap<JobId, (usize, u32)>,
    logins: Vec<u32>,
    wrong: Vec<&'static str>,
    seen: BTreeSet<&'static str>,
}

/// Which credentials there are, one entry each; how many seconds are walked, how many callers may wait for one job, and
/// what must come about on some way.
struct Walk {
    kinds: Vec<CredentialKind>,
    seconds: i64,
    callers: u32,
    sights: &'static [&'static str],
}

impl World {
    fn new(kinds: &[CredentialKind]) -> Self {
        let mut cache = Cache::new(POLICY, 0);
        let mut clock = Clock::default();
        let now = clock.sample(0, START);
        let entries = kinds
            .iter()
            .map(|&kind| {
                let credential = cache.register(kind);
                let request = Request { credential, scopes: &["a"], tenant: None, cae: false, claims: None };
                cache.intern(&request, now).expect("room")
            })
            .collect();
        let count = kinds.len();
        Self {
            cache,
            clock,
            at: 0,
            entries,
            held: vec![None; count],
            runs: vec![Vec::new(); count],
            waiting: BTreeMap::new(),
            logins: vec![0; count],
            wrong: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    fn now(&mut self) -> Instant {
        self.clock.sample(self.at, START + self.at)
    }

    fn perform(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Ask(entry) => self.ask(entry),
            Event::Leave(entry) => {
                let job = self.job_of(entry).expect("a job");
                self.unwait(job);
                let settled = self.cache.leave(job, now);
                self.settle(settled, None);
            }
            Event::Bring { entry, token } => {
                let run = self.runs[entry].remove(0);
                let expires_at = START + self.at + LIFETIME;
                let outcome = if token {
                    let grant =
                        Grant { expires_at, refresh_at: None, issued_at: None, unchanged: false, session: 0 };
                    Outcome::Granted(grant)
                } else {
                    Outcome::Failed(Failure::default())
                };
                let settled = self.cache.handle_fetched(run.fetch, outcome, Stability::Steady, now);
                self.settle(settled, Some(Held { expires_at, login: run.login }));
            }
            Event::ChangeIdentity(entry) => {
                self.logins[entry] += 1;
                let credential =
                    azure_token_cache_core::CredentialId::from_bits(u32::try_from(entry).expect("small"));
                self.cache.handle_identity(credential, IdentityChange::Changed, now);
            }
            Event::ASecondPasses => {
                self.at += SECOND;
                let now = self.now();
                while self.cache.poll_timeout().is_some_and(|(at, _)| at <= now.monotonic_ms()) {
                    let settled = self.cache.handle_timeout(now);
                    self.settle(settled, None);
                    self.drain();
                }
            }
        }
        self.drain();
        self.judge();
    }

    fn ask(&mut self, entry: usize) {
        let now = self.now();
        let id = self.entries[entry];
        match self.cache.lookup(id, now) {
            Decision::Hit { .. } => self.serve(entry),
            Decision::Refresh { .. } => {
                self.seen.insert("behind");
                self.serve(entry);
            }
            Decision::Wait { job, serve_at } => {
                self.seen.insert(if serve_at.is_some() { "in front" } else { "expired" });
                self.waiting.entry(job).or_insert((entry, 0)).1 += 1;
            }
            Decision::Fail { .. } => {
                self.seen.insert("remembered");
            }
            Decision::Unknown => self.wrong.push("an entry is unknown"),
        }
    }

    fn serve(&mut self, entry: usize) {
        match self.held[entry] {
            None => self.wrong.push("a hit without a token"),
            Some(held) => self.check(entry, held),
        }
    }

    fn check(&mut self, entry: usize, held: Held) {
        if held.login != self.logins[entry] {
            self.wrong.push("a token of another login was served");
        }
        if held.expires_at <= START + self.at {
            self.wrong.push("a token past its expiry was served");
        }
    }

    fn settle(&mut self, settled: Settled, brought: Option<Held>) {
        match settled {
            Settled::Nothing => {}
            Settled::Granted { job, entry, .. } => {
                let entry = self.place(entry);
                let brought = brought.expect("a token");
                self.check(entry, brought);
                self.held[entry] = Some(brought);
                self.waiting.remove(&job);
            }
            Settled::Served { job, entry } => {
                let entry = self.place(entry);
                if self.waiting.remove(&job).is_some() {
                    self.seen.insert("served stale");
                    self.serve(entry);
                }
            }
            Settled::Failed { job, .. } | Settled::Null { job } | Settled::HandedOut { job } => {
                self.waiting.remove(&job);
            }
            Settled::Abandoned { job } => {
                if self.waiting.contains_key(&job) {
                    self.wrong.push("somebody still waits for an abandoned job");
                }
            }
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.cache.poll_action() {
            match action {
                Action::Fetch { fetch, entry, .. } => {
                    let entry = self.place(entry);
                    let login = self.logins[entry];
                    self.runs[entry].push(Run { fetch, login });
                }
                Action::Abort { fetch } => {
                    for runs in &mut self.runs {
                        runs.retain(|run| run.fetch != fetch);
                    }
                }
                Action::Forget { entry } => {
                    let entry = self.place(entry);
                    self.held[entry] = None;
                }
                Action::Lapse { .. } => {}
            }
        }
    }

    fn judge(&mut self) {
        if self.runs.iter().any(|runs| runs.len() > 1) {
            self.wrong.push("two runs at a time");
        }
        let stranded = self.waiting.values().any(|&(entry, _)| self.runs[entry].is_empty());
        if stranded {
            self.wrong.push("somebody waits for nothing");
        }
        if self.runs.iter().any(|runs| !runs.is_empty()) && self.cache.poll_timeout().is_none() {
            self.wrong.push("a run without a limit");
        }
    }

    fn job_of(&self, entry: usize) -> Option<JobId> {
        self.waiting.iter().find(|(_, (of, _))| *of == entry).map(|(&job, _)| job)
    }

    fn unwait(&mut self, job: JobId) {
        if let Some((_, count)) = self.waiting.get_mut(&job) {
            *count -= 1;
            if *count == 0 {
                self.waiting.remove(&job);
            }
        }
    }

    fn place(&self, entry: EntryId) -> usize {
        self.entries.iter().position(|&known| known == entry).expect("an entry of ours")
    }

    /// The whole state as text, in which ids that grow for ever are ranks.
    fn normal(&self) -> String {
        let whole =
            format!("{:?} {:?} {:?} {:?} {:?}", self.cache, self.at, self.held, self.runs, self.waiting);
        let logins: Vec<Option<bool>> = self
            .held
            .iter()
            .zip(&self.logins)
            .map(|(held, &login)| held.map(|held| held.login == login))
            .collect();
        let stale: Vec<Vec<bool>> = self
            .runs
            .iter()
            .zip(&self.logins)
            .map(|(runs, &login)| runs.iter().map(|run| run.login == login).collect())
            .collect();
        let mut text = format!("{} {logins:?} {stale:?} {:?} {:?}", ranked(&whole), self.wrong, self.seen);
        for counter in ["last_job: ", "last_fetch: ", "login: ", "Jitter("] {
            text = without_number_after(&text, counter);
        }
        text
    }
}

/// Job and fetch ids become their rank among those that are there.
fn ranked(text: &str) -> String {
    let mut text = text.to_owned();
    for name in ["JobId(", "FetchId("] {
        let mut numbers: Vec<u32> =
            text.split(name).skip(1).filter_map(|rest| rest.split(')').next()?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for (rank, number) in numbers.iter().enumerate() {
            text = text.replace(&format!("{name}{number})"), &format!("{name}#{rank})"));
        }
    }
    text
}

fn without_number_after(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.trim_start_matches(|letter: char| letter.is_ascii_digit()))
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.normal() == other.normal()
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.normal().hash(state);
    }
}

impl Model for Walk {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.kinds)]
    }

    fn actions(&self, world: &World, events: &mut Vec<Event>) {
        if world.at >= self.seconds * SECOND {
            return;
        }
        events.push(Event::ASecondPasses);
        for entry in 0..self.kinds.len() {
            let waiting = world.job_of(entry).map_or(0, |job| world.waiting[&job].1);
            if waiting < self.callers {
                events.push(Event::Ask(entry));
            }
            if waiting > 0 {
                events.push(Event::Leave(entry));
            }
            if !world.runs[entry].is_empty() {
                events.extend([true, false].map(|token| Event::Bring { entry, token }));
            }
            if world.logins[entry] < 1 {
                events.push(Event::ChangeIdentity(entry));
            }
        }
    }

    fn next_state(&self, world: &World, event: Event) -> Option<World> {
        let mut next = world.clone();
        next.perform(event);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing is wrong", |_, world: &World| world.wrong.is_empty()),
            Property::sometimes("everything is seen", |walk: &Self, world: &World| {
                walk.sights.iter().all(|sight| world.seen.contains(sight))
            }),
        ]
    }
}

fn walk(walk: Walk) {
    let checker = walk.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("{} states", checker.unique_state_count());
    assert!(checker.unique_state_count() > 1_000, "the walk went somewhere");
}

/// All of this within one walk: the shortest takes every line of the table.
const WHOLE_TABLE: &[&str] = &["expired", "behind", "in front", "served stale"];

#[test]
fn one_entry_of_a_credential_that_can_be_aborted() {
    walk(Walk { kinds: vec![CredentialKind::GENERAL], seconds: 5, callers: 2, sights: WHOLE_TABLE });
}

#[test]
fn one_entry_of_az() {
    walk(Walk { kinds: vec![CredentialKind::AZ], seconds: 5, callers: 2, sights: WHOLE_TABLE });
}

#[test]
fn two_entries_of_two_credentials() {
    let kinds = vec![CredentialKind::GENERAL, CredentialKind::AZ];
    walk(Walk { kinds, seconds: 1, callers: 1, sights: &["expired", "remembered"] });
}

#[test]
fn two_states_that_differ_in_growing_ids_alone_are_one() {
    let mut world = World::new(&[CredentialKind::GENERAL]);
    let ask_and_leave = |world: &mut World| {
        world.perform(Event::Ask(0));
        world.perform(Event::Leave(0));
    };
    ask_and_leave(&mut world);
    let mut later = world.clone();
    ask_and_leave(&mut later);
    let hash = |world: &World| {
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        hasher.finish()
    };
    assert_eq!(hash(&world), hash(&later));
    later.perform(Event::ChangeIdentity(0));
    later.perform(Event::Ask(0));
    assert_ne!(hash(&world), hash(&later));
}
