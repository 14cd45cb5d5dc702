//! Whether a program above us waits for this very az: a cache that holds the lock of an entry while its credential runs az, and
//! finds us there. To wait for it would be to wait for ourselves.

use std::path::Path;

/// How far up to look: a credential, the shell in which it starts az, and a wrapper.
#[cfg(target_os = "linux")]
const LEVELS: usize = 4;

/// Whether a process above us has this file open.
#[cfg(target_os = "linux")]
pub fn have_open(file: &Path) -> bool {
    let Some(wanted) = identity(file) else { return false };
    let mut process = "self".to_owned();
    for _ in 0..LEVELS {
        let Some(parent) = parent(&process) else { return false };
        if has_open(&parent, wanted) {
            return true;
        }
        process = parent;
    }
    false
}

/// Other systems do not tell. There such a caller waits until its patience is over.
#[cfg(not(target_os = "linux"))]
pub fn have_open(_file: &Path) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn has_open(process: &str, wanted: (u64, u64)) -> bool {
    let files = std::fs::read_dir(format!("/proc/{process}/fd"));
    files.into_iter().flatten().flatten().any(|file| identity(&file.path()) == Some(wanted))
}

#[cfg(target_os = "linux")]
fn identity(file: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).ok().map(|file| (file.dev(), file.ino()))
}

/// The fourth field of proc(5)'s `stat`; the second is a name in brackets, in which anything may stand.
#[cfg(target_os = "linux")]
fn parent(process: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let parent = fields.split_ascii_whitespace().nth(1)?;
    (parent != "0").then(|| parent.to_owned())
}
