//! Documents: what several processes make of one is all in it, and what cannot be read is replaced.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use azure_token_cache_host::store::{
    Documents, Environment, Flaw, Look, StoreError, StoreOptions, VaultChoice, VaultKind,
};
use serde_json::{Value, json};

use crate::child::Child;
use crate::stage::{CANARY, Stage, document, get, key, put};

fn open(stage: &Stage) -> Documents {
    Documents::open(&stage.options()).unwrap()
}

fn merge(documents: &Documents, base: &Value, ours: &Value) -> Value {
    let merged = documents.merge(&document(), &base.to_string(), &ours.to_string()).unwrap();
    serde_json::from_str(&merged.text).unwrap()
}

fn load(documents: &Documents) -> Option<Value> {
    match documents.load(&document(), "").unwrap() {
        Look::Found(found) => Some(serde_json::from_str(&found.text).unwrap()),
        Look::Missing | Look::Unchanged | Look::Flawed(_) => None,
    }
}

#[test]
fn what_two_add_and_remove_at_once_is_all_in_the_document() {
    let stage = Stage::new("document-two");
    let (one, two) = (open(&stage), open(&stage));
    assert_eq!(one.load(&document(), "").unwrap(), Look::Missing);
    let base = merge(&one, &json!({}), &json!({ "s": { "both": 1, "first": 1, "second": 1 } }));
    merge(&one, &base, &json!({ "s": { "both": 1, "second": 1, "of one": 1 } }));
    let merged = merge(&two, &base, &json!({ "s": { "both": 1, "first": 1, "of two": 1 } }));
    let all = json!({ "s": { "both": 1, "of one": 1, "of two": 1 } });
    assert_eq!(merged, all);
    assert_eq!(load(&one), Some(all));
}

