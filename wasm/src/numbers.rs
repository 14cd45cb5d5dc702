//! What JavaScript's numbers mean to core.

use azure_token_cache_core::walk::Login;

/// A login by its two digests.
pub fn login(account: f64, session: f64) -> Login {
    Login { account: whole(account).cast_unsigned(), session: whole(session).cast_unsigned() }
}

/// NaN is none.
pub fn known(number: f64) -> Option<i64> {
    (!number.is_nan()).then(|| whole(number))
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates, and turns NaN into 0")]
pub fn whole(number: f64) -> i64 {
    number as i64
}
