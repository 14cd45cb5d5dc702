//! Where the key is kept that tokens are sealed with.
//!
//! A vault keeps keys under their ids, and never replaces one: an id is derived from its key.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::error::Flaw;
use super::place::Environment;

#[cfg(windows)]
mod dpapi;
#[cfg(target_os = "linux")]
mod kernel_keyring;
#[cfg(target_os = "linux")]
mod key_file;
#[cfg(target_os = "macos")]
mod keychain;
#[cfg(all(target_os = "linux", feature = "secret-service"))]
mod secret_service;

/// The most bytes that are read in search of a key: one more than it has, so that something longer is not taken for one.
#[cfg(target_os = "linux")]
const KEY_BOUND: usize = 33;

/// What our items are called in a vault of many programs.
#[cfg(not(windows))]
const APPLICATION: &str = "azure-token-cache";

/// A kind of vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VaultKind {
    /// The persistent keyring of the Linux kernel: it outlives the login, not the machine's next start.
    KernelKeyring,
    /// The Secret Service of a desktop session, where it is unlocked.
    SecretService,
    /// A file in `$XDG_RUNTIME_DIR`, which lives in memory and is the user's alone.
    KeyFile,
    /// The Keychain of macOS.
    Keychain,
    /// Data protection of Windows.
    Dpapi,
}

/// Which vault is to be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VaultChoice {
    /// The first that works, in the system's order.
    #[default]
    Auto,
    /// This one or none.
    Only(VaultKind),
}

/// Why a vault does not take a key, or give one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is none on this system.
    NotHere,
    /// There is one, and this program was built without it.
    NotBuiltIn,
    /// It needs a desktop session, and there is none.
    NoSession,
    /// It is locked, and unlocking would ask the user.
    Locked,
    /// It did not answer in time.
    TooSlow,
    /// It needs `$XDG_RUNTIME_DIR`, and there is none.
    NoRuntimeFolder,
    /// `$XDG_RUNTIME_DIR` is on a disk.
    RuntimeFolderOnDisk,
    /// Its folder or its file is not as it must be.
    Flawed(Flaw),
    /// The system said no.
    Refused(ErrorKind),
    /// It gave back another key than it was given.
    Changed,
}

/// What vaults have to know of the process that asks.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "each system reads its own")]
pub(super) struct Surroundings {
    /// Names the runtime folder and the session's bus.
    pub environment: Environment,
    /// The store's folder of key records.
    pub keys_folder: PathBuf,
}

/// A key of 32 bytes, overwritten when it goes.
#[derive(Clone)]
pub(super) struct VaultKey(Zeroizing<[u8; 32]>);

/// A vault that has been reached.
pub(super) trait Vault {
    /// The key with this id; `None` when the vault works and does not have it.
    fn find(&self, id: &str) -> Result<Option<VaultKey>, Refusal>;
    /// Keeps a key.
    fn keep(&self, id: &str, key: &VaultKey) -> Result<(), Refusal>;
}

impl VaultKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::KernelKeyring, Self::SecretService, Self::KeyFile, Self::Keychain, Self::Dpapi];

    /// How it is written in options and in the record of where keys are.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KernelKeyring => "kernel-keyring",
            Self::SecretService => "secret-service",
            Self::KeyFile => "key-file",
            Self::Keychain => "keychain",
            Self::Dpapi => "dpapi",
        }
    }

    /// The kind that is written so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its keys are lost when the machine stops.
    pub(super) fn dies_with_the_boot(self) -> bool {
        matches!(self, Self::KernelKeyring | Self::KeyFile)
    }

    /// Reaches the vault; fails when it would not take a key.
    #[cfg_attr(target_os = "macos", allow(unused_variables))]
    pub(super) fn reach(self, surroundings: &Surroundings) -> Result<Box<dyn Vault>, Refusal> {
        match self {
            #[cfg(target_os = "linux")]
            Self::KernelKeyring => Ok(Box::new(kernel_keyring::KernelKeyring::reach()?)),
            #[cfg(all(target_os = "linux", feature = "secret-service"))]
            Self::SecretService => Ok(Box::new(secret_service::SecretService::reach(surroundings)?)),
            #[cfg(all(target_os = "linux", not(feature = "secret-service")))]
            Self::SecretService => Err(Refusal::NotBuiltIn),
            #[cfg(target_os = "linux")]
            Self::KeyFile => Ok(Box::new(key_file::KeyFile::reach(surroundings)?)),
            #[cfg(target_os = "macos")]
            Self::Keychain => Ok(Box::new(keychain::Keychain)),
            #[cfg(windows)]
            Self::Dpapi => Ok(Box::new(dpapi::Dpapi::reach(surroundings))),
            _ => Err(Refusal::NotHere),
        }
    }
}

impl VaultChoice {
    /// The kinds to try, in order.
    pub(super) fn kinds(self) -> Vec<VaultKind> {
        match self {
            Self::Only(kind) => vec![kind],
            Self::Auto if cfg!(windows) => vec![VaultKind::Dpapi],
            Self::Auto if cfg!(target_os = "macos") => vec![VaultKind::Keychain],
            Self::Auto => vec![VaultKind::KernelKeyring, VaultKind::SecretService, VaultKind::KeyFile],
        }
    }
}

impl VaultKey {
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = Self::public();
        getrandom::fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// The key that everyone knows, for names in a store that seals nothing.
    pub fn public() -> Self {
        Self(Zeroizing::new([0; 32]))
    }

    /// `None` when these are not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Self::public();
        let fits = bytes.len() == key.0.len();
        fits.then(|| key.0.copy_from_slice(bytes)).map(|()| key)
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Display for VaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KernelKeyring => "kernel keyring",
            Self::SecretService => "Secret Service",
            Self::KeyFile => "key file",
            Self::Keychain => "Keychain",
            Self::Dpapi => "DPAPI",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHere => f.write_str("not on this system"),
            Self::NotBuiltIn => f.write_str("not built in"),
            Self::NoSession => f.write_str("no desktop session"),
            Self::Locked => f.write_str("locked"),
            Self::TooSlow => f.write_str("no answer in time"),
            Self::NoRuntimeFolder => f.write_str("no XDG_RUNTIME_DIR"),
            Self::RuntimeFolderOnDisk => f.write_str("XDG_RUNTIME_DIR is not in memory"),
            Self::Flawed(flaw) => write!(f, "{flaw}"),
            Self::Refused(kind) => write!(f, "{kind}"),
            Self::Changed => f.write_str("it gave back another key"),
        }
    }
}
