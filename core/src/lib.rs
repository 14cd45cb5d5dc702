//! The decision engine of `azure-token-cache`: hit, refresh behind, wait or fail, from an injected clock.
//!
//! The contract, in five lines. Every input of a [`Cache`] is a method that takes `now` last. After every input, drain
//! [`Cache::poll_action`]. Then read [`Cache::poll_timeout`], and call [`Cache::handle_timeout`] at that time. A decision
//! with a lease stays right inside it, unless an input arrives. The machine holds times, ids and request keys, never a token.
//!
//! ```
//! use azure_token_cache_core::{Action, Cache, Clock, CredentialKind, Decision, Grant, Outcome, Policy, Request, Settled, Stability};
//!
//! let mut clock = Clock::default();
//! let now = clock.sample(0, 1_700_000_000_000);
//! let mut cache = Cache::new(Policy::DEFAULT, 1);
//! let credential = cache.register(CredentialKind::GENERAL);
//! let request = Request { credential, scopes: &["https://vault.azure.net/.default"], tenant: None, cae: false, claims: None };
//! let entry = cache.intern(&request, now)?;
//!
//! // No token: the caller waits for a fetch.
//! let Decision::Wait { job, serve_at: None } = cache.lookup(entry, now) else { unreachable!() };
//! let Some(Action::Fetch { fetch, .. }) = cache.poll_action() else { unreachable!() };
//! let grant = Grant { expires_at: now.unix_ms() + 3_600_000, refresh_at: None, issued_at: None, unchanged: false, session: 0 };
//! let settled = cache.handle_fetched(fetch, Outcome::Granted(grant), Stability::Steady, now);
//! assert_eq!(settled, Settled::Granted { job, entry, base: None });
//!
//! // The next caller has it at once, and for the next 30 s nobody needs to ask.
//! let Decision::Hit { from, until } = cache.lookup(entry, now) else { unreachable!() };
//! assert_eq!(until - from, 30_000);
//! # Ok::<(), azure_token_cache_core::RequestError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects))]
extern crate alloc;

#[cfg(feature = "az")]
pub mod az;
mod cache;
pub mod engine;
mod entry;
mod explain;
pub mod identity;
mod index;
mod job;
mod keys;
mod owners;
pub mod policy;
mod random;
mod request;
mod slots;
pub mod time;
pub mod walk;

pub use cache::{
    Action, Cache, DEFAULT_MAX_ENTRIES, Decision, FailReason, IdentityChange, Outcome, Ownership, Selector,
    Settled, Stability,
};
pub use entry::{DueReason, ExpiryError, Failure, Grant, Zone};
pub use explain::Explanation;
pub use job::{FetchId, JobId, Reason};
pub use owners::{Owner, OwnerId};
pub use policy::Policy;
pub use request::{CredentialId, CredentialKind, KeyedBy, Request, RequestError};
pub use slots::EntryId;
pub use time::{Clock, Instant};
