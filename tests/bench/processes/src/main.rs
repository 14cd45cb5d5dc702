//! Runs programs in turns, and says of each run how long it took and how much memory it had at most.
//!
//! usage: processes WARM-UPS ROUNDS { -- NAME RUNS PROGRAM ARGUMENT... }
//!
//! Every round starts each program RUNS times, and prints `NAME ROUND NANOSECONDS KIBIBYTES` for each of them, separated by tabs.
//! A run is timed from before its start until it has ended and its output is read to the end. The memory has a lower bound:
//! until a child becomes its program it shares this one's memory, which the system counts as its own.

use std::env;
use std::error::Error;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

fn main() -> ExitCode {
    match Plan::of_arguments().and_then(|plan| plan.carry_out()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("processes: {error}");
            ExitCode::FAILURE
        }
    }
}

type Fallible<T> = Result<T, Box<dyn Error>>;

struct Plan {
    warm_ups: usize,
    rounds: usize,
    subjects: Vec<Subject>,
}

struct Subject {
    name: String,
    runs: usize,
    program: String,
    arguments: Vec<String>,
}

struct Run {
    nanoseconds: u128,
    kibibytes: i64,
}

impl Plan {
    fn of_arguments() -> Fallible<Self> {
        let words: Vec<String> = env::args().skip(1).collect();
        let mut groups = words.split(|word| word == "--");
        let [warm_ups, rounds] = groups.next().unwrap_or_default() else {
            return Err("the first two arguments are WARM-UPS and ROUNDS".into());
        };
        Ok(Self {
            warm_ups: warm_ups.parse()?,
            rounds: rounds.parse()?,
            subjects: groups.map(Subject::of_words).collect::<Fallible<_>>()?,
        })
    }

    /// In an order that rotates, so that no program always runs behind the same other one.
    fn carry_out(&self) -> Fallible<()> {
        for round in 0..self.warm_ups + self.rounds {
            for turn in 0..self.subjects.len() {
                let subject = &self.subjects[(turn + round) % self.subjects.len()];
                for _ in 0..subject.runs {
                    let Run { nanoseconds, kibibytes } = subject.run()?;
                    if let Some(counted) = round.checked_sub(self.warm_ups) {
                        println!("{}\t{counted}\t{nanoseconds}\t{kibibytes}", subject.name);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Subject {
    fn of_words(words: &[String]) -> Fallible<Self> {
        let [name, runs, program, arguments @ ..] = words else {
            return Err("after -- come NAME, RUNS and PROGRAM".into());
        };
        Ok(Self {
            name: name.clone(),
            runs: runs.parse()?,
            program: program.clone(),
            arguments: arguments.to_vec(),
        })
    }

    fn run(&self) -> Fallible<Run> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut output = Vec::with_capacity(1 << 14);
        let began = Instant::now();
        let mut child = command.spawn()?;
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_end(&mut output)?;
        }
        let (status, kibibytes) = ended(libc::pid_t::try_from(child.id())?)?;
        let nanoseconds = began.elapsed().as_nanos();
        if status != 0 {
            return Err(format!("{} ended with wait status {status}", self.name).into());
        }
        Ok(Run { nanoseconds, kibibytes })
    }
}

/// Waits for a child; its wait status and its greatest memory.
fn ended(pid: libc::pid_t) -> io::Result<(libc::c_int, i64)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to memory of this call, of the types that the system writes.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    if waited != pid {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroes are a valid `rusage`, and the call has written it.
    let usage = unsafe { usage.assume_init() };
    Ok((status, usage.ru_maxrss))
}
