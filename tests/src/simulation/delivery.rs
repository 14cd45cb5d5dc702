//! What must be true of a token that a caller is given.

use azure_token_cache_core::Instant;

use super::machine::{Machine, Resource, Token};
use super::violation::Violation;

/// How late a token may be served that the wall clock calls valid: the tolerance of the clocks, twice, and their skew.
const CLOCKS_DIFFER: i64 = 6_000;
/// What az promises its callers.
const PROMISED: i64 = 300_000;

/// A caller who asked for this resource has a token.
pub fn deliver(
    token: Option<Token>,
    resource: Resource,
    machine: &Machine,
    now: Instant,
) -> Result<(), Violation> {
    let Some(token) = token else { return Err(Violation::AnswerWithoutToken) };
    if token.expires_at <= now.unix_ms() {
        return Err(Violation::TokenPastExpiry);
    }
    if machine.elapsed > token.ends + CLOCKS_DIFFER {
        return Err(Violation::TokenOutlivedByClock);
    }
    if token.key.user != machine.login.user {
        return Err(Violation::TokenOfAnother);
    }
    if token.key.resource != resource {
        return Err(Violation::TokenForAnother);
    }
    Ok(())
}

/// A caller of a process that lives for one answer has a stored token.
pub fn deliver_once(
    token: Option<Token>,
    resource: Resource,
    machine: &Machine,
    now: Instant,
) -> Result<(), Violation> {
    deliver(token, resource, machine, now)?;
    if token.is_some_and(|token| token.expires_at - now.unix_ms() <= PROMISED) {
        return Err(Violation::TokenTooShort);
    }
    Ok(())
}
