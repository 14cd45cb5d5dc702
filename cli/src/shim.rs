//! The shim: what it can answer as az would, it answers; for everything else it becomes the real az.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::Duration;

use azure_token_cache_core::az::account::{AccountEnvironment, AccountError, AccountFiles};
use azure_token_cache_core::az::answer::{self, Expiry, TokenDocument};
use azure_token_cache_core::az::command::{
    Command, Render, Setting, TokenCommand, is_plain, names_format, parse,
};
use azure_token_cache_core::az::output::Exit;
use azure_token_cache_host::run;
use azure_token_cache_host::store::Token;
use azure_token_cache_host::witness::LoginFiles;

use crate::exit::FAILED;
use crate::handover::{become_az, run_az};
use crate::kept_version;
use crate::login::{AzLogin, Unrest};
use crate::obtain::{Asked, Failed, Outcome, Trouble, forget, obtain};
use crate::open_store::{clear, open};
use crate::streams::{self, pass_on, say};
use crate::surroundings::{Surroundings, is_bypassed};
use crate::zone::SystemZone;

/// az's callers give up by themselves; this ends an az that hangs after they are gone.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Does what az would do with these arguments.
pub fn run(arguments: &[OsString]) -> ExitCode {
    if !is_bypassed() {
        // A mistake of ours must not cost an answer that az has.
        panic::set_hook(Box::new(|_| {}));
        let answered = panic::catch_unwind(AssertUnwindSafe(|| answered(arguments)));
        if let Ok(Some(code)) = answered {
            return code;
        }
        let _ = panic::catch_unwind(let_login_rest);
    }
    become_az(arguments)
}

fn answered(arguments: &[OsString]) -> Option<ExitCode> {
    let words: Vec<&[u8]> = arguments.iter().map(|word| word.as_encoded_bytes()).collect();
    let plain = || {
        let surroundings = Surroundings::of_process().ok()?;
        is_plain_here(&surroundings, names_format(&words)).then_some(surroundings)
    };
    match parse(&words) {
        Command::Token(command, render) => token(&command, render, &plain()?),
        Command::AccountShow => account(&plain()?, answer::account_show),
        Command::AccountList => account(&plain()?, answer::account_list),
        Command::Version => kept_version::version(&plain()?).and_then(|answer| print_run(&answer)),
        Command::Logout => log_out(arguments),
        Command::Unknown => None,
    }
}

fn is_plain_here(surroundings: &Surroundings, names_format: bool) -> bool {
    let mut files = LoginFiles::new(vec![surroundings.config_folder.join("config")], Vec::new());
    files.read();
    let Ok(config) = files.contents(0) else { return false };
    let variable = |name| std::env::var_os(name).map(OsString::into_encoded_bytes);
    let (output, warning) = (variable("AZURE_CORE_OUTPUT"), variable("AZURE_CLIENTS_SHOW_SECRETS_WARNING"));
    let setting = Setting {
        completing: std::env::var_os("_ARGCOMPLETE").is_some(),
        azure_core_output: output.as_deref(),
        azure_clients_show_secrets_warning: warning.as_deref(),
        config,
    };
    is_plain(&setting, names_format)
}

fn token(command: &TokenCommand<'_>, render: Render, surroundings: &Surroundings) -> Option<ExitCode> {
    let store = open().ok()?;
    let mut code = None;
    let asked = Asked { command: *command, store: Some(&store), limit: LIMIT };
    obtain(&asked, surroundings, |outcome| {
        code = match outcome {
            Outcome::Token(token) => Some(print(document(&token, render).as_bytes())),
            Outcome::Failed(failed) => Some(print_failure(&failed)),
            Outcome::Trouble(Trouble::Unrest(unrest)) => Some(refuse(unrest)),
            Outcome::Trouble(_) => None,
        };
    });
    code
}

