//! The cold path: awaits the JavaScript credential.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[wasm_bindgen]
extern "C" {
    /// Who asked for a run of the credential. Its method does not throw.
    pub type Asker;

    /// The run has ended: with `result`, or with that error.
    #[wasm_bindgen(method)]
    fn ended(this: &Asker, failed: bool, result: JsValue);
}

/// Awaits a run of the credential, and tells who asked for it. It holds both only until then: no collector sees a circle
/// that leads through this memory.
#[wasm_bindgen]
pub fn follow(run: Promise, asker: Asker) {
    spawn_local(async move {
        let (failed, result) = match JsFuture::from(run).await {
            Ok(value) => (false, value),
            Err(error) => (true, error),
        };
        asker.ended(failed, result);
    });
}
