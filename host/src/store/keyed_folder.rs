//! A folder of ours in the state folder, with the key that its files are sealed with.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::error::{Doing, StoreError};
use super::folder::Folder;
use super::key_record::{self, Whereabouts};
use super::key_search::KeySearch;
use super::lock::Range;
use super::private_folder::PrivateFolder;
use super::sealed::{self, Keys};
use super::vault::{Refusal, Surroundings, VaultKey, VaultKind};
use super::{StoreOptions, flawed, make_child, place, system, take};
use crate::boot::BootMoment;

/// The folder of records that say where keys are.
const KEYS: &str = "keys";
/// How long to wait for another process that makes the key.
const KEY_PATIENCE: Duration = Duration::from_secs(5);

/// The folder and its key, each found when it is needed, and made by the first who writes.
pub(super) struct KeyedFolder {
    state_folder: PathBuf,
    folder: &'static str,
    name: String,
    vaults: Vec<VaultKind>,
    surroundings: Surroundings,
    unencrypted: bool,
    keys: OnceLock<KeysInUse>,
}

/// What the files of one folder may be sealed with.
pub(super) struct EveryKey {
    pub in_reach: Vec<Keys>,
    /// With what the vault said; `None`: that it has no such key.
    pub out_of_reach: Vec<(Whereabouts, Option<Refusal>)>,
}

struct KeysInUse {
    keys: Keys,
    /// `None`: unencrypted.
    vault: Option<VaultKind>,
}

impl KeyedFolder {
    /// Finds `folder` and its key, and makes nothing yet. Fails where no key could be had or made.
    pub fn open(folder: &'static str, options: &StoreOptions) -> Result<Self, StoreError> {
        if !is_name(&options.name) {
            return Err(StoreError::Name(options.name.clone()));
        }
        let state_folder = place::state_folder(options.directory.as_deref(), &options.environment)?;
        let keyed = Self {
            surroundings: Surroundings {
                environment: options.environment.clone(),
                keys_folder: state_folder.join(folder).join(KEYS),
            },
            state_folder,
            folder,
            name: options.name.clone(),
            vaults: options.vault.kinds(),
            unencrypted: options.unsafe_allow_unencrypted,
            keys: OnceLock::new(),
        };
        keyed.find_or_expect_key()?;
        Ok(keyed)
    }

    pub fn state_folder(&self) -> &Path {
        &self.state_folder
    }

    /// The vault that keeps the key; `None` before there is a key, and where nothing is encrypted.
    pub fn vault(&self) -> Option<VaultKind> {
        self.keys.get().and_then(|keys| keys.vault)
    }

    pub fn is_unencrypted(&self) -> bool {
        self.keys.get().is_some_and(|keys| keys.vault.is_none())
    }

    /// The folder and its key, if both exist.
    pub fn existing(&self) -> Result<Option<(Folder, &Keys)>, StoreError> {
        let Some(store) = self.existing_folder()? else {
            return Ok(None);
        };
        let Some(keys) = self.find_keys(&store)? else {
            return Ok(None);
        };
        Ok(Some((store, keys)))
    }

    pub fn existing_folder(&self) -> Result<Option<Folder>, StoreError> {
        existing(&self.state_folder, self.folder)
    }

    pub fn make_folder(&self) -> Result<Folder, StoreError> {
        Ok(PrivateFolder::make(&self.state_folder, self.folder)?.into_folder())
    }

    /// The key, made if there is none.
    pub fn keys(&self, store: &Folder) -> Result<&Keys, StoreError> {
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
    pub fn find_keys(&self, store: &Folder) -> Result<Option<&Keys>, StoreError> {
        if let Some(keys) = self.keys.get() {
            return Ok(Some(&keys.keys));
        }
        let Some(folder) = store.child(KEYS).map_err(flawed(store, KEYS))? else {
            return Ok(None);
        };
        let record = key_record::read(&folder, &self.name)?;
        let usable = record.keys().filter(|key| self.vaults.contains(&key.vault));
        let mut search = KeySearch::new(&self.surroundings);
        let mut found = usable.filter_map(|key| Some((search.find(key).ok()??, key.vault)));
        Ok(found.next().map(|(key, vault)| self.use_keys(Keys::sealing_with(&key), Some(vault))))
    }

    /// Every key that there may be files of: those of the record, whatever vaults this process was told to use, the one in
    /// use, and none at all.
    pub fn every_key(&self, store: &Folder) -> Result<EveryKey, StoreError> {
        let mut every = EveryKey { in_reach: vec![Keys::unencrypted()], out_of_reach: Vec::new() };
        if let Some(KeysInUse { keys, vault: Some(_) }) = self.keys.get() {
            every.in_reach.push(keys.clone());
        }
        let Some(folder) = store.child(KEYS).map_err(flawed(store, KEYS))? else {
            return Ok(every);
        };
        let mut search = KeySearch::new(&self.surroundings);
        for key in key_record::read(&folder, &self.name)?.keys() {
            if every.in_reach.iter().any(|keys| keys.id() == key.id) {
                continue;
            }
            match search.find(key) {
                Ok(Some(found)) => every.in_reach.push(Keys::sealing_with(&found)),
                Ok(None) => every.out_of_reach.push((key.clone(), None)),
                Err(refusal) => every.out_of_reach.push((key.clone(), Some(refusal))),
            }
        }
        Ok(every)
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
            let mut record = key_record::read(folder, &self.name)?;
            let boot = BootMoment::now().map(|moment| moment.boot);
            let new = Whereabouts { vault, id, boot: boot.clone().filter(|_| vault.dies_with_the_boot()) };
            record
                .add(new, boot.as_deref())
                .and_then(|()| record.write(folder, &self.name))
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

/// A folder of ours in the state folder; `None`: there is none.
pub(super) fn existing(state_folder: &Path, folder: &'static str) -> Result<Option<Folder>, StoreError> {
    Ok(PrivateFolder::open(state_folder, folder)?.map(PrivateFolder::into_folder))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::folder::make_all;
    use crate::store::{Environment, VaultChoice};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_key_is_made_by_one_at_a_time() {
        let stage = Path::new("/dev/shm").join(format!("atc-keys-{}", std::process::id()));
        make_all(&stage).unwrap();
        let open = || {
            let options = StoreOptions {
                directory: Some(stage.join("state")),
                name: "default".into(),
                vault: VaultChoice::Only(VaultKind::KeyFile),
                unsafe_allow_unencrypted: false,
                environment: Environment::from_iter([("XDG_RUNTIME_DIR", &stage)]),
            };
            KeyedFolder::open("store", &options).unwrap()
        };
        let (early, late) = (open(), open());
        let folder = early.make_folder().unwrap();
        let held = take(&folder, Range::Keys, Duration::ZERO, Doing::KeepKey).unwrap();
        let refused = early.keys_in_time(&folder, Duration::ZERO).err();
        assert!(matches!(refused, Some(StoreError::Busy(Doing::KeepKey))), "{refused:?}");
        drop(held);
        let id = early.keys(&folder).unwrap().id().to_owned();
        assert_eq!(late.keys_in_time(&folder, Duration::ZERO).unwrap().id(), id);
        std::fs::remove_dir_all(stage).unwrap();
    }
}
