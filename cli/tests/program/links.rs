//! Which links named az are the shim's, to be replaced and removed.

use std::fs;
use std::os::unix::fs::symlink;

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
