//! What is deleted is gone: under every key, and past whatever stands in the way.

use std::fs;
use std::path::PathBuf;

use azure_token_cache_host::store::{
    Documents, Environment, Found, Look, Store, StoreError, StoreOptions, VaultChoice, VaultKind,
};

use crate::stage::{Stage, document, key, put};
use crate::vaults::{kernel_key_in, with_vault};

#[test]
fn a_document_goes_under_every_key_in_reach() {
    let stage = Stage::new("document-every-key");
    let in_keyring = Documents::open(&with_vault(&stage, VaultKind::KernelKeyring)).unwrap();
    let in_file = Documents::open(&stage.options()).unwrap();
    for documents in [&in_file, &in_keyring] {
        documents.merge(&document(), "{}", r#"{"s":{"a":1}}"#).unwrap();
    }
    assert_eq!(document_files(&stage).len(), 2);
    Documents::open(&any_vault(&stage)).unwrap().remove(&document()).unwrap();
    for documents in [&in_file, &in_keyring] {
        assert_eq!(documents.load(&document(), "").unwrap(), Look::Missing);
    }
    kernel_key_in(&stage.state().join("documents"), 1).invalidate().unwrap();
}

#[test]
fn documents_of_a_key_out_of_reach_make_their_removal_an_error_that_says_where() {
    let stage = Stage::new("document-out-of-reach");
    Documents::open(&stage.options()).unwrap().merge(&document(), "{}", "{}").unwrap();
    let files = document_files(&stage);
    let no_runtime = StoreOptions {
        environment: Environment::from_iter([
            ("HOME", stage.path().join("home")),
            ("XDG_RUNTIME_DIR", "/nowhere".into()),
        ]),
        ..any_vault(&stage)
    };
    for options in [&no_runtime, &any_vault(&stage)] {
        let error = Documents::open(options).unwrap().remove(&document()).unwrap_err();
        let folder = files[0].parent().unwrap();
        assert!(
            matches!(&error, StoreError::OutOfReach { path, vault: VaultKind::KeyFile, .. } if path == folder),
            "{error:?}"
        );
        assert!(error.to_string().contains(folder.to_str().unwrap()), "{error}");
        assert_eq!(document_files(&stage), files);
        // Now the vault can be reached, and does not have the key.
        let _ = fs::remove_dir_all(stage.path().join("run/azure-token-cache"));
    }
}

#[test]
fn documents_of_a_key_that_died_with_the_last_boot_are_nobodys() {
    let stage = Stage::new("document-last-boot");
    Documents::open(&stage.options()).unwrap().merge(&document(), "{}", "{}").unwrap();
    fs::remove_dir_all(stage.path().join("run/azure-token-cache")).unwrap();
    let record = stage.state().join("documents/keys/default.json");
    let text = fs::read_to_string(&record).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::write(&record, text.replace(boot.trim_end(), "an earlier one")).unwrap();
    Documents::open(&any_vault(&stage)).unwrap().remove(&document()).unwrap();
}

#[test]
fn a_token_is_invalidated_by_who_has_no_key_in_use() {
    let stage = Stage::new("no-key-in-use");
    put(&stage.store(), &key("a"), "one");
    let in_keyring = Store::open(&with_vault(&stage, VaultKind::KernelKeyring)).unwrap();
    assert_eq!(in_keyring.invalidate_where(|_| true).unwrap(), 1);
    assert_eq!(stage.store().load(&key("a")).found, Found::Tombstone);
}

fn any_vault(stage: &Stage) -> StoreOptions {
    StoreOptions { vault: VaultChoice::Auto, ..stage.options() }
}

/// The files of documents, whatever they are sealed with.
fn document_files(stage: &Stage) -> Vec<PathBuf> {
    let files = stage.files().into_iter();
    let documents = files
        .filter(|file| file.starts_with("documents/") && file.rsplit('/').next().unwrap().len() == 64)
        .map(|file| stage.state().join(file));
    documents.collect()
}
