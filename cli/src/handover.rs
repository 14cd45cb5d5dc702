//! The real az with all that this process was given, its arguments, environment, folder, streams and signals: in this
//! process's place, or below it where something is to be done around it.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::exit::{SHELL_CANNOT_EXECUTE, SHELL_NOT_FOUND};
use crate::real_az::{NoAz, RealAz};
use crate::streams::say;
use crate::surroundings::BYPASS;

#[cfg(unix)]
#[path = "handover/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "handover/windows.rs"]
mod platform;

/// Starts the real az in this process's place. Returns only if that is not possible.
pub fn become_az(arguments: &[OsString]) -> ExitCode {
    let az = match RealAz::find() {
        Ok(az) => az,
        Err(none) => {
            say(format_args!("az: {none}"));
            let is_missing = matches!(none, NoAz::Nowhere);
            return ExitCode::from(if is_missing { SHELL_NOT_FOUND } else { SHELL_CANNOT_EXECUTE });
        }
    };
    let error = match platform::replace_by(command(&az, arguments)) {
        Ok(code) => return code,
        Err(error) => error,
    };
    say(format_args!("az: {} could not be started: {error}", az.path.display()));
    ExitCode::from(SHELL_CANNOT_EXECUTE)
}

/// Runs the real az below this process, with `around` before and after, and ends as az has ended. `None` where az could not
/// be started.
pub fn run_az(arguments: &[OsString], around: impl Fn()) -> Option<ExitCode> {
    let az = RealAz::find().ok()?;
    platform::run(command(&az, arguments), around).ok()
}

fn command(az: &RealAz, arguments: &[OsString]) -> Command {
    let mut command = Command::new(&az.path);
    let (name, started) = az.variable();
    command.args(arguments).env(name, started).env(BYPASS, "1");
    command
}
