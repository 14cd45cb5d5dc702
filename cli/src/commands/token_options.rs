//! Which token is asked for, by az's own flags.

use azure_token_cache_core::az::args::Audience;
use azure_token_cache_core::az::command::TokenCommand;
use lexopt::{Arg, Parser, ValueExt};

use super::CommandError;

/// The flags of `get-token` and `explain`.
#[derive(Default)]
pub struct TokenOptions {
    resource: Option<String>,
    scope: Option<String>,
    tenant: Option<String>,
    subscription: Option<String>,
    /// How to print the token.
    pub output: Option<String>,
    /// Only the help is wanted.
    pub help: bool,
}

/// Whether there is a token to print in one form or another.
#[derive(Clone, Copy, PartialEq)]
pub enum Output {
    /// `--output` says in which.
    Chosen,
    /// There is none.
    Never,
}

impl TokenOptions {
    /// Reads what is left of the command line.
    pub fn read(parser: &mut Parser, output: Output) -> Result<Self, CommandError> {
        let mut options = Self::default();
        while let Some(argument) = parser.next()? {
            let (name, place) = match argument {
                Arg::Long("resource") => ("--resource", &mut options.resource),
                Arg::Long("scope") => ("--scope", &mut options.scope),
                Arg::Short('t') | Arg::Long("tenant") => ("--tenant", &mut options.tenant),
                Arg::Short('s' | 'n') | Arg::Long("subscription" | "name") => {
                    ("--subscription", &mut options.subscription)
                }
                Arg::Short('o') | Arg::Long("output") if output == Output::Chosen => {
                    ("--output", &mut options.output)
                }
                Arg::Short('h') | Arg::Long("help") => {
                    options.help = true;
                    continue;
                }
                other => return Err(other.unexpected().into()),
            };
            let value = parser.value()?.string()?;
            if value.is_empty() {
                return Err(CommandError::Usage(format!("{name} needs a value")));
            }
            if place.replace(value).is_some() {
                return Err(CommandError::Usage(format!("{name} is there twice")));
            }
        }
        if options.resource.is_some() && options.scope.is_some() {
            return Err(CommandError::Usage("a resource or a scope, not both: they say the same".into()));
        }
        Ok(options)
    }

    /// The request.
    pub fn command(&self) -> TokenCommand<'_> {
        let resource = self.resource.as_deref().map(Audience::Resource);
        TokenCommand {
            audience: resource.or_else(|| self.scope.as_deref().map(Audience::Scope)),
            tenant: self.tenant.as_deref(),
            subscription: self.subscription.as_deref(),
        }
    }
}

/// Reads a command line that has no options but `--help` and those named; which of them are there.
pub fn switches<const N: usize>(
    parser: &mut Parser,
    names: [&str; N],
) -> Result<Option<[bool; N]>, CommandError> {
    let mut given = [false; N];
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long(name) => match names.iter().position(|known| *known == name) {
                Some(index) => given[index] = true,
                None => return Err(Arg::Long(name).unexpected().into()),
            },
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(given))
}
