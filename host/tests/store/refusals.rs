//! Folders and files that others could have put there, and folders that do not take a file: by a process that is not root.

use std::fs::{self, DirBuilder, File, FileTimes, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use azure_token_cache_host::store::{Flaw, Found, MemoryOnly, Store, StoreError, StoreOptions, VaultKind};
use azure_token_cache_tests_system::mounts::{with_mount, with_served_mount};
use azure_token_cache_tests_system::users::{self, NOBODY, give};

use crate::child::Child;
use crate::stage::{Stage, get, key, put};

#[test]
fn a_state_folder_that_others_may_read_is_an_error_that_says_so() {
    let stage = Stage::new("open-folder");
    put(&stage.store(), &key("a"), "one");
    for folder in [stage.state(), stage.state().join("store"), stage.state().join("store/keys")] {
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let error = Store::open(&stage.options()).err().unwrap();
        assert!(
            matches!(&error, StoreError::Folder { path, flaw: Flaw::TooOpen(0o755) } if *path == folder),
            "{error:?}"
        );
        assert!(error.to_string().contains("permissions 755; chmod go-rwx"), "{error}");
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    }
    let entries = stage.entry_file().parent().unwrap().to_path_buf();
    fs::set_permissions(entries, Permissions::from_mode(0o750)).unwrap();
    assert_eq!(stage.store().load(&key("a")).flaw, Some(Flaw::TooOpen(0o750)));
}

#[test]
fn links_in_the_way_are_not_followed() {
    let stage = Stage::new("links");
    put(&stage.store(), &key("a"), "one");
    let elsewhere = stage.path().join("elsewhere");
    for folder in [stage.state(), stage.state().join("store"), stage.state().join("store/keys")] {
        fs::rename(&folder, &elsewhere).unwrap();
        symlink(&elsewhere, &folder).unwrap();
        let error = Store::open(&stage.options()).err();
        assert!(matches!(error, Some(StoreError::Folder { flaw: Flaw::InTheWay, .. })), "{error:?}");
        fs::remove_file(&folder).unwrap();
        fs::rename(&elsewhere, &folder).unwrap();
    }
    let file = stage.entry_file();
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(stage.store().load(&key("a")).flaw, Some(Flaw::InTheWay));
    put(&stage.store(), &key("a"), "two");
    assert_eq!(get(&stage.store(), &key("a")).as_deref(), Some("two"));
    assert!(!fs::symlink_metadata(&file).unwrap().is_symlink());
}

#[test]
fn a_file_that_others_may_read_and_what_is_no_file_are_misses() {
    let stage = Stage::new("no-file");
    put(&stage.store(), &key("a"), "one");
    let file = stage.entry_file();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(stage.store().load(&key("a")).flaw, Some(Flaw::TooOpen(0o644)));
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg("-m600").arg(&file).status().unwrap().success());
    assert_eq!(stage.store().load(&key("a")).flaw, Some(Flaw::InTheWay));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(stage.store().load(&key("a")).found, Found::Nothing);
}

#[test]
fn a_relative_folder_a_bad_name_and_no_home_are_told_apart() {
    let stage = Stage::new("options");
    let open = |change: &dyn Fn(&mut StoreOptions)| {
        let mut options = stage.options();
        change(&mut options);
        Store::open(&options).err().unwrap()
    };
    let relative = open(&|options| options.directory = Some("tokens".into()));
    assert!(matches!(relative, StoreError::RelativeDirectory(path) if path == Path::new("tokens")));
    for name in ["", ".", "../up", "a/b", "ü", &"x".repeat(65)] {
        let error = open(&|options| options.name = name.into());
        assert!(matches!(error, StoreError::Name(refused) if refused == name));
    }
    let mut options = stage.options();
    options.name = "Other-1_2.3".into();
    put(&Store::open(&options).unwrap(), &key("a"), "other");
    assert_eq!(get(&stage.store(), &key("a")), None, "another name is another store");
}

