//! What a fleet's life cost: counts, and how waits are spread.

/// What became of the entries of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many entries lived.
    pub entries: u64,
    /// Tokens that came to be shared: one a period.
    pub periods: u64,
    /// Of them, those that ended before they were due, because a host held another token that ended earlier.
    pub cut_short: u64,
    /// Fetches that began.
    pub fetches: u64,
    /// Tokens that stayed with the host that fetched them, because another had brought one meanwhile.
    pub unshared: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Of them, those that began in an outage.
    pub fetches_in_outage: u64,
    /// Leases that were over before their holder let go of them.
    pub leases_expired: u64,
    /// Fetches under one of the extra leases, by hosts whose patience was over.
    pub slots: u64,
    /// Commands that the server was given.
    pub commands: u64,
    /// Periods of single hosts: how often a host came from one token to the next.
    pub host_periods: u64,
    /// How many commands a host gave in one period.
    pub commands_per_period: Spread,
    /// How long walks that found a lease taken went on, in milliseconds.
    pub lease_waits: Spread,
    /// How long callers waited, in milliseconds, of those who did.
    pub caller_waits: Spread,
    /// Calls that were made, without those that were left out.
    pub asks: u64,
    /// Of them, those that got an error: only hosts that never had a token give one.
    pub errors: u64,
    /// What was left at least of any token that a caller got, in milliseconds.
    pub least_left: Option<u64>,
    /// The most commands in a tenth of a second, in the first 15 seconds.
    pub busiest_at_start: u64,
    /// The most commands in a tenth of a second, later.
    pub busiest_later: u64,
    /// The longest time that a command stood in the server's queue, in microseconds.
    pub longest_queue: u64,
}

impl Report {
    /// This one and another together.
    pub fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.periods += other.periods;
        self.cut_short += other.cut_short;
        self.fetches += other.fetches;
        self.unshared += other.unshared;
        self.failed += other.failed;
        self.fetches_in_outage += other.fetches_in_outage;
        self.leases_expired += other.leases_expired;
        self.slots += other.slots;
        self.commands += other.commands;
        self.host_periods += other.host_periods;
        self.commands_per_period.add(other.commands_per_period);
        self.lease_waits.add(other.lease_waits);
        self.caller_waits.add(other.caller_waits);
        self.asks += other.asks;
        self.errors += other.errors;
        self.least_left = [self.least_left, other.least_left].into_iter().flatten().min();
        self.busiest_at_start = self.busiest_at_start.max(other.busiest_at_start);
        self.busiest_later = self.busiest_later.max(other.busiest_later);
        self.longest_queue = self.longest_queue.max(other.longest_queue);
    }
}

/// Numbers, of which only their spread matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many there are of each, up to the largest.
    counts: Vec<u64>,
}

/// Larger numbers count as this one.
const LARGEST: usize = 100_000;

impl Spread {
    /// Notes a number.
    pub fn note(&mut self, number: u64) {
        let place = usize::try_from(number).unwrap_or(LARGEST).min(LARGEST);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
    }

    /// How many were noted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many of a thousand are no larger; 0 where there are none.
    #[must_use]
    pub fn per_mille(&self, share: u64) -> u64 {
        let wanted = (self.len() * share).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (number, count) in (0_u64..).zip(&self.counts) {
            seen += count;
            if seen >= wanted {
                return number;
            }
        }
        0
    }

    /// The largest; 0 where there is none.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.counts.len().saturating_sub(1) as u64
    }

    fn add(&mut self, other: Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
    }
}
