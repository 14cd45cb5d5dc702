//! Keys as files in `$XDG_RUNTIME_DIR`: in memory, gone with the user's last session, readable by the user alone.

use zeroize::Zeroizing;

use super::{APPLICATION, KEY_BOUND, Refusal, Surroundings, Vault, VaultKey};
use crate::store::error::Flaw;
use crate::store::folder::{Folder, ReadError};
use crate::store::place::runtime_folder;

/// The runtime folder, checked.
#[derive(Debug)]
pub struct KeyFile(Folder);

impl KeyFile {
    pub fn reach(surroundings: &Surroundings) -> Result<Self, Refusal> {
        let path = runtime_folder(&surroundings.environment).ok_or(Refusal::NoRuntimeFolder)?;
        let folder = Folder::open(&path).map_err(Refusal::Flawed)?.ok_or(Refusal::NoRuntimeFolder)?;
        if !folder.is_in_memory() {
            return Err(Refusal::RuntimeFolderOnDisk);
        }
        Ok(Self(folder))
    }
}

impl Vault for KeyFile {
    fn find(&self, id: &str) -> Result<Option<VaultKey>, Refusal> {
        let Some(folder) = self.0.child(APPLICATION).map_err(Refusal::Flawed)? else {
            return Ok(None);
        };
        match folder.read(id, KEY_BOUND) {
            Ok(bytes) => {
                let bytes = Zeroizing::new(bytes);
                VaultKey::from_bytes(&bytes).map(Some).ok_or(Refusal::Flawed(Flaw::Malformed))
            }
            Err(ReadError::Missing) => Ok(None),
            Err(ReadError::Flawed(flaw)) => Err(Refusal::Flawed(flaw)),
        }
    }

    fn keep(&self, id: &str, key: &VaultKey) -> Result<(), Refusal> {
        let folder = self.0.make_child(APPLICATION).map_err(|error| Refusal::Refused(error.kind()))?;
        let folder = folder.map_err(Refusal::Flawed)?;
        folder.replace(id, key.as_bytes(), None).map_err(|error| Refusal::Refused(error.kind()))
    }
}
