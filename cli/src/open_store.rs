//! The store that this program shares with every other process of the user.

use std::ffi::OsStr;

use azure_token_cache_host::store::{Store, StoreError, StoreOptions, VaultChoice, VaultKind};

use crate::surroundings::{given_folder, store_environment};

/// The store's name where nobody gives another.
const NAME: &str = "default";
/// Names a vault to use instead of the first that works.
const VAULT: &str = "AZURE_TOKEN_CACHE_VAULT";

/// Opens it.
pub fn open() -> Result<Store, StoreError> {
    Store::open(&options())
}

/// Deletes every entry, also where no vault gives the key; how many went.
pub fn clear() -> Result<usize, StoreError> {
    Store::clear_folder(&options())
}

fn options() -> StoreOptions {
    StoreOptions {
        directory: given_folder(),
        name: NAME.into(),
        vault: named_vault().map_or(VaultChoice::Auto, VaultChoice::Only),
        unsafe_allow_unencrypted: false,
        environment: store_environment(),
    }
}

/// The vault that the variable names, if it names one: a typing error must not cost an answer.
pub fn named_vault() -> Option<VaultKind> {
    kind(&std::env::var_os(VAULT)?)
}

/// What to tell a user who names a vault that is none. The shim goes on in silence: a typing error must not cost an answer.
pub fn unknown_vault() -> Option<String> {
    let name = std::env::var_os(VAULT).filter(|name| !name.is_empty() && kind(name).is_none())?;
    let names: Vec<&str> = VaultKind::ALL.into_iter().map(VaultKind::name).collect();
    Some(format!(
        "'{}' is no vault, and the first that works is used; {VAULT} takes {}",
        name.display(),
        names.join(", ")
    ))
}

fn kind(name: &OsStr) -> Option<VaultKind> {
    VaultKind::from_name(name.to_str()?)
}
