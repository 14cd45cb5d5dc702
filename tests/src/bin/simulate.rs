//! Plays schedules of the simulation by hand: `simulate --seed 7` tells one, `simulate --from 0 --count 1000000` looks for one.

use std::process::ExitCode;
use std::time::Instant;

use azure_token_cache_tests::simulation::{Broken, Seen, Sight, play, shortest, tell};

const USAGE: &str = "usage: simulate --seed N [--broken NAME]
       simulate --from N --count N [--broken NAME]

  --seed N       tells all events of one schedule
  --from N --count N
                 plays so many schedules, and shows the first that fails, made short
  --broken NAME  a host that does something wrong, such as NoSecondLoad";

fn main() -> ExitCode {
    let Some(wish) = Wish::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match wish.seed {
        Some(seed) => tell_one(seed, wish.broken),
        None => look(wish.from, wish.count, wish.broken),
    }
}

#[derive(Default)]
struct Wish {
    seed: Option<u64>,
    from: u64,
    count: u64,
    broken: Option<Broken>,
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut wish = Self::default();
        while let Some(name) = arguments.next() {
            let value = arguments.next()?;
            match name.as_str() {
                "--seed" => wish.seed = Some(value.parse().ok()?),
                "--from" => wish.from = value.parse().ok()?,
                "--count" => wish.count = value.parse().ok()?,
                "--broken" => {
                    wish.broken =
                        Some(Broken::ALL.into_iter().find(|broken| format!("{broken:?}") == value)?);
                }
                _ => return None,
            }
        }
        (wish.seed.is_some() != (wish.count > 0)).then_some(wish)
    }
}

fn tell_one(seed: u64, broken: Option<Broken>) -> ExitCode {
    let (trace, result) = tell(seed, broken);
    println!("{}", trace.join("\n"));
    match result {
        Ok(()) => println!("seed {seed}: everything holds"),
        Err(violation) => println!("seed {seed}: {violation:?}"),
    }
    ExitCode::from(u8::from(result.is_err()))
}

fn look(from: u64, count: u64, broken: Option<Broken>) -> ExitCode {
    let (began, mut seen) = (Instant::now(), Seen::default());
    for seed in from..from.saturating_add(count) {
        if let Ok(reached) = play(seed, broken) {
            seen.add(&reached);
            continue;
        }
        if let Some(found) = shortest(seed, broken) {
            println!("seed {seed}: {:?}\n{}", found.violation, found.trace.join("\n"));
        }
        return ExitCode::FAILURE;
    }
    for sight in Sight::ALL {
        println!("{:>12} {sight:?}", seen.count(sight));
    }
    println!("{count} schedules in {:.1} s: everything holds", began.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
