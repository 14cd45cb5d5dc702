//! Folders and files on Linux and macOS, each reached from the open folder above it.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, FileTimes};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::super::error::Flaw;
use super::{ReadError, Stamp, temporary_name};

const OURS_ALONE: Mode = Mode::RWXU;
const FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const FOLDER_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A pipe in a file's place must not hold the caller up.
const FILE_FLAGS: OFlags =
    OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A folder that was the effective user's alone when it was opened.
#[derive(Debug)]
pub struct Folder {
    handle: OwnedFd,
    path: PathBuf,
}

/// Makes a folder and all that is missing above it.
// The number of a mode has another size on macOS.
#[allow(clippy::useless_conversion)]
pub fn make_all(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OURS_ALONE.as_raw_mode().into()).create(path)
}

/// Whether what is at `path` belongs to the effective user; `None` when there is nothing, or nothing to be seen: then a
/// folder above it tells more.
pub fn owner_is_us(path: &Path) -> io::Result<Option<bool>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.uid() == effective_user())),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied => Ok(None),
            _ => Err(error),
        },
    }
}

pub fn effective_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

impl Folder {
    /// `None`: there is nothing at this path.
    pub fn open(path: &Path) -> Result<Option<Self>, Flaw> {
        checked_folder(rustix::fs::open(path, FOLDER_FLAGS, Mode::empty()), path.to_path_buf())
    }

    /// The folder in this one; `None`: there is none.
    pub fn child(&self, name: &str) -> Result<Option<Self>, Flaw> {
        let opened = rustix::fs::openat(&self.handle, name, FOLDER_FLAGS, Mode::empty());
        checked_folder(opened, self.path.join(name))
    }

    /// The folder in this one, also where others may look into it: what is in it is only deleted.
    pub fn child_to_empty(&self, name: &str) -> Result<Option<Self>, Flaw> {
        let opened = rustix::fs::openat(&self.handle, name, FOLDER_FLAGS, Mode::empty());
        opened_folder(opened, self.path.join(name), |flaw| !is_of_mode(*flaw))
    }

