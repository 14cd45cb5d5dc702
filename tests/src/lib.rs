//! What the tests that cross parts share: scripts of inputs to the engine, a generator of random ones, and the simulations:
//! of processes that share a disk, and of a fleet of hosts that share a server; and such a fleet for real.

pub mod fleet;
mod given;
pub mod random;
pub mod redis_fleet;
pub mod script;
pub mod simulation;
mod splitmix;
