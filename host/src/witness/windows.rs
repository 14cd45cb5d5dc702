//! Witnesses and file systems on Windows.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Component, Path, PathBuf, Prefix};

use windows::Win32::Foundation::HANDLE;
use windows::Win32::Storage::FileSystem::{
    FILE_BASIC_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_ID_INFO, FILE_INFO_BY_HANDLE_CLASS,
    FILE_READ_ATTRIBUTES, FileBasicInfo, FileIdInfo, GetDriveTypeW, GetFileInformationByHandleEx,
};
use windows::core::PCWSTR;

/// `DRIVE_REMOTE` of fileapi.h.
const DRIVE_REMOTE: u32 = 4;
/// 100 ns steps between 1601 and 1970.
const UNIX_EPOCH: i64 = 116_444_736_000_000_000;

/// A path, as it was given.
#[derive(Debug)]
pub struct Name(PathBuf);

impl Name {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// What the system says of a file. `ChangeTime` moves with every change and cannot be set by a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    volume: u64,
    file: [u8; 16],
    size: u64,
    modified: i64,
    changed: i64,
}

impl Stamp {
    /// All of it, for a digest.
    pub fn words(&self) -> [u64; 6] {
        let file = u128::from_be_bytes(self.file);
        #[allow(clippy::cast_possible_truncation, reason = "the two halves")]
        let (high, low) = ((file >> 64) as u64, file as u64);
        [self.volume, high, low, self.size, self.modified.cast_unsigned(), self.changed.cast_unsigned()]
    }

    /// Rounded up: what is so many milliseconds old must be at least that.
    pub fn written_unix_ms(&self) -> i64 {
        self.modified.max(self.changed).saturating_sub(UNIX_EPOCH).saturating_add(9_999) / 10_000
    }
}

pub fn stamp(name: &Name) -> Result<Stamp, ErrorKind> {
    inspect(name).map_err(|error| error.kind())
}

/// Opens for reading.
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// `None`: there is nothing at this path.
pub fn is_remote(path: &Path) -> Option<bool> {
    let Some(Component::Prefix(prefix)) = path.components().next() else {
        return Some(false);
    };
    Some(match prefix.kind() {
        Prefix::UNC(..) | Prefix::VerbatimUNC(..) => true,
        Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => drive_type(letter) == DRIVE_REMOTE,
        Prefix::Verbatim(_) | Prefix::DeviceNS(_) => false,
    })
}

fn drive_type(letter: u8) -> u32 {
    let root = [u16::from(letter), u16::from(b':'), u16::from(b'\\'), 0];
    // SAFETY: the root is a string that ends in NUL and outlives the call.
    unsafe { GetDriveTypeW(PCWSTR(root.as_ptr())) }
}

fn inspect(name: &Name) -> io::Result<Stamp> {
    if name.path().as_os_str().encode_wide().any(|unit| unit == 0) {
        return Err(ErrorKind::NotFound.into());
    }
    let file = OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES.0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS.0)
        .open(name.path())?;
    let basic: FILE_BASIC_INFO = information(&file, FileBasicInfo)?;
    let id: FILE_ID_INFO = information(&file, FileIdInfo)?;
    Ok(Stamp {
        volume: id.VolumeSerialNumber,
        file: id.FileId.Identifier,
        size: file.metadata()?.len(),
        modified: basic.LastWriteTime,
        changed: basic.ChangeTime,
    })
}

fn information<T: Default>(file: &File, class: FILE_INFO_BY_HANDLE_CLASS) -> io::Result<T> {
    let mut value = T::default();
    let size = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the handle is open, and `value` is as large as is said and of the type that `class` fills.
    unsafe {
        GetFileInformationByHandleEx(HANDLE(file.as_raw_handle()), class, (&raw mut value).cast(), size)?;
    }
    Ok(value)
}
