//! core's functions about az over wasm-bindgen, for Node without the addon: names and shapes are those of the addon.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use azure_token_cache_core::az::args::{CredentialRequest, credential_arguments};
use azure_token_cache_core::az::output::{Exit, parse_token};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::prelude::*;

/// The most bytes of az's standard output, and of its standard error, that are worth keeping.
#[wasm_bindgen(js_name = azOutputBound)]
#[must_use]
pub fn output_bound() -> usize {
    azure_token_cache_core::az::output::MAX_OUTPUT_BYTES
}

/// az's arguments for a request: `{ arguments }`, or `{ code, message }` of the error.
///
/// `requested_tenant` and `claims` are the request's, the rest is the credential's; with `multi_tenant` false requests
/// may name no tenant.
#[wasm_bindgen(js_name = azArguments)]
#[must_use]
#[allow(clippy::needless_pass_by_value)]
pub fn az_arguments(
    scopes: Vec<String>,
    configured_tenant: Option<String>,
    requested_tenant: Option<String>,
    allowed_tenants: Vec<String>,
    multi_tenant: bool,
    subscription: Option<String>,
    claims: Option<String>,
) -> Object {
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let additionally_allowed: Vec<&str> = allowed_tenants.iter().map(String::as_str).collect();
    let request = CredentialRequest {
        scopes: &scopes,
        configured_tenant: configured_tenant.as_deref(),
        requested_tenant: requested_tenant.as_deref(),
        additionally_allowed: &additionally_allowed,
        multi_tenant,
        subscription: subscription.as_deref(),
        claims: claims.as_deref(),
    };
    match credential_arguments(&request) {
        Ok(arguments) => {
            let list: Array = arguments.iter().map(|argument| JsValue::from_str(argument)).collect();
            object([("arguments", list.into())])
        }
        Err(error) => failure(error.code(), &error.to_string()),
    }
}

/// The token that az printed: `{ token, expiresOnTimestamp }`, or `{ code, message }` of the error.
///
/// `ending` is `exit`, `signal`, `timedOut`, `outputTooLarge`, `notFound`, `notExecutable` or `notStarted`, and `detail`
/// its exit code, signal (0: unknown), limit in milliseconds, bound in bytes, or operating system error. The local time
/// zone is `offset_before` seconds east of UTC until the Unix second `changes_at`, then `offset_after`.
#[wasm_bindgen(js_name = azToken)]
#[must_use]
#[allow(clippy::too_many_arguments)]
pub fn az_token(
    stdout: &[u8],
    stderr: &[u8],
    ending: &str,
    detail: f64,
    offset_before: i32,
    changes_at: f64,
    offset_after: i32,
    now_unix_ms: f64,
) -> Object {
    let zone = move |second: i64| if number(second) < changes_at { offset_before } else { offset_after };
    match parse_token(stdout, stderr, exit(ending, detail), &zone, whole(now_unix_ms)) {
        Ok(token) => {
            let expires = number(token.expires_at_unix_ms());
            object([("token", token.into_secret().into()), ("expiresOnTimestamp", expires.into())])
        }
        Err(error) => failure(error.code(), &error.to_string()),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn exit(ending: &str, detail: f64) -> Exit {
    match ending {
        "exit" => Exit::Code(detail as i32),
        "timedOut" => Exit::TimedOut { limit_ms: detail as u64 },
        "outputTooLarge" => Exit::OutputTooLarge { limit_bytes: detail as usize },
        "notFound" => Exit::NotFound,
        "notExecutable" => Exit::NotExecutable,
        "notStarted" => Exit::NotStarted { os_error: detail as i32 },
        _ => Exit::Signal(Some(detail as i32).filter(|signal| *signal != 0)),
    }
}

fn failure(code: &str, message: &str) -> Object {
    object([("code", code.into()), ("message", message.into())])
}

fn object<const N: usize>(fields: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of a plain object cannot fail.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object
}

/// JavaScript's numbers hold every time of the next 200,000 years exactly.
#[allow(clippy::cast_precision_loss)]
fn number(value: i64) -> f64 {
    value as f64
}

/// A cast saturates, and makes 0 of what is no number.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value as i64
}
