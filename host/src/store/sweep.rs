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
    for (name, folder) in key_folders(store) {
        if folder.path() == own.path() {
            continue;
        }
        sweep_folder(store, &folder, &|name, stamp| is_over(name, stamp, now, &|_| false));
        if store.stamp(&name).is_some_and(|stamp| past(now, stamp.changed, UNOPENABLE)) {
            // Fails, as it should, where something is left in it.
            let _ = store.remove_child(&name);
        }
    }
}

/// Sweeps the documents of all keys: of one that cannot be opened here, another login of this user may have the key.
pub(super) fn sweep_documents(documents: &Folder) {
    let now = SystemTime::now();
    for (_, folder) in key_folders(documents) {
        sweep_folder(documents, &folder, &|name, stamp| {
            if name.starts_with(TEMPORARY) {
                past(now, stamp.changed, TEMPORARY_LIFE)
            } else {
                past(now, stamp.keep_until, Duration::ZERO)
            }
        });
    }
}

/// The folders of keys in a store, but for those that may not be trusted.
fn key_folders(store: &Folder) -> Vec<(String, Folder)> {
    let names = store.names(LOOKS).unwrap_or_default().into_iter();
    let folders = names.filter(|name| super::sealed::is_folder(name));
    folders
        .filter_map(|name| Some((store.child(&name).ok()??, name)))
        .map(|(folder, name)| (name, folder))
        .take(FOLDERS)
        .collect()
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
    if name.starts_with(TEMPORARY) {
        past(now, stamp.changed, TEMPORARY_LIFE)
    } else if past(now, stamp.keep_until, Duration::ZERO) {
        past(now, stamp.changed, UNOPENABLE) || opens(name)
    } else {
        past(now, stamp.changed, UNOPENABLE) && !opens(name)
    }
}

fn past(now: SystemTime, time: SystemTime, by: Duration) -> bool {
    now.duration_since(time).is_ok_and(|age| age >= by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// Whether a file is over that changed so long ago, is worth keeping for so long, and opens or does not.
    fn over(name: &str, changed: Duration, kept: Option<Duration>, opens: bool) -> bool {
        let now = SystemTime::UNIX_EPOCH + 1_000 * HOUR;
        let keep_until = kept.map_or(now - Duration::from_secs(1), |kept| now + kept);
        is_over(name, Stamp { keep_until, changed: now - changed }, now, &|_| opens)
    }

    #[test]
    fn what_opens_goes_when_it_is_no_longer_worth_keeping() {
        assert!(over("entry", Duration::ZERO, None, true));
        assert!(!over("entry", HOUR, Some(HOUR), true));
        assert!(!over("entry", 40 * HOUR, Some(HOUR), true));
    }

    #[test]
    fn what_does_not_open_goes_after_thirty_hours() {
        assert!(!over("entry", Duration::ZERO, None, false));
        assert!(!over("entry", 29 * HOUR, None, false));
        assert!(over("entry", 30 * HOUR, None, false));
        assert!(over("entry", 30 * HOUR, Some(9_000 * HOUR), false));
    }

    #[test]
    fn what_was_never_finished_goes_after_ten_minutes() {
        assert!(!over(".tmp-1", HOUR / 7, None, false));
        assert!(over(".tmp-1", HOUR / 6, Some(HOUR), false));
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_all() {
        let now = SystemTime::UNIX_EPOCH + 1_000 * HOUR;
        let stamp = Stamp { keep_until: now + HOUR, changed: now + HOUR };
        for name in ["entry", ".tmp-1"] {
            assert!(!is_over(name, stamp, now, &|_| false));
        }
    }
}
