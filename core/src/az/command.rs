//! What a command line asks of az, where that is certain: the few commands that az's callers ask for all day.
//!
//! As az 2.91 parses its arguments. A form that is not listed here, one that az would refuse, and one whose answer depends on
//! more than this module knows are all [`Command::Unknown`]: the real az answers those.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::args::{self, Audience, AzKey, RequestError, TokenRequest};
use super::ini::Ini;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `account get-access-token`.
    Token(TokenCommand<'a>, Render),
    /// `account show`, as JSON.
    AccountShow,
    /// `account list`, as JSON.
    AccountList,
    /// `version`, as JSON.
    Version,
    /// `logout` or `account clear`, with whatever flags: for az to do, and no token is to be left behind.
    Logout,
    /// Something else, or nothing that is certain.
    Unknown,
}

/// Which token is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCommand<'a> {
    /// What the token is for; `None` is the active cloud's own resource.
    pub audience: Option<Audience<'a>>,
    /// `--tenant`.
    pub tenant: Option<&'a str>,
    /// `--subscription`.
    pub subscription: Option<&'a str>,
}

/// How a token is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Render {
    /// The whole document, as JSON.
    Json,
    /// `--query accessToken`, as JSON: the token in quotes.
    QuotedToken,
    /// `--query accessToken`, as tab-separated values: the token alone.
    BareToken,
}

/// What besides the arguments decides about az's output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting<'a> {
    /// Whether `_ARGCOMPLETE` is set: az completes a command line instead of running one.
    pub completing: bool,
    /// `AZURE_CORE_OUTPUT`: the format without `--output`, before `config`.
    pub azure_core_output: Option<&'a [u8]>,
    /// `AZURE_CLIENTS_SHOW_SECRETS_WARNING`: whether az warns of the token that it prints, before `config`.
    pub azure_clients_show_secrets_warning: Option<&'a [u8]>,
    /// The bytes of az's file `config`; `None` if there is none.
    pub config: Option<&'a [u8]>,
}

/// What an az is asked that is started with these arguments, without the program's name.
///
/// Arguments are bytes, since an operating system's words need not be text. What [`Setting`] says is [`is_plain`]'s to judge.
#[must_use]
pub fn parse<'a>(arguments: &[&'a [u8]]) -> Command<'a> {
    if is_logout(arguments) {
        return Command::Logout;
    }
    let words: Option<Vec<&str>> = arguments.iter().map(|word| core::str::from_utf8(word).ok()).collect();
    words.and_then(|words| certain(&words)).unwrap_or(Command::Unknown)
}

/// Whether the arguments name an output format. Without one the format is az's default, which users change.
#[must_use]
pub fn names_format(arguments: &[&[u8]]) -> bool {
    let is_short = |word: &[u8]| word.starts_with(b"-o");
    let is_long = |word: &[u8]| word == b"--output" || word.starts_with(b"--output=");
    arguments.iter().any(|word| is_short(word) || is_long(word))
}

/// Whether az prints what [`parse`] says, and nothing besides: no other default format where `names_format` says that the
/// arguments name none, no completion, no warning.
#[must_use]
pub fn is_plain(setting: &Setting<'_>, names_format: bool) -> bool {
    let Ok(config) = setting.config.map(Ini::parse).transpose() else { return false };
    let config = config.unwrap_or_default();
    let value = |variable: Option<&[u8]>, section: &str, option: &str| match variable {
        Some(bytes) => core::str::from_utf8(bytes).map(|text| Some(text.to_owned())).map_err(|_| ()),
        None => config.get(section, option).map_err(|_| ()),
    };
    let format = value(setting.azure_core_output, "core", "output");
    let warning = value(setting.azure_clients_show_secrets_warning, "clients", "show_secrets_warning");
    let is_json = |format: Option<String>| format.is_none_or(|format| format.eq_ignore_ascii_case("json"));
    let is_off = |warning: Option<String>| {
        warning
            .is_none_or(|word| ["0", "no", "false", "off"].iter().any(|off| word.eq_ignore_ascii_case(off)))
    };
    // az resolves its default format even where it is not used.
    !setting.completing
        && format.is_ok_and(|format| names_format || is_json(format))
        && warning.is_ok_and(is_off)
}

impl TokenCommand<'_> {
    /// az's arguments for this token as JSON, without the program's name.
    ///
    /// Errors: as [`args::key`].
    pub fn arguments(&self) -> Result<Vec<String>, RequestError> {
        let Some(audience) = self.audience else {
            let mut arguments = args::token_arguments(&self.request(ANY))?;
            arguments.drain(AUDIENCE_AT..AUDIENCE_END);
            return Ok(arguments);
        };
        args::token_arguments(&self.request(audience))
    }

    /// What az honours of it.
    ///
    /// Errors: as [`args::key`].
    pub fn key(&self) -> Result<TokenKey, RequestError> {
        let key = args::key(&self.request(self.audience.unwrap_or(ANY)))?;
        Ok(TokenKey { is_default: self.audience.is_none(), key })
    }

    fn request<'b>(&'b self, audience: Audience<'b>) -> TokenRequest<'b> {
        TokenRequest { audience, tenant: self.tenant, subscription: self.subscription }
    }
}

