//! What needs an operating system: running az, reading who is logged in. It performs actions, it decides nothing.

pub mod run;
pub mod witness;
