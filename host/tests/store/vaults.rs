//! Each vault, the real one: a key made there is found by others, and where there is none the error says what can be done.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use azure_token_cache_host::store::{
    Environment, Flaw, Found, Refusal, Store, StoreError, StoreOptions, VaultChoice, VaultKind,
};
use azure_token_cache_tests_system::desktop::Desktop;
use azure_token_cache_tests_system::keyring;
use linux_keyutils::Key;
use nix::libc::{EPERM, SYS_add_key, SYS_keyctl, SYS_request_key};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::stage::{CANARY, Stage, get, key, put};

#[test]
fn a_key_in_the_kernel_keyring_serves_other_threads_and_its_loss_is_a_miss() {
    let stage = Stage::new("kernel");
    let options = with_vault(&stage, VaultKind::KernelKeyring);
    let store = Store::open(&options).unwrap();
    put(&store, &key("a"), "one");
    assert_eq!(store.vault(), Some(VaultKind::KernelKeyring));
    thread::scope(|scope| {
        let other = scope.spawn(|| get(&Store::open(&options).unwrap(), &key("a")));
        assert_eq!(other.join().unwrap().as_deref(), Some("one"));
    });

    kernel_key(&stage, 0).invalidate().unwrap();
    let after = Store::open(&options).unwrap();
    assert_eq!(get(&after, &key("a")), None);
    put(&after, &key("a"), "two");
    assert_eq!(get(&Store::open(&options).unwrap(), &key("a")).as_deref(), Some("two"));
    kernel_key(&stage, 1).invalidate().unwrap();
}

#[test]
fn a_key_in_an_unlocked_secret_service_serves_all() {
    let stage = Stage::new("secret-service");
    let desktop = Desktop::start(&stage.path().join("home"), &stage.path().join("run"));
    let options = on_desktop(&stage, &desktop);
    put(&open_patiently(&options), &key("a"), "one");
    let store = Store::open(&options).unwrap();
    assert_eq!(store.vault(), Some(VaultKind::SecretService));
    assert_eq!(get(&store, &key("a")).as_deref(), Some("one"));
    assert_eq!(fs::read_dir(stage.path().join("run/azure-token-cache")).ok().map(Iterator::count), None);
}

#[test]
fn a_locked_secret_service_is_refused_without_a_question() {
    let stage = Stage::new("locked");
    let desktop = Desktop::start(&stage.path().join("home"), &stage.path().join("run"));
    let options = on_desktop(&stage, &desktop);
    put(&open_patiently(&options), &key("a"), "one");
    desktop.lock();
    let refused = Store::open(&options).err();
    assert!(
        matches!(&refused, Some(StoreError::NoVault(all)) if *all == [(VaultKind::SecretService, Refusal::Locked)]),
        "{refused:?}"
    );
}

#[test]
fn a_key_that_is_gone_from_the_secret_service_is_a_miss_and_a_new_one_is_kept_there() {
    let stage = Stage::new("item-gone");
    let desktop = Desktop::start(&stage.path().join("home"), &stage.path().join("run"));
    let options = on_desktop(&stage, &desktop);
    put(&open_patiently(&options), &key("a"), "one");
    let [item] = &desktop.items()[..] else { panic!("one item") };
    desktop.call(item, "Item.Delete", &[]);
    let store = open_patiently(&options);
    assert_eq!(get(&store, &key("a")), None);
    put(&store, &key("a"), "two");
    assert_eq!(get(&open_patiently(&options), &key("a")).as_deref(), Some("two"));
    assert_eq!(store.vault(), Some(VaultKind::SecretService));
    assert_eq!(desktop.items().len(), 1);
}

