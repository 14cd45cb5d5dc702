//! `get-token`: a token, printed in the form that the caller needs.

use std::time::Duration;

use azure_token_cache_core::az::command::Render;
use azure_token_cache_host::store::{Store, StoreError, Token};
use lexopt::Parser;

use super::token_options::{self, TokenOptions};
use super::{CommandError, help, style};
use crate::obtain::{Asked, Outcome, Trouble, obtain};
use crate::open_store::open;
use crate::shim::document;
use crate::store_trouble::Told;
use crate::streams::say;
use crate::surroundings::{Surroundings, is_off};

/// As long as a credential's fetch may take.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Output {
    Document(Render),
    Header,
}

pub fn run(parser: &mut Parser) -> Result<String, CommandError> {
    let options = TokenOptions::read(parser, token_options::Output::Chosen)?;
    if options.help {
        return Ok(help::GET_TOKEN.into());
    }
    let output = output(options.output.as_deref())?;
    options.command().key().map_err(|error| CommandError::Trouble(Trouble::Request(error)))?;
    let surroundings =
        Surroundings::of_process().map_err(|error| CommandError::Trouble(Trouble::System(error)))?;
    let store = store();
    let token = match token(&options, store.as_ref(), &surroundings) {
        // Nobody can say whose the next token would be.
        Err(CommandError::Trouble(Trouble::MemoryOnly)) => token(&options, None, &surroundings),
        answered => answered,
    }?;
    Ok(match output {
        Output::Document(render) => document(&token, render),
        Output::Header => format!("Authorization: {} {}\n", token.token_type, token.secret.expose()),
    })
}

fn output(name: Option<&str>) -> Result<Output, CommandError> {
    Ok(match name.unwrap_or("json") {
        "json" => Output::Document(Render::Json),
        "tsv" | "token" => Output::Document(Render::BareToken),
        "header" => Output::Header,
        other => {
            let text = format!("'{other}' is no output format: json, tsv, token or header");
            return Err(CommandError::Usage(text));
        }
    })
}

fn store() -> Option<Store> {
    if is_off() {
        return None;
    }
    let complain = |error: &StoreError| {
        let name = style::for_stderr().doubtful("azure-token-cache:");
        say(format_args!("{name} the token is not kept: {}", Told(error)));
    };
    open().inspect_err(complain).ok()
}

fn token(
    options: &TokenOptions,
    store: Option<&Store>,
    surroundings: &Surroundings,
) -> Result<Box<Token>, CommandError> {
    let mut outcome = None;
    obtain(&Asked { command: options.command(), store, limit: LIMIT }, surroundings, |answer| {
        outcome = Some(answer);
    });
    match outcome {
        Some(Outcome::Token(token)) => Ok(token),
        Some(Outcome::Failed(failed)) => Err(CommandError::Az(failed)),
        Some(Outcome::Trouble(trouble)) => Err(CommandError::Trouble(trouble)),
        None => Err(CommandError::Trouble(Trouble::LoginMoved)),
    }
}