#[test]
fn in_a_folder_of_another_user_tokens_stay_in_memory() {
    let stage = Ordinary::new("sudo");
    let mut child = stage.child();
    assert_ne!(child.ask("user"), "0");
    // What `sudo -E` does: another user's home in the environment.
    give(&stage.path().join("home"), stage.users.stranger);
    let home = stage.path().join("home");
    let memory_only = StoreError::MemoryOnly(MemoryOnly::NotOurs(home.clone()));
    assert_eq!(child.ask("open"), format!("{memory_only:?}"));
    give(&home, stage.users.user);
    assert_eq!(fs::read_dir(home).unwrap().count(), 0);
}

#[test]
fn a_file_of_another_user_is_a_miss_and_his_folder_an_error() {
    let stage = Ordinary::new("stranger");
    let mut child = stage.child();
    assert_ne!(child.ask("user"), "0");
    assert_eq!(child.ask("open"), "open");
    assert_eq!(child.ask("save a one"), "written");
    assert_eq!(child.ask("load a"), "one");
    let store = stage.stage.state().join("store");
    give(&stage.stage.entry_file(), stage.users.stranger);
    assert_eq!(child.ask("load a"), "nothing");
    give(&store, stage.users.stranger);
    assert!(child.ask("open").contains("Folder"));
    give(&store, stage.users.user);
}

#[test]
fn root_who_can_read_them_takes_no_files_of_others() {
    let stage = Stage::new("root");
    let me = rustix::process::geteuid().as_raw();
    put(&stage.store(), &key("a"), "one");
    let (file, entries) = (stage.entry_file(), stage.entries());
    give(stage.path(), 0);
    for (path, flaw) in [(&file, Flaw::NotOurs), (&entries, Flaw::NotOurs)] {
        let mut root = Child::start_with(stage.path(), VaultKind::KeyFile, &as_root());
        assert_eq!(root.ask("user"), "0");
        assert_eq!(root.ask("open"), "open");
        assert_eq!(root.ask("load a"), "one");
        give(path, NOBODY);
        assert_eq!(root.ask("flaw a"), format!("{:?}", Some(flaw)));
        give(path, 0);
    }
    give(stage.path(), me);
}

#[test]
fn root_with_the_home_of_another_user_keeps_tokens_in_memory_and_touches_nothing_there() {
    let stage = Ordinary::new("sudo-root");
    let mut owner = stage.child();
    assert_ne!(owner.ask("user"), "0");
    // Before there is a store, and after.
    let home = stage.path().join("home");
    for nearest in [home.clone(), stage.stage.state()] {
        let touched = touched_by(&home, || {
            let mut root = Child::start_with(stage.path(), VaultKind::KeyFile, &as_root());
            assert_eq!(root.ask("user"), "0");
            let memory_only = StoreError::MemoryOnly(MemoryOnly::NotOurs(nearest.clone()));
            assert_eq!(root.ask("open"), format!("{memory_only:?}"));
        });
        assert_eq!(touched, [] as [PathBuf; 0]);
        assert_eq!(owner.ask("open"), "open");
        assert_eq!(owner.ask("save a one"), "written");
    }
    let touched = touched_by(&home, || assert_eq!(owner.ask("load a"), "one"));
    assert!(touched.contains(&stage.stage.entry_file()), "what is read is seen: {touched:?}");
}

