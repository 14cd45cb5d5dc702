//! Answers that cannot be written: to a full disk, and to a reader who went away.

use std::fs::{File, OpenOptions};
use std::io;
use std::process::{Command, Stdio};

use crate::stage::{Stage, printed, text};

/// A device on which there is never any space.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[test]
fn an_answer_that_finds_no_space_is_a_failure() {
    let stage = Stage::new("full");
    // Asked before: what is told here is the store's.
    printed(stage.shim(&["account", "get-access-token"]));
    stage.az("echo '{}'");
    printed(stage.shim(&["version"]));
    let shim = [&["account", "get-access-token"][..], &["account", "show"], &["version"]];
    let program = [&["get-token"][..], &["status"], &["doctor"], &["--help"]];
    let commands = shim.map(|words| (stage.shim(words), "az: "));
    for (mut command, name) in
        commands.into_iter().chain(program.map(|words| (stage.program(words), "azure-token-cache: ")))
    {
        let output = command.stdout(full()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?} {said}");
        assert_eq!(
            said,
            format!("{name}standard output cannot be written: No space left on device (os error 28)\n")
        );
    }
}

#[test]
fn a_reader_who_went_away_is_no_failure() {
    let stage = Stage::new("gone");
    printed(stage.shim(&["account", "get-access-token"]));
    let without_reader = |mut command: Command| {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(Stdio::from(writer)).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{command:?}");
    };
    without_reader(stage.shim(&["account", "get-access-token"]));
    without_reader(stage.shim(&["account", "show"]));
    without_reader(stage.program(&["get-token"]));
}

#[test]
fn an_error_that_nobody_can_be_told_keeps_its_exit_code() {
    let stage = Stage::new("untold");
    stage.az("echo 'ERROR: something' >&2; exit 9");
    let failing = stage.shim(&["account", "get-access-token"]);
    let mut missing = stage.shim(&["group", "list"]);
    missing.env("PATH", stage.path("shim"));
    let mut noted = stage.program(&["get-token"]);
    noted.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative");
    let bogus = stage.program(&["bogus"]);
    for (mut command, code) in [(failing, 9), (missing, 127), (bogus, 2), (noted, 1)] {
        let status = command.stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{command:?}");
    }
}
