//! What the error of a credential says for the next attempt: was it the network, and how long to wait.

use js_sys::{Array, Date, Function};
use wasm_bindgen::prelude::*;

use crate::driver::field;

/// The codes of Node (`node:dns`, libuv), undici, `@azure/core-rest-pipeline` and MSAL for a network that failed.
const NETWORK_CODES: [&str; 18] = [
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ECONNABORTED",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "EHOSTDOWN",
    "ENETUNREACH",
    "ENETDOWN",
    "EPIPE",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_BODY_TIMEOUT",
    "UND_ERR_SOCKET",
    "REQUEST_SEND_ERROR",
    "network_error",
    "no_network_connectivity",
];

/// Errors wrap errors; no real chain is deeper, and one may be a circle.
const DEPTH: u32 = 6;

/// Whether the network failed, not the credential. An error that holds several is a network failure when all of them are.
pub(crate) fn is_network(error: &JsValue) -> bool {
    is_network_within(error, DEPTH)
}

/// The pause that the error asks for, in milliseconds; NaN where it asks for none.
pub(crate) fn retry_after(error: &JsValue, unix: f64) -> f64 {
    let mut current = error.clone();
    for _ in 0..DEPTH {
        let pause = pause_of(&current, unix);
        if !pause.is_nan() {
            return pause;
        }
        current = cause(&current);
    }
    f64::NAN
}

fn is_network_within(error: &JsValue, depth: u32) -> bool {
    if depth == 0 || !error.is_object() {
        return false;
    }
    if ["code", "errorCode"].iter().any(|name| is_network_code(&field(error, name))) {
        return true;
    }
    let several = field(error, "errors").dyn_into::<Array>().unwrap_or_default();
    let all = several.length() > 0 && several.iter().all(|each| is_network_within(&each, depth - 1));
    all || is_network_within(&cause(error), depth - 1)
}

fn is_network_code(code: &JsValue) -> bool {
    code.as_string().is_some_and(|code| NETWORK_CODES.contains(&code.as_str()))
}

/// `cause` of the language, `innerError` of `@azure/identity`.
fn cause(error: &JsValue) -> JsValue {
    let cause = field(error, "cause");
    if cause.is_object() { cause } else { field(error, "innerError") }
}

fn pause_of(error: &JsValue, unix: f64) -> f64 {
    let headers = field(&field(error, "response"), "headers");
    let in_millis = ["retry-after-ms", "x-ms-retry-after-ms"]
        .iter()
        .map(|name| seconds_or_date(&header(&headers, name), unix) / 1_000.0);
    let in_seconds = [header(&headers, "retry-after"), field(error, "retryAfter")];
    in_millis
        .chain(in_seconds.iter().map(|value| seconds_or_date(value, unix)))
        .find(|pause| *pause >= 0.0)
        .unwrap_or(f64::NAN)
}

/// From a `Headers`, the SDK's own class, or a plain object.
fn header(headers: &JsValue, name: &str) -> JsValue {
    match field(headers, "get").dyn_into::<Function>() {
        Ok(get) => get.call1(headers, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED),
        Err(_) => field(headers, name),
    }
}

/// Retry-After is a number of seconds or an HTTP date; the result is in milliseconds, NaN where it is neither.
fn seconds_or_date(value: &JsValue, unix: f64) -> f64 {
    let Some(text) = value.as_string().filter(|text| !text.trim().is_empty()) else {
        return value.as_f64().map_or(f64::NAN, |seconds| seconds * 1_000.0);
    };
    let seconds = value.unchecked_into_f64();
    if seconds.is_nan() {
        let until = Date::parse(&text) - unix;
        return if until < 0.0 { 0.0 } else { until };
    }
    seconds * 1_000.0
}
