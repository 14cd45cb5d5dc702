//! What can go wrong with a store, and with a file in it. None of it holds a token.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::vault::{Refusal, VaultKind};

/// Why a store cannot be had, or did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Tokens may not be kept in files here; memory is what is left.
    MemoryOnly(MemoryOnly),
    /// The folder was given as a relative path.
    RelativeDirectory(PathBuf),
    /// The name is not one to sixty-four letters, digits, dots, hyphens and underscores, or begins with a dot.
    Name(String),
    /// A folder of the store is not as it must be.
    Folder {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The system refused.
    System {
        /// What was to be done.
        doing: Doing,
        /// What it said.
        error: io::Error,
    },
    /// No vault takes the key that tokens are sealed with; each that was asked, and why not.
    NoVault(Vec<(VaultKind, Refusal)>),
    /// What was to be deleted may be left in this folder: whose files they are only a key tells that cannot be had.
    OutOfReach {
        /// The folder.
        path: PathBuf,
        /// The vault that keeps the key, by the record.
        vault: VaultKind,
        /// Why it does not give it; `None`: it says that it has no such key.
        refusal: Option<Refusal>,
    },
    /// Another process held a short lock for seconds.
    Busy(Doing),
    /// A record that has no bytes: a bug, or a system without random numbers.
    NotSealed,
}

/// Why tokens may only be kept in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryOnly {
    /// No folder was given, and the user has no home.
    NoHome,
    /// The nearest folder that exists is another user's, as under `sudo -E`.
    NotOurs(PathBuf),
    /// It is on a network or FUSE file system, whose locks and owners cannot be trusted.
    Remote(PathBuf),
}

/// What the store was about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// Making its folders.
    MakeFolder,
    /// Keeping its key, or the record of where the key is.
    KeepKey,
    /// Locking.
    Lock,
    /// Writing an entry.
    Write,
    /// Deleting.
    Delete,
    /// Listing.
    List,
}

/// What is wrong with a file or a folder; a file with a flaw is as good as missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The system refused.
    Unreadable(ErrorKind),
    /// Something else is in its place: a link, a pipe, a folder for a file or a file for a folder.
    InTheWay,
    /// It belongs to another user.
    NotOurs,
    /// Others may read or write it; these are its permissions.
    TooOpen(u32),
    /// It holds more than any token needs.
    TooLarge,
    /// It was cut off, changed, moved from another name, or sealed with another key.
    Unopenable,
    /// It opened, and holds no record.
    Malformed,
    /// A later version of this program wrote it.
    LaterVersion,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemoryOnly(why) => write!(f, "tokens are kept in memory only: {why}"),
            Self::RelativeDirectory(path) => {
                write!(f, "the store's folder must be an absolute path, and {} is not", path.display())
            }
            Self::Name(name) => write!(
                f,
                "{name:?} cannot name a store: use 1 to 64 letters, digits, dots, hyphens and underscores, and no \
                 dot in front"
            ),
            Self::Folder { path, flaw } => write!(f, "{} cannot hold tokens: {flaw}", path.display()),
            Self::System { doing, error } => write!(f, "the token store could not {doing}: {error}"),
            Self::NoVault(refusals) => no_vault(refusals, f),
            Self::OutOfReach { path, vault, refusal } => out_of_reach(path, *vault, *refusal, f),
            Self::Busy(doing) => {
                write!(f, "the token store could not {doing}: another process held its lock")
            }
            Self::NotSealed => write!(f, "the token store could not seal a record"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for MemoryOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome => write!(f, "the user has no home folder, and no folder was given"),
            Self::NotOurs(path) => write!(f, "{} belongs to another user", path.display()),
            Self::Remote(path) => write!(f, "{} is on a network or FUSE file system", path.display()),
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MakeFolder => "make its folders",
            Self::KeepKey => "keep its key",
            Self::Lock => "lock an entry",
            Self::Write => "write an entry",
            Self::Delete => "delete an entry",
            Self::List => "list its entries",
        })
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(kind) => write!(f, "it cannot be read ({kind})"),
            Self::InTheWay => write!(f, "something else is in its place, such as a symbolic link"),
            Self::NotOurs => write!(f, "it belongs to another user"),
            Self::TooOpen(mode) => {
                write!(
                    f,
                    "others may read or write it (permissions {mode:03o}; chmod go-rwx takes that from them)"
                )
            }
            Self::TooLarge => write!(f, "it is too large"),
            Self::Unopenable => write!(f, "it was damaged, moved, or sealed with another key"),
            Self::Malformed => write!(f, "it holds no record"),
            Self::LaterVersion => write!(f, "a later version of azure-token-cache wrote it"),
        }
    }
}

fn out_of_reach(
    path: &Path,
    vault: VaultKind,
    refusal: Option<Refusal>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(
        f,
        "{} may still hold what was to be deleted, sealed with a key of the {vault}: ",
        path.display()
    )?;
    match refusal {
        Some(refusal) => write!(f, "{refusal}")?,
        None => f.write_str("no such key is there")?,
    }
    f.write_str(". Make that vault available and try again, or delete that folder")
}

fn no_vault(refusals: &[(VaultKind, Refusal)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("no vault takes the key that tokens are sealed with")?;
    for (index, (kind, refusal)) in refusals.iter().enumerate() {
        write!(f, "{} {kind}: {refusal}", if index == 0 { ";" } else { "," })?;
    }
    f.write_str(". Make one of them available")
}
