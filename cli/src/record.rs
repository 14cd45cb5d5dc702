//! Where `shim install` records the real az: beside the link, for callers whose environment leads to another state folder or to
//! none, and in the state folder. Both name a program to start, so that what others could have written counts as absent.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use azure_token_cache_host::store::StoreError;

use crate::shim_folder;

/// The file in the shim's folder, and more bytes than any path has.
const FILE: &str = "az";
const BOUND: usize = 1 << 16;
/// The file beside the link.
const BESIDE: &str = ".azure-token-cache-az";

/// What the state folder has.
pub fn kept() -> Option<PathBuf> {
    path_in(&shim_folder::find().ok()??.read(FILE, BOUND)?)
}

/// Has the state folder keep it.
pub fn keep(az: &Path) -> Result<(), StoreError> {
    shim_folder::made()?.replace(FILE, &line(az))
}

/// The file that a folder with a link has.
pub fn beside(folder: &Path) -> PathBuf {
    folder.join(BESIDE)
}

/// What a folder with a link has: this user wrote it, or root for everybody.
pub fn kept_beside(folder: &Path) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let file = trusted(&beside(folder))?;
    file.take(BOUND as u64).read_to_end(&mut bytes).ok()?;
    path_in(&bytes)
}

/// Has a folder with a link keep it. What was there before, a link for one, is replaced and not written to.
pub fn keep_beside(folder: &Path, az: &Path) -> io::Result<()> {
    let file = beside(folder);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(file)?.write_all(&line(az))
}

fn line(az: &Path) -> Vec<u8> {
    [az.as_os_str().as_encoded_bytes(), b"\n"].concat()
}

fn path_in(bytes: &[u8]) -> Option<PathBuf> {
    let path = path_of(bytes.strip_suffix(b"\n").unwrap_or(bytes))?;
    path.is_absolute().then_some(path)
}

/// A file, and no link or pipe, that nobody else can have written.
#[cfg(unix)]
fn trusted(path: &Path) -> Option<File> {
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let metadata = file.metadata().ok()?;
    let owners = [rustix::process::geteuid().as_raw(), 0];
    let is_ours = owners.contains(&metadata.uid()) && metadata.mode() & 0o022 == 0;
    (metadata.is_file() && is_ours).then_some(file)
}

/// Folders of programs are the administrators' there, or this user's own.
#[cfg(not(unix))]
fn trusted(path: &Path) -> Option<File> {
    File::open(path).ok()
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    Some(std::str::from_utf8(bytes).ok()?.into())
}
