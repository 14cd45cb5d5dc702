//! What az prints, made without it: documents, times in every zone, the profile's entry.
#![cfg(feature = "az")]

use azure_token_cache_core::az::account::{AccountEnvironment, AccountFiles};
use azure_token_cache_core::az::answer::{
    Expiry, TokenDocument, account_list, account_show, local_text, token,
};
use azure_token_cache_core::az::command::Render;
use azure_token_cache_core::az::local_time::{FixedOffset, UTC, unix_ms};
use azure_token_cache_core::az::output::{Exit, parse_token};
use proptest::prelude::*;

const DOCUMENT: TokenDocument<'static> = TokenDocument {
    secret: "abc.def-_~",
    expiry: Expiry::Seconds(1_763_778_845),
    tenant: "contoso.com",
    subscription: Some("5ab00000-0000-4000-8000-0000000000c1"),
};

#[test]
fn a_document_is_laid_out_as_az_does() {
    assert_eq!(
        token(&DOCUMENT, Render::Json, &FixedOffset { seconds: 19_800 }),
        r#"{
  "accessToken": "abc.def-_~",
  "expiresOn": "2025-11-22 08:04:05.000000",
  "expires_on": 1763778845,
  "subscription": "5ab00000-0000-4000-8000-0000000000c1",
  "tenant": "contoso.com",
  "tokenType": "Bearer"
}
"#
    );
}

#[test]
fn with_a_tenant_argument_no_subscription_is_named_and_an_old_az_names_no_seconds() {
    let document = TokenDocument {
        subscription: None,
        expiry: Expiry::LocalText("2020-11-12 13:50:47.114324"),
        ..DOCUMENT
    };
    assert_eq!(
        token(&document, Render::Json, &UTC),
        "{\n  \"accessToken\": \"abc.def-_~\",\n  \"expiresOn\": \"2020-11-12 13:50:47.114324\",\n  \"tenant\": \
         \"contoso.com\",\n  \"tokenType\": \"Bearer\"\n}\n"
    );
}

#[test]
fn a_token_alone_is_a_line() {
    assert_eq!(token(&DOCUMENT, Render::BareToken, &UTC), "abc.def-_~\n");
    assert_eq!(token(&DOCUMENT, Render::QuotedToken, &UTC), "\"abc.def-_~\"\n");
}

#[test]
fn account_show_prints_the_selected_entry() {
    let profile = "\u{feff}{\"installationId\": \"1\", \"subscriptions\": [{\"id\": \"a\", \"environmentName\": \"AzureCloud\", \
                   \"isDefault\": false}, {\"tenantId\": \"t\", \"id\": \"b\", \"name\": \"D\u{e9}v \\\"1\\\" \\u0001\\t\u{7f}/\", \
                   \"environmentName\": \"AzureCloud\", \"isDefault\": true, \"managedByTenants\": [], \"limit\": -3, \
                   \"homeTenantId\": null, \"user\": {\"type\": \"user\", \"name\": \"\u{1F600}\", \"extra\": {}}}]}";
    let files = AccountFiles { profile: Some(profile.as_bytes()), ..AccountFiles::default() };
    let shown = account_show(&files, &AccountEnvironment::default()).unwrap().unwrap();
    assert_eq!(
        shown,
        "{\n  \"environmentName\": \"AzureCloud\",\n  \"homeTenantId\": null,\n  \"id\": \"b\",\n  \"isDefault\": \
         true,\n  \"limit\": -3,\n  \"managedByTenants\": [],\n  \"name\": \"D\u{e9}v \\\"1\\\" \\u0001\\t\u{7f}/\",\n  \
         \"tenantId\": \"t\",\n  \"user\": {\n    \"extra\": {},\n    \"name\": \"\u{1F600}\",\n    \"type\": \
         \"user\"\n  }\n}\n"
    );
}

