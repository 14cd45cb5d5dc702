//! A home and a runtime folder of a test's own, and what the tests keep in them.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use azure_token_cache_host::boot::BootMoment;
use azure_token_cache_host::store::{
    AzFailure, Content, EntryKey, Environment, Failure, Found, Generation, Record, Saved, Secret, Store,
    StoreOptions, Token, VaultChoice, VaultKind,
};

/// What a token begins with in these tests: a search for it must find nothing.
pub const CANARY: &str = "CANARY-";

/// Two folders in memory, gone when the test ends.
pub struct Stage(PathBuf);

impl Stage {
    pub fn new(name: &str) -> Self {
        let path = Path::new("/dev/shm").join(format!("atc-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for folder in [path.clone(), path.join("home"), path.join("run")] {
            DirBuilder::new().mode(0o700).create(folder).unwrap();
        }
        Self(path)
    }

    /// All of it in another place, with its owners, permissions and times.
    pub fn copy(&self, name: &str) -> Self {
        let copy = Self::new(name);
        fs::remove_dir_all(&copy.0).unwrap();
        assert!(Command::new("cp").arg("-pR").args([&self.0, &copy.0]).status().unwrap().success());
        copy
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn state(&self) -> PathBuf {
        self.0.join("home/.local/state/azure-token-cache")
    }

    pub fn options(&self) -> StoreOptions {
        StoreOptions {
            directory: None,
            name: "default".into(),
            vault: VaultChoice::Only(VaultKind::KeyFile),
            unsafe_allow_unencrypted: false,
            environment: Environment::from_iter([
                ("HOME", self.0.join("home")),
                ("XDG_RUNTIME_DIR", self.0.join("run")),
            ]),
        }
    }

    pub fn store(&self) -> Store {
        Store::open(&self.options()).unwrap()
    }

    /// Every file of the state folder, by its path in it.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        gather(&self.state(), "", &mut files);
        files.sort();
        files
    }

    /// Every file of the home and of the runtime folder.
    pub fn all_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        gather(&self.0, "", &mut files);
        files.iter().map(|file| self.0.join(file)).collect()
    }

    /// The folder that entries lie in.
    pub fn entries(&self) -> PathBuf {
        let folders = fs::read_dir(self.state().join("store")).unwrap().map(|entry| entry.unwrap().path());
        let mut of_keys = folders.filter(|path| path.file_name().unwrap().len() == 32);
        let folder = of_keys.next().unwrap();
        assert_eq!(of_keys.next(), None);
        folder
    }

    /// The only file of a token.
    pub fn entry_file(&self) -> PathBuf {
        self.only_file("store/")
    }

    /// The only file of a document.
    pub fn document_file(&self) -> PathBuf {
        self.only_file("documents/")
    }

    fn only_file(&self, folder: &str) -> PathBuf {
        let files = self.files();
        let mut sealed = files.iter().filter(|file| {
            file.starts_with(folder) && file.rsplit('/').next().is_some_and(|name| name.len() == 64)
        });
        let file = self.state().join(sealed.next().unwrap());
        assert_eq!(sealed.next(), None);
        file
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn key(name: &str) -> EntryKey {
    EntryKey::from_parts(&[b"az", name.as_bytes(), b"/home/ann/.azure"])
}

/// What the tests keep their one document under.
pub fn document() -> EntryKey {
    EntryKey::from_parts(&[b"msal", b"msal.cache", b"cae"])
}

pub fn token(text: &str) -> Token {
    Token {
        secret: Secret::new(format!("{CANARY}{text}")),
        token_type: "Bearer".into(),
        expires_on: Some(4_000_000_000),
        expires_on_text: Some("2096-10-02 09:06:40.000000".into()),
        expires_at_ms: 4_000_000_000_000,
        refresh_at_ms: None,
        acquired_at_ms: 1_790_000_000_000,
        acquired_at_boot: Some(BootMoment { boot: "a boot".into(), elapsed_ms: 7 }),
        tenant: "tenant".into(),
        subscription: Some("subscription".into()),
        account: "ann".into(),
        login_witness: "01".into(),
        session_witness: "02".into(),
        extra: serde_json::from_str(r#"{"kept":[1,"two"]}"#).unwrap(),
    }
}

pub fn record(text: &str, generation: Generation) -> Record {
    Record { generation, content: Content::Token(Box::new(token(text))) }
}

/// A fetch that failed now.
pub fn failure() -> Failure {
    Failure {
        failed_at_ms: now_ms(),
        class: "NotLoggedIn".into(),
        message: "CANARY-like text".into(),
        retry_after_ms: Some(5),
        network: true,
        login_witness: "1".into(),
        session_witness: "2".into(),
        az: Some(AzFailure { exit_code: 1, stderr: "ERROR: Please run 'az login'".into() }),
    }
}

/// Saves upon what is there.
pub fn put(store: &Store, key: &EntryKey, text: &str) {
    let generation = store.load(key).generation;
    assert_eq!(store.save(key, &record(text, generation), generation).unwrap(), Saved::Written);
}

/// The text of the token that is there.
pub fn get(store: &Store, key: &EntryKey) -> Option<String> {
    match store.load(key).found {
        Found::Token(token) => Some(token.secret.expose().strip_prefix(CANARY).unwrap().to_owned()),
        Found::Nothing | Found::Tombstone => None,
    }
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

fn gather(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push(name);
        }
    }
}
