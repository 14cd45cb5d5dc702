//! What the caller ignores of the signals that this process needs otherwise: the az that it becomes is to ignore it too.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{SIG_DFL, SIG_IGN, SIGCHLD, SIGPIPE, c_int};

/// What this program sets for itself, and whether the caller ignored it.
static FOUND: [(c_int, AtomicBool); 2] =
    [(SIGCHLD, AtomicBool::new(false)), (SIGPIPE, AtomicBool::new(false))];

/// std ignores SIGPIPE before `main` begins: the loader calls this before that.
#[used]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
static AT_START: extern "C" fn() = look;

/// Where the caller ignores SIGCHLD the system would reap az itself, and nobody could say how it ended.
pub fn attend_to_children() {
    set(SIGCHLD, SIG_DFL);
}

/// In the program that this command starts, signals are as the caller had them.
pub fn leave_as_found(command: &mut Command) {
    let restore = || {
        for (signal, is_ignored) in &FOUND {
            set(*signal, if is_ignored.load(Ordering::Relaxed) { SIG_IGN } else { SIG_DFL });
        }
        io::Result::Ok(())
    };
    // SAFETY: it makes system calls and nothing else.
    unsafe { command.pre_exec(restore) };
}

extern "C" fn look() {
    for (signal, found) in &FOUND {
        found.store(is_ignored(*signal), Ordering::Relaxed);
    }
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
