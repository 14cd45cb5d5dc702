//! The engine: core's doors, exported.

use alloc::string::String;

use azure_token_cache_core::engine::{self, Doors};
use wasm_bindgen::prelude::*;

/// The machine that decides. Its contract stands in core, its names in `engine.ts`.
#[wasm_bindgen]
pub struct Engine(Doors);

/// A number of the default policy, or of `"azure-identity"`, in the order of core's fields; NaN after the last.
#[wasm_bindgen(js_name = policyNumber)]
pub fn policy_number(azure_identity: bool, index: usize) -> f64 {
    engine::policy_number(azure_identity, index)
}

/// Whether a stored token answers, by core's numbers.
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
    engine::stored_is_usable(
        expires_at,
        acquired_at,
        age,
        [account, session],
        [wanted_account, wanted_session],
        held,
        min_validity,
        scale_short_lives,
        unix,
    )
}

#[wasm_bindgen]
impl Engine {
    /// An engine that holds nothing. `undefined` where the policy is not one.
    pub fn create(policy: &[f64], max_entries: f64, seed: f64) -> Option<Engine> {
        Doors::create(policy, max_entries, seed).map(Self)
    }

    /// The hot one.
    pub fn lookup(&mut self, entry: f64, monotonic: f64, unix: f64) -> u32 {
        self.0.lookup(entry, monotonic, unix)
    }

    /// Adds a text to the next request.
    pub fn text(&mut self, text: String) {
        self.0.text(text);
    }

    /// As [`Doors::request`].
    #[expect(clippy::too_many_arguments, reason = "a request by its parts, and two clocks")]
    pub fn request(
        &mut self,
        what: u32,
        credential: u32,
        scopes: usize,
        tenant: bool,
        cae: bool,
        claims: bool,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        self.0.request(what, credential, scopes, tenant, cae, claims, monotonic, unix)
    }

    /// As [`Doors::input`].
    pub fn input(&mut self, input: u32, about: f64, number: f64, monotonic: f64, unix: f64) -> f64 {
        self.0.input(input, about, number, monotonic, unix)
    }

    /// As [`Doors::fetched`].
    #[expect(clippy::too_many_arguments, reason = "numbers cross the border one by one")]
    pub fn fetched(
        &mut self,
        fetch: u32,
        outcome: u32,
        time: f64,
        refresh_at: f64,
        issued_at: f64,
        flag: bool,
        session: u32,
        stability: u32,
        monotonic: f64,
        unix: f64,
    ) -> u32 {
        self.0.fetched(fetch, outcome, time, refresh_at, issued_at, flag, session, stability, monotonic, unix)
    }

    /// As [`Doors::read`].
    pub fn read(&self, what: u32) -> f64 {
        self.0.read(what)
    }
}
