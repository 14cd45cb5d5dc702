//! What is saved comes back, from another store too, and only what was saved.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use azure_token_cache_host::store::{
    Content, EntryKey, Failure, Flaw, Found, Generation, Listing, LockKind, Record, Saved, Secret,
};

use crate::stage::{Stage, failure, get, key, now_ms, put, record, token};

#[test]
fn a_token_comes_back_whole_from_another_store() {
    let stage = Stage::new("whole");
    put(&stage.store(), &key("a"), "one");
    let loaded = stage.store().load(&key("a"));
    assert_eq!(loaded.found, Found::Token(Box::new(token("one"))));
    assert_eq!(loaded.flaw, None);
    assert_eq!(get(&stage.store(), &key("b")), None);
}

#[test]
fn before_the_first_save_there_are_only_the_lock_the_key_record_and_failures() {
    let stage = Stage::new("before");
    let store = stage.store();
    assert_eq!(store.load(&key("a")).found, Found::Nothing);
    assert_eq!(stage.files(), [] as [String; 0]);
    assert!(!stage.state().exists());

    let guard = store.try_lock(&key("a"), LockKind::Fetch).unwrap().unwrap();
    assert_eq!(stage.files(), ["store/keys/default.json", "store/lock"]);
    let failure = failure();
    store.save_failure(&key("a"), &failure).unwrap();
    assert_eq!(stage.files().len(), 3);
    assert_eq!(stage.store().load_failure(&key("a")), Some(failure));
    assert_eq!(stage.store().load_failure(&key("b")), None);
    assert_eq!(store.load(&key("a")).found, Found::Nothing);
    drop(guard);
}

#[test]
fn everything_is_the_users_alone() {
    let stage = Stage::new("modes");
    put(&stage.store(), &key("a"), "one");
    let modes = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    for folder in [stage.state(), stage.state().join("store"), stage.state().join("store/keys")] {
        assert_eq!(modes(&folder), 0o700, "{}", folder.display());
    }
    assert_eq!(modes(stage.entry_file().parent().unwrap()), 0o700);
    for file in stage.files() {
        assert_eq!(modes(&stage.state().join(&file)), 0o600, "{file}");
    }
}

#[test]
fn a_file_under_another_name_does_not_open() {
    let stage = Stage::new("moved");
    let store = stage.store();
    put(&store, &key("a"), "one");
    let first = stage.entry_file();
    let bytes = fs::read(&first).unwrap();
    fs::remove_file(&first).unwrap();
    put(&store, &key("b"), "two");
    let second = stage.entry_file();
    fs::write(&second, bytes).unwrap();
    assert_eq!(store.load(&key("b")).flaw, Some(Flaw::Unopenable));
    assert_eq!(get(&store, &key("a")), None);
    assert_eq!(get(&store, &key("b")), None);
    let mut failure = second.into_os_string();
    failure.push(".failure");
    fs::rename(stage.entry_file(), &failure).unwrap();
    assert_eq!(store.load_failure(&key("b")), None);
}

#[test]
fn without_its_key_a_token_is_a_miss_and_a_new_one_is_kept() {
    let stage = Stage::new("key-gone");
    stage.store().try_lock(&key("a"), LockKind::Fetch).unwrap();
    stage.store().clear().unwrap();
    put(&stage.store(), &key("a"), "one");
    fs::remove_dir_all(stage.path().join("run/azure-token-cache")).unwrap();
    let store = stage.store();
    assert_eq!(get(&store, &key("a")), None);
    put(&store, &key("a"), "two");
    assert_eq!(get(&stage.store(), &key("a")).as_deref(), Some("two"));
}

#[test]
fn a_save_upon_an_old_look_is_refused() {
    let stage = Stage::new("superseded");
    let store = stage.store();
    let old = store.load(&key("a")).generation;
    let newer = Generation { entry: old.entry + 1, ..old };
    assert_eq!(store.save(&key("a"), &record("claims", newer), old).unwrap(), Saved::Written);
    let late = stage.store().save(&key("a"), &record("late", old), old).unwrap();
    assert_eq!(late, Saved::Superseded(newer));
    assert_eq!(get(&store, &key("a")).as_deref(), Some("claims"));
    assert_eq!(store.save(&key("a"), &record("next", newer), newer).unwrap(), Saved::Written);
}

#[test]
fn an_invalidated_entry_keeps_out_what_was_on_its_way() {
    let stage = Stage::new("tombstone");
    let store = stage.store();
    for key in [key("a"), key("never saved")] {
        let old = store.load(&key).generation;
        if key == crate::stage::key("a") {
            put(&store, &key, "one");
        }
        stage.store().invalidate(&key).unwrap();
        assert_eq!(store.load(&key).found, Found::Tombstone);
        assert!(matches!(store.save(&key, &record("late", old), old).unwrap(), Saved::Superseded(_)));
        assert_eq!(get(&store, &key), None);
        put(&store, &key, "two");
        assert_eq!(get(&store, &key).as_deref(), Some("two"));
    }
}

