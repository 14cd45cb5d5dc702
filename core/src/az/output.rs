//! What az printed and how it ended, as a token or as an error that says what to do.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt::{self, Debug, Formatter};

use serde_json::{Map, Value};

use super::error::{AzError, Expiry, Flaw};
use super::local_time::{self, LocalZone};
use super::scrub::Excerpt;

/// The most that a host keeps of az's standard output, and of its standard error, in bytes. A token document is under
/// 20 KB even with 200 groups in the token; a megabyte is az printing something else.
pub const MAX_OUTPUT_BYTES: usize = 1 << 20;

/// How a run of az ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// A signal that the host did not send ended it, if known which; also where the system does not say how it ended.
    Signal(Option<i32>),
    /// The host ended it, or gave it up, at the limit.
    TimedOut {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// It printed more than the host keeps; the host ended it.
    OutputTooLarge {
        /// The bound, in bytes.
        limit_bytes: usize,
    },
    /// There is no az on PATH (`ENOENT`).
    NotFound,
    /// az is there but may not be executed (`EACCES`), or is not a program (`ENOEXEC`).
    NotExecutable,
    /// It could not be started for another reason.
    NotStarted {
        /// The operating system's error number.
        os_error: i32,
    },
}

/// A token that az printed. The token shows in [`secret`](Self::secret) alone, never in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AzToken {
    secret: String,
    expires_at_unix_ms: i64,
    expires_on: Option<i64>,
    local_expiry: Option<String>,
    tenant: Option<String>,
    subscription: Option<String>,
}

impl AzToken {
    /// The access token itself: printable ASCII without spaces, fit for a header.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The access token itself, taken out.
    #[must_use]
    pub fn into_secret(self) -> String {
        self.secret
    }

    /// When it expires, in milliseconds since the Unix epoch; later than the `now` it was parsed with.
    #[must_use]
    pub fn expires_at_unix_ms(&self) -> i64 {
        self.expires_at_unix_ms
    }

    /// `expires_on` as az printed it, in seconds since the Unix epoch; az before 2.54 does not.
    #[must_use]
    pub fn expires_on(&self) -> Option<i64> {
        self.expires_on
    }

    /// `expiresOn` as az printed it, in its local time.
    #[must_use]
    pub fn local_expiry(&self) -> Option<&str> {
        self.local_expiry.as_deref()
    }

    /// The tenant az names: the tenant argument if there was one, else the account's tenant id.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The subscription id az names; none with a tenant argument.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.subscription.as_deref()
    }
}

impl Debug for AzToken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzToken")
            .field("secret", &format_args!("[redacted]"))
            .field("expires_at_unix_ms", &self.expires_at_unix_ms)
            .field("expires_on", &self.expires_on)
            .field("local_expiry", &self.local_expiry)
            .field("tenant", &self.tenant)
            .field("subscription", &self.subscription)
            .finish()
    }
}

/// The token in what `az account get-access-token --output json` printed.
///
/// The exit code counts: output of a failed az is none. Standard error of an az that succeeded does not count, whatever
/// it warns of. `expires_on` (seconds, as a number or as digits) counts if it lies between 2010 and 2100; else `expiresOn`,
/// in `zone`. `now_unix_ms` is the time when az had exited, in milliseconds since the Unix epoch: a token that has expired
/// by then is an error. A UTF-8 byte order mark is skipped; two documents, or text around one, are errors, since which of
/// two tokens is meant nobody can say.
///
/// Errors: [`AzError`], one variant for each thing that a user would do about it.
pub fn parse_token(
    stdout: &[u8],
    stderr: &[u8],
    exit: Exit,
    zone: &dyn LocalZone,
    now_unix_ms: i64,
) -> Result<AzToken, AzError> {
    let output = match exit {
        Exit::Code(0) => stdout,
        other => return Err(AzError::of_run(other, stdout, stderr)),
    };
    if output.len() > MAX_OUTPUT_BYTES {
        return Err(AzError::OutputTooLarge { limit_bytes: MAX_OUTPUT_BYTES });
    }
    let document = document(output, stderr)?;
    let secret = secret(&document)?;
    let expires_at_unix_ms = expiry(&document, zone)?;
    if expires_at_unix_ms <= now_unix_ms {
        return Err(AzError::AlreadyExpired { expires_at_unix_ms, now_unix_ms });
    }
    Ok(AzToken {
        secret,
        expires_at_unix_ms,
        expires_on: document.get("expires_on").and_then(plausible_seconds),
        local_expiry: text(&document, "expiresOn"),
        tenant: text(&document, "tenant"),
        subscription: text(&document, "subscription"),
    })
}

