//! Keys as files in `$XDG_RUNTIME_DIR`: in memory, gone with the user's last session, readable by the user alone.

use super::{Refusal, Surroundings, Vault, VaultKey};
use crate::store::error::Flaw;
use crate::store::folder::{Folder, ReadError};

/// The folder of ours.
const FOLDER: &str = "azure-token-cache";
/// The most that is read: one byte more than a key, so that a longer file is not taken for one.
const BOUND: usize = 33;

/// The runtime folder, checked.
#[derive(Debug)]
pub struct KeyFile(Folder);

impl KeyFile {
    pub fn reach(surroundings: &Surroundings) -> Result<Self, Refusal> {
        let path = surroundings.runtime_folder.as_deref().ok_or(Refusal::NoRuntimeFolder)?;
        let folder = Folder::open(path).map_err(Refusal::Flawed)?.ok_or(Refusal::NoRuntimeFolder)?;
        if !folder.is_in_memory() {
            return Err(Refusal::RuntimeFolderOnDisk);
        }
        Ok(Self(folder))
    }
}

impl Vault for KeyFile {
    fn find(&self, id: &str) -> Result<Option<VaultKey>, Refusal> {
        let Some(folder) = self.0.child(FOLDER).map_err(Refusal::Flawed)? else {
            return Ok(None);
        };
        match folder.read(id, BOUND) {
            Ok(bytes) => {
                let bytes = zeroize::Zeroizing::new(bytes);
                VaultKey::from_bytes(&bytes).map(Some).ok_or(Refusal::Flawed(Flaw::Malformed))
            }
            Err(ReadError::Missing) => Ok(None),
            Err(ReadError::Flawed(flaw)) => Err(Refusal::Flawed(flaw)),
        }
    }

    fn keep(&self, id: &str, key: &VaultKey) -> Result<(), Refusal> {
        let folder = self.0.make_child(FOLDER).map_err(|error| Refusal::Refused(error.kind()))?;
        let folder = folder.map_err(Refusal::Flawed)?;
        folder.replace(id, key.as_bytes(), None).map_err(|error| Refusal::Refused(error.kind()))
    }
}
