//! The rules of the decision table and of the cache around it, one test a rule, each with worked times.

#![expect(clippy::expect_used, clippy::panic, reason = "what a stage cannot do, its test must not ask for")]

mod aborts;
mod claims;
mod identity_changes;
mod keys;
mod memory;
mod owners;
mod repeats;
mod retries;
mod stage;
mod table;
mod time_jumps;
mod waits;
