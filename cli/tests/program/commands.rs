//! The commands that people type: what they print, and their exit codes.

use std::fs;
use std::process::Command;

use crate::stage::{Stage, TOKEN, failed, printed, text};

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
    fs::remove_file(stage.path("real/az")).unwrap();
    assert_eq!(failed(stage.program(&["get-token"])).0, 4);
    stage.write_profile("{\"subscriptions\": []}");
    assert_eq!(failed(stage.program(&["get-token"])).0, 3);
    let mut clear = stage.program(&["clear"]);
    clear.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative");
    assert_eq!(failed(clear).0, 5);
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
fn status_lists_what_is_kept_and_never_a_token() {
    let stage = Stage::new("status");
    assert_eq!(printed(stage.program(&["status"])), "No tokens are kept.\n");
    printed(stage.program(&["get-token", "--resource", "https://vault.azure.net"]));
    printed(stage.program(&["get-token", "--tenant", "contoso.com"]));
    let table = printed(stage.program(&["status"]));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("RESOURCE                 TENANT       ACCOUNT          EXPIRES IN"),
        "{table}"
    );
    assert!(lines[1].starts_with("(the cloud's own)        contoso.com  ann@contoso.com  "), "{table}");
    assert!(lines[2].starts_with("https://vault.azure.net  tenant-1     ann@contoso.com  "), "{table}");
    assert!(lines[1].ends_with(" az      valid") && lines[2].ends_with(" az      valid"), "{table}");
    let json = printed(stage.program(&["status", "--json"]));
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["tokens"][1]["resource"], "https://vault.azure.net");
    assert_eq!(status["tokens"][1]["state"], "valid");
    for shown in [table, json] {
        assert!(!shown.contains(TOKEN) && !shown.contains('\x1b'), "{shown}");
    }
    stage.log_in("ben@contoso.com");
    let table = printed(stage.program(&["status"]));
    assert_eq!(table.matches("of an earlier login").count(), 2, "{table}");
}

#[test]
fn an_explanation_says_what_the_next_call_does() {
    let stage = Stage::new("explain");
    let answer = || {
        let text = printed(stage.program(&["explain", "--resource", "r"]));
        assert!(!text.contains(TOKEN), "{text}");
        text.lines().last().unwrap().trim_start_matches("answer  ").to_owned()
    };
    assert_eq!(answer(), "from az: nothing is kept");
    printed(stage.program(&["get-token", "--resource", "r"]));
    assert_eq!(answer(), "from the store: the token is of this login and has more than 5 min left");
    fs::write(stage.path("azure/msal_token_cache.json"), "").unwrap();
    stage.log_in("ann@contoso.com");
    assert_eq!(answer(), "from az: somebody logged in since the token was fetched");
    assert_eq!(stage.starts().len(), 1);
    stage.write_profile("{\"subscriptions\": []}");
    assert_eq!(answer(), "az's error: nobody is logged in");
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
fn doctor_finds_what_is_not_well() {
    let stage = Stage::new("doctor");
    let findings = printed(stage.program(&["doctor"]));
    for finding in
        ["ok    az ", "ok    shim ", "ok    login   ann@contoso.com", "ok    lock    works", "ok    vault "]
    {
        assert!(findings.contains(finding), "{findings}");
    }
    fs::remove_file(stage.path("real/az")).unwrap();
    let mut doctor = stage.program(&["doctor"]);
    doctor.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative").env("PATH", stage.path("shim"));
    let output = doctor.output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    for finding in ["fail  az ", "fail  folder ", "fail  vault "] {
        assert!(text(&output.stdout).contains(finding), "{}", text(&output.stdout));
    }
}

#[test]
fn every_command_has_a_help_that_names_it() {
    let stage = Stage::bare("help");
    let overview = printed(stage.program(&["--help"]));
    for command in ["get-token", "status", "explain", "clear", "doctor", "shim", "completions"] {
        assert!(overview.contains(&format!("\n  {command} ")), "{command}");
        let help = printed(stage.program(&[command, "--help"]));
        assert!(help.contains(&format!("Usage: azure-token-cache {command}")), "{help}");
        assert_eq!(printed(stage.program(&["help", command])), help);
        assert_eq!(printed(stage.program(&[command, "-h"])), help);
    }
    assert_eq!(
        printed(stage.program(&["--version"])),
        format!("azure-token-cache {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_completion_script_completes() {
    let stage = Stage::bare("completions");
    fs::write(stage.path("script"), printed(stage.program(&["completions", "bash"]))).unwrap();
    let complete = |words: &str, at: usize| {
        let script = format!(
            ". ./script; COMP_WORDS=(azure-token-cache {words}); COMP_CWORD={at}; _azure_token_cache; echo \"${{COMPREPLY[*]}}\""
        );
        let output = Command::new("bash").args(["-c", &script]).current_dir(stage.path("")).output().unwrap();
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout).trim().to_owned()
    };
    assert_eq!(complete("get", 1), "get-token");
    assert_eq!(complete("get-token --res", 2), "--resource");
    assert_eq!(complete("get-token -o h", 3), "header");
    for shell in ["zsh", "fish"] {
        assert!(printed(stage.program(&["completions", shell])).contains("get-token"));
    }
}