#[test]
fn where_the_kernel_keyring_is_refused_the_secret_service_comes_next_then_a_key_file_then_an_error() {
    const KEYRING: (VaultKind, Refusal) =
        (VaultKind::KernelKeyring, Refusal::Refused(ErrorKind::PermissionDenied));
    let stage = Stage::new("order");
    let desktop = Desktop::start(&stage.path().join("home"), &stage.path().join("run"));
    open_patiently(&on_desktop(&stage, &desktop));
    let auto = |environment| StoreOptions { vault: VaultChoice::Auto, environment, ..stage.options() };
    let with_all = auto(environment(&stage, Some(&desktop.address)));
    let without_a_desktop = auto(environment(&stage, None));
    without_the_kernel_keyring(|| {
        assert_eq!(refusals(&with_vault(&stage, VaultKind::KernelKeyring)), [KEYRING]);
        // A machine that is too busy for the service to answer in time may be asked again.
        let last = Instant::now() + Duration::from_secs(20);
        while chosen(&stage, &with_all) != VaultKind::SecretService {
            assert!(Instant::now() < last, "the service answers");
        }
        desktop.lock();
        assert_eq!(chosen(&stage, &with_all), VaultKind::KeyFile);
        assert_eq!(chosen(&stage, &without_a_desktop), VaultKind::KeyFile);

        let nowhere = [("HOME", stage.path().join("home")), ("XDG_RUNTIME_DIR", "/nowhere".into())];
        let neither = auto(Environment::from_iter(nowhere));
        let said = Store::open(&neither).err().unwrap().to_string();
        assert!(
            said.contains(
                "kernel keyring: permission denied, Secret Service: no desktop session, key file: no \
                 XDG_RUNTIME_DIR. Make one of them available"
            ),
            "{said}"
        );
        assert_eq!(
            refusals(&neither),
            [
                KEYRING,
                (VaultKind::SecretService, Refusal::NoSession),
                (VaultKind::KeyFile, Refusal::NoRuntimeFolder)
            ]
        );
    });
}

#[test]
fn a_session_without_the_service_is_refused_and_does_not_start_it() {
    let stage = Stage::new("no-service");
    let bus = Desktop::bus(&stage.path().join("home"), &stage.path().join("run"));
    assert_eq!(refusals(&on_desktop(&stage, &bus)), [(VaultKind::SecretService, Refusal::NoSession)]);
}

#[test]
fn a_bus_that_never_answers_is_left_after_its_time() {
    let stage = Stage::new("mute");
    let socket = stage.path().join("mute");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let mut options = with_vault(&stage, VaultKind::SecretService);
    options.environment = environment(&stage, Some(&address));
    assert_eq!(refusals(&options), [(VaultKind::SecretService, Refusal::TooSlow)]);
}

#[test]
fn without_a_vault_the_error_names_those_that_were_asked_and_unsealed_files_need_a_word() {
    let stage = Stage::new("none");
    let mut options = stage.options();
    options.environment =
        Environment::from_iter([("HOME", stage.path().join("home")), ("XDG_RUNTIME_DIR", "/nowhere".into())]);
    let error = Store::open(&options).err().unwrap();
    let said = error.to_string();
    assert!(
        matches!(&error, StoreError::NoVault(all) if *all == [(VaultKind::KeyFile, Refusal::NoRuntimeFolder)])
    );
    assert!(said.ends_with("key file: no XDG_RUNTIME_DIR. Make one of them available"), "{said}");

    options.unsafe_allow_unencrypted = true;
    let store = Store::open(&options).unwrap();
    assert!(store.is_unencrypted());
    put(&store, &key("a"), "plain");
    assert_eq!(get(&Store::open(&options).unwrap(), &key("a")).as_deref(), Some("plain"));
    assert_eq!(leaks(&stage), ["plain"]);
    assert_eq!(get(&stage.store(), &key("a")), None, "whoever seals does not read what is unsealed");

    let plain = stage.state().join("store/plain");
    let first = fs::read_dir(&plain).unwrap().next().unwrap().unwrap().path();
    put(&store, &key("b"), "other");
    let second = fs::read_dir(&plain).unwrap().map(|file| file.unwrap().path()).find(|file| *file != first);
    fs::rename(first, second.unwrap()).unwrap();
    assert_eq!(store.load(&key("b")).flaw, Some(Flaw::Unopenable), "not even unsealed under another name");
}

