//! Which vault keeps the store's key: written by whoever makes a key, read by all who come after.
//!
//! `<state folder>/store/keys/<name>.json` holds `{"version":1,"keys":[{"vault":"kernel-keyring","id":"<32 hex digits>"}]}`, the
//! oldest first. A process takes the first key that it can reach; one that can reach none adds its own. Ids are public.

use std::io;

use serde::{Deserialize, Serialize};

use super::error::Flaw;
use super::folder::{Folder, ReadError};
use super::sealed::is_id;
use super::vault::VaultKind;

/// Keys that nobody can reach any more, as after each start of the machine, push each other out.
const MOST: usize = 8;
const BOUND: usize = 16 << 10;
const VERSION: u32 = 1;

/// Where one key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whereabouts {
    pub vault: VaultKind,
    pub id: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    keys: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    vault: String,
    id: String,
}

/// The keys of the store with this name, the oldest first. What cannot be understood counts as absent.
pub(super) fn read(folder: &Folder, name: &str) -> Result<Vec<Whereabouts>, Flaw> {
    match folder.read(&file(name), BOUND) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(ReadError::Missing) => Ok(Vec::new()),
        Err(ReadError::Flawed(flaw)) => Err(flaw),
    }
}

/// Adds a key behind the others.
pub(super) fn add(
    folder: &Folder,
    name: &str,
    mut keys: Vec<Whereabouts>,
    new: Whereabouts,
) -> io::Result<()> {
    keys.push(new);
    let forgotten = keys.len().saturating_sub(MOST);
    let lines = keys.into_iter().skip(forgotten);
    let keys = lines.map(|key| Line { vault: key.vault.name().to_owned(), id: key.id }).collect();
    folder.replace(&file(name), &serde_json::to_vec(&File { version: VERSION, keys })?, None)
}

fn file(name: &str) -> String {
    format!("{name}.json")
}

fn parse(bytes: &[u8]) -> Vec<Whereabouts> {
    let Ok(File { version: VERSION, keys }) = serde_json::from_slice(bytes) else {
        return Vec::new();
    };
    let known = keys.into_iter().filter(|line| is_id(&line.id));
    known
        .filter_map(|line| Some(Whereabouts { vault: VaultKind::from_name(&line.vault)?, id: line.id }))
        .collect()
}