#[test]
fn a_folder_that_is_read_only_loads_and_refuses_the_rest() {
    let stage = Ordinary::new("read-only");
    let mut writer = stage.child();
    assert_eq!(writer.ask("open"), "open");
    assert_eq!(writer.ask("save a one"), "written");
    let store = stage.stage.state().join("store");
    let entries = stage.stage.entry_file().parent().unwrap().to_path_buf();
    for folder in [&entries, &store] {
        fs::set_permissions(folder, Permissions::from_mode(0o500)).unwrap();
    }
    let mut child = stage.child();
    assert_ne!(child.ask("user"), "0");
    assert_eq!(child.ask("open"), "open");
    assert_eq!(child.ask("load a"), "one");
    assert_eq!(child.ask("save a two"), "Write PermissionDenied");
    assert_eq!(child.ask("fail a"), "Write PermissionDenied");
    assert_eq!(child.ask("load a"), "one");
    // Else only root could delete what is in them.
    for folder in [&entries, &store] {
        fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn on_a_full_disk_the_old_token_stays_and_nothing_is_left_behind() {
    let stage = Stage::new("full");
    let mut child = on_a_small_disk(&stage);
    assert_eq!(child.ask("open"), "open");
    assert_eq!(child.ask("save a one"), "written");
    let long = "x".repeat(100_000);
    for _ in 0..3 {
        assert_eq!(child.ask(&format!("save a {long}")), "Write StorageFull");
    }
    assert_eq!(child.ask("load a"), "one");
    assert_eq!(child.ask("save a two"), "written");
    assert_eq!(child.ask("load a"), "two");
}

#[test]
fn on_a_file_system_that_a_program_serves_tokens_stay_in_memory() {
    let stage = Stage::new("fuse");
    let (home, served) = (stage.path().join("home"), stage.path().join("served"));
    DirBuilder::new().mode(0o700).create(&served).unwrap();
    fs::create_dir(served.join(".azure")).unwrap();
    let mounted = with_served_mount(&format!("bindfs {} {}", served.display(), home.display()));
    let mut child = Child::start_with(stage.path(), VaultKind::KeyFile, &mounted);
    let memory_only = StoreError::MemoryOnly(MemoryOnly::Remote(home));
    assert_eq!(child.ask("open"), format!("{memory_only:?}"));
    assert_eq!(child.ask("login"), "remote");
    assert_eq!(all_below(&served), [served.clone(), served.join(".azure")]);
    let mut beside = Child::start(&stage, VaultKind::KeyFile);
    assert_eq!(beside.ask("open"), "open");
    assert_eq!(beside.ask("login"), "local");
}

/// A process whose home is on a disk of 64 KB.
pub fn on_a_small_disk(stage: &Stage) -> Child {
    let home = stage.path().join("home");
    let small = with_mount(&format!("mount -t tmpfs -o size=64k,mode=700 none {}", home.display()));
    Child::start_with(stage.path(), VaultKind::KeyFile, &small)
}

/// A stage whose user is not root, and another user whom it can be given to.
pub struct Ordinary {
    pub stage: Stage,
    users: users::Ordinary,
}

impl Ordinary {
    pub fn new(name: &str) -> Self {
        let (stage, users) = (Stage::new(name), users::Ordinary::find());
        users.take(stage.path());
        Self { stage, users }
    }

    fn path(&self) -> &Path {
        self.stage.path()
    }

    pub fn child(&self) -> Child {
        Child::start_with(self.path(), VaultKind::KeyFile, &self.users.through())
    }
}

/// What somebody reads or changes of a folder and of all that is in it.
fn touched_by(folder: &Path, somebody: impl FnOnce()) -> Vec<PathBuf> {
    let paths = all_below(folder);
    for path in &paths {
        // So long ago that the next reading is noted, however seldom the file system notes one.
        let times = FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH);
        File::open(path).unwrap().set_times(times).unwrap();
    }
    let times = |path: &PathBuf| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.accessed().unwrap(), metadata.ctime(), metadata.ctime_nsec())
    };
    let before: Vec<_> = paths.iter().map(times).collect();
    somebody();
    let touched = paths.into_iter().zip(before).filter(|(path, before)| times(path) != *before);
    touched.map(|(path, _)| path).collect()
}

fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut paths = vec![folder.to_path_buf()];
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            paths.extend(all_below(&entry.path()));
        } else {
            paths.push(entry.path());
        }
    }
    paths
}

/// What a program is started through to run as root.
fn as_root() -> Vec<String> {
    users::as_root(&["ATC_VAULT", "ATC_HOME", "ATC_RUN"])
}
