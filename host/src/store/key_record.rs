//! Which vault keeps the store's key: written by whoever makes a key, read by all who come after.
//!
//! `<state folder>/store/keys/<name>.json` holds `{"version":1,"keys":[{"vault":"kernel-keyring","id":"<32 hex digits>",
//! "boot":"<uuid>"}]}`, the oldest first; `boot` is there if the key does not outlive this start of the machine. A process takes
//! the first key that it can reach; one that can reach none adds its own. None of it is secret.

use std::io;

use serde::{Deserialize, Serialize};

use super::error::Flaw;
use super::folder::{Folder, ReadError};
use super::sealed::is_id;
use super::vault::VaultKind;

/// Keys that nobody can reach any more push each other out: each sandbox with a keyring of its own leaves one.
const MOST: usize = 8;
const BOUND: usize = 16 << 10;
const VERSION: u32 = 1;

/// Where one key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whereabouts {
    pub vault: VaultKind,
    pub id: String,
    /// The start of the machine that it will not outlive; `None`: it may.
    pub boot: Option<String>,
}

impl Whereabouts {
    /// Whether the key died with an earlier start of the machine than `boot`: nothing that it sealed opens any more.
    pub fn is_lost(&self, boot: Option<&str>) -> bool {
        boot.is_some() && self.boot.is_some() && self.boot.as_deref() != boot
    }
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
}

/// The keys of the store with this name, the oldest first. What cannot be understood counts as absent.
pub(super) fn read(folder: &Folder, name: &str) -> Result<Vec<Whereabouts>, Flaw> {
    match folder.read(&file(name), BOUND) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(ReadError::Missing) => Ok(Vec::new()),
        Err(ReadError::Flawed(flaw)) => Err(flaw),
    }
}

/// Adds a key behind the others, of which those go that died with an earlier start of the machine than `boot`.
pub(super) fn add(
    folder: &Folder,
    name: &str,
    keys: Vec<Whereabouts>,
    new: Whereabouts,
    boot: Option<&str>,
) -> io::Result<()> {
    let keys = with(keys, new, boot).into_iter();
    let keys =
        keys.map(|key| Line { vault: key.vault.name().to_owned(), id: key.id, boot: key.boot }).collect();
    folder.replace(&file(name), &serde_json::to_vec(&File { version: VERSION, keys })?, None)
}

/// The first stays where there are too many: it is the one that most processes use.
fn with(mut keys: Vec<Whereabouts>, new: Whereabouts, boot: Option<&str>) -> Vec<Whereabouts> {
    keys.retain(|key| !key.is_lost(boot));
    keys.push(new);
    while keys.len() > MOST {
        keys.remove(1);
    }
    keys
}

fn file(name: &str) -> String {
    format!("{name}.json")
}

fn parse(bytes: &[u8]) -> Vec<Whereabouts> {
    let Ok(File { version: VERSION, keys }) = serde_json::from_slice(bytes) else {
        return Vec::new();
    };
    keys.into_iter().filter(|line| is_id(&line.id)).filter_map(Line::whereabouts).collect()
}

impl Line {
    fn whereabouts(self) -> Option<Whereabouts> {
        let vault = VaultKind::from_name(&self.vault)?;
        Some(Whereabouts { vault, id: self.id, boot: self.boot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, boot: Option<&str>) -> Whereabouts {
        Whereabouts { vault: VaultKind::KernelKeyring, id: id.into(), boot: boot.map(str::to_owned) }
    }

    fn ids(keys: &[Whereabouts]) -> Vec<&str> {
        keys.iter().map(|key| key.id.as_str()).collect()
    }

    #[test]
    fn keys_that_died_with_an_earlier_start_go_and_others_stay() {
        let keys = vec![key("old", Some("1")), key("lasting", None), key("now", Some("2"))];
        assert_eq!(ids(&with(keys.clone(), key("new", None), Some("2"))), ["lasting", "now", "new"]);
        assert_eq!(ids(&with(keys, key("new", None), None)), ["old", "lasting", "now", "new"]);
    }

    #[test]
    fn too_many_keys_push_each_other_out_and_not_the_first() {
        let mut keys = Vec::new();
        for id in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            keys = with(keys, key(id, Some("1")), Some("1"));
        }
        assert_eq!(ids(&keys), ["0", "3", "4", "5", "6", "7", "8", "9"]);
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        let id = "0123456789abcdef0123456789abcdef";
        let line = |vault: &str, id: &str| format!(r#"{{"vault":"{vault}","id":"{id}","more":1}}"#);
        let lines = [line("key-file", id), line("of-a-later-version", id), line("key-file", "../../up")];
        let text = format!(r#"{{"version":1,"keys":[{}]}}"#, lines.join(","));
        let known = Whereabouts { vault: VaultKind::KeyFile, id: id.into(), boot: None };
        assert_eq!(parse(text.as_bytes()), [known]);
        assert_eq!(parse(text.replace("\"version\":1", "\"version\":2").as_bytes()), []);
        assert_eq!(parse(b"{"), []);
    }
}
