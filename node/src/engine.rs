//! The engine over napi: core's doors, for programs that have the addon anyway, and would have to compile wasm first.
//!
//! Wasm answers ten times as fast, but takes milliseconds to start. Whatever panics here is an exception in JavaScript, which
//! then goes on with a new engine.
#![allow(clippy::too_many_arguments)] // What crosses the border comes by parts.

use azure_token_cache_core::engine::{self, Doors};
use napi_derive::napi;

/// A number of the default policy, or of `"azure-identity"`, in the order of core's fields; NaN after the last.
#[napi]
#[must_use]
pub fn policy_number(azure_identity: bool, index: u32) -> f64 {
    engine::policy_number(azure_identity, usize::try_from(index).unwrap_or(usize::MAX))
}

/// An engine that holds nothing; `null` where the policy is not one.
#[napi]
#[must_use]
#[allow(clippy::needless_pass_by_value)]
pub fn create_engine(policy: Vec<f64>, max_entries: f64, seed: f64) -> Option<Engine> {
    Doors::create(&policy, max_entries, seed).map(Engine)
}

/// Whether a stored token answers, by core's numbers.
#[napi]
#[must_use]
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

/// The machine that decides. Its contract stands in core, its names in `wasm/ts/engine.ts`.
#[napi]
#[derive(Debug)]
pub struct Engine(Doors);

#[napi]
impl Engine {
    /// As [`Doors::lookup`].
    #[napi(catch_unwind)]
    pub fn lookup(&mut self, entry: f64, monotonic: f64, unix: f64) -> u32 {
        self.0.lookup(entry, monotonic, unix)
    }

    /// Adds a text to the next request.
    #[napi(catch_unwind)]
    pub fn text(&mut self, text: String) {
        self.0.text(text);
    }

    /// As [`Doors::request`].
    #[napi(catch_unwind)]
    pub fn request(
        &mut self,
        what: u32,
        credential: u32,
        scopes: u32,
        tenant: bool,
        cae: bool,
        claims: bool,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        let scopes = usize::try_from(scopes).unwrap_or(usize::MAX);
        self.0.request(what, credential, scopes, tenant, cae, claims, monotonic, unix)
    }

    /// As [`Doors::input`].
    #[napi(catch_unwind)]
    pub fn input(&mut self, input: u32, about: f64, number: f64, monotonic: f64, unix: f64) -> f64 {
        self.0.input(input, about, number, monotonic, unix)
    }

    /// As [`Doors::fetched`].
    #[napi(catch_unwind)]
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
    #[napi(catch_unwind)]
    #[must_use]
    pub fn read(&self, what: u32) -> f64 {
        self.0.read(what)
    }
}
