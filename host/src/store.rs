//! Tokens in files that every process of a user shares, sealed with a key that an OS vault keeps.
//!
//! The store performs; when to load, lock, fetch and save is decided by who calls it. Times are looked at only to name
//! the moment until which a file is worth keeping, and to sweep what is past it.
//!
//! ```text
//! <state folder>/store/lock              the locks, and how often the store was cleared; made at the first lock
//! <state folder>/store/keys/<name>.json  which vault keeps the key
//! <state folder>/store/<key id>/<name>   one entry, or the mark of its failed fetch
//! <state folder>/documents/              the same for documents, such as MSAL's cache
//! <state folder>/<other>/                what programs keep beside it, of which none is secret
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

mod clearing;
mod documents;
mod entry_key;
mod error;
mod folder;
mod key_record;
mod key_search;
mod keyed_folder;
mod lock;
mod merge;
mod place;
mod private_folder;
mod record;
mod sealed;
mod sweep;
mod vault;

pub use documents::{Document, Documents, Look};
pub use entry_key::EntryKey;
pub use error::{Doing, Flaw, MemoryOnly, StoreError};
pub use place::{Environment, state_folder};
pub use private_folder::PrivateFolder;
pub use record::{AzFailure, Content, Failure, Generation, Record, Secret, Token};
pub use vault::{Refusal, VaultChoice, VaultKind};

use clearing::Deleted;
use folder::{Folder, ReadError};
use keyed_folder::KeyedFolder;
use lock::{Held, Range};
use sealed::{Keys, Name};

/// The folder of ours in the state folder.
const STORE: &str = "store";
/// A file that holds more, in bytes, is no entry: a token with thousands of groups has 20 KB.
const ENTRY_BOUND: usize = 1 << 20;
/// How long to wait for a lock that is held for the length of one rename.
const SAVE_PATIENCE: Duration = Duration::from_secs(2);
/// An expired token stays for longer than a fetch may take: who found it there saves over its generation.
const EXPIRED_LIFE: Duration = Duration::from_secs(20 * 60);
/// Until when the mark of a failed fetch is worth keeping.
const FAILURE_LIFE: Duration = Duration::from_secs(10 * 60);
/// A tombstone must outlive every fetch that began before it, and every token.
const TOMBSTONE_LIFE: Duration = sweep::UNOPENABLE;
/// How many flaws are remembered as reported.
const REPORTED: usize = 1_024;

/// Where a store is, and how it is sealed.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The state folder; `None`: the system's own for this user.
    pub directory: Option<PathBuf>,
    /// Which of several stores in one state folder: each has a key of its own.
    pub name: String,
    /// Which vault keeps the key.
    pub vault: VaultChoice,
    /// Whether tokens may be written unsealed where no vault takes a key.
    pub unsafe_allow_unencrypted: bool,
    /// The environment that names the folders and the desktop session.
    pub environment: Environment,
}

/// An open store. Every method may be called from any thread; each blocks for as long as files take.
pub struct Store {
    files: KeyedFolder,
    reported: Mutex<BTreeSet<String>>,
}

/// What a look at an entry found.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What is there.
    pub found: Found,
    /// What a save has to expect if it is to follow upon this look.
    pub generation: Generation,
    /// Why a file that is there was not taken; said once in the life of a [`Store`].
    pub flaw: Option<Flaw>,
}

/// What is there for an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Nothing that could be taken.
    Nothing,
    /// A token; whether it is of any use is not looked at.
    Token(Box<Token>),
    /// A tombstone.
    Tombstone,
}

/// Which of an entry's locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Whoever holds it fetches.
    Fetch,
    /// One of the extra fetches for those whose patience is over: 0 or 1.
    Slot(u8),
}

/// A lock that is held. Dropping it lets go, and so does the end of the process.
#[derive(Debug)]
#[must_use]
pub struct Guard(#[allow(dead_code, reason = "held for its drop")] Held);

/// What became of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is in the store.
    Written,
    /// Something newer is there; this is its generation.
    Superseded(Generation),
}

/// An entry as it is shown: its token is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// What it is kept under.
    pub key: EntryKey,
    /// What it says, with an empty secret.
    pub record: Record,
}

/// All entries of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Those that opened.
    pub entries: Vec<Listed>,
    /// How many did not.
    pub unopenable: usize,
}

