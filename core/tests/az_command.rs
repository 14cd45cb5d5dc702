//! Command lines of az: the forms that its callers use, and those that are left to the real az.
#![cfg(feature = "az")]

use azure_token_cache_core::az::args::Audience;
use azure_token_cache_core::az::command::{
    Command, Render, Setting, TokenCommand, is_plain, names_format, parse,
};
use proptest::prelude::*;

const ARM: &str = "https://management.azure.com";

fn parsed<'a>(words: &[&'a str]) -> Command<'a> {
    let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    parse(&bytes)
}

fn token<'a>(flags: &[&'a str]) -> Command<'a> {
    parsed(&[&["account", "get-access-token"], flags].concat())
}

fn of(audience: Audience<'_>) -> TokenCommand<'_> {
    TokenCommand { audience: Some(audience), ..TokenCommand::default() }
}

#[test]
fn what_the_sdks_and_terraform_ask_is_understood() {
    let resource = of(Audience::Resource(ARM));
    let cases: [(&[&str], TokenCommand<'_>); 12] = [
        (&["--output", "json", "--resource", ARM], resource),
        (&["-o", "json", "--resource", ARM], resource),
        (&["-ojson", "--resource", ARM], resource),
        (&["-o=json", "--resource", ARM], resource),
        (&["--output=json", "--resource", ARM], resource),
        (&["--resource", ARM], resource),
        (&["--resource=https://management.azure.com"], resource),
        (&["-o", "json", "--scope", "https://x/.default"], of(Audience::Scope("https://x/.default"))),
        (
            &["--output", "json", "--resource", ARM, "--tenant", "contoso.com"],
            TokenCommand { tenant: Some("contoso.com"), ..resource },
        ),
        (&["--resource", ARM, "-t", "t"], TokenCommand { tenant: Some("t"), ..resource }),
        (
            &["--scope", "s/.default", "--subscription", "Dev Team_1.2-x", "-o=json"],
            TokenCommand { subscription: Some("Dev Team_1.2-x"), ..of(Audience::Scope("s/.default")) },
        ),
        (&[], TokenCommand::default()),
    ];
    for (flags, command) in cases {
        assert_eq!(token(flags), Command::Token(command, Render::Json), "{flags:?}");
    }
    for flag in ["-s", "--name", "-n", "--subscription"] {
        let command = TokenCommand { subscription: Some("dev"), ..TokenCommand::default() };
        assert_eq!(token(&[flag, "dev"]), Command::Token(command, Render::Json), "{flag}");
    }
}

#[test]
fn scripts_ask_for_the_token_alone() {
    for (flags, render) in [
        (["--query", "accessToken", "-o", "tsv"], Render::BareToken),
        (["--query", "accessToken", "--output", "tsv"], Render::BareToken),
        (["--query", "accessToken", "-o", "json"], Render::QuotedToken),
    ] {
        assert_eq!(token(&flags), Command::Token(TokenCommand::default(), render), "{flags:?}");
    }
    let quoted = Command::Token(TokenCommand::default(), Render::QuotedToken);
    assert_eq!(token(&["--query", "accessToken"]), quoted);
    let bare = Command::Token(TokenCommand::default(), Render::BareToken);
    assert_eq!(token(&["--query=accessToken", "-otsv"]), bare);
}

#[test]
fn account_show_account_list_and_version_are_understood_as_json_without_other_flags() {
    for flags in
        [&[][..], &["-o", "json"], &["-o=json"], &["--output=json"], &["-ojson"], &["--output", "json"]]
    {
        assert_eq!(parsed(&[&["account", "show"], flags].concat()), Command::AccountShow, "{flags:?}");
        assert_eq!(parsed(&[&["account", "list"], flags].concat()), Command::AccountList, "{flags:?}");
        assert_eq!(parsed(&[&["version"], flags].concat()), Command::Version, "{flags:?}");
    }
    for flag in ["--all", "--refresh"] {
        assert_eq!(parsed(&["account", "list", flag]), Command::Unknown, "{flag}");
    }
    for flags in [&["-o", "tsv"][..], &["--query", "id"], &["-s", "dev"], &["extra"], &["-h"], &["-o"]] {
        assert_eq!(parsed(&[&["account", "show"], flags].concat()), Command::Unknown, "{flags:?}");
        assert_eq!(parsed(&[&["account", "list"], flags].concat()), Command::Unknown, "{flags:?}");
        assert_eq!(parsed(&[&["version"], flags].concat()), Command::Unknown, "{flags:?}");
    }
}

#[test]
fn a_logout_is_seen_in_any_case_and_with_any_flags() {
    let lines: [&[&str]; 6] = [
        &["logout"],
        &["LogOut"],
        &["logout", "--username", "ann@contoso.com"],
        &["account", "clear"],
        &["Account", "CLEAR", "--debug"],
        &["account", "clear", "-h"],
    ];
    for words in lines {
        assert_eq!(parsed(words), Command::Logout, "{words:?}");
    }
    assert_eq!(parse(&[b"logout", b"--username", b"\xff"]), Command::Logout);
    // az 2.91 refuses commands behind flags.
    let others: [&[&str]; 5] =
        [&["account"], &["clear"], &["--debug", "logout"], &["account", "logout"], &["logouts"]];
    for words in others {
        assert_eq!(parsed(words), Command::Unknown, "{words:?}");
    }
}

#[test]
fn what_is_not_certain_is_left_to_the_real_az() {
    let unknown: [&[&str]; 38] = [
        // Twice, abbreviated, misspelled, in another case.
        &["--resource", "a", "--resource", "a"],
        &["-o", "json", "--output", "json"],
        &["--subscription", "a", "-s", "a"],
        &["--res", ARM],
        &["--out", "json"],
        &["--Resource", ARM],
        &["-O", "json"],
        // Empty, missing, a file, another option, white space.
        &["--resource", ""],
        &["--resource="],
        &["--tenant", ""],
        &["-o="],
        &["--resource"],
        &["-o"],
        &["--resource", "@file"],
        &["--resource=@file"],
        &["--query", "@accessToken", "-o", "tsv"],
        &["--resource", "--scope"],
        &["--tenant", "-t"],
        &["--resource", "a b"],
        &["--resource", "a\u{e9}"],
        // What az refuses, or what one of it wins.
        &["--scope", "a", "b"],
        &["--scope"],
        &["--scope", "a", "--resource", "b"],
        &["--tenant", "a", "--subscription", "b"],
        &["--resource-type", "arm"],
        // Other output.
        &["-o", "tsv"],
        &["-o", "JSON"],
        &["-o", "jsonc"],
        &["-o", "table"],
        &["--query", "expiresOn", "-o", "tsv"],
        &["--query", "accessToken", "-o", "yaml"],
        &["--query", " accessToken", "-o", "tsv"],
        // Flags of all commands, and words.
        &["--debug"],
        &["--verbose"],
        &["--only-show-errors"],
        &["-h"],
        &["--"],
        &["word"],
    ];
    for flags in unknown {
        assert_eq!(token(flags), Command::Unknown, "{flags:?}");
    }
    let lines: [&[&str]; 8] = [
        &[],
        &["account"],
        &["Account", "get-access-token"],
        &["account", "get-access-tokens"],
        &["-o", "json", "account", "show"],
        &["account", "-o", "json", "show"],
        &["login"],
        &["--version"],
    ];
    for words in lines {
        assert_eq!(parsed(words), Command::Unknown, "{words:?}");
    }
    assert_eq!(parse(&[b"account", b"get-access-token", b"--resource", b"\xff"]), Command::Unknown);
}

#[test]
fn a_default_format_counts_where_none_is_named() {
    let plain = Setting::default();
    assert!(is_plain(&plain, false));
    for (config, without, with) in [
        ("[core]\noutput = json", true, true),
        ("[core]\noutput = JSON", true, true),
        ("[core]\noutput = yaml", false, true),
        ("[core]\noutput =", false, true),
        ("[DEFAULT]\noutput = yaml\n[core]\n", false, true),
        ("[core]\noutput = %(gone)s", false, false),
        ("output", false, false),
        ("[other]\noutput = yaml", true, true),
        ("[clients]\nshow_secrets_warning = no", true, true),
        ("[clients]\nshow_secrets_warning = yes", false, false),
        ("[clients]\nshow_secrets_warning = perhaps", false, false),
    ] {
        let setting = Setting { config: Some(config.as_bytes()), ..plain };
        assert_eq!((is_plain(&setting, false), is_plain(&setting, true)), (without, with), "{config}");
    }
    let yaml = Some(b"[core]\noutput = yaml".as_slice());
    for (variable, without) in [("json", true), ("Json", true), ("table", false), ("", false)] {
        let setting = Setting { azure_core_output: Some(variable.as_bytes()), config: yaml, ..plain };
        assert_eq!((is_plain(&setting, false), is_plain(&setting, true)), (without, true), "{variable}");
    }
    let warning = Setting { azure_clients_show_secrets_warning: Some(b"1"), ..plain };
    assert!(!is_plain(&warning, true));
    let completing = Setting { completing: true, ..plain };
    assert!(!is_plain(&completing, true));
}

#[test]
fn a_named_format_is_seen_in_each_form() {
    for flags in [&["-o", "json"][..], &["-ojson"], &["-o=json"], &["--output", "json"], &["--output=json"]] {
        assert!(names_format(&flags.iter().map(|word| word.as_bytes()).collect::<Vec<_>>()), "{flags:?}");
    }
    assert!(!names_format(&[b"--query", b"accessToken", b"--only"]));
}

#[test]
fn a_fetch_asks_for_the_same_token_as_json() {
    for (flags, expected) in [
        (&["--resource", "r", "-t", "t"][..], &["--resource", "r", "--tenant", "t"][..]),
        (&["--scope", "s/.default", "-n", "dev"], &["--resource", "s", "--subscription", "dev"]),
        (&["--query", "accessToken", "-o", "tsv"], &[]),
        (&["-s", "dev"], &["--subscription", "dev"]),
    ] {
        let Command::Token(command, _) = token(flags) else { panic!("{flags:?}") };
        let common = ["account", "get-access-token", "--output", "json"];
        assert_eq!(command.arguments().unwrap(), [&common, expected].concat(), "{flags:?}");
    }
}

#[test]
fn requests_share_a_key_exactly_where_az_makes_no_difference() {
    let key = |flags: &[&str]| {
        let Command::Token(command, _) = token(flags) else { panic!("{flags:?}") };
        command.key().unwrap().parts().map(<[u8]>::to_vec)
    };
    assert_eq!(key(&["--resource", "r"]), key(&["--scope", "r/.default"]));
    assert_eq!(key(&["--resource", "r", "-o", "json"]), key(&["--query", "accessToken", "--resource", "r"]));
    assert_eq!(key(&["-s", "a"]), key(&["--subscription", "a"]));
    let different: [&[&str]; 9] = [
        &[],
        &["--resource", "default"],
        &["--resource", "r"],
        &["--resource", "r/"],
        &["--scope", "r"],
        &["--resource", "r", "-t", "a"],
        &["--resource", "r", "-s", "a"],
        &["-t", "a"],
        &["-s", "a"],
    ];
    for (index, flags) in different.iter().enumerate() {
        for other in &different[index + 1..] {
            assert_ne!(key(flags), key(other), "{flags:?} {other:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_words_are_either_understood_whole_or_unknown(words in proptest::collection::vec(word(), 0..6)) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Command::Token(command, _) = token(&words) {
            // Every value that was given has its place in what is understood, and nothing else has.
            let joined = words.join(" ");
            for value in [command.tenant, command.subscription].into_iter().flatten() {
                prop_assert!(joined.contains(value));
            }
            prop_assert!(command.arguments().is_ok());
            prop_assert!(!joined.contains("--debug"));
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "-o",
            "json",
            "tsv",
            "--query",
            "accessToken",
            "--resource",
            "--scope",
            "--tenant",
            "-t",
            "-s",
            "--subscription",
            "-ojson",
            "--output=json",
            "--debug",
            "@file",
            "",
            "--",
            "-o=tsv",
        ])
        .prop_map(str::to_owned),
        "[a-z=@/. -]{0,8}",
    ]
}
