//! az's arguments: the forms `@azure/identity` makes, and every request that is refused before az starts.
#![cfg(feature = "az")]

use azure_token_cache_core::az::args::{
    Audience, AudienceKey, AzKey, CredentialRequest, RequestError, TokenRequest, check_subscription,
    check_tenant, claims_error, credential_arguments, key, resolve_tenant, token_arguments,
};
use proptest::prelude::*;

const ARM: &str = "https://management.azure.com/.default";

fn request(audience: Audience<'_>) -> TokenRequest<'_> {
    TokenRequest { audience, tenant: None, subscription: None }
}

fn scopes<'a>(scopes: &'a [&'a str]) -> TokenRequest<'a> {
    request(Audience::Scopes(scopes))
}

#[test]
fn arguments_are_those_of_azure_identity() {
    let common = ["account", "get-access-token", "--output", "json"];
    let resource = ["--resource", "https://management.azure.com"];
    let cases: [(TokenRequest<'_>, Vec<&str>); 9] = [
        (scopes(&[ARM]), resource.to_vec()),
        (scopes(&[ARM, "https://vault.azure.net/.default"]), resource.to_vec()),
        (request(Audience::Resource("https://management.azure.com")), resource.to_vec()),
        (request(Audience::Scope(ARM)), resource.to_vec()),
        (scopes(&["https://x/user_impersonation"]), vec!["--resource", "https://x/user_impersonation"]),
        (request(Audience::Scope("https://x/read")), vec!["--scope", "https://x/read"]),
        (
            TokenRequest { tenant: Some("contoso.com"), ..scopes(&[ARM]) },
            [&resource[..], &["--tenant", "contoso.com"]].concat(),
        ),
        (
            TokenRequest { subscription: Some("Dev Team_1.2-x"), ..scopes(&[ARM]) },
            [&resource[..], &["--subscription", "Dev Team_1.2-x"]].concat(),
        ),
        (TokenRequest { tenant: Some(""), subscription: Some(""), ..scopes(&[ARM]) }, resource.to_vec()),
    ];
    for (request, expected) in cases {
        assert_eq!(token_arguments(&request).unwrap(), [&common[..], &expected].concat());
    }
}

#[test]
fn the_key_is_what_az_honours() {
    let same = [
        scopes(&["https://x/.default"]),
        scopes(&["https://x/.default", "https://y/.default"]),
        scopes(&["https://x"]),
        request(Audience::Resource("https://x")),
        request(Audience::Scope("https://x/.default")),
        TokenRequest { tenant: Some(""), subscription: Some(""), ..scopes(&["https://x"]) },
    ];
    let expected =
        AzKey { audience: AudienceKey::Resource("https://x".to_owned()), tenant: None, subscription: None };
    for request in same {
        assert_eq!(key(&request).unwrap(), expected, "{request:?}");
    }
    let different = [
        scopes(&["https://x//.default"]),
        scopes(&["https://x/.default/.default"]),
        scopes(&["https://X/.default"]),
        request(Audience::Scope("https://x")),
        TokenRequest { tenant: Some("t"), ..scopes(&["https://x"]) },
        TokenRequest { subscription: Some("t"), ..scopes(&["https://x"]) },
    ];
    for (index, request) in different.iter().enumerate() {
        let found = key(request).unwrap();
        assert_ne!(found, expected, "{request:?}");
        let earlier = different.iter().take(index).map(|earlier| key(earlier).unwrap());
        assert_eq!(earlier.filter(|earlier| *earlier == found).count(), 0, "{request:?}");
    }
}

#[test]
fn characters_outside_the_sets_are_refused() {
    for scope in
        ["a b", "a;b", "a$(b)", "a\"", "a'", "@file", "a\n", "é", "--debug", "-h", "a?b", "a%b", "/.default"]
    {
        for audience in [Audience::Scopes(&[scope]), Audience::Scope(scope)] {
            let error = token_arguments(&request(audience)).unwrap_err();
            assert!(matches!(error, RequestError::InvalidScope(_)), "{scope}: {error:?}");
            assert!(error.to_string().contains("Invalid scope was specified by the user or calling client"));
        }
    }
    assert!(matches!(key(&request(Audience::Resource("-x"))), Err(RequestError::InvalidScope(_))));
    for tenant in ["a b", "a_b", "a/b", "@a", "--x", "a:b", "ü", "a\0"] {
        let error = token_arguments(&TokenRequest { tenant: Some(tenant), ..scopes(&[ARM]) }).unwrap_err();
        assert!(matches!(error, RequestError::InvalidTenant(_)), "{tenant}: {error:?}");
        assert!(error.to_string().contains("Invalid tenant id provided"));
        assert_eq!(check_tenant(tenant), Err(error));
    }
    for subscription in ["a/b", "a;b", "a\"b", "@a", "--x", "a\tb", "ü"] {
        let error = token_arguments(&TokenRequest { subscription: Some(subscription), ..scopes(&[ARM]) })
            .unwrap_err();
        assert!(matches!(error, RequestError::InvalidSubscription(_)), "{subscription}: {error:?}");
        assert!(error.to_string().contains("contains invalid characters"));
        assert_eq!(check_subscription(subscription), Err(error));
    }
    assert_eq!(check_tenant("contoso.com"), Ok(()));
    assert_eq!(check_subscription("Dev Team"), Ok(()));
    assert!(check_tenant("").is_err() && check_subscription("").is_err());
}

#[test]
fn no_scope_is_refused() {
    for audience in
        [Audience::Scopes(&[]), Audience::Scopes(&["", ARM]), Audience::Resource(""), Audience::Scope("")]
    {
        let error = token_arguments(&request(audience)).unwrap_err();
        assert_eq!(error, RequestError::NoScope);
        assert!(error.to_string().contains("scope"));
    }
}

#[test]
fn tenant_and_subscription_together_are_refused() {
    let both = TokenRequest { tenant: Some("t"), subscription: Some("s"), ..scopes(&[ARM]) };
    let error = token_arguments(&both).unwrap_err();
    assert_eq!(error, RequestError::TenantWithSubscription);
    assert!(error.to_string().contains("a tenant or a subscription, not both"));
}

#[test]
fn a_refused_value_is_shown_without_tokens() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl !";
    for error in [
        token_arguments(&scopes(&[token])).unwrap_err(),
        check_tenant(token).unwrap_err(),
        check_subscription(token).unwrap_err(),
    ] {
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("[redacted]") && !shown.contains("eyJ"), "{shown}");
    }
}

#[test]
fn a_tenant_is_asked_only_if_it_is_allowed() {
    let (own, other) = (Some("own"), Some("other"));
    assert_eq!(resolve_tenant(None, None, &[], true), Ok(None));
    assert_eq!(resolve_tenant(None, other, &[], true), Ok(other));
    assert_eq!(resolve_tenant(own, None, &[], true), Ok(own));
    assert_eq!(resolve_tenant(own, own, &[], true), Ok(own));
    assert_eq!(resolve_tenant(own, Some(""), &[], true), Ok(own));
    assert_eq!(resolve_tenant(Some(""), other, &[], true), Ok(other));
    assert_eq!(resolve_tenant(own, other, &["x", "other"], true), Ok(other));
    assert_eq!(resolve_tenant(own, other, &["*"], true), Ok(other));
    assert_eq!(resolve_tenant(own, other, &[], false), Ok(own));
    assert_eq!(resolve_tenant(None, other, &[], false), Ok(None));
    assert_eq!(resolve_tenant(Some("adfs"), other, &[], true), Ok(Some("adfs")));
    for allowed in [&[][..], &["x"], &["Other"], &["othe*"]] {
        let error = resolve_tenant(own, other, allowed, true).unwrap_err();
        assert!(matches!(error, RequestError::TenantNotAllowed { .. }));
        let text = error.to_string();
        assert!(text.contains("not configured to acquire tokens for tenant other"), "{text}");
        assert!(text.contains("additionallyAllowedTenants"), "{text}");
    }
}

#[test]
fn claims_name_the_command_to_run() {
    let claims = r#"{"access_token":{"nbf":{"essential":true}}}"#;
    let encoded = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ==";
    let command = |audience, tenant| match claims_error(claims, audience, tenant) {
        error @ RequestError::ClaimsUnsupported { .. } => {
            let text = error.to_string();
            let (begin, command) = text.split_once("please run the following command: ").unwrap();
            assert!(begin.starts_with("This credential doesn't support claims challenges."));
            command.to_owned()
        }
        other => panic!("{other:?}"),
    };
    let expected = format!("az login --claims-challenge {encoded} --scope {ARM}");
    assert_eq!(command(Audience::Scopes(&[ARM, "x"]), None), expected);
    assert_eq!(command(Audience::Scopes(&[ARM]), Some("")), expected);
    assert_eq!(command(Audience::Scope(ARM), Some("t")), format!("{expected} --tenant t"));
    assert_eq!(command(Audience::Resource("https://management.azure.com"), None), expected);

    let refused = |audience, tenant| claims_error(claims, audience, tenant);
    assert!(matches!(refused(Audience::Scopes(&["a; rm"]), None), RequestError::InvalidScope(_)));
    assert!(matches!(refused(Audience::Scopes(&[ARM]), Some("$(x)")), RequestError::InvalidTenant(_)));
    assert_eq!(refused(Audience::Scopes(&[]), None), RequestError::NoScope);
}

#[test]
fn a_credential_s_call_is_resolved_first() {
    let call = CredentialRequest {
        scopes: &[ARM],
        configured_tenant: Some("own"),
        requested_tenant: None,
        additionally_allowed: &[],
        multi_tenant: true,
        subscription: None,
        claims: Some(" \n"),
    };
    let arguments = |tenant: Option<&str>, subscription: Option<&str>| {
        let audience = Audience::Scopes(&[ARM]);
        token_arguments(&TokenRequest { audience, tenant, subscription }).unwrap()
    };
    assert_eq!(credential_arguments(&call), Ok(arguments(Some("own"), None)));
    let other = CredentialRequest { requested_tenant: Some("other"), ..call };
    assert!(matches!(credential_arguments(&other), Err(RequestError::TenantNotAllowed { .. })));
    let allowed = CredentialRequest { additionally_allowed: &["other"], ..other };
    assert_eq!(credential_arguments(&allowed), Ok(arguments(Some("other"), None)));
    let single = CredentialRequest { multi_tenant: false, ..other };
    assert_eq!(credential_arguments(&single), Ok(arguments(Some("own"), None)));
    let subscribed = CredentialRequest { configured_tenant: None, subscription: Some("s"), ..call };
    assert_eq!(credential_arguments(&subscribed), Ok(arguments(None, Some("s"))));
    let both = CredentialRequest { subscription: Some("s"), ..call };
    assert_eq!(credential_arguments(&both), Err(RequestError::TenantWithSubscription));
    let claims = CredentialRequest { claims: Some("{}"), ..other };
    let expected = claims_error("{}", Audience::Scopes(&[ARM]), Some("other"));
    assert_eq!(expected.code(), "ClaimsUnsupported");
    assert_eq!(credential_arguments(&claims), Err(expected));
}

#[test]
fn every_error_has_a_code_of_its_own() {
    let request = scopes(&[ARM]);
    for (error, code) in [
        (key(&scopes(&[])).unwrap_err(), "NoScope"),
        (key(&scopes(&["!"])).unwrap_err(), "InvalidScope"),
        (check_tenant("!").unwrap_err(), "InvalidTenant"),
        (check_subscription("!").unwrap_err(), "InvalidSubscription"),
        (
            key(&TokenRequest { tenant: Some("t"), subscription: Some("s"), ..request }).unwrap_err(),
            "TenantWithSubscription",
        ),
        (resolve_tenant(Some("a"), Some("b"), &[], true).unwrap_err(), "TenantNotAllowed"),
        (claims_error("{}", request.audience, None), "ClaimsUnsupported"),
    ] {
        assert_eq!(error.code(), code);
    }
}

/// As JavaScript's `btoa` does; az decodes Latin-1. What `btoa` throws on is escaped the JSON way.
#[test]
fn claims_are_encoded_as_az_decodes_them() {
    let encoded = |claims: &str| {
        let error = claims_error(claims, Audience::Scopes(&[ARM]), None);
        error.to_string().split(' ').rev().nth(2).unwrap().to_owned()
    };
    for (claims, expected) in [
        ("a", "YQ=="),
        ("ab", "YWI="),
        ("abc", "YWJj"),
        ("abcd", "YWJjZA=="),
        ("é", "6Q=="),
        ("ÿ~?>", "/34/Pg=="),
    ] {
        assert_eq!(encoded(claims), expected);
    }
    assert_eq!(encoded("€"), encoded("\\u20ac"));
    assert_eq!(encoded("😀"), encoded("\\ud83d\\ude00"));
}

proptest! {
    #[test]
    fn whatever_reaches_az_is_of_the_allowed_sets(
        scope in ".{0,12}", tenant in prop::option::of(".{0,6}"), subscription in prop::option::of(".{0,6}"),
    ) {
        let asked = TokenRequest {
            audience: Audience::Scopes(&[&scope]), tenant: tenant.as_deref(), subscription: subscription.as_deref(),
        };
        if let Ok(arguments) = token_arguments(&asked) {
            for value in arguments.iter().skip(5).step_by(2) {
                prop_assert!(!value.starts_with(['-', '@']) && !value.is_empty());
                let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.:/ ".contains(character);
                prop_assert!(value.chars().all(allowed));
            }
        }
    }

    #[test]
    fn every_request_of_the_allowed_sets_reaches_az(
        scope in "[0-9a-zA-Z_.:/][0-9a-zA-Z_.:/-]{0,30}", tenant in "[0-9a-zA-Z.][0-9a-zA-Z.-]{0,30}",
        subscription in "[0-9a-zA-Z._ ][0-9a-zA-Z._ -]{0,30}",
    ) {
        prop_assume!(scope != "/.default");
        let asked = TokenRequest { audience: Audience::Scopes(&[&scope]), tenant: Some(&tenant), subscription: None };
        prop_assert_eq!(token_arguments(&asked).unwrap().pop(), Some(tenant.clone()));
        let asked = TokenRequest { tenant: None, subscription: Some(&subscription), ..asked };
        prop_assert_eq!(token_arguments(&asked).unwrap().pop(), Some(subscription.clone()));
    }

    #[test]
    fn no_claims_panic(claims: String, scope: String, tenant: Option<String>) {
        let _ = claims_error(&claims, Audience::Scopes(&[&scope]), tenant.as_deref()).to_string();
    }
}