impl Store {
    /// Finds the folder and the key, and makes nothing yet. Fails where no key could be had or made.
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        Ok(Self { files: KeyedFolder::open(STORE, options)?, reported: Mutex::default() })
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.files.state_folder()
    }

    /// The vault that keeps the key; `None` before there is a key, and in an unencrypted store.
    #[must_use]
    pub fn vault(&self) -> Option<VaultKind> {
        self.files.vault()
    }

    /// Whether tokens are written unsealed.
    #[must_use]
    pub fn is_unencrypted(&self) -> bool {
        self.files.is_unencrypted()
    }

    /// Looks at an entry. What cannot be read, opened or understood is not there.
    #[must_use]
    pub fn load(&self, key: &EntryKey) -> Loaded {
        self.look(key).unwrap_or_else(|error| match error {
            StoreError::Folder { path, flaw } => Loaded::nothing(0, self.once(&path.to_string_lossy(), flaw)),
            _ => Loaded::nothing(0, None),
        })
    }

    /// The mark of the last failed fetch of an entry. One that is no longer worth keeping goes.
    #[must_use]
    pub fn load_failure(&self, key: &EntryKey) -> Option<Failure> {
        let (store, keys) = self.files.existing().ok()??;
        let folder = store.child(keys.id()).ok()??;
        let name = keys.name(key).failure();
        let record = read_record(&folder, keys, &name, Some(key)).ok()??;
        if SystemTime::now() > keep_until(&record) {
            // Where it cannot be deleted nobody is told of it either.
            let _ = folder.remove(&name);
            return None;
        }
        match record.content {
            Content::Failure(failure) => Some(failure),
            Content::Token(_) | Content::Tombstone => None,
        }
    }

    /// Takes a lock if it is free; never waits, but for another process that makes the key.
    pub fn try_lock(&self, key: &EntryKey, kind: LockKind) -> Result<Option<Guard>, StoreError> {
        let store = self.files.make_folder()?;
        let place = self.files.keys(&store)?.name(key).place();
        let range = match kind {
            LockKind::Fetch => Range::Fetch(place),
            LockKind::Slot(slot) => Range::Slot(slot, place),
        };
        Ok(lock::try_take(&store, range).map_err(system(Doing::Lock))?.map(Guard))
    }

    /// Writes a record, unless the entry or the store is of another generation than `expected`.
    ///
    /// The record is written with the generation that it carries: one higher than `expected`, so that older results that are
    /// still on their way are kept out.
    pub fn save(&self, key: &EntryKey, record: &Record, expected: Generation) -> Result<Saved, StoreError> {
        let store = self.files.make_folder()?;
        let keys = self.files.keys(&store)?;
        let name = keys.name(key);
        let bytes = seal(keys, name.token(), key, record)?;
        let folder = make_child(&store, keys.id())?;
        let held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Write)?;
        let current = self.load_from(&store, keys, key)?.generation;
        if current != expected {
            return Ok(Saved::Superseded(current));
        }
        folder.replace(name.token(), &bytes, Some(keep_until(record))).map_err(system(Doing::Write))?;
        drop(held);
        sweep::sweep(&store, &folder, &|name| read_record(&folder, keys, name, None).is_ok());
        Ok(Saved::Written)
    }

    /// Leaves the mark of a failed fetch.
    pub fn save_failure(&self, key: &EntryKey, failure: &Failure) -> Result<(), StoreError> {
        let store = self.files.make_folder()?;
        let keys = self.files.keys(&store)?;
        let record = Record { generation: Generation::default(), content: Content::Failure(failure.clone()) };
        let name = keys.name(key).failure();
        let bytes = seal(keys, &name, key, &record)?;
        let folder = make_child(&store, keys.id())?;
        // A sweep that has found an older mark expired must not delete this one.
        let _held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Write)?;
        folder.replace(&name, &bytes, Some(keep_until(&record))).map_err(system(Doing::Write))
    }

    /// Puts a tombstone in the place of an entry, so that the result of a fetch that has begun is not kept either.
    pub fn invalidate(&self, key: &EntryKey) -> Result<(), StoreError> {
        let store = self.files.make_folder()?;
        let keys = self.files.keys(&store)?;
        let folder = make_child(&store, keys.id())?;
        let _held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Delete)?;
        self.bury(&store, &folder, keys, key)
    }

    /// Puts tombstones in the places of all tokens whose keys are chosen, whatever they are sealed with that this process
    /// can reach; how many there were.
    pub fn invalidate_where(&self, chosen: impl Fn(&EntryKey) -> bool) -> Result<usize, StoreError> {
        let Some(store) = self.files.existing_folder()? else {
            return Ok(0);
        };
        let every = self.files.every_key(&store)?;
        let _held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Delete)?;
        let mut buried = Deleted::default();
        for keys in &every.in_reach {
            buried.note(self.bury_chosen(&store, keys, &chosen));
        }
        buried.all()
    }

    /// Deletes every entry, also those of other keys, and keeps out the results of fetches that have begun; how many went.
    pub fn clear(&self) -> Result<usize, StoreError> {
        self.files.existing_folder()?.map_or(Ok(0), |store| clearing::clear(&store))
    }

    /// Does what [`clear`](Self::clear) does, without a store that is open: deleting takes no key.
    pub fn clear_folder(options: &StoreOptions) -> Result<usize, StoreError> {
        let state_folder = place::state_folder(options.directory.as_deref(), &options.environment)?;
        keyed_folder::existing(&state_folder, STORE)?.map_or(Ok(0), |store| clearing::clear(&store))
    }

    /// Deletes one entry and the mark of its failed fetch, and leaves nothing in their place.
    pub fn remove(&self, key: &EntryKey) -> Result<(), StoreError> {
        let Some((store, keys)) = self.files.existing()? else {
            return Ok(());
        };
        let Some(folder) = store.child(keys.id()).map_err(flawed(&store, keys.id()))? else {
            return Ok(());
        };
        let _held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Delete)?;
        let name = keys.name(key);
        folder.remove(name.token()).map_err(system(Doing::Delete))?;
        folder.remove(&name.failure()).map(drop).map_err(system(Doing::Delete))
    }

    /// Every entry of the key in use since the store was last cleared, without its token.
    pub fn list(&self) -> Result<Listing, StoreError> {
        let Some((store, keys)) = self.files.existing()? else {
            return Ok(Listing::default());
        };
        let Some(folder) = store.child(keys.id()).map_err(flawed(&store, keys.id()))? else {
            return Ok(Listing::default());
        };
        let cleared = lock::generation(&store)?;
        let mut listing = list(&folder, keys)?;
        listing.entries.retain(|entry| entry.record.generation.store == cleared);
        Ok(listing)
    }
}

