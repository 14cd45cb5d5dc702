//! Keys of a test's store in the kernel's keyring, which the test's end does not delete.

use std::fs;
use std::path::Path;

use linux_keyutils::{Key, KeyRing, KeyRingIdentifier};

/// The key that the record in the folder of a store names in this place, in this user's persistent keyring.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn kernel_key(folder: &Path, place: usize) -> Key {
    let record = fs::read_to_string(folder.join("keys/default.json")).unwrap();
    let id = record.split("\"id\":\"").nth(place + 1).unwrap().split_once('"').unwrap().0.to_owned();
    let keyring = KeyRing::get_persistent(KeyRingIdentifier::Thread).unwrap();
    keyring.search(&format!("azure-token-cache:{id}")).unwrap()
}
