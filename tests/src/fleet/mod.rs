//! A fleet of hosts that share one server, each with the real core: entry by entry, in the order of events, from one number.
//!
//! Hosts are asked at a steady rate, their clocks are set differently, fetches fail, take long, and hosts die while they fetch.
//! What must hold is checked at every event; what it costs is counted.

mod broken;
mod crowd;
pub mod host;
mod report;
mod server;
mod violation;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub use broken::Broken;
pub use report::{Report, Spread};
pub use violation::Violation;

use crowd::Crowd;

/// What a fleet is like. Times are milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// How many hosts share the server.
    pub hosts: u32,
    /// How many tokens each of them needs. They have nothing to do with each other.
    pub entries: u64,
    /// How often each token is renewed before the end.
    pub periods: u64,
    /// Clocks are wrong by at most this, either way.
    pub skew: i64,
    /// Each host is asked this often.
    pub asked_every: u64,
    /// All hosts start within this time.
    pub start_within: u64,
    /// Tokens live at least so long.
    pub lifetime_from: u64,
    /// Tokens live at most so long.
    pub lifetime_to: u64,
    /// So many of a million fetches fail.
    pub failing: u64,
    /// So many of a million commands arrive up to three seconds late: a host, or the network, stood still.
    pub stalling: u64,
    /// So many of a million fetches take much longer than a lease lasts.
    pub slow: u64,
    /// In so many of a million fetches they take as long, and the server cannot be reached from their host.
    pub cut_off: u64,
    /// In so many of a million fetches the host dies, and starts again with nothing.
    pub dying: u64,
    /// How long a lease lasts.
    pub lease: u64,
    /// For so long no fetch succeeds, from the moment at which the first token becomes due.
    pub outage: u64,
    /// Leaves out the asks that find a fresh token: they change nothing.
    pub skips: bool,
}

impl Fleet {
    /// The fleet of the promise: a hundred thousand hosts, 50 entries, clocks that differ by a minute.
    pub const PROMISED: Self = Self {
        hosts: 100_000,
        entries: 50,
        periods: 3,
        skew: 30_000,
        asked_every: 10_000,
        start_within: 10_000,
        lifetime_from: 3_600_000,
        lifetime_to: 5_400_000,
        failing: 10_000,
        stalling: 100,
        slow: 0,
        cut_off: 0,
        dying: 0,
        lease: 10_000,
        outage: 0,
        skips: true,
    };

    /// A fleet in which everything that can go wrong does so often.
    pub const TROUBLED: Self = Self {
        hosts: 2_000,
        entries: 20,
        failing: 50_000,
        stalling: 10_000,
        slow: 300_000,
        cut_off: 200_000,
        dying: 150_000,
        ..Self::PROMISED
    };

    /// A fleet whose source gives nothing for two minutes, just when the token becomes due.
    pub const IN_OUTAGE: Self =
        Self { hosts: 5_000, entries: 2, periods: 2, outage: 120_000, ..Self::PROMISED };

    /// A fleet whose hosts all start at once, and wait together for fetches that take half a minute.
    pub const IN_LOCKSTEP: Self =
        Self { hosts: 5_000, entries: 2, periods: 1, start_within: 0, slow: 1_000_000, ..Self::PROMISED };
}

/// What became of an entry for which something did not hold.
#[derive(Clone, Copy, Debug)]
pub struct Counterexample {
    /// The entry.
    pub entry: u64,
    /// When, in milliseconds since the first host started.
    pub at: u64,
    /// What did not hold.
    pub violation: Violation,
}

/// Lets a fleet live, all entries beside each other. The same seed gives the same lives.
///
/// # Errors
/// What did not hold, for the first of the entries for which something did not.
pub fn simulate(fleet: &Fleet, seed: u64, broken: Option<Broken>) -> Result<Report, Counterexample> {
    let next = AtomicU64::new(0);
    let results = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let entry = next.fetch_add(1, Ordering::Relaxed);
                    if entry >= fleet.entries {
                        return;
                    }
                    let result = simulate_entry(fleet, seed, entry, broken);
                    if result.is_err() {
                        next.store(fleet.entries, Ordering::Relaxed);
                    }
                    if let Ok(mut results) = results.lock() {
                        results.push((entry, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(entry, _)| *entry);
    let mut report = Report::default();
    for (_, result) in results {
        report.add(result?);
    }
    Ok(report)
}

/// Lets the hosts live with one of their entries.
///
/// # Errors
/// What did not hold.
pub fn simulate_entry(
    fleet: &Fleet,
    seed: u64,
    entry: u64,
    broken: Option<Broken>,
) -> Result<Report, Counterexample> {
    let mut crowd = Crowd::new(fleet, seed, entry, broken);
    crowd.live().map_err(|violation| Counterexample { entry, at: crowd.now() / 1_000, violation })
}
