//! Why a run of az brought no token, by what a user would do about it.

use core::fmt::{self, Display, Formatter};

use serde_json::Value;

use super::output::Exit;
use super::scrub::Excerpt;

/// A run of az that brought no token. `detail` is what az said, scrubbed; it can be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AzError {
    /// There is no az.
    NotInstalled,
    /// az is there and cannot be executed.
    NotExecutable,
    /// az could not be started for another reason.
    NotStarted {
        /// The operating system's error number.
        os_error: i32,
    },
    /// Nobody is logged in, or Entra ID wants the user to log in again.
    LoginRequired {
        /// The number of the `AADSTS` error, if there is one.
        aadsts: Option<u32>,
        /// What az said, with the command it recommends.
        detail: Excerpt,
    },
    /// Entra ID refused, and az does not say that a login would help.
    Rejected {
        /// The number of the `AADSTS` error.
        aadsts: u32,
        /// What az said.
        detail: Excerpt,
    },
    /// az could not reach Entra ID.
    Network {
        /// What az said.
        detail: Excerpt,
    },
    /// az failed for another reason.
    Failed {
        /// Its exit code.
        code: i32,
        /// What az said.
        detail: Excerpt,
    },
    /// Something ended az.
    Killed {
        /// The signal, if known.
        signal: Option<i32>,
        /// What az had said.
        detail: Excerpt,
    },
    /// az took longer than it may.
    TimedOut {
        /// The limit, in milliseconds.
        limit_ms: u64,
        /// What az had said.
        detail: Excerpt,
    },
    /// az printed more than any token document is long.
    OutputTooLarge {
        /// The bound, in bytes.
        limit_bytes: usize,
    },
    /// az succeeded and printed nothing, or nothing but warnings.
    NoOutput {
        /// What az said on standard error.
        detail: Excerpt,
    },
    /// az succeeded and printed something that is no token document.
    Malformed {
        /// What is wrong with it.
        flaw: Flaw,
        /// What az said.
        detail: Excerpt,
    },
    /// Neither `expires_on` nor `expiresOn` is a time.
    NoExpiry {
        /// `expires_on` as az printed it.
        expires_on: Expiry,
        /// `expiresOn` as az printed it.
        local: Expiry,
    },
    /// az printed a token that has expired.
    AlreadyExpired {
        /// When, in milliseconds since the Unix epoch.
        expires_at_unix_ms: i64,
        /// The time it was compared with, in milliseconds since the Unix epoch.
        now_unix_ms: i64,
    },
}

/// What is wrong with a token document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It is not UTF-8.
    NotUtf8,
    /// It is not JSON, or not all of it.
    NotJson,
    /// Other text follows the JSON.
    TextAfterJson,
    /// There is more than one document.
    ManyDocuments,
    /// It is JSON, but no object.
    NotAnObject,
    /// There is no `accessToken`.
    NoAccessToken,
    /// `accessToken` holds characters that no header can carry.
    BadAccessToken,
    /// `tokenType` is not `Bearer`.
    NotBearer,
}

/// A time that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// It is not there.
    Missing,
    /// It is there, and no time, or no plausible one.
    Unusable(Excerpt),
}

impl AzError {
    /// Whether the network was at fault, so that the same request may succeed soon with nobody doing anything.
    #[must_use]
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Network { .. })
    }

    /// The variant's name: a stable word for logs, events and other languages.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInstalled => "NotInstalled",
            Self::NotExecutable => "NotExecutable",
            Self::NotStarted { .. } => "NotStarted",
            Self::LoginRequired { .. } => "LoginRequired",
            Self::Rejected { .. } => "Rejected",
            Self::Network { .. } => "Network",
            Self::Failed { .. } => "Failed",
            Self::Killed { .. } => "Killed",
            Self::TimedOut { .. } => "TimedOut",
            Self::OutputTooLarge { .. } => "OutputTooLarge",
            Self::NoOutput { .. } => "NoOutput",
            Self::Malformed { .. } => "Malformed",
            Self::NoExpiry { .. } => "NoExpiry",
            Self::AlreadyExpired { .. } => "AlreadyExpired",
        }
    }

    /// The error of a run that did not succeed.
    pub(super) fn of_run(exit: Exit, stdout: &[u8], stderr: &[u8]) -> Self {
        let detail = Excerpt::of_failure(stdout, stderr);
        match exit {
            Exit::NotFound => Self::NotInstalled,
            Exit::NotExecutable => Self::NotExecutable,
            Exit::NotStarted { os_error } => Self::NotStarted { os_error },
            Exit::Signal(signal) => Self::Killed { signal, detail },
            Exit::TimedOut { limit_ms } => Self::TimedOut { limit_ms, detail },
            Exit::OutputTooLarge { limit_bytes } => Self::OutputTooLarge { limit_bytes },
            Exit::Code(code) => Self::of_code(code, detail),
        }
    }

    fn of_code(code: i32, detail: Excerpt) -> Self {
        let said = detail.as_str();
        if is_not_found(code, said) {
            return Self::NotInstalled;
        }
        if code == SHELL_CANNOT_EXECUTE {
            return Self::NotExecutable;
        }
        let asks_for_login = said.contains("az login");
        match aadsts(said) {
            Some(aadsts) if !asks_for_login => Self::Rejected { aadsts, detail },
            None if is_network(said) => Self::Network { detail },
            aadsts if asks_for_login => Self::LoginRequired { aadsts, detail },
            _ => Self::Failed { code, detail },
        }
    }
}

/// POSIX shells' exit code for a command that is there and cannot be executed.
const SHELL_CANNOT_EXECUTE: i32 = 126;

