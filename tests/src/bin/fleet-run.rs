//! Runs a fleet of processes on a real Redis server and prints what it cost: `fleet-run --hosts 200 --entries 2`.

use std::error::Error;

use azure_token_cache_tests::redis_fleet::{Fleet, run};
use serde_json::json;

const USAGE: &str = "usage: fleet-run [--NAME N]...

  NAME  hosts, entries, periods, lifetime, fetch, asked-every, lease, skew, burst, limit: times in milliseconds";

fn main() -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe()?.with_file_name("fleet-host");
    let mut fleet = Fleet {
        program,
        hosts: 200,
        entries: 2,
        periods: 3,
        lifetime: 8_000,
        fetch: 300,
        asked_every: 100,
        lease: 10_000,
        skew: 50,
        kills: false,
        burst: 1_000,
        limit: 200_000,
    };
    let mut arguments = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        match name.as_str() {
            "--hosts" => fleet.hosts = value.parse()?,
            "--entries" => fleet.entries = value.parse()?,
            "--periods" => fleet.periods = value.parse()?,
            "--lifetime" => fleet.lifetime = value.parse()?,
            "--fetch" => fleet.fetch = value.parse()?,
            "--asked-every" => fleet.asked_every = value.parse()?,
            "--lease" => fleet.lease = value.parse()?,
            "--skew" => fleet.skew = value.parse()?,
            "--burst" => fleet.burst = value.parse()?,
            "--limit" => fleet.limit = value.parse()?,
            "--kills" => fleet.kills = value == "yes",
            _ => return Err(USAGE.into()),
        }
    }
    let outcome = run(&fleet, "run")?;
    let periods = fleet.entries * (fleet.periods + 1);
    let of_all = |count: u64| -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
        let share = count as f64 / (periods * fleet.hosts as u64) as f64;
        share
    };
    let fetches: u64 = outcome.fetches.iter().sum();
    println!(
        "{}",
        json!({
            "hosts": fleet.hosts,
            "entries": fleet.entries,
            "periods": periods,
            "fetches": fetches,
            "fetchesOfEntries": outcome.fetches,
            "atOnce": outcome.at_once,
            "leasesExpired": outcome.killed + outcome.refused,
            "commands": outcome.commands,
            "scripts": outcome.scripts,
            "commandsPerHostAndPeriod": of_all(outcome.commands),
            "asks": outcome.asks,
            "asksInBurst": outcome.asks_in_burst,
            "scriptsInBurst": outcome.scripts_in_burst,
            "errors": outcome.errors,
            "gaps": outcome.gaps,
            "servedLate": outcome.served_late,
            "unreachable": outcome.unreachable,
            "tokens": outcome.tokens,
            "tookMs": outcome.took,
        })
    );
    Ok(())
}