#[test]
fn the_vault_that_the_first_process_chose_is_used_by_those_that_leave_it_open() {
    let stage = Stage::new("auto");
    let auto = StoreOptions { vault: VaultChoice::Auto, ..stage.options() };
    put(&stage.store(), &key("a"), "one");
    let store = Store::open(&auto).unwrap();
    assert_eq!(get(&store, &key("a")).as_deref(), Some("one"));
    assert_eq!(store.vault(), Some(VaultKind::KeyFile));

    // With the key file gone, the first of the system's order.
    fs::remove_dir_all(stage.path().join("run/azure-token-cache")).unwrap();
    let store = Store::open(&auto).unwrap();
    put(&store, &key("a"), "two");
    assert_eq!(store.vault(), Some(VaultKind::KernelKeyring));
    kernel_key(&stage, 1).invalidate().unwrap();
}

#[test]
fn what_is_invalidated_is_so_under_every_key_in_reach_and_unsealed_too() {
    let stage = Stage::new("every-key");
    let in_keyring = Store::open(&with_vault(&stage, VaultKind::KernelKeyring)).unwrap();
    let mut options = stage.options();
    options.environment =
        Environment::from_iter([("HOME", stage.path().join("home")), ("XDG_RUNTIME_DIR", "/nowhere".into())]);
    options.unsafe_allow_unencrypted = true;
    let stores = [in_keyring, stage.store(), Store::open(&options).unwrap()];
    for store in &stores {
        put(store, &key("a"), "one");
    }
    assert_eq!(stage.store().invalidate_where(|_| true).unwrap(), 3);
    for store in &stores {
        assert_eq!(store.load(&key("a")).found, Found::Tombstone);
    }
    kernel_key(&stage, 0).invalidate().unwrap();
}

#[test]
fn nothing_in_the_folder_shows_a_token_in_any_form() {
    let stage = Stage::new("leaks");
    put(&stage.store(), &key("a"), "one");
    stage.store().invalidate(&key("b")).unwrap();
    assert_eq!(leaks(&stage), [] as [&str; 0]);
}

#[test]
fn a_runtime_folder_that_others_may_read_or_that_is_on_a_disk_takes_no_key() {
    let stage = Stage::new("runtime");
    let run = stage.path().join("run");
    fs::set_permissions(&run, Permissions::from_mode(0o750)).unwrap();
    assert_eq!(refusals(&stage.options()), [(VaultKind::KeyFile, Refusal::Flawed(Flaw::TooOpen(0o750)))]);

    let disk = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("atc-{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&disk).unwrap();
    let mut options = stage.options();
    options.environment =
        Environment::from_iter([("HOME", stage.path().join("home")), ("XDG_RUNTIME_DIR", disk.clone())]);
    let refused = Store::open(&options).err();
    fs::remove_dir(&disk).unwrap();
    assert!(
        matches!(&refused, Some(StoreError::NoVault(all)) if all[0].1 == Refusal::RuntimeFolderOnDisk),
        "{refused:?}"
    );
}

#[test]
fn a_key_file_that_is_not_ours_alone_or_too_long_is_not_taken() {
    let stage = Stage::new("key-file");
    put(&stage.store(), &key("a"), "one");
    let folder = stage.path().join("run/azure-token-cache");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    assert_eq!(get(&stage.store(), &key("a")), None);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(get(&stage.store(), &key("a")).as_deref(), Some("one"));
    let bytes = fs::read(&file).unwrap();
    for wrong in [[&bytes[..], b"x"].concat(), bytes[1..].to_vec(), vec![7; 32]] {
        fs::write(&file, wrong).unwrap();
        assert_eq!(get(&stage.store(), &key("a")), None);
    }
    put(&stage.store(), &key("a"), "two");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "a key that is not the recorded one seals nothing");
}

