//! One schedule: who comes, who goes on, who dies, and what happens to the machine meanwhile, all by the dice.

use super::broken::Broken;
use super::dice::Dice;
use super::machine::{Key, Machine, Pid};
use super::process::{Process, resource};
use super::sight::{Seen, Sight};
use super::violation::Violation;

/// Processes that live at once.
const CROWD: usize = 5;
/// Events before everybody is left to finish.
const EVENTS: usize = 160;
/// Events in which everybody must have finished.
const ENOUGH: usize = 20_000;
/// Milliseconds in which everybody must have finished: a fetch under an earlier login takes to its limit; then the next run waits to
/// its own, and fetches to it.
const LONG_ENOUGH: i64 = 185_000;
/// A token with so little left, in milliseconds, is served where its renewal fails or takes long.
const NEARLY_OVER: i64 = 15_000;

pub struct Schedule {
    pub dice: Dice,
    /// What happened, an event a line, where that is wanted.
    pub trace: Vec<String>,
    traces: bool,
    machine: Machine,
    processes: Vec<Process>,
    last_pid: Pid,
    clock_is_set: Option<bool>,
}

impl Schedule {
    pub fn new(dice: Dice, broken: Option<Broken>) -> Self {
        Self {
            dice,
            trace: Vec::new(),
            traces: false,
            machine: Machine::new(broken),
            processes: Vec::new(),
            last_pid: 0,
            clock_is_set: None,
        }
    }

    /// The same schedule, which tells what happens.
    pub fn traced(self) -> Self {
        Self { traces: true, ..self }
    }

    pub fn run(&mut self) -> Result<(), Violation> {
        // Now and then so many fetches hang that nobody gets a lock any more.
        if self.dice.once_in(8) {
            self.machine.hangs_once_in = 2;
        }
        for _ in 0..EVENTS {
            if self.dice.is_over() {
                break;
            }
            self.machine.moment += 1;
            self.happen()?;
            self.processes.retain(|process| !process.is_over());
        }
        self.finish()
    }

    /// What it reached.
    pub fn seen(&self) -> &Seen {
        &self.machine.seen
    }

    /// How many there were.
    pub fn events(&self) -> u64 {
        self.machine.moment
    }

    fn happen(&mut self) -> Result<(), Violation> {
        match self.dice.below(100) {
            0..55 => self.perform().map(|_| ()),
            55..62 => self.arrive(),
            62..72 => self.ask(),
            72..82 => {
                self.pass();
                Ok(())
            }
            82..86 => {
                self.wake();
                Ok(())
            }
            86..89 => {
                self.crash();
                Ok(())
            }
            89 => self.leave(),
            90..93 => {
                self.log_in();
                Ok(())
            }
            93..97 => {
                self.change_entries();
                Ok(())
            }
            _ => {
                self.change_clocks();
                Ok(())
            }
        }
    }

    /// Everybody who is left does what is to be done, however many fetches hang; nobody comes, dies or changes the clock any
    /// more. Then those die whose own fetch hangs.
    fn finish(&mut self) -> Result<(), Violation> {
        let end = self.machine.monotonic + LONG_ENOUGH;
        for _ in 0..ENOUGH {
            if self.machine.monotonic > end {
                break;
            }
            self.machine.moment += 1;
            if self.perform()? {
                continue;
            }
            if self.processes.iter().all(|process| process.is_idle() || process.is_stuck()) {
                return self.end_stuck();
            }
            if !self.wake() {
                return Err(Violation::WaitsForNothing);
            }
        }
        Err(Violation::WaitsForever)
    }

    fn end_stuck(&mut self) -> Result<(), Violation> {
        for process in self.processes.iter().filter(|process| process.is_stuck()) {
            self.machine.seen.note(Sight::LeftHanging);
            self.machine.end(process.pid);
        }
        if self.machine.held_locks() > 0 { Err(Violation::LockLeftBehind) } else { Ok(()) }
    }

