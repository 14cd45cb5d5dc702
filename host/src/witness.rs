//! What the files that say who is logged in look like, and what they hold.
//!
//! A *mark* is a number that changes when what it stands for is seen to have changed; equal marks mean that it looked the
//! same. The paths are given by the caller and kept, so that looking at unchanged files allocates nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

mod contents;
#[cfg(unix)]
#[path = "witness/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "witness/windows.rs"]
mod platform;

use azure_token_cache_core::walk::Login;
use contents::Contents;
use platform::{Name, Stamp};
use sha2::{Digest, Sha256};

/// A file that holds more, in bytes, counts as unreadable: a profile with a thousand subscriptions has half a megabyte.
pub const BOUND: usize = 16 << 20;
/// Files that move while they are read are read this often; past that the next look sees that they moved.
const TRIES: usize = 3;

/// The files of one login. What is read from them stays until the next reading.
#[derive(Debug)]
pub struct LoginFiles {
    account: Group,
    secrets: Group,
    contents: Vec<Contents>,
    contents_mark: u32,
    remote: bool,
}

/// What a reading found, but for the contents themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The mark of the account files' witness, taken before the contents were read.
    pub witness: u32,
    /// The mark of their contents.
    pub contents: u32,
    /// The mark of the secret files' witness.
    pub secrets: u32,
    /// The newest of the account files' times, in milliseconds since the Unix epoch; 0 when there is no file.
    pub written_unix_ms: i64,
    /// Whether a file is on a network or FUSE file system, whose witnesses may be old.
    pub remote: bool,
}

/// Why a file's contents cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The system refused.
    Unreadable(ErrorKind),
    /// It is a folder, a pipe or a device.
    NotAFile,
    /// It holds more than [`BOUND`].
    TooLarge,
}

impl LoginFiles {
    /// Keeps the paths of the files that say who is logged in, and of those that hold the tool's own secrets (which are
    /// never read). Both must be absolute.
    #[must_use]
    pub fn new(account: Vec<PathBuf>, secrets: Vec<PathBuf>) -> Self {
        let contents = account.iter().map(|_| Contents::default()).collect();
        Self {
            account: Group::new(account),
            secrets: Group::new(secrets),
            contents,
            contents_mark: 0,
            remote: false,
        }
    }

    /// Looks at the account files, and returns the mark of what was seen.
    pub fn witness(&mut self) -> u32 {
        self.account.look()
    }

    /// Reads the account files, and looks at the secret files.
    pub fn read(&mut self) -> Reading {
        let witness = self.read_between_equal_witnesses();
        Reading {
            witness,
            contents: self.contents_mark,
            secrets: self.secrets.look(),
            written_unix_ms: self.account.written_unix_ms(),
            remote: self.remote,
        }
    }

    /// Digests of what the last looks at the account files and at the secret files saw: the same in every process, of
    /// every language, that sees the same. What is in the files does not count.
    #[must_use]
    pub fn digests(&self) -> Login {
        Login { account: self.account.digest(), session: self.secrets.digest() }
    }

    /// The same, where the account files with these indices hold what a new login of the same account changes.
    #[must_use]
    pub fn digests_with(&self, sessions: impl Fn(usize) -> bool) -> Login {
        let told = self.account.seen.iter().enumerate().filter(|(index, _)| sessions(*index));
        let session = digest(self.secrets.seen.iter().chain(told.map(|(_, seen)| seen)));
        Login { account: self.account.digest(), session }
    }

    /// Looks at the account files and at the secret files, for [`digests`](Self::digests).
    pub fn look(&mut self) -> u32 {
        self.secrets.look();
        self.account.look()
    }

    /// What the last reading found in the account file with this index; `None` when there is no such file.
    pub fn contents(&self, index: usize) -> Result<Option<&[u8]>, Flaw> {
        self.contents.get(index).map_or(Ok(None), Contents::get)
    }

    /// The witness that is returned was taken before the contents were read: where they moved meanwhile, the next look
    /// sees another one.
    fn read_between_equal_witnesses(&mut self) -> u32 {
        let mut before = self.account.look();
        for _ in 1..TRIES {
            self.read_contents();
            let after = self.account.look();
            if before == after {
                return before;
            }
            before = after;
        }
        self.read_contents();
        before
    }

    fn read_contents(&mut self) {
        let mut changed = false;
        for (contents, name) in self.contents.iter_mut().zip(&self.account.names) {
            changed |= contents.read(name.path());
        }
        self.contents_mark = self.contents_mark.wrapping_add(u32::from(changed));
        self.remote = self.account.names.iter().any(|name| is_remote(name.path()));
    }
}

/// Files that are looked at together.
#[derive(Debug)]
struct Group {
    names: Vec<Name>,
    seen: Vec<Seen>,
    mark: u32,
}

/// What one look found at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Refused(ErrorKind),
    File(Stamp),
}

impl Group {
    fn new(paths: Vec<PathBuf>) -> Self {
        let names: Vec<Name> = paths.into_iter().map(Name::new).collect();
        let seen = names.iter().map(|_| Seen::Nothing).collect();
        Self { names, seen, mark: 0 }
    }

    fn look(&mut self) -> u32 {
        let mut changed = false;
        for (name, kept) in self.names.iter().zip(&mut self.seen) {
            let seen = see(name);
            changed |= *kept != seen;
            *kept = seen;
        }
        self.mark = self.mark.wrapping_add(u32::from(changed));
        self.mark
    }

    fn digest(&self) -> u64 {
        digest(&self.seen)
    }

    fn written_unix_ms(&self) -> i64 {
        let times = self.seen.iter().filter_map(|seen| match seen {
            Seen::File(stamp) => Some(stamp.written_unix_ms()),
            Seen::Nothing | Seen::Refused(_) => None,
        });
        times.max().unwrap_or(0)
    }
}

fn digest<'a>(found: impl IntoIterator<Item = &'a Seen>) -> u64 {
    let mut hash = Sha256::new();
    for seen in found {
        match seen {
            Seen::Nothing => hash.update([0]),
            Seen::Refused(_) => hash.update([1]),
            Seen::File(stamp) => {
                hash.update([2]);
                stamp.words().iter().for_each(|word| hash.update(word.to_be_bytes()));
            }
        }
    }
    let [first, second, third, fourth, fifth, sixth, seventh, eighth, ..] = hash.finalize().0;
    u64::from_be_bytes([first, second, third, fourth, fifth, sixth, seventh, eighth])
}

fn see(name: &Name) -> Seen {
    match platform::stamp(name) {
        Ok(stamp) => Seen::File(stamp),
        Err(ErrorKind::NotFound | ErrorKind::NotADirectory) => Seen::Nothing,
        Err(kind) => Seen::Refused(kind),
    }
}

/// Judged by the file, or where there is none by the nearest folder above it.
pub(crate) fn is_remote(path: &Path) -> bool {
    path.ancestors().find_map(platform::is_remote).unwrap_or(false)
}
