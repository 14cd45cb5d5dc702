//! The exit codes of `azure-token-cache`. The shim's are az's.

/// What there was to do is done.
pub const DONE: u8 = 0;
/// It failed, and the error says why.
pub const FAILED: u8 = 1;
/// The command line is not understood.
pub const USAGE: u8 = 2;
/// Nobody is logged in to az, or a new login is needed.
pub const LOGIN_NEEDED: u8 = 3;
/// There is no az that could be run.
pub const NO_AZ: u8 = 4;
/// The store cannot be used.
pub const NO_STORE: u8 = 5;

/// POSIX shells' code for a command that is there and cannot be executed.
pub const SHELL_CANNOT_EXECUTE: u8 = 126;
/// POSIX shells' code for a command that is not there.
pub const SHELL_NOT_FOUND: u8 = 127;
/// POSIX shells' code for a command that a signal ended is this and the signal's number.
#[cfg(unix)]
pub const SHELL_SIGNALLED: u8 = 128;
