//! Stops a thread of another process before each system call with which it changes what others see.

use std::fs;

use nix::libc::{
    PTRACE_SYSCALL_INFO_ENTRY, SYS_clock_nanosleep, SYS_close, SYS_fcntl, SYS_ftruncate, SYS_mkdirat,
    SYS_openat, SYS_renameat, SYS_unlinkat, SYS_utimensat, SYS_write, c_long,
};
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Opening makes files, closing frees locks, and whoever sleeps must not be missed; calls that only look are left out.
const CHANGES: [(c_long, &str); 10] = [
    (SYS_clock_nanosleep, "sleep"),
    (SYS_close, "close"),
    (SYS_fcntl, "fcntl"),
    (SYS_ftruncate, "ftruncate"),
    (SYS_mkdirat, "mkdirat"),
    (SYS_openat, "openat"),
    (SYS_renameat, "renameat"),
    (SYS_unlinkat, "unlinkat"),
    (SYS_utimensat, "utimensat"),
    (SYS_write, "write"),
];
const STANDARD_OUTPUT: &str = "0x1 ";

/// A thread that is traced. It ends when the test's process ends.
#[derive(Debug)]
pub struct Thread(Pid);

impl Thread {
    /// Stops it, at a call that waits for something.
    pub fn stop(thread: i32) -> Self {
        let thread = Self(Pid::from_raw(thread));
        ptrace::seize(thread.0, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD).unwrap();
        ptrace::interrupt(thread.0).unwrap();
        thread.wait();
        thread
    }

    /// Lets it go on until it is about to change something: by which call; `None`: it is about to write to standard output.
    pub fn next_change(&self) -> Option<&'static str> {
        loop {
            self.go_to_call();
            let call = fs::read_to_string(format!("/proc/{}/syscall", self.0)).unwrap();
            let (number, arguments) = call.split_once(' ').unwrap();
            let number: c_long = number.parse().unwrap();
            if number == SYS_write && arguments.starts_with(STANDARD_OUTPUT) {
                return None;
            }
            if let Some((_, name)) = CHANGES.iter().find(|(change, _)| *change == number) {
                return Some(name);
            }
        }
    }

    /// Takes note of its end: until then its process does not end either.
    pub fn reap(self) {
        while !matches!(self.wait(), WaitStatus::Signaled(..) | WaitStatus::Exited(..)) {}
    }

    /// To the beginning of its next call.
    fn go_to_call(&self) {
        loop {
            ptrace::syscall(self.0, None).unwrap();
            assert!(matches!(self.wait(), WaitStatus::PtraceSyscall(_)));
            if ptrace::syscall_info(self.0).unwrap().op == PTRACE_SYSCALL_INFO_ENTRY {
                return;
            }
        }
    }

    fn wait(&self) -> WaitStatus {
        waitpid(self.0, Some(WaitPidFlag::__WALL)).unwrap()
    }
}
