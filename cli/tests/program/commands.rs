//! The commands that people type: what they print, and their exit codes.

use std::fs;
use std::path::PathBuf;

use crate::stage::{PROGRAM, Stage, TOKEN, failed, printed, text};

#[test]
fn a_token_is_printed_in_the_form_that_is_asked_for() {
    let stage = Stage::new("forms");
    let document = printed(stage.program(&["get-token", "--resource", "r"]));
    assert_eq!(printed(stage.program(&["get-token", "--scope", "r/.default", "-o", "json"])), document);
    assert_eq!(printed(stage.shim(&["account", "get-access-token", "--resource", "r"])), document);
    let token = printed(stage.program(&["get-token", "--resource", "r", "--output", "token"]));
    assert!(token.starts_with(TOKEN) && token.ends_with('\n'), "{token}");
    assert_eq!(printed(stage.program(&["get-token", "--resource=r", "-otsv"])), token);
    let header = printed(stage.program(&["get-token", "--resource", "r", "-o", "header"]));
    assert_eq!(header, format!("Authorization: Bearer {token}"));
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn exit_codes_say_what_is_wrong() {
    let stage = Stage::new("codes");
    for arguments in [
        &[][..],
        &["get-tokn"],
        &["get-token", "--res", "x"],
        &["get-token", "-o", "xml"],
        &["get-token", "--resource", "a", "--scope", "b"],
        &["get-token", "--resource", "a", "--resource", "a"],
        &["get-token", "--resource", "a b"],
        &["get-token", "--tenant", ""],
        &["get-token", "--tenant", "a", "--subscription", "b"],
        &["get-token", "word"],
        &["status", "--token"],
        &["shim"],
        &["shim", "remove"],
        &["completions"],
        &["help", "nothing"],
        &["--token"],
    ] {
        let (code, said) = failed(stage.program(arguments));
        assert_eq!(code, 2, "{arguments:?}");
        assert!(said.starts_with("azure-token-cache: ") && said.len() > 30, "{said}");
    }
    assert!(failed(stage.program(&["get-tokn"])).1.contains("did you mean 'get-token'?"));

    stage.az("echo \"ERROR: AADSTS700082: expired. Please run: az login\" >&2; exit 1");
    assert_eq!(failed(stage.program(&["get-token"])).0, 3);
    stage.az("echo 'ERROR: something' >&2; exit 9");
    let (code, said) = failed(stage.program(&["get-token"]));
    assert_eq!(
        (code, said.as_str()),
        (1, "azure-token-cache: Azure CLI exited with code 9. Azure CLI said: something\n")
    );
    let (code, said) = failed(stage.program(&["get-token", "-s", "other"]));
    assert_eq!((code, said.contains("Subscription 'other' not found.")), (1, true), "{said}");
    fs::remove_file(stage.path("real/az")).unwrap();
    assert_eq!(failed(stage.program(&["get-token"])).0, 4);
    assert_eq!(failed(stage.program(&["shim", "install"])).0, 4);
    stage.write_profile("{\"subscriptions\": []}");
    assert_eq!(failed(stage.program(&["get-token"])).0, 3);
    let mut clear = stage.program(&["clear"]);
    clear.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative");
    assert_eq!(failed(clear).0, 5);
}

/// The help, the documentation and the program know the same codes.
#[test]
fn every_exit_code_is_documented_and_met() {
    let stage = Stage::new("each-code");
    let run = |arguments: &[&str]| stage.program(arguments).output().unwrap().status.code().unwrap();
    let mut met = vec![run(&["get-token"])];
    stage.az("exit 9");
    met.push(run(&["get-token", "--resource", "other"]));
    met.push(run(&["get-tokn"]));
    stage.write_profile("{\"subscriptions\": []}");
    met.push(run(&["get-token"]));
    stage.log_in("ann@contoso.com");
    fs::remove_file(stage.path("real/az")).unwrap();
    met.push(run(&["get-token"]));
    let mut elsewhere = stage.program(&["status"]);
    met.push(
        failed({
            elsewhere.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative");
            elsewhere
        })
        .0,
    );
    assert_eq!(met, [0, 1, 2, 3, 4, 5]);

    let help = printed(stage.program(&["--help"]));
    let listed = help.split("\n\n").find_map(|part| part.strip_prefix("Exit codes:\n")).unwrap();
    let documentation = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md")).unwrap();
    let documented = documentation.split_once("Exit codes:").unwrap().1.split_once('.').unwrap().0;
    for text in [listed, documented] {
        let mut codes: Vec<i32> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        codes.sort_unstable();
        assert_eq!(codes, met, "{text}");
    }
}

#[test]
fn the_state_folder_is_where_the_environment_says() {
    let stage = Stage::new("where");
    let home = stage.path("home");
    for (name, value, folder) in [
        ("AZURE_TOKEN_CACHE_DIRECTORY", stage.path("given"), stage.path("given")),
        ("AZURE_TOKEN_CACHE_DIRECTORY", PathBuf::new(), stage.state()),
        ("XDG_STATE_HOME", stage.path("other"), stage.path("other/azure-token-cache")),
        ("XDG_STATE_HOME", PathBuf::new(), home.join(".local/state/azure-token-cache")),
        ("XDG_STATE_HOME", "relative".into(), home.join(".local/state/azure-token-cache")),
    ] {
        let run = |arguments: &[&str]| {
            let mut command = stage.program(arguments);
            command.env(name, &value);
            printed(command)
        };
        assert_eq!(run(&["clear"]).lines().count(), 1);
        let token = run(&["get-token"]);
        assert!(folder.join("store/lock").exists(), "{}", folder.display());
        assert_eq!(run(&["get-token"]), token);
        assert!(run(&["doctor"]).contains(&format!("ok    folder  {}\n", folder.display())));
    }
}

#[test]
fn without_a_store_a_token_is_printed_all_the_same_and_a_note_says_why_it_is_not_kept() {
    let stage = Stage::new("storeless");
    let mut command = stage.program(&["get-token"]);
    command.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative");
    let output = command.output().unwrap();
    assert!(text(&output.stdout).contains(TOKEN));
    assert!(text(&output.stderr).contains("the token is not kept"), "{}", text(&output.stderr));
    let mut command = stage.program(&["get-token"]);
    command.env("AZURE_TOKEN_CACHE", "off");
    assert!(printed(command).contains(TOKEN));
    assert_eq!(stage.kept(), 0);
}

#[test]
fn a_subscription_is_asked_for_by_any_of_its_flags() {
    let stage = Stage::new("subscription");
    let document = printed(stage.program(&["get-token", "--subscription", "dev"]));
    assert!(document.contains("\"subscription\": \"sub-1\""), "{document}");
    for flag in ["-s", "-n", "--name"] {
        assert_eq!(printed(stage.program(&["get-token", flag, "dev"])), document, "{flag}");
    }
    assert_eq!(printed(stage.shim(&["account", "get-access-token", "-s", "dev"])), document);
    assert_eq!(stage.starts(), ["account get-access-token --output json --subscription dev"]);
}

#[test]
fn az_by_the_program_s_own_name_is_the_shim() {
    let stage = Stage::new("by-name");
    let document = printed(stage.program(&["az", "account", "get-access-token"]));
    assert!(document.contains(TOKEN), "{document}");
    assert_eq!(printed(stage.shim(&["account", "get-access-token"])), document);
    assert_eq!(stage.starts().len(), 1);
    stage.az("echo from az; exit 7");
    for words in [&["az"][..], &["az", "--help"], &["az", "az"], &["az", "get-token"]] {
        let output = stage.program(words).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(7), "from az\n"), "{words:?}");
    }
    let mut starts = stage.starts();
    starts.sort();
    assert_eq!(starts[..3], ["", "--help", "account get-access-token --output json"]);
    assert_eq!(starts[3..], ["az", "get-token"]);
}

