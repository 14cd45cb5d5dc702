//! Measures core: a decision by entry id, bytes an entry, a sweep; prints JSON for `tests/bench/measures/core.mjs`.

mod count;
mod peers;

use std::hint::black_box;

use azure_token_cache_core::{
    Action, Cache, Clock, CredentialKind, Decision, EntryId, Grant, Instant, Outcome, Policy, Request, Stability,
};

use crate::count::{live_bytes, seconds};

const START: i64 = 1_700_000_000_000;
const ROUNDS: usize = 15;
const SCOPES: usize = 1_000;
const TENANTS: usize = 1_000;

fn main() {
    let mut full = Full::new();
    let values = [
        ("core.decision", decision_nanos(&mut full)),
        ("core.entryBytes", full.bytes_each),
        ("core.sweep", full.sweep_millis()),
    ];
    let removal = full.removal_nanos();
    let mut cells = vec![
        ("core, by entry id: ns", values[0].1),
        ("core, by its parts: ns", parts_nanos()),
        ("core, sweep that removes 1,000,000: ns an entry", removal),
        ("core: bytes an entry", values[1].1),
    ];
    cells.extend(peers::measured());
    println!(
        "{{\"values\":{{{}}},\"table\":{{\"title\":\"Rust: one hot key, and 1,000,000 entries\",\"cells\":{{{}}}}}}}",
        json(&values),
        json(&cells)
    );
}

/// A cache with a million tokens, of a thousand scopes in a thousand tenants.
struct Full {
    cache: Cache,
    clock: Clock,
    entries: Vec<EntryId>,
    bytes_each: f64,
}

impl Full {
    fn new() -> Self {
        let scopes: Vec<String> =
            (0..SCOPES).map(|number| format!("https://resource-{number}.azure.net/.default")).collect();
        let tenants: Vec<String> =
            (0..TENANTS).map(|number| format!("72f988bf-86f1-41af-91ab-{number:012}")).collect();
        let mut entries = Vec::with_capacity(SCOPES * TENANTS);
        let mut clock = Clock::default();
        let now = clock.sample(0, START);
        let before = live_bytes();
        let mut cache = Cache::new(Policy::DEFAULT, 1).with_max_entries(SCOPES * TENANTS);
        let credential = cache.register(CredentialKind::GENERAL);
        for scope in &scopes {
            for tenant in &tenants {
                let scopes = [scope.as_str()];
                let request =
                    Request { credential, scopes: &scopes, tenant: Some(tenant), cae: false, claims: None };
                entries.push(hold(&mut cache, &request, now));
            }
        }
        let bytes = live_bytes() - before;
        assert_eq!(cache.len(), SCOPES * TENANTS);
        Self { cache, clock, bytes_each: bytes as f64 / entries.len() as f64, entries }
    }

    /// Milliseconds to look over all expiries, none of which has come.
    fn sweep_millis(&mut self) -> f64 {
        let now = self.clock.sample(1, START + 1);
        let count = self.entries.len();
        median(|| {
            seconds(|| assert_eq!(self.cache.sweep(now, count), 0)) * 1e3
        })
    }

    /// Nanoseconds an entry to look over all expiries and take every entry out. Leaves nothing.
    fn removal_nanos(&mut self) -> f64 {
        let later = 4 * 3_600_000;
        let now = self.clock.sample(later, START + later);
        let count = self.entries.len();
        seconds(|| assert_eq!(self.cache.sweep(now, count), count)) * 1e9 / count as f64
    }
}

/// Nanoseconds to decide that a hot entry is a hit, among a million.
fn decision_nanos(full: &mut Full) -> f64 {
    const TIMES: u32 = 10_000_000;
    let entry = full.entries[full.entries.len() / 2];
    let now = full.clock.sample(0, START);
    median(|| {
        let took = seconds(|| {
            for _ in 0..TIMES {
                let decision = full.cache.lookup(black_box(entry), *black_box(&now));
                assert!(matches!(decision, Decision::Hit { .. }));
            }
        });
        took * 1e9 / f64::from(TIMES)
    })
}

/// The same with the request's parts in place of the id, as the peers are asked.
fn parts_nanos() -> f64 {
    const TIMES: u32 = 1_000_000;
    let mut clock = Clock::default();
    let now = clock.sample(0, START);
    let mut cache = Cache::new(Policy::DEFAULT, 1);
    let credential = cache.register(CredentialKind::GENERAL);
    let scopes = [peers::KEY];
    let request = Request { credential, scopes: &scopes, tenant: None, cae: false, claims: None };
    hold(&mut cache, &request, now);
    median(|| {
        let took = seconds(|| {
            for _ in 0..TIMES {
                let Ok(entry) = cache.intern(black_box(&request), now) else { unreachable!("it is there") };
                assert!(matches!(cache.lookup(entry, now), Decision::Hit { .. }));
            }
        });
        took * 1e9 / f64::from(TIMES)
    })
}

fn hold(cache: &mut Cache, request: &Request<'_>, now: Instant) -> EntryId {
    let entry = cache.intern(request, now).expect("room");
    let _ = cache.lookup(entry, now);
    while let Some(action) = cache.poll_action() {
        if let Action::Fetch { fetch, .. } = action {
            let expires_at = START + 3_600_000;
            let grant = Grant { expires_at, refresh_at: None, issued_at: None, unchanged: false, session: 0 };
            let _ = cache.handle_fetched(fetch, Outcome::Granted(grant), Stability::Steady, now);
        }
    }
    entry
}

pub fn median(mut measure: impl FnMut() -> f64) -> f64 {
    let mut measured: Vec<f64> = (0..ROUNDS).map(|_| measure()).collect();
    measured.sort_by(f64::total_cmp);
    measured[ROUNDS / 2]
}

fn json(pairs: &[(&str, f64)]) -> String {
    pairs.iter().map(|(name, value)| format!("\"{name}\":{value:.3}")).collect::<Vec<_>>().join(",")
}
