//! The engine, numbers in and numbers out: strings cross only where a request is interned or invalidated.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use azure_token_cache_core::engine::{Engine as Core, policy_from_numbers, policy_numbers};
use azure_token_cache_core::{CredentialId, Policy, Request, Selector};
use js_sys::Array;
use wasm_bindgen::prelude::*;

/// The machine that decides. Its codes are documented in `codes.ts`; times are milliseconds.
///
/// Every method takes `&self`: the credential that a driver calls may ask the same engine again from within.
#[wasm_bindgen]
pub struct Engine {
    core: Shared,
}

/// One machine, for the host and for the drivers that report to it. No borrow outlives a call into core.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<Core>>);

impl Shared {
    pub fn core(&self) -> RefMut<'_, Core> {
        self.0.borrow_mut()
    }
}

impl Engine {
    pub(crate) fn shared(&self) -> Shared {
        self.core.clone()
    }
}

/// The numbers of the default policy, in the order that [`Engine::new`] takes.
#[wasm_bindgen(js_name = defaultPolicy)]
#[must_use]
pub fn default_policy() -> Vec<f64> {
    policy_numbers(&Policy::DEFAULT).to_vec()
}

/// The numbers of the policy `"azure-identity"`.
#[wasm_bindgen(js_name = azureIdentityPolicy)]
#[must_use]
pub fn azure_identity_policy() -> Vec<f64> {
    policy_numbers(&Policy::AZURE_IDENTITY).to_vec()
}

#[wasm_bindgen]
impl Engine {
    /// An engine that holds nothing. `undefined` where the policy is not one.
    pub fn create(policy: &[f64], max_entries: f64, seed: f64) -> Option<Engine> {
        let core = Core::new(policy_from_numbers(policy)?, max_entries, seed);
        Some(Self { core: Shared(Rc::new(RefCell::new(core))) })
    }

    pub fn register(&self, kind: u32, fetch_limit: f64) -> u32 {
        self.core.core().register(kind, fetch_limit)
    }

    #[expect(clippy::too_many_arguments, reason = "a request by its parts, and two clocks")]
    pub fn intern(
        &self,
        credential: u32,
        scopes: &Array,
        tenant: Option<String>,
        cae: bool,
        claims: Option<String>,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        let texts = texts(scopes);
        let scopes: Vec<&str> = texts.iter().map(String::as_str).collect();
        let request = Request {
            credential: CredentialId::from_bits(credential),
            scopes: &scopes,
            tenant: tenant.as_deref(),
            cae,
            claims: claims.as_deref(),
        };
        self.core.core().intern(&request, monotonic, unix)
    }

    pub fn lookup(&self, entry: f64, monotonic: f64, unix: f64) -> u32 {
        self.core.core().lookup(entry, monotonic, unix)
    }

    pub fn from(&self) -> f64 {
        self.core.core().from()
    }

    pub fn until(&self) -> f64 {
        self.core.core().until()
    }

    pub fn job(&self) -> u32 {
        self.core.core().job()
    }

    #[wasm_bindgen(js_name = serveAt)]
    pub fn serve_at(&self) -> f64 {
        self.core.core().serve_at()
    }

    pub fn leave(&self, job: u32, monotonic: f64, unix: f64) -> u32 {
        self.core.core().leave(job, monotonic, unix)
    }

    pub fn started(&self, fetch: u32, monotonic: f64, unix: f64) {
        self.core.core().started(fetch, monotonic, unix);
    }

    #[expect(clippy::too_many_arguments, reason = "numbers cross the border one by one")]
    pub fn granted(
        &self,
        fetch: u32,
        expires_at: f64,
        refresh_at: f64,
        issued_at: f64,
        unchanged: bool,
        session: u32,
        stability: u32,
        monotonic: f64,
        unix: f64,
    ) -> u32 {
        self.core.core().granted(
            fetch, expires_at, refresh_at, issued_at, unchanged, session, stability, monotonic, unix,
        )
    }

    pub fn none(&self, fetch: u32, stability: u32, monotonic: f64, unix: f64) -> u32 {
        self.core.core().none(fetch, stability, monotonic, unix)
    }

    pub fn failed(
        &self,
        fetch: u32,
        network: bool,
        retry_after: f64,
        stability: u32,
        monotonic: f64,
        unix: f64,
    ) -> u32 {
        self.core.core().failed(fetch, network, retry_after, stability, monotonic, unix)
    }

    pub fn timeout(&self, monotonic: f64, unix: f64) -> u32 {
        self.core.core().timeout(monotonic, unix)
    }

    #[wasm_bindgen(js_name = settledJob)]
    pub fn settled_job(&self) -> u32 {
        self.core.core().settled_job()
    }

