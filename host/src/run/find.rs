//! Where az is: at an absolute entry of the PATH that is given, nowhere else.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The names that the installers give az.
#[cfg(windows)]
const NAMES: &[&str] = &["az.cmd", "az.bat", "az.exe"];
#[cfg(not(windows))]
const NAMES: &[&str] = &["az"];

/// What a search of PATH found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The first file that may be run.
    At(PathBuf),
    /// Only files that may not be run; the first of them.
    NotExecutable(PathBuf),
    /// No file of that name.
    Nowhere,
}

/// Looks for az in `search_path`, the value of a PATH variable. Relative and empty entries mean the working folder, in
/// which anyone may have put an `az`: they are skipped.
#[must_use]
pub fn find(search_path: &OsStr) -> Found {
    let mut refused = None;
    for file in files(search_path) {
        match usable(&file) {
            Some(true) => return Found::At(file),
            Some(false) => refused = refused.or(Some(file)),
            None => {}
        }
    }
    refused.map_or(Found::Nowhere, Found::NotExecutable)
}

/// Every `az` in `search_path` that may be run, in its order; each is looked at when it is asked for.
pub fn find_all(search_path: &OsStr) -> impl Iterator<Item = PathBuf> {
    files(search_path).filter(|file| usable(file) == Some(true))
}

/// Whether there is a file at this path that may be run.
#[must_use]
pub fn is_executable(file: &Path) -> bool {
    usable(file) == Some(true)
}

fn files(search_path: &OsStr) -> impl Iterator<Item = PathBuf> {
    let folders = std::env::split_paths(search_path).filter(|folder| folder.is_absolute());
    folders.flat_map(|folder| NAMES.iter().map(move |name| folder.join(name)))
}

/// Whether a file may be run; `None` if there is no file.
fn usable(file: &Path) -> Option<bool> {
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some(executable(&metadata))
}

#[cfg(unix)]
fn executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_metadata: &std::fs::Metadata) -> bool {
    true
}
