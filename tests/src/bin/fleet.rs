//! Lets a simulated fleet live and prints what it cost: `fleet --seed 7 --hosts 100000 --entries 50`.

use std::process::ExitCode;
use std::time::Instant;

use azure_token_cache_tests::fleet::{Broken, Fleet, Report, Spread, simulate};
use serde_json::{Value, json};

const USAGE: &str =
    "usage: fleet [--seed N] [--like promised|troubled|outage|lockstep] [--broken NAME] [--json yes] [--NAME N]...

  the same seed gives the same lives
  --NAME N  hosts, entries, periods, skew, asked-every, start-within, failing, stalling, slow, cut-off, dying, lease, outage:
            times in milliseconds, shares in millionths";

fn main() -> ExitCode {
    let Some(wish) = Wish::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let began = Instant::now();
    match simulate(&wish.fleet, wish.seed, wish.broken) {
        Ok(report) => {
            let took = began.elapsed().as_secs_f64();
            let facts = facts(&wish.fleet, &report, took);
            if wish.json {
                println!("{facts}");
            } else {
                println!("{facts:#}");
            }
            ExitCode::SUCCESS
        }
        Err(found) => {
            println!("seed {}: {found:?}", wish.seed);
            ExitCode::FAILURE
        }
    }
}

struct Wish {
    seed: u64,
    fleet: Fleet,
    broken: Option<Broken>,
    json: bool,
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut wish = Self { seed: 1, fleet: Fleet::PROMISED, broken: None, json: false };
        while let Some(name) = arguments.next() {
            let value = arguments.next()?;
            let number = || value.parse::<u64>().ok();
            let fleet = &mut wish.fleet;
            match name.as_str() {
                "--seed" => wish.seed = number()?,
                "--like" => *fleet = like(&value)?,
                "--broken" => {
                    wish.broken =
                        Some(Broken::ALL.into_iter().find(|broken| format!("{broken:?}") == value)?);
                }
                "--json" => wish.json = value == "yes",
                "--hosts" => fleet.hosts = value.parse().ok()?,
                "--entries" => fleet.entries = number()?,
                "--periods" => fleet.periods = number()?,
                "--skew" => fleet.skew = value.parse().ok()?,
                "--asked-every" => fleet.asked_every = number()?,
                "--start-within" => fleet.start_within = number()?,
                "--failing" => fleet.failing = number()?,
                "--slow" => fleet.slow = number()?,
                "--stalling" => fleet.stalling = number()?,
                "--cut-off" => fleet.cut_off = number()?,
                "--dying" => fleet.dying = number()?,
                "--lease" => fleet.lease = number()?,
                "--outage" => fleet.outage = number()?,
                _ => return None,
            }
        }
        Some(wish)
    }
}

fn like(name: &str) -> Option<Fleet> {
    match name {
        "promised" => Some(Fleet::PROMISED),
        "troubled" => Some(Fleet::TROUBLED),
        "outage" => Some(Fleet::IN_OUTAGE),
        "lockstep" => Some(Fleet::IN_LOCKSTEP),
        _ => None,
    }
}

fn facts(fleet: &Fleet, report: &Report, took: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    json!({
        "hosts": fleet.hosts,
        "entries": report.entries,
        "seconds": took,
        "periods": report.periods,
        "fetches": report.fetches,
        "fetchesPerPeriod": share(report.fetches, report.periods - report.cut_short),
        "cutShort": report.cut_short,
        "unshared": report.unshared,
        "failed": report.failed,
        "fetchesInOutage": report.fetches_in_outage,
        "leasesExpired": report.leases_expired,
        "slots": report.slots,
        "commands": report.commands,
        "commandsPerHostAndPeriod": share(report.commands, report.host_periods),
        "commandsOfOne": spread(&report.commands_per_period),
        "leaseWaitsMs": spread(&report.lease_waits),
        "callerWaitsMs": spread(&report.caller_waits),
        "asks": report.asks,
        "errors": report.errors,
        "leastLeftMs": report.least_left,
        "busiestTenthAtStart": report.busiest_at_start,
        "busiestTenthLater": report.busiest_later,
        "longestQueueMs": share(report.longest_queue, 1_000),
    })
}

fn spread(spread: &Spread) -> Value {
    json!({
        "count": spread.len(),
        "p50": spread.per_mille(500),
        "p90": spread.per_mille(900),
        "p99": spread.per_mille(990),
        "max": spread.max(),
    })
}
