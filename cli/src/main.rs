//! One program of two names: `azure-token-cache`, and as `az` the shim that answers before the real az has to.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

mod ancestors;
mod commands;
mod exit;
mod handover;
mod kept_version;
mod login;
mod obtain;
mod open_store;
mod real_az;
mod record;
mod shim;
mod shim_folder;
#[cfg(unix)]
mod signals;
mod store_trouble;
mod streams;
mod surroundings;
mod zone;

/// The word by which a script that is named az hands its arguments on, where a link cannot be.
const AS_AZ: &str = "az";

fn main() -> ExitCode {
    #[cfg(unix)]
    signals::attend_to_children();
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let mut arguments: Vec<OsString> = words.collect();
    if is_az(&name) {
        return shim::run(&arguments);
    }
    if arguments.first().is_some_and(|first| first == AS_AZ) {
        arguments.remove(0);
        return shim::run(&arguments);
    }
    commands::run(arguments)
}

fn is_az(name: &OsString) -> bool {
    Path::new(name).file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("az"))
}
