//! Tokens in files that every process of a user shares, sealed with a key that an OS vault keeps.
//!
//! The store performs; when to load, lock, fetch and save is decided by who calls it. Times are looked at only to name
//! the moment until which a file is worth keeping, and to sweep what is past it.
//!
//! ```text
//! <state folder>/store/lock              the locks, and how often the store was cleared; made at the first lock
//! <state folder>/store/keys/<name>.json  which vault keeps the key
//! <state folder>/store/<key id>/<name>   one entry, or the mark of its failed fetch
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

mod entry_key;
mod error;
mod folder;
mod key_record;
mod lock;
mod place;
mod record;
mod sealed;
mod sweep;
mod vault;

pub use entry_key::EntryKey;
pub use error::{Doing, Flaw, MemoryOnly, StoreError};
pub use place::{Environment, state_folder};
pub use record::{AzFailure, Content, Failure, Generation, Record, Secret, Token};
pub use vault::{Refusal, VaultChoice, VaultKind};

use folder::{Folder, ReadError};
use key_record::Whereabouts;
use lock::{Held, Range};
use sealed::{Keys, Name};
use vault::{Surroundings, VaultKey};

use crate::boot::BootMoment;

/// The folder of ours in the state folder.
const STORE: &str = "store";
/// The folder of records that say where keys are.
const KEYS: &str = "keys";
/// A file that holds more, in bytes, is no entry: a token with thousands of groups has 20 KB.
const ENTRY_BOUND: usize = 1 << 20;
/// How long to wait for a lock that is held for the length of one rename.
const SAVE_PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait for another process that makes the key.
const KEY_PATIENCE: Duration = Duration::from_secs(5);
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
    state_folder: PathBuf,
    name: String,
    vaults: Vec<VaultKind>,
    surroundings: Surroundings,
    unencrypted: bool,
    keys: OnceLock<KeysInUse>,
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

struct KeysInUse {
    keys: Keys,
    /// `None`: unencrypted.
    vault: Option<VaultKind>,
}

