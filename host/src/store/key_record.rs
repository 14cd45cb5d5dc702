//! Which vault keeps the store's key: written by whoever makes a key, read by all who come after.
//!
//! `<state folder>/store/keys/<name>.json` holds `{"version":1,"keys":[{"vault":"kernel-keyring","id":"<32 hex digits>",
//! "boot":"<uuid>"}]}`, the oldest first; `boot` is there if the key does not outlive this start of the machine. A process takes
//! the first key that it can reach; one that can reach none adds its own. None of it is secret.
//!
//! A record that is lost takes what its keys have sealed with it: lines of a later version stay as they are, and a record of a
//! later version is not touched.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{Flaw, StoreError};
use super::flawed;
use super::folder::{Folder, ReadError};
use super::sealed::is_id;
use super::vault::VaultKind;

/// Keys that nobody can reach any more push each other out: each sandbox with a keyring of its own leaves one.
const MOST: usize = 8;
const BOUND: usize = 16 << 10;
const VERSION: u64 = 1;

/// The keys of one store, the oldest first.
#[derive(Default)]
pub(super) struct KeyRecord(Vec<Line>);

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

/// A line as it was read, and what it says; `None`: something that a later version understands.
struct Line {
    text: Value,
    key: Option<Whereabouts>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u64,
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Text {
    vault: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
}

/// The record of the store with this name. What cannot be understood counts as absent.
pub(super) fn read(folder: &Folder, name: &str) -> Result<KeyRecord, StoreError> {
    match folder.read(&file(name), BOUND) {
        Ok(bytes) => parse(&bytes),
        Err(ReadError::Missing) => Ok(KeyRecord::default()),
        Err(ReadError::Flawed(flaw)) => Err(flaw),
    }
    .map_err(flawed(folder, &file(name)))
}

impl KeyRecord {
    pub fn keys(&self) -> impl Iterator<Item = &Whereabouts> {
        self.0.iter().filter_map(|line| line.key.as_ref())
    }

    /// Adds a key behind the others, of which those go that died with an earlier start of the machine than `boot`.
    ///
    /// The first stays where there are too many: it is the one that most processes use.
    pub fn add(&mut self, new: Whereabouts, boot: Option<&str>) -> io::Result<()> {
        self.0.retain(|line| !line.key.as_ref().is_some_and(|key| key.is_lost(boot)));
        self.0.push(Line::new(new)?);
        while self.keys().count() > MOST {
            let mut known = self.0.iter().enumerate().filter(|(_, line)| line.key.is_some());
            let Some((second, _)) = known.nth(1) else { break };
            self.0.remove(second);
        }
        Ok(())
    }

    pub fn write(self, folder: &Folder, name: &str) -> io::Result<()> {
        let keys = self.0.into_iter().map(|line| line.text).collect();
        folder.replace_for_good(&file(name), &serde_json::to_vec(&File { version: VERSION, keys })?)
    }
}

impl Line {
    fn new(key: Whereabouts) -> io::Result<Self> {
        let Whereabouts { vault, id, boot } = key.clone();
        let text = serde_json::to_value(Text { vault: vault.name().to_owned(), id, boot })?;
        Ok(Self { text, key: Some(key) })
    }

    fn of(text: Value) -> Self {
        let key = Text::deserialize(&text).ok().and_then(Text::whereabouts);
        Self { text, key }
    }
}

impl Text {
    fn whereabouts(self) -> Option<Whereabouts> {
        let vault = VaultKind::from_name(&self.vault)?;
        is_id(&self.id).then_some(Whereabouts { vault, id: self.id, boot: self.boot })
    }
}

fn file(name: &str) -> String {
    format!("{name}.json")
}

fn parse(bytes: &[u8]) -> Result<KeyRecord, Flaw> {
    if serde_json::from_slice(bytes).is_ok_and(|Versioned { version }| version > VERSION) {
        return Err(Flaw::LaterVersion);
    }
    let lines = match serde_json::from_slice(bytes) {
        Ok(File { version: VERSION, keys }) => keys,
        Ok(_) | Err(_) => Vec::new(),
    };
    Ok(KeyRecord(lines.into_iter().map(Line::of).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, boot: Option<&str>) -> Whereabouts {
        Whereabouts { vault: VaultKind::KernelKeyring, id: id.into(), boot: boot.map(str::to_owned) }
    }

    fn record(keys: &[Whereabouts]) -> KeyRecord {
        KeyRecord(keys.iter().map(|key| Line::new(key.clone()).unwrap()).collect())
    }

    fn with(mut record: KeyRecord, new: Whereabouts, boot: Option<&str>) -> KeyRecord {
        record.add(new, boot).unwrap();
        record
    }

    fn ids(record: &KeyRecord) -> Vec<&str> {
        record.keys().map(|key| key.id.as_str()).collect()
    }

    #[test]
    fn keys_that_died_with_an_earlier_start_go_and_others_stay() {
        let keys = vec![key("old", Some("1")), key("lasting", None), key("now", Some("2"))];
        assert_eq!(ids(&with(record(&keys), key("new", None), Some("2"))), ["lasting", "now", "new"]);
        assert_eq!(ids(&with(record(&keys), key("new", None), None)), ["old", "lasting", "now", "new"]);
    }

    #[test]
    fn too_many_keys_push_each_other_out_and_not_the_first() {
        let later = serde_json::json!({"of": "a later version"});
        let mut keys = KeyRecord(vec![Line::of(later.clone())]);
        for id in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            keys = with(keys, key(id, Some("1")), Some("1"));
        }
        assert_eq!(ids(&keys), ["0", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!(keys.0[0].text, later);
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        let id = "0123456789abcdef0123456789abcdef";
        let line = |vault: &str, id: &str| format!(r#"{{"vault":"{vault}","id":"{id}","more":1}}"#);
        let lines = [line("key-file", id), line("of-a-later-version", id), line("key-file", "../../up")];
        let text = format!(r#"{{"version":1,"keys":[{}]}}"#, lines.join(","));
        let known = Whereabouts { vault: VaultKind::KeyFile, id: id.into(), boot: None };
        let parsed =
            |text: &str| parse(text.as_bytes()).map(|record| record.keys().cloned().collect::<Vec<_>>());
        assert_eq!(parsed(&text), Ok(vec![known]));
        for (version, found) in [("2", Err(Flaw::LaterVersion)), ("0", Ok(vec![])), ("\"1\"", Ok(vec![]))] {
            assert_eq!(parsed(&text.replace("\"version\":1", &format!("\"version\":{version}"))), found);
        }
        assert_eq!(parsed("{"), Ok(vec![]));
    }
}
