//! What is known about `az`, as pure functions: its arguments, its output, its account files. No process, no file, no clock.
//!
//! ```text
//! args::token_arguments   what to start az with            args::key      what az honours of a request
//! output::parse_token     what az printed, as a token      account::parse who az is logged in as
//! token_claims::readable  what a token says about itself   local_time     az's zoneless times
//! command::parse          what a command line asks of az   answer::token  what az would print
//! ```
//!
//! The host brings every input: the bytes az printed and how it ended, the bytes of its files, the environment that az is
//! given, the time, and the local time zone. A token passes through [`output::AzToken`] and shows in nothing else: text
//! from az reaches an error only as a [`scrub::Excerpt`].
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

pub mod account;
pub mod answer;
pub mod args;
mod base64;
pub mod command;
pub mod error;
mod ini;
pub mod local_time;
pub mod output;
pub mod scrub;
pub mod token_claims;
