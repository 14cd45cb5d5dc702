//! What is kept of one entry: a token with all that az's JSON needs, the mark of a failed fetch, or a tombstone.
//!
//! A record is JSON, and on disk only sealed: `{"generation":{"entry":0,"store":0},"content":{"token":{...}}}`, with
//! `{"failure":{...}}` or `"tombstone"` as other contents. Times are milliseconds since the Unix epoch, but for
//! `expires_on`. A reader ignores fields that it does not know; an optional field that is absent or null is `None`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::boot::BootMoment;

/// Room for what stands around a token in its JSON, so that the buffer does not grow and leave copies behind.
const AROUND_A_TOKEN: usize = 16 << 10;

/// Which of several results is newer, whoever's clock is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Generation {
    /// Of the entry: raised by a tombstone and by each save.
    pub entry: u64,
    /// Of the whole store: raised by clearing it.
    pub store: u64,
}

/// A content with its place among those that came before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its place.
    pub generation: Generation,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// There is a token.
    Token(Box<Token>),
    /// A fetch failed.
    Failure(Failure),
    /// There was a token; results of fetches that began before it went are not kept.
    Tombstone,
}

/// A token, and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// `Bearer`, or what the source said.
    pub token_type: String,
    /// When it expires, in seconds since the Unix epoch, where the source said so in that form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<i64>,
    /// When it expires, in az's local time, exactly as az printed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on_text: Option<String>,
    /// When it expires.
    pub expires_at_ms: i64,
    /// When the source wants it refreshed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_at_ms: Option<i64>,
    /// When the fetch ended.
    pub acquired_at_ms: i64,
    /// The same on the clock that nobody sets, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquired_at_boot: Option<BootMoment>,
    /// The tenant that issued it.
    pub tenant: String,
    /// The subscription that az names beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// Whose it is.
    pub account: String,
    /// A digest of the witness of the files that say who is logged in, after the fetch.
    pub login_witness: String,
    /// A digest of the witness of the files that hold the tool's own secrets, after the fetch.
    pub session_witness: String,
    /// What else the source gave.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// A failed fetch, kept for those who began to wait before it failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// When it failed.
    pub failed_at_ms: i64,
    /// Which error it was.
    pub class: String,
    /// What it said; never a token.
    pub message: String,
    /// For how long the source wants no further attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<i64>,
    /// Whether it was the network.
    pub network: bool,
    /// As [`Token::login_witness`], of before the fetch.
    #[serde(default)]
    pub login_witness: String,
    /// As [`Token::session_witness`], of before the fetch.
    #[serde(default)]
    pub session_witness: String,
    /// How az ended, if it was az that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub az: Option<AzFailure>,
}

/// How an az ended that brought no token, for those who are to see what it said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AzFailure {
    /// Its exit code.
    pub exit_code: i32,
    /// What it printed on standard error; never a token.
    pub stderr: String,
}

/// Text that nothing prints and that is overwritten when it goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for those who hand it to its caller.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Record {
    /// For those who show records.
    pub(super) fn forget_secret(&mut self) {
        if let Content::Token(token) = &mut self.content {
            token.secret.0.zeroize();
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let secret = match &self.content {
            Content::Token(token) => token.secret.0.len(),
            Content::Failure(_) | Content::Tombstone => 0,
        };
        let mut json = Zeroizing::new(Vec::with_capacity(secret + AROUND_A_TOKEN));
        serde_json::to_writer(&mut *json, self)?;
        Ok(json)
    }

    pub(super) fn from_json(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_prints_a_record_prints_its_token() {
        let json = br#"{"generation":{"entry":1,"store":2},"content":{"token":{"secret":"CANARY-record","token_type":"Bearer",
            "expires_at_ms":5,"acquired_at_ms":4,"tenant":"t","account":"a","login_witness":"l","session_witness":"s",
            "from_a_later_version":true}}}"#;
        let record = Record::from_json(json).unwrap();
        assert!(matches!(&record.content, Content::Token(token) if token.secret.expose() == "CANARY-record"));
        let printed = format!("{record:?} {record:#?}");
        assert!(!printed.contains("CANARY"), "{printed}");
        assert!(printed.contains("[redacted]"));
    }

    #[test]
    fn a_text_with_escapes_survives_its_json() {
        let secret = Secret::new("a\"\\\u{7}\u{1F511}".into());
        let json = serde_json::to_vec(&secret).unwrap();
        assert_eq!(serde_json::from_slice::<Secret>(&json).unwrap(), secret);
    }
}
