//! A hundred thousand schedules of processes that share a store, and the proof that the simulation finds what is broken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use azure_token_cache_tests::simulation::{Broken, Counterexample, play};

const SCHEDULES: u64 = 100_000;
/// A broken host is found within this many schedules.
const FEW: u64 = 20_000;

#[test]
fn what_is_always_true_holds_after_every_schedule() {
    if let Some((seed, counterexample)) = first_failure(SCHEDULES, None) {
        panic!("{}", report(seed, &counterexample));
    }
}

#[test]
fn each_broken_host_is_found() {
    let unfound: Vec<Broken> =
        Broken::ALL.into_iter().filter(|broken| first_failure(FEW, Some(*broken)).is_none()).collect();
    assert_eq!(unfound, []);
}

/// The smallest seed below `end` whose schedule fails, give or take what the threads were at.
fn first_failure(end: u64, broken: Option<Broken>) -> Option<(u64, Counterexample)> {
    let (next, found) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end.min(found.load(Ordering::Relaxed)) {
                        return;
                    }
                    if play(seed, broken).is_err() {
                        found.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seed = found.into_inner();
    Some((seed, play(seed, broken).err()?)).filter(|_| seed < end)
}

fn report(seed: u64, counterexample: &Counterexample) -> String {
    format!("seed {seed}: {}\n{}", counterexample.violation, counterexample.trace.join("\n"))
}
