//! The shim's own files, in the state folder: judged as the store's are, since one of them names a program to start.

use azure_token_cache_host::store::{PrivateFolder, StoreError};

use crate::surroundings::our_folder;

const FOLDER: &str = "shim";

/// The folder; `None` where there is none, and where others could have put something into it.
pub fn existing() -> Option<PrivateFolder> {
    PrivateFolder::open(&our_folder().ok()?, FOLDER).ok()?
}

/// The folder, made if there is none.
pub fn made() -> Result<PrivateFolder, StoreError> {
    PrivateFolder::make(&our_folder()?, FOLDER)
}