impl Store {
    fn look(&self, key: &EntryKey) -> Result<Loaded, StoreError> {
        let Some(store) = self.files.existing_folder()? else {
            return Ok(Loaded::nothing(0, None));
        };
        match self.files.find_keys(&store)? {
            Some(keys) => self.load_from(&store, keys, key),
            None => Ok(Loaded::nothing(lock::generation(&store)?, None)),
        }
    }

    fn load_from(&self, store: &Folder, keys: &Keys, key: &EntryKey) -> Result<Loaded, StoreError> {
        let cleared = lock::generation(store)?;
        let name = keys.name(key);
        let read = match store.child(keys.id()) {
            Ok(None) => Ok(None),
            Ok(Some(folder)) => read_record(&folder, keys, name.token(), Some(key)),
            Err(flaw) => Err(flaw),
        };
        Ok(match read {
            Ok(None) => Loaded::nothing(cleared, None),
            Err(flaw) => Loaded::nothing(cleared, self.once(name.token(), flaw)),
            Ok(Some(record)) => Loaded {
                generation: Generation { entry: record.generation.entry, store: cleared },
                found: found(record, cleared),
                flaw: None,
            },
        })
    }

    /// Only for who holds [`Range::Save`].
    fn bury_chosen(
        &self,
        store: &Folder,
        keys: &Keys,
        chosen: &impl Fn(&EntryKey) -> bool,
    ) -> Result<usize, StoreError> {
        let Some(folder) = store.child(keys.id()).map_err(flawed(store, keys.id()))? else {
            return Ok(0);
        };
        let entries = list(&folder, keys)?.entries.into_iter();
        let tokens = entries.filter(|entry| matches!(entry.record.content, Content::Token(_)));
        let mut buried = Deleted::default();
        for entry in tokens.filter(|entry| chosen(&entry.key)) {
            buried.note(self.bury(store, &folder, keys, &entry.key).map(|()| 1));
        }
        buried.all()
    }

    /// Only for who holds [`Range::Save`].
    fn bury(&self, store: &Folder, folder: &Folder, keys: &Keys, key: &EntryKey) -> Result<(), StoreError> {
        let Generation { entry, store } = self.load_from(store, keys, key)?.generation;
        let generation = Generation { entry: entry.wrapping_add(1), store };
        let record = Record { generation, content: Content::Tombstone };
        let name = keys.name(key);
        let bytes = seal(keys, name.token(), key, &record)?;
        let put = || folder.replace(name.token(), &bytes, Some(keep_until(&record)));
        if put().is_err() {
            // On a full disk the token makes room for its tombstone.
            clearing::delete(folder, name.token())?;
            put().map_err(system(Doing::Delete))?;
        }
        folder.remove(&name.failure()).map(drop).map_err(system(Doing::Delete))
    }

    /// The flaw, if it was not reported before.
    fn once(&self, what: &str, flaw: Flaw) -> Option<Flaw> {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        (reported.len() < REPORTED && reported.insert(what.to_owned())).then_some(flaw)
    }
}

impl Loaded {
    fn nothing(cleared: u64, flaw: Option<Flaw>) -> Self {
        Self { found: Found::Nothing, generation: Generation { entry: 0, store: cleared }, flaw }
    }
}

