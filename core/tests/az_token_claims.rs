//! What tokens say about themselves, and which of that contradicts an account.
#![cfg(feature = "az")]
// A panic in a function that tests share is the failure of a test.
#![allow(clippy::panic)]

use azure_token_cache_core::az::account::{Absence, Account, AccountEnvironment, AccountFiles, parse};
use azure_token_cache_core::az::token_claims::{TokenClaims, contradicts, readable};
use proptest::prelude::*;
use serde_json::{Value, json};

const TENANT: &str = "0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5c";
const OTHER: &str = "11111111-1ad8-4d62-8d1a-1f2f9d4b3a5c";

/// The example of RFC 7519 section 3.1: a token not of our own making.
const RFC_7519: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
    dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[test]
fn reads_the_claims_of_a_signed_jwt() {
    assert_eq!(readable(RFC_7519), Some(TokenClaims { exp: Some(1_300_819_380), ..TokenClaims::default() }));
    let full = json!({ "tid": "t", "oid": "o", "appid": "a", "azp": "z", "iat": 1, "exp": 2, "x": [] });
    let expected = TokenClaims {
        tid: Some("t".to_owned()),
        oid: Some("o".to_owned()),
        appid: Some("a".to_owned()),
        iat: Some(1),
        exp: Some(2),
    };
    assert_eq!(readable(&jwt(&full)), Some(expected));
    assert_eq!(readable(&jwt(&json!({ "azp": "z" }))).unwrap().appid.as_deref(), Some("z"));
    let odd = json!({ "tid": 3, "oid": null, "appid": {}, "iat": "1", "exp": 1.5 });
    assert_eq!(readable(&jwt(&odd)), Some(TokenClaims::default()));
    // Every alignment of base64, and both characters that base64url has of its own.
    for name in ["", "a", "ab", "abc", "???~~~>>>", "ÿÿÿ"] {
        assert_eq!(readable(&jwt(&json!({ "tid": name }))).unwrap().tid.as_deref(), Some(name));
    }
    let padded = RFC_7519.replace("fQ.", "fQ==.");
    assert_eq!(readable(&padded), readable(RFC_7519));
}

#[test]
fn other_tokens_are_not_readable() {
    let payload = RFC_7519.split('.').nth(1).unwrap();
    for token in [
        String::new(),
        "opaque".to_owned(),
        payload.to_owned(),
        format!("h.{payload}"),
        format!("h.{payload}.s.x"),
        format!("h.{payload}.i.c.t"),
        "h..s".to_owned(),
        "h.e.s".to_owned(),
        "h.e30+.s".to_owned(),
        "h.e30/.s".to_owned(),
        "h.ey J9.s".to_owned(),
        jwt(&json!([])),
        jwt(&json!("tid")),
    ] {
        assert_eq!(readable(&token), None, "{token}");
    }
    assert_eq!(readable("h.e30.s"), Some(TokenClaims::default()));
}

#[test]
fn another_tenants_token_contradicts() {
    let user = account(&json!({ "name": "ann@example.com", "type": "user" }), None);
    assert!(!contradicts(&tid(Some(TENANT)), &user));
    assert!(!contradicts(&tid(Some(&TENANT.to_uppercase())), &user));
    assert!(!contradicts(&tid(None), &user));
    assert!(!contradicts(&tid(Some("consumers")), &user));
    assert!(contradicts(&tid(Some(OTHER)), &user));

    let asked = |tenant| account(&json!({ "name": "ann@example.com", "type": "user" }), Some(tenant));
    assert!(contradicts(&tid(Some(TENANT)), &asked(OTHER)));
    assert!(!contradicts(&tid(Some(OTHER)), &asked(OTHER)));
    // A domain name may be any tenant's, and so may what only looks like an id.
    for name in ["contoso.com", "0d1fa6dd-1ad8-4d62-8d1a", "0d1fa6dd-1ad8-4d62-8d1a-1f2f9d4b3a5g", "adfs"] {
        assert!(!contradicts(&tid(Some(OTHER)), &asked(name)), "{name}");
    }
    let longer = format!("{TENANT}-x");
    assert!(!contradicts(&tid(Some(OTHER)), &asked(&longer)));
}

