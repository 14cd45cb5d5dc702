//! A folder of ours in the state folder, checked on the way down to it: whoever keeps no tokens there has its files judged alike.

use std::path::Path;
use std::time::SystemTime;

use super::error::{Doing, Flaw, StoreError};
use super::folder::{Folder, make_all};
use super::{flawed, make_child, system};

/// A folder in which every file that is read is this user's alone. What others could have put there counts as absent.
#[derive(Debug)]
pub struct PrivateFolder {
    state: Folder,
    folder: Folder,
    name: &'static str,
}

impl PrivateFolder {
    /// `None`: there is none. Fails where the folder, or the state folder, is not this user's alone.
    pub fn open(state_folder: &Path, name: &'static str) -> Result<Option<Self>, StoreError> {
        let Some(state) = open_state(state_folder)? else { return Ok(None) };
        let folder = state.child(name).map_err(flawed(&state, name))?;
        Ok(folder.map(|folder| Self { state, folder, name }))
    }

    /// As [`open`](Self::open), made if there is none.
    pub fn make(state_folder: &Path, name: &'static str) -> Result<Self, StoreError> {
        if let Some(folder) = Self::open(state_folder, name)? {
            return Ok(folder);
        }
        make_all(state_folder).map_err(system(Doing::MakeFolder))?;
        let state = open_state(state_folder)?.ok_or_else(|| in_the_way(state_folder))?;
        let folder = make_child(&state, name)?;
        Ok(Self { state, folder, name })
    }

    /// What a file of at most `bound` bytes holds; `None`: there is none that could be taken.
    #[must_use]
    pub fn read(&self, name: &str, bound: usize) -> Option<Vec<u8>> {
        self.folder.read(name, bound).ok()
    }

    /// When a file was written, to the second.
    #[must_use]
    pub fn written(&self, name: &str) -> Option<SystemTime> {
        self.folder.stamp(name).map(|stamp| stamp.keep_until)
    }

    /// Puts a file with these bytes in the place of what was there: whoever reads gets the one or the other.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.folder.replace(name, bytes, None).map_err(system(Doing::Write))
    }

    /// Deletes the folder and its files.
    pub fn remove(self) -> Result<(), StoreError> {
        for file in self.folder.names(usize::MAX).map_err(system(Doing::List))? {
            self.folder.remove(&file).map_err(system(Doing::Delete))?;
        }
        self.state.remove_child(self.name).map_err(system(Doing::Delete))
    }

    pub(super) fn into_folder(self) -> Folder {
        self.folder
    }
}

fn open_state(path: &Path) -> Result<Option<Folder>, StoreError> {
    Folder::open(path).map_err(|flaw| StoreError::Folder { path: path.to_path_buf(), flaw })
}

fn in_the_way(path: &Path) -> StoreError {
    StoreError::Folder { path: path.to_path_buf(), flaw: Flaw::InTheWay }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_is_there_for_as_long_as_it_is_ours_alone_and_goes_with_its_folder() {
        let path = std::env::temp_dir().join(format!("atc-private-{}", std::process::id()));
        assert!(PrivateFolder::open(&path, "ours").unwrap().is_none());
        let folder = PrivateFolder::make(&path, "ours").unwrap();
        folder.replace("file", b"1").unwrap();
        folder.replace("file", b"12").unwrap();
        let again = PrivateFolder::make(&path, "ours").unwrap();
        assert_eq!(again.read("file", 2).as_deref(), Some(&b"12"[..]));
        assert_eq!((again.read("file", 1), again.read("other", 1)), (None, None));
        let file = path.join("ours/file");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        fs::File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(again.written("file"), Some(long_ago));
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(again.read("file", 2), None);
        fs::set_permissions(path.join("ours"), Permissions::from_mode(0o750)).unwrap();
        let refused = PrivateFolder::open(&path, "ours").err();
        assert!(
            matches!(refused, Some(StoreError::Folder { flaw: Flaw::TooOpen(0o750), .. })),
            "{refused:?}"
        );
        again.remove().unwrap();
        assert!(PrivateFolder::open(&path, "ours").unwrap().is_none());
        fs::remove_dir(path).unwrap();
    }
}
