//! Processes that share a store, each with the real core, over one simulated disk, lock table and login: whatever order
//! things happen in, and whoever dies in between, what is always true stays true.
//!
//! They are processes of one machine: it sleeps, and its clock is set back, for all of them at once. What each reads as the
//! time differs from it by less than a second, and always by the same.

mod broken;
mod delivery;
mod dice;
mod machine;
mod process;
mod resident;
mod schedule;
mod shorten;
mod sight;
mod violation;
mod walker;

pub use broken::Broken;
pub use sight::{Seen, Sight};
pub use violation::Violation;

use dice::Dice;
use schedule::Schedule;
use shorten::Shortening;

/// A schedule after which something did not hold, made short.
#[derive(Debug)]
pub struct Counterexample {
    /// What did not hold.
    pub violation: Violation,
    /// How many choices of the dice led there.
    pub drawn: usize,
    /// The fewest that were found to lead to the same.
    pub choices: Vec<u32>,
    /// What they let happen, an event a line.
    pub trace: Vec<String>,
}

/// Plays the schedule of a seed, and tells what it reached.
///
/// # Errors
/// What did not hold.
pub fn play(seed: u64, broken: Option<Broken>) -> Result<Seen, Violation> {
    let mut schedule = Schedule::new(Dice::seeded(seed), broken);
    schedule.run()?;
    Ok(schedule.seen().clone())
}

/// Plays the schedule of a seed, and tells all its events, an event a line.
///
/// # Errors
/// As [`play`].
pub fn tell(seed: u64, broken: Option<Broken>) -> (Vec<String>, Result<(), Violation>) {
    let mut schedule = Schedule::new(Dice::seeded(seed), broken).traced();
    let result = schedule.run();
    (schedule.trace, result)
}

/// The schedule of a seed, made short; `None` where everything holds.
#[must_use]
pub fn shortest(seed: u64, broken: Option<Broken>) -> Option<Counterexample> {
    let mut whole = Schedule::new(Dice::seeded(seed), broken);
    let violation = whole.run().err()?;
    let drawn = whole.dice.drawn.len();
    let choices =
        Shortening { events: whole.events(), choices: whole.dice.drawn, violation, broken }.finish();
    let mut again = Schedule::new(Dice::replaying(choices.clone()), broken).traced();
    let repeated = again.run() == Err(violation);
    let violation = if repeated { violation } else { Violation::NotRepeated };
    Some(Counterexample { violation, drawn, choices, trace: again.trace })
}
