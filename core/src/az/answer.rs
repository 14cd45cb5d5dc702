//! What az prints, byte for byte, from what is known without it.
//!
//! As az 2.91 prints JSON: keys in order, two spaces of indent, characters beyond ASCII as they are, a line feed at the end.
//! Where that takes more than is known here, there is no answer, and the real az is to be asked.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::account::{AccountEnvironment, AccountError, AccountFiles, chosen_entry, entries_of_cloud};
use super::command::Render;
use super::local_time::LocalZone;

/// A token as az prints it.
#[derive(Clone, Copy)]
pub struct TokenDocument<'a> {
    /// The access token.
    pub secret: &'a str,
    /// When it expires.
    pub expiry: Expiry<'a>,
    /// The tenant argument, else the account's tenant.
    pub tenant: &'a str,
    /// The account's subscription; `None` with a tenant argument.
    pub subscription: Option<&'a str>,
}

/// When a token expires, as far as az says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry<'a> {
    /// In seconds since the Unix epoch, from which az 2.54 and later make the local time too.
    Seconds(i64),
    /// In local time alone, as az before 2.54.
    LocalText(&'a str),
}

/// The characters around a token that nothing in it needs escaped.
const AROUND_A_TOKEN: usize = 512;

/// What `az account get-access-token` prints. `zone` is the one in which az runs.
#[must_use]
pub fn token(document: &TokenDocument<'_>, render: Render, zone: &dyn LocalZone) -> String {
    let mut text = String::with_capacity(document.secret.len().saturating_add(AROUND_A_TOKEN));
    match render {
        Render::BareToken => text.push_str(document.secret),
        Render::QuotedToken => text.push_str(&quoted(document.secret)),
        Render::Json => push_document(document, zone, &mut text),
    }
    text.push('\n');
    text
}

/// What `az account show` prints: the selected entry of the profile. `None` where there is none, or where Python and this
/// module may write a number differently.
///
/// Errors: as [`super::account::parse`].
pub fn account_show(
    files: &AccountFiles<'_>,
    environment: &AccountEnvironment<'_>,
) -> Result<Option<String>, AccountError> {
    let Some(entry) = chosen_entry(files, environment)? else { return Ok(None) };
    Ok(pretty(&Value::Object(entry)))
}

/// What `az account list` prints: the entries of the active cloud. `None` where there is none or one is not enabled, of which
/// az warns, and where Python and this module may write a number differently.
///
/// Errors: as [`super::account::parse`].
pub fn account_list(
    files: &AccountFiles<'_>,
    environment: &AccountEnvironment<'_>,
) -> Result<Option<String>, AccountError> {
    let mut entries = entries_of_cloud(files, environment)?;
    let is_enabled = |entry: &Map<String, Value>| entry.get("state").is_some_and(|state| state == "Enabled");
    if entries.is_empty() || !entries.iter().all(is_enabled) {
        return Ok(None);
    }
    for entry in &mut entries {
        let cloud = entry.remove("environmentName").unwrap_or_default();
        entry.insert("cloudName".into(), cloud);
    }
    Ok(pretty(&Value::Array(entries.into_iter().map(Value::Object).collect())))
}

/// `YYYY-MM-DD HH:MM:SS.ffffff` without a zone, of whole seconds: what `expiresOn` holds.
#[must_use]
pub fn local_text(unix_seconds: i64, zone: &dyn LocalZone) -> String {
    const DAY: i64 = 86_400;
    let offset = i64::from(zone.offset_at(unix_seconds)).clamp(-DAY, DAY);
    let wall = unix_seconds.saturating_add(offset);
    let (year, month, day) = date(wall.div_euclid(DAY));
    let second = wall.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.000000")
}

fn push_document(document: &TokenDocument<'_>, zone: &dyn LocalZone, text: &mut String) {
    let mut field = |name: &str, value: &str| {
        text.push_str(if text.is_empty() { "{\n  \"" } else { ",\n  \"" });
        text.push_str(name);
        text.push_str("\": ");
        text.push_str(value);
    };
    field("accessToken", &quoted(document.secret));
    match document.expiry {
        Expiry::LocalText(local) => field("expiresOn", &quoted(local)),
        Expiry::Seconds(seconds) => {
            field("expiresOn", &quoted(&local_text(seconds, zone)));
            field("expires_on", &seconds.to_string());
        }
    }
    if let Some(subscription) = document.subscription {
        field("subscription", &quoted(subscription));
    }
    field("tenant", &quoted(document.tenant));
    field("tokenType", "\"Bearer\"");
    text.push_str("\n}");
}

/// JSON in Python's way, which is `serde_json`'s too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn pretty(document: &Value) -> Option<String> {
    if !is_alike(document) {
        return None;
    }
    let mut text = serde_json::to_string_pretty(&sorted_value(document)).ok()?;
    text.push('\n');
    Some(text)
}

/// Whether both write it alike: not so fractions and numbers beyond 64 bits.
fn is_alike(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::Array(items) => items.iter().all(is_alike),
        Value::Object(fields) => fields.values().all(is_alike),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// With keys in order, at every depth, whatever order a map is built to keep.
fn sorted(entry: &Map<String, Value>) -> Value {
    let mut fields: Vec<_> = entry.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    Value::Object(fields.into_iter().map(|(name, value)| (name.clone(), sorted_value(value))).collect())
}

fn sorted_value(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted_value).collect()),
        Value::Object(fields) => sorted(fields),
        plain => plain.clone(),
    }
}

/// Year, month and day of a number of days since 1970-01-01. The year is taken to begin in March, so that the leap day is its
/// last; an era is 400 years, after which the calendar repeats.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_ERA: i64 = 146_097;
    // 719,468 days lie between the first of March of year 0 and 1970-01-01.
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let leap_days =
        (day_of_era / 1_460).saturating_sub(day_of_era / 36_524).saturating_add(day_of_era / 146_096);
    let year_of_era = day_of_era.saturating_sub(leap_days) / 365;
    let days_before_year =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(days_before_year);
    let from_march = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let days_before_month = from_march.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(days_before_month).saturating_add(1);
    let month = from_march.saturating_add(2).rem_euclid(12).saturating_add(1);
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    (if month <= 2 { year.saturating_add(1) } else { year }, month, day)
}
