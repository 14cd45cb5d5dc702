//! `shim`: a link named az, in a folder that comes before the real az's on PATH.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use azure_token_cache_host::run::{find_all, is_executable};
use azure_token_cache_host::store::StoreError;
use lexopt::{Arg, Parser, ValueExt};

use super::{CommandError, help};
use crate::real_az::{NoAz, OWN_NAME, RealAz, is_shim, recorded};
use crate::record;
use crate::shim_folder;
use crate::store_trouble::Told;
use crate::surroundings::{our_folder, search_path};

/// What the link is called.
const LINK: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// Why the shim could not be installed or removed.
#[derive(Debug)]
pub enum ShimError {
    /// There is no state folder of ours, where it would usually be.
    NoUsualPlace(StoreError),
    /// What names the real az may not be kept in our state folder.
    Place(StoreError),
    /// There is no az to stand in front of.
    NoAz(NoAz),
    /// The program given with `--az` cannot be run, or is a shim itself.
    NotAz(PathBuf),
    /// Another program is where the link would be.
    InTheWay(PathBuf),
    /// There is nothing to remove.
    NotInstalled(PathBuf),
    /// The system refused.
    System(PathBuf, io::Error),
}

pub fn run(parser: &mut Parser) -> Result<String, CommandError> {
    let action = match parser.next()? {
        Some(Arg::Value(action)) => action.to_string_lossy().into_owned(),
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(help::SHIM.into()),
        Some(other) => return Err(other.unexpected().into()),
        None => return Err(CommandError::Usage("install, uninstall or status?".into())),
    };
    let mut directory = None;
    let mut az = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("directory") => directory = Some(absolute(parser.value()?.parse()?)?),
            Arg::Long("az") if action == "install" => az = Some(absolute(parser.value()?.parse()?)?),
            Arg::Short('h') | Arg::Long("help") => return Ok(help::SHIM.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    let link = directory.map_or_else(usual_folder, Ok).map(|folder| folder.join(LINK));
    match action.as_str() {
        "install" => link.and_then(|link| install(&link, az)),
        "uninstall" => link.and_then(|link| uninstall(&link)),
        "status" => link.map(|link| status(&link)),
        other => return Err(CommandError::Usage(format!("'{other}' is none of install, uninstall, status"))),
    }
    .map_err(CommandError::Shim)
}

/// One line for `doctor`, and whether calls of az come here.
pub fn summary() -> (bool, String) {
    match find_all(&search_path()).next() {
        Some(first) if is_shim(&first) => (true, format!("{} comes first on PATH", first.display())),
        Some(first) => (false, format!("not in use: {} comes first on PATH", first.display())),
        None => (false, "not in use: there is no az on PATH".into()),
    }
}

fn absolute(path: PathBuf) -> Result<PathBuf, CommandError> {
    std::path::absolute(&path).map_err(|error| CommandError::Shim(ShimError::System(path, error)))
}

fn usual_folder() -> Result<PathBuf, ShimError> {
    Ok(our_folder().map_err(ShimError::NoUsualPlace)?.join("bin"))
}

fn install(link: &Path, az: Option<PathBuf>) -> Result<String, ShimError> {
    let az = match az {
        Some(given) if is_executable(&given) && !is_shim(&given) => given,
        Some(given) => return Err(ShimError::NotAz(given)),
        None => RealAz::find_on(&search_path()).map_err(ShimError::NoAz)?.path,
    };
    if link.symlink_metadata().is_ok() && !is_ours(link) {
        return Err(ShimError::InTheWay(link.to_owned()));
    }
    let folder = link.parent().unwrap_or(link);
    // Without a state folder the record beside the link does.
    if our_folder().is_ok() {
        record::keep(&az).map_err(ShimError::Place)?;
    }
    make_folder(folder).map_err(system(folder))?;
    record::keep_beside(folder, &az).map_err(system(&record::beside(folder)))?;
    put_link(link).map_err(system(link))?;
    let mut text = format!("Installed {}, in front of {}.\n", link.display(), az.display());
    text.push_str(&advice(link));
    Ok(text)
}

/// A link that leads nowhere was ours, where it names this program.
fn is_ours(link: &Path) -> bool {
    let names_us = |target: PathBuf| target.file_stem().is_some_and(|stem| stem == OWN_NAME);
    let leads_nowhere = || matches!(link.try_exists(), Ok(false));
    is_shim(link) || (leads_nowhere() && fs::read_link(link).is_ok_and(names_us))
}

/// Makes a folder, and those above it, for this user alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A link to where this program really is: the link that npm made may go.
#[cfg(unix)]
fn put_link(link: &Path) -> io::Result<()> {
    let program = std::env::current_exe()?.canonicalize()?;
    let fresh = link.with_extension(format!("new{}", std::process::id()));
    std::os::unix::fs::symlink(program, &fresh)?;
    fs::rename(fresh, link)
}

/// A script: links need a privilege that users do not have.
#[cfg(not(unix))]
fn put_link(link: &Path) -> io::Result<()> {
    let program = std::env::current_exe()?;
    fs::write(link, format!("@\"{}\" az %*\r\n", program.display()))
}

fn uninstall(link: &Path) -> Result<String, ShimError> {
    if link.symlink_metadata().is_err() {
        return Err(ShimError::NotInstalled(link.to_owned()));
    }
    if !is_ours(link) {
        return Err(ShimError::InTheWay(link.to_owned()));
    }
    fs::remove_file(link).map_err(system(link))?;
    let beside = record::beside(link.parent().unwrap_or(link));
    gone(fs::remove_file(&beside)).map_err(system(&beside))?;
    if let Ok(Some(folder)) = shim_folder::find() {
        folder.remove().map_err(ShimError::Place)?;
    }
    Ok(format!(
        "Removed {}. Shells that are open may remember it: 'hash -r' makes them forget.\n",
        link.display()
    ))
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn status(link: &Path) -> String {
    let installed = match link.symlink_metadata() {
        Ok(_) if is_shim(link) => format!("installed at {}", link.display()),
        Ok(_) => format!("not installed: something else is at {}", link.display()),
        Err(_) => format!("not installed at {}", link.display()),
    };
    let real = match RealAz::find() {
        Ok(az) if recorded().any(|path| path == az.path) => format!("{} (recorded)", az.path.display()),
        Ok(az) => format!("{} (found on PATH)", az.path.display()),
        Err(none) => none.to_string(),
    };
    let (in_use, summary) = summary();
    let mut text = format!("shim     {installed}\nreal az  {real}\nPATH     {summary}\n");
    if !in_use && is_shim(link) {
        text.push_str(&advice(link));
    }
    text
}

/// What to do so that calls of az come here, if they do not.
fn advice(link: &Path) -> String {
    let folder = link.parent().unwrap_or(link).display();
    let first = find_all(&search_path()).next();
    if first.is_some_and(|first| is_shim(&first)) {
        return "It comes first on PATH.\n".into();
    }
    if cfg!(windows) {
        return format!("Put {folder} in front of your PATH, then open a new terminal.\n");
    }
    format!(
        "To use it, add this line to your shell's profile (~/.profile, ~/.bashrc or ~/.zshrc) and open a new \
         terminal:\n\n    export PATH=\"{folder}:$PATH\"\n"
    )
}

fn system(path: &Path) -> impl FnOnce(io::Error) -> ShimError {
    let path = path.to_owned();
    move |error| ShimError::System(path, error)
}

impl Display for ShimError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUsualPlace(error) => {
                write!(f, "there is no place for the shim: {}; name one with --directory", Told(error))
            }
            Self::Place(error) => write!(f, "there is no place for the shim: {}", Told(error)),
            Self::NoAz(none) => Display::fmt(none, f),
            Self::NotAz(path) => write!(f, "{} is no az that could be started", path.display()),
            Self::InTheWay(path) => {
                write!(f, "{} is another program; nothing was changed", path.display())
            }
            Self::NotInstalled(path) => write!(f, "there is no shim at {}", path.display()),
            Self::System(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}
