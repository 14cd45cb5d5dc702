//! The commands of `azure-token-cache`: what each is called, and how each of them fails.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;

use azure_token_cache_core::az::account::Absence;
use azure_token_cache_host::store::StoreError;
use lexopt::{Arg, Parser};

use self::shim::ShimError;
use crate::exit;
use crate::obtain::{Failed, Trouble};
use crate::open_store::unknown_vault;
use crate::store_trouble::Told;
use crate::streams::{Unwritten, answer, say};

mod clear;
mod completions;
mod doctor;
mod explain;
mod get_token;
mod help;
mod shim;
mod status;
mod style;
mod token_options;

/// Why a command failed.
#[derive(Debug)]
pub enum CommandError {
    /// The command line is not understood.
    Usage(String),
    /// az failed.
    Az(Box<Failed>),
    /// Nothing could be answered.
    Trouble(Trouble),
    /// The store cannot be used.
    Store(StoreError),
    /// The shim cannot be installed or removed.
    Shim(ShimError),
    /// The answer could not be written.
    Unwritten(Unwritten),
    /// Something that was looked at is not well; it was printed.
    Unwell,
}

/// Runs the command that these arguments name.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    if let Some(unknown) = unknown_vault() {
        say(format_args!("{} {unknown}", style::for_stderr().doubtful("azure-token-cache:")));
    }
    let answered =
        command(arguments).and_then(|text| answer(text.as_bytes()).map_err(CommandError::Unwritten));
    match answered {
        Ok(()) => ExitCode::from(exit::DONE),
        Err(CommandError::Unwell) => ExitCode::from(exit::FAILED),
        Err(error) => {
            say(format_args!("{} {error}", style::for_stderr().bad("azure-token-cache:")));
            ExitCode::from(error.exit_code())
        }
    }
}

fn command(arguments: Vec<OsString>) -> Result<String, CommandError> {
    let mut parser = Parser::from_args(arguments);
    let Some(first) = parser.next()? else {
        return Err(CommandError::Usage(format!("a command is needed\n\n{}", help::OVERVIEW)));
    };
    let name = match first {
        Arg::Short('h') | Arg::Long("help") => return Ok(help::OVERVIEW.into()),
        Arg::Short('V') | Arg::Long("version") => {
            return Ok(format!("azure-token-cache {}\n", env!("CARGO_PKG_VERSION")));
        }
        Arg::Value(name) => name.to_string_lossy().into_owned(),
        other => return Err(other.unexpected().into()),
    };
    match name.as_str() {
        "help" => help::of(&mut parser),
        "get-token" => get_token::run(&mut parser),
        "status" => status::run(&mut parser),
        "explain" => explain::run(&mut parser),
        "clear" => clear::run(&mut parser),
        "doctor" => doctor::run(&mut parser),
        "shim" => shim::run(&mut parser),
        "completions" => completions::run(&mut parser),
        unknown => {
            Err(CommandError::Usage(format!("'{unknown}' is no command{}", help::suggestion(unknown))))
        }
    }
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Trouble(Trouble::Request(_)) => exit::USAGE,
            Self::Az(failed) => exit_code_of(&failed.failure.class),
            Self::Trouble(Trouble::Az(error)) => exit_code_of(error.code()),
            Self::Trouble(Trouble::Absent(absence)) if is_nobody(absence) => exit::LOGIN_NEEDED,
            Self::Trouble(Trouble::NoAz(_)) | Self::Shim(ShimError::NoAz(_)) => exit::NO_AZ,
            Self::Store(_) | Self::Shim(ShimError::Place(_) | ShimError::NoUsualPlace(_)) => exit::NO_STORE,
            Self::Trouble(_) | Self::Shim(_) | Self::Unwritten(_) | Self::Unwell => exit::FAILED,
        }
    }
}

/// By the name of az's error, which is what is kept of one.
fn exit_code_of(class: &str) -> u8 {
    match class {
        "LoginRequired" => exit::LOGIN_NEEDED,
        "NotInstalled" | "NotExecutable" => exit::NO_AZ,
        _ => exit::FAILED,
    }
}

/// Whether nobody is logged in, and not only a subscription missing.
fn is_nobody(absence: &Absence) -> bool {
    matches!(absence, Absence::NoAccounts | Absence::NoneInCloud { .. })
}

impl From<lexopt::Error> for CommandError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(format!("{error}; --help lists what there is"))
    }
}

impl Display for CommandError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => f.write_str(text),
            Self::Az(failed) => f.write_str(&failed.failure.message),
            Self::Trouble(trouble) => Display::fmt(trouble, f),
            Self::Store(error) => Display::fmt(&Told(error), f),
            Self::Shim(error) => Display::fmt(error, f),
            Self::Unwritten(error) => Display::fmt(error, f),
            Self::Unwell => f.write_str("something is not well"),
        }
    }
}
