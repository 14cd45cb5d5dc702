//! Forty processes on a real redis-server: one request a period and entry, one more for a host that dies while it fetches, and
//! no command for a hit. What is asserted is counted, so that a slow machine changes nothing.

use std::error::Error;

use azure_token_cache_tests::redis_fleet::{Fleet, Outcome, run};

fn fleet() -> Fleet {
    Fleet {
        program: env!("CARGO_BIN_EXE_fleet-host").into(),
        hosts: 40,
        entries: 2,
        periods: 3,
        lifetime: 4_000,
        fetch: 200,
        asked_every: 100,
        lease: 10_000,
        skew: 25,
        kills: false,
        burst: 1_000,
        limit: 240_000,
    }
}

#[test]
fn a_fleet_makes_one_request_a_period_and_its_hits_cost_the_server_nothing() -> Result<(), Box<dyn Error>> {
    let fleet = fleet();
    let outcome = run(&fleet, "one")?;
    check_requests(&fleet, &outcome);
    assert_eq!(outcome.scripts, outcome.commands, "hosts and server count the same");
    let host_periods = fleet.hosts as u64 * fleet.entries * (fleet.periods + 1);
    assert!(outcome.commands <= 6 * host_periods, "{outcome:?}");
    Ok(())
}

#[test]
fn a_host_that_dies_while_it_fetches_costs_its_lease_and_one_request() -> Result<(), Box<dyn Error>> {
    let fleet = Fleet { kills: true, lease: 2_000, ..fleet() };
    let outcome = run(&fleet, "killed")?;
    assert_eq!(outcome.killed, 1);
    assert!(outcome.fetches[0] > fleet.periods + 1, "nobody took its place: {outcome:?}");
    check_requests(&fleet, &outcome);
    Ok(())
}

fn check_requests(fleet: &Fleet, outcome: &Outcome) {
    let needed = fleet.entries * (fleet.periods + 1);
    let expired = outcome.killed + outcome.refused;
    // A machine that stands still for as long as a lease lasts lets it expire: once is bad luck.
    assert!(outcome.refused <= 2, "leases do not last: {outcome:?}");
    let fetches: u64 = outcome.fetches.iter().sum();
    assert!(outcome.fetches.iter().all(|fetches| *fetches > fleet.periods), "{outcome:?}");
    assert!((needed..=needed + expired).contains(&fetches), "{outcome:?}");
    assert!(outcome.at_once <= 1 + outcome.refused, "{outcome:?}");
    assert!(outcome.asks > outcome.asks_in_burst && outcome.asks_in_burst > 0, "{outcome:?}");
    assert_eq!(outcome.scripts_in_burst, 0, "a hit asks the server");
    assert_eq!((outcome.errors, outcome.served_late, outcome.unreachable), (0, 0, 0), "{outcome:?}");
}
