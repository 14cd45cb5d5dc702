//! The witness on a real file system: what each way of changing a file does to its marks.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use azure_token_cache_host::witness::{BOUND, Flaw, LoginFiles};

/// A folder of its own, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("atc-witness-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn with(self, name: &str, contents: &str) -> Self {
        fs::write(self.file(name), contents).unwrap();
        self
    }

    fn files(&self) -> LoginFiles {
        LoginFiles::new(vec![self.file("profile"), self.file("config")], vec![self.file("secrets")])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn keep_times(path: &Path, change: impl FnOnce()) {
    let before = fs::metadata(path).unwrap();
    change();
    let times =
        FileTimes::new().set_modified(before.modified().unwrap()).set_accessed(before.accessed().unwrap());
    File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    assert_eq!(fs::metadata(path).unwrap().modified().unwrap(), before.modified().unwrap());
}

#[test]
fn unchanged_files_keep_their_marks() {
    let folder = Folder::new("unchanged").with("profile", "ann");
    let mut files = folder.files();
    let first = files.read();
    assert_eq!(files.witness(), first.witness);
    assert_eq!(files.read(), first);
    assert_eq!(files.contents(0), Ok(Some(b"ann".as_slice())));
    assert_eq!(files.contents(1), Ok(None));
}

#[test]
fn a_rewrite_with_equal_size_and_restored_time_is_seen() {
    let folder = Folder::new("restored").with("profile", "ann");
    let mut files = folder.files();
    let first = files.read();
    let path = folder.file("profile");
    keep_times(&path, || fs::write(&path, "ben").unwrap());
    assert_ne!(files.witness(), first.witness);
    assert_ne!(files.read().contents, first.contents);
    assert_eq!(files.contents(0), Ok(Some(b"ben".as_slice())));
}

#[test]
fn another_file_in_its_place_is_seen() {
    let folder = Folder::new("replaced").with("profile", "ann").with("other", "ann");
    let mut files = folder.files();
    let first = files.read();
    fs::rename(folder.file("other"), folder.file("profile")).unwrap();
    assert_ne!(files.witness(), first.witness);
    assert_eq!(files.read().contents, first.contents, "the same bytes");
}

#[test]
fn a_link_that_points_elsewhere_is_seen() {
    let folder = Folder::new("link").with("a", "ann").with("b", "ben");
    symlink(folder.file("a"), folder.file("profile")).unwrap();
    let mut files = folder.files();
    let first = files.read();
    fs::remove_file(folder.file("profile")).unwrap();
    symlink(folder.file("b"), folder.file("profile")).unwrap();
    assert_ne!(files.witness(), first.witness);
}

#[test]
fn files_that_come_and_go_are_seen() {
    let folder = Folder::new("come-and-go");
    let mut files = folder.files();
    let none = files.read();
    assert_eq!(none.written_unix_ms, 0);
    fs::write(folder.file("config"), "").unwrap();
    let empty = files.read();
    assert_ne!(empty.witness, none.witness);
    assert_ne!(empty.contents, none.contents, "an empty file is not an absent one");
    fs::remove_dir_all(&folder.0).unwrap();
    assert_ne!(files.witness(), empty.witness);
}

#[test]
fn secrets_have_a_mark_of_their_own_and_are_not_read() {
    let folder = Folder::new("secrets").with("profile", "ann").with("secrets", "one");
    let mut files = folder.files();
    let first = files.read();
    fs::write(folder.file("secrets"), "three").unwrap();
    let second = files.read();
    assert_ne!(second.secrets, first.secrets);
    assert_eq!((second.witness, second.contents), (first.witness, first.contents));
    assert_eq!(files.contents(2), Ok(None));
}

#[test]
fn the_newest_time_counts_be_it_of_contents_or_of_the_file() {
    let folder = Folder::new("times").with("profile", "ann");
    let path = folder.file("profile");
    let old = FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    File::options().write(true).open(&path).unwrap().set_times(old).unwrap();
    let mut files = folder.files();
    assert!(files.read().written_unix_ms > 1_600_000_000_000, "a copy that keeps times is new all the same");
}

#[test]
fn what_is_no_file_or_too_large_is_a_flaw_and_nothing_hangs() {
    let folder = Folder::new("flaws");
    fs::create_dir(folder.file("profile")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.file("config")).status().unwrap();
    assert!(made.success());
    let mut files = folder.files();
    let first = files.read();
    assert_eq!(files.contents(0), Err(Flaw::NotAFile));
    assert_eq!(files.contents(1), Err(Flaw::NotAFile));
    fs::remove_dir(folder.file("profile")).unwrap();
    File::create(folder.file("profile")).unwrap().set_len(BOUND as u64 + 1).unwrap();
    assert_ne!(files.read().contents, first.contents);
    assert_eq!(files.contents(0), Err(Flaw::TooLarge));
    File::options().write(true).open(folder.file("profile")).unwrap().set_len(0).unwrap();
    files.read();
    assert_eq!(files.contents(0), Ok(Some(b"".as_slice())));
}

#[test]
fn a_file_that_grew_while_nothing_else_changed_is_seen() {
    let folder = Folder::new("grew").with("profile", "ann");
    let mut files = folder.files();
    let first = files.read();
    let path = folder.file("profile");
    keep_times(&path, || File::options().append(true).open(&path).unwrap().write_all(b"e").unwrap());
    assert_ne!(files.witness(), first.witness);
}

#[test]
fn the_disk_of_a_test_is_local() {
    let folder = Folder::new("local").with("profile", "ann");
    assert!(!folder.files().read().remote);
}

#[test]
fn digests_are_equal_where_two_processes_see_the_same_and_tell_the_two_groups_apart() {
    let folder = Folder::new("digests").with("profile", "ann").with("secrets", "1");
    let seen = || {
        let mut files = folder.files();
        files.look();
        files.digests()
    };
    let first = seen();
    assert_eq!(seen(), first);
    keep_times(&folder.file("profile"), || fs::write(folder.file("profile"), "ben").unwrap());
    let rewritten = seen();
    assert_ne!(rewritten.account, first.account);
    assert_eq!(rewritten.session, first.session);
    fs::write(folder.file("config"), "").unwrap();
    assert_ne!(seen().account, rewritten.account);
    fs::rename(folder.file("config"), folder.file("profile")).unwrap();
    let renamed = seen();
    assert_eq!(renamed.session, first.session);
    fs::remove_file(folder.file("secrets")).unwrap();
    assert_eq!(seen().account, renamed.account);
    assert_ne!(seen().session, first.session);
}
