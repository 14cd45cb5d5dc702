//! wasm-bindgen over core: the engine with numbers in and out, and the driver that awaits a JavaScript credential.
//!
//! What is exported here is not public. `wasm/ts` wraps it, with types written by hand. In wasm the crate has no std: its
//! allocator and its panics would be a third of the module.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![allow(clippy::must_use_candidate, reason = "JavaScript reads no such attribute")]

extern crate alloc;

#[cfg(feature = "az")]
pub mod az;
mod driver;
mod engine;
#[cfg(feature = "az")]
pub mod identity;
#[cfg(target_arch = "wasm32")]
mod memory;

pub use driver::{Asker, follow};
pub use engine::{Engine, policy_number};