#[test]
fn a_cleared_store_keeps_out_what_was_on_its_way() {
    let stage = Stage::new("cleared");
    let store = stage.store();
    let old = store.load(&key("b")).generation;
    put(&store, &key("a"), "one");
    let left_behind = fs::read(stage.entry_file()).unwrap();
    let file = stage.entry_file();
    assert_eq!(stage.store().clear().unwrap(), 1);
    assert_eq!(stage.files(), ["store/keys/default.json", "store/lock"]);
    assert!(matches!(store.save(&key("b"), &record("late", old), old).unwrap(), Saved::Superseded(_)));
    assert_eq!(stage.files(), ["store/keys/default.json", "store/lock"]);
    // A clearing that was cut off after it had begun.
    fs::write(&file, left_behind).unwrap();
    assert_eq!(get(&store, &key("a")), None);
    put(&store, &key("b"), "two");
    assert_eq!(get(&stage.store(), &key("b")).as_deref(), Some("two"));
}

#[test]
fn a_save_sweeps_what_expired_and_nothing_else() {
    const MINUTE: i64 = 60_000;
    let stage = Stage::new("sweep");
    let store = stage.store();
    let expired = |minutes: i64| {
        let mut expired = token("expired");
        expired.expires_at_ms = now_ms() - minutes * MINUTE;
        Content::Token(Box::new(expired))
    };
    for (name, content) in [("long gone", expired(60)), ("just gone", expired(1))] {
        let generation = Generation::default();
        let record = Record { generation, content };
        assert_eq!(store.save(&key(name), &record, generation).unwrap(), Saved::Written);
    }
    store.save_failure(&key("a"), &failure()).unwrap();
    let old = Failure { failed_at_ms: now_ms() - 11 * MINUTE, ..failure() };
    store.save_failure(&key("b"), &old).unwrap();
    store.invalidate(&key("buried")).unwrap();
    let folder = stage.entries();
    fs::write(folder.join("corrupt"), "").unwrap();
    fs::set_permissions(folder.join("corrupt"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.join(".tmp-0"), "").unwrap();

    put(&store, &key("a"), "one");
    assert_eq!(store.load(&key("long gone")).found, Found::Nothing);
    assert!(matches!(store.load(&key("just gone")).found, Found::Token(_)));
    assert_eq!(store.load(&key("buried")).found, Found::Tombstone);
    assert_eq!(get(&store, &key("a")).as_deref(), Some("one"));
    assert!(store.load_failure(&key("a")).is_some());
    assert_eq!(store.load_failure(&key("b")), None);
    assert!(folder.join("corrupt").exists() && folder.join(".tmp-0").exists());
}

#[test]
fn a_failure_of_more_than_ten_minutes_ago_is_deleted_by_who_looks_for_it() {
    const MINUTE: i64 = 60_000;
    let stage = Stage::new("failures");
    let store = stage.store();
    for (minutes, left) in [(9, 1), (11, 0)] {
        let failure = Failure { failed_at_ms: now_ms() - minutes * MINUTE, ..failure() };
        store.save_failure(&key("a"), &failure).unwrap();
        assert_eq!(store.load_failure(&key("a")), Some(failure).filter(|_| left == 1));
        assert_eq!(stage.files().iter().filter(|file| file.ends_with(".failure")).count(), left);
    }
}

#[test]
fn what_is_listed_has_its_key_and_no_token() {
    let stage = Stage::new("list");
    let store = stage.store();
    assert_eq!(store.list().unwrap(), Listing::default());
    put(&store, &key("a"), "one");
    store.invalidate(&key("b")).unwrap();
    store.save_failure(&key("c"), &failure()).unwrap();
    let folder = stage.entries();
    fs::write(folder.join("0".repeat(64)), "").unwrap();
    let mut listing = stage.store().list().unwrap();
    listing.entries.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(listing.unopenable, 1);
    let [a, b] = &listing.entries[..] else { panic!("{listing:?}") };
    assert_eq!((&a.key, &b.key), (&key("a"), &key("b")));
    assert_eq!(b.record.content, Content::Tombstone);
    let mut expected = token("one");
    expected.secret = Secret::new(String::new());
    assert_eq!(a.record.content, Content::Token(Box::new(expected)));
}

#[test]
fn only_the_chosen_tokens_are_invalidated_and_one_that_is_removed_leaves_nothing() {
    let stage = Stage::new("chosen");
    let store = stage.store();
    for name in ["a", "b", "c"] {
        put(&store, &key(name), name);
        store.save_failure(&key(name), &failure()).unwrap();
    }
    store.invalidate(&key("c")).unwrap();
    let chosen = |key: &EntryKey| key.parts().nth(1) != Some(b"b");
    assert_eq!(stage.store().invalidate_where(chosen).unwrap(), 1);
    assert_eq!(store.load(&key("a")).found, Found::Tombstone);
    assert_eq!(store.load_failure(&key("a")), None);
    assert_eq!(get(&store, &key("b")).as_deref(), Some("b"));
    store.remove(&key("b")).unwrap();
    assert_eq!(store.load(&key("b")).generation, Generation::default());
    assert_eq!(store.load_failure(&key("b")), None);
}
