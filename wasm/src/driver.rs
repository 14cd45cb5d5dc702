//! The cold path: performs what the engine asks for, and awaits the JavaScript credential.

use azure_token_cache_core::engine::action;
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::engine::{Engine, Shared};

#[wasm_bindgen]
extern "C" {
    /// The TypeScript that holds tokens, callers and clocks. None of its methods throws.
    pub type Host;

    /// Calls the credential. A credential that throws at once rejects the promise.
    #[wasm_bindgen(method)]
    fn begin(this: &Host, fetch: u32, job: u32, entry: f64) -> Promise;
    #[wasm_bindgen(method)]
    fn abort(this: &Host, fetch: u32);
    #[wasm_bindgen(method)]
    fn lapse(this: &Host, entry: f64);
    #[wasm_bindgen(method)]
    fn forget(this: &Host, entry: f64);
    /// Every action is performed: the timer may have to move.
    #[wasm_bindgen(method)]
    fn drained(this: &Host);

    /// How steady the login was during a run, as one of core's codes.
    #[wasm_bindgen(method)]
    fn stability(this: &Host, fetch: u32) -> u32;
    #[wasm_bindgen(method)]
    fn session(this: &Host, fetch: u32) -> u32;
    /// The token that is held for the entry of a run, or undefined.
    #[wasm_bindgen(method, js_name = heldToken)]
    fn held_token(this: &Host, fetch: u32) -> JsValue;
    /// When a token says that it was issued, in Unix milliseconds; NaN where it cannot be read.
    #[wasm_bindgen(method, js_name = issuedAt)]
    fn issued_at(this: &Host, token: &JsValue) -> f64;
    /// Whether an error is the network's, not the credential's.
    #[wasm_bindgen(method, js_name = isNetwork)]
    fn is_network(this: &Host, error: &JsValue) -> bool;
    /// The pause that an error asks for, in milliseconds; NaN where it asks for none.
    #[wasm_bindgen(method, js_name = retryAfter)]
    fn retry_after(this: &Host, error: &JsValue) -> f64;
    /// The error for a result that is no token.
    #[wasm_bindgen(method, js_name = notAToken)]
    fn not_a_token(this: &Host) -> JsValue;
    #[wasm_bindgen(method, js_name = monotonicMillis)]
    fn monotonic_millis(this: &Host) -> f64;
    #[wasm_bindgen(method, js_name = unixMillis)]
    fn unix_millis(this: &Host) -> f64;

    /// A run has ended with `result`, and the machine has settled the job as `code` says: its getters tell the rest.
    #[wasm_bindgen(method)]
    fn ended(this: &Host, fetch: u32, code: u32, failed: bool, result: &JsValue);
}

/// Runs credentials for one engine. It holds the host only while a run is under way: no collector sees a circle that
/// leads through this memory.
#[wasm_bindgen]
pub struct Driver {
    core: Shared,
}

#[wasm_bindgen]
impl Driver {
    /// A driver of `engine`.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self { core: engine.shared() }
    }

    /// Has `host` perform every action that waits. To be called after every input of the engine.
    pub fn drain(&self, host: &Host) {
        drain(&self.core, host);
    }
}

fn drain(core: &Shared, host: &Host) {
    loop {
        let order = core.core().next_action();
        let (entry, fetch, job) = {
            let core = core.core();
            (core.action_entry(), core.action_fetch(), core.action_job())
        };
        match order {
            action::FETCH => {
                spawn_local(follow(core.clone(), clone(host), fetch, host.begin(fetch, job, entry)));
            }
            action::ABORT => host.abort(fetch),
            action::LAPSE => host.lapse(entry),
            action::FORGET => host.forget(entry),
            _ => break,
        }
    }
    host.drained();
}

/// Awaits one run of the credential, and reports it.
async fn follow(core: Shared, host: Host, fetch: u32, answer: Promise) {
    let mut result = JsFuture::from(answer).await;
    let stability = host.stability(fetch);
    let token = result.as_ref().map_or(JsValue::UNDEFINED, |value| field(value, "token"));
    let is_text = token.is_string() && token.is_truthy();
    if result.as_ref().is_ok_and(|value| !is_nothing(value)) && !is_text {
        result = Err(host.not_a_token());
    }
    let failed = result.is_err();
    let (settled, value) = match result {
        Ok(value) if is_nothing(&value) => {
            let (monotonic, unix) = clocks(&host);
            (core.core().none(fetch, stability, monotonic, unix), value)
        }
        Ok(value) => (grant(&core, &host, fetch, stability, &value, &token), value),
        Err(error) => {
            let (monotonic, unix) = clocks(&host);
            let (network, retry_after) = (host.is_network(&error), host.retry_after(&error));
            (core.core().failed(fetch, network, retry_after, stability, monotonic, unix), error)
        }
    };
    host.ended(fetch, settled, failed, &value);
    drain(&core, &host);
}

fn grant(core: &Shared, host: &Host, fetch: u32, stability: u32, value: &JsValue, token: &JsValue) -> u32 {
    let expires_at = number(value, "expiresOnTimestamp");
    let refresh_at = number(value, "refreshAfterTimestamp");
    let issued_at = host.issued_at(token);
    let unchanged = host.held_token(fetch) == *token;
    let session = host.session(fetch);
    let (monotonic, unix) = clocks(host);
    core.core()
        .granted(fetch, expires_at, refresh_at, issued_at, unchanged, session, stability, monotonic, unix)
}

fn clocks(host: &Host) -> (f64, f64) {
    (host.monotonic_millis(), host.unix_millis())
}

fn is_nothing(value: &JsValue) -> bool {
    value.is_null() || value.is_undefined()
}

/// A property; undefined where there is none, or where reading it throws.
fn field(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A finite number, else NaN.
fn number(value: &JsValue, name: &str) -> f64 {
    field(value, name).as_f64().filter(|number| number.is_finite()).unwrap_or(f64::NAN)
}

fn clone(host: &Host) -> Host {
    AsRef::<JsValue>::as_ref(host).clone().unchecked_into()
}