/// What az honours of a token request: requests with equal keys get the same token from the same account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// It is for the active cloud's own resource, whatever [`AzKey::audience`] says.
    is_default: bool,
    key: AzKey,
}

/// Stands in where no audience is given.
const ANY: Audience<'static> = Audience::Resource("default");
/// Where [`args::token_arguments`] has the audience.
const AUDIENCE_AT: usize = 4;
const AUDIENCE_END: usize = 6;

impl TokenKey {
    /// Parts that no other request has, for a store's key. Every language makes these.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; 4] {
        let (kind, audience) = match (&self.key.audience, self.is_default) {
            (_, true) => ("default", ""),
            (args::AudienceKey::Resource(resource), _) => ("resource", resource.as_str()),
            (args::AudienceKey::Scope(scope), _) => ("scope", scope.as_str()),
        };
        let tenant = self.key.tenant.as_deref().unwrap_or_default();
        let subscription = self.key.subscription.as_deref().unwrap_or_default();
        [kind, audience, tenant, subscription].map(str::as_bytes)
    }
}

/// az does not tell the cases of a command's name apart. One that is taken for a logout costs tokens that can be fetched again.
fn is_logout(words: &[&[u8]]) -> bool {
    let begins_with = |names: &[&[u8]]| {
        words.len() >= names.len()
            && words.iter().zip(names).all(|(word, name)| word.eq_ignore_ascii_case(name))
    };
    begins_with(&[b"logout"]) || begins_with(&[b"account", b"clear"])
}

fn certain<'a>(words: &[&'a str]) -> Option<Command<'a>> {
    match words {
        ["account", "get-access-token", flags @ ..] => token(flags),
        ["account", "show", flags @ ..] => only_json(flags).then_some(Command::AccountShow),
        ["account", "list", flags @ ..] => only_json(flags).then_some(Command::AccountList),
        ["version", flags @ ..] => only_json(flags).then_some(Command::Version),
        _ => None,
    }
}

fn only_json(flags: &[&str]) -> bool {
    matches!(
        Flags::read(flags),
        Some(Flags {
            output: None | Some("json"),
            resource: None,
            scope: None,
            tenant: None,
            subscription: None,
            query: None
        })
    )
}

fn token<'a>(words: &[&'a str]) -> Option<Command<'a>> {
    let flags = Flags::read(words)?;
    let audience = match (flags.resource, flags.scope) {
        (None, None) => None,
        (Some(resource), None) => Some(Audience::Resource(resource)),
        (None, Some(scope)) => Some(Audience::Scope(scope)),
        (Some(_), Some(_)) => return None,
    };
    let render = match (flags.query, flags.output.unwrap_or("json")) {
        (None, "json") => Render::Json,
        (Some("accessToken"), "json") => Render::QuotedToken,
        (Some("accessToken"), "tsv") => Render::BareToken,
        _ => return None,
    };
    let command = TokenCommand { audience, tenant: flags.tenant, subscription: flags.subscription };
    // Values of other characters may mean something to az: a file, another option.
    command.key().ok()?;
    Some(Command::Token(command, render))
}

/// The flags that are known, each given once at most, and none of them empty.
#[derive(Default)]
struct Flags<'a> {
    output: Option<&'a str>,
    resource: Option<&'a str>,
    scope: Option<&'a str>,
    tenant: Option<&'a str>,
    subscription: Option<&'a str>,
    query: Option<&'a str>,
}

impl<'a> Flags<'a> {
    fn read(words: &[&'a str]) -> Option<Self> {
        let mut flags = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, attached) = split(word)?;
            let value = attached.or_else(|| words.next().copied())?;
            let place = flags.place(name)?;
            if value.is_empty() || value.starts_with(['-', '@']) || place.replace(value).is_some() {
                return None;
            }
        }
        Some(flags)
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        Some(match name {
            "--output" | "-o" => &mut self.output,
            "--resource" => &mut self.resource,
            "--scope" => &mut self.scope,
            "--tenant" | "-t" => &mut self.tenant,
            "--subscription" | "-s" | "--name" | "-n" => &mut self.subscription,
            "--query" => &mut self.query,
            _ => return None,
        })
    }
}

/// A flag, and the value in the same word if there is one: `--name=value`, and of the short ones `-o=value` and `-ovalue`.
fn split(word: &str) -> Option<(&str, Option<&str>)> {
    if word.starts_with("--") {
        return Some(word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value))));
    }
    match word.strip_prefix("-o") {
        Some("") => Some((word, None)),
        Some(value) => Some(("-o", Some(value.strip_prefix('=').unwrap_or(value)))),
        None => word.starts_with('-').then_some((word, None)),
    }
}