/// A token as az prints it.
pub fn document(token: &Token, render: Render) -> String {
    let expiry = match (token.expires_on, token.expires_on_text.as_deref()) {
        (Some(seconds), _) => Expiry::Seconds(seconds),
        (None, Some(local)) => Expiry::LocalText(local),
        (None, None) => Expiry::Seconds(token.expires_at_ms.div_euclid(1_000)),
    };
    let document = TokenDocument {
        secret: token.secret.expose(),
        expiry,
        tenant: &token.tenant,
        subscription: token.subscription.as_deref(),
    };
    answer::token(&document, render, &SystemZone)
}

/// What az prints of its profile, of which `said` tells.
fn account(surroundings: &Surroundings, said: Said) -> Option<ExitCode> {
    let mut login = AzLogin::read(surroundings, None);
    if let Err(unrest) = login.settled_account(None, None) {
        return Some(refuse(unrest));
    }
    let shown = said(&login.contents().ok()?, &surroundings.account_environment()).ok()??;
    (shown.is_ascii() || az_prints_utf8()).then(|| print(shown.as_bytes()))
}

type Said = fn(&AccountFiles<'_>, &AccountEnvironment<'_>) -> Result<Option<String>, AccountError>;

/// Whether Python writes UTF-8: in the C locale too it does, elsewhere it goes by the locale.
fn az_prints_utf8() -> bool {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_told = ["PYTHONIOENCODING", "PYTHONUTF8"].iter().any(|name| std::env::var_os(name).is_some());
    let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE")).or_else(|| variable("LANG"));
    let is_utf8 = |locale: String| {
        let locale = locale.to_ascii_lowercase();
        ["c", "posix"].contains(&locale.as_str()) || locale.contains("utf-8") || locale.contains("utf8")
    };
    cfg!(unix) && !is_told && locale.is_none_or(is_utf8)
}

/// An az that reads a half-written profile overwrites it with nothing.
fn refuse(unrest: Unrest) -> ExitCode {
    say(format_args!("ERROR: {}", Trouble::Unrest(unrest)));
    ExitCode::from(FAILED)
}

/// For what only az can do, with a broken profile too: it may be what puts that right.
fn let_login_rest() {
    if let Ok(surroundings) = Surroundings::of_process() {
        AzLogin::read(&surroundings, None).let_rest();
    }
}

fn print(bytes: &[u8]) -> ExitCode {
    print_with(bytes, ExitCode::SUCCESS)
}

/// `code` counts where the answer has arrived.
fn print_with(bytes: &[u8], code: ExitCode) -> ExitCode {
    match streams::answer(bytes) {
        Ok(()) => code,
        Err(unwritten) => {
            say(format_args!("az: {unwritten}"));
            ExitCode::from(FAILED)
        }
    }
}

fn print_failure(failed: &Failed) -> ExitCode {
    let Failed { failure, stderr } = failed;
    let (said, code) = match &failure.az {
        Some(az) => (az.stderr.clone().into_bytes(), az.exit_code),
        None => (format!("ERROR: {}\n", failure.message).into_bytes(), 1),
    };
    pass_on(stderr.as_deref().unwrap_or(&said));
    exit_code(code)
}

fn print_run(answer: &run::Answer) -> Option<ExitCode> {
    let Exit::Code(code) = answer.exit else { return None };
    pass_on(&answer.stderr);
    Some(print_with(&answer.stdout, exit_code(code)))
}

/// Exit codes beyond a byte are Windows' own.
fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Whoever logs out wants no token left behind: none of before, and none that another process keeps while az is at it.
fn log_out(arguments: &[OsString]) -> Option<ExitCode> {
    let surroundings = Surroundings::of_process().ok()?;
    AzLogin::read(&surroundings, None).let_rest();
    run_az(arguments, || {
        // az has run, or is about to: once.
        let _ = panic::catch_unwind(|| match open() {
            Ok(store) => forget(&store, &surroundings),
            // Only a key tells which tokens are this folder's: they all go, and can be fetched again.
            Err(_) => drop(clear()),
        });
    })
}
