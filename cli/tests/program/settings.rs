//! A `config` of az's that the shim cannot read: the call is az's, and soon.

use std::fs::{self, File};

use crate::stage::{Stage, printed};

/// Far more than any of az's files holds.
const HUGE: u64 = 2 << 30;
/// What such a call may have, in kilobytes.
const MEMORY: u64 = 200 << 10;

#[test]
fn a_pipe_and_a_huge_file_are_left_to_az() {
    let stage = Stage::new("settings-unreadable");
    stage.az("echo from az");
    let config = stage.path("azure/config");
    let make_pipe = stage.shell("exec mkfifo azure/config").status().unwrap();
    assert!(make_pipe.success());
    is_azs(&stage);
    fs::remove_file(&config).unwrap();
    File::create(&config).unwrap().set_len(HUGE).unwrap();
    is_azs(&stage);
}

/// Under `timeout`, so that a shim that waits for ever fails and does not stay.
fn is_azs(stage: &Stage) {
    let limited = format!("ulimit -v {MEMORY}; exec timeout -s KILL 20 az account get-access-token");
    assert_eq!(printed(stage.shell(&limited)), "from az\n");
}
