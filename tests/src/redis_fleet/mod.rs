//! A fleet of real processes on one real Redis server: starts it, its source of tokens and its hosts, and counts.

mod commands;
mod fleet;
mod member;
mod server;
mod source;

pub use fleet::{Fleet, Outcome, Trouble, run};
pub use member::{Member, be_member};
