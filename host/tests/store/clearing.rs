//! What is deleted is gone: under every key, and past whatever stands in the way.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use azure_token_cache_host::store::{
    Documents, Environment, Flaw, Found, Look, Saved, Store, StoreError, StoreOptions, VaultChoice, VaultKind,
};

use crate::refusals::{Ordinary, on_a_small_disk};
use crate::stage::{Stage, document, get, key, put, record};
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

#[test]
fn clearing_takes_no_vault() {
    let stage = Stage::new("clear-without-vault");
    put(&stage.store(), &key("a"), "one");
    let options = StoreOptions {
        environment: Environment::from_iter([
            ("HOME", stage.path().join("home")),
            ("XDG_RUNTIME_DIR", "/nowhere".into()),
        ]),
        ..stage.options()
    };
    assert!(matches!(Store::open(&options), Err(StoreError::NoVault(_))));
    assert_eq!(Store::clear_folder(&options).unwrap(), 1);
    assert_eq!(get(&stage.store(), &key("a")), None);
    assert_eq!(Store::clear_folder(&Stage::new("clear-nothing").options()).unwrap(), 0);
}

#[test]
fn clearing_keeps_out_what_was_being_fetched() {
    let stage = Stage::new("clear-late");
    let store = stage.store();
    put(&store, &key("a"), "one");
    let before = store.load(&key("b")).generation;
    assert_eq!(Store::clear_folder(&stage.options()).unwrap(), 1);
    assert!(matches!(store.save(&key("b"), &record("late", before), before).unwrap(), Saved::Superseded(_)));
}

#[test]
fn clearing_reaches_into_a_folder_that_others_may_read() {
    let stage = Stage::new("clear-open-folder");
    put(&stage.store(), &key("a"), "one");
    let file = stage.entry_file();
    fs::set_permissions(stage.entries(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(stage.store().clear().unwrap(), 1);
    assert!(!file.exists());
}

#[test]
fn a_folder_that_cannot_be_entered_is_an_error_and_the_others_are_cleared() {
    let stage = Ordinary::new("clear-closed-folder");
    let mut child = stage.child();
    assert_eq!(child.ask("open"), "open");
    assert_eq!(child.ask("save a one"), "written");
    let file = stage.stage.entry_file();
    let closed = ["0", "f"].map(|digit| stage.stage.state().join("store").join(digit.repeat(32)));
    for folder in &closed {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o000)).unwrap();
    }
    assert!(child.ask("clear").contains("Folder"));
    assert!(!file.exists());
    for folder in closed {
        fs::remove_dir(folder).unwrap();
    }
    assert_eq!(child.ask("clear"), "0");
}

#[test]
fn what_has_the_name_of_an_entry_or_of_a_folder_and_is_none_holds_nothing_up() {
    let stage = Stage::new("clear-strays");
    put(&stage.store(), &key("a"), "one");
    let (file, entries) = (stage.entry_file(), stage.entries());
    for stray in ["0", "f"].map(|digit| entries.join(digit.repeat(64))) {
        fs::create_dir_all(stray.join("with something in it")).unwrap();
    }
    let elsewhere = stage.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("anything"), "").unwrap();
    let link = entries.with_file_name("0".repeat(32));
    symlink(&elsewhere, &link).unwrap();
    assert_eq!(stage.store().clear().unwrap(), 1);
    assert!(!file.exists() && !link.is_symlink());
    assert!(elsewhere.join("anything").exists());
}

#[test]
fn on_a_full_disk_everything_can_be_deleted() {
    for all in ["clear", "invalidate-all"] {
        let stage = Stage::new("clear-full");
        let mut child = on_a_small_disk(&stage);
        assert_eq!(child.ask("open"), "open");
        for name in ["a", "b"] {
            assert_eq!(child.ask(&format!("save {name} one")), "written");
        }
        assert_eq!(child.ask("fill"), "StorageFull");
        assert_eq!(child.ask("save a two"), "Write StorageFull");
        assert_eq!(child.ask(all), "2", "{all}");
        for name in ["a", "b"] {
            assert_eq!(child.ask(&format!("load {name}")), "nothing", "{all}");
        }
    }
}

#[test]
fn how_often_a_store_was_cleared_is_known_whoever_may_read_it() {
    let stage = Stage::new("clear-count");
    let store = stage.store();
    put(&store, &key("a"), "before");
    let (file, before) = (stage.entry_file(), fs::read(stage.entry_file()).unwrap());
    store.clear().unwrap();
    put(&store, &key("b"), "one");
    fs::set_permissions(stage.state().join("store/lock"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(get(&store, &key("b")).as_deref(), Some("one"));
    fs::write(&file, before).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(get(&store, &key("a")), None);
    let listed: Vec<_> = store.list().unwrap().entries.into_iter().map(|entry| entry.key).collect();
    assert_eq!(listed, [key("b")]);
}

#[test]
fn a_lock_file_that_does_not_say_how_often_is_an_error_until_the_store_is_cleared() {
    let stage = Stage::new("clear-count-lost");
    let store = stage.store();
    put(&store, &key("a"), "one");
    let loaded = store.load(&key("a"));
    fs::write(stage.state().join("store/lock"), "x".repeat(100)).unwrap();
    let look = store.load(&key("a"));
    assert_eq!((look.found, look.flaw), (Found::Nothing, Some(Flaw::TooLarge)));
    let refused = store.save(&key("a"), &record("two", loaded.generation), loaded.generation);
    assert!(matches!(refused, Err(StoreError::Folder { flaw: Flaw::TooLarge, .. })), "{refused:?}");
    assert_eq!(store.clear().unwrap(), 1);
    put(&store, &key("a"), "three");
    assert_eq!(get(&store, &key("a")).as_deref(), Some("three"));
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
