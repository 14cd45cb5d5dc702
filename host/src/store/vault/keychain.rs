//! Keys in the user's default Keychain of macOS. It must never ask the user: a would-be question is a refusal.

use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};

use security_framework::base::Error;
use security_framework::os::macos::keychain::SecKeychain;

use super::{APPLICATION, Refusal, Vault, VaultKey};

/// Of `SecBase.h`.
const ITEM_NOT_FOUND: i32 = -25300;
const INTERACTION_NOT_ALLOWED: i32 = -25308;
const INTERACTION_REQUIRED: i32 = -25315;

/// The switch that forbids questions is the process's: the end of one use must not switch it back under another.
static QUIET: Mutex<()> = Mutex::new(());

/// The default Keychain.
#[derive(Debug)]
pub struct Keychain;

impl Vault for Keychain {
    fn find(&self, id: &str) -> Result<Option<VaultKey>, Refusal> {
        let found = quietly(|keychain| {
            keychain
                .find_generic_password(APPLICATION, id)
                .map(|(password, _item)| VaultKey::from_bytes(&password))
        });
        match found {
            Err(error) if error.code() == ITEM_NOT_FOUND => Ok(None),
            found => found.map_err(refusal),
        }
    }

    fn keep(&self, id: &str, key: &VaultKey) -> Result<(), Refusal> {
        quietly(|keychain| keychain.add_generic_password(APPLICATION, id, key.as_bytes())).map_err(refusal)
    }
}

fn quietly<T>(use_it: impl FnOnce(&SecKeychain) -> Result<T, Error>) -> Result<T, Error> {
    let _alone = QUIET.lock().unwrap_or_else(PoisonError::into_inner);
    let _quiet = SecKeychain::disable_user_interaction()?;
    use_it(&SecKeychain::default()?)
}

fn refusal(error: Error) -> Refusal {
    match error.code() {
        INTERACTION_NOT_ALLOWED | INTERACTION_REQUIRED => Refusal::Locked,
        _ => Refusal::Refused(ErrorKind::Other),
    }
}