fn document(stdout: &[u8], stderr: &[u8]) -> Result<Map<String, Value>, AzError> {
    let malformed = |flaw| AzError::Malformed { flaw, detail: Excerpt::of_output(stdout, stderr) };
    let bytes = stdout.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stdout);
    if bytes.trim_ascii().is_empty() {
        return Err(AzError::NoOutput { detail: Excerpt::of_bytes(stderr) });
    }
    let text = core::str::from_utf8(bytes).map_err(|_| malformed(Flaw::NotUtf8))?;
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let first = documents.next().and_then(Result::ok).ok_or_else(|| malformed(Flaw::NotJson))?;
    match documents.next() {
        None => {}
        Some(Ok(_)) => return Err(malformed(Flaw::ManyDocuments)),
        Some(Err(_)) => return Err(malformed(Flaw::TextAfterJson)),
    }
    match first {
        Value::Object(object) => Ok(object),
        _ => Err(malformed(Flaw::NotAnObject)),
    }
}

fn secret(document: &Map<String, Value>) -> Result<String, AzError> {
    let flaw = |flaw| AzError::Malformed { flaw, detail: Excerpt::default() };
    if document.get("tokenType").is_some_and(|kind| !is_bearer(kind)) {
        return Err(flaw(Flaw::NotBearer));
    }
    match document.get("accessToken") {
        Some(Value::String(token)) if token.is_empty() => Err(flaw(Flaw::NoAccessToken)),
        Some(Value::String(token)) if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token.clone()),
        Some(Value::String(_)) => Err(flaw(Flaw::BadAccessToken)),
        _ => Err(flaw(Flaw::NoAccessToken)),
    }
}

fn is_bearer(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
}

/// 2010-01-01 and 2100-01-01 in seconds since the Unix epoch: no Entra ID token is older, and a number beyond them is in
/// another unit, or is no time.
const PLAUSIBLE_SECONDS: core::ops::Range<i64> = 1_262_304_000..4_102_444_800;

/// Milliseconds since the Unix epoch.
fn expiry(document: &Map<String, Value>, zone: &dyn LocalZone) -> Result<i64, AzError> {
    let expires_on = document.get("expires_on");
    let local = document.get("expiresOn");
    expires_on
        .and_then(plausible_seconds)
        .map(|seconds| seconds.saturating_mul(1_000))
        .or_else(|| {
            local
                .and_then(Value::as_str)
                .and_then(|text| local_time::unix_ms(text, zone))
                .filter(|ms| PLAUSIBLE_SECONDS.contains(&ms.div_euclid(1_000)))
        })
        .ok_or_else(|| AzError::NoExpiry { expires_on: Expiry::of(expires_on), local: Expiry::of(local) })
}

fn plausible_seconds(value: &Value) -> Option<i64> {
    seconds(value).filter(|seconds| PLAUSIBLE_SECONDS.contains(seconds))
}

/// Whole seconds of a JSON number or of digits, a fraction cut off.
fn seconds(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => whole(text.trim_ascii()),
        Value::Number(number) => whole(&alloc::string::ToString::to_string(number)),
        _ => None,
    }
}

/// The digits before the point, if there is nothing but digits and one point.
fn whole(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| whole.parse().ok()).flatten()
}

fn text(document: &Map<String, Value>, name: &str) -> Option<String> {
    document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}