    #[wasm_bindgen(js_name = settledEntry)]
    pub fn settled_entry(&self) -> f64 {
        self.core.core().settled_entry()
    }

    #[wasm_bindgen(js_name = settledBase)]
    pub fn settled_base(&self) -> f64 {
        self.core.core().settled_base()
    }

    #[wasm_bindgen(js_name = settledReason)]
    pub fn settled_reason(&self) -> u32 {
        self.core.core().settled_reason()
    }

    #[wasm_bindgen(js_name = identityChanged)]
    pub fn identity_changed(&self, credential: u32, monotonic: f64, unix: f64) {
        self.core.core().identity_changed(credential, monotonic, unix);
    }

    #[wasm_bindgen(js_name = identityTouched)]
    pub fn identity_touched(&self, credential: u32, session: u32, monotonic: f64, unix: f64) {
        self.core.core().identity_touched(credential, session, monotonic, unix);
    }

    #[wasm_bindgen(js_name = invalidateAll)]
    pub fn invalidate_all(&self, monotonic: f64, unix: f64) -> f64 {
        self.core.core().invalidate(Selector::All, monotonic, unix)
    }

    #[wasm_bindgen(js_name = invalidateCredential)]
    pub fn invalidate_credential(&self, credential: u32, monotonic: f64, unix: f64) -> f64 {
        let credential = CredentialId::from_bits(credential);
        self.core.core().invalidate(Selector::Credential(credential), monotonic, unix)
    }

    #[wasm_bindgen(js_name = invalidateScopes)]
    pub fn invalidate_scopes(&self, credential: u32, scopes: &Array, monotonic: f64, unix: f64) -> f64 {
        let texts = texts(scopes);
        let scopes: Vec<&str> = texts.iter().map(String::as_str).collect();
        let selector = Selector::Scopes(CredentialId::from_bits(credential), &scopes);
        self.core.core().invalidate(selector, monotonic, unix)
    }

    #[expect(clippy::too_many_arguments, reason = "a request by its parts, and two clocks")]
    #[wasm_bindgen(js_name = invalidateRequest)]
    pub fn invalidate_request(
        &self,
        credential: u32,
        scopes: &Array,
        tenant: Option<String>,
        cae: bool,
        claims: Option<String>,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        let texts = texts(scopes);
        let scopes: Vec<&str> = texts.iter().map(String::as_str).collect();
        let request = Request {
            credential: CredentialId::from_bits(credential),
            scopes: &scopes,
            tenant: tenant.as_deref(),
            cae,
            claims: claims.as_deref(),
        };
        self.core.core().invalidate(Selector::Request(request), monotonic, unix)
    }

    pub fn close(&self, monotonic: f64, unix: f64) {
        self.core.core().close(monotonic, unix);
    }

    #[wasm_bindgen(js_name = nextAction)]
    pub fn next_action(&self) -> u32 {
        self.core.core().next_action()
    }

    #[wasm_bindgen(js_name = actionEntry)]
    pub fn action_entry(&self) -> f64 {
        self.core.core().action_entry()
    }

    #[wasm_bindgen(js_name = actionFetch)]
    pub fn action_fetch(&self) -> u32 {
        self.core.core().action_fetch()
    }

    #[wasm_bindgen(js_name = actionJob)]
    pub fn action_job(&self) -> u32 {
        self.core.core().action_job()
    }

    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> f64 {
        self.core.core().next_timeout()
    }

    #[wasm_bindgen(js_name = nextTimeoutReason)]
    pub fn next_timeout_reason(&self) -> u32 {
        self.core.core().next_timeout_reason()
    }

    pub fn explain(&self, entry: f64, monotonic: f64, unix: f64) -> u32 {
        self.core.core().explain(entry, monotonic, unix)
    }

    #[wasm_bindgen(js_name = explainedDue)]
    pub fn explained_due(&self) -> u32 {
        self.core.core().explained_due()
    }

    #[wasm_bindgen(js_name = explainedLeft)]
    pub fn explained_left(&self) -> f64 {
        self.core.core().explained_left()
    }

    #[wasm_bindgen(js_name = explainedGate)]
    pub fn explained_gate(&self) -> f64 {
        self.core.core().explained_gate()
    }

    #[wasm_bindgen(js_name = explainedMemory)]
    pub fn explained_memory(&self) -> f64 {
        self.core.core().explained_memory()
    }

    #[wasm_bindgen(js_name = explainedInFlight)]
    pub fn explained_in_flight(&self) -> bool {
        self.core.core().explained_in_flight()
    }

    #[wasm_bindgen(js_name = entryCount)]
    pub fn entry_count(&self) -> f64 {
        self.core.core().len()
    }
}

/// What is not a string becomes the empty one, which core refuses.
fn texts(scopes: &Array) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_string().unwrap_or_default()).collect()
}
