//! The store's folders and files: the user's alone from the moment they exist, links not followed, replaced whole.

use std::time::SystemTime;

use super::error::Flaw;

#[cfg(unix)]
#[path = "folder/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "folder/windows.rs"]
mod platform;

#[cfg(target_os = "linux")]
pub(super) use platform::effective_user;
pub(super) use platform::{Folder, make_all, owner_is_us};

/// How every file begins that is not finished.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum ReadError {
    Missing,
    Flawed(Flaw),
}

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The modification time: for an entry, until when it is worth keeping.
    pub keep_until: SystemTime,
    /// When it last changed by the system's own account (Windows: when it was made), which nobody can set.
    pub changed: SystemTime,
}

/// A name that no other process uses.
fn temporary_name() -> std::io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| std::io::ErrorKind::Other)?;
    Ok(format!("{TEMPORARY}{}", super::sealed::hex(&random)))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    struct Temporary(Folder);

    impl Temporary {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("atc-folder-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            make_all(&path).unwrap();
            Self(Folder::open(&path).unwrap().unwrap())
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(self.0.path());
        }
    }

    #[test]
    fn until_the_rename_the_old_file_is_there_and_then_the_new_one() {
        let folder = Temporary::new("rename");
        let folder = &folder.0;
        folder.replace("file", b"old", None).unwrap();
        let left = folder.write_temporary(b"new", None).unwrap();
        assert!(left.starts_with(TEMPORARY));
        assert_eq!(folder.read("file", 9).unwrap(), b"old");
        folder.replace("file", b"new", None).unwrap();
        assert_eq!(folder.read("file", 9).unwrap(), b"new");
        assert_eq!(folder.names(9).unwrap().len(), 2);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_not_beyond() {
        let folder = Temporary::new("bound");
        folder.0.replace("file", b"1234", None).unwrap();
        assert_eq!(folder.0.read("file", 4).unwrap(), b"1234");
        assert!(matches!(folder.0.read("file", 3), Err(ReadError::Flawed(Flaw::TooLarge))));
        assert!(matches!(folder.0.read("none", 3), Err(ReadError::Missing)));
    }

    #[test]
    fn an_open_file_whose_name_went_to_another_is_told_apart() {
        let folder = Temporary::new("still");
        let folder = &folder.0;
        let held = folder.lockable("lock").unwrap();
        assert!(folder.is_still(&held, "lock").unwrap());
        folder.remove("lock").unwrap();
        assert!(!folder.is_still(&held, "lock").unwrap());
        folder.lockable("lock").unwrap();
        assert!(!folder.is_still(&held, "lock").unwrap());
    }
}
