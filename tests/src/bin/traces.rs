//! Prints what core makes of scripts, one JSON a line: `traces random SEED COUNT STEPS`, or `traces play` of standard input.

use std::error::Error;
use std::io::{BufRead, BufWriter, Write, stdin, stdout};

use azure_token_cache_tests::{random, script};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = BufWriter::new(stdout().lock());
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["random", seed, count, steps] => {
            let (seed, count, steps): (u64, u64, usize) = (seed.parse()?, count.parse()?, steps.parse()?);
            for seed in seed..seed + count {
                writeln!(out, "{}", random::script(seed, steps)?)?;
            }
        }
        ["play"] => {
            for line in stdin().lock().lines() {
                let played: Value = serde_json::from_str(&line?)?;
                writeln!(out, "{}", json!(script::play(&played)?))?;
            }
        }
        _ => return Err("traces random SEED COUNT STEPS | traces play".into()),
    }
    Ok(())
}
