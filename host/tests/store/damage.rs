//! Each file of a store, cut off at each length and with a bit changed in each byte: a miss, never another's token, and
//! whoever then saves has what it saved.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use azure_token_cache_host::store::{
    Documents, Failure, Flaw, Found, Loaded, Look, Saved, Store, StoreError,
};

use crate::stage::{Stage, document, failure, get, key, put, record};

/// No file of the tests is swept for so long.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DOCUMENT: &str = r#"{"section":{"kept":"whole"}}"#;

#[test]
fn a_damaged_entry_is_a_miss_that_says_so_once() {
    let kept = Kept::new("damaged-entry");
    damage(&kept.entry(), |damage| {
        let store = kept.stage.store();
        let Loaded { found, flaw, .. } = store.load(&key("a"));
        assert_eq!((found, flaw), (Found::Nothing, Some(Flaw::Unopenable)), "{damage}");
        assert_eq!(store.load(&key("a")).flaw, None, "{damage}");
    });
    assert_eq!(kept.left(), Left { token: None, ..kept.whole.clone() });
    kept.keep_again("an entry");
}

#[test]
fn a_damaged_failure_is_none() {
    let kept = Kept::new("damaged-failure");
    damage(&kept.entry().with_extension("failure"), |damage| {
        assert_eq!(kept.stage.store().load_failure(&key("a")), None, "{damage}");
    });
    assert_eq!(kept.left(), Left { failure: None, ..kept.whole.clone() });
    kept.keep_again("a failure");
}

#[test]
fn a_damaged_document_is_flawed() {
    let kept = Kept::new("damaged-document");
    damage(&kept.document(), |damage| {
        let look = documents(&kept.stage).load(&document(), "").unwrap();
        assert_eq!(look, Look::Flawed(Flaw::Unopenable), "{damage}");
    });
    assert_eq!(kept.left(), Left { document: None, ..kept.whole.clone() });
    kept.keep_again("a document");
}

#[test]
fn a_damaged_record_of_keys_loses_the_key_or_nothing() {
    let kept = Kept::new("damaged-record");
    let without = Left { token: None, failure: None, ..kept.whole.clone() };
    let (mut lost, mut later, mut all) = (0, 0, 0);
    damage(&kept.stage.state().join("store/keys/default.json"), |damage| {
        // A changed number of the version: what a later program wrote is left alone.
        if let Err(StoreError::Folder { flaw: Flaw::LaterVersion, .. }) = Store::open(&kept.stage.options()) {
            later += 1;
            return;
        }
        let left = kept.left();
        assert!(left == without || left == kept.whole, "{damage}: {left:?}");
        all += 1;
        if left == without {
            lost += 1;
            kept.keep_again(damage);
        }
    });
    assert!(lost > all / 2 && later > 0, "{lost} of {all}, and {later} of a later version");
}

#[test]
fn a_damaged_key_opens_nothing() {
    let kept = Kept::new("damaged-key");
    let of = |file: &Path| {
        let id = file.parent().unwrap().file_name().unwrap();
        kept.stage.path().join("run/azure-token-cache").join(id)
    };
    let without_tokens = Left { token: None, failure: None, ..kept.whole.clone() };
    let without_documents = Left { document: None, ..kept.whole.clone() };
    for (key, without) in [(of(&kept.entry()), without_tokens), (of(&kept.document()), without_documents)] {
        damage(&key, |damage| {
            assert_eq!(kept.left(), without, "{damage}");
            kept.keep_again(damage);
        });
    }
}