    /// One step of one process; false where nobody can do anything now.
    fn perform(&mut self) -> Result<bool, Violation> {
        let mut able = Vec::new();
        for process in &mut self.processes {
            process.able(&self.machine, &mut able);
        }
        if able.is_empty() {
            return Ok(false);
        }
        let (pid, place) = self.dice.pick(&able);
        let key = place.and_then(|place| self.process(pid)?.key_of(place));
        let others: Vec<_> = key.map_or_else(Vec::new, |key| {
            self.processes.iter().flat_map(|process| process.held_in(key)).collect()
        });
        if self.traces {
            let what = place.and_then(|place| self.process(pid)?.step_of(place));
            self.note(format!(
                "process {pid}: {}",
                what.map_or("timeout".into(), |step| format!("{step:?}"))
            ));
        }
        let Some(process) = self.processes.iter_mut().find(|process| process.pid == pid) else {
            return Ok(false);
        };
        process.perform(place, &others, &mut self.machine, &mut self.dice)?;
        if place.is_some_and(|place| process.hangs_at(place)) {
            self.note(format!("the fetch of process {pid} hangs"));
        }
        Ok(true)
    }

    fn arrive(&mut self) -> Result<(), Violation> {
        if self.processes.len() >= CROWD {
            return Ok(());
        }
        self.last_pid += 1;
        let resident = self.dice.once_in(3);
        let process = if resident {
            Process::resident(self.last_pid, &self.machine, &mut self.dice)?
        } else {
            Process::once(self.last_pid, &self.machine, &mut self.dice)
        };
        self.note(format!("process {} starts{}", self.last_pid, if resident { ", to stay" } else { "" }));
        self.processes.push(process);
        Ok(())
    }

    fn ask(&mut self) -> Result<(), Violation> {
        let Some(place) = self.anybody() else { return Ok(()) };
        self.note(format!("process {} is asked", self.processes[place].pid));
        self.processes[place].ask(&mut self.machine)
    }

    fn leave(&mut self) -> Result<(), Violation> {
        let Some(place) = self.anybody() else { return Ok(()) };
        self.note(format!("a caller of process {} leaves", self.processes[place].pid));
        self.processes[place].leave(&mut self.machine)
    }

    fn crash(&mut self) {
        let Some(place) = self.anybody() else { return };
        let process = self.processes.remove(place);
        self.note(format!("process {} dies", process.pid));
        process.die(&mut self.machine);
    }

    fn pass(&mut self) {
        let left = self.until_nearly_over();
        let millis = self.dice.pick(&[1, 40, 250, 5_000, 31_000, 400_000, 3_000_000, left, left]);
        self.note(format!("{millis} ms pass"));
        self.machine.pass(millis);
    }

    /// How long the token still lasts that somebody holds, but for a little.
    fn until_nearly_over(&mut self) -> i64 {
        let place = self.anybody();
        let held = place.and_then(|place| self.processes[place].held());
        held.map_or(1, |token| (token.ends - self.machine.elapsed - NEARLY_OVER).max(1))
    }

    /// Time passes until the next process wants to be woken.
    fn wake(&mut self) -> bool {
        let Some(at) = self.processes.iter().filter_map(Process::wakes_at).min() else { return false };
        let millis = at - self.machine.monotonic;
        if millis <= 0 {
            return false;
        }
        self.note(format!("{millis} ms pass"));
        self.machine.pass(millis);
        true
    }

    fn log_in(&mut self) {
        match self.dice.below(3) {
            0 => self.machine.touch_account(),
            user => self.machine.log_in(u8::from(user == 1)),
        }
        self.note(format!("the login is {:?}", self.machine.login));
    }

    fn change_entries(&mut self) {
        if self.machine.is_saving() {
            return;
        }
        if self.dice.once_in(3) {
            self.machine.clear();
            self.note("the store is cleared".into());
        } else {
            let key = Key { user: self.machine.login.user, resource: resource(&mut self.dice) };
            self.machine.invalidate(key);
            self.note(format!("the entry of {key:?} is invalidated"));
        }
    }

    fn change_clocks(&mut self) {
        let millis = self.dice.pick(&[1_000, 50_000, 600_000, 3_500_000]);
        // A clock that is set back by as much as the machine slept shows nothing: one kind of change in a schedule.
        if *self.clock_is_set.get_or_insert(self.dice.once_in(2)) {
            self.machine.set_back(millis);
            self.note(format!("the clock is set back by {millis} ms"));
        } else {
            self.machine.sleep(millis);
            self.note(format!("the machine sleeps for {millis} ms"));
        }
    }

    fn anybody(&mut self) -> Option<usize> {
        let count = self.processes.len();
        (count > 0).then(|| self.dice.below(count))
    }

    fn process(&self, pid: Pid) -> Option<&Process> {
        self.processes.iter().find(|process| process.pid == pid)
    }

    fn note(&mut self, event: String) {
        if self.traces {
            self.trace.push(event);
        }
    }
}
