//! A fleet of a hundred thousand hosts on one server: what it asks of the source and of the server, and that no host is ever
//! without a token; in troubles too; and the proof that the simulation finds what is broken.
#![expect(clippy::panic, reason = "a fleet for which something does not hold has found something")]

use azure_token_cache_tests::fleet::{Broken, Fleet, Report, simulate};

/// Three of the 50 entries; `npm run bench` lets all of them live.
const FEW_ENTRIES: u64 = 3;
const SEED: u64 = 1;

#[test]
fn a_hundred_thousand_hosts_make_one_fetch_a_period() {
    let report = live(&Fleet { entries: FEW_ENTRIES, ..Fleet::PROMISED }, SEED);
    assert_eq!(report.periods, FEW_ENTRIES * 4, "the first token, and three that renew it");
    assert_eq!(report.fetches, report.periods + report.failed);
    assert_eq!((report.leases_expired, report.slots, report.unshared), (0, 0, 0));
    assert!(report.commands * 10 <= report.host_periods * 11, "a host looks once a period: {report:?}");
    assert!(report.commands_per_period.max() <= 6, "no host needs more than six commands: {report:?}");
    assert!(report.least_left.is_some_and(|left| left >= 170_000), "{:?}", report.least_left);
}

#[test]
fn a_fleet_in_troubles_makes_one_fetch_more_for_each() {
    let mut all = Report::default();
    for seed in 0..4 {
        all.add(live(&Fleet::TROUBLED, seed));
    }
    assert!(all.failed > 10 && all.leases_expired > 20 && all.unshared > 0, "it had none: {all:?}");
    assert!(all.fetches <= all.periods + all.failed + all.leases_expired + all.slots, "{all:?}");
}

#[test]
fn a_fleet_tries_a_source_that_is_down_a_few_times() {
    let report = live(&Fleet::IN_OUTAGE, SEED);
    assert!(report.fetches_in_outage >= report.entries, "it never tried: {report:?}");
    assert!(report.fetches_in_outage <= 15 * report.entries, "{report:?}");
    assert!(report.least_left.is_some_and(|left| left > 60_000), "{report:?}");
}

#[test]
fn hosts_that_start_in_one_moment_do_not_stay_in_step() {
    let report = live(&Fleet::IN_LOCKSTEP, SEED);
    assert!(report.busiest_at_start > u64::from(Fleet::IN_LOCKSTEP.hosts), "they started apart: {report:?}");
    assert!(report.busiest_later < u64::from(Fleet::IN_LOCKSTEP.hosts) / 2, "{report:?}");
}

#[test]
fn leaving_out_the_asks_that_find_a_fresh_token_changes_nothing() {
    let few = Fleet { hosts: 40, entries: 4, ..Fleet::TROUBLED };
    let (skipping, asking) = (live(&few, SEED), live(&Fleet { skips: false, ..few }, SEED));
    assert!(asking.asks > 20 * skipping.asks, "{} and {}", asking.asks, skipping.asks);
    assert_eq!(Report { asks: 0, ..skipping }, Report { asks: 0, ..asking });
}

#[test]
fn the_same_seed_gives_the_same_lives() {
    let few = Fleet { hosts: 200, entries: 5, ..Fleet::TROUBLED };
    assert_eq!(live(&few, SEED), live(&few, SEED));
    assert_ne!(live(&few, SEED), live(&few, SEED + 1));
}

#[test]
fn each_broken_fleet_is_found() {
    let lives = [Fleet::TROUBLED, Fleet::IN_OUTAGE, Fleet::IN_LOCKSTEP];
    let is_found =
        |broken| (0..3).any(|seed| lives.iter().any(|life| simulate(life, seed, Some(broken)).is_err()));
    let unfound: Vec<Broken> = Broken::ALL.into_iter().filter(|broken| !is_found(*broken)).collect();
    assert_eq!(unfound, []);
}

fn live(fleet: &Fleet, seed: u64) -> Report {
    match simulate(fleet, seed, None) {
        Ok(report) => report,
        Err(found) => panic!("seed {seed}: {found:?}"),
    }
}
