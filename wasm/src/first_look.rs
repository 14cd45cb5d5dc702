//! The one question of a walk that most programs ask: whether the stored token answers, before anything else is loaded.

use azure_token_cache_core::walk::{StoredToken, Terms, Wanted};
use azure_token_cache_core::{Clock, Policy};
use wasm_bindgen::prelude::*;

use crate::numbers::{known, login, whole};

/// [`StoredToken::is_usable`] with numbers: times in milliseconds since the Unix epoch, `age` and `held` NaN where unknown.
#[expect(clippy::too_many_arguments, reason = "numbers cross the border one by one")]
#[wasm_bindgen(js_name = storedIsUsable)]
pub fn stored_is_usable(
    expires_at: f64,
    acquired_at: f64,
    age: f64,
    account: f64,
    session: f64,
    wanted_account: f64,
    wanted_session: f64,
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
    };
    let terms = Terms::of(&Policy { min_validity, scale_short_lives, ..Policy::DEFAULT });
    token.is_usable(&wanted, &terms, Clock::default().sample(0, whole(unix)))
}
