//! The server of a simulated fleet: one entry, its leases with fences, and the one queue in which all commands stand.

use azure_token_cache_core::walk::{Generation, Lane, Over};

use super::broken::Broken;
use super::host::{Found, Lease, Token};
use super::violation::Violation;

/// True time, in microseconds: nobody's clock shows it.
pub type Micros = u64;

/// What one command takes of the server: Redis does 80,000 to 150,000 a second on one core.
const SERVICE: Micros = 10;
/// A token with no more than this may be due: 300 s before its end, by a clock that is 30 s fast, and its expiry was told by
/// one that is 30 s slow. A second for the fetch.
pub const MAY_BE_DUE: Micros = 361_000_000;
/// Commands are counted in spans of this length, to find the busiest.
const SPAN: Micros = 100_000;
/// From then on nothing happens to all hosts at once any more.
const SETTLED: Micros = 15_000_000;

/// A token as its issuer knows it.
#[derive(Clone, Copy, Debug)]
pub struct Issued {
    pub token: Token,
    pub ends: Micros,
    /// The place of its fetch among all.
    pub fetch: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Holder {
    fence: u64,
    renewed: Micros,
    ends: Micros,
}

#[derive(Debug)]
pub struct Server {
    broken: Option<Broken>,
    lease: Micros,
    pub token: Option<Issued>,
    generation: u64,
    failure: Option<(u64, i64)>,
    leases: [Holder; 3],
    last_fence: u64,
    idle_from: Micros,
    pub commands: u64,
    pub saved: u64,
    pub cut_short: u64,
    pub last_saved: Micros,
    pub longest_queue: Micros,
    span: (Micros, u64),
    pub busiest_at_start: u64,
    pub busiest_later: u64,
}

impl Server {
    pub fn new(lease: Micros, broken: Option<Broken>) -> Self {
        Self {
            broken,
            lease: if broken == Some(Broken::LeaseTooShort) { 100_000 } else { lease },
            token: None,
            generation: 0,
            failure: None,
            leases: [Holder::default(); 3],
            last_fence: 0,
            idle_from: 0,
            commands: 0,
            saved: 0,
            cut_short: 0,
            last_saved: 0,
            longest_queue: 0,
            span: (0, 0),
            busiest_at_start: 0,
            busiest_later: 0,
        }
    }

    /// When a command that arrives then is done: after those before it.
    pub fn done_at(&mut self, arrives: Micros) -> Micros {
        let begins = arrives.max(self.idle_from);
        self.longest_queue = self.longest_queue.max(begins - arrives);
        self.idle_from = begins + SERVICE;
        self.commands += 1;
        if begins / SPAN != self.span.0 {
            self.span = (begins / SPAN, 0);
        }
        self.span.1 += 1;
        if begins < SETTLED {
            self.busiest_at_start = self.busiest_at_start.max(self.span.1);
        } else {
            self.busiest_later = self.busiest_later.max(self.span.1);
        }
        self.idle_from
    }

    pub fn load(&self, now: Micros) -> Found {
        Found {
            generation: Generation { store: 0, entry: self.generation },
            token: self.token.filter(|issued| issued.ends > now).map(|issued| issued.token),
            failure: self.failure,
        }
    }

    /// Whether somebody holds the lease of the one fetch.
    pub fn is_busy(&self, now: Micros) -> bool {
        now < self.leases[0].ends && self.broken != Some(Broken::LeaseForEveryone)
    }

    pub fn try_lock(&mut self, lane: Lane, now: Micros) -> Result<Option<u64>, Violation> {
        let lease = &mut self.leases[place(lane)];
        if now < lease.ends && self.broken != Some(Broken::LeaseForEveryone) {
            if now - lease.renewed > self.lease {
                return Err(Violation::LeaseOutlivesItsTime);
            }
            return Ok(None);
        }
        self.last_fence += 1;
        let ends =
            if self.broken == Some(Broken::LeaseNeverExpires) { Micros::MAX } else { now + self.lease };
        *lease = Holder { fence: self.last_fence, renewed: now, ends };
        Ok(Some(self.last_fence))
    }

    /// Whether the lease is still held, and now for longer.
    pub fn renew(&mut self, lease: Lease, now: Micros) -> bool {
        let holds = self.holds(lease, now) && self.broken != Some(Broken::NoRenewal);
        if holds {
            let holder = &mut self.leases[place(lease.lane)];
            (holder.renewed, holder.ends) = (now, holder.ends.max(now + self.lease));
        }
        holds
    }

    pub fn release(&mut self, lease: Lease, now: Micros) {
        if self.holds(lease, now) || self.broken == Some(Broken::ReleaseWithoutFence) {
            self.leases[place(lease.lane)].ends = now;
        }
    }

    /// Whether it was saved.
    pub fn save(&mut self, over: Over, issued: Issued, lease: Lease, now: Micros) -> Result<bool, Violation> {
        let as_expected = match over {
            Over::Generation(expected) => expected.entry == self.generation,
            Over::Anything => true,
        };
        let holder = self.leases[place(lease.lane)];
        let of_another = holder.fence != lease.fence && now < holder.ends;
        self.release(lease, now);
        if (!as_expected || of_another) && self.broken != Some(Broken::SaveWithoutCompare) {
            return Ok(false);
        }
        if let Some(before) = self.token {
            if before.fetch > issued.fetch {
                return Err(Violation::OlderReplacesNewer);
            }
            self.cut_short += u64::from(before.ends > now + MAY_BE_DUE);
        }
        self.token = Some(issued);
        self.generation += 1;
        self.saved += 1;
        self.last_saved = now;
        Ok(true)
    }

    pub fn save_failure(&mut self, failed_at: i64, lease: Lease, now: Micros) {
        self.release(lease, now);
        if self.broken != Some(Broken::FailureNotKept) {
            self.failure = Some((self.commands, failed_at));
        }
    }

    fn holds(&self, lease: Lease, now: Micros) -> bool {
        let holder = self.leases[place(lease.lane)];
        holder.fence == lease.fence && now < holder.ends
    }
}

fn place(lane: Lane) -> usize {
    match lane {
        Lane::Fetch => 0,
        Lane::FirstSlot => 1,
        Lane::SecondSlot => 2,
    }
}
