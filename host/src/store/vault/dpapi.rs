//! Keys in files beside the key record, which Windows opens for the user that wrote them, and for nobody else.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::ptr;

use windows::Win32::Foundation::{HLOCAL, LocalFree};
use windows::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};
use windows::core::PCWSTR;
use zeroize::{Zeroize, Zeroizing};

use super::{Refusal, Surroundings, Vault, VaultKey};
use crate::store::error::Flaw;
use crate::store::folder::{Folder, ReadError};

/// A protected key has about 300 bytes.
const BOUND: usize = 4_096;

/// The folder that the files lie in.
#[derive(Debug)]
pub struct Dpapi(PathBuf);

impl Dpapi {
    pub fn reach(surroundings: &Surroundings) -> Self {
        Self(surroundings.keys_folder.clone())
    }
}

impl Vault for Dpapi {
    fn find(&self, id: &str) -> Result<Option<VaultKey>, Refusal> {
        let Some(folder) = Folder::open(&self.0).map_err(Refusal::Flawed)? else {
            return Ok(None);
        };
        match folder.read(&file(id), BOUND) {
            Ok(mut bytes) => {
                let key = convert(&mut bytes, Direction::Unprotect)?;
                VaultKey::from_bytes(&key).map(Some).ok_or(Refusal::Flawed(Flaw::Malformed))
            }
            Err(ReadError::Missing) => Ok(None),
            Err(ReadError::Flawed(flaw)) => Err(Refusal::Flawed(flaw)),
        }
    }

    fn keep(&self, id: &str, key: &VaultKey) -> Result<(), Refusal> {
        let folder = Folder::open(&self.0).map_err(Refusal::Flawed)?;
        let folder = folder.ok_or(Refusal::Refused(ErrorKind::NotFound))?;
        let mut bytes = Zeroizing::new(key.as_bytes().to_vec());
        let protected = convert(&mut bytes, Direction::Protect)?;
        folder.replace(&file(id), &protected, None).map_err(|error| Refusal::Refused(error.kind()))
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Protect,
    Unprotect,
}

fn file(id: &str) -> String {
    format!("{id}.dpapi")
}

/// Mutable because the interface says so: it does not write to its input.
fn convert(bytes: &mut [u8], direction: Direction) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let length = u32::try_from(bytes.len()).map_err(|_| Refusal::Flawed(Flaw::TooLarge))?;
    let input = CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_mut_ptr() };
    let mut output = CRYPT_INTEGER_BLOB::default();
    // SAFETY: both blobs outlive the call, and the input has as many bytes as it says.
    let converted = unsafe {
        match direction {
            Direction::Protect => CryptProtectData(
                &raw const input,
                PCWSTR::null(),
                None,
                None,
                None,
                CRYPTPROTECT_UI_FORBIDDEN,
                &raw mut output,
            ),
            Direction::Unprotect => CryptUnprotectData(
                &raw const input,
                None,
                None,
                None,
                None,
                CRYPTPROTECT_UI_FORBIDDEN,
                &raw mut output,
            ),
        }
    };
    converted.map_err(|error| Refusal::Refused(std::io::Error::from(error).kind()))?;
    Ok(take(&output))
}

/// Copies what the system allocated, overwrites it and gives it back.
fn take(output: &CRYPT_INTEGER_BLOB) -> Zeroizing<Vec<u8>> {
    if output.pbData.is_null() {
        return Zeroizing::default();
    }
    let length = usize::try_from(output.cbData).unwrap_or(0);
    // SAFETY: the call before succeeded, so that these bytes are there, and nobody else's.
    let bytes = unsafe { std::slice::from_raw_parts_mut(output.pbData, length) };
    let copy = Zeroizing::new(bytes.to_vec());
    bytes.zeroize();
    // SAFETY: it is freed once, and not used after.
    unsafe {
        LocalFree(Some(HLOCAL(ptr::from_mut(bytes).cast())));
    }
    copy
}
