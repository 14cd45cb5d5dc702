//! What is wrong with the store, with what a user of the command can do about it: not all that a program could.

use std::fmt::{self, Display, Formatter};

use azure_token_cache_host::store::StoreError;

use crate::open_store::named_vault;

/// Says an error so.
pub struct Told<'a>(pub &'a StoreError);

impl Display for Told<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self.0, f)?;
        f.write_str(match self.0 {
            StoreError::NoVault(_) if named_vault().is_some() => {
                ". AZURE_TOKEN_CACHE_VAULT names the one that was asked: without it all of this system's are"
            }
            StoreError::NoVault(_) => ", or name another one with AZURE_TOKEN_CACHE_VAULT",
            StoreError::Folder { .. } | StoreError::MemoryOnly(_) => {
                "; AZURE_TOKEN_CACHE_DIRECTORY names another state folder"
            }
            _ => "",
        })
    }
}
