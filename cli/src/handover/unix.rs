//! az below this process in the same process group: what the terminal sends reaches both, what is sent to this process alone
//! is passed on, and this process ends as az has ended.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use libc::{c_int, c_void, siginfo_t};
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction};
use rustix::process::{Pid, Resource, Rlimit, WaitId, WaitIdOptions, setrlimit, waitid};

use crate::exit::{FAILED, SHELL_SIGNALLED};
use crate::signals::leave_as_found;

/// What callers end a program with.
const PASSED_ON: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// The process that signals are passed on to, while it is there and has not been reaped.
static AZ: AtomicI32 = AtomicI32::new(0);
/// Whether what arrives was sent before az was there.
static LATE: AtomicBool = AtomicBool::new(false);

pub fn replace_by(mut command: Command) -> io::Result<ExitCode> {
    leave_as_found(&mut command);
    Err(command.exec())
}

/// Fails only where az could not be started; this process is then as it was.
pub fn run(mut command: Command, around: impl Fn()) -> io::Result<ExitCode> {
    // First, so that no thread that starts meanwhile takes a signal.
    let relay = Relay::hold()?;
    around();
    relay.let_go_in(&mut command);
    leave_as_found(&mut command);
    let mut child = command.spawn().inspect_err(|_| restore(&relay.mask, &relay.actions))?;
    relay.open(&child);
    wait_without_reaping(&child);
    stop_passing_on();
    let ended = child.wait();
    around();
    Ok(ended.map_or(ExitCode::from(FAILED), end_as))
}

/// The signals that are passed on, held back while there is no az to have them.
struct Relay {
    mask: SigSet,
    actions: Vec<(Signal, SigAction)>,
}

impl Relay {
    /// What the caller ignores stays ignored, for az too.
    fn hold() -> io::Result<Self> {
        let mask = held().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let mut relay = Self { mask, actions: Vec::new() };
        let flags = SaFlags::SA_SIGINFO | SaFlags::SA_RESTART;
        let passing = SigAction::new(SigHandler::SigAction(pass_on), flags, SigSet::empty());
        for signal in PASSED_ON {
            let before = act(signal, &passing)?;
            if matches!(before.handler(), SigHandler::SigIgn) {
                act(signal, &before)?;
            } else {
                relay.actions.push((signal, before));
            }
        }
        Ok(relay)
    }

    /// What comes before the new process is az ends it as it would az.
    fn let_go_in(&self, command: &mut Command) {
        let (mask, actions, parent) = (self.mask, self.actions.clone(), std::process::id());
        let let_go = move || {
            die_with(parent)?;
            restore(&mask, &actions);
            Ok(())
        };
        // SAFETY: it makes system calls and nothing else.
        unsafe { command.pre_exec(let_go) };
    }

    fn open(&self, child: &Child) {
        AZ.store(child.id().cast_signed(), Ordering::Relaxed);
        LATE.store(true, Ordering::Relaxed);
        let _ = self.mask.thread_set_mask();
        LATE.store(false, Ordering::Relaxed);
    }
}

/// For good: what comes now would have come too late for az.
fn stop_passing_on() {
    let _ = held().thread_block();
    AZ.store(0, Ordering::Relaxed);
}

fn held() -> SigSet {
    SigSet::from_iter(PASSED_ON)
}

fn act(signal: Signal, action: &SigAction) -> nix::Result<SigAction> {
    // SAFETY: the one handler of this file does what handlers may do, and every other action was there before.
    unsafe { sigaction(signal, action) }
}

fn restore(mask: &SigSet, actions: &[(Signal, SigAction)]) {
    for (signal, before) in actions {
        let _ = act(*signal, before);
    }
    let _ = mask.thread_set_mask();
}

extern "C" fn pass_on(signal: c_int, origin: *mut siginfo_t, _context: *mut c_void) {
    let az = AZ.load(Ordering::Relaxed);
    if az == 0 || is_told_by_terminal(signal, origin) {
        return;
    }
    let interrupted = Errno::last_raw();
    // SAFETY: it has not been reaped, so that no other process has its id.
    unsafe { libc::kill(az, signal) };
    Errno::set_raw(interrupted);
}

/// A key press goes to the whole group, unless az was not in it yet. A hangup may be told to the first process alone.
fn is_told_by_terminal(signal: c_int, origin: *mut siginfo_t) -> bool {
    let is_key = [libc::SIGINT, libc::SIGQUIT].contains(&signal) && !LATE.load(Ordering::Relaxed);
    // SAFETY: the system hands every such handler what it knows of the signal.
    is_key && unsafe { origin.as_ref() }.is_some_and(is_by_system)
}

#[cfg(target_os = "linux")]
fn is_by_system(origin: &siginfo_t) -> bool {
    origin.si_code == libc::SI_KERNEL
}

#[cfg(not(target_os = "linux"))]
fn is_by_system(origin: &siginfo_t) -> bool {
    origin.si_pid == 0
}

/// Whoever kills this process wants az dead.
#[cfg(target_os = "linux")]
fn die_with(parent: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let is_there = rustix::process::getppid().is_some_and(|now| now.as_raw_pid().cast_unsigned() == parent);
    if is_there { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
}

/// Other systems have no such bond.
#[cfg(not(target_os = "linux"))]
fn die_with(_parent: u32) -> io::Result<()> {
    Ok(())
}

/// Until it is reaped no other process can have its id.
fn wait_without_reaping(child: &Child) {
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(Pid::from_child(child)), ended) {}
}

fn end_as(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        die_by(signal);
        return ExitCode::from(SHELL_SIGNALLED.wrapping_add(signal.to_le_bytes()[0]));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(FAILED))
}

/// Comes back where the signal ends nobody. az has left a core dump, if one was wanted.
fn die_by(signal: c_int) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // SAFETY: signals are set to what they do by default, and sent to this process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut mask = std::mem::zeroed();
        libc::sigemptyset(&raw mut mask);
        libc::sigaddset(&raw mut mask, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const mask, std::ptr::null_mut());
        libc::raise(signal);
    }
}
