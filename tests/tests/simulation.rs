//! A hundred thousand schedules of processes that share a store, and the proof that the simulation finds what is broken.

use std::io::{self, Write};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use azure_token_cache_tests::simulation::{Broken, Seen, Sight, Violation, play, shortest, tell};

const SCHEDULES: u64 = 100_000;
/// A broken host is found within this many schedules.
const FEW: u64 = 20_000;

#[test]
fn what_is_always_true_holds_after_every_schedule() {
    let began = Instant::now();
    let (failed, seen) = play_all(SCHEDULES);
    let took = began.elapsed().as_secs_f64();
    // Past what holds back the output of a test that passes: how long it takes is to be seen.
    writeln!(io::stderr(), "{SCHEDULES} schedules in {took:.1} s").unwrap();
    if let Some(seed) = failed {
        let found = shortest(seed, None).unwrap();
        panic!("seed {seed}: {:?}\n{}", found.violation, found.trace.join("\n"));
    }
    let unseen: Vec<Sight> = Sight::ALL.into_iter().filter(|sight| seen.count(*sight) == 0).collect();
    assert_eq!(unseen, [], "no schedule reached it");
}

#[test]
fn each_broken_host_is_found_by_what_comes_of_it() {
    for (broken, violation) in ways_to_fail() {
        assert!(seed_of(broken, violation).is_some(), "{broken:?} does not show as {violation:?}");
    }
}

#[test]
fn a_failing_schedule_is_made_short_and_fails_as_before() {
    let (mut drawn, mut kept) = (0, 0);
    for (broken, violation) in ways_to_fail() {
        let seed = seed_of(broken, violation).unwrap();
        let found = shortest(seed, Some(broken)).unwrap();
        assert_eq!(found.violation, violation, "{broken:?}");
        assert!(!found.choices.is_empty() && !found.trace.is_empty(), "{broken:?}: {found:?}");
        assert!(found.choices.len() < found.drawn, "{broken:?}: {found:?}");
        let (whole, _) = tell(seed, Some(broken));
        assert!(found.trace.len() < whole.len(), "{broken:?}: {found:?}");
        drawn += found.drawn;
        kept += found.choices.len();
    }
    assert!(kept * 4 < drawn, "{kept} of {drawn} choices are left");
}

#[test]
fn a_seed_that_fails_fails_again_in_the_same_way() {
    for (broken, violation) in ways_to_fail() {
        let seed = seed_of(broken, violation).unwrap();
        let (trace, result) = tell(seed, Some(broken));
        assert_eq!(result, Err(violation), "{broken:?}");
        assert_eq!((trace, result), tell(seed, Some(broken)), "{broken:?}");
    }
}

#[test]
fn the_program_tells_of_the_seed_that_it_found() {
    let (broken, violation) = (Broken::SaveWithoutCompare, Violation::OlderReplacesNewer);
    let seed = seed_of(broken, violation).unwrap();
    let verdict = format!("seed {seed}: {violation:?}");
    let (from, name) = (seed.to_string(), format!("{broken:?}"));

    let (code, found) = simulate(&["--from", &from, "--count", "1", "--broken", &name]).unwrap();
    assert_eq!(code, Some(1), "{found}");
    assert!(found.starts_with(&format!("{verdict}\n")), "{found}");

    let (trace, _) = tell(seed, Some(broken));
    let told = simulate(&["--seed", &from, "--broken", &name]).unwrap();
    assert_eq!(told, (Some(1), format!("{}\n{verdict}\n", trace.join("\n"))));
}

/// The exit code of the program, and what it prints.
fn simulate(arguments: &[&str]) -> io::Result<(Option<i32>, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_simulate")).args(arguments).output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn ways_to_fail() -> impl Iterator<Item = (Broken, Violation)> {
    Broken::ALL.into_iter().flat_map(|broken| broken.shows_as().iter().map(move |shows| (broken, *shows)))
}

fn seed_of(broken: Broken, violation: Violation) -> Option<u64> {
    (0..FEW).find(|seed| play(*seed, Some(broken)) == Err(violation))
}

/// The smallest seed below `end` whose schedule fails, give or take what the threads were at; and what the others reached.
fn play_all(end: u64) -> (Option<u64>, Seen) {
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let all = Mutex::new(Seen::default());
    let play_some = || {
        let mut these = Seen::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end.min(failed.load(Ordering::Relaxed)) {
                break;
            }
            match play(seed, None) {
                Ok(reached) => these.add(&reached),
                Err(_) => {
                    failed.fetch_min(seed, Ordering::Relaxed);
                }
            }
        }
        if let Ok(mut all) = all.lock() {
            all.add(&these);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(play_some);
        }
    });
    (Some(failed.into_inner()).filter(|seed| *seed < end), all.into_inner().unwrap_or_default())
}
