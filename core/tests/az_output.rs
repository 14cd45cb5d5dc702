//! What az prints, as tokens and errors: real outputs, every defect of them, and no token in any error.
#![cfg(feature = "az")]
// A panic in a function that tests share is the failure of a test.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::ops::Range;

use azure_token_cache_core::az::error::{AzError, Expiry, Flaw};
use azure_token_cache_core::az::local_time::{FixedOffset, UTC};
use azure_token_cache_core::az::output::{AzToken, Exit, MAX_OUTPUT_BYTES, parse_token};
use azure_token_cache_core::az::scrub::{Excerpt, MAX_EXCERPT_CHARS};
use proptest::prelude::*;

/// 2026-11-21T20:00:00Z in milliseconds since the Unix epoch.
const NOW: i64 = 1_795_291_200_000;
/// An hour later, in seconds.
const LATER: i64 = 1_795_294_800;

const TOKEN: &str =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJhdWQiOiJodHRwczovL3gifQ.c2lnbmF0dXJlX29mX3RoZV90b2tlbg";

/// What az 2.91 prints, byte for byte but for the token.
fn document() -> String {
    format!(
        "{{\n  \"accessToken\": \"{TOKEN}\",\n  \"expiresOn\": \"2026-11-21 21:00:00.000000\",\n  \
         \"expires_on\": {LATER},\n  \"subscription\": \"0b1f6471-1bf0-4dda-aec3-cb9272f09590\",\n  \
         \"tenant\": \"0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c\",\n  \"tokenType\": \"Bearer\"\n}}\n"
    )
}

fn success(stdout: &[u8]) -> Result<AzToken, AzError> {
    parse_token(stdout, b"", Exit::Code(0), &UTC, NOW)
}

fn failure(code: i32, stderr: &str) -> AzError {
    parse_token(b"", stderr.as_bytes(), Exit::Code(code), &UTC, NOW).unwrap_err()
}

fn with(fields: &str) -> Result<AzToken, AzError> {
    success(format!("{{\"accessToken\":\"{TOKEN}\",\"tokenType\":\"Bearer\"{fields}}}").as_bytes())
}

#[test]
fn az_prints_a_token() {
    let token = success(document().as_bytes()).unwrap();
    assert_eq!(token.secret(), TOKEN);
    assert_eq!(token.expires_at_unix_ms(), LATER * 1_000);
    assert_eq!(token.tenant(), Some("0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c"));
    assert_eq!(token.subscription(), Some("0b1f6471-1bf0-4dda-aec3-cb9272f09590"));
    assert_eq!(token.clone().into_secret(), TOKEN);
    let debug = format!("{token:?} {token:#?}");
    assert!(
        debug.contains("[redacted]") && debug.contains("1795294800000") && !debug.contains("eyJ"),
        "{debug}"
    );
    let with_tenant = with(&format!(",\"expires_on\":{LATER},\"tenant\":\"contoso.com\"")).unwrap();
    assert_eq!((with_tenant.tenant(), with_tenant.subscription()), (Some("contoso.com"), None));
    let odd = with(&format!(",\"expires_on\":{LATER},\"tenant\":\"\",\"subscription\":3")).unwrap();
    assert_eq!((odd.tenant(), odd.subscription()), (None, None));
}

#[test]
fn a_byte_order_mark_crlf_and_space_do_not_matter() {
    let expected = success(document().as_bytes()).unwrap();
    for text in [
        format!("\u{feff}{}", document()),
        document().replace('\n', "\r\n"),
        format!("\n\n {}\n\n", document()),
        document().replace(['\n', ' '], "").replace("2026-11-2121", "2026-11-21 21"),
    ] {
        assert_eq!(success(text.as_bytes()).unwrap(), expected);
    }
}

#[test]
fn standard_error_of_a_success_does_not_matter() {
    let expected = success(document().as_bytes()).unwrap();
    for stderr in [
        "WARNING: Run 'az login' to refresh your accounts, az login --scope x\n",
        "ERROR: az: command not found",
        "'az' is not recognized",
        "AADSTS50076: x",
        "\u{0}",
    ] {
        let token = parse_token(document().as_bytes(), stderr.as_bytes(), Exit::Code(0), &UTC, NOW);
        assert_eq!(token.unwrap(), expected, "{stderr}");
    }
    assert!(parse_token(document().as_bytes(), &[0xff; 9], Exit::Code(0), &UTC, NOW).is_ok());
}

#[test]
fn the_output_of_a_failure_does_not_matter() {
    for exit in [
        Exit::Code(1),
        Exit::Code(-1),
        Exit::Code(255),
        Exit::Signal(None),
        Exit::Signal(Some(9)),
        Exit::TimedOut { limit_ms: 1 },
        Exit::OutputTooLarge { limit_bytes: 1 },
        Exit::NotFound,
        Exit::NotExecutable,
        Exit::NotStarted { os_error: 7 },
    ] {
        let error = parse_token(document().as_bytes(), b"", exit, &UTC, NOW).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("eyJ") && !shown.contains("accessToken"), "{shown}");
    }
}

