//! The program as others start it: as az, by hand, many at once, and with stand-ins for az that misbehave.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clearing;
mod commands;
mod completions;
mod exit_codes;
mod install;
mod links;
mod logins;
mod logout;
mod looking;
mod passing_through;
mod processes;
mod refusals;
mod remedies;
mod settings;
mod signals;
mod stage;
mod streams;
mod tokens;
mod unrest;
mod vaults;
mod zones;
