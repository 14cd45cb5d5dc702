//! Account files against what the real az makes of them, and what az's answers do not show: torn files, fingerprints.
#![cfg(feature = "az")]
// A panic in a function that tests share is the failure of a test.
#![allow(clippy::panic)]

use azure_token_cache_core::az::account::{
    Absence, Account, AccountEnvironment, AccountError, AccountFile, AccountFiles, AccountKind, FileFlaw,
    Identity, parse,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What the real az answered for these files, made by `az_vectors/make.py`.
const ACCOUNTS: &str = include_str!("az_vectors/account.json");
/// What Python's configparser answered for these texts.
const INI: &str = include_str!("az_vectors/ini.json");

#[test]
fn reads_accounts_as_az_does() {
    let cases: Vec<Value> = serde_json::from_str(ACCOUNTS).unwrap();
    assert!(cases.len() > 70);
    for case in cases {
        let file = |name: &str| case["files"][name].as_str().map(str::as_bytes);
        let files = AccountFiles { profile: file("profile"), clouds: file("clouds"), config: file("config") };
        let variable = |name: &str| case["environment"][name].as_str();
        let environment = AccountEnvironment {
            azure_cloud_name: variable("AZURE_CLOUD_NAME"),
            acc_cloud: variable("ACC_CLOUD"),
            ..AccountEnvironment::default()
        };
        let account = parse(&files, &environment, case["subscription"].as_str(), case["tenant"].as_str());
        let mut expected = case["az"].clone();
        if let Some(refusal) = expected.as_object_mut() {
            refusal.remove("because");
        }
        assert_eq!(as_az_says(&account), expected, "{}: {account:?}", case["name"]);
    }
}

fn as_az_says(account: &Result<Account, AccountError>) -> Value {
    match account {
        Ok(Account::Present(identity)) => json!({ "present": {
            "cloud": identity.cloud, "user": identity.user, "kind": format!("{:?}", identity.kind),
            "assigned_identity": identity.assigned_identity, "tenant": identity.tenant,
            "subscription_id": identity.subscription_id,
        }}),
        Ok(Account::Absent(absence)) => {
            let debug = format!("{absence:?}");
            json!({ "absent": debug.split([' ', '{']).next() })
        }
        Err(error) => json!({ "refused": format!("{:?}", error.file) }),
    }
}

#[test]
fn reads_ini_files_as_configparser_does() {
    let cases: Vec<(String, Option<Vec<String>>)> = serde_json::from_str(INI).unwrap();
    assert!(cases.len() >= 400);
    for (text, expected) in cases {
        assert_eq!(cloud_name(&text), expected, "{text:?}");
    }
}

/// `name` in `[cloud]` of a config file: a list of one or none, or nothing for a file that cannot be read.
fn cloud_name(config: &str) -> Option<Vec<String>> {
    let profile = profile(&[subscription("s", "AzureCloud", true), subscription("s", "elsewhere", true)]);
    let files =
        AccountFiles { profile: Some(profile.as_bytes()), config: Some(config.as_bytes()), clouds: None };
    // With this variable set az takes any cloud for a known one.
    let environment =
        AccountEnvironment { arm_cloud_metadata_url: Some(""), ..AccountEnvironment::default() };
    match parse(&files, &environment, None, None) {
        Ok(Account::Absent(Absence::NoneInCloud { cloud })) => Some(vec![cloud]),
        Ok(Account::Present(identity)) if identity.cloud == "AzureCloud" => Some(vec![]),
        Err(AccountError { file: AccountFile::Config, .. }) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn references_that_multiply_are_refused_at_once() {
    let mut config = "[cloud]\nname = %(v0)s\n".to_owned();
    for depth in 0..8 {
        let reference = format!("%(v{})s", depth + 1);
        config = format!("{config}v{depth} = {}\n", reference.repeat(100));
    }
    assert_eq!(cloud_name(&format!("{config}v8 =\n")), None);
    assert_eq!(cloud_name("[cloud]\nname = %(a)s%(a)s\na = %(b)s\nb = x"), Some(vec!["xx".to_owned()]));
}

fn profile(subscriptions: &[Value]) -> String {
    json!({ "installationId": "i", "subscriptions": subscriptions }).to_string()
}

fn subscription(id: &str, cloud: &str, default: bool) -> Value {
    json!({
        "id": id, "name": format!("name of {id}"), "environmentName": cloud, "isDefault": default, "tenantId": "t-1",
        "user": { "name": "ann@example.com", "type": "user" },
    })
}

fn one() -> String {
    profile(&[subscription("s-1", "AzureCloud", true)])
}

fn account(files: &AccountFiles<'_>, environment: &AccountEnvironment<'_>) -> Identity {
    match parse(files, environment, None, None) {
        Ok(Account::Present(identity)) => identity,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_part_changes_the_fingerprint_and_nothing_else_does() {
    let base = one();
    let none = AccountEnvironment::default();
    let files = |profile: &str, clouds: &str, config: &str| {
        let (profile, clouds, config) = (profile.to_owned(), clouds.to_owned(), config.to_owned());
        move |environment: &AccountEnvironment<'_>| {
            let files = AccountFiles {
                profile: Some(profile.as_bytes()),
                clouds: Some(clouds.as_bytes()),
                config: Some(config.as_bytes()),
            };
            account(&files, environment).fingerprint
        }
    };
    let fingerprint = files(&base, "", "")(&none);

    let others = [
        files(&base.replace("ann@", "bob@"), "", "")(&none),
        files(&base.replace("\"type\":\"user\"", "\"type\":\"servicePrincipal\""), "", "")(&none),
        files(&base.replace("\"t-1\"", "\"t-2\""), "", "")(&none),
        files(&base.replace("\"id\":\"s-1\"", "\"id\":\"s-2\""), "", "")(&none),
        files(
            &base.replace("\"type\":\"user\"", "\"type\":\"user\",\"assignedIdentityInfo\":\"MSI\""),
            "",
            "",
        )(&none),
        files(&base.replace("AzureCloud", "AzureChinaCloud"), "", "[cloud]\nname = AzureChinaCloud")(&none),
        files(&base, "[AzureCloud]\nendpoint_active_directory = https://evil.example", "")(&none),
        files(&base, "[AzureCloud]\nendpoint_active_directory = https://other.example", "")(&none),
        files(&base, "[DEFAULT]\nprofile = p\n[AzureCloud]", "")(&none),
        files(&base, "", "[defaults]\nsubscription = s-2")(&none),
        files(&base, "", "[defaults]\nsubscription = s-3")(&none),
        files(&base, "", "")(&AccountEnvironment { copilot_agent_session_id: Some("a"), ..none }),
        files(&base, "", "")(&AccountEnvironment { copilot_agent_session_id: Some("b"), ..none }),
        files(&base, "", "")(&AccountEnvironment { arm_cloud_metadata_url: Some("u"), ..none }),
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(*other, fingerprint, "{index}");
        assert!(!others.iter().take(index).any(|earlier| earlier == other), "{index}");
    }

    let same = [
        files(&base.replace("name of s-1", "renamed"), "", "")(&none),
        files(&base.replace("\"installationId\":\"i\"", "\"installationId\":\"j\""), "", "")(&none),
        files(&base, "[AzureCloud]\nsubscription = s-1", "")(&none),
        files(&base, "[AzureChinaCloud]\nsubscription = s-8\nprofile = x", "")(&none),
        files(&base, "", "[core]\noutput = table\n[cloud]\nname = AzureCloud")(&none),
        files(&base, "", "")(&AccountEnvironment { copilot_agent_session_id: Some(""), ..none }),
        files(&base, "", "")(&AccountEnvironment { azure_cloud_name: Some("AzureCloud"), ..none }),
    ];
    assert!(same.iter().all(|other| *other == fingerprint), "{same:?}");
}

#[test]
fn fingerprints_keep_their_parts_apart() {
    let named = |user: &str, tenant: &str| {
        let text = one().replace("ann@example.com", user).replace("t-1", tenant);
        let files = AccountFiles { profile: Some(text.as_bytes()), ..AccountFiles::default() };
        account(&files, &AccountEnvironment::default()).fingerprint
    };
    assert_ne!(named("a1:b", "c"), named("a", "1:bc"));
    assert!(named("a", "b").as_bytes().ends_with(b"1:01:0"));
    let fingerprint = named("ann", "b");
    assert_eq!(format!("{fingerprint:?}"), format!("Fingerprint({} bytes)", fingerprint.as_bytes().len()));
}

#[test]
fn says_which_identities_the_files_do_not_name() {
    let with = |user: Value, environment: AccountEnvironment<'_>| {
        let mut entry = subscription("s-1", "AzureCloud", true);
        entry["user"] = user;
        let text = profile(&[entry]);
        account(&AccountFiles { profile: Some(text.as_bytes()), ..AccountFiles::default() }, &environment)
    };
    let none = AccountEnvironment::default();
    let user = json!({ "name": "ann@example.com", "type": "user", "cloudShellID": true });
    let machine = json!({ "name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": "MSI" });
    assert!(!with(user.clone(), none).is_memory_only());
    assert!(with(user.clone(), AccountEnvironment { acc_cloud: Some("prod"), ..none }).is_memory_only());
    let agent = with(user, AccountEnvironment { copilot_agent_session_id: Some("7"), ..none });
    assert!(agent.is_memory_only());
    assert_eq!((agent.kind, agent.agent_session.as_deref()), (AccountKind::User, Some("7")));
    assert!(with(machine, none).is_memory_only());
    assert!(!with(json!({ "name": "app", "type": "servicePrincipal" }), none).is_memory_only());
}

/// az would reset the active cloud to `AzureCloud`, in the file; an emptied clouds.config is a rewrite that has begun.
#[test]
fn an_emptied_clouds_config_is_no_reason_to_reset_the_active_cloud() {
    let text = profile(&[subscription("s-1", "AzureCloud", true), subscription("s-2", "Stack", false)]);
    let files = |clouds| AccountFiles {
        profile: Some(text.as_bytes()),
        config: Some(b"[cloud]\nname = Stack\n"),
        clouds,
    };
    let none = AccountEnvironment::default();
    for emptied in [&b""[..], b"\n "] {
        let error = parse(&files(Some(emptied)), &none, None, None).unwrap_err();
        assert_eq!(error, AccountError { file: AccountFile::Clouds, flaw: FileFlaw::Empty });
    }
    for reset in [None, Some(&b"[Other]"[..])] {
        assert_eq!(account(&files(reset), &none).cloud, "AzureCloud");
    }
}

#[test]
fn every_cut_of_a_profile_is_refused() {
    let text = format!(
        "\u{feff}{}",
        profile(&[subscription("s-1", "AzureCloud", true), subscription("ü", "x", false)])
    );
    for length in 0..text.len() {
        let files = AccountFiles { profile: text.as_bytes().get(..length), ..AccountFiles::default() };
        let error = parse(&files, &AccountEnvironment::default(), None, None).unwrap_err();
        assert_eq!(error.file, AccountFile::Profile, "{length}");
    }
}

#[test]
fn flaws_are_told_apart_and_say_what_to_do() {
    let none = AccountEnvironment::default();
    let profile_flaw = |bytes: &[u8]| {
        let files = AccountFiles { profile: Some(bytes), ..AccountFiles::default() };
        parse(&files, &none, None, None).unwrap_err()
    };
    assert_eq!(profile_flaw(b"").flaw, FileFlaw::Empty);
    assert_eq!(profile_flaw(b"\xef\xbb\xbf").flaw, FileFlaw::Empty);
    assert_eq!(profile_flaw(b"{\"subscriptions\": [\xff]}").flaw, FileFlaw::NotUtf8);
    assert_eq!(profile_flaw(b"{").flaw, FileFlaw::NotJson);
    assert_eq!(profile_flaw(b"3").flaw, FileFlaw::NotJson);
    assert_eq!(profile_flaw(b"{\"subscriptions\": 3}").flaw, FileFlaw::Field("subscriptions"));
    assert_eq!(profile_flaw(b"{\"subscriptions\": [{}]}").flaw, FileFlaw::Field("environmentName"));
    let config_flaw = |bytes: &[u8]| {
        let files = AccountFiles { config: Some(bytes), ..AccountFiles::default() };
        parse(&files, &none, None, None).unwrap_err()
    };
    assert_eq!(config_flaw(b"[a]\n\nb").flaw, FileFlaw::Line(3));
    assert_eq!(config_flaw(b"[cloud]\nname = %").flaw, FileFlaw::Reference);
    assert_eq!(config_flaw(b"\xff").flaw, FileFlaw::NotUtf8);

    let says = |error: &AccountError, words: &[&str]| {
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    says(&profile_flaw(b""), &["azureProfile.json", "empty", "az login"]);
    says(&profile_flaw(b"[\xff"), &["UTF-8"]);
    says(&profile_flaw(b"["), &["JSON"]);
    says(&profile_flaw(b"{\"subscriptions\": [{}]}"), &["'environmentName'"]);
    says(&config_flaw(b"[a]\n\nb"), &["file config", "line 3", "remove config"]);
    says(&config_flaw(b"[cloud]\nname = %"), &["'%'"]);
    let clouds = AccountFiles { clouds: Some(b"x"), ..AccountFiles::default() };
    says(&parse(&clouds, &none, None, None).unwrap_err(), &["clouds.config", "line 1"]);
}

#[test]
fn absences_say_what_to_do() {
    let (cloud, subscription) = (|| "Stack".to_owned(), "Pay");
    let told = [
        (Absence::NoAccounts, vec!["Please run 'az login'"]),
        (Absence::NoneInCloud { cloud: cloud() }, vec!["Please run 'az login'", "Stack", "az cloud set"]),
        (Absence::NoDefault { cloud: cloud() }, vec!["Stack", "az account set"]),
        (unknown(subscription), vec!["'Pay'", "az account list"]),
        (ambiguous(Some(subscription)), vec!["'Pay'", "ID"]),
        (ambiguous(None), vec!["selected", "az account set"]),
    ];
    for (absence, words) in told {
        let text = absence.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

fn unknown(subscription: &str) -> Absence {
    absence(&[], Some(subscription))
}

fn ambiguous(subscription: Option<&str>) -> Absence {
    let mut pair =
        [self::subscription("s-1", "AzureCloud", true), self::subscription("s-2", "AzureCloud", true)];
    for entry in &mut pair {
        entry["name"] = "pay".into();
    }
    absence(&pair, subscription)
}

fn absence(more: &[Value], subscription: Option<&str>) -> Absence {
    let text = profile(&[&[self::subscription("s-0", "AzureCloud", false)], more].concat());
    let files = AccountFiles { profile: Some(text.as_bytes()), ..AccountFiles::default() };
    match parse(&files, &AccountEnvironment::default(), subscription, None) {
        Ok(Account::Absent(absence)) => absence,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(profile: Vec<u8>, clouds: Vec<u8>, config: Vec<u8>, name: Option<String>, tenant: Option<String>) {
        let files = AccountFiles { profile: Some(&profile), clouds: Some(&clouds), config: Some(&config) };
        let environment = AccountEnvironment { azure_cloud_name: name.as_deref(), ..AccountEnvironment::default() };
        let _ = parse(&files, &environment, name.as_deref(), tenant.as_deref());
    }

    #[test]
    fn no_profile_panics(fields in profile_fields(), subscription: Option<String>) {
        let text = json!({ "subscriptions": fields }).to_string();
        let files = AccountFiles { profile: Some(text.as_bytes()), ..AccountFiles::default() };
        let _ = parse(&files, &AccountEnvironment::default(), subscription.as_deref(), None);
    }

    #[test]
    fn no_ini_panics(text in "(\\[|\\]|=|:|%|\\(|\\)|s|name|cloud|\n| |\r|#|DEFAULT){0,40}") {
        let begin = format!("[cloud]\nname = {text}");
        let _ = (cloud_name(&text), cloud_name(&begin));
    }
}

fn profile_fields() -> impl Strategy<Value = Vec<Value>> {
    let field = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
        Just("AzureCloud".into()),
        Just(json!({ "name": "systemAssignedIdentity", "type": "user" })),
        Just(json!({ "name": "userAssignedIdentity" })),
    ];
    let name = prop::sample::select(vec!["id", "name", "environmentName", "isDefault", "tenantId", "user"]);
    let entry = prop::collection::btree_map(name.prop_map(str::to_owned), field, 0..7);
    prop::collection::vec(entry.prop_map(|entry| json!(entry)), 0..4)
}
