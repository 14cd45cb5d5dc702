//! Deletes every entry of a store, whatever it is sealed with: that takes no key and no free space.

use std::time::Duration;

use super::error::{Doing, Flaw, StoreError};
use super::folder::Folder;
use super::lock::{self, Held, Range};
use super::{SAVE_PATIENCE, flawed, sealed, system, take};

/// How many went, and why others did not: one obstacle must not keep the rest.
#[derive(Default)]
pub(super) struct Deleted {
    count: usize,
    first_error: Option<StoreError>,
}

impl Deleted {
    pub fn note(&mut self, outcome: Result<usize, StoreError>) {
        match outcome {
            Ok(count) => self.count += count,
            Err(error) => {
                self.first_error.get_or_insert(error);
            }
        }
    }

    /// How many went, if nothing is left.
    pub fn all(self) -> Result<usize, StoreError> {
        self.first_error.map_or(Ok(self.count), Err)
    }
}

/// Also keeps out the results of fetches that have begun.
pub(super) fn clear(store: &Folder) -> Result<usize, StoreError> {
    clear_in_time(store, SAVE_PATIENCE)
}

fn clear_in_time(store: &Folder, patience: Duration) -> Result<usize, StoreError> {
    if let Ok(_held) = shut_out(store, patience) {
        return delete_entries(store);
    }
    // On a full disk deleting makes the room that the new generation needs; and a lock that somebody sits on keeps no token.
    let before = delete_entries(store).unwrap_or_default();
    let _held = shut_out(store, patience)?;
    Ok(before + delete_entries(store)?)
}

/// Deletes what has the name of an entry; how many entries that were. No folder is one: an empty one goes, others stay.
pub(super) fn delete(folder: &Folder, name: &str) -> Result<usize, StoreError> {
    match folder.remove(name) {
        Ok(was_there) => Ok(usize::from(was_there)),
        Err(_) if folder.has_folder(name) => {
            let _ = folder.remove_child(name);
            Ok(0)
        }
        Err(error) => Err(system(Doing::Delete)(error)),
    }
}

/// While it is held nothing is saved, and afterwards nothing that was fetched before.
fn shut_out(store: &Folder, patience: Duration) -> Result<Held, StoreError> {
    let held = take(store, Range::Save, patience, Doing::Delete)?;
    lock::raise_generation(store).map_err(system(Doing::Delete))?;
    Ok(held)
}

fn delete_entries(store: &Folder) -> Result<usize, StoreError> {
    let mut deleted = Deleted::default();
    for name in store.names(usize::MAX).map_err(system(Doing::List))? {
        if sealed::is_folder(&name) {
            deleted.note(empty(store, &name));
        }
    }
    deleted.all()
}

/// Deletes the entries of one key.
fn empty(store: &Folder, name: &str) -> Result<usize, StoreError> {
    let folder = match store.child_to_empty(name) {
        Ok(None) => return Ok(0),
        Ok(Some(folder)) => folder,
        // A link or a file, in which there are no entries.
        Err(Flaw::InTheWay) => return delete(store, name).map(|_| 0),
        Err(flaw) => return Err(flawed(store, name)(flaw)),
    };
    let mut deleted = Deleted::default();
    for entry in folder.names(usize::MAX).map_err(system(Doing::List))? {
        deleted.note(delete(&folder, &entry));
    }
    deleted.all()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::store::folder::make_all;

    #[test]
    fn a_lock_that_somebody_sits_on_keeps_no_token_and_is_an_error() {
        let path = std::env::temp_dir().join(format!("atc-clearing-{}", std::process::id()));
        make_all(&path).unwrap();
        let store = Folder::open(&path).unwrap().unwrap();
        let entries = store.make_child("plain").unwrap().unwrap();
        entries.replace("entry", b"token", None).unwrap();
        let held = lock::try_take(&store, Range::Save).unwrap().unwrap();
        let refused = clear_in_time(&store, Duration::ZERO);
        let left = entries.names(9).unwrap();
        drop(held);
        let cleared = clear_in_time(&store, Duration::ZERO);
        std::fs::remove_dir_all(path).unwrap();
        assert!(matches!(refused, Err(StoreError::Busy(Doing::Delete))), "{refused:?}");
        assert_eq!(left, [] as [&str; 0]);
        assert!(matches!(cleared, Ok(0)), "{cleared:?}");
    }
}
