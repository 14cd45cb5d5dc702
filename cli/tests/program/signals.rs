//! Signals that the caller ignores: an az that the shim runs for itself is not in the way of them, the az that it becomes has
//! them as they were.

use std::fs;
use std::os::unix::fs::symlink;

use crate::stage::{Stage, printed};

/// What a program prints whose caller ignores these signals. Not every shell can have SIGCHLD ignored.
fn ignoring(stage: &Stage, signals: &str, program: &str) -> String {
    let trap = if signals.is_empty() { String::new() } else { format!("trap \"\" {signals};") };
    printed(stage.shell(&format!("exec bash -c '{trap} exec {program}'")))
}

#[test]
fn a_caller_that_ignores_the_end_of_its_children_has_its_token() {
    let stage = Stage::new("no-children");
    for words in ["account get-access-token", "version"] {
        let text = ignoring(&stage, "CHLD", &format!("az {words}"));
        assert!(text.contains("accessToken"), "{words}: {text}");
    }
    assert_eq!(stage.kept(), 1);
}

#[test]
fn az_ignores_what_the_caller_ignores_and_nothing_else() {
    let stage = Stage::new("ignored");
    // No shell, and no perl: they change what signals do.
    fs::copy("/bin/cat", stage.path("real/az")).unwrap();
    for word in ["group", "logout"] {
        symlink("/proc/self/status", stage.path(word)).unwrap();
    }
    let ignored = |signals: &str, command: &str| {
        let status = ignoring(&stage, signals, command);
        status.lines().find(|line| line.starts_with("SigIgn:")).unwrap().to_owned()
    };
    let usual = ignored("", "real/az group");
    for signals in ["", "CHLD", "PIPE", "CHLD PIPE INT TERM"] {
        let without_shim = ignored(signals, "real/az group");
        assert_eq!(without_shim == usual, signals.is_empty(), "{signals} {usual}");
        for words in ["group", "logout"] {
            assert_eq!(ignored(signals, &format!("az {words}")), without_shim, "{signals} {words}");
        }
    }
}
