//! The engine over napi, for the tests that run the same scripts through core, wasm and napi. No shipped addon has it.
#![allow(clippy::too_many_arguments, clippy::needless_pass_by_value)] // What napi hands over is owned, and comes by parts.

use azure_token_cache_core::engine::{Engine as Core, policy_from_numbers, policy_numbers};
use azure_token_cache_core::{CredentialId, Policy, Request, Selector};
use napi_derive::napi;

/// The numbers of the default policy, in the order that `createEngine` takes.
#[napi]
#[must_use]
pub fn default_policy() -> Vec<f64> {
    policy_numbers(&Policy::DEFAULT).to_vec()
}

/// The numbers of the policy `"azure-identity"`.
#[napi]
#[must_use]
pub fn azure_identity_policy() -> Vec<f64> {
    policy_numbers(&Policy::AZURE_IDENTITY).to_vec()
}

/// An engine that holds nothing; `null` where the policy is not one.
#[napi]
#[must_use]
pub fn create_engine(policy: Vec<f64>, max_entries: f64, seed: f64) -> Option<Engine> {
    Some(Engine(Core::new(policy_from_numbers(&policy)?, max_entries, seed)))
}

/// The machine that decides, with the methods and the meaning of the engine over wasm.
#[napi]
#[derive(Debug)]
pub struct Engine(Core);

/// Methods whose arguments and results are numbers and truths.
macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        #[napi]
        impl Engine {
            $(
                /// As the engine of core has it.
                #[napi]
                #[allow(clippy::must_use_candidate, clippy::wrong_self_convention)]
                pub fn $name(&mut self, $($argument: $type),*) -> $result {
                    self.0.$name($($argument),*)
                }
            )*
        }
    };
}

forward! {
    register(kind: u32, fetch_limit: f64) -> u32;
    lookup(entry: f64, monotonic: f64, unix: f64) -> u32;
    from() -> f64;
    until() -> f64;
    job() -> u32;
    serve_at() -> f64;
    leave(job: u32, monotonic: f64, unix: f64) -> u32;
    started(fetch: u32, monotonic: f64, unix: f64) -> ();
    granted(
        fetch: u32,
        expires_at: f64,
        refresh_at: f64,
        issued_at: f64,
        unchanged: bool,
        session: u32,
        stability: u32,
        monotonic: f64,
        unix: f64
    ) -> u32;
    none(fetch: u32, stability: u32, monotonic: f64, unix: f64) -> u32;
    failed(fetch: u32, network: bool, retry_after: f64, stability: u32, monotonic: f64, unix: f64) -> u32;
    timeout(monotonic: f64, unix: f64) -> u32;
    settled_job() -> u32;
    settled_entry() -> f64;
    settled_base() -> f64;
    settled_reason() -> u32;
    identity_changed(credential: u32, monotonic: f64, unix: f64) -> ();
    identity_touched(credential: u32, session: u32, monotonic: f64, unix: f64) -> ();
    close(monotonic: f64, unix: f64) -> ();
    next_action() -> u32;
    action_entry() -> f64;
    action_fetch() -> u32;
    action_job() -> u32;
    next_timeout() -> f64;
    next_timeout_reason() -> u32;
    explain(entry: f64, monotonic: f64, unix: f64) -> u32;
    explained_due() -> u32;
    explained_left() -> f64;
    explained_gate() -> f64;
    explained_memory() -> f64;
    explained_in_flight() -> bool;
}

#[napi]
impl Engine {
    /// The entry of a request, or a refusal.
    #[napi]
    pub fn intern(
        &mut self,
        credential: u32,
        scopes: Vec<String>,
        tenant: Option<String>,
        cae: bool,
        claims: Option<String>,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        let scopes = borrowed(&scopes);
        let request = request(credential, &scopes, tenant.as_deref(), cae, claims.as_deref());
        self.0.intern(&request, monotonic, unix)
    }

    /// Forgets every token.
    #[napi]
    pub fn invalidate_all(&mut self, monotonic: f64, unix: f64) -> f64 {
        self.0.invalidate(Selector::All, monotonic, unix)
    }

    /// Forgets the tokens of a credential.
    #[napi]
    pub fn invalidate_credential(&mut self, credential: u32, monotonic: f64, unix: f64) -> f64 {
        self.0.invalidate(Selector::Credential(CredentialId::from_bits(credential)), monotonic, unix)
    }

    /// Forgets the tokens for a set of scopes.
    #[napi]
    pub fn invalidate_scopes(
        &mut self,
        credential: u32,
        scopes: Vec<String>,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        let scopes = borrowed(&scopes);
        let selector = Selector::Scopes(CredentialId::from_bits(credential), &scopes);
        self.0.invalidate(selector, monotonic, unix)
    }

    /// Forgets the token of one request.
    #[napi]
    pub fn invalidate_request(
        &mut self,
        credential: u32,
        scopes: Vec<String>,
        tenant: Option<String>,
        cae: bool,
        claims: Option<String>,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        let scopes = borrowed(&scopes);
        let request = request(credential, &scopes, tenant.as_deref(), cae, claims.as_deref());
        self.0.invalidate(Selector::Request(request), monotonic, unix)
    }

    /// How many entries there are.
    #[napi]
    #[must_use]
    pub fn entry_count(&self) -> f64 {
        self.0.len()
    }
}

fn request<'a>(
    credential: u32,
    scopes: &'a [&'a str],
    tenant: Option<&'a str>,
    cae: bool,
    claims: Option<&'a str>,
) -> Request<'a> {
    Request { credential: CredentialId::from_bits(credential), scopes, tenant, cae, claims }
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