fn take(store: &Folder, range: Range, patience: Duration, doing: Doing) -> Result<Held, StoreError> {
    lock::take(store, range, patience).map_err(system(doing))?.ok_or(StoreError::Busy(doing))
}

fn make_child(folder: &Folder, name: &str) -> Result<Folder, StoreError> {
    folder.make_child(name).map_err(system(Doing::MakeFolder))?.map_err(flawed(folder, name))
}

fn seal(keys: &Keys, name: &str, key: &EntryKey, record: &Record) -> Result<Vec<u8>, StoreError> {
    let json = record.to_json().map_err(|_| StoreError::NotSealed)?;
    keys.seal(name, key, &json).ok_or(StoreError::NotSealed)
}

/// The record in a file; `expected`: whose it must be.
fn read_record(
    folder: &Folder,
    keys: &Keys,
    name: &str,
    expected: Option<&EntryKey>,
) -> Result<Option<Record>, Flaw> {
    Ok(read_file(folder, keys, name, expected)?.map(|listed| listed.record))
}

fn read_file(
    folder: &Folder,
    keys: &Keys,
    name: &str,
    expected: Option<&EntryKey>,
) -> Result<Option<Listed>, Flaw> {
    let bytes = match folder.read(name, ENTRY_BOUND) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Ok(None),
        Err(ReadError::Flawed(flaw)) => return Err(flaw),
    };
    let opened = keys.open(name, bytes)?;
    if expected.is_some_and(|expected| *expected != opened.key) {
        return Err(Flaw::Unopenable);
    }
    let record = Record::from_json(opened.json()).map_err(|_| Flaw::Malformed)?;
    Ok(Some(Listed { key: opened.key, record }))
}

fn list(folder: &Folder, keys: &Keys) -> Result<Listing, StoreError> {
    let mut listing = Listing::default();
    for name in
        folder.names(usize::MAX).map_err(system(Doing::List))?.iter().filter(|name| Name::is_token(name))
    {
        match read_file(folder, keys, name, None) {
            Ok(None) => {}
            Ok(Some(mut listed)) => {
                listed.record.forget_secret();
                listing.entries.push(listed);
            }
            Err(_) => listing.unopenable += 1,
        }
    }
    Ok(listing)
}

fn found(record: Record, cleared: u64) -> Found {
    match record.content {
        _ if record.generation.store != cleared => Found::Nothing,
        Content::Token(token) => Found::Token(token),
        Content::Tombstone => Found::Tombstone,
        Content::Failure(_) => Found::Nothing,
    }
}

fn keep_until(record: &Record) -> SystemTime {
    match &record.content {
        Content::Token(token) => unix(token.expires_at_ms) + EXPIRED_LIFE,
        Content::Failure(failure) => unix(failure.failed_at_ms) + FAILURE_LIFE,
        Content::Tombstone => SystemTime::now() + TOMBSTONE_LIFE,
    }
}

/// Bounded: not every file system has room for every year.
fn unix(ms: i64) -> SystemTime {
    const YEAR_2100_MS: u64 = 4_102_444_800_000;
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0).min(YEAR_2100_MS))
}

fn system(doing: Doing) -> impl FnOnce(io::Error) -> StoreError {
    move |error| StoreError::System { doing, error }
}

fn flawed(folder: &Folder, name: &str) -> impl FnOnce(Flaw) -> StoreError {
    let path = folder.path().join(name);
    move |flaw| StoreError::Folder { path, flaw }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn no_mark_of_a_failure_is_written_between_the_two_looks_of_a_sweep() {
        let stage = Path::new("/dev/shm").join(format!("atc-failure-{}", std::process::id()));
        folder::make_all(&stage).unwrap();
        let store = Store::open(&StoreOptions {
            directory: Some(stage.join("state")),
            name: "default".into(),
            vault: VaultChoice::Only(VaultKind::KeyFile),
            unsafe_allow_unencrypted: false,
            environment: Environment::from_iter([("XDG_RUNTIME_DIR", &stage)]),
        })
        .unwrap();
        let key = EntryKey::from_parts(&[b"a"]);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let failure = Failure {
            failed_at_ms: i64::try_from(now.as_millis()).unwrap(),
            class: "Network".into(),
            message: String::new(),
            retry_after_ms: None,
            network: true,
            login_witness: String::new(),
            session_witness: String::new(),
            az: None,
        };
        let held = lock::try_take(&store.files.make_folder().unwrap(), Range::Save).unwrap().unwrap();
        let refused = store.save_failure(&key, &failure);
        assert!(matches!(refused, Err(StoreError::Busy(Doing::Write))), "{refused:?}");
        assert_eq!(store.load_failure(&key), None);
        drop(held);
        store.save_failure(&key, &failure).unwrap();
        assert_eq!(store.load_failure(&key), Some(failure));
        std::fs::remove_dir_all(stage).unwrap();
    }
}
