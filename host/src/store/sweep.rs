//! Deletes, a bounded number at a time, what nobody will ask for again.
//!
//! The modification time of a file says until when it is worth keeping, so that looking costs no key.

use std::time::{Duration, SystemTime};

use super::folder::{Folder, Stamp, TEMPORARY};
use super::lock::{Range, try_take};

/// Files that cannot be opened are kept for longer than any token lives: a later version may have written them.
pub(super) const UNOPENABLE: Duration = Duration::from_secs(30 * 60 * 60);
/// A writer that has not renamed its file by now is dead.
const TEMPORARY_LIFE: Duration = Duration::from_secs(10 * 60);
/// The most names looked at, and the most files deleted, in one sweep of a folder.
const LOOKS: usize = 512;
const DELETIONS: usize = 16;
/// The most folders of other keys that are looked into.
const FOLDERS: usize = 16;

/// Sweeps the folder of the key in use, and those of other keys, in which nothing can be opened.
pub(super) fn sweep(store: &Folder, own: &Folder, opens: &dyn Fn(&str) -> bool) {
    let now = SystemTime::now();
    sweep_folder(store, own, &|name, stamp| is_over(name, stamp, now, opens));
    for folder in key_folders(store, FOLDERS) {
        if folder.path() != own.path() {
            sweep_folder(store, &folder, &|name, stamp| is_over(name, stamp, now, &|_| false));
        }
    }
}

/// The folders of keys in a store.
pub(super) fn key_folders(store: &Folder, most: usize) -> Vec<Folder> {
    let names = store.names(LOOKS).unwrap_or_default();
    let folders = names.iter().filter(|name| super::sealed::is_folder(name));
    folders.filter_map(|name| store.child(name).ok().flatten()).take(most).collect()
}

fn sweep_folder(store: &Folder, folder: &Folder, is_over: &dyn Fn(&str, Stamp) -> bool) {
    let names = folder.names(LOOKS).unwrap_or_default();
    let over = |name: &str| folder.stamp(name).is_some_and(|stamp| is_over(name, stamp));
    for name in names.iter().filter(|name| over(name)).take(DELETIONS) {
        // Looked at again under the lock: what was expired may have been replaced.
        let Ok(Some(_held)) = try_take(store, Range::Save) else {
            return;
        };
        if over(name) {
            let _ = folder.remove(name);
        }
    }
}

fn is_over(name: &str, stamp: Stamp, now: SystemTime, opens: &dyn Fn(&str) -> bool) -> bool {
    let past = |time: SystemTime, by: Duration| now.duration_since(time).is_ok_and(|age| age >= by);
    if name.starts_with(TEMPORARY) {
        return past(stamp.changed, TEMPORARY_LIFE);
    }
    let unopenable_is_over = past(stamp.changed, UNOPENABLE) && past(stamp.keep_until, UNOPENABLE);
    unopenable_is_over || (past(stamp.keep_until, Duration::ZERO) && opens(name))
}
