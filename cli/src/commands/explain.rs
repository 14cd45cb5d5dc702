//! `explain`: which line of the decision table would answer now, and why. It runs nothing.

use azure_token_cache_core::Stability;
use azure_token_cache_core::az::account::{Account, Identity};
use azure_token_cache_core::walk::{Answer, Loaded, StoredToken, Terms, Walk, Wanted};
use azure_token_cache_host::store::{Failure, Store, StoreError, Token};
use lexopt::Parser;

use super::style::duration;
use super::token_options::{Output, TokenOptions};
use super::{CommandError, help, is_nobody};
use crate::login::AzLogin;
use crate::obtain::{Trouble, entry_key, loaded, unix_ms};
use crate::open_store::open;
use crate::real_az::RealAz;
use crate::store_trouble::Told;
use crate::surroundings::{Surroundings, is_off};

/// The lines of the decision table that there are for who answers once: nothing is refreshed behind or in front of a caller.
#[derive(Clone, Copy)]
enum Zone {
    /// The token is handed out.
    Fresh,
    /// There is no token, or none with as much left as az promises: az brings one.
    Expired,
    /// The table is not asked.
    None,
}

/// Which line answers, and why.
type Verdict = (Zone, &'static str);

type Line = (&'static str, String);

pub fn run(parser: &mut Parser) -> Result<String, CommandError> {
    let options = TokenOptions::read(parser, Output::Never)?;
    if options.help {
        return Ok(help::EXPLAIN.into());
    }
    let surroundings =
        Surroundings::of_process().map_err(|error| CommandError::Trouble(Trouble::System(error)))?;
    let explained = explain(&options, &surroundings)?;
    Ok(explained.iter().fold(String::new(), |text, (name, said)| text + &format!("{name:<8}{said}\n")))
}

fn explain(options: &TokenOptions, surroundings: &Surroundings) -> Result<Vec<Line>, CommandError> {
    let command = options.command();
    let mut login = AzLogin::read(surroundings, command.subscription);
    let mut lines = vec![("az", az())];
    let account = login
        .settled_account(command.subscription, command.tenant)
        .map_err(|unrest| CommandError::Trouble(Trouble::Unrest(unrest)))?;
    let identity = match account {
        Account::Present(identity) => identity,
        Account::Absent(absence) => {
            let why = if is_nobody(&absence) { "nobody is logged in" } else { "no subscription is chosen" };
            lines.push(("login", absence.to_string()));
            lines.push(("zone", said((Zone::None, "there is no account that the token could be of"))));
            lines.push(("answer", format!("az's error: {why}")));
            return Ok(lines);
        }
    };
    lines.push(("login", who(&identity)));
    let key = entry_key(&command, &identity, surroundings).map_err(CommandError::Trouble)?;
    let store = open();
    lines.push(("store", where_is(&store)));
    let (found, token, failure) = match &store {
        Ok(store) => loaded(store, &key),
        Err(_) => (Loaded::default(), None, None),
    };
    lines.push(("entry", entry(token.as_deref(), failure.as_ref())));
    let verdict = verdict(&found, &identity, &mut login, store.is_ok());
    lines.push(("zone", said(verdict)));
    lines
        .push(("answer", if matches!(verdict.0, Zone::Fresh) { "from the store" } else { "from az" }.into()));
    Ok(lines)
}

fn entry(token: Option<&Token>, failure: Option<&Failure>) -> String {
    match (token, failure) {
        (Some(token), _) => {
            let left = (token.expires_at_ms - unix_ms()).div_euclid(1_000);
            let age = (unix_ms() - token.acquired_at_ms).div_euclid(1_000);
            format!("a token with {} left, acquired {} ago", duration(left), duration(age))
        }
        (None, Some(failure)) => format!("no token; the last fetch failed: {}", failure.class),
        (None, None) => "nothing is kept for this request".into(),
    }
}

fn said((zone, why): Verdict) -> String {
    let zone = match zone {
        Zone::Fresh => "fresh",
        Zone::Expired => "expired",
        Zone::None => "none",
    };
    format!("{zone}: {why}")
}

fn az() -> String {
    match RealAz::find() {
        Ok(az) => az.path.display().to_string(),
        Err(none) => Trouble::NoAz(none).to_string(),
    }
}

fn who(identity: &Identity) -> String {
    let Identity { user, tenant, cloud, subscription_id, .. } = identity;
    format!("{user}, tenant {tenant}, subscription {subscription_id}, {cloud}")
}

fn where_is(store: &Result<Store, StoreError>) -> String {
    match store {
        Ok(store) => match store.vault() {
            Some(vault) => format!("{}, its key in the {vault}", store.folder().display()),
            None => format!("{}, still empty", store.folder().display()),
        },
        Err(error) => Told(error).to_string(),
    }
}

/// The walk decides; this finds the words.
fn verdict(found: &Loaded, identity: &Identity, login: &mut AzLogin<'_>, has_store: bool) -> Verdict {
    if is_off() {
        return (Zone::None, "AZURE_TOKEN_CACHE is off");
    }
    if !has_store {
        return (Zone::None, "there is no store");
    }
    if identity.is_memory_only() {
        return (Zone::None, "az's files do not tell whose the token would be, so that it is never kept");
    }
    let wanted = Wanted { login: login.digests(), held: None, challenged: false, runs: 0, behind: false };
    let now = login.time.now();
    let mut walk = Walk::new(wanted, Terms::ONE_ANSWER, 0, now);
    if walk.handle_loaded(*found, Stability::Steady, now) == Some(Answer::Stored) {
        return (Zone::Fresh, "the token is of this login and has more than 5 min left");
    }
    (Zone::Expired, found.token.map_or("nothing is kept", |token| why_not(&token, wanted)))
}

fn why_not(token: &StoredToken, wanted: Wanted) -> &'static str {
    let left = token.expires_at - unix_ms();
    let (kept, own) = (token.login, wanted.login);
    if left <= 0 {
        "the token has expired"
    } else if left <= i64::from(Terms::ONE_ANSWER.min_validity) {
        "the token has less than 5 min left"
    } else if kept.account != own.account && kept.session != own.session {
        "somebody logged in since the token was fetched"
    } else {
        "the clock was set back since the token was fetched"
    }
}
