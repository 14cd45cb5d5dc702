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
