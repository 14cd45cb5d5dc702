//! The reference: what the decision table says, kept as facts and asked as questions. Written from the table, not from core.

use std::collections::BTreeMap;

use azure_token_cache_core::{DueReason, Policy, Zone};

/// Both clocks, and what their jumps mean.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub monotonic: i64,
    pub unix: i64,
    pub slept: i64,
    pub epoch: u32,
}

impl Time {
    pub fn after(self, ms: i64) -> Self {
        Self { monotonic: self.monotonic + ms, unix: self.unix + ms, ..self }
    }

    fn age_clock(self) -> i64 {
        self.monotonic + self.slept
    }
}

/// Which token: a credential, a scope, and the claims of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub credential: usize,
    pub scope: usize,
    pub claims: Option<usize>,
}

impl Key {
    pub fn base(self) -> Self {
        Self { claims: None, ..self }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub expires: i64,
    pub hint: Option<i64>,
    /// The life as far as the thresholds scale with it.
    pub lifetime: i64,
    /// The life as far as its half counts: from when, for how long.
    pub half_of: (i64, i64),
    pub epoch: u32,
    pub age_at_fetch: i64,
    pub left_at_fetch: i64,
    pub session: u32,
    pub claims_order: u32,
    pub challenged: bool,
    /// An attempt began after the crossing, or there was no crossing to come.
    pub crossing_spent: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub token: Option<Token>,
    pub gate_opens: i64,
    pub fruitless: u32,
    pub memory_ends: i64,
    pub failures: u32,
}

pub const FRESH_ENTRY: Entry =
    Entry { token: None, gate_opens: i64::MIN, fruitless: 0, memory_ends: i64::MIN, failures: 0 };

/// What an attempt found, for the abort that undoes it.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub gate_opens: i64,
    pub fruitless: u32,
    /// Whether the crossing was spent; `None`: another token came since.
    pub crossing_spent: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Superseded {
    Invalidated,
    IdentityChanged,
}

#[derive(Clone, Debug)]
pub struct Flight {
    pub key: Key,
    pub order: u32,
    pub runs: u32,
    pub behind: bool,
    pub patience_over: bool,
    pub serve_at: Option<i64>,
    pub limit_at: i64,
    pub superseded: Option<Superseded>,
    pub waiters: Vec<u32>,
    pub before: Before,
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Token,
    TokenAndFetch,
    Wait { serve_at: Option<i64>, joins: bool },
    Error { until: i64 },
}

#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub abortable: bool,
    pub honours_claims: bool,
    pub interactive: bool,
}

/// What a fetch brought, as the table tells them apart.
#[derive(Clone, Copy, Debug)]
pub enum Brought {
    Token { expires: i64, hint: Option<i64>, issued: Option<i64>, unchanged: bool, session: u32 },
    Null,
    Failure { network: bool, pause: i64 },
}

pub struct Reference {
    pub policy: Policy,
    pub kinds: Vec<Kind>,
    pub entries: BTreeMap<Key, Entry>,
    /// By the order in which they began.
    pub flights: BTreeMap<u32, Flight>,
}

impl Reference {
    pub fn left(token: &Token, time: Time) -> i64 {
        let by_wall = token.expires - time.unix;
        if token.epoch == time.epoch {
            return by_wall;
        }
        by_wall.min(token.left_at_fetch - (time.age_clock() - token.age_at_fetch))
    }

    fn threshold(&self, number: u32, lifetime: i64) -> i64 {
        if self.policy.scale_short_lives && lifetime < 1_200_000 {
            return i64::from(number) * lifetime / 1_200_000;
        }
        i64::from(number)
    }

    fn is_near_expiry(&self, token: &Token, time: Time) -> bool {
        Self::left(token, time) <= self.threshold(self.policy.refresh_before_expiry, token.lifetime)
    }

    fn is_due(&self, token: &Token, time: Time) -> bool {
        let (began, life) = token.half_of;
        let half_is_over = token.hint.is_none()
            && self.policy.half_life
            && life >= 7_200_000
            && 2 * (time.unix - began) >= life;
        token.epoch != time.epoch
            || token.challenged
            || token.hint.is_some_and(|hint| hint <= time.unix)
            || self.is_near_expiry(token, time)
            || half_is_over
    }