#[test]
fn a_version_that_is_known_is_not_read_again() {
    let stage = Stage::new("document-version");
    let documents = open(&stage);
    let first = documents.merge(&document(), "{}", r#"{"a":1}"#).unwrap();
    assert_eq!(documents.load(&document(), &first.version).unwrap(), Look::Unchanged);
    let second = documents.merge(&document(), "{}", "{}").unwrap();
    assert_eq!(first.text, second.text);
    assert!(
        matches!(documents.load(&document(), &first.version).unwrap(), Look::Found(found) if found == second)
    );
}

#[test]
fn a_change_that_is_no_object_changes_nothing() {
    let stage = Stage::new("document-nothing");
    let documents = open(&stage);
    let before = merge(&documents, &json!({}), &json!({ "s": { "a": 1 } }));
    for ours in ["", "[]", "no json", r#"{"s":"#] {
        documents.merge(&document(), &before.to_string(), ours).unwrap();
        assert_eq!(load(&documents), Some(before.clone()), "{ours}");
    }
}

#[test]
fn eight_processes_lose_nothing_and_one_that_is_killed_holds_nobody_up() {
    let stage = Stage::new("document-crowd");
    let mut killed = Child::start(&stage, VaultKind::KeyFile);
    killed.tell("count-on killed");
    let crowd: Vec<Child> = (0..8)
        .map(|who| {
            let mut child = Child::start(&stage, VaultKind::KeyFile);
            child.tell(&format!("count-up p{who} 20"));
            child
        })
        .collect();
    while load(&open(&stage)).is_none_or(|document| document["section"]["killed-3"].is_null()) {
        std::thread::yield_now();
    }
    killed.kill();
    for mut child in crowd {
        assert_eq!(child.answer(), "counted");
    }
    let document = load(&open(&stage)).unwrap();
    let section = document["section"].as_object().unwrap();
    for who in 0..8 {
        for count in 0..20 {
            assert!(section.contains_key(&format!("p{who}-{count}")), "{who} {count}");
        }
        assert!(!section.contains_key(&format!("p{who}-passing")));
    }
}

#[test]
fn a_file_that_was_changed_is_flawed_and_the_next_change_replaces_it() {
    let stage = Stage::new("document-flaws");
    let documents = open(&stage);
    let whole = json!({ "s": { "a": format!("{CANARY}1") } });
    merge(&documents, &json!({}), &whole);
    let file = stage.document_file();
    let bytes = fs::read(&file).unwrap();
    assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (damaged, mode, flaw) in [
        (&bytes[..bytes.len() - 1], 0o600, Flaw::Unopenable),
        (&[], 0o600, Flaw::Unopenable),
        (&flipped, 0o600, Flaw::Unopenable),
        (br#"{"s":{"a":"foreign"}}"#, 0o600, Flaw::Unopenable),
        (&bytes, 0o644, Flaw::TooOpen(0o644)),
    ] {
        fs::write(&file, damaged).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        assert_eq!(documents.load(&document(), "").unwrap(), Look::Flawed(flaw));
        // As if nobody had changed anything: what the caller has is not lost.
        assert_eq!(merge(&documents, &whole, &whole), whole);
        assert_eq!(load(&documents), Some(whole.clone()));
    }
}

#[test]
fn a_document_under_the_name_of_another_does_not_open() {
    for vault in [VaultKind::KeyFile, VaultKind::Keychain] {
        let stage = Stage::new("document-moved");
        let mut options = stage.options();
        options.vault = VaultChoice::Only(vault);
        options.unsafe_allow_unencrypted = true;
        let documents = Documents::open(&options).unwrap();
        merge(&documents, &json!({}), &json!({ "s": {} }));
        let first = stage.document_file();
        documents.merge(&key("other"), "{}", r#"{"other":{}}"#).unwrap();
        let mut files = fs::read_dir(first.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        fs::rename(files.find(|path| *path != first).unwrap(), &first).unwrap();
        assert_eq!(documents.load(&document(), "").unwrap(), Look::Flawed(Flaw::Unopenable));
    }
}

#[test]
fn no_vault_is_an_error_and_unencrypted_files_go_once_there_is_one() {
    let stage = Stage::new("document-vault");
    let mut options = StoreOptions {
        environment: Environment::from_iter([("HOME", stage.path().join("home"))]),
        ..stage.options()
    };
    assert!(matches!(Documents::open(&options), Err(StoreError::NoVault(_))));
    options.unsafe_allow_unencrypted = true;
    let unsealed = Documents::open(&options).unwrap();
    let plain = json!({ "s": { "a": format!("{CANARY}1") } });
    merge(&unsealed, &json!({}), &plain);
    let plain_file = stage.document_file();
    assert_eq!(fs::metadata(&plain_file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(String::from_utf8_lossy(&fs::read(&plain_file).unwrap()).contains(CANARY));
    // A vault has come, and no key is made yet: what was written before is deleted all the same.
    open(&stage).remove(&document()).unwrap();
    assert!(!plain_file.exists());
    merge(&unsealed, &json!({}), &plain);
    let sealed = open(&stage);
    assert_eq!(load(&sealed), None);
    merge(&sealed, &json!({}), &plain);
    assert!(!plain_file.exists());
    assert_eq!(load(&sealed), Some(plain));
}

#[test]
fn documents_and_tokens_do_not_know_each_other() {
    let stage = Stage::new("document-apart");
    let documents = open(&stage);
    merge(&documents, &json!({}), &json!({ "s": { "a": 1 } }));
    put(&stage.store(), &key("a"), "token");
    assert_eq!(stage.store().clear().unwrap(), 1);
    assert!(load(&documents).is_some());
    put(&stage.store(), &key("a"), "token");
    documents.remove(&document()).unwrap();
    assert_eq!(load(&documents), None);
    documents.remove(&document()).unwrap();
    assert_eq!(get(&stage.store(), &key("a")).as_deref(), Some("token"));
}

#[test]
fn a_document_is_swept_when_nobody_changed_it_for_a_hundred_days_and_not_before() {
    let stage = Stage::new("document-sweep");
    let documents = open(&stage);
    merge(&documents, &json!({}), &json!({ "s": { "a": 1 } }));
    let first = stage.document_file();
    let another = |name: &str| documents.merge(&key(name), "{}", r#"{"s":{}}"#).unwrap();
    another("b");
    let left = first.metadata().unwrap().modified().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((99..=100).contains(&(left.as_secs() / 86_400)), "{left:?}");
    fs::File::open(&first).unwrap().set_modified(SystemTime::now() - Duration::from_secs(1)).unwrap();
    another("c");
    assert!(!first.exists());
    assert_eq!(documents.load(&key("b"), "").unwrap(), documents.load(&key("b"), "").unwrap());
    assert!(matches!(documents.load(&key("b"), "").unwrap(), Look::Found(_)));
}

#[test]
fn a_writer_that_was_stopped_is_waited_for_and_not_for_ever() {
    let stage = Stage::new("document-busy");
    let documents = open(&stage);
    merge(&documents, &json!({}), &json!({}));
    let path = stage.state().join("documents/lock");
    let program = "import fcntl, sys\nlock = open(sys.argv[1], 'r+b')\nfcntl.lockf(lock, fcntl.LOCK_EX, 1, 2 << 56)\nprint('held', flush=True)\nsys.stdin.read()";
    let mut holder = std::process::Command::new("python3")
        .args(["-c", program, path.to_str().unwrap()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.stdout.take().unwrap()), &mut said)
        .unwrap();
    assert_eq!(said.trim(), "held");
    let refused = documents.merge(&document(), "{}", r#"{"a":1}"#);
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(merge(&documents, &json!({}), &json!({ "a": 1 })), json!({ "a": 1 }));
}
