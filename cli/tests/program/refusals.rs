//! Where nothing can be kept: no vault, a folder that cannot be written, a full disk, another user's store. az answers all the same.

use std::collections::BTreeMap;
use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use azure_token_cache_tests_system::mounts::with_mount;
use azure_token_cache_tests_system::users::{Ordinary, give};

use crate::stage::{PROGRAM, Stage, TOKEN, as_root, failed, printed, text, through};

const ASKING: [&str; 4] = ["account", "get-access-token", "--resource", "r"];

/// What az would print for this login: to the byte what the shim prints, wherever its token comes from.
const OF_AZ: &str = "cat <<END
{
  \"accessToken\": \"CANARY-cli-fixed\",
  \"expiresOn\": \"2096-10-02 07:06:40.000000\",
  \"expires_on\": 4000000000,
  \"subscription\": \"sub-1\",
  \"tenant\": \"tenant-1\",
  \"tokenType\": \"Bearer\"
}
END
";

#[test]
fn without_a_vault_the_shim_is_the_real_az_and_says_nothing_of_its_own() {
    let stage = Stage::new("no-vault");
    stage.az("printf 'by\\377te\\r\\n'; echo \"$*\"; echo warned >&2; exit 3");
    for (name, value) in [("AZURE_TOKEN_CACHE_VAULT", "keychain"), ("XDG_RUNTIME_DIR", "/nowhere")] {
        let mut shim = stage.shim(&ASKING);
        shim.env(name, value);
        let said = all_of(shim.output().unwrap());
        assert_eq!(
            said,
            (Some(3), b"by\xffte\r\naccount get-access-token --resource r\n".into(), b"warned\n".into())
        );
    }
    assert_eq!(stage.starts().len(), 2);
    assert!(!stage.state().exists());
}

#[test]
fn without_a_vault_a_command_does_what_it_can_and_says_what_to_do() {
    let stage = Stage::new("no-vault-commands");
    let without = |arguments: &[&str]| {
        let mut command = stage.program(arguments);
        command.env("AZURE_TOKEN_CACHE_VAULT", "keychain");
        command
    };
    let refusal = "no vault takes the key that tokens are sealed with; Keychain: not on this system. Make one of them available";
    let advice = "AZURE_TOKEN_CACHE_VAULT names the one that was asked: without it all of this system's are";
    let (code, token, note) = all_of(without(&["get-token", "-o", "token"]).output().unwrap());
    assert_eq!(code, Some(0));
    assert!(text(&token).starts_with(TOKEN), "{}", text(&token));
    let note = text(&note);
    assert!(note.starts_with(&format!("azure-token-cache: the token is not kept: {refusal}")), "{note}");
    assert!(note.ends_with(&format!("{advice}\n")) && note.lines().count() == 1, "{note}");
    let (code, said) = failed(without(&["status"]));
    assert_eq!(code, 5);
    assert!(said.starts_with(&format!("azure-token-cache: {refusal}")) && said.contains(advice), "{said}");
    assert_eq!(printed(without(&["clear"])), "Nothing was kept.\n", "to delete takes no key");
    let (code, findings, said) = all_of(without(&["doctor"]).output().unwrap());
    assert_eq!((code, text(&said)), (Some(1), ""));
    let findings = text(&findings);
    assert!(
        findings.contains(&format!("fail  vault   {refusal}")) && findings.contains(advice),
        "{findings}"
    );
    assert_eq!(findings.matches("fail  ").count(), 1, "{findings}");
}

#[test]
fn in_a_folder_that_cannot_be_written_az_answers_and_what_is_kept_still_serves() {
    let stage = Stage::new("read-only");
    stage.az(OF_AZ);
    let ordinary = Ordinary::find();
    ordinary.take(&stage.path(""));
    let run = |mut command: Command| {
        command.env("TZ", "UTC0");
        printed(through(&ordinary.through(), command))
    };
    let document = printed(stage.command(stage.path("real/az"), &ASKING));
    let starts = || stage.starts().len();
    let before = starts();

    // Nothing can be made.
    set_mode(&stage.path("state"), 0o500);
    assert_eq!(run(stage.shim(&ASKING)), document);
    assert_eq!(run(stage.program(&["get-token", "--resource", "r"])), document);
    assert_eq!(starts() - before, 2);
    assert_eq!(fs::read_dir(stage.path("state")).unwrap().count(), 0);

    // Something is kept, and nothing can be added.
    set_mode(&stage.path("state"), 0o700);
    assert_eq!(run(stage.shim(&ASKING)), document);
    let folders = folders(&stage.state());
    let files = || snapshot(&stage.state());
    let kept = files();
    for folder in &folders {
        set_mode(folder, 0o500);
    }
    let before = starts();
    assert_eq!(run(stage.shim(&ASKING)), document);
    assert_eq!(run(stage.program(&["get-token", "--resource", "r"])), document);
    assert_eq!(starts() - before, 0);
    assert_eq!(run(stage.shim(&ASKING[..2])), document);
    assert_eq!(run(stage.program(&["get-token"])), document);
    assert_eq!(starts() - before, 2);
    assert_eq!(files(), kept);
    // Else only root could delete what is in them.
    for folder in &folders {
        set_mode(folder, 0o700);
    }
}

