//! Where the store lies, and whether tokens may lie there.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::{Doing, MemoryOnly, StoreError};
use super::folder::owner_is_us;
use crate::witness::is_remote;

/// The folder of ours in the system's folder for such things.
const FOLDER: &str = "azure-token-cache";

/// The environment that the store is to see; never the process's own.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl<Name: Into<OsString>, Value: Into<OsString>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<I: IntoIterator<Item = (Name, Value)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (canonical(name.into()), value.into())).collect())
    }
}

impl Environment {
    /// The value of a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The path that a variable holds; a relative one counts as none.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

/// The state folder, made or not: absolute, on a local file system, and in a folder of the effective user's.
pub fn state_folder(given: Option<&Path>, environment: &Environment) -> Result<PathBuf, StoreError> {
    let path = match given {
        Some(path) if !path.is_absolute() => return Err(StoreError::RelativeDirectory(path.to_path_buf())),
        Some(path) => path.to_path_buf(),
        None => default_folder(environment).ok_or(StoreError::MemoryOnly(MemoryOnly::NoHome))?,
    };
    check(&path)?;
    Ok(path)
}

/// `$XDG_RUNTIME_DIR`, or where systemd makes it for a program that was started without an environment.
#[cfg(target_os = "linux")]
pub(super) fn runtime_folder(environment: &Environment) -> Option<PathBuf> {
    environment.path("XDG_RUNTIME_DIR").or_else(|| {
        let usual = PathBuf::from(format!("/run/user/{}", super::folder::effective_user()));
        usual.is_dir().then_some(usual)
    })
}

/// The address of the session's bus, or where systemd puts it for a program that was started without an environment.
#[cfg(all(target_os = "linux", feature = "secret-service"))]
pub(super) fn session_bus(environment: &Environment) -> Option<String> {
    if let Some(address) = environment.get("DBUS_SESSION_BUS_ADDRESS") {
        return address.to_str().map(str::to_owned);
    }
    let socket = runtime_folder(environment)?.join("bus");
    // A path with other characters would have to be escaped, and no system makes one.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
    let path = socket.to_str().filter(|path| path.bytes().all(plain))?;
    socket.exists().then(|| format!("unix:path={path}"))
}

/// Judged by the nearest folder that exists: under `sudo -E` it is another user's.
fn check(path: &Path) -> Result<(), StoreError> {
    for folder in path.ancestors() {
        let owner_is_us =
            owner_is_us(folder).map_err(|error| StoreError::System { doing: Doing::MakeFolder, error })?;
        match owner_is_us {
            None => {}
            Some(false) => return Err(StoreError::MemoryOnly(MemoryOnly::NotOurs(folder.to_path_buf()))),
            Some(true) if is_remote(folder) => {
                return Err(StoreError::MemoryOnly(MemoryOnly::Remote(folder.to_path_buf())));
            }
            Some(true) => return Ok(()),
        }
    }
    Err(StoreError::MemoryOnly(MemoryOnly::NoHome))
}

#[cfg(not(windows))]
fn canonical(name: OsString) -> OsString {
    name
}

/// Windows does not tell the cases of a variable's name apart.
#[cfg(windows)]
fn canonical(mut name: OsString) -> OsString {
    name.make_ascii_uppercase();
    name
}

#[cfg(windows)]
fn default_folder(environment: &Environment) -> Option<PathBuf> {
    environment.path("LOCALAPPDATA").map(|folder| folder.join(FOLDER))
}

#[cfg(target_os = "macos")]
fn default_folder(environment: &Environment) -> Option<PathBuf> {
    Some(home(environment)?.join("Library/Application Support").join(FOLDER))
}

#[cfg(not(any(windows, target_os = "macos")))]
fn default_folder(environment: &Environment) -> Option<PathBuf> {
    let state = environment.path("XDG_STATE_HOME");
    Some(state.or_else(|| Some(home(environment)?.join(".local/state")))?.join(FOLDER))
}

#[cfg(unix)]
fn home(environment: &Environment) -> Option<PathBuf> {
    environment.path("HOME").or_else(|| {
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok()??;
        user.dir.is_absolute().then_some(user.dir)
    })
}
