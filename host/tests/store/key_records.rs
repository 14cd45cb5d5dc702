//! The record of where keys are: what a later version wrote into it stays, and how a search in it goes.

use std::fs;
use std::os::unix::net::UnixListener;

use azure_token_cache_host::store::{
    Documents, Flaw, Store, StoreError, StoreOptions, VaultChoice, VaultKind,
};

use crate::stage::{Stage, document, get, key, put};
use crate::vaults::{environment, kernel_key, with_vault};

#[test]
fn a_record_of_a_later_version_is_left_alone() {
    let stage = Stage::new("later-record");
    put(&stage.store(), &key("a"), "one");
    Documents::open(&stage.options()).unwrap().merge(&document(), "{}", "{}").unwrap();
    for folder in ["store", "documents"] {
        let record = stage.state().join(folder).join("keys/default.json");
        let later = fs::read_to_string(&record).unwrap().replace("\"version\":1", "\"version\":2");
        for text in [&later, r#"{"version":2,"keys":{"in":"another form"}}"#] {
            fs::write(&record, text).unwrap();
            let error = if folder == "store" {
                Store::open(&stage.options()).err()
            } else {
                Documents::open(&stage.options()).err()
            };
            assert!(
                matches!(&error, Some(StoreError::Folder { path, flaw: Flaw::LaterVersion }) if *path == record),
                "{error:?}"
            );
            assert_eq!(fs::read_to_string(&record).unwrap(), text);
        }
    }
    assert_eq!(Store::clear_folder(&stage.options()).unwrap(), 1);
}

#[test]
fn lines_of_a_later_version_stay_when_a_key_is_added() {
    let stage = Stage::new("later-lines");
    put(&stage.store(), &key("a"), "one");
    let record = stage.state().join("store/keys/default.json");
    let line = r#"{"vault":"of a later version","id":"in another form","more":[1]}"#;
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replacen(r#""keys":["#, &format!(r#""keys":[{line},"#), 1)).unwrap();
    let in_keyring = Store::open(&with_vault(&stage, VaultKind::KernelKeyring)).unwrap();
    put(&in_keyring, &key("a"), "two");
    let lines = |text: &str| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(text).unwrap()["keys"].clone()
    };
    let kept = lines(&fs::read_to_string(&record).unwrap());
    assert_eq!(kept[0], serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert_eq!(kept[1], lines(&text)[0]);
    assert_eq!(kept[2]["vault"], "kernel-keyring");
    assert_eq!(get(&stage.store(), &key("a")).as_deref(), Some("one"));
    kernel_key(&stage, 2).invalidate().unwrap();
}

#[test]
fn a_vault_with_several_keys_is_reached_once() {
    let stage = Stage::new("several-keys");
    put(&stage.store(), &key("a"), "one");
    let record = stage.state().join("store/keys/default.json");
    let line = |digit: &str| format!(r#"{{"vault":"secret-service","id":"{}"}},"#, digit.repeat(32));
    let lines = ["1", "2", "3"].map(line).concat();
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replacen(r#""keys":["#, &format!(r#""keys":[{lines}"#), 1)).unwrap();
    // It takes connections, and never answers.
    let socket = stage.path().join("mute");
    let bus = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let options = StoreOptions {
        vault: VaultChoice::Auto,
        environment: environment(&stage, Some(&address)),
        ..stage.options()
    };
    let connections = || {
        bus.set_nonblocking(true).unwrap();
        std::iter::from_fn(|| bus.accept().ok()).count()
    };
    let store = Store::open(&options).unwrap();
    assert_eq!(get(&store, &key("a")).as_deref(), Some("one"));
    assert_eq!(connections(), 1, "to find the key");
    assert_eq!(store.invalidate_where(|_| true).unwrap(), 1);
    assert_eq!(connections(), 1, "to find every key");
}