#[test]
fn on_a_full_disk_az_answers_and_what_is_kept_still_serves() {
    let stage = Stage::new("full");
    stage.az(OF_AZ);
    let document = printed(stage.command(stage.path("real/az"), &ASKING));
    let fill = "! head -c 1000000 /dev/zero 2> /dev/null > \"$XDG_STATE_HOME/filled\"";
    let ask = format!("az account get-access-token --resource r && '{PROGRAM}' get-token --resource r");
    let other = format!("az account get-access-token && '{PROGRAM}' get-token");
    let left = "find \"$XDG_STATE_HOME\" -name '.tmp-*'";
    for (script, starts) in [
        // Full from the first call on.
        (format!("{fill} && {ask} && {ask} && {left}"), 4),
        // Full when one token is kept.
        (format!("{ask} && {fill} && {ask} && {left}"), 1),
        (format!("{ask} && {fill} && {other} && {left}"), 3),
    ] {
        let before = stage.starts().len();
        let mount = format!("mount -t tmpfs -o size=64k,mode=700 none '{}'", stage.path("state").display());
        let mut words = with_mount(&mount);
        words.extend(["sh".into(), "-c".into(), script.clone()]);
        let mut shell = stage.shim(&[]);
        shell.env("TZ", "UTC0");
        // The shell's name takes the shim's place, which becomes the first of its arguments and is not looked at.
        assert_eq!(printed(through(&words, shell)), document.repeat(4), "{script}");
        assert_eq!(stage.starts().len() - before, starts, "{script}");
    }
}

#[test]
fn root_with_a_user_s_environment_neither_reads_nor_writes_his_store() {
    let stage = Stage::new("sudo");
    let ordinary = Ordinary::find();
    ordinary.take(&stage.path(""));
    let of_user = |command| printed(through(&ordinary.through(), command));
    stage.script("recorded/az", OF_AZ);
    of_user(stage.program(&["shim", "install", "--az", "recorded/az"]));
    let kept = of_user(stage.shim(&ASKING));
    assert!(kept.contains("CANARY-cli-fixed"), "{kept}");

    let before = unread(&stage.state());
    let root = |command| text(&as_root(command).output().unwrap().stdout).to_owned();
    let mut tokens: Vec<String> = Vec::new();
    for command in [
        stage.shim(&ASKING),
        stage.shim(&ASKING),
        stage.program(&["get-token", "--resource", "r"]),
        stage.shim(&["version"]),
        stage.shim(&["logout"]),
    ] {
        let token = root(command);
        assert!(token.contains(TOKEN) && token != kept && !tokens.contains(&token), "{token}");
        tokens.push(token);
    }
    for command in ["status", "clear"] {
        let (code, said) = failed(as_root(stage.program(&[command])));
        assert_eq!(code, 5);
        assert!(said.contains("belongs to another user"), "{said}");
    }
    assert_eq!(snapshot(&stage.state()), before);
    assert_eq!(of_user(stage.shim(&ASKING)), kept);
    assert_ne!(snapshot(&stage.state()), before, "who reads is seen");
    give(&stage.path(""), rustix::process::geteuid().as_raw());
}

fn all_of(output: Output) -> (Option<i32>, Vec<u8>, Vec<u8>) {
    (output.status.code(), output.stdout, output.stderr)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn paths(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if path.is_dir() && !path.is_symlink() {
        all.extend(fs::read_dir(path).unwrap().flat_map(|entry| paths(&entry.unwrap().path())));
    }
    all
}

fn folders(path: &Path) -> Vec<PathBuf> {
    paths(path).into_iter().filter(|path| path.is_dir()).collect()
}

/// Of everything below a folder: when it was made, when it was written, and when a file was read.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, [i64; 4]> {
    let seen = |path: PathBuf| {
        let found = fs::symlink_metadata(&path).unwrap();
        let read = if found.is_file() { found.atime() } else { 0 };
        (path, [found.ino().cast_signed(), found.mtime(), found.mtime_nsec(), read])
    };
    paths(folder).into_iter().map(seen).collect()
}

/// The same, after the times of reading were set back, so that the next one shows.
fn unread(folder: &Path) -> BTreeMap<PathBuf, [i64; 4]> {
    for file in paths(folder).into_iter().filter(|path| path.is_file() && !path.is_symlink()) {
        let long_ago = SystemTime::now() - Duration::from_secs(7 * 24 * 60 * 60);
        fs::File::open(file).unwrap().set_times(FileTimes::new().set_accessed(long_ago)).unwrap();
    }
    snapshot(folder)
}
