//! Text from az that may be shown: without anything that could be a token, and short.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Display, Formatter};

use super::base64;

/// Text from outside that may stand in an error: scrubbed and at most [`MAX_EXCERPT_CHARS`] long.
///
/// Gone from it are the values of `accessToken` and its like, what follows `Bearer`, JWTs and parts of them, long runs of
/// base64, hex or the like, and control characters (so UTF-16 text reads as its letters and is scrubbed as such). What
/// users need stays: words, GUIDs, addresses, paths, `AADSTS` numbers.
///
/// ```
/// use azure_token_cache_core::az::scrub::Excerpt;
/// let shown = Excerpt::of_text("AADSTS50076: mfa for 0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c, had eyJhbGciOiJSUzI1NiJ9.e30.c2ln");
/// assert_eq!(shown.as_str(), "AADSTS50076: mfa for 0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c, had [redacted]");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Excerpt(String);

/// The most characters of an [`Excerpt`]: a dozen lines, which the longest of az's explanations fit in. Of a longer text
/// the two ends are kept.
pub const MAX_EXCERPT_CHARS: usize = 2_000;

impl Excerpt {
    /// What may be shown of `text`.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// What may be shown of `bytes`, taken as UTF-8 as far as they are.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of_scrubbed(&scrubbed(&[], bytes))
    }

    /// What may be shown of a run's output: standard error, else standard output unless that could hold a token document.
    /// Tokens named in one of the two are looked for in both.
    #[must_use]
    pub(super) fn of_output(stdout: &[u8], stderr: &[u8]) -> Self {
        Self::of_scrubbed(&said(stdout, stderr))
    }

    /// As [`of_output`](Self::of_output), of a run that failed: only what az says of the failure, if it says so.
    #[must_use]
    pub(super) fn of_failure(stdout: &[u8], stderr: &[u8]) -> Self {
        Self::of_scrubbed(&since_error(&said(stdout, stderr)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of_scrubbed(text: &str) -> Self {
        Self(shorten(text.trim()).into_owned())
    }
}

impl Display for Excerpt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for Excerpt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

/// What a run said, scrubbed.
fn said(stdout: &[u8], stderr: &[u8]) -> String {
    let mut known = Vec::new();
    for stream in [stdout, stderr] {
        redact_named(&readable(stream), &mut known);
    }
    let said = scrubbed(&known, stderr);
    if said.trim().is_empty() && !stdout.contains(&b'{') { scrubbed(&known, stdout) } else { said }
}

/// How az begins what it says of a failure.
const ERROR: &str = "ERROR: ";

/// What az says of its failure: from its first `ERROR:` on, without that word, Python's traceback, and the line that
/// announces one. All of the text if az says no `ERROR:`.
fn since_error(text: &str) -> String {
    let Some((_, failure)) = text.split_once(ERROR) else { return text.to_owned() };
    let mut kept = String::new();
    for line in failure.lines().take_while(|line| !line.starts_with("Traceback (most recent call last)")) {
        let line = line.strip_prefix(ERROR).unwrap_or(line);
        if line.ends_with("Here is the traceback:") {
            continue;
        }
        if !kept.is_empty() {
            kept.push('\n');
        }
        kept.push_str(line);
    }
    kept
}

const REDACTED: &str = "[redacted]";
const LEFT_OUT: &str = " [...] ";

fn scrubbed(known: &[String], bytes: &[u8]) -> String {
    let mut text = readable(bytes);
    for secret in known {
        for form in [secret.clone(), base64::encode(secret.as_bytes())] {
            text = text.replace(&form, REDACTED);
        }
    }
    redact_words(&redact_named(&text, &mut Vec::new()))
}

/// How much of each end of a long text is looked at, in bytes.
const LOOKED_AT: usize = 1 << 14;

/// The two ends of `bytes` as text: no control characters but line feeds and tabs, no invisible ones, no colours.
fn readable(bytes: &[u8]) -> String {
    let Some((head, rest)) = bytes.split_at_checked(LOOKED_AT) else { return visible(bytes) };
    let Some(tail_start) = rest.len().checked_sub(LOOKED_AT) else { return visible(bytes) };
    let tail = rest.get(tail_start..).unwrap_or_default();
    // A word cut in two could be half a token, which no longer looks like one.
    let head_end = head.iter().rposition(u8::is_ascii_whitespace).unwrap_or(0);
    let tail_from = tail.iter().position(u8::is_ascii_whitespace).unwrap_or(tail.len());
    let head = head.get(..head_end).unwrap_or_default();
    let tail = tail.get(tail_from..).unwrap_or_default();
    [&visible(head), LEFT_OUT, &visible(tail)].concat()
}

fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut visible = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => visible.push(character),
            '\u{1b}' if characters.next_if_eq(&'[').is_some() => {
                // A control sequence ends with its first character from @ to ~ (ECMA-48 5.4).
                while characters.next_if(|part| !('@'..='~').contains(part)).is_some() {}
                characters.next();
            }
            '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{feff}' => {}
            other if other.is_control() => {}
            other => visible.push(other),
        }
    }
    visible
}

/// What a secret is called where it stands as `name: value`, `"name": "value"` or `name=value`. In lower case.
const SECRET_NAMES: [&str; 12] = [
    "accesstoken",
    "access_token",
    "refreshtoken",
    "refresh_token",
    "idtoken",
    "id_token",
    "assertion",
    "client_secret",
    "clientsecret",
    "password",
    "secret",
    "bearer",
];

/// Secrets shorter than this are not looked for elsewhere: they would be parts of words.
const SHORTEST_KNOWN: usize = 8;

