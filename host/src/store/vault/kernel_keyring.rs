//! Keys in the persistent keyring of the Linux kernel: out of reach of other users, in no file, gone at the next start.

use std::io::{self, ErrorKind};

use linux_keyutils::{Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
use zeroize::Zeroizing;

use super::{APPLICATION, KEY_BOUND, Refusal, Vault, VaultKey};

/// The user's persistent keyring, linked into this thread's own, which is what makes its keys readable.
///
/// Not the session's: nothing may be left there. Not the process's: a thread that runs already would not see it.
#[derive(Debug)]
pub struct KernelKeyring(KeyRing);

impl KernelKeyring {
    pub fn reach() -> Result<Self, Refusal> {
        KeyRing::get_persistent(KeyRingIdentifier::Thread).map(Self).map_err(refusal)
    }
}

impl Vault for KernelKeyring {
    fn find(&self, id: &str) -> Result<Option<VaultKey>, Refusal> {
        let key = match self.0.search(&description(id)) {
            Ok(key) => key,
            Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => return Ok(None),
            Err(error) => return Err(refusal(error)),
        };
        let mut bytes = Zeroizing::new([0; KEY_BOUND]);
        let length = key.read(&mut *bytes).map_err(refusal)?;
        Ok(bytes.get(..length).and_then(VaultKey::from_bytes))
    }

    fn keep(&self, id: &str, key: &VaultKey) -> Result<(), Refusal> {
        let kept = self.0.add_key(&description(id), key.as_bytes()).map_err(refusal)?;
        restrict(kept).map_err(refusal)
    }
}

/// Whoever holds the keyring may do all, the rest of the user's processes may see that there is a key.
fn restrict(key: Key) -> Result<(), KeyError> {
    let permissions =
        KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(Permission::VIEW).build();
    key.set_perms(permissions)
}

fn description(id: &str) -> String {
    format!("{APPLICATION}:{id}")
}

fn refusal(error: KeyError) -> Refusal {
    Refusal::Refused(match error {
        KeyError::AccessDenied | KeyError::PermissionDenied => ErrorKind::PermissionDenied,
        KeyError::OperationNotSupported => ErrorKind::Unsupported,
        KeyError::QuotaExceeded => ErrorKind::QuotaExceeded,
        KeyError::KeyDoesNotExist | KeyError::KeyringDoesNotExist => ErrorKind::NotFound,
        KeyError::OutOfMemory => ErrorKind::OutOfMemory,
        KeyError::Unknown(number) => io::Error::from_raw_os_error(number).kind(),
        _ => ErrorKind::Other,
    })
}
