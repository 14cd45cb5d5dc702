//! What JavaScript's numbers mean to the walk, and the one question of it that most programs ask.

use crate::policy::Policy;
use crate::time::Clock;
use crate::walk::{Login, StoredToken, Terms, Wanted};

/// A login by its two digests.
#[must_use]
pub fn login(account: f64, session: f64) -> Login {
    Login { account: whole(account).cast_unsigned(), session: whole(session).cast_unsigned() }
}

/// NaN is none.
#[must_use]
pub fn known(number: f64) -> Option<i64> {
    (!number.is_nan()).then(|| whole(number))
}

/// Without its fraction.
#[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates, and turns NaN into 0")]
#[must_use]
pub fn whole(number: f64) -> i64 {
    number as i64
}

/// [`StoredToken::is_usable`] with numbers, before a walk is even loaded: times in milliseconds since the Unix epoch, `age` and
/// `held` NaN where unknown, a login by the digests of its account and its session.
#[expect(clippy::too_many_arguments, reason = "numbers cross the border one by one")]
#[must_use]
pub fn stored_is_usable(
    expires_at: f64,
    acquired_at: f64,
    age: f64,
    [account, session]: [f64; 2],
    [wanted_account, wanted_session]: [f64; 2],
    held: f64,
    min_validity: u32,
    scale_short_lives: bool,
    unix: f64,
) -> bool {
    let token = StoredToken {
        expires_at: whole(expires_at),
        acquired_at: whole(acquired_at),
        age: known(age),
        login: login(account, session),
    };
    let wanted = Wanted {
        login: login(wanted_account, wanted_session),
        held: known(held),
        challenged: false,
        runs: 0,
        behind: false,
    };
    let terms = Terms::of(&Policy { min_validity, scale_short_lives, ..Policy::DEFAULT });
    token.is_usable(&wanted, &terms, Clock::default().sample(0, whole(unix)))
}
