//! Where the real az is: recorded when the shim was installed, else the first on PATH that is no shim.
//!
//! A company's az may be a script that itself calls `az`, and so the shim again. Each program that a shim starts is noted in
//! the environment, and the next shim down starts another one.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use azure_token_cache_host::run::{find_all, is_executable};

use crate::record;
use crate::surroundings::search_path;

/// What shims have started above us, as a list like PATH.
const STARTED: &str = "AZURE_TOKEN_CACHE_STARTED";
/// The longest such list. Honest ones have one entry for each wrapper.
const STARTED_MAX: usize = 16;
/// What every program of this kind is called, and what a script that stands for one names.
pub const OWN_NAME: &str = "azure-token-cache";

/// The az to start, and what its environment gets so that no shim starts it again.
pub struct RealAz {
    /// Its path, as found.
    pub path: PathBuf,
    /// The list for those below it.
    started: OsString,
}

/// Why there is none.
#[derive(Debug)]
pub enum NoAz {
    /// Neither where it was recorded nor on PATH.
    Nowhere,
    /// Programs named az start each other without end.
    Endless,
}

impl RealAz {
    /// The real az for this process.
    pub fn find() -> Result<Self, NoAz> {
        Self::find_on(&search_path())
    }

    /// As [`find`](Self::find), with this PATH.
    pub fn find_on(search_path: &OsStr) -> Result<Self, NoAz> {
        let started = std::env::var_os(STARTED).unwrap_or_default();
        let mut above: Vec<PathBuf> =
            std::env::split_paths(&started).filter(|path| !path.as_os_str().is_empty()).collect();
        if above.len() >= STARTED_MAX {
            return Err(NoAz::Endless);
        }
        let path = choose(&above, search_path)?;
        above.push(path.clone());
        // A path with a colon in it cannot be listed; the length of the list then ends what would be endless.
        let started = std::env::join_paths(&above).unwrap_or_else(|_| started_twice(&started));
        Ok(Self { path, started })
    }

    /// The variable that those below it get.
    pub fn variable(&self) -> (&'static str, &OsStr) {
        (STARTED, &self.started)
    }
}

impl Display for NoAz {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nowhere => {
                "Azure CLI could not be found: there is no az on PATH but shims of azure-token-cache. Install it \
                 (https://aka.ms/azure-cli), or run 'azure-token-cache shim install' where it is on PATH."
            }
            Self::Endless => {
                "The programs named az start each other without end. Run 'azure-token-cache shim uninstall', or let \
                 the wrapper of az start Azure CLI by its absolute path."
            }
        })
    }
}

/// What was recorded at install, whether or not it is still there: beside the link, then in the state folder.
pub fn recorded() -> impl Iterator<Item = PathBuf> {
    let in_state_folder = std::iter::once_with(record::kept).flatten();
    folders_of_shims().filter_map(|folder| record::kept_beside(&folder)).chain(in_state_folder)
}

/// Whether a file is this program, another copy of it, or a script that stands for one.
pub fn is_shim(file: &Path) -> bool {
    let Ok(real) = file.canonicalize() else { return false };
    let is_named = real.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case(OWN_NAME));
    is_named || is_this_program(&real) || is_our_script(&real)
}

/// The first that nothing above us has started; if all were started, the last on PATH: wrappers stand in front of what they wrap.
fn choose(above: &[PathBuf], search_path: &OsStr) -> Result<PathBuf, NoAz> {
    let recorded = recorded().filter(|path| is_executable(path));
    let mut last = None;
    for candidate in recorded.chain(find_all(search_path)).filter(|path| !is_shim(path)) {
        if !above.contains(&candidate) {
            return Ok(candidate);
        }
        last = Some(candidate);
    }
    last.ok_or(NoAz::Nowhere)
}

/// Where this process was started from by its path, and the first shim on PATH, which it is where it was not.
fn folders_of_shims() -> impl Iterator<Item = PathBuf> {
    let name = std::env::args_os().next().map(PathBuf::from).filter(|name| name.components().count() > 1);
    let by_path = name.and_then(|name| std::path::absolute(name).ok());
    let on_path = || find_all(&search_path()).find(|file| is_shim(file));
    by_path
        .into_iter()
        .chain(std::iter::once_with(on_path).flatten())
        .filter_map(|link| Some(link.parent()?.to_owned()))
}

fn started_twice(started: &OsStr) -> OsString {
    let mut longer = started.to_owned();
    longer.push(if cfg!(windows) { ";az" } else { ":az" });
    longer
}

#[cfg(unix)]
fn is_this_program(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let own = std::env::current_exe().ok().and_then(|path| identity(&path));
    own.is_some() && identity(file) == own
}

#[cfg(not(unix))]
fn is_this_program(file: &Path) -> bool {
    std::env::current_exe().and_then(|path| path.canonicalize()).is_ok_and(|own| own == file)
}

/// The scripts that `shim install` writes where links are not to be had.
#[cfg(windows)]
fn is_our_script(file: &Path) -> bool {
    let is_script = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("cmd"));
    is_script && fs::read_to_string(file).is_ok_and(|text| text.contains(OWN_NAME))
}

#[cfg(not(windows))]
fn is_our_script(_file: &Path) -> bool {
    false
}