#[test]
fn account_list_prints_the_enabled_entries_of_the_active_cloud() {
    let listed = |entries: &str| {
        let profile = format!("{{\"subscriptions\": [{entries}]}}");
        let files = AccountFiles { profile: Some(profile.as_bytes()), ..AccountFiles::default() };
        account_list(&files, &AccountEnvironment::default())
    };
    let entry = |id: &str, cloud: &str, state: &str| {
        format!(
            "{{\"id\": \"{id}\", \"environmentName\": \"{cloud}\", \"state\": \"{state}\", \"user\": {{\"type\": 1}}}}"
        )
    };
    let (first, second) = (entry("b", "AzureCloud", "Enabled"), entry("a", "AzureCloud", "Enabled"));
    let other = entry("c", "AzureChinaCloud", "Disabled");
    let shown = listed(&format!("{first},{other},{second}")).unwrap().unwrap();
    let one = |id| {
        format!(
            "  {{\n    \"cloudName\": \"AzureCloud\",\n    \"id\": \"{id}\",\n    \"state\": \"Enabled\",\n    \"user\": {{\n      \"type\": 1\n    }}\n  }}"
        )
    };
    assert_eq!(shown, format!("[\n{},\n{}\n]\n", one("b"), one("a")));
    // az warns of these.
    assert_eq!(listed(""), Ok(None));
    assert_eq!(listed(&other), Ok(None));
    assert_eq!(listed(&format!("{first},{}", entry("d", "AzureCloud", "Warned"))), Ok(None));
    assert!(listed("{\"id\": \"e\"}").is_err());
}

#[test]
fn account_show_has_no_answer_where_az_has_an_error_or_another_way_with_numbers() {
    let shown = |profile: &str| {
        let files = AccountFiles { profile: Some(profile.as_bytes()), ..AccountFiles::default() };
        account_show(&files, &AccountEnvironment::default())
    };
    let entry = |extra: &str| {
        format!(
            "{{\"subscriptions\": [{{\"id\": \"b\", \"environmentName\": \"AzureCloud\", \"isDefault\": true{extra}}}]}}"
        )
    };
    assert!(shown(&entry("")).unwrap().is_some());
    for extra in [", \"x\": 1.5", ", \"x\": [{\"y\": 1e16}]", ", \"x\": 123456789012345678901234567890"] {
        assert_eq!(shown(&entry(extra)), Ok(None), "{extra}");
    }
    assert_eq!(shown("{\"subscriptions\": []}"), Ok(None));
    assert!(shown("{\"subscriptions\": [").is_err());
}

proptest! {
    #[test]
    fn local_texts_are_read_back(seconds in -60_000_000_000_i64..200_000_000_000, offset in -86_399_i32..86_400) {
        let zone = FixedOffset { seconds: offset };
        let wall = seconds + i64::from(offset);
        // Four digits of a year: what az's callers parse.
        prop_assume!((-62_135_596_800..253_402_300_800).contains(&wall));
        prop_assert_eq!(unix_ms(&local_text(seconds, &zone), &zone), Some(seconds * 1_000));
    }

    #[test]
    fn a_document_reads_back_as_the_token_it_was_made_of(
        secret in "[!-~]{1,60}", seconds in 1_700_000_000_i64..4_000_000_000, tenant in "[a-z\u{e9}\"\\\\]{1,9}",
    ) {
        let document = TokenDocument { secret: &secret, expiry: Expiry::Seconds(seconds), tenant: &tenant, ..DOCUMENT };
        let printed = token(&document, Render::Json, &UTC);
        let read = parse_token(printed.as_bytes(), b"", Exit::Code(0), &UTC, 0).unwrap();
        prop_assert_eq!(read.secret(), secret.as_str());
        prop_assert_eq!(read.tenant(), Some(tenant.as_str()));
        prop_assert_eq!(read.subscription(), DOCUMENT.subscription);
        prop_assert_eq!(read.expires_on(), Some(seconds));
        prop_assert_eq!(read.local_expiry().map(str::to_owned), Some(local_text(seconds, &UTC)));
        prop_assert_eq!(read.expires_at_unix_ms(), seconds * 1_000);
    }
}
