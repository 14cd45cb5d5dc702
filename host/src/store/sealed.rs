//! The format: how an entry is named, and how its record becomes bytes that only the key opens.
//!
//! Written for whoever implements it again; `host/tests/sealed-vectors/sealed.json` holds worked examples.
//!
//! **Keys.** A vault keeps one key of 32 random bytes. HKDF-SHA-256 (RFC 5869) with that key as its input, no salt, and one of
//! three infos in ASCII gives
//!
//! | info | bytes | what for |
//! |---|---|---|
//! | `azure-token-cache/1 sealing` | 32 | the key of AES-256-GCM |
//! | `azure-token-cache/1 naming` | 32 | the key of HMAC-SHA-256 over entry keys |
//! | `azure-token-cache/1 key id` | 16 | the key's id, public: in lower-case hex the name of the folder that its files lie in |
//!
//! **Entry key.** The parts of [`EntryKey`], each as four bytes of length, the highest first, and then its bytes.
//!
//! **Name.** HMAC-SHA-256 of the entry key under the naming key, in 64 lower-case hex digits. The mark of a failed fetch has
//! the name with `.failure` behind it.
//!
//! **Bytes of a file.**
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `AZTC` in ASCII |
//! | 4 | 1 | the version, 1 |
//! | 5 | 1 | the cipher: 1 is AES-256-GCM, 0 is none (for stores that were asked to be unencrypted, and refused by all others) |
//! | 6 | 12 | the nonce, random |
//! | 18 | n | the sealed text |
//! | 18 + n | 16 | the tag of AES-256-GCM |
//!
//! The associated data is the first six bytes and then the name in ASCII, suffix included. The name is a commitment to the entry
//! key, so a file under another name does not open; and who lists a folder has the name and not the entry key.
//! With cipher 0 the text follows at offset 6.
//!
//! **Text.** Four bytes, the highest first: the length of the entry key. The entry key. The record as JSON in UTF-8, to the end
//! (see [`Record`](super::Record)). A reader that asked for an entry compares its key with this one.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Flaw;
use super::entry_key::EntryKey;
use super::vault::VaultKey;

const MAGIC: [u8; 4] = *b"AZTC";
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const AES_256_GCM: u8 = 1;
const HEADER: usize = 6;
const NONCE: usize = 12;
const TAG: usize = 16;
/// The folder of files that are not sealed.
const PLAIN_ID: &str = "plain";
const FAILURE: &str = ".failure";

/// What one vault key gives: a cipher, the names of entries, and its public id.
#[derive(Clone)]
pub(super) struct Keys {
    cipher: Option<Aes256Gcm>,
    naming: Hmac<Sha256>,
    id: String,
}

/// What an entry is called outside: nothing of it can be told from the name.
pub(super) struct Name {
    digest: [u8; 32],
    token: String,
}

/// A file's content, opened.
pub(super) struct Opened {
    pub key: EntryKey,
    text: Zeroizing<Vec<u8>>,
    json_at: usize,
}

impl Keys {
    pub fn sealing_with(key: &VaultKey) -> Self {
        let mut sealing = Zeroizing::new([0; 32]);
        derive(key, "azure-token-cache/1 sealing", sealing.as_mut_slice());
        Self { cipher: Some(Aes256Gcm::new((&*sealing).into())), naming: naming(key), id: id_of(key) }
    }

