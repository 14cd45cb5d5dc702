//! The store that this program shares with every other process of the user.

use std::ffi::OsString;

use azure_token_cache_host::store::{Store, StoreError, StoreOptions, VaultChoice, VaultKind};

use crate::surroundings::{given_folder, store_environment};

/// The store's name where nobody gives another.
const NAME: &str = "default";

/// Opens it. `AZURE_TOKEN_CACHE_VAULT` names a vault to use instead of the first that works.
pub fn open() -> Result<Store, StoreError> {
    Store::open(&StoreOptions {
        directory: given_folder(),
        name: NAME.into(),
        vault: vault(std::env::var_os("AZURE_TOKEN_CACHE_VAULT")),
        unsafe_allow_unencrypted: false,
        environment: store_environment(),
    })
}

/// A name that is none is as no name: a typing error must not cost an answer.
fn vault(name: Option<OsString>) -> VaultChoice {
    let kind = name.and_then(|name| VaultKind::from_name(name.to_str()?));
    kind.map_or(VaultChoice::Auto, VaultChoice::Only)
}
