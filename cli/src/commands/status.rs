//! `status`: what is kept, as a table or as JSON, and never a token.

use std::fmt::Write;

use azure_token_cache_core::az::account::Account;
use azure_token_cache_core::walk::Terms;
use azure_token_cache_host::az_entry;
use azure_token_cache_host::store::{Content, EntryKey, Listed, Listing, Token};
use lexopt::Parser;
use serde_json::{Map, Value, json};

use super::token_options::switches;
use super::{CommandError, help, style};
use crate::login::AzLogin;
use crate::obtain::{login_of, unix_ms};
use crate::open_store::open;
use crate::surroundings::Surroundings;

const COLUMNS: [&str; 6] = ["RESOURCE", "TENANT", "ACCOUNT", "EXPIRES IN", "SOURCE", "STATE"];

pub fn run(parser: &mut Parser) -> Result<String, CommandError> {
    let Some([as_json]) = switches(parser, ["json"])? else {
        return Ok(help::STATUS.into());
    };
    let listing = open().and_then(|store| store.list()).map_err(CommandError::Store)?;
    let surroundings = Surroundings::of_process().ok();
    let mut rows: Vec<Row> =
        listing.entries.iter().filter_map(|entry| row(entry, surroundings.as_ref())).collect();
    rows.sort_by(|left, right| left.order().cmp(&right.order()));
    Ok(if as_json { json_text(&rows, &listing) } else { table(&rows, &listing) })
}

/// One token.
struct Row {
    asked: Asked,
    token: Token,
    state: State,
}

/// What it answers.
struct Asked {
    source: String,
    /// `resource`, `scope` or `default`; empty where the key is not az's.
    kind: String,
    audience: String,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It is served.
    Valid,
    /// Less is left than az promises: the next request fetches another one.
    Due,
    Expired,
    /// The login has changed since.
    EarlierLogin,
}

impl Row {
    fn order(&self) -> (&str, &str, i64) {
        (&self.asked.audience, &self.token.account, self.token.expires_at_ms)
    }

    fn resource(&self) -> &str {
        if self.asked.audience.is_empty() { "(the cloud's own)" } else { &self.asked.audience }
    }

    fn left_seconds(&self) -> i64 {
        (self.token.expires_at_ms - unix_ms()).div_euclid(1_000)
    }
}

fn row(entry: &Listed, surroundings: Option<&Surroundings>) -> Option<Row> {
    let Content::Token(token) = &entry.record.content else { return None };
    let parts: Vec<&[u8]> = entry.key.parts().collect();
    let left = token.expires_at_ms - unix_ms();
    let state = if left <= 0 {
        State::Expired
    } else if !is_of_this_login(&parts, token, surroundings) {
        State::EarlierLogin
    } else if left <= i64::from(Terms::ONE_ANSWER.min_validity) {
        State::Due
    } else {
        State::Valid
    };
    Some(Row { asked: asked(&entry.key), token: (**token).clone(), state })
}

fn asked(key: &EntryKey) -> Asked {
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let parts: Vec<&[u8]> = key.parts().collect();
    match parts.as_slice() {
        [az_entry::KIND, _, _, _, kind, audience, ..] => {
            Asked { source: "az".into(), kind: text(kind), audience: text(audience) }
        }
        [source, ..] => Asked { source: text(source), kind: String::new(), audience: "-".into() },
        [] => Asked { source: "-".into(), kind: String::new(), audience: "-".into() },
    }
}

/// Tokens of other config folders cannot be judged from here.
fn is_of_this_login(parts: &[&[u8]], token: &Token, surroundings: Option<&Surroundings>) -> bool {
    let ([az_entry::KIND, _, folder, fingerprint, _, _, tenant, subscription], Some(surroundings)) =
        (parts, surroundings)
    else {
        return true;
    };
    let own = surroundings.config_folder.canonicalize();
    if own.is_ok_and(|own| own.as_os_str().as_encoded_bytes() != *folder) {
        return true;
    }
    let text = |part| std::str::from_utf8(part).ok();
    let login = AzLogin::read(surroundings, text(subscription));
    let is_account = matches!(
        login.account(text(subscription), text(tenant)),
        Ok(Account::Present(identity)) if identity.fingerprint.as_bytes() == *fingerprint
    );
    is_account && login.digests().is(login_of(&token.login_witness, &token.session_witness))
}

fn table(rows: &[Row], listing: &Listing) -> String {
    let style = style::for_stdout();
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let lengths = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.max().unwrap_or(0).max(COLUMNS.get(column).map_or(0, |name| name.len()))
    };
    let mut text = String::new();
    let padded = |cell: &str, column: usize| {
        if column + 1 == COLUMNS.len() { cell.to_owned() } else { format!("{cell:<0$}  ", width(column)) }
    };
    if rows.is_empty() {
        text.push_str("No tokens are kept.\n");
    } else {
        let heads: String = COLUMNS.iter().enumerate().map(|(column, name)| padded(name, column)).collect();
        text.push_str(&style.strong(&heads));
        text.push('\n');
    }
    for (row, cells) in rows.iter().zip(&cells) {
        for (column, cell) in cells.iter().enumerate() {
            let cell = padded(cell, column);
            text.push_str(&if column + 1 == COLUMNS.len() {
                coloured(row.state, &cell, style)
            } else {
                cell
            });
        }
        text.push('\n');
    }
    if listing.unopenable > 0 {
        let _ = writeln!(text, "{} files cannot be opened; 'clear' deletes them.", listing.unopenable);
    }
    text
}

fn cells(row: &Row) -> [String; 6] {
    let expires = match row.state {
        State::Expired => "-".into(),
        _ => style::duration(row.left_seconds()),
    };
    let token = &row.token;
    [
        row.resource().into(),
        token.tenant.clone(),
        token.account.clone(),
        expires,
        row.asked.source.clone(),
        row.state.name().into(),
    ]
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Due => "due",
            Self::Expired => "expired",
            Self::EarlierLogin => "of an earlier login",
        }
    }
}

fn coloured(state: State, text: &str, style: style::Style) -> String {
    match state {
        State::Valid => style.good(text),
        State::Due | State::EarlierLogin => style.doubtful(text),
        State::Expired => style.bad(text),
    }
}

fn json_text(rows: &[Row], listing: &Listing) -> String {
    let tokens: Vec<Value> = rows.iter().map(json_row).collect();
    format!("{:#}\n", json!({ "tokens": tokens, "unopenable": listing.unopenable }))
}

fn json_row(row: &Row) -> Value {
    let mut fields = Map::new();
    if !row.asked.kind.is_empty() {
        let kind = if row.asked.kind == "scope" { "scope" } else { "resource" };
        let audience = &row.asked.audience;
        fields.insert(kind.into(), if audience.is_empty() { Value::Null } else { audience.as_str().into() });
    }
    let token = &row.token;
    let texts = [
        ("tenant", token.tenant.as_str()),
        ("account", &token.account),
        ("source", &row.asked.source),
        ("state", row.state.name()),
    ];
    fields.extend(texts.map(|(name, value)| (name.into(), value.into())));
    fields.extend(token.subscription.as_deref().map(|value| ("subscription".into(), value.into())));
    let times = [
        ("expiresOn", token.expires_at_ms.div_euclid(1_000)),
        ("expiresInSeconds", row.left_seconds()),
        ("acquiredOn", token.acquired_at_ms.div_euclid(1_000)),
    ];
    fields.extend(times.map(|(name, value)| (name.into(), value.into())));
    Value::Object(fields)
}
