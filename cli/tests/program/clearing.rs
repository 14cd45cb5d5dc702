//! Tokens are deleted also where nobody can have the key that seals them any more.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::stage::{GRANTS, Stage, printed};

const TOKEN: [&str; 2] = ["account", "get-access-token"];

#[test]
fn clear_and_logout_delete_what_a_vault_that_is_gone_has_sealed() {
    let stage = Stage::new("clear-no-vault");
    stage.az(&format!("[ \"$1\" = logout ] && exit\n{GRANTS}"));
    let without_vault = |mut command: Command| {
        command.env("XDG_RUNTIME_DIR", "/nowhere");
        command
    };
    for (command, said) in [(stage.program(&["clear"]), "Deleted 1 entry.\n"), (stage.shim(&["logout"]), "")]
    {
        printed(stage.shim(&TOKEN));
        assert_eq!(entries(&stage).len(), 1);
        assert_eq!(printed(without_vault(command)), said);
        assert_eq!(entries(&stage), [] as [PathBuf; 0]);
    }
}

/// Whatever lies in the folders of keys.
fn entries(stage: &Stage) -> Vec<PathBuf> {
    let inside = |path: PathBuf| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let folders = inside(stage.path("state/azure-token-cache/store"));
    let of_keys = folders.filter(|path| path.file_name().unwrap().len() == 32);
    of_keys.flat_map(inside).collect()
}