#[test]
fn clear_deletes_everything() {
    let stage = Stage::new("clear");
    assert_eq!(printed(stage.program(&["clear"])), "Nothing was kept.\n");
    let first = printed(stage.program(&["get-token"]));
    assert_eq!(printed(stage.program(&["clear"])), "Deleted 1 entry.\n");
    assert_eq!(stage.kept(), 0);
    assert_ne!(printed(stage.program(&["get-token"])), first);
}

#[test]
fn only_a_terminal_gets_colours_and_not_where_nobody_wants_them() {
    let stage = Stage::new("colours");
    let at_terminal = |command: &str, no_color: &str| {
        let command = format!("'{PROGRAM}' {command}");
        let mut script =
            stage.command("script", &["--quiet", "--return", "--command", &command, "/dev/null"]);
        script.env("TERM", "xterm").env("NO_COLOR", no_color);
        text(&script.output().unwrap().stdout).replace('\r', "")
    };
    printed(stage.program(&["get-token"]));
    for (command, coloured) in [
        ("doctor", "\x1b[32mok  \x1b[0m"),
        ("status", "\x1b[32mvalid\x1b[0m"),
        ("get-tokn", "\x1b[31mazure-token-cache:\x1b[0m"),
    ] {
        let shown = at_terminal(command, "");
        assert!(shown.contains(coloured), "{shown}");
        let plain = at_terminal(command, "1");
        assert!(!plain.contains('\x1b') && plain.len() > 20, "{plain}");
        // Neither a pipe nor a file is a terminal.
        let output = stage.program(&[command]).output().unwrap();
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
    }
}

#[test]
fn every_command_has_a_help_that_names_it() {
    let stage = Stage::bare("help");
    let overview = printed(stage.program(&["--help"]));
    let listed = overview.split("\n\n").find_map(|part| part.strip_prefix("Commands:\n")).unwrap();
    let commands: Vec<&str> = listed.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(commands, ["get-token", "status", "explain", "clear", "doctor", "shim", "completions", "az"]);
    for command in commands {
        let help = printed(stage.program(&["help", command]));
        assert!(help.contains(&format!("Usage: azure-token-cache {command}")), "{help}");
        // What follows `az` is the real az's.
        for flag in ["--help", "-h"].iter().filter(|_| command != "az") {
            assert_eq!(printed(stage.program(&[command, flag])), help);
        }
    }
    assert_eq!(
        printed(stage.program(&["--version"])),
        format!("azure-token-cache {}\n", env!("CARGO_PKG_VERSION"))
    );
}
