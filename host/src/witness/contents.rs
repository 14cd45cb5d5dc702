//! The bytes of one file, read within bounds into a buffer that is used again.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::{BOUND, Flaw, platform};

/// What the last reading found. Some tools keep secrets in such files: `Debug` shows only how much it is.
#[derive(Default)]
pub struct Contents {
    found: Found,
    bytes: Vec<u8>,
    spare: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Found {
    #[default]
    Unread,
    Nothing,
    Bytes,
    Flaw(Flaw),
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = format_args!("{} bytes", self.bytes.len());
        f.debug_struct("Contents").field("found", &self.found).field("bytes", &bytes).finish_non_exhaustive()
    }
}

impl Contents {
    /// Reads the file, and returns whether that found something else than the reading before.
    pub fn read(&mut self, path: &Path) -> bool {
        self.spare.clear();
        let found = match fill(path, &mut self.spare) {
            Ok(()) => Found::Bytes,
            Err(Flaw::Unreadable(ErrorKind::NotFound | ErrorKind::NotADirectory)) => Found::Nothing,
            Err(flaw) => Found::Flaw(flaw),
        };
        if found != Found::Bytes {
            self.spare.clear();
        }
        let changed = found != self.found || self.spare != self.bytes;
        self.found = found;
        std::mem::swap(&mut self.bytes, &mut self.spare);
        changed
    }

    /// The bytes; `None` when there is no such file.
    pub fn get(&self) -> Result<Option<&[u8]>, Flaw> {
        match self.found {
            Found::Bytes => Ok(Some(&self.bytes)),
            Found::Flaw(flaw) => Err(flaw),
            Found::Nothing | Found::Unread => Ok(None),
        }
    }
}

fn fill(path: &Path, buffer: &mut Vec<u8>) -> Result<(), Flaw> {
    let unreadable = |error: std::io::Error| Flaw::Unreadable(error.kind());
    let file: File = platform::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Flaw::NotAFile);
    }
    file.take(BOUND as u64 + 1).read_to_end(buffer).map_err(unreadable)?;
    if buffer.len() > BOUND { Err(Flaw::TooLarge) } else { Ok(()) }
}