/// Which vault the first process of a new store takes.
fn chosen(stage: &Stage, options: &StoreOptions) -> VaultKind {
    let _ = fs::remove_dir_all(stage.state());
    let store = Store::open(options).unwrap();
    put(&store, &key("a"), "one");
    store.vault().unwrap()
}

/// Does it in a thread to which the kernel refuses its keyring, as Docker's default profile does to a container.
fn without_the_kernel_keyring(act: impl FnOnce() + Send) {
    let calls = [SYS_add_key, SYS_keyctl, SYS_request_key].map(|call| (call, Vec::new()));
    let refuse = SeccompAction::Errno(EPERM.try_into().unwrap());
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter =
        SeccompFilter::new(calls.into_iter().collect(), SeccompAction::Allow, refuse, architecture).unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    thread::scope(|scope| {
        let refused = scope.spawn(move || {
            seccompiler::apply_filter(&filter).unwrap();
            act();
        });
        refused.join().unwrap();
    });
}

pub fn with_vault(stage: &Stage, vault: VaultKind) -> StoreOptions {
    StoreOptions { vault: VaultChoice::Only(vault), ..stage.options() }
}

fn refusals(options: &StoreOptions) -> Vec<(VaultKind, Refusal)> {
    match Store::open(options) {
        Err(StoreError::NoVault(refusals)) => refusals,
        other => panic!("a refusal was expected: {:?}", other.err()),
    }
}

/// The forms in which a token stands somewhere in the state folder.
fn leaks(stage: &Stage) -> Vec<&'static str> {
    let utf16: Vec<u16> = CANARY.encode_utf16().collect();
    let forms: [(&str, Vec<u8>); 6] = [
        ("plain", CANARY.into()),
        ("UTF-16LE", utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
        ("UTF-16BE", utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
        // What `CANARY-` alone decides of its base64, at each of the three offsets.
        ("base64", "Q0FOQVJZL".into()),
        ("base64 + 1", "NBTkFSWS".into()),
        ("base64 + 2", "DQU5BUlkt".into()),
    ];
    let files: Vec<_> =
        stage.files().iter().map(|file| fs::read(stage.state().join(file)).unwrap()).collect();
    assert!(!files.is_empty());
    let stands = |form: &[u8]| files.iter().any(|file| file.windows(form.len()).any(|part| part == form));
    forms.into_iter().filter(|(_, form)| stands(form)).map(|(name, _)| name).collect()
}

/// The key that the store's record names in this place.
pub fn kernel_key(stage: &Stage, place: usize) -> Key {
    kernel_key_in(&stage.state().join("store"), place)
}

/// The same of the store's or the documents' folder.
pub fn kernel_key_in(folder: &Path, place: usize) -> Key {
    keyring::kernel_key(folder, place)
}

pub fn environment(stage: &Stage, bus: Option<&str>) -> Environment {
    let mut variables = vec![
        ("HOME", stage.path().join("home").into_os_string()),
        ("XDG_RUNTIME_DIR", stage.path().join("run").into_os_string()),
    ];
    variables.extend(bus.map(|address| ("DBUS_SESSION_BUS_ADDRESS", address.into())));
    variables.into_iter().collect()
}

/// Until the service has come up.
fn open_patiently(options: &StoreOptions) -> Store {
    let last = Instant::now() + Duration::from_secs(20);
    loop {
        match Store::open(options) {
            Ok(store) => return store,
            Err(error) if Instant::now() > last => panic!("{error}"),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// What is opened on a desktop of this stage's.
fn on_desktop(stage: &Stage, desktop: &Desktop) -> StoreOptions {
    StoreOptions {
        environment: environment(stage, Some(&desktop.address)),
        ..with_vault(stage, VaultKind::SecretService)
    }
}
