//! Which links named az are the shim's, to be replaced and removed.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::stage::{GRANTS, PROGRAM, Stage, failed, printed};

#[test]
fn a_link_to_another_program_is_left_alone_whatever_the_path_to_it_is_called() {
    let stage = Stage::new("foreign");
    fs::create_dir(stage.path("bin")).unwrap();
    let link = stage.path("bin/az");
    let there = "azure-token-cache-fork/venv/bin/az";
    stage.script(there, GRANTS);
    for target in
        [there, "azure-token-cache/venv/bin/az", "gone/azure-token-cache-2", "gone/azure-token-cache.d/az"]
    {
        let _ = fs::remove_file(&link);
        symlink(stage.path(target), &link).unwrap();
        for action in ["install", "uninstall"] {
            let (_, said) = failed(stage.program(&["shim", action, "--directory", "bin"]));
            assert!(said.contains("is another program; nothing was changed"), "{target} {said}");
            assert_eq!(fs::read_link(&link).unwrap(), stage.path(target));
        }
    }
}

#[test]
fn a_link_whose_program_has_gone_is_removed() {
    let stage = Stage::new("dangling");
    fs::create_dir(stage.path("bin")).unwrap();
    for target in [stage.path("gone/azure-token-cache"), PROGRAM.into()] {
        symlink(target, stage.path("bin/az")).unwrap();
        printed(stage.program(&["shim", "uninstall", "--directory", "bin"]));
        assert!(stage.path("bin/az").symlink_metadata().is_err());
    }
}

/// What the shim of this link prints for a caller that gives it a PATH and nothing else.
fn with_path_alone(stage: &Stage, folder: &str) -> Command {
    let mut shim = stage.shell("exec az group list");
    shim.env_clear().env("PATH", format!("{}:/usr/bin:/bin", stage.path(folder).display()));
    shim
}

#[test]
fn a_caller_without_the_installers_environment_reaches_the_real_az() {
    let stage = Stage::new("path-and-record");
    stage.az("echo from az");
    printed(stage.program(&["shim", "install"]));
    let folder = "state/azure-token-cache/bin";
    assert_eq!(printed(with_path_alone(&stage, folder)), "from az\n");
    // By its path too.
    let mut by_path = Command::new(stage.path(folder).join("az"));
    by_path.args(["group", "list"]).env_clear().env("PATH", "/usr/bin:/bin");
    assert_eq!(printed(by_path), "from az\n");
    let status = printed(stage.program(&["shim", "status"]));
    assert!(status.contains("(recorded)"), "{status}");
    printed(stage.program(&["shim", "uninstall"]));
    assert_eq!(fs::read_dir(stage.path(folder)).unwrap().count(), 0);
}

#[test]
fn without_a_state_folder_a_shim_goes_where_it_is_told() {
    let stage = Stage::new("placeless");
    stage.az("echo from az");
    let placeless = |arguments: &[&str]| {
        let mut command = stage.program(arguments);
        command.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative");
        command
    };
    let (_, said) = failed(placeless(&["shim", "install"]));
    assert!(said.contains("name one with --directory"), "{said}");
    printed(placeless(&["shim", "install", "--directory", "bin"]));
    assert_eq!(printed(with_path_alone(&stage, "bin")), "from az\n");
    printed(placeless(&["shim", "uninstall", "--directory", "bin"]));
    assert_eq!(fs::read_dir(stage.path("bin")).unwrap().count(), 0);
}