/// A wrapper of az, or a shell between, did not find az: codes 127 (POSIX shells) and 9009 (cmd.exe), or their words.
fn is_not_found(code: i32, said: &str) -> bool {
    code == 127
        || code == 9_009
        || said.lines().any(|line| {
            line.starts_with("'az' is not recognized")
                || line.split_once("az:").is_some_and(|(_, rest)| rest.trim_end().ends_with("not found"))
        })
}

/// The number of the first `AADSTS` error in `said`.
fn aadsts(said: &str) -> Option<u32> {
    said.split("AADSTS").skip(1).find_map(|after| {
        let end = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        after.get(..end).and_then(|digits| digits.parse().ok())
    })
}

/// What `requests` and `urllib3`, through which az speaks, say when no answer came. In lower case.
const NETWORK_WORDS: [&str; 12] = [
    "max retries exceeded",
    "failed to establish a new connection",
    "failed to resolve",
    "name or service not known",
    "temporary failure in name resolution",
    "getaddrinfo failed",
    "connection refused",
    "connection reset",
    "connection aborted",
    "network is unreachable",
    "read timed out",
    "connect timeout",
];

fn is_network(said: &str) -> bool {
    let lower = said.to_ascii_lowercase();
    NETWORK_WORDS.iter().any(|words| lower.contains(words))
}

impl Expiry {
    pub(super) fn of(field: Option<&Value>) -> Self {
        match field {
            None | Some(Value::Null) => Self::Missing,
            Some(Value::String(text)) => Self::Unusable(Excerpt::of_text(text)),
            Some(other) => Self::Unusable(Excerpt::of_text(&alloc::string::ToString::to_string(other))),
        }
    }
}

impl Display for Expiry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Unusable(text) => write!(f, "\"{text}\""),
        }
    }
}

impl Display for Flaw {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "text that is not UTF-8",
            Self::NotJson => "text that is not JSON",
            Self::TextAfterJson => "other text after its JSON",
            Self::ManyDocuments => "more than one JSON document",
            Self::NotAnObject => "JSON that is no object",
            Self::NoAccessToken => "no accessToken",
            Self::BadAccessToken => "an accessToken with characters that no header can carry",
            Self::NotBearer => "a token that is no bearer token",
        })
    }
}

/// A command that shows az's failure and no token.
const TRY_IT: &str = "Run \"az account get-access-token --query expiresOn\" in a terminal to see why";

impl Display for AzError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str(
                "Azure CLI could not be found. Please visit https://aka.ms/azure-cli for installation instructions and \
                 then, once installed, authenticate to your Azure account using 'az login'.",
            ),
            Self::NotExecutable => f.write_str(
                "Azure CLI was found and cannot be executed. Check the permissions of the az that comes first on PATH, \
                 or install it anew: https://aka.ms/azure-cli.",
            ),
            Self::NotStarted { os_error } => write!(
                f,
                "Azure CLI could not be started (operating system error {os_error}). Check that az runs in a terminal."
            ),
            Self::LoginRequired { detail, .. } => {
                f.write_str(
                    "Please run 'az login' from a command prompt to authenticate before using this credential.",
                )?;
                said(f, detail)
            }
            Self::Rejected { detail, .. } => {
                f.write_str("Microsoft Entra ID refused the token that Azure CLI asked for.")?;
                said(f, detail)
            }
            Self::Network { detail } => {
                f.write_str("Azure CLI could not reach Microsoft Entra ID. Check the network and the proxy settings.")?;
                said(f, detail)
            }
            Self::Failed { code, detail } if detail.is_empty() => {
                write!(f, "Azure CLI exited with code {code} and gave no reason. {TRY_IT}.")
            }
            Self::Failed { code, detail } => {
                write!(f, "Azure CLI exited with code {code}.")?;
                said(f, detail)
            }
            Self::Killed { signal, detail } => {
                f.write_str("Azure CLI was ended by ")?;
                match signal {
                    Some(signal) => write!(f, "signal {signal}")?,
                    None => f.write_str("a signal")?,
                }
                f.write_str(" before it answered. Check what ended it, such as a memory limit, and try again.")?;
                said(f, detail)
            }
            Self::TimedOut { limit_ms, detail } => {
                write!(
                    f,
                    "Azure CLI did not answer within {limit_ms} ms. {TRY_IT}, or allow it more time \
                     (processTimeoutInMs)."
                )?;
                said(f, detail)
            }
            Self::OutputTooLarge { limit_bytes } => write!(
                f,
                "Azure CLI printed more than {limit_bytes} bytes, which no token needs. {TRY_IT}, and check that no \
                 wrapper of az prints something else."
            ),
            Self::NoOutput { detail } => {
                write!(f, "Azure CLI succeeded and printed no token. {TRY_IT}.")?;
                said(f, detail)
            }
            Self::Malformed { flaw, detail } => {
                write!(
                    f,
                    "Unexpected response from Azure CLI when getting token: it printed {flaw}. Check that no wrapper or \
                     alias of az changes its output."
                )?;
                said(f, detail)
            }
            Self::NoExpiry { expires_on, local } => write!(
                f,
                "Unexpected response from Azure CLI when getting token: it printed no time of expiry (expires_on: \
                 {expires_on}, expiresOn: {local}). Update it with 'az upgrade'."
            ),
            Self::AlreadyExpired { expires_at_unix_ms, now_unix_ms } => write!(
                f,
                "Azure CLI printed a token that expired {} s ago. Check this machine's clock and time zone, then run \
                 'az login' again.",
                now_unix_ms.saturating_sub(*expires_at_unix_ms) / 1_000
            ),
        }
    }
}

fn said(f: &mut Formatter<'_>, detail: &Excerpt) -> fmt::Result {
    if detail.is_empty() { Ok(()) } else { write!(f, " Azure CLI said: {detail}") }
}

impl core::error::Error for AzError {}
