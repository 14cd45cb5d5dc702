//! What the command says that a user can do, where something is not as it must be.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::stage::{Stage, failed, printed, text};

#[test]
fn a_folder_that_others_may_read_is_named_with_what_closes_it() {
    let stage = Stage::new("open-folder");
    printed(stage.program(&["get-token"]));
    let folder = stage.path("state/azure-token-cache/store");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let remedy = format!(
        "{} cannot hold tokens: others may read or write it (permissions 755; chmod go-rwx",
        folder.display()
    );
    for words in [&["clear"][..], &["doctor"], &["explain"], &["get-token"]] {
        let output = stage.program(words).output().unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(said.contains(&remedy), "{words:?} {said}");
    }
}

#[test]
fn without_a_vault_nothing_is_advised_that_the_command_cannot_do() {
    let stage = Stage::new("no-vault");
    let mut command = stage.program(&["get-token"]);
    command.env("AZURE_TOKEN_CACHE_VAULT", "key-file").env("XDG_RUNTIME_DIR", stage.path("nowhere"));
    let said = command.output().unwrap().stderr;
    let said = text(&said);
    assert!(said.contains("no vault takes the key") && said.contains("AZURE_TOKEN_CACHE_VAULT"), "{said}");
    assert!(!said.contains("memory only") && !said.contains("unencrypted"), "{said}");
}

#[test]
fn a_vault_that_does_not_exist_is_said_to_be_none() {
    let stage = Stage::new("vault-name");
    let mut command = stage.program(&["status"]);
    command.env("AZURE_TOKEN_CACHE_VAULT", "secret_service");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stderr);
    assert!(said.contains("'secret_service' is no vault") && said.contains("secret-service"), "{said}");
    // az's callers merge what it says into its answer.
    let mut shim = stage.shim(&["account", "get-access-token"]);
    shim.env("AZURE_TOKEN_CACHE_VAULT", "key_file");
    printed(shim);
}

#[test]
fn a_working_folder_that_is_gone_matters_only_to_relative_paths() {
    let stage = Stage::new("no-folder");
    let token = printed(stage.program(&["get-token"]));
    let gone = |setting: &str| {
        stage.shell(&format!(
            "mkdir gone; cd gone; rmdir ../gone; {setting} exec '{}' get-token",
            crate::stage::PROGRAM
        ))
    };
    assert_eq!(printed(gone("")), token);
    let (code, said) = failed(gone("export AZURE_CONFIG_DIR=azure;"));
    assert_eq!(code, 1);
    assert!(said.contains("the working folder is gone") && said.contains("AZURE_CONFIG_DIR"), "{said}");
}
