//! What is wrong with the store, with what a user of the command can do about it: not all that a program could.

use std::fmt::{self, Display, Formatter};

use azure_token_cache_host::store::{Flaw, Refusal, StoreError, VaultKind};

/// Says an error so.
pub struct Told<'a>(pub &'a StoreError);

impl Display for Told<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            error @ StoreError::Folder { path, flaw: Flaw::TooOpen(_) } => {
                write!(f, "{error}. Close it: chmod 700 '{}'", path.display())
            }
            StoreError::NoVault(refusals) => no_vault(refusals, f),
            error => Display::fmt(error, f),
        }
    }
}

fn no_vault(refusals: &[(VaultKind, Refusal)], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("no vault takes the key that tokens are sealed with")?;
    for (index, (kind, refusal)) in refusals.iter().enumerate() {
        write!(f, "{} {kind}: {refusal}", if index == 0 { ";" } else { "," })?;
    }
    f.write_str(". Make one of them available, or name another one with AZURE_TOKEN_CACHE_VAULT")
}
