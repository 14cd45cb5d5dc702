//! The store that this program shares with every other process of the user.

use std::ffi::OsString;

use azure_token_cache_host::store::{Flaw, Store, StoreError, StoreOptions, VaultChoice, VaultKind};

use crate::surroundings::{given_folder, store_environment};

/// The store's name where nobody gives another.
const NAME: &str = "default";
/// The variable that names a vault.
const VAULT: &str = "AZURE_TOKEN_CACHE_VAULT";

/// Opens it. `AZURE_TOKEN_CACHE_VAULT` names a vault to use instead of the first that works.
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
        vault: vault(std::env::var_os(VAULT)),
        unsafe_allow_unencrypted: false,
        environment: store_environment(),
    }
}

/// What is wrong with a store that cannot be used, and what whoever typed a command can do about it.
pub fn complaint(error: &StoreError) -> String {
    let advice = match error {
        StoreError::NoVault(_) if vault(std::env::var_os(VAULT)) != VaultChoice::Auto => {
            ". AZURE_TOKEN_CACHE_VAULT names the one that was asked: without it all of this system's are"
        }
        StoreError::Folder { flaw: Flaw::TooOpen(_), .. } => {
            "; take the permissions from others (chmod 700), or name another state folder with \
             AZURE_TOKEN_CACHE_DIRECTORY"
        }
        StoreError::Folder { .. } | StoreError::MemoryOnly(_) => {
            "; AZURE_TOKEN_CACHE_DIRECTORY names another state folder"
        }
        _ => "",
    };
    format!("{error}{advice}")
}

/// A name that is none is as no name: a typing error must not cost an answer.
fn vault(name: Option<OsString>) -> VaultChoice {
    let kind = name.and_then(|name| VaultKind::from_name(name.to_str()?));
    kind.map_or(VaultChoice::Auto, VaultChoice::Only)
}
