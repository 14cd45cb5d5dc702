//! What the tests that cross parts share: scripts of inputs to the engine, a generator of random ones, and the simulations:
//! of processes that share a disk, and of a fleet of hosts that share a server.

pub mod fleet;
pub mod random;
pub mod script;
pub mod simulation;
mod splitmix;