    pub fn zone(&self, key: Key, time: Time) -> Zone {
        let Some(token) = &self.entries[&key].token else { return Zone::Expired };
        let left = Self::left(token, time);
        if key.claims.is_some() {
            // Not of the table: an answer to a challenge is shared for 5 s, and never served due.
            return if left > 0 && token.epoch == time.epoch { Zone::Fresh } else { Zone::Expired };
        }
        if left <= self.threshold(self.policy.min_validity, token.lifetime) {
            Zone::Expired
        } else if !self.is_due(token, time) {
            Zone::Fresh
        } else if left >= self.threshold(self.policy.background_min_validity, token.lifetime) {
            Zone::RefreshBehind
        } else {
            Zone::RefreshInFront
        }
    }

    /// Whether the explanation's reason is one that holds.
    pub fn is_reason(&self, key: Key, reason: Option<DueReason>, time: Time) -> bool {
        let Some(token) = self.entries[&key].token.filter(|_| key.claims.is_none()) else { return true };
        match reason {
            None => !self.is_due(&token, time),
            Some(DueReason::Hint) => token.hint.is_some_and(|hint| hint <= time.unix),
            Some(DueReason::BeforeExpiry) => self.is_near_expiry(&token, time),
            Some(DueReason::HalfLife) => token.hint.is_none() && self.is_due(&token, time),
            Some(DueReason::ClockSetBack) => token.epoch != time.epoch,
            Some(DueReason::Challenged) => token.challenged,
        }
    }

    pub fn can_serve(&self, key: Key, time: Time) -> bool {
        key.claims.is_none() && self.zone(key, time) != Zone::Expired
    }

    pub fn gate_is_closed(&self, key: Key, time: Time) -> bool {
        let entry = &self.entries[&key];
        let crossing_opens = entry.token.as_ref().is_some_and(|token| {
            self.policy.tolerate_repeats && !token.crossing_spent && self.is_near_expiry(token, time)
        });
        time.monotonic < entry.gate_opens && !crossing_opens
    }

    pub fn flight_of(&self, key: Key) -> Option<u32> {
        self.flights.iter().find(|(_, flight)| flight.key == key).map(|(&job, _)| job)
    }

    /// What the table gives a caller now. Changes nothing.
    pub fn answer(&self, key: Key, time: Time) -> Answer {
        let flight = self.flight_of(key).map(|job| &self.flights[&job]);
        match self.zone(key, time) {
            Zone::Fresh => Answer::Token,
            Zone::RefreshBehind => {
                let idle = flight.is_none() && !self.kinds[key.credential].interactive;
                if idle && !self.gate_is_closed(key, time) { Answer::TokenAndFetch } else { Answer::Token }
            }
            Zone::RefreshInFront => match flight {
                Some(flight) if flight.patience_over => Answer::Token,
                None if self.gate_is_closed(key, time) => Answer::Token,
                _ => {
                    let serve_at = flight.and_then(|flight| flight.serve_at);
                    let own = time.monotonic + self.patience(key, time);
                    Answer::Wait { serve_at: Some(serve_at.unwrap_or(own)), joins: flight.is_some() }
                }
            },
            Zone::Expired => {
                let memory_ends = self.entries[&key].memory_ends;
                if flight.is_none() && time.monotonic < memory_ends {
                    return Answer::Error { until: memory_ends };
                }
                Answer::Wait { serve_at: None, joins: flight.is_some() }
            }
        }
    }

    /// `min(10 s, left / 2)`, and no longer than the token may be served.
    fn patience(&self, key: Key, time: Time) -> i64 {
        let Some(token) = &self.entries[&key].token else { return 0 };
        let left = Self::left(token, time);
        let servable = left - self.threshold(self.policy.min_validity, token.lifetime) - 1;
        10_000.min(left / 2).min(servable)
    }

    pub fn begin_attempt(&mut self, key: Key, time: Time) -> Before {
        let near = self.entries[&key].token.as_ref().is_some_and(|token| self.is_near_expiry(token, time));
        let delay =
            doubled(self.policy.retry_delay, self.entries[&key].fruitless, self.policy.retry_delay_max);
        let entry = self.entry(key);
        let before = Before {
            gate_opens: entry.gate_opens,
            fruitless: entry.fruitless,
            crossing_spent: Some(entry.token.is_some_and(|token| token.crossing_spent)),
        };
        entry.gate_opens = time.monotonic + delay;
        entry.fruitless += 1;
        if let Some(token) = &mut entry.token {
            token.crossing_spent |= near;
        }
        before
    }