    /// Names of their own, and nothing sealed.
    pub fn unencrypted() -> Self {
        Self { cipher: None, naming: naming(&VaultKey::public()), id: PLAIN_ID.into() }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn name(&self, key: &EntryKey) -> Name {
        let digest = self.naming.clone().chain_update(key.as_bytes()).finalize().into_bytes().into();
        Name { digest, token: hex(&digest) }
    }

    /// The bytes of the file `name` that holds `json` for `key`.
    ///
    /// `None` without random numbers, and for more bytes than a file has.
    pub fn seal(&self, name: &str, key: &EntryKey, json: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        self.seal_with(nonce, name, key, json)
    }

    fn seal_with(&self, nonce: [u8; NONCE], name: &str, key: &EntryKey, json: &[u8]) -> Option<Vec<u8>> {
        let key = key.as_bytes();
        let key_length = u32::try_from(key.len()).ok()?;
        let mut bytes = Vec::with_capacity(HEADER + NONCE + 4 + key.len() + json.len() + TAG);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.push(if self.cipher.is_some() { AES_256_GCM } else { PLAIN });
        let associated = associated_data(&bytes, name);
        if self.cipher.is_some() {
            bytes.extend_from_slice(&nonce);
        }
        let text_at = bytes.len();
        bytes.extend_from_slice(&key_length.to_be_bytes());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(json);
        if let Some(cipher) = &self.cipher {
            let text = bytes.split_at_mut(text_at).1;
            let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), &associated, text.into()).ok()?;
            bytes.extend_from_slice(&tag);
        }
        Some(bytes)
    }

    /// What the file `name` with these bytes holds.
    pub fn open(&self, name: &str, bytes: Vec<u8>) -> Result<Opened, Flaw> {
        let mut bytes = Zeroizing::new(bytes);
        let (header, body) = bytes.split_at_mut_checked(HEADER).ok_or(Flaw::Unopenable)?;
        let cipher = if self.cipher.is_some() { AES_256_GCM } else { PLAIN };
        if *header != [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], VERSION, cipher] {
            return Err(Flaw::Unopenable);
        }
        let associated = associated_data(header, name);
        let (text_at, length) = match &self.cipher {
            None => (HEADER, body.len()),
            Some(cipher) => (HEADER + NONCE, decipher(cipher, &associated, body).ok_or(Flaw::Unopenable)?),
        };
        bytes.truncate(text_at + length);
        Opened::new(bytes, text_at).ok_or(Flaw::Malformed)
    }
}

impl Name {
    /// The file of the token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The file of the failed fetch.
    pub fn failure(&self) -> String {
        format!("{}{FAILURE}", self.token)
    }

    /// Where the entry's locks lie; two entries share a place once in 2^56 pairs.
    pub fn place(&self) -> u64 {
        let [first, second, third, fourth, fifth, sixth, seventh, ..] = self.digest;
        u64::from_be_bytes([0, first, second, third, fourth, fifth, sixth, seventh])
    }

    /// Whether a file's name is that of an entry's token, not that of a failed fetch or a temporary file.
    pub fn is_token(file: &str) -> bool {
        file.len() == 64 && file.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl Opened {
    fn new(text: Zeroizing<Vec<u8>>, at: usize) -> Option<Self> {
        let (length, rest) = text.get(at..)?.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let key = EntryKey::from_bytes(rest.get(..length)?)?;
        Some(Self { key, text, json_at: at + 4 + length })
    }

    pub fn json(&self) -> &[u8] {
        self.text.get(self.json_at..).unwrap_or_default()
    }
}

/// A key's public id.
pub(super) fn id_of(key: &VaultKey) -> String {
    let mut id = [0; 16];
    derive(key, "azure-token-cache/1 key id", &mut id);
    hex(&id)
}

/// Whether this could be the id of a key: ids become names of files.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a folder of this name holds a key's files.
pub(super) fn is_folder(name: &str) -> bool {
    name == PLAIN_ID || is_id(name)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble))).collect()
}

fn naming(key: &VaultKey) -> Hmac<Sha256> {
    // HMAC takes a whole block, and pads a shorter key with zeros.
    let mut block = Zeroizing::new([0; 64]);
    derive(key, "azure-token-cache/1 naming", block.split_at_mut(32).0);
    Hmac::new((&*block).into())
}

fn derive(key: &VaultKey, info: &str, out: &mut [u8]) {
    // It refuses outputs over 8,160 bytes only.
    let _ = Hkdf::<Sha256>::new(None, key.as_bytes()).expand(info.as_bytes(), out);
}

