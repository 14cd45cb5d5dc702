//! Documents that several processes change at once, such as MSAL's cache: each in a sealed file of its own.
//!
//! They lie apart from the [`Store`](super::Store)'s tokens, which can be had again: whoever clears those signs nobody out,
//! and nothing here is swept while it may be of use.

use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::{Doing, Flaw, StoreError};
use super::folder::{Folder, ReadError};
use super::keyed_folder::KeyedFolder;
use super::lock::Range;
use super::merge::{Object, merge, parse};
use super::sealed::{Keys, Name, hex};
use super::{EntryKey, StoreOptions, flawed, make_child, sweep, system, take};
use crate::boot::BootMoment;

/// The folder of ours in the state folder.
const DOCUMENTS: &str = "documents";
/// A file that holds more, in bytes, is no document: a cache of ten thousand tokens has less.
const BOUND: usize = 64 << 20;
/// For how long a document is kept that nobody changes: longer than a refresh token lives that nobody uses.
const LIFE: Duration = Duration::from_secs(100 * 24 * 60 * 60);
/// How long to wait for a lock that is held while one document is read, merged and written: many may wait for it at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many bytes of its digest tell one version of a file from another.
const VERSION: usize = 16;

/// The documents of a user. Every method may be called from any thread; each blocks for as long as files take.
pub struct Documents {
    files: KeyedFolder,
}

/// What a look at a document found.
#[derive(Debug, PartialEq)]
pub enum Look {
    /// Nothing.
    Missing,
    /// The version that the caller knows.
    Unchanged,
    /// Another one.
    Found(Document),
    /// Something that could not be taken; it goes with the next change.
    Flawed(Flaw),
}

/// A document as it was when it was looked at.
#[derive(Debug, PartialEq)]
pub struct Document {
    /// Changes with every change.
    pub version: String,
    /// A JSON object.
    pub text: Zeroizing<String>,
}

impl Documents {
    /// Finds the folder and the key, and makes nothing yet. Fails where no key could be had or made.
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        Ok(Self { files: KeyedFolder::open(DOCUMENTS, options)? })
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.files.state_folder()
    }

    /// Looks at a document.
    pub fn load(&self, key: &EntryKey, known: &str) -> Result<Look, StoreError> {
        let Some((folder, keys)) = self.files.existing()? else {
            return Ok(Look::Missing);
        };
        match folder.child(keys.id()).map_err(flawed(&folder, keys.id()))? {
            None => Ok(Look::Missing),
            Some(files) => Ok(read(&files, keys, key, known)),
        }
    }

    /// Makes one of what is there and of a change: `ours` is what the caller made of `base`. The answer is what is there now.
    ///
    /// A change that is no JSON object is none. What is there and cannot be read tells nothing of what others did: it is as if
    /// they did nothing.
    pub fn merge(&self, key: &EntryKey, base: &str, ours: &str) -> Result<Document, StoreError> {
        let folder = self.files.make_folder()?;
        let keys = self.files.keys(&folder)?;
        let files = make_child(&folder, keys.id())?;
        let base = parse(base).unwrap_or_default();
        let ours = parse(ours).unwrap_or_else(|| base.clone());
        let held = take(&folder, Range::Save, PATIENCE, Doing::Write)?;
        let merged = match read(&files, keys, key, "") {
            Look::Flawed(_) => ours,
            Look::Found(theirs) => merge(&base, ours, parse(&theirs.text).unwrap_or_default()),
            Look::Missing | Look::Unchanged => merge(&base, ours, Object::default()),
        };
        let text = Zeroizing::new(serde_json::Value::Object(merged).to_string());
        let name = keys.name(key);
        let bytes = keys.seal(name.token(), key, text.as_bytes()).ok_or(StoreError::NotSealed)?;
        files.replace(name.token(), &bytes, Some(SystemTime::now() + LIFE)).map_err(system(Doing::Write))?;
        drop(held);
        forget_unencrypted(&folder, keys, key);
        sweep::sweep_documents(&folder);
        Ok(Document { version: version(&bytes), text })
    }

    /// Deletes a document under every key. Fails with [`StoreError::OutOfReach`] where it may be left under one that this
    /// process cannot have.
    pub fn remove(&self, key: &EntryKey) -> Result<(), StoreError> {
        let Some(folder) = self.files.existing_folder()? else {
            return Ok(());
        };
        let _held = take(&folder, Range::Save, PATIENCE, Doing::Delete)?;
        let every = self.files.every_key(&folder)?;
        for keys in &every.in_reach {
            remove_written_with(keys, &folder, key)?;
        }
        let boot = BootMoment::now().map(|moment| moment.boot);
        for (key, refusal) in every.out_of_reach {
            if !key.is_lost(boot.as_deref()) && holds_documents(&folder, &key.id)? {
                return Err(StoreError::OutOfReach {
                    path: folder.path().join(key.id),
                    vault: key.vault,
                    refusal,
                });
            }
        }
        Ok(())
    }
}

fn holds_documents(folder: &Folder, id: &str) -> Result<bool, StoreError> {
    let Some(files) = folder.child(id).map_err(flawed(folder, id))? else {
        return Ok(false);
    };
    let names = files.names(usize::MAX).map_err(system(Doing::List))?;
    Ok(names.iter().any(|name| Name::is_token(name)))
}

fn remove_written_with(keys: &Keys, folder: &Folder, key: &EntryKey) -> Result<(), StoreError> {
    if let Some(files) = folder.child(keys.id()).map_err(flawed(folder, keys.id()))? {
        files.remove(keys.name(key).token()).map_err(system(Doing::Delete))?;
    }
    Ok(())
}

fn read(files: &Folder, keys: &Keys, key: &EntryKey, known: &str) -> Look {
    let name = keys.name(key);
    let bytes = match files.read(name.token(), BOUND) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Look::Missing,
        Err(ReadError::Flawed(flaw)) => return Look::Flawed(flaw),
    };
    let version = version(&bytes);
    if version == known {
        return Look::Unchanged;
    }
    match opened(keys, name.token(), key, bytes) {
        Ok(text) => Look::Found(Document { version, text }),
        Err(flaw) => Look::Flawed(flaw),
    }
}

fn opened(keys: &Keys, name: &str, key: &EntryKey, bytes: Vec<u8>) -> Result<Zeroizing<String>, Flaw> {
    let opened = keys.open(name, bytes)?;
    if opened.key != *key {
        return Err(Flaw::Unopenable);
    }
    let text = std::str::from_utf8(opened.json()).map_err(|_| Flaw::Malformed)?;
    parse(text).map(|_| Zeroizing::new(text.to_owned())).ok_or(Flaw::Malformed)
}

/// Every change seals anew, with another nonce, or changes the text itself.
fn version(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).get(..VERSION).unwrap_or_default())
}

/// What was written before there was a vault must not outlive the first change that is sealed.
fn forget_unencrypted(folder: &Folder, in_use: &Keys, key: &EntryKey) {
    let plain = Keys::unencrypted();
    if plain.id() != in_use.id() {
        // Fails where the sealed file could not have been written either.
        let _ = remove_written_with(&plain, folder, key);
    }
}