    /// An abort is not an attempt.
    pub fn undo_attempt(&mut self, key: Key, before: Before) {
        let entry = self.entry(key);
        entry.gate_opens = entry.gate_opens.min(before.gate_opens);
        entry.fruitless = entry.fruitless.min(before.fruitless);
        if let (Some(token), Some(spent)) = (&mut entry.token, before.crossing_spent) {
            token.crossing_spent = spent;
        }
    }

    pub fn keep(&mut self, key: Key, brought: Brought, claims_order: Option<u32>, time: Time) {
        let Brought::Token { expires, hint, issued, unchanged, session } = brought else { return };
        let former = self.entries[&key].token;
        let left = expires - time.unix;
        let issued = issued.filter(|&issued| issued <= time.unix && issued < expires);
        let lifetime = issued.map_or(left, |issued| expires - issued);
        let mut token = Token {
            expires,
            hint,
            lifetime,
            half_of: (expires - lifetime, lifetime),
            epoch: time.epoch,
            age_at_fetch: time.age_clock(),
            left_at_fetch: left,
            session,
            claims_order: claims_order.or(former.map(|token| token.claims_order)).unwrap_or(0),
            challenged: false,
            crossing_spent: false,
        };
        token.crossing_spent = self.is_near_expiry(&token, time);
        if let Some(former) = former
            && unchanged
            && self.policy.tolerate_repeats
        {
            token.hint = None;
            token.half_of = (time.unix, left);
            token.lifetime = token.lifetime.max(former.lifetime);
            token.crossing_spent = former.crossing_spent;
            self.entry(key).token = Some(token);
            return;
        }
        let entry = self.entry(key);
        entry.fruitless = 0;
        entry.failures = 0;
        entry.memory_ends = i64::MIN;
        entry.token = Some(token);
    }

    /// The answer to a challenge: shared for 5 s, and the base token from now on unless a later challenge was answered.
    pub fn keep_answer(&mut self, key: Key, brought: Brought, order: u32, time: Time) -> bool {
        let Brought::Token { expires, hint, issued, session, .. } = brought else { return false };
        let shared = expires.min(time.unix + 5_000);
        let answer = Brought::Token { expires: shared, hint: None, issued: None, unchanged: false, session };
        self.keep(key, answer, None, time);
        let base = key.base();
        let Some(entry) = self.entries.get(&base) else { return false };
        if entry.token.is_some_and(|token| token.claims_order > order) {
            return false;
        }
        // Unchanged is said of the challenge's own entry.
        let changed = Brought::Token { expires, hint, issued, unchanged: false, session };
        self.keep(base, changed, Some(order), time);
        if let Some(job) = self.flight_of(base) {
            let before = &mut self.flights.get_mut(&job).expect("the flight").before;
            before.crossing_spent = None;
            before.fruitless = 0;
        }
        true
    }

    /// Whether callers have the token all the same.
    pub fn fail(&mut self, key: Key, network: bool, pause: i64, time: Time) -> bool {
        let servable = self.can_serve(key, time);
        let pause = pause.min(300_000);
        let policy = self.policy;
        let entry = self.entry(key);
        if pause > 0 {
            entry.gate_opens = entry.gate_opens.max(time.monotonic + pause);
        }
        if !servable && policy.failure_memory > 0 {
            let memory = if network {
                i64::from(policy.network_failure_memory)
            } else {
                entry.failures += 1;
                doubled(policy.failure_memory, entry.failures - 1, policy.failure_memory_max)
            };
            entry.memory_ends = time.monotonic + memory.max(pause);
        }
        servable
    }

    /// A suspend or a clock epoch: gates, doublings and memories are over.
    pub fn jump(&mut self) {
        for entry in self.entries.values_mut() {
            *entry = Entry { token: entry.token, ..FRESH_ENTRY };
        }
        for flight in self.flights.values_mut() {
            flight.before.gate_opens = i64::MIN;
            flight.before.fruitless = 0;
        }
    }

    /// The earliest timer: when, whose, and whether it is patience.
    pub fn next_timer(&self) -> Option<(i64, u32, bool)> {
        let timers = self.flights.iter().flat_map(|(&job, flight)| {
            let patience = flight.serve_at.map(|at| (at, job, false));
            patience.into_iter().chain([(flight.limit_at, job, true)])
        });
        timers.min().map(|(at, job, limit)| (at, job, !limit))
    }

    pub fn entry(&mut self, key: Key) -> &mut Entry {
        self.entries.get_mut(&key).expect("an entry that was asked for")
    }
}

fn doubled(first: u32, times: u32, max: u32) -> i64 {
    (i64::from(first) << times.min(20)).min(i64::from(max))
}