#[test]
fn expires_on_counts_as_a_number_or_digits() {
    for value in [
        "1795294800",
        "\"1795294800\"",
        "1795294800.0",
        "1795294800.99",
        "\" 1795294800 \"",
        "\"1795294800.5\"",
    ] {
        let token = with(&format!(",\"expires_on\":{value},\"expiresOn\":\"2026-11-22 00:00:00\"")).unwrap();
        assert_eq!(token.expires_at_unix_ms(), LATER * 1_000, "{value}");
    }
}

/// Missing, zero, not a number, negative, in milliseconds, or an exponent: as az older than 2.54, or a wrapper, prints.
#[test]
fn an_unusable_expires_on_leaves_the_local_time() {
    for value in [
        "",
        ",\"expires_on\":null",
        ",\"expires_on\":0",
        ",\"expires_on\":\"0\"",
        ",\"expires_on\":\"\"",
        ",\"expires_on\":\"NaN\"",
        ",\"expires_on\":-1795294800",
        ",\"expires_on\":1795294800000",
        ",\"expires_on\":\"99999999999999999999999\"",
        ",\"expires_on\":1e300",
        ",\"expires_on\":true",
        ",\"expires_on\":[1795294800]",
        ",\"expires_on\":\"1795294800s\"",
        ",\"expires_on\":\"1795294800.\"",
        ",\"expires_on\":\".5\"",
        ",\"expires_on\":\"2026-11-21\"",
        ",\"expires_on\":3600",
        ",\"expires_on\":1262303999",
        ",\"expires_on\":4102444800",
    ] {
        let text =
            format!("{{\"accessToken\":\"{TOKEN}\"{value},\"expiresOn\":\"2026-11-21 22:30:00.114324\"}}");
        let berlin = FixedOffset { seconds: 3_600 };
        let token = parse_token(text.as_bytes(), b"", Exit::Code(0), &berlin, NOW).unwrap();
        assert_eq!(token.expires_at_unix_ms(), (LATER + 1_800) * 1_000 + 114, "{value}");
    }
}

#[test]
fn the_plausible_years_are_2010_to_2099() {
    let at = |seconds: i64, now: i64| {
        let text = format!("{{\"accessToken\":\"{TOKEN}\",\"expires_on\":{seconds}}}");
        parse_token(text.as_bytes(), b"", Exit::Code(0), &UTC, now).map(|token| token.expires_at_unix_ms())
    };
    assert_eq!(at(1_262_304_000, 0), Ok(1_262_304_000_000));
    assert!(matches!(at(1_262_303_999, 0), Err(AzError::NoExpiry { .. })));
    assert_eq!(at(4_102_444_799, NOW), Ok(4_102_444_799_000));
    assert!(matches!(at(4_102_444_800, NOW), Err(AzError::NoExpiry { .. })));
    assert!(matches!(with(",\"expiresOn\":\"2009-12-31 23:59:59.999\""), Err(AzError::NoExpiry { .. })));
    assert!(matches!(with(",\"expiresOn\":\"2100-01-01 00:00:00\""), Err(AzError::NoExpiry { .. })));
}

#[test]
fn no_expiry_is_an_error() {
    let error = with(",\"expires_on\":\"0\",\"expiresOn\":\"soon\"").unwrap_err();
    let (zero, soon) = (Excerpt::of_text("0"), Excerpt::of_text("soon"));
    assert_eq!(
        error,
        AzError::NoExpiry { expires_on: Expiry::Unusable(zero), local: Expiry::Unusable(soon) }
    );
    assert!(error.to_string().contains("(expires_on: \"0\", expiresOn: \"soon\")"), "{error}");
    let error = with(",\"expires_on\":null,\"expiresOn\":[1]").unwrap_err();
    assert!(error.to_string().contains("(expires_on: missing, expiresOn: \"[1]\")"), "{error}");
    assert!(with("").unwrap_err().to_string().contains("(expires_on: missing, expiresOn: missing)"));
}

#[test]
fn an_expired_token_is_an_error() {
    let (now, later) = (NOW / 1_000, NOW / 1_000 + 1);
    assert!(with(&format!(",\"expires_on\":{later}")).is_ok());
    let error = with(&format!(",\"expires_on\":{now},\"expiresOn\":\"2026-11-22 00:00:00\"")).unwrap_err();
    assert_eq!(error, AzError::AlreadyExpired { expires_at_unix_ms: NOW, now_unix_ms: NOW });
    let error = with(&format!(",\"expires_on\":{}", now - 3_600)).unwrap_err();
    assert!(
        error.to_string().contains("expired 3600 s ago") && error.to_string().contains("clock"),
        "{error}"
    );
}

