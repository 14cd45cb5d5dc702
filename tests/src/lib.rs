//! What the tests that cross parts share: scripts of inputs to the engine, and a generator of random ones.

pub mod random;
pub mod script;
