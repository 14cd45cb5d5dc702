//! wasm-bindgen over core: the engine with numbers in and out, and the driver that awaits a JavaScript credential.
//!
//! What is exported here is not public. `wasm/ts` wraps it, with types written by hand.
#![allow(missing_docs, reason = "a method that forwards to core has core's contract; its types stand in engine.ts")]
#![allow(clippy::must_use_candidate, reason = "JavaScript reads no such attribute")]

#[cfg(feature = "az")]
pub mod az;
#[cfg(feature = "az")]
pub mod identity;
mod driver;
mod engine;
mod failure;

pub use driver::{Driver, Host};
pub use engine::{Engine, azure_identity_policy, default_policy};