    /// The folder in this one, made if there is none.
    pub fn make_child(&self, name: &str) -> io::Result<Result<Self, Flaw>> {
        match rustix::fs::mkdirat(&self.handle, name, OURS_ALONE) {
            Ok(()) | Err(Errno::EXIST) => Ok(self.child(name).and_then(|child| child.ok_or(Flaw::InTheWay))),
            Err(error) => Err(error.into()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder lives in memory: what is in it never reaches a disk, but for swap.
    #[cfg(target_os = "linux")]
    pub fn is_in_memory(&self) -> bool {
        // Of statfs(2): tmpfs and ramfs.
        const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58F6];
        rustix::fs::fstatfs(&self.handle).is_ok_and(|system| IN_MEMORY.contains(&i128::from(system.f_type)))
    }

    /// The content of a file, if it is a file of ours with at most `bound` bytes.
    pub fn read(&self, name: &str, bound: usize) -> Result<Vec<u8>, ReadError> {
        self.read_unless(name, bound, |_| true)
    }

    /// The same, also where others may read or write it: for what is no secret.
    pub fn read_of_any_mode(&self, name: &str, bound: usize) -> Result<Vec<u8>, ReadError> {
        self.read_unless(name, bound, |flaw| !is_of_mode(*flaw))
    }

    fn read_unless(
        &self,
        name: &str,
        bound: usize,
        counts: impl Fn(&Flaw) -> bool,
    ) -> Result<Vec<u8>, ReadError> {
        let file = match rustix::fs::openat(&self.handle, name, FILE_FLAGS | OFlags::RDONLY, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Err(ReadError::Missing),
            Err(error) => return Err(ReadError::Flawed(flaw_of(error))),
        };
        let stat = rustix::fs::fstat(&file).map_err(|error| ReadError::Flawed(flaw_of(error)))?;
        let flaw = flaw_in(&stat, FileType::RegularFile).filter(counts);
        flaw.map_or(Ok(()), |flaw| Err(ReadError::Flawed(flaw)))?;
        read_at_most(File::from(file), bound, usize::try_from(stat.st_size).unwrap_or(usize::MAX))
            .map_err(ReadError::Flawed)
    }

    /// Puts a file with these bytes in the place of what was there: whoever reads gets the one or the other.
    pub fn replace(&self, name: &str, bytes: &[u8], keep_until: Option<SystemTime>) -> io::Result<()> {
        let temporary = self.write_temporary(bytes, keep_until)?;
        self.rename_or_remove(&temporary, name)
    }

    /// The same, and back only when its bytes are on the disk: for what cannot be made again.
    pub fn replace_for_good(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.write_temporary(bytes, None)?;
        rustix::fs::openat(&self.handle, &temporary, FILE_FLAGS | OFlags::RDONLY, Mode::empty())
            .and_then(rustix::fs::fsync)
            .inspect_err(|_| {
                let _ = self.remove(&temporary);
            })?;
        self.rename_or_remove(&temporary, name)?;
        // Not every file system can: the bytes are safe by then, and the name soon.
        let _ = rustix::fs::fsync(&self.handle);
        Ok(())
    }

    fn rename_or_remove(&self, temporary: &str, name: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.handle, temporary, &self.handle, name).map_err(|error| {
            let _ = self.remove(temporary);
            error.into()
        })
    }

    /// Writes a file that has no name yet that anyone looks for.
    pub fn write_temporary(&self, bytes: &[u8], keep_until: Option<SystemTime>) -> io::Result<String> {
        let name = temporary_name()?;
        let flags = FILE_FLAGS | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = File::from(rustix::fs::openat(&self.handle, &name, flags, FILE)?);
        fill(file, bytes, keep_until).inspect_err(|_| {
            let _ = self.remove(&name);
        })?;
        Ok(name)
    }

    /// Deletes a file; whether there was one.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a folder in this one if there is nothing in it.
    pub fn remove_child(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
    }

    /// Whether there is a folder with this name in this one.
    pub fn has_folder(&self, name: &str) -> bool {
        rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// The names of at most `bound` files and folders.
    pub fn names(&self, bound: usize) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            match name.to_str() {
                None | Some("." | "..") => {}
                Some(_) if names.len() >= bound => break,
                Some(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    /// What is known of a file; `None` when there is none.
    pub fn stamp(&self, name: &str) -> Option<Stamp> {
        let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Stamp { keep_until: seconds(stat.st_mtime), changed: seconds(stat.st_ctime) })
    }

    /// A file to lock, made if there is none; its contents are left as they are.
    pub fn lockable(&self, name: &str) -> io::Result<File> {
        let flags = FILE_FLAGS | OFlags::RDWR | OFlags::CREATE;
        Ok(rustix::fs::openat(&self.handle, name, flags, FILE)?.into())
    }

    /// Whether `file` is still what `name` stands for.
    pub fn is_still(&self, file: &File, name: &str) -> io::Result<bool> {
        let held = rustix::fs::fstat(file)?;
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn checked_folder(opened: Result<OwnedFd, Errno>, path: PathBuf) -> Result<Option<Folder>, Flaw> {
    opened_folder(opened, path, |_| true)
}

fn opened_folder(
    opened: Result<OwnedFd, Errno>,
    path: PathBuf,
    counts: impl Fn(&Flaw) -> bool,
) -> Result<Option<Folder>, Flaw> {
    let handle = match opened {
        Ok(handle) => handle,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(flaw_of(error)),
    };
    let stat = rustix::fs::fstat(&handle).map_err(flaw_of)?;
    flaw_in(&stat, FileType::Directory).filter(counts).map_or(Ok(Some(Folder { handle, path })), Err)
}

// What a `stat` field is called is the same everywhere, what type it has is not.
#[allow(clippy::useless_conversion)]
fn flaw_in(stat: &Stat, expected: FileType) -> Option<Flaw> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    if FileType::from_raw_mode(stat.st_mode) != expected {
        Some(Flaw::InTheWay)
    } else if stat.st_uid != effective_user() {
        Some(Flaw::NotOurs)
    } else if mode.intersects(Mode::RWXG | Mode::RWXO) {
        Some(Flaw::TooOpen(u32::from(mode.as_raw_mode()) & 0o777))
    } else {
        None
    }
}

fn is_of_mode(flaw: Flaw) -> bool {
    matches!(flaw, Flaw::TooOpen(_))
}

fn flaw_of(error: Errno) -> Flaw {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Flaw::InTheWay,
        error => Flaw::Unreadable(io::Error::from(error).kind()),
    }
}

fn read_at_most(file: File, bound: usize, size: usize) -> Result<Vec<u8>, Flaw> {
    if size > bound {
        return Err(Flaw::TooLarge);
    }
    let mut bytes = Vec::with_capacity(size.saturating_add(1));
    let limit = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(|error| Flaw::Unreadable(error.kind()))?;
    if bytes.len() > bound { Err(Flaw::TooLarge) } else { Ok(bytes) }
}

fn fill(mut file: File, bytes: &[u8], keep_until: Option<SystemTime>) -> io::Result<()> {
    file.write_all(bytes)?;
    keep_until.map_or(Ok(()), |time| file.set_times(FileTimes::new().set_modified(time)))
}

// What a `stat` field is called is the same everywhere, what type it has is not.
#[allow(clippy::useless_conversion)]
fn seconds(time: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time).unwrap_or(0))
}