#[test]
fn malformed_documents() {
    let flaw = |stdout: &[u8]| match success(stdout) {
        Err(AzError::Malformed { flaw, .. }) => flaw,
        other => panic!("{other:?}"),
    };
    let one = document();
    let without = |field: &str| one.replace(field, "x");
    assert_eq!(flaw(format!("{one}{one}").as_bytes()), Flaw::ManyDocuments);
    assert_eq!(flaw(format!("{one}[]").as_bytes()), Flaw::ManyDocuments);
    assert_eq!(flaw(format!("{one}done").as_bytes()), Flaw::TextAfterJson);
    assert_eq!(flaw(format!("{one}{{").as_bytes()), Flaw::TextAfterJson);
    assert_eq!(flaw(format!("WARNING: x\n{one}").as_bytes()), Flaw::NotJson);
    assert_eq!(flaw(b"WARNING: Unable to check for updates\n"), Flaw::NotJson);
    assert_eq!(flaw(TOKEN.as_bytes()), Flaw::NotJson);
    assert_eq!(flaw(b"\xff\xfe{\x00}\x00"), Flaw::NotUtf8);
    assert_eq!(flaw(&[one.as_bytes(), b"\x80"].concat()), Flaw::NotUtf8);
    assert_eq!(flaw(b"null"), Flaw::NotAnObject);
    assert_eq!(flaw(b"[{}]"), Flaw::NotAnObject);
    assert_eq!(flaw(b"\"eyJ\""), Flaw::NotAnObject);
    assert_eq!(flaw(b"{}"), Flaw::NoAccessToken);
    assert_eq!(flaw(without("accessToken").as_bytes()), Flaw::NoAccessToken);
    assert_eq!(flaw(b"{\"accessToken\":\"\",\"expires_on\":1795294800}"), Flaw::NoAccessToken);
    assert_eq!(flaw(b"{\"accessToken\":null,\"expires_on\":1795294800}"), Flaw::NoAccessToken);
    assert_eq!(flaw(b"{\"accessToken\":\"a b\",\"expires_on\":1795294800}"), Flaw::BadAccessToken);
    assert_eq!(flaw(b"{\"accessToken\":\"a\\nb\",\"expires_on\":1795294800}"), Flaw::BadAccessToken);
    assert_eq!(flaw(b"{\"accessToken\":\"\xc3\xa9\",\"expires_on\":1795294800}"), Flaw::BadAccessToken);
    assert_eq!(flaw(one.replace("Bearer", "pop").as_bytes()), Flaw::NotBearer);
    assert_eq!(flaw(one.replace("\"Bearer\"", "1").as_bytes()), Flaw::NotBearer);
    assert!(success(one.replace("Bearer", "bearer").as_bytes()).is_ok());
    for cut in 0..one.len() - 2 {
        assert!(success(&one.as_bytes()[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn every_flaw_is_named_to_the_user() {
    let mut seen = std::collections::BTreeSet::new();
    for flaw in [
        Flaw::NotUtf8,
        Flaw::NotJson,
        Flaw::TextAfterJson,
        Flaw::ManyDocuments,
        Flaw::NotAnObject,
        Flaw::NoAccessToken,
        Flaw::BadAccessToken,
        Flaw::NotBearer,
    ] {
        let error = AzError::Malformed { flaw, detail: Excerpt::of_text("odd") };
        let text = error.to_string();
        assert!(
            text.starts_with("Unexpected response from Azure CLI when getting token: it printed "),
            "{text}"
        );
        assert!(text.contains("wrapper") && text.ends_with(" Azure CLI said: odd"), "{text}");
        assert!(seen.insert(text));
    }
}

#[test]
fn nothing_or_a_warning_is_no_token() {
    for stdout in [&b""[..], b"\n", b"\xef\xbb\xbf\r\n"] {
        let error = parse_token(stdout, b"WARNING: odd\n", Exit::Code(0), &UTC, NOW).unwrap_err();
        assert_eq!(error, AzError::NoOutput { detail: Excerpt::of_text("WARNING: odd") });
        assert!(error.to_string().contains("printed no token") && error.to_string().contains("WARNING: odd"));
    }
    assert!(!success(b"").unwrap_err().to_string().contains("said"));
    let error = success(b"WARNING: odd\n").unwrap_err();
    assert!(error.to_string().contains("Azure CLI said: WARNING: odd"), "{error}");
}

#[test]
fn more_than_the_bound_is_an_error() {
    let fits = format!("{}{}", document(), " ".repeat(MAX_OUTPUT_BYTES - document().len()));
    assert!(success(fits.as_bytes()).is_ok());
    let too_large = AzError::OutputTooLarge { limit_bytes: MAX_OUTPUT_BYTES };
    assert_eq!(success(format!("{fits} ").as_bytes()), Err(too_large.clone()));
    assert_eq!(success(&vec![b'{'; 10 << 20]), Err(too_large.clone()));
    assert!(too_large.to_string().contains("1048576 bytes"));
    let by_host = parse_token(b"", b"", Exit::OutputTooLarge { limit_bytes: 9 }, &UTC, NOW);
    assert_eq!(by_host, Err(AzError::OutputTooLarge { limit_bytes: 9 }));
    assert!(matches!(success(&vec![b'['; 1 << 19]), Err(AzError::Malformed { flaw: Flaw::NotJson, .. })));
}

#[test]
fn az_is_not_installed() {
    let expected = AzError::NotInstalled;
    assert_eq!(parse_token(b"", b"", Exit::NotFound, &UTC, NOW), Err(expected.clone()));
    for (code, stderr) in [
        (127, "/bin/sh: 1: az: not found\n"),
        (127, ""),
        (1, "bash: line 1: az: command not found"),
        (
            1,
            "'az' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
        ),
        (9_009, ""),
    ] {
        assert_eq!(failure(code, stderr), expected, "{stderr}");
    }
    assert_ne!(failure(1, "ERROR: Subscription 'az' not found. Check the spelling"), expected);
    assert_ne!(failure(1, "ERROR: The resource was not found az: but"), expected);
    let text = expected.to_string();
    assert!(
        text.starts_with("Azure CLI could not be found. Please visit https://aka.ms/azure-cli"),
        "{text}"
    );
}

#[test]
fn az_cannot_be_executed_or_started() {
    assert_eq!(parse_token(b"", b"", Exit::NotExecutable, &UTC, NOW), Err(AzError::NotExecutable));
    assert_eq!(failure(126, "sh: az: Permission denied"), AzError::NotExecutable);
    assert!(AzError::NotExecutable.to_string().contains("permissions"));
    let error = parse_token(b"", b"", Exit::NotStarted { os_error: 12 }, &UTC, NOW).unwrap_err();
    assert!(error.to_string().contains("error 12"), "{error}");
}

#[test]
fn az_is_killed_or_too_slow() {
    let ended = |exit| parse_token(b"", b"ERROR: half", exit, &UTC, NOW).unwrap_err().to_string();
    assert!(ended(Exit::Signal(Some(9))).contains("by signal 9 before"));
    assert!(ended(Exit::Signal(None)).contains("by a signal before"));
    assert!(ended(Exit::Signal(None)).ends_with("Azure CLI said: half"));
    let text = ended(Exit::TimedOut { limit_ms: 13_000 });
    assert!(
        text.contains("within 13000 ms") && text.contains("processTimeoutInMs") && text.ends_with("half"),
        "{text}"
    );
}

/// The words of the real az 2.91, and of older ones.
#[test]
fn a_login_is_needed() {
    for stderr in [
        "ERROR: Please run 'az login' to setup account.\n",
        "ERROR: User 'ann@example.com' does not exist in MSAL token cache. Run `az login`.\n",
        "ERROR: Can't find token from MSAL cache.\nTo re-authenticate, please run:\naz login\n",
    ] {
        let error = failure(1, stderr);
        assert!(matches!(error, AzError::LoginRequired { aadsts: None, .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with("Please run 'az login' from a command prompt to authenticate before using"),
            "{text}"
        );
        assert!(text.contains("Azure CLI said: ") && !text.contains("ERROR"), "{text}");
    }
}

const EXPIRED_LOGIN: &str = "WARNING: old\nERROR: AADSTS700082: The refresh token has expired due to inactivity. The token \
    was issued on 2026-08-01T10:00:00.0000000Z and was inactive for 90.00:00:00. Trace ID: \
    3b0d1f2e-5a6c-4d7e-8f90-a1b2c3d4e500 Correlation ID: 9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a Timestamp: \
    2026-11-21 20:00:00Z\nRun the command below to authenticate interactively; additional arguments may be added as \
    needed:\naz logout\naz login --tenant \"0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c\" --scope \
    \"https://management.core.windows.net//.default\"\n";

#[test]
fn the_detail_of_entra_id_is_kept() {
    let error = failure(1, EXPIRED_LOGIN);
    assert!(matches!(error, AzError::LoginRequired { aadsts: Some(700_082), .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("Please run 'az login'"), "{text}");
    for words in [
        "AADSTS700082: The refresh token has expired",
        "Trace ID: 3b0d1f2e-5a6c-4d7e-8f90-a1b2c3d4e500",
        "az login --tenant \"0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c\" --scope \"https://management.core.windows.net//.default\"",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("WARNING") && !text.contains("[redacted]"), "{text}");

    let error =
        failure(1, "ERROR: AADSTS7000215: Invalid client secret provided. Ensure the secret is the value.");
    assert!(matches!(error, AzError::Rejected { aadsts: 7_000_215, .. }), "{error:?}");
    assert!(
        error.to_string().contains("Microsoft Entra ID refused")
            && error.to_string().contains("AADSTS7000215")
    );
    assert!(matches!(failure(1, "AADSTS: AADSTSx AADSTS50076."), AzError::Rejected { aadsts: 50_076, .. }));
    assert!(matches!(failure(1, "AADSTS99999999999"), AzError::Failed { .. }));
}

/// The first and the last of the 140 lines that the real az 2.91 prints without a network.
const NO_NETWORK: &str = "ERROR: The command failed with an unexpected error. Here is the traceback:\n\
    ERROR: HTTPSConnectionPool(host='login.microsoftonline.com', port=443): Max retries exceeded with url: \
    /t-1/v2.0/.well-known/openid-configuration (Caused by NameResolutionError(\"HTTPSConnection(host='login.microsoftonline.com', \
    port=443): Failed to resolve 'login.microsoftonline.com' ([Errno -2] Name or service not known)\"))\n\
    Traceback (most recent call last):\n  File \"/opt/az/lib/python3.11/site-packages/urllib3/connection.py\", line 239, in \
    _new_conn\n    sock = connection.create_connection(\nTo check existing issues, please visit: \
    https://github.com/Azure/azure-cli/issues\n";

#[test]
fn a_network_failure_is_told_apart() {
    let error = failure(1, NO_NETWORK);
    assert!(error.is_network(), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("Azure CLI could not reach Microsoft Entra ID."), "{text}");
    assert!(text.contains("said: HTTPSConnectionPool(host='login.microsoftonline.com'"), "{text}");
    assert!(!text.contains("raceback") && !text.contains("ERROR"), "{text}");
    for stderr in [
        "('Connection aborted.', RemoteDisconnected('x'))",
        "HTTPSConnectionPool: Read timed out. (read timeout=10)",
        "socket.gaierror: getaddrinfo failed",
    ] {
        assert!(failure(1, stderr).is_network(), "{stderr}");
    }
    assert!(!failure(1, "AADSTS90033: A transient error. Connection reset").is_network());
    assert!(!failure(1, "Please run 'az login'").is_network());
}

#[test]
fn other_failures_keep_their_code_and_words() {
    let error =
        failure(1, "ERROR: Subscription 'nope' not found. Check the spelling and casing and try again.\n");
    let AzError::Failed { code: 1, detail } = &error else { panic!("{error:?}") };
    assert!(detail.as_str().starts_with("Subscription 'nope'"));
    assert!(
        error.to_string().starts_with("Azure CLI exited with code 1. Azure CLI said: Subscription 'nope'")
    );
    let silent = failure(3, "");
    assert!(silent.to_string().contains("code 3 and gave no reason"), "{silent}");
    let on_stdout = parse_token(b"it broke", b"", Exit::Code(2), &UTC, NOW).unwrap_err();
    assert!(on_stdout.to_string().ends_with("code 2. Azure CLI said: it broke"), "{on_stdout}");
    let crash = failure(1, "Traceback (most recent call last):\n  x\nImportError: No module named azure\n");
    assert!(crash.to_string().contains("ImportError: No module named azure"), "{crash}");
}

#[test]
fn every_error_has_a_code_of_its_own() {
    let detail = Excerpt::default;
    let errors = [
        AzError::NotInstalled,
        AzError::NotExecutable,
        AzError::NotStarted { os_error: 1 },
        AzError::LoginRequired { aadsts: None, detail: detail() },
        AzError::Rejected { aadsts: 1, detail: detail() },
        AzError::Network { detail: detail() },
        AzError::Failed { code: 1, detail: detail() },
        AzError::Killed { signal: None, detail: detail() },
        AzError::TimedOut { limit_ms: 1, detail: detail() },
        AzError::OutputTooLarge { limit_bytes: 1 },
        AzError::NoOutput { detail: detail() },
        AzError::Malformed { flaw: Flaw::NotJson, detail: detail() },
        AzError::NoExpiry { expires_on: Expiry::Missing, local: Expiry::Missing },
        AzError::AlreadyExpired { expires_at_unix_ms: 1, now_unix_ms: 2 },
    ];
    for error in &errors {
        let debug = format!("{error:?}");
        assert_eq!(debug.split([' ', '{']).next(), Some(error.code()));
        assert!(error.to_string().ends_with('.'), "{error}");
        assert_eq!(error.is_network(), error.code() == "Network");
    }
}

#[test]
fn what_users_need_is_not_scrubbed() {
    for text in [
        "AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication",
        "Trace ID: 3b0d1f2e-5a6c-4d7e-8f90-a1b2c3d4e500 Timestamp: 2026-11-21 20:00:00Z",
        "https://login.microsoftonline.com/0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c/oauth2/v2.0/token?api-version=2022-12-01",
        "File \"/opt/az/lib/python3.11/site-packages/azure/cli/core/auth/msal_credentials.py\", line 80, in acquire_token",
        "C:\\Program Files\\Microsoft SDKs\\Azure\\CLI2\\python.exe: No module named azure.cli.__main__",
        "HTTPSConnectionPool(host='contoso12storage34accoun.blob.core.windows.net', port=443)",
        "/home/AnnMarie/Projects/MyCompany.Tools.Deploy/TokenProvider.cs",
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/MyGroup/providers/Microsoft.KeyVault/vaults/v",
        "The secret of the client was refused; the bearer token needs a password",
        "azure.core.pipeline.policies.BearerTokenCredentialPolicy",
        "--password \"...\" is not valid, nor is --client-secret",
        "requests.exceptions.ConnectionError: RemoteDisconnected('Remote end closed connection without response')",
        "urllib3.exceptions.NewConnectionError ServicePrincipalCredential ConfidentialClientApplication",
    ] {
        assert_eq!(Excerpt::of_text(text).as_str(), text);
    }
}

#[test]
fn secrets_are_scrubbed_wherever_they_stand() {
    let opaque = "EwB4A8l6BAAURSN/FHlDW5xN74t6GzbtsBBeBUYAAaK7";
    for (text, expected) in [
        (format!("a {TOKEN} b"), "a [redacted] b"),
        (format!("a '{opaque}' b"), "a '[redacted]' b"),
        (format!("got {}", "0123456789abcdef".repeat(4)), "got [redacted]"),
        ("{\"accessToken\": \"abc\"}".to_owned(), "{\"accessToken\": \"[redacted]\"}"),
        ("{\\\"access_token\\\": \\\"abc def\\\"}".to_owned(), "{\\\"access_token\\\": \\\"[redacted]\"}"),
        ("{'refresh_token': 'abc', 'x': 1}".to_owned(), "{'refresh_token': '[redacted]', 'x': 1}"),
        ("ACCESS_TOKEN=abc next".to_owned(), "ACCESS_TOKEN=[redacted] next"),
        ("x?access_token=abc&y=1".to_owned(), "x?access_token=[redacted]&y=1"),
        ("client_secret : abc; y".to_owned(), "client_secret : [redacted]; y"),
        ("Authorization: Bearer abcdefghijklmnop".to_owned(), "Authorization: Bearer [redacted]"),
        ("\"accessToken\": \"never ends".to_owned(), "\"accessToken\": \"[redacted]"),
        ("password: \"\" secret=".to_owned(), "password: \"\" secret="),
        ("idToken=abc, client_assertion=def}".to_owned(), "idToken=[redacted], client_assertion=[redacted]}"),
        ("\u{1b}[31mred\u{1b}[0m \u{1b}x\u{7}y\u{200b}z\tt\r\n".to_owned(), "red xyz\tt"),
        ("eyJhbGci\u{1b}[0mOiJSUzI1NiJ9".to_owned(), "[redacted]"),
        ("eyJhbGci\u{0}Oi\u{ad}JSUzI1NiJ9".to_owned(), "[redacted]"),
        ("eyJhbGciOiJIUzI short eyJ".to_owned(), "eyJhbGciOiJIUzI short eyJ"),
        ("eyJhbGciOiJIUzI1".to_owned(), "[redacted]"),
    ] {
        assert_eq!(Excerpt::of_text(&text).as_str(), expected);
    }
}

/// Where the line between names and tokens runs.
#[test]
fn words_are_taken_for_tokens_by_their_mix() {
    let forty = "abcdefghij".repeat(4);
    for kept in [
        "eyJaaaaaaaaaaaa",
        "ZXlKaaaaaaaaaaa",
        "ABCDEFGHIJKLMNOP12",
        "3B0D1F2E-5A6C-4D7E-8F90-A1B2C3D4E500",
        "aaaaBaaaaBaaaaBaaaaB",
        "contoso12storage34accoun",
        "Abc12-Def34-Ghi56-Jkl78",
        "Ghij12/Efgh34/abc",
        &forty,
    ] {
        assert_eq!(Excerpt::of_text(kept).as_str(), kept);
    }
    for redacted in [
        "eyJaaaaaaaaaaaaa",
        "ZXlKaaaaaaaaaaaa",
        "XH7O2F2U44Z5P6Q7",
        "Abcdefghijklmnop1",
        "aaaBaaaaBaaaaBaaaaB",
        "contoso12storage34account",
        "Ghij12/Efgh34/Ij56kl",
        &format!("{forty}k"),
    ] {
        assert_eq!(Excerpt::of_text(redacted).as_str(), "[redacted]", "{redacted}");
    }
}

#[test]
fn a_token_named_in_one_stream_is_scrubbed_from_both() {
    let stdout = b"{\"accessToken\": \"short.word\"}";
    let error =
        parse_token(stdout, b"it was short.word, c2hvcnQud29yZA==", Exit::Code(1), &UTC, NOW).unwrap_err();
    let AzError::Failed { detail, .. } = &error else { panic!("{error:?}") };
    assert_eq!(detail.as_str(), "it was [redacted], [redacted]");
    let two =
        b"{\"accessToken\": \"first.word\", \"refreshToken\": \"second.word\", \"idToken\": \"first.word\"}";
    let error = parse_token(two, b"first.word or second.word", Exit::Code(1), &UTC, NOW).unwrap_err();
    assert!(error.to_string().ends_with("[redacted] or [redacted]"), "{error}");
    assert_eq!(format!("{:?}", Excerpt::of_text("a \"b\"")), "\"a \\\"b\\\"\"");
    let unnamed = parse_token(b"{\"accessToken\": \"it\"}", b"it was", Exit::Code(1), &UTC, NOW).unwrap_err();
    assert!(unnamed.to_string().ends_with("it was"));
}

#[test]
fn what_az_says_of_a_failure_is_found_among_much_else() {
    let noise = "WARNING: words\n".repeat(300);
    let error = failure(
        1,
        &format!("{noise}ERROR: the reason\nERROR: and another\nTraceback (most recent call last):\n{noise}"),
    );
    assert!(error.to_string().ends_with("said: the reason\nand another"), "{error}");
}

/// Each looked for on its own in all of the rest they would take minutes.
#[test]
fn many_names_of_secrets_take_no_time() {
    let text = "secret=abcdefgh; ".repeat(2_000) + &"secret".repeat(5_000) + &"bearer ".repeat(4_000);
    assert!(Excerpt::of_text(&text).as_str().starts_with("secret=[redacted]; secret=[redacted]"));
    let different = (0..4_000).map(|number| format!("secret=word-{number:08} ")).collect::<Vec<_>>().concat();
    assert!(!failure(1, &different).to_string().contains("word-"));
}

#[test]
fn excerpts_are_short_and_keep_both_ends() {
    let long = format!("begin {}end", "word ".repeat(100_000));
    let excerpt = Excerpt::of_text(&long);
    assert!(excerpt.as_str().chars().count() <= MAX_EXCERPT_CHARS);
    assert!(excerpt.as_str().chars().count() > MAX_EXCERPT_CHARS - 20);
    assert!(excerpt.as_str().starts_with("begin word"));
    assert!(excerpt.as_str().ends_with("word end"));
    assert!(excerpt.as_str().contains(" [...] "), "{excerpt}");
    let fits = "ü".repeat(MAX_EXCERPT_CHARS);
    assert_eq!(Excerpt::of_text(&fits).as_str(), fits);
    let over = Excerpt::of_text(&format!("{fits}ü"));
    assert_eq!(over.as_str().chars().count(), MAX_EXCERPT_CHARS - 1);
    assert!(over.as_str().contains("ü [...] ü"));
}

/// Every form in which a token can stand in text.
fn forms(token: &str) -> Vec<String> {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| {
        String::from_utf8_lossy(&token.encode_utf16().flat_map(bytes).collect::<Vec<_>>()).into_owned()
    };
    vec![token.to_owned(), base64(token.as_bytes()), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)]
}

fn base64(bytes: &[u8]) -> String {
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
    let digit = |six: &[u8]| {
        let value =
            (0..6).fold(0, |value, place| value * 2 + usize::from(six.get(place).copied().unwrap_or(0)));
        char::from(BASE64.as_bytes()[value])
    };
    let text: String = bits.chunks(6).map(digit).collect();
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

/// How many characters of a token are a leak.
const LEAK: usize = 16;

/// The form of `token` of which [`LEAK`] characters or all stand in `text`.
fn leak(text: &str, token: &str) -> Option<String> {
    let shown: HashSet<&[u8]> = text.as_bytes().windows(LEAK).collect();
    forms(token).into_iter().find(|form| form.as_bytes().windows(LEAK).any(|part| shown.contains(part)))
}

#[test]
fn a_planted_leak_is_found() {
    for form in forms(TOKEN) {
        assert!(leak(&format!("so {form} said"), TOKEN).is_some());
        assert!(leak(&format!("so {} said", &form[20..40]), TOKEN).is_some());
    }
    assert!(leak("so nothing said", TOKEN).is_none());
}

fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        (url_base64(30..60), url_base64(40..400), url_base64(40..342))
            .prop_map(|(header, payload, signature)| format!("eyJ{header}.eyJ{payload}.{signature}")),
        (characters(BASE64, 64..600), "={0,2}").prop_map(|(text, padding)| text + &padding),
        url_base64(64..600),
        characters(BASE64, 400..1_200).prop_map(|text| format!("Ew{text}")),
        characters("0123456789abcdef", 40..128),
        characters("0123456789ABCDEF", 40..128),
    ]
}

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn url_base64(length: Range<usize>) -> impl Strategy<Value = String> {
    characters(BASE64, length).prop_map(|text| text.replace('+', "-").replace('/', "_"))
}

/// Each equally likely, as in a token; a character class of a regular expression favours its single characters.
fn characters(alphabet: &'static str, length: Range<usize>) -> impl Strategy<Value = String> {
    let one = prop::sample::select(alphabet.chars().collect::<Vec<_>>());
    prop::collection::vec(one, length).prop_map(String::from_iter)
}

/// A token in a place where az, Python or a wrapper could put it.
fn placed(token: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let forms = forms(token);
    let text = prop::sample::select(vec![
        "{}",
        " {} ",
        "'{}'",
        "\"{}\"",
        "Bearer {}",
        "Authorization: Bearer {}\n",
        "x={}",
        "({})",
        "<{}>",
        "{},",
        "{}\n",
        "\"accessToken\": \"{}\"",
        "{{\"accessToken\": \"{}\"",
        "{'access_token': '{}'",
        "\\\"accessToken\\\": \\\"{}\\\"",
        "https://x/?access_token={}&y",
        "ERROR: {} az login",
        "ERROR: AADSTS1: {}",
        "\u{1b}[31m{}\u{1b}[0m",
        "WARNING: {}\n",
        "Traceback (most recent call last):\n{}\nERROR: {}",
        "{\"expires_on\": \"{}\"}",
        "{}{}",
    ]);
    (text, prop::sample::select(forms), 0..4_usize).prop_map(move |(text, form, wide)| {
        let text = text.replace("{}", &form);
        match wide {
            0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            1 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            _ => text.into_bytes(),
        }
    })
}

/// A stream: noise, the token, noise; sometimes long, and cut anywhere.
fn stream(token: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let noise = || {
        prop_oneof![
            Just(Vec::new()),
            prop::collection::vec(any::<u8>(), 0..30),
            "[a-z \n]{0,40}".prop_map(String::into_bytes),
            (0..20_000_usize).prop_map(|length| b"noise ".iter().copied().cycle().take(length).collect()),
            (0..20_000_usize).prop_map(|length| vec![b'\n'; length]),
            Just(document_without_token().into_bytes()),
        ]
    };
    let token_is_jwt = token.starts_with("eyJ");
    (noise(), placed(token), noise(), any::<prop::sample::Index>(), 0..4_u8).prop_map(
        move |(before, token, after, cut, whole)| {
            // A JWT is known by its beginning, so that it may be cut; of another token a short part looks like any word.
            let whole = whole > 0 || !token_is_jwt;
            // The separator keeps noise from running into the token, which would make it another token.
            let stream = [&before[..], b" ", &token, b" ", &after].concat();
            if whole { stream } else { stream[..cut.index(stream.len())].to_vec() }
        },
    )
}

fn document_without_token() -> String {
    document().replace(TOKEN, "x")
}

fn exit() -> impl Strategy<Value = Exit> {
    prop_oneof![
        4 => Just(Exit::Code(0)),
        4 => Just(Exit::Code(1)),
        1 => any::<i32>().prop_map(Exit::Code),
        1 => any::<Option<i32>>().prop_map(Exit::Signal),
        1 => any::<u64>().prop_map(|limit_ms| Exit::TimedOut { limit_ms }),
        1 => Just(Exit::NotFound),
        1 => Just(Exit::OutputTooLarge { limit_bytes: 1 }),
    ]
}

proptest! {
    #[test]
    fn no_error_holds_a_token(
        (token, stdout, stderr) in token().prop_flat_map(|token| (Just(token.clone()), stream(&token), stream(&token))),
        exit in exit(),
    ) {
        if let Err(error) = parse_token(&stdout, &stderr, exit, &UTC, NOW) {
            for shown in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
                prop_assert_eq!(leak(&shown, &token), None, "{}", shown);
                prop_assert!(shown.len() < 5 * MAX_EXCERPT_CHARS);
            }
        }
    }

    #[test]
    fn a_document_with_anything_wrong_holds_no_token_in_its_error(
        token in token(), expires_on in ".{0,20}", local in ".{0,40}", kind in "(Bearer|pop|.{0,9})", after in ".{0,9}",
    ) {
        let text = serde_json::json!({
            "accessToken": token, "expires_on": expires_on, "expiresOn": local, "tokenType": kind,
        }).to_string() + &after;
        match success(text.as_bytes()) {
            Ok(parsed) => prop_assert_eq!(leak(&format!("{parsed:?}"), &token), None),
            Err(error) => prop_assert_eq!(leak(&format!("{error} {error:?}"), &token), None, "{}", error),
        }
    }

    #[test]
    fn no_bytes_panic(stdout: Vec<u8>, stderr: Vec<u8>, exit in exit(), offset: i32, now: i64) {
        let _ = parse_token(&stdout, &stderr, exit, &FixedOffset { seconds: offset }, now).map_err(|error| error.to_string());
    }

    #[test]
    fn no_json_panics(value in json(), now: i64) {
        let _ = parse_token(value.as_bytes(), b"", Exit::Code(0), &UTC, now).map_err(|error| error.to_string());
    }

    #[test]
    fn what_is_shown_stays_shown(text: String) {
        let once = Excerpt::of_text(&text);
        prop_assert!(once.as_str().chars().count() <= MAX_EXCERPT_CHARS);
        prop_assert!(!once.as_str().chars().any(|character| character.is_control() && !"\n\t".contains(character)));
    }
}

fn json() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "[0-9.eE+-]{0,25}",
        ".{0,20}".prop_map(|text| serde_json::json!(text).to_string()),
    ];
    let name = prop::sample::select(vec!["accessToken", "expires_on", "expiresOn", "tokenType", "tenant"]);
    prop::collection::vec((name, value), 0..6).prop_map(|fields| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}
