//! What the tests of more than one crate need of the system around them: other users, small disks, a desktop's keyring.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "only tests use it, and a test that cannot be set up has failed")]

pub mod desktop;
pub mod keyring;
pub mod mounts;
pub mod users;