#[test]
fn another_clients_token_contradicts() {
    let claims = |appid: &str, oid: &str| TokenClaims {
        appid: Some(appid.to_owned()),
        oid: Some(oid.to_owned()),
        ..TokenClaims::default()
    };
    let sp = account(&json!({ "name": TENANT, "type": "servicePrincipal" }), None);
    assert!(!contradicts(&claims(TENANT, OTHER), &sp));
    assert!(contradicts(&claims(OTHER, TENANT), &sp));
    let named = account(&json!({ "name": "http://app", "type": "servicePrincipal" }), None);
    assert!(!contradicts(&claims(OTHER, OTHER), &named));
    // A user's tokens carry the client that asked, which is az's own.
    let user = account(&json!({ "name": TENANT, "type": "user" }), None);
    assert!(!contradicts(&claims(OTHER, OTHER), &user));

    let assigned = |info: &str| {
        let name = "userAssignedIdentity";
        account(&json!({ "name": name, "type": "servicePrincipal", "assignedIdentityInfo": info }), None)
    };
    let client = assigned(&format!("MSIClient-{TENANT}"));
    assert!(!contradicts(&claims(TENANT, OTHER), &client));
    assert!(contradicts(&claims(OTHER, TENANT), &client));
    let object = assigned(&format!("MSIObject-{TENANT}"));
    assert!(!contradicts(&claims(OTHER, TENANT), &object));
    assert!(contradicts(&claims(TENANT, OTHER), &object));
    let resource = assigned(&format!("MSIResource-/subscriptions/{TENANT}"));
    assert!(!contradicts(&claims(OTHER, OTHER), &resource));
}

#[test]
fn every_token_contradicts_nobody() {
    assert!(contradicts(&TokenClaims::default(), &Account::Absent(Absence::NoAccounts)));
}

proptest! {
    #[test]
    fn no_token_panics(token: String, parts in "[A-Za-z0-9_-]{0,9}[.][A-Za-z0-9_=+/-]{0,40}[.]") {
        let _ = (readable(&token), readable(&parts));
    }

    #[test]
    fn what_is_written_is_read(tid: String, oid: String, iat: i64) {
        let claims = readable(&jwt(&json!({ "tid": tid, "oid": oid, "iat": iat }))).unwrap();
        prop_assert_eq!((claims.tid, claims.oid, claims.iat), (Some(tid), Some(oid), Some(iat)));
    }
}

fn tid(tid: Option<&str>) -> TokenClaims {
    TokenClaims { tid: tid.map(str::to_owned), ..TokenClaims::default() }
}

fn account(user: &Value, tenant: Option<&str>) -> Account {
    let profile = json!({ "subscriptions": [{
        "id": "s", "name": "n", "environmentName": "AzureCloud", "isDefault": true, "tenantId": TENANT, "user": user,
    }]});
    let profile = profile.to_string();
    let files = AccountFiles { profile: Some(profile.as_bytes()), ..AccountFiles::default() };
    match parse(&files, &AccountEnvironment::default(), None, tenant) {
        Ok(account) => account,
        Err(error) => panic!("{error}"),
    }
}

fn jwt(claims: &Value) -> String {
    format!("{}.{}.c2ln", base64url(b"{\"alg\":\"none\"}"), base64url(claims.to_string().as_bytes()))
}

/// Bit by bit, so that it shares nothing with the decoder under test.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
    bits.chunks(6)
        .map(|six| {
            let value =
                (0..6).fold(0, |value, place| value * 2 + usize::from(six.get(place).copied().unwrap_or(0)));
            char::from(ALPHABET[value])
        })
        .collect()
}
