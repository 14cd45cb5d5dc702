//! wasm-bindgen over core: the engine with numbers in and out, and the driver that awaits a JavaScript credential.
//!
//! Three modules come of it, one a feature, so that nobody loads what it does not use: `engine` (the machine and its
//! driver), `az` (its functions and the login watch), `store` (the walk across processes). What is exported is not public. `wasm/ts`
//! wraps it, with types written by hand. In wasm the crate has no std: its allocator and its panics would be a third of each.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![allow(clippy::must_use_candidate, reason = "JavaScript reads no such attribute")]

extern crate alloc;

#[cfg(feature = "az")]
pub mod az;
#[cfg(feature = "engine")]
mod driver;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "az")]
pub mod identity;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(feature = "store")]
pub mod walk;

#[cfg(feature = "engine")]
pub use driver::{Asker, follow};
#[cfg(feature = "engine")]
pub use engine::{Engine, policy_number, stored_is_usable};
