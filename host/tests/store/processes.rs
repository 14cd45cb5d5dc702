//! Several processes at one store: no lock has two holders, a dead one holds none, and all have one key.

use std::fs;
use std::process::{Command, Stdio};

use azure_token_cache_host::store::{LockKind, VaultKind};

use crate::child::Child;
use crate::stage::{Stage, get, key, put};

#[test]
fn a_lock_has_one_holder_and_a_dead_one_holds_nothing() {
    let stage = Stage::new("holders");
    let store = stage.store();
    let mut other = Child::start(&stage, VaultKind::KeyFile);
    assert_eq!(other.ask("open"), "open");
    assert_eq!(other.ask("lock a fetch"), "held");
    assert!(store.try_lock(&key("a"), LockKind::Fetch).unwrap().is_none());
    let slot = store.try_lock(&key("a"), LockKind::Slot(0)).unwrap().unwrap();
    let entry = store.try_lock(&key("b"), LockKind::Fetch).unwrap().unwrap();
    assert_eq!(other.ask("lock b fetch"), "busy");
    assert_eq!(other.ask("lock a 0"), "busy");
    drop((slot, entry));
    assert_eq!(other.ask("lock b fetch"), "held");
    assert_eq!(other.ask("unlock b"), "let go");
    assert!(store.try_lock(&key("b"), LockKind::Fetch).unwrap().is_some());
    other.kill();
    assert!(store.try_lock(&key("a"), LockKind::Fetch).unwrap().is_some());
}

#[test]
fn two_holders_in_one_process_exclude_each_other_and_letting_one_go_frees_no_other() {
    let stage = Stage::new("threads");
    let (first, second) = (stage.store(), stage.store());
    let fetch = first.try_lock(&key("a"), LockKind::Fetch).unwrap().unwrap();
    for store in [&first, &second] {
        assert!(store.try_lock(&key("a"), LockKind::Fetch).unwrap().is_none());
        drop(store.try_lock(&key("b"), LockKind::Fetch).unwrap().unwrap());
        put(store, &key("a"), "one");
        assert!(store.try_lock(&key("a"), LockKind::Fetch).unwrap().is_none());
    }
    drop(fetch);
    assert!(second.try_lock(&key("a"), LockKind::Fetch).unwrap().is_some());
}

#[test]
fn a_program_started_meanwhile_inherits_no_lock() {
    let stage = Stage::new("inherit");
    let store = stage.store();
    let guard = store.try_lock(&key("a"), LockKind::Fetch).unwrap().unwrap();
    let mut program = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    drop(guard);
    let free = store.try_lock(&key("a"), LockKind::Fetch).unwrap().is_some();
    drop(program.stdin.take());
    program.wait().unwrap();
    assert!(free);
}

#[test]
fn a_lock_file_that_was_deleted_is_made_anew_with_its_locks_and_makes_entries_of_a_cleared_store_misses() {
    let stage = Stage::new("deleted");
    let store = stage.store();
    store.clear().unwrap();
    put(&store, &key("a"), "one");
    store.clear().unwrap();
    put(&store, &key("a"), "two");
    fs::remove_file(stage.state().join("store/lock")).unwrap();
    assert_eq!(get(&store, &key("a")), None);
    let _held = store.try_lock(&key("a"), LockKind::Fetch).unwrap().unwrap();
    let mut other = Child::start(&stage, VaultKind::KeyFile);
    assert_eq!(other.ask("open"), "open");
    assert_eq!(other.ask("lock a fetch"), "busy");
}

#[test]
fn first_processes_all_at_once_agree_on_one_key() {
    for vault in [VaultKind::KeyFile, VaultKind::KernelKeyring] {
        let stage = Stage::new(&format!("agree-{}", vault.name()));
        let mut children: Vec<Child> = (0..8).map(|_| Child::start(&stage, vault)).collect();
        for child in &mut children {
            assert_eq!(child.ask("open"), "open");
        }
        for (number, child) in children.iter_mut().enumerate() {
            child.tell(&format!("save {number} {number}"));
        }
        for child in &mut children {
            assert_eq!(child.answer(), "written");
        }
        for child in &mut children {
            for number in 0..8 {
                assert_eq!(child.ask(&format!("load {number}")), number.to_string());
            }
        }
        let record = fs::read_to_string(stage.state().join("store/keys/default.json")).unwrap();
        assert_eq!(record.matches("\"id\"").count(), 1, "{record}");
        if vault == VaultKind::KernelKeyring {
            crate::vaults::kernel_key(&stage, 0).invalidate().unwrap();
        }
    }
}
