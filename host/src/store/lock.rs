//! Locks that die with their holder, in a file that is never deleted, and the store's generation, which lies in that file.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::flawed;
use super::folder::{Folder, ReadError};

#[cfg(target_os = "linux")]
#[path = "lock/linux.rs"]
mod platform;
#[cfg(target_os = "macos")]
#[path = "lock/macos.rs"]
mod platform;
#[cfg(windows)]
#[path = "lock/windows.rs"]
mod platform;

/// The file that all locks of a store are in.
const FILE: &str = "lock";
/// How often a lock file is opened anew because another one has taken its place.
const TRIES: usize = 4;
/// How long to wait between two looks at a lock that is held for the length of one rename.
const LOOK: Duration = Duration::from_micros(500);
/// A number of twenty digits and the end of its line.
const GENERATION_BOUND: usize = 64;

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// The making of a key.
    Keys,
    /// Comparing and replacing, of any entry: it takes microseconds, and clearing has to exclude every save.
    Save,
    /// The fetch for the entry at this place.
    Fetch(u64),
    /// One of the extra fetches for it.
    Slot(u8, u64),
}

/// A lock; dropping it lets go.
#[derive(Debug)]
pub(super) struct Held {
    file: std::fs::File,
    range: Range,
}

/// Takes the lock if it is free. Makes the lock file.
pub(super) fn try_take(folder: &Folder, range: Range) -> io::Result<Option<Held>> {
    for _ in 0..TRIES {
        let name = platform::file(range);
        let file = folder.lockable(&name)?;
        if !platform::try_lock(&file, range)? {
            return Ok(None);
        }
        if folder.is_still(&file, &name)? {
            return Ok(Some(Held { file, range }));
        }
    }
    Ok(None)
}

/// Takes the lock, and waits for it at most so long.
pub(super) fn take(folder: &Folder, range: Range, patience: Duration) -> io::Result<Option<Held>> {
    let last = Instant::now() + patience;
    loop {
        let taken = try_take(folder, range)?;
        if taken.is_some() || Instant::now() >= last {
            return Ok(taken);
        }
        thread::sleep(LOOK);
    }
}

/// How often the store was cleared. Nobody else can write it in a folder that is the user's alone, whatever its own mode.
pub(super) fn generation(folder: &Folder) -> Result<u64, StoreError> {
    match folder.read_of_any_mode(FILE, GENERATION_BOUND) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(ReadError::Missing) => Ok(0),
        Err(ReadError::Flawed(flaw)) => Err(flawed(folder, FILE)(flaw)),
    }
}

/// Makes every result older that was fetched before. Only for who holds [`Range::Save`].
pub(super) fn raise_generation(folder: &Folder) -> io::Result<()> {
    let mut file = folder.lockable(FILE)?;
    let mut bytes = Vec::new();
    Read::by_ref(&mut file).take(GENERATION_BOUND as u64).read_to_end(&mut bytes)?;
    let next = parse(&bytes).wrapping_add(1);
    let line = format!("{next:020}\n");
    file.seek(SeekFrom::Start(0))?;
    file.write_all(line.as_bytes())?;
    // What a damaged file holds behind it would make it no number.
    file.set_len(line.len() as u64)
}

fn parse(bytes: &[u8]) -> u64 {
    std::str::from_utf8(bytes).ok().and_then(|text| text.trim_ascii().parse().ok()).unwrap_or(0)
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing the file would not do: a program that is being started has it open too, until it begins.
        let _ = platform::unlock(&self.file, self.range);
    }
}

impl Range {
    /// Where it lies in a file that has no bytes there.
    #[cfg(not(target_os = "macos"))]
    fn offset(self) -> u64 {
        /// Places have 56 bits.
        const PLACES: u64 = 1 << 56;
        match self {
            Self::Keys => PLACES,
            Self::Save => 2 * PLACES,
            Self::Fetch(place) => 3 * PLACES + place % PLACES,
            Self::Slot(slot, place) => (4 + u64::from(slot)) * PLACES + place % PLACES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::make_all;
    use super::*;

    #[test]
    fn what_is_let_go_is_free_although_another_has_the_file_open() {
        let path = std::env::temp_dir().join(format!("atc-lock-{}", std::process::id()));
        make_all(&path).unwrap();
        let folder = Folder::open(&path).unwrap().unwrap();
        for range in [Range::Keys, Range::Save, Range::Fetch(7), Range::Slot(1, 7)] {
            let held = try_take(&folder, range).unwrap().unwrap();
            // As a program has it between its fork and its beginning.
            let shared = held.file.try_clone().unwrap();
            assert!(try_take(&folder, range).unwrap().is_none(), "{range:?}");
            drop(held);
            assert!(try_take(&folder, range).unwrap().is_some(), "{range:?}");
            drop(shared);
        }
        std::fs::remove_dir_all(path).unwrap();
    }
}
