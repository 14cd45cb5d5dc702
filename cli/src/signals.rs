//! What the caller ignores of the signals that this process needs otherwise: the az that it becomes is to ignore it too.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{SIG_DFL, SIG_IGN, SIGCHLD, c_int};

static IGNORES_CHILDREN: AtomicBool = AtomicBool::new(false);

/// Where the caller ignores SIGCHLD the system would reap az itself, and nobody could say how it ended.
pub fn attend_to_children() {
    IGNORES_CHILDREN.store(is_ignored(SIGCHLD), Ordering::Relaxed);
    set(SIGCHLD, SIG_DFL);
}

/// In the program that this command starts, signals are as the caller had them.
pub fn leave_as_found(command: &mut Command) {
    let restore = || {
        if IGNORES_CHILDREN.load(Ordering::Relaxed) {
            set(SIGCHLD, SIG_IGN);
        }
        io::Result::Ok(())
    };
    // SAFETY: it makes system calls and nothing else.
    unsafe { command.pre_exec(restore) };
}

fn is_ignored(signal: c_int) -> bool {
    // SAFETY: zeroes are an action, and nothing but that is written.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0 && action.sa_sigaction == SIG_IGN
    }
}

fn set(signal: c_int, to: libc::sighandler_t) {
    // SAFETY: no handler of anybody's is involved.
    unsafe { libc::signal(signal, to) };
}
