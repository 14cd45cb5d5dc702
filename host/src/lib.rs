//! What needs an operating system: running az, reading who is logged in, the sealed store. It performs actions, it decides nothing.

pub mod az_entry;
pub mod boot;
pub mod run;
pub mod store;
pub mod witness;
