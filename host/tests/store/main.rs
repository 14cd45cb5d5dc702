//! The sealed store on a real file system, with real vaults, and with more than one process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;
mod clearing;
mod copies;
mod damage;
mod deaths;
mod documents;
mod entries;
mod key_records;
mod processes;
mod refusals;
mod stage;
mod tracer;
mod vaults;
mod walker;
