//! Keys of a test's store in the kernel's keyring, which the test's end does not delete.

use std::fs;
use std::path::Path;

use linux_keyutils::{Key, KeyRing, KeyRingIdentifier};

/// The key that the record in this state folder names in this place, in this user's persistent keyring.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn kernel_key(state_folder: &Path, place: usize) -> Key {
    let record = fs::read_to_string(state_folder.join("store/keys/default.json")).unwrap();
    let id = record.split("\"id\":\"").nth(place + 1).unwrap().split_once('"').unwrap().0.to_owned();
    let keyring = KeyRing::get_persistent(KeyRingIdentifier::Thread).unwrap();
    keyring.search(&format!("azure-token-cache:{id}")).unwrap()
}
