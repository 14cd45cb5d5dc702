//! What the tests that cross parts share: scripts of inputs to the engine, a generator of random ones, and the simulation
//! of processes that share a store.

pub mod random;
pub mod script;
pub mod simulation;
