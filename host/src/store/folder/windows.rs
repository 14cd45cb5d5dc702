//! Folders and files on Windows, which gives what lies under the user's own folder to the user alone.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::error::Flaw;
use super::{ReadError, Stamp, temporary_name};

/// A folder that was no link when it was opened.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

/// Makes a folder and all that is missing above it.
pub fn make_all(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Whether there is something at `path` that this user may use; `None` when there is nothing.
pub fn owner_is_us(path: &Path) -> io::Result<Option<bool>> {
    match fs::metadata(path) {
        Ok(_) => Ok(Some(true)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Folder {
    /// `None`: there is nothing at this path.
    pub fn open(path: &Path) -> Result<Option<Self>, Flaw> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Self { path: path.to_path_buf() })),
            Ok(_) => Err(Flaw::InTheWay),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Flaw::Unreadable(error.kind())),
        }
    }

    /// The folder in this one; `None`: there is none.
    pub fn child(&self, name: &str) -> Result<Option<Self>, Flaw> {
        Self::open(&self.path.join(name))
    }

    /// The folder in this one, to delete what is in it.
    pub fn child_to_empty(&self, name: &str) -> Result<Option<Self>, Flaw> {
        self.child(name)
    }

    /// The folder in this one, made if there is none.
    pub fn make_child(&self, name: &str) -> io::Result<Result<Self, Flaw>> {
        match fs::create_dir(self.path.join(name)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(self.child(name).and_then(|child| child.ok_or(Flaw::InTheWay))),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a file, if it is a file with at most `bound` bytes.
    pub fn read(&self, name: &str, bound: usize) -> Result<Vec<u8>, ReadError> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => return Err(ReadError::Flawed(Flaw::InTheWay)),
            Ok(metadata) if usize::try_from(metadata.len()).map_or(true, |size| size > bound) => {
                return Err(ReadError::Flawed(Flaw::TooLarge));
            }
            _ => {}
        }
        let limit = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
            Ok(size) if size > bound => Err(ReadError::Flawed(Flaw::TooLarge)),
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(ReadError::Missing),
            Err(error) => Err(ReadError::Flawed(Flaw::Unreadable(error.kind()))),
        }
    }

    /// The same: files here have no modes.
    pub fn read_of_any_mode(&self, name: &str, bound: usize) -> Result<Vec<u8>, ReadError> {
        self.read(name, bound)
    }

    /// Puts a file with these bytes in the place of what was there: whoever reads gets the one or the other.
    pub fn replace(&self, name: &str, bytes: &[u8], keep_until: Option<SystemTime>) -> io::Result<()> {
        let temporary = self.write_temporary(bytes, keep_until)?;
        self.rename_or_remove(&temporary, name)
    }

    /// The same, and back only when its bytes are on the disk: for what cannot be made again.
    pub fn replace_for_good(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.write_temporary(bytes, None)?;
        OpenOptions::new()
            .write(true)
            .open(self.path.join(&temporary))
            .and_then(|file| file.sync_all())
            .inspect_err(|_| {
                let _ = self.remove(&temporary);
            })?;
        self.rename_or_remove(&temporary, name)
    }

    fn rename_or_remove(&self, temporary: &str, name: &str) -> io::Result<()> {
        fs::rename(self.path.join(temporary), self.path.join(name)).inspect_err(|_| {
            let _ = self.remove(temporary);
        })
    }

    /// Writes a file that has no name yet that anyone looks for.
    pub fn write_temporary(&self, bytes: &[u8], keep_until: Option<SystemTime>) -> io::Result<String> {
        let name = temporary_name()?;
        let file = OpenOptions::new().write(true).create_new(true).open(self.path.join(&name))?;
        fill(file, bytes, keep_until).inspect_err(|_| {
            let _ = self.remove(&name);
        })?;
        Ok(name)
    }

    /// Deletes a file; whether there was one.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        match fs::remove_file(self.path.join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes a folder in this one if there is nothing in it.
    pub fn remove_child(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// Whether there is a folder with this name in this one.
    pub fn has_folder(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path.join(name)).is_ok_and(|metadata| metadata.is_dir())
    }

    /// The names of at most `bound` files and folders.
    pub fn names(&self, bound: usize) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose());
        names.take(bound).collect()
    }

    /// What is known of a file; `None` when there is none.
    pub fn stamp(&self, name: &str) -> Option<Stamp> {
        let metadata = fs::symlink_metadata(self.path.join(name)).ok()?;
        Some(Stamp { keep_until: metadata.modified().ok()?, changed: metadata.created().ok()? })
    }

    /// A file to lock, made if there is none; its contents are left as they are.
    pub fn lockable(&self, name: &str) -> io::Result<File> {
        /// Others may read and write it, and not delete it: `FILE_SHARE_READ` and `FILE_SHARE_WRITE` of winnt.h.
        const SHARED: u32 = 3;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).share_mode(SHARED);
        options.open(self.path.join(name))
    }

    /// Whether `file` is still what `name` stands for: a file that was opened so keeps its name.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub fn is_still(&self, _file: &File, _name: &str) -> io::Result<bool> {
        Ok(true)
    }
}

fn fill(mut file: File, bytes: &[u8], keep_until: Option<SystemTime>) -> io::Result<()> {
    file.write_all(bytes)?;
    keep_until.map_or(Ok(()), |time| file.set_times(FileTimes::new().set_modified(time)))
}
