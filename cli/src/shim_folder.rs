//! The shim's own files, in the state folder: judged as the store's are, since one of them names a program to start.

use azure_token_cache_host::store::{PrivateFolder, StoreError};

use crate::surroundings::our_folder;

const FOLDER: &str = "shim";

/// The folder; `None` where there is none. Fails where others could have put something into it, which counts as none too for
/// whoever wants what is in it.
pub fn find() -> Result<Option<PrivateFolder>, StoreError> {
    PrivateFolder::open(&our_folder()?, FOLDER)
}

/// The folder, made if there is none.
pub fn made() -> Result<PrivateFolder, StoreError> {
    PrivateFolder::make(&our_folder()?, FOLDER)
}
