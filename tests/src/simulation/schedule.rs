//! One schedule: who comes, who goes on, who dies, and what happens to the machine meanwhile, all by the dice.

use super::broken::Broken;
use super::dice::Dice;
use super::machine::{Machine, Pid};
use super::process::Process;
use super::violation::Violation;

/// Processes that live at once.
const CROWD: usize = 5;
/// Events before everybody is left to finish.
const EVENTS: usize = 160;
/// Events in which everybody must have finished.
const ENOUGH: usize = 20_000;

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

    /// Everybody who is left does what is to be done; nobody comes, dies or changes the clock any more.
    fn finish(&mut self) -> Result<(), Violation> {
        for _ in 0..ENOUGH {
            self.machine.moment += 1;
            if self.perform()? {
                continue;
            }
            if self.processes.iter().all(Process::is_idle) {
                if self.machine.held_locks() > 0 {
                    return Err(Violation::LockLeftBehind);
                }
                return Ok(());
            }
            if !self.wake() {
                return Err(Violation::WaitsForNothing);
            }
        }
        Err(Violation::WaitsForever)
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
        let user = place.and_then(|place| self.process(pid)?.asks_for(place));
        let lanes: Vec<_> = user.map_or_else(Vec::new, |user| {
            self.processes.iter().flat_map(|process| process.fetching_in(user)).collect()
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
        process.perform(place, &lanes, &mut self.machine, &mut self.dice)?;
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
        self.processes[place].ask(&self.machine)
    }

    fn leave(&mut self) -> Result<(), Violation> {
        let Some(place) = self.anybody() else { return Ok(()) };
        self.note(format!("a caller of process {} leaves", self.processes[place].pid));
        self.processes[place].leave(&self.machine)
    }

    fn crash(&mut self) {
        let Some(place) = self.anybody() else { return };
        let process = self.processes.remove(place);
        self.note(format!("process {} dies", process.pid));
        self.machine.end(process.pid);
    }

    fn pass(&mut self) {
        let millis = self.dice.pick(&[1, 40, 250, 5_000, 31_000, 400_000, 3_000_000]);
        self.note(format!("{millis} ms pass"));
        self.machine.pass(millis);
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
            let user = self.machine.login.user;
            self.machine.replace(user, None);
            self.note("the entry is invalidated".into());
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
