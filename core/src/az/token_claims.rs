//! What a token says about itself, as far as it can be read, and whether that is another account's.
//!
//! Tokens are their service's affair and may be opaque; nothing here is verified. A readable claim is never a reason to
//! trust a token, only to refuse one.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde_json::{Map, Value};

use super::account::{Account, AccountKind, Identity};
use super::base64;

/// The claims that tell accounts apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenClaims {
    /// The tenant's id.
    pub tid: Option<String>,
    /// The id of the user or service principal in that tenant.
    pub oid: Option<String>,
    /// The client's id: `appid` of version 1 tokens, `azp` of version 2 ones.
    pub appid: Option<String>,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat: Option<i64>,
    /// When it expires, in seconds since the Unix epoch.
    pub exp: Option<i64>,
}

/// The claims of a signed JWT; `None` for any other token.
#[must_use]
pub fn readable(token: &str) -> Option<TokenClaims> {
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims: Map<String, Value> = serde_json::from_slice(&base64::decode_url(payload)?).ok()?;
    let text = |name| claims.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let seconds = |name| claims.get(name).and_then(Value::as_i64);
    Some(TokenClaims {
        tid: text("tid"),
        oid: text("oid"),
        appid: text("appid").or_else(|| text("azp")),
        iat: seconds("iat"),
        exp: seconds("exp"),
    })
}

/// Whether the claims are another account's than `account`: another tenant's id than the one asked by id, another client
/// than the service principal or managed identity. A tenant asked by domain name contradicts nothing; an absent account
/// contradicts every token.
#[must_use]
pub fn contradicts(claims: &TokenClaims, account: &Account) -> bool {
    let Account::Present(identity) = account else { return true };
    let (appid, oid) = expected(identity);
    differ(claims.tid.as_deref(), Some(&identity.tenant))
        || differ(claims.appid.as_deref(), appid)
        || differ(claims.oid.as_deref(), oid)
}

/// The client id and object id that a token of `identity` has, where az's files tell.
fn expected(identity: &Identity) -> (Option<&str>, Option<&str>) {
    match identity.kind {
        AccountKind::ServicePrincipal => (Some(&identity.user), None),
        AccountKind::ManagedIdentity => {
            let assigned = identity.assigned_identity.as_deref().unwrap_or_default();
            (assigned.strip_prefix("MSIClient-"), assigned.strip_prefix("MSIObject-"))
        }
        AccountKind::User | AccountKind::CloudShell => (None, None),
    }
}

/// Whether both are GUIDs, and not the same.
fn differ(claim: Option<&str>, expected: Option<&str>) -> bool {
    match (claim, expected) {
        (Some(claim), Some(expected)) => {
            is_guid(claim) && is_guid(expected) && !claim.eq_ignore_ascii_case(expected)
        }
        _ => false,
    }
}

fn is_guid(text: &str) -> bool {
    let is_part = |(part, length): (&str, usize)| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    text.split('-').count() == 5 && text.split('-').zip([8, 4, 4, 4, 12]).all(is_part)
}
