//! A profile that is being written, or stays half-written: an az that starts then would log everybody out.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use crate::stage::{Stage, failed, is_sleeping, printed, profile, text, wait_until};

/// What az was half done with.
const CUT: &str = r#"{"subscriptions": [{"id": "sub-1", "name": "De"#;

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn what_the_shim_understands_starts_no_az_on_a_broken_profile() {
    let stage = Stage::new("cut");
    stage.write_profile(CUT);
    let asked = [&["account", "get-access-token"][..], &["account", "show"], &["account", "list"]];
    for child in asked.map(|words| start(stage.shim(words))) {
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
        let said = text(&output.stderr);
        assert!(said.starts_with("ERROR: Azure CLI's file azureProfile.json cannot be read: "), "{said}");
        assert!(said.ends_with("run 'az account clear' and then 'az login'.\n"), "{said}");
    }
    assert_eq!(stage.starts(), [""; 0]);
    // The real az puts it right.
    stage.az("echo repaired");
    assert_eq!(printed(stage.shim(&["account", "clear"])), "repaired\n");
    assert_eq!(printed(stage.shim(&["group", "list"])), "repaired\n");
}

#[test]
fn everything_else_waits_for_whoever_writes_the_profile() {
    let stage = Stage::new("writing");
    stage.az("cp azure/azureProfile.json \"$1\"; date +%s%N > \"$1-began\"");
    for words in [&["group", "list"][..], &["logout"], &["version"]] {
        stage.write_profile(CUT);
        let child = start(stage.shim(words));
        wait_until("it waits", || is_sleeping(&child));
        stage.write_profile(&profile("ben@contoso.com"));
        let written = fs::metadata(stage.path("azure/azureProfile.json")).unwrap().modified().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?} {}", text(&output.stderr));
        assert!(fs::read_to_string(stage.path(words[0])).unwrap().contains("ben@contoso.com"), "{words:?}");
        let began = fs::read_to_string(stage.path(&format!("{}-began", words[0]))).unwrap();
        let began: u128 = began.trim().parse().unwrap();
        let written = written.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        assert!(began >= written + 250_000_000, "{words:?} {began} {written}");
    }
}

#[test]
fn an_az_that_is_to_start_in_any_case_starts_in_the_end() {
    let stage = Stage::new("stays");
    stage.write_profile(CUT);
    printed(stage.shim(&["group", "list"]));
    assert_eq!(stage.starts(), ["group list"]);
    let mut off = stage.shim(&["account", "show"]);
    off.env("AZURE_TOKEN_CACHE", "off");
    printed(off);
    let (code, said) = failed(stage.program(&["get-token"]));
    assert_eq!(code, 1, "{said}");
}
