//! What az would find around it: its environment, its working folder, and the folders that follow from them.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{MAIN_SEPARATOR_STR, Path, PathBuf};

use azure_token_cache_core::az::account::AccountEnvironment;
use azure_token_cache_host::store::{Environment, StoreError, state_folder};

/// Turns everything of ours off where it is `off`.
const SWITCH: &str = "AZURE_TOKEN_CACHE";
/// Set for whatever a shim starts: a shim that sees it starts the real az.
pub const BYPASS: &str = "AZURE_TOKEN_CACHE_BYPASS";

/// The environment of this process, which is az's too, and its working folder.
pub struct Surroundings {
    /// Where az starts: relative paths in its environment count from it.
    pub folder: PathBuf,
    /// `AZURE_CONFIG_DIR`, else `.azure` in the home folder; absolute.
    pub config_folder: PathBuf,
    variables: AccountVariables,
}

struct AccountVariables {
    azure_cloud_name: Option<String>,
    acc_cloud: Option<String>,
    copilot_agent_session_id: Option<String>,
    arm_cloud_metadata_url: Option<String>,
}

impl Surroundings {
    /// Those of this process. Fails where nobody can say which files az would use.
    pub fn of_process() -> io::Result<Self> {
        let config_folder = config_folder()?;
        let folder = working_folder(&config_folder)?;
        let config_folder = folder.join(config_folder);
        Ok(Self { folder, config_folder, variables: AccountVariables::of_process()? })
    }

    /// The variables that decide who az is.
    pub fn account_environment(&self) -> AccountEnvironment<'_> {
        let AccountVariables {
            azure_cloud_name,
            acc_cloud,
            copilot_agent_session_id,
            arm_cloud_metadata_url,
        } = &self.variables;
        AccountEnvironment {
            azure_cloud_name: azure_cloud_name.as_deref(),
            acc_cloud: acc_cloud.as_deref(),
            copilot_agent_session_id: copilot_agent_session_id.as_deref(),
            arm_cloud_metadata_url: arm_cloud_metadata_url.as_deref(),
        }
    }
}

impl AccountVariables {
    fn of_process() -> io::Result<Self> {
        Ok(Self {
            azure_cloud_name: text("AZURE_CLOUD_NAME")?,
            acc_cloud: text("ACC_CLOUD")?,
            copilot_agent_session_id: text("COPILOT_AGENT_SESSION_ID")?,
            arm_cloud_metadata_url: text("ARM_CLOUD_METADATA_URL")?,
        })
    }
}

/// Whether the user turned the cache off, or a shim has started us.
pub fn is_bypassed() -> bool {
    is_off() || std::env::var_os(BYPASS).is_some_and(|value| !value.is_empty())
}

/// Whether the user turned the cache off.
pub fn is_off() -> bool {
    std::env::var_os(SWITCH).is_some_and(|value| value.eq_ignore_ascii_case("off"))
}

/// What the store sees of the environment.
pub fn store_environment() -> Environment {
    std::env::vars_os().collect()
}

/// The state folder of ours, whether or not it is there; fails where nothing of ours may be kept.
pub fn our_folder() -> Result<PathBuf, StoreError> {
    state_folder(given_folder().as_deref(), &store_environment())
}

/// The folder named by `AZURE_TOKEN_CACHE_DIRECTORY`, in the system's own folder's place.
pub fn given_folder() -> Option<PathBuf> {
    std::env::var_os("AZURE_TOKEN_CACHE_DIRECTORY").filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn text(name: &str) -> io::Result<Option<String>> {
    let not_text = |_| io::Error::new(ErrorKind::InvalidData, format!("{name} is not UTF-8"));
    std::env::var_os(name).map(|value| value.into_string().map_err(not_text)).transpose()
}

/// One that is gone matters only where paths count from it.
fn working_folder(config_folder: &Path) -> io::Result<PathBuf> {
    match std::env::current_dir() {
        Err(_) if config_folder.is_absolute() => Ok(MAIN_SEPARATOR_STR.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = "the working folder is gone: change to another one, or make AZURE_CONFIG_DIR absolute";
            Err(io::Error::new(ErrorKind::NotFound, text))
        }
        found => found,
    }
}

/// As az finds it. With an empty `AZURE_CONFIG_DIR` it has its profile in one folder and its settings in another.
fn config_folder() -> io::Result<PathBuf> {
    match std::env::var_os("AZURE_CONFIG_DIR") {
        Some(folder) if folder.is_empty() => {
            Err(io::Error::new(ErrorKind::InvalidInput, "AZURE_CONFIG_DIR is empty"))
        }
        Some(folder) => Ok(folder.into()),
        None => Ok(Path::new(&expanded_home()).join(".azure")),
    }
}

/// What Python's `os.path.expanduser("~")` says: an empty HOME is the root, an absent one is looked up.
#[cfg(unix)]
fn expanded_home() -> OsString {
    match std::env::home_dir() {
        Some(home) if home.as_os_str().is_empty() => "/".into(),
        Some(home) => home.into(),
        None => "~".into(),
    }
}

/// What Python's `os.path.expanduser("~")` says.
#[cfg(not(unix))]
fn expanded_home() -> OsString {
    let variable = |name: &str| std::env::var_os(name);
    variable("USERPROFILE")
        .or_else(|| {
            let path = variable("HOMEPATH")?;
            Some(Path::new(&variable("HOMEDRIVE").unwrap_or_default()).join(path).into())
        })
        .unwrap_or_else(|| "~".into())
}

/// The value of PATH.
pub fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| OsStr::new(DEFAULT_PATH).to_owned())
}

/// Where shells look that are given no PATH.
const DEFAULT_PATH: &str = if cfg!(unix) { "/usr/local/bin:/usr/bin:/bin" } else { "" };