#[test]
fn a_damaged_number_of_clearings_is_another_and_the_next_clearing_keeps_out_what_was_on_its_way() {
    let kept = Kept::new("damaged-number");
    let file = kept.stage.state().join("store/lock");
    let number = fs::read_to_string(&file).unwrap();
    damage(&file, |damage| {
        let same = fs::read_to_string(&file).is_ok_and(|damaged| damaged.trim() == number.trim());
        let token = kept.whole.token.clone().filter(|_| same);
        assert_eq!(kept.left(), Left { token, ..kept.whole.clone() }, "{damage}");
        let store = kept.stage.store();
        let before = store.load(&key("b")).generation;
        store.clear().unwrap();
        let late = store.save(&key("b"), &record("late", before), before).unwrap();
        assert!(matches!(late, Saved::Superseded(_)), "{damage}");
        kept.keep_again(damage);
    });
}

/// A store with one of everything in it, which was cleared before.
struct Kept {
    stage: Stage,
    files: Vec<(PathBuf, Vec<u8>)>,
    whole: Left,
}

/// What somebody finds who comes now.
#[derive(Clone, Debug, PartialEq)]
struct Left {
    token: Option<String>,
    failure: Option<Failure>,
    document: Option<String>,
}

impl Kept {
    fn new(name: &str) -> Self {
        let stage = Stage::new(name);
        stage.store().save_failure(&key("a"), &failure()).unwrap();
        stage.store().clear().unwrap();
        put(&stage.store(), &key("a"), "one");
        stage.store().save_failure(&key("a"), &failure()).unwrap();
        documents(&stage).merge(&document(), "{}", DOCUMENT).unwrap();
        let files =
            stage.all_files().into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        let whole = left(&stage);
        assert_eq!(
            (whole.token.as_deref(), whole.failure.is_some(), whole.document.as_deref()),
            (Some("one"), true, Some(DOCUMENT))
        );
        Self { stage, files, whole }
    }

    fn entry(&self) -> PathBuf {
        self.stage.entry_file()
    }

    fn document(&self) -> PathBuf {
        self.stage.document_file()
    }

    fn left(&self) -> Left {
        left(&self.stage)
    }

    fn restore(&self) {
        for file in self.stage.all_files() {
            fs::remove_file(file).unwrap();
        }
        for (path, bytes) in &self.files {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let mut file = file.unwrap();
            file.write_all(bytes).unwrap();
            file.set_modified(SystemTime::now() + DAY).unwrap();
        }
    }

    /// What is saved now is there, whatever `damage` was done; then all is whole again.
    fn keep_again(&self, damage: &str) {
        let store = self.stage.store();
        put(&store, &key("a"), "two");
        store.save_failure(&key("a"), &failure()).unwrap();
        documents(&self.stage).merge(&document(), "{}", r#"{"next":{}}"#).unwrap();
        let left = self.left();
        assert_eq!(left.token.as_deref(), Some("two"), "{damage}");
        assert!(left.failure.is_some(), "{damage}");
        assert!(left.document.unwrap().contains("next"), "{damage}");
        self.restore();
    }
}

/// Damages a file in every way, one after the other; the last one stays.
fn damage(file: &Path, mut check: impl FnMut(&str)) {
    let whole = fs::read(file).unwrap();
    let cut = (0..whole.len()).map(|length| (format!("cut to {length}"), whole[..length].to_vec()));
    let changed = (0..whole.len()).map(|at| {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        (format!("changed at {at}"), changed)
    });
    let longer = [1, 100].map(|more| (format!("longer by {more}"), [&whole[..], &vec![b'x'; more]].concat()));
    for (damage, bytes) in cut.chain(changed).chain(longer) {
        fs::write(file, bytes).unwrap();
        check(&damage);
    }
}

fn left(stage: &Stage) -> Left {
    let document = match documents(stage).load(&document(), "").unwrap() {
        Look::Found(found) => Some(found.text.to_string()),
        Look::Missing | Look::Unchanged | Look::Flawed(_) => None,
    };
    let store = stage.store();
    Left { token: get(&store, &key("a")), failure: store.load_failure(&key("a")), document }
}

fn documents(stage: &Stage) -> Documents {
    Documents::open(&stage.options()).unwrap()
}