impl Store {
    /// Finds the folder and the key, and makes nothing yet. Fails where no key could be had or made.
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        if !is_name(&options.name) {
            return Err(StoreError::Name(options.name.clone()));
        }
        let state_folder = place::state_folder(options.directory.as_deref(), &options.environment)?;
        let store = Self {
            surroundings: Surroundings {
                environment: options.environment.clone(),
                keys_folder: state_folder.join(STORE).join(KEYS),
            },
            state_folder,
            name: options.name.clone(),
            vaults: options.vault.kinds(),
            unencrypted: options.unsafe_allow_unencrypted,
            keys: OnceLock::new(),
            reported: Mutex::default(),
        };
        store.find_or_expect_key()?;
        Ok(store)
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.state_folder
    }

    /// The vault that keeps the key; `None` before there is a key, and in an unencrypted store.
    #[must_use]
    pub fn vault(&self) -> Option<VaultKind> {
        self.keys.get().and_then(|keys| keys.vault)
    }

    /// Whether tokens are written unsealed.
    #[must_use]
    pub fn is_unencrypted(&self) -> bool {
        self.keys.get().is_some_and(|keys| keys.vault.is_none())
    }

    /// Looks at an entry. What cannot be read, opened or understood is not there.
    #[must_use]
    pub fn load(&self, key: &EntryKey) -> Loaded {
        let nothing = |flaw| Loaded { found: Found::Nothing, generation: Generation::default(), flaw };
        match self.existing() {
            Err(StoreError::Folder { path, flaw }) => nothing(self.once(&path.to_string_lossy(), flaw)),
            Err(_) | Ok(None) => nothing(None),
            Ok(Some((store, keys))) => self.load_from(&store, keys, key),
        }
    }

    /// The mark of the last failed fetch of an entry.
    #[must_use]
    pub fn load_failure(&self, key: &EntryKey) -> Option<Failure> {
        let (store, keys) = self.existing().ok()??;
        let folder = store.child(keys.id()).ok()??;
        match read_record(&folder, keys, &keys.name(key).failure(), Some(key)).ok()??.content {
            Content::Failure(failure) => Some(failure),
            Content::Token(_) | Content::Tombstone => None,
        }
    }

    /// Takes a lock if it is free; never waits, but for another process that makes the key.
    pub fn try_lock(&self, key: &EntryKey, kind: LockKind) -> Result<Option<Guard>, StoreError> {
        let store = self.make_store()?;
        let place = self.keys(&store)?.name(key).place();
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
        let store = self.make_store()?;
        let keys = self.keys(&store)?;
        let name = keys.name(key);
        let bytes = seal(keys, name.token(), key, record)?;
        let folder = make_child(&store, keys.id())?;
        let held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Write)?;
        let current = self.load_from(&store, keys, key).generation;
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
        let store = self.make_store()?;
        let keys = self.keys(&store)?;
        let record = Record { generation: Generation::default(), content: Content::Failure(failure.clone()) };
        let name = keys.name(key).failure();
        let bytes = seal(keys, &name, key, &record)?;
        let folder = make_child(&store, keys.id())?;
        folder.replace(&name, &bytes, Some(keep_until(&record))).map_err(system(Doing::Write))
    }

    /// Puts a tombstone in the place of an entry, so that the result of a fetch that has begun is not kept either.
    pub fn invalidate(&self, key: &EntryKey) -> Result<(), StoreError> {
        let store = self.make_store()?;
        let keys = self.keys(&store)?;
        let folder = make_child(&store, keys.id())?;
        let _held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Delete)?;
        self.bury(&store, &folder, keys, key)
    }

    /// Puts tombstones in the places of all tokens whose keys are chosen, whatever they are sealed with that this process
    /// can reach; how many there were.
    pub fn invalidate_where(&self, chosen: impl Fn(&EntryKey) -> bool) -> Result<usize, StoreError> {
        let Some((store, in_use)) = self.existing()? else {
            return Ok(0);
        };
        let others = self.other_keys(&store, in_use)?;
        let _held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Delete)?;
        let mut count = 0;
        for keys in others.iter().chain([in_use]) {
            count += self.bury_chosen(&store, keys, &chosen)?;
        }
        Ok(count)
    }

    /// Deletes every entry, also those of other keys, and keeps out the results of fetches that have begun; how many went.
    pub fn clear(&self) -> Result<usize, StoreError> {
        let Some(store) = self.existing_store()? else {
            return Ok(0);
        };
        let _held = take(&store, Range::Save, SAVE_PATIENCE, Doing::Delete)?;
        lock::raise_generation(&store).map_err(system(Doing::Delete))?;
        let mut count = 0;
        for (_, folder) in sweep::key_folders(&store, usize::MAX) {
            for name in folder.names(usize::MAX).map_err(system(Doing::List))? {
                count += usize::from(folder.remove(&name).map_err(system(Doing::Delete))?);
            }
        }
        Ok(count)
    }

    /// Deletes one entry and the mark of its failed fetch, and leaves nothing in their place.
    pub fn remove(&self, key: &EntryKey) -> Result<(), StoreError> {
        let Some((store, keys)) = self.existing()? else {
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

    /// Every entry of the key in use, without its token.
    pub fn list(&self) -> Result<Listing, StoreError> {
        let Some((store, keys)) = self.existing()? else {
            return Ok(Listing::default());
        };
        match store.child(keys.id()).map_err(flawed(&store, keys.id()))? {
            None => Ok(Listing::default()),
            Some(folder) => list(&folder, keys),
        }
    }
}

impl Store {
    fn load_from(&self, store: &Folder, keys: &Keys, key: &EntryKey) -> Loaded {
        let cleared = lock::generation(store);
        let none = Generation { entry: 0, store: cleared };
        let name = keys.name(key);
        let read = match store.child(keys.id()) {
            Ok(None) => Ok(None),
            Ok(Some(folder)) => read_record(&folder, keys, name.token(), Some(key)),
            Err(flaw) => Err(flaw),
        };
        match read {
            Ok(None) => Loaded { found: Found::Nothing, generation: none, flaw: None },
            Err(flaw) => {
                Loaded { found: Found::Nothing, generation: none, flaw: self.once(name.token(), flaw) }
            }
            Ok(Some(record)) => Loaded {
                generation: Generation { entry: record.generation.entry, store: cleared },
                found: found(record, cleared),
                flaw: None,
            },
        }
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
        let mut count = 0;
        for entry in tokens.filter(|entry| chosen(&entry.key)) {
            self.bury(store, &folder, keys, &entry.key)?;
            count += 1;
        }
        Ok(count)
    }

    /// Only for who holds [`Range::Save`].
    fn bury(&self, store: &Folder, folder: &Folder, keys: &Keys, key: &EntryKey) -> Result<(), StoreError> {
        let Generation { entry, store } = self.load_from(store, keys, key).generation;
        let generation = Generation { entry: entry.wrapping_add(1), store };
        let record = Record { generation, content: Content::Tombstone };
        let name = keys.name(key);
        let bytes = seal(keys, name.token(), key, &record)?;
        folder.replace(name.token(), &bytes, Some(keep_until(&record))).map_err(system(Doing::Delete))?;
        folder.remove(&name.failure()).map(drop).map_err(system(Doing::Delete))
    }

    /// The flaw, if it was not reported before.
    fn once(&self, what: &str, flaw: Flaw) -> Option<Flaw> {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        (reported.len() < REPORTED && reported.insert(what.to_owned())).then_some(flaw)
    }
}

/// Folders and keys.
impl Store {
    /// The store's folder and its key, if both exist.
    fn existing(&self) -> Result<Option<(Folder, &Keys)>, StoreError> {
        let Some(store) = self.existing_store()? else {
            return Ok(None);
        };
        let Some(keys) = self.find_keys(&store)? else {
            return Ok(None);
        };
        Ok(Some((store, keys)))
    }

    fn existing_store(&self) -> Result<Option<Folder>, StoreError> {
        let state = Folder::open(&self.state_folder)
            .map_err(|flaw| StoreError::Folder { path: self.state_folder.clone(), flaw })?;
        state.map_or(Ok(None), |state| state.child(STORE).map_err(flawed(&state, STORE)))
    }

    fn make_store(&self) -> Result<Folder, StoreError> {
        if let Some(store) = self.existing_store()? {
            return Ok(store);
        }
        folder::make_all(&self.state_folder).map_err(system(Doing::MakeFolder))?;
        let state = Folder::open(&self.state_folder)
            .and_then(|folder| folder.ok_or(Flaw::InTheWay))
            .map_err(|flaw| StoreError::Folder { path: self.state_folder.clone(), flaw })?;
        make_child(&state, STORE)
    }

    /// The key, made if there is none.
    fn keys(&self, store: &Folder) -> Result<&Keys, StoreError> {
        self.keys_in_time(store, KEY_PATIENCE)
    }

    fn keys_in_time(&self, store: &Folder, patience: Duration) -> Result<&Keys, StoreError> {
        if let Some(keys) = self.find_keys(store)? {
            return Ok(keys);
        }
        let _held = take(store, Range::Keys, patience, Doing::KeepKey)?;
        if let Some(keys) = self.find_keys(store)? {
            return Ok(keys);
        }
        match self.make_key(&make_child(store, KEYS)?) {
            Ok((key, vault)) => Ok(self.use_keys(Keys::sealing_with(&key), Some(vault))),
            Err(StoreError::NoVault(_)) if self.unencrypted => Ok(self.use_keys(Keys::unencrypted(), None)),
            Err(error) => Err(error),
        }
    }

    /// The key that the record names, if this process can reach it.
    fn find_keys(&self, store: &Folder) -> Result<Option<&Keys>, StoreError> {
        if let Some(keys) = self.keys.get() {
            return Ok(Some(&keys.keys));
        }
        let Some(folder) = store.child(KEYS).map_err(flawed(store, KEYS))? else {
            return Ok(None);
        };
        let recorded = key_record::read(&folder, &self.name).map_err(flawed(&folder, &self.name))?;
        let usable = recorded.iter().filter(|key| self.vaults.contains(&key.vault));
        let mut found = usable.filter_map(|key| Some((self.find_key(key)?, key.vault)));
        Ok(found.next().map(|(key, vault)| self.use_keys(Keys::sealing_with(&key), Some(vault))))
    }

    /// What else there may be entries of: other keys of the record, and no key at all.
    fn other_keys(&self, store: &Folder, in_use: &Keys) -> Result<Vec<Keys>, StoreError> {
        let mut others = vec![Keys::unencrypted()];
        if let Some(folder) = store.child(KEYS).map_err(flawed(store, KEYS))? {
            let recorded = key_record::read(&folder, &self.name).map_err(flawed(&folder, &self.name))?;
            let unused = recorded.iter().filter(|key| key.id != in_use.id());
            others.extend(unused.filter_map(|key| self.find_key(key)).map(|key| Keys::sealing_with(&key)));
        }
        others.retain(|keys| keys.id() != in_use.id());
        Ok(others)
    }

    fn find_key(&self, key: &Whereabouts) -> Option<VaultKey> {
        let found = key.vault.reach(&self.surroundings).ok()?.find(&key.id).ok()??;
        (sealed::id_of(&found) == key.id).then_some(found)
    }

    /// A new key, in the first vault that takes it and gives it back.
    fn make_key(&self, folder: &Folder) -> Result<(VaultKey, VaultKind), StoreError> {
        let key = VaultKey::random().map_err(|_| StoreError::NotSealed)?;
        let id = sealed::id_of(&key);
        let mut refusals = Vec::new();
        for &vault in &self.vaults {
            if let Err(refusal) = keep(vault, &self.surroundings, &id, &key) {
                refusals.push((vault, refusal));
                continue;
            }
            let recorded = key_record::read(folder, &self.name).map_err(flawed(folder, &self.name))?;
            let boot = BootMoment::now().map(|moment| moment.boot);
            let new = Whereabouts { vault, id, boot: boot.clone().filter(|_| vault.dies_with_the_boot()) };
            key_record::add(folder, &self.name, recorded, new, boot.as_deref())
                .map_err(system(Doing::KeepKey))?;
            return Ok((key, vault));
        }
        Err(StoreError::NoVault(refusals))
    }

    /// At the start: the key that exists, or at least a vault that would take one.
    fn find_or_expect_key(&self) -> Result<(), StoreError> {
        if self.existing()?.is_some() {
            return Ok(());
        }
        let mut refusals = Vec::new();
        for &vault in &self.vaults {
            match vault.reach(&self.surroundings) {
                Ok(_) => return Ok(()),
                Err(refusal) => refusals.push((vault, refusal)),
            }
        }
        if self.unencrypted {
            self.use_keys(Keys::unencrypted(), None);
            return Ok(());
        }
        Err(StoreError::NoVault(refusals))
    }

    /// Keeps the first keys that were found: all later answers of this store are of them.
    fn use_keys(&self, keys: Keys, vault: Option<VaultKind>) -> &Keys {
        &self.keys.get_or_init(|| KeysInUse { keys, vault }).keys
    }
}

fn keep(vault: VaultKind, surroundings: &Surroundings, id: &str, key: &VaultKey) -> Result<(), Refusal> {
    let vault = vault.reach(surroundings)?;
    vault.keep(id, key)?;
    let kept = vault.find(id)?;
    kept.filter(|kept| kept.as_bytes() == key.as_bytes()).map(drop).ok_or(Refusal::Changed)
}

fn is_name(name: &str) -> bool {
    let fits = (1..=64).contains(&name.len()) && !name.starts_with('.');
    fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
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
    fn a_key_is_made_by_one_at_a_time() {
        let stage = Path::new("/dev/shm").join(format!("atc-keys-{}", std::process::id()));
        folder::make_all(&stage).unwrap();
        let open = || {
            let options = StoreOptions {
                directory: Some(stage.join("state")),
                name: "default".into(),
                vault: VaultChoice::Only(VaultKind::KeyFile),
                unsafe_allow_unencrypted: false,
                environment: Environment::from_iter([("XDG_RUNTIME_DIR", &stage)]),
            };
            Store::open(&options).unwrap()
        };
        let (early, late) = (open(), open());
        let folder = early.make_store().unwrap();
        let held = take(&folder, Range::Keys, Duration::ZERO, Doing::KeepKey).unwrap();
        let refused = early.keys_in_time(&folder, Duration::ZERO).err();
        assert!(matches!(refused, Some(StoreError::Busy(Doing::KeepKey))), "{refused:?}");
        drop(held);
        let id = early.keys(&folder).unwrap().id().to_owned();
        assert_eq!(late.keys_in_time(&folder, Duration::ZERO).unwrap().id(), id);
        std::fs::remove_dir_all(stage).unwrap();
    }
}