fn associated_data(header: &[u8], name: &str) -> Vec<u8> {
    [header, name.as_bytes()].concat()
}

/// Opens nonce, text and tag in place; how long the text is that now stands behind the nonce.
fn decipher(cipher: &Aes256Gcm, associated: &[u8], body: &mut [u8]) -> Option<usize> {
    let (nonce, rest) = body.split_first_chunk_mut::<NONCE>()?;
    let (text, tag) = rest.split_last_chunk_mut::<TAG>()?;
    cipher
        .decrypt_inout_detached(&Nonce::from(*nonce), associated, (&mut *text).into(), &Tag::from(*tag))
        .ok()?;
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::store::Record;

    /// Made by another implementation: the one of JavaScript, `host/tests/sealed-vectors/make.mjs`.
    const VECTORS: &str = include_str!("../../tests/sealed-vectors/sealed.json");

    #[derive(Deserialize)]
    struct Vector {
        vault_key: String,
        key_id: String,
        parts: Vec<String>,
        entry_key: String,
        file: String,
        nonce: String,
        json: String,
        bytes: String,
    }

    #[test]
    fn the_bytes_are_those_of_the_other_implementation() {
        let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
        assert!(vectors.len() >= 4);
        for vector in vectors {
            let vault_key = VaultKey::from_bytes(&bytes(&vector.vault_key)).unwrap();
            let keys = Keys::sealing_with(&vault_key);
            let parts: Vec<_> = vector.parts.iter().map(|part| bytes(part)).collect();
            let key = EntryKey::from_parts(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert_eq!(keys.id(), vector.key_id);
            assert_eq!(id_of(&vault_key), vector.key_id);
            assert_eq!(hex(key.as_bytes()), vector.entry_key);
            let name = keys.name(&key);
            assert!([name.token(), &name.failure()].contains(&vector.file.as_str()), "{}", vector.file);
            let nonce = bytes(&vector.nonce).try_into().unwrap();
            let sealed = keys.seal_with(nonce, &vector.file, &key, vector.json.as_bytes()).unwrap();
            assert_eq!(hex(&sealed), vector.bytes);
            let opened = keys.open(&vector.file, sealed).unwrap();
            assert_eq!(opened.key, key);
            assert_eq!(opened.json(), vector.json.as_bytes());
            let record = Record::from_json(opened.json()).unwrap();
            assert_eq!(*record.to_json().unwrap(), vector.json.as_bytes(), "every field is known");
        }
    }

    #[test]
    fn unsealed_bytes_and_sealed_ones_are_refused_by_each_other() {
        let sealing = Keys::sealing_with(&VaultKey::random().unwrap());
        let plain = Keys::unencrypted();
        let key = EntryKey::from_parts(&[b"a"]);
        let unsealed = plain.seal("file", &key, b"{}").unwrap();
        let sealed = sealing.seal("file", &key, b"{}").unwrap();
        assert_eq!(plain.open("file", unsealed.clone()).unwrap().json(), b"{}");
        assert_eq!(sealing.open("file", unsealed).err(), Some(Flaw::Unopenable));
        assert_eq!(plain.open("file", sealed).err(), Some(Flaw::Unopenable));
    }

    #[test]
    fn no_two_seals_share_a_nonce_and_no_two_keys_a_name() {
        let keys = Keys::sealing_with(&VaultKey::random().unwrap());
        let key = EntryKey::from_parts(&[b"a"]);
        let nonce = || keys.seal("file", &key, b"{}").unwrap()[HEADER..HEADER + NONCE].to_vec();
        assert_ne!(nonce(), nonce());
        let other = Keys::sealing_with(&VaultKey::random().unwrap());
        assert_ne!(keys.name(&key).token(), other.name(&key).token());
        assert_ne!(keys.id(), other.id());
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }
}