/// The most secrets that are looked for elsewhere. az prints one.
const MOST_KNOWN: usize = 16;

/// `text` without the values of secret names; they are put into `found`.
fn redact_named(text: &str, found: &mut Vec<String>) -> String {
    let lower = text.to_ascii_lowercase();
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    while let Some((value_at, quote)) = next_named(&lower, from) {
        let Some(value) = text.get(value_at..).map(|rest| value_of(rest, quote)) else { break };
        kept.push_str(text.get(from..value_at).unwrap_or_default());
        if !value.is_empty() {
            kept.push_str(REDACTED);
        }
        if value.len() >= SHORTEST_KNOWN
            && found.len() < MOST_KNOWN
            && !found.iter().any(|known| known == value)
        {
            found.push(value.to_owned());
        }
        from = value_at.saturating_add(value.len());
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    kept
}

/// What follows `Bearer` and a space is a secret only from this length on: shorter words are prose.
const SHORTEST_BEARER: usize = 16;

/// Where the next secret value begins at or after `from`, and the quote it stands in.
fn next_named(lower: &str, from: usize) -> Option<(usize, Option<char>)> {
    let rest = lower.get(from..)?;
    rest.char_indices().find_map(|(at, _)| {
        let here = rest.get(at..)?;
        let name = SECRET_NAMES.iter().find(|name| here.starts_with(**name))?;
        let (skipped, quote) = assignment(here.strip_prefix(*name)?, *name == "bearer")?;
        Some((from.saturating_add(at).saturating_add(name.len()).saturating_add(skipped), quote))
    })
}

/// The length of what stands between a name and its value, and the value's quote, if this is an assignment at all.
fn assignment(tail: &str, by_space: bool) -> Option<(usize, Option<char>)> {
    let value = tail.trim_start_matches(['"', '\'', '\\']).trim_start();
    let value = match value.strip_prefix([':', '=']) {
        Some(value) => value.trim_start().trim_start_matches('\\'),
        None if by_space && value.len() < tail.len() && value_of(value, None).len() >= SHORTEST_BEARER => {
            value
        }
        None => return None,
    };
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let value = quote.and_then(|quote| value.strip_prefix(quote)).unwrap_or(value);
    Some((tail.len().saturating_sub(value.len()), quote))
}

fn value_of(rest: &str, quote: Option<char>) -> &str {
    let end = match quote {
        Some(quote) => rest.find(quote),
        None => {
            rest.find(|end: char| end.is_whitespace() || matches!(end, ',' | ';' | '&' | '}' | '"' | '\''))
        }
    };
    end.and_then(|end| rest.get(..end)).unwrap_or(rest)
}

fn redact_words(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_token_character) {
        let (before, word_on) = rest.split_at_checked(start).unwrap_or((rest, ""));
        let end = word_on.find(|character| !is_token_character(character)).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at_checked(end).unwrap_or((word_on, ""));
        kept.push_str(before);
        kept.push_str(if is_token_like(word) { REDACTED } else { word });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// The characters of base64, base64url, JWTs and percent-encoding (RFC 6750's `b64token`, and `%`).
fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '=' | '_' | '-' | '.' | '~' | '%')
}

/// A word is taken for a token when this many of its characters stand in pieces that no name, GUID or number looks like.
const SUSPICIOUS_CHARS: usize = 16;

fn is_token_like(word: &str) -> bool {
    // Every JWT's header and payload begin with `{"`, which is `eyJ` in base64, and `ZXlK` in base64 of base64.
    let begins = |with| word.find(with).is_some_and(|at| word.len().saturating_sub(at) >= SUSPICIOUS_CHARS);
    let jwt = begins("eyJ") || begins("ZXlK");
    let suspicious = word
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|piece| is_suspicious(piece))
        .fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
    jwt || suspicious >= SUSPICIOUS_CHARS
}

/// Longer than any class name, or with digits longer than any storage account or GUID part; or a mix that no name has: capitals
/// among digits, or camel case whose words are shorter than five letters on average.
fn is_suspicious(piece: &str) -> bool {
    let has = |class: fn(&u8) -> bool| piece.as_bytes().iter().any(class);
    let (upper, lower, digit) =
        (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase), has(u8::is_ascii_digit));
    let changes = |from: fn(&u8) -> bool, to: fn(&u8) -> bool| {
        piece.bytes().zip(piece.bytes().skip(1)).filter(|(a, b)| from(a) && to(b)).count()
    };
    let hex = piece.bytes().all(|byte| byte.is_ascii_hexdigit());
    let letters_on = changes(u8::is_ascii_digit, u8::is_ascii_alphabetic) > 0;
    let among_digits = upper && digit && !hex && (letters_on || (lower && piece.len() >= 6));
    let humps = changes(u8::is_ascii_lowercase, u8::is_ascii_uppercase);
    piece.len() > if digit { 24 } else { 40 } || among_digits || humps.saturating_mul(5) > piece.len()
}

fn shorten(text: &str) -> Cow<'_, str> {
    let half = MAX_EXCERPT_CHARS.saturating_sub(LEFT_OUT.len()) / 2;
    if text.chars().nth(MAX_EXCERPT_CHARS).is_none() {
        return Cow::Borrowed(text);
    }
    let head_end = text.char_indices().nth(half).map_or(0, |(at, _)| at);
    let tail_start = text.char_indices().rev().nth(half.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    let (head, tail) = (text.get(..head_end).unwrap_or_default(), text.get(tail_start..).unwrap_or_default());
    Cow::Owned([head.trim_end(), LEFT_OUT, tail.trim_start()].concat())
}
