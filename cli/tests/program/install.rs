//! Installing the shim, and what becomes of it when az moves.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use azure_token_cache_tests_system::users::{NOBODY, give};

use crate::stage::{GRANTS, Stage, as_root, failed, printed};

fn without_shims(stage: &Stage) -> String {
    format!("{}:/usr/bin:/bin", stage.path("real").display())
}

#[test]
fn an_installed_shim_knows_the_real_az_without_path() {
    let stage = Stage::new("install");
    let mut install = stage.program(&["shim", "install"]);
    let said = printed({
        install.env("PATH", without_shims(&stage));
        install
    });
    let link = stage.path("state/azure-token-cache/bin/az");
    assert!(said.starts_with(&format!(
        "Installed {}, in front of {}.\n",
        link.display(),
        stage.path("real/az").display()
    )));
    assert!(said.contains(&format!("export PATH=\"{}:$PATH\"", link.parent().unwrap().display())), "{said}");

    let mut shim = stage.shim(&["group", "list"]);
    shim.env("PATH", "/usr/bin:/bin");
    printed(shim);
    assert_eq!(stage.starts(), ["group list"]);

    // Moved: found again on PATH.
    fs::rename(stage.path("real"), stage.path("elsewhere")).unwrap();
    let mut shim = stage.shim(&["group", "show"]);
    shim.env(
        "PATH",
        format!("{}:{}:/usr/bin:/bin", stage.path("shim").display(), stage.path("elsewhere").display()),
    );
    printed(shim);
    assert_eq!(stage.starts().len(), 2);
    let (code, _) = failed({
        let mut shim = stage.shim(&["group", "show"]);
        shim.env("PATH", "/usr/bin:/bin");
        shim
    });
    assert_eq!(code, 127);
}

#[test]
fn status_and_uninstall_follow_the_link() {
    let stage = Stage::new("uninstall");
    let folder = stage.path("bin");
    let shim = |action: &str| {
        let mut command = stage.program(&["shim", action, "--directory", "bin"]);
        command.env("PATH", format!("{}:{}", folder.display(), without_shims(&stage)));
        command
    };
    assert!(printed(shim("status")).starts_with("shim     not installed at"));
    assert!(printed(shim("install")).ends_with("It comes first on PATH.\n"));
    assert!(printed(shim("install")).contains(&format!("in front of {}", stage.path("real/az").display())));
    let status = printed(shim("status"));
    assert!(status.starts_with("shim     installed at") && status.contains("(recorded)"), "{status}");
    printed(shim("uninstall"));
    assert!(!folder.join("az").exists());
    assert_eq!(failed(shim("uninstall")).0, 1);
    assert!(printed(shim("status")).contains("(found on PATH)"));
}

#[test]
fn another_program_in_the_way_is_left_alone() {
    let stage = Stage::new("in-the-way");
    stage.script("bin/az", GRANTS);
    let before = fs::read(stage.path("bin/az")).unwrap();
    for action in ["install", "uninstall"] {
        let (code, said) = failed(stage.program(&["shim", action, "--directory", "bin"]));
        assert_eq!(code, 1);
        assert!(said.contains("is another program; nothing was changed"), "{said}");
        assert_eq!(fs::read(stage.path("bin/az")).unwrap(), before);
    }
}

#[test]
fn the_real_az_is_never_a_shim() {
    let stage = Stage::new("never");
    let (code, said) = failed(stage.program(&["shim", "install", "--az", "shim/az"]));
    assert_eq!(code, 1);
    assert!(said.contains("is no az that could be started"), "{said}");
    // A link whose program has gone is put right.
    fs::create_dir(stage.path("bin")).unwrap();
    symlink(stage.path("gone/azure-token-cache"), stage.path("bin/az")).unwrap();
    printed(stage.program(&["shim", "install", "--directory", "bin", "--az", "real/az"]));
    assert!(stage.path("bin/az").exists());
}

/// An az is planted where only the record of the real one names it.
fn with_planted_record(name: &str) -> Stage {
    let stage = Stage::new(name);
    stage.az("echo real");
    stage.script("planted/az", "echo planted");
    printed(stage.program(&["shim", "install", "--az", "planted/az"]));
    stage
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_record_in_a_folder_that_others_may_use_starts_nothing() {
    let stage = with_planted_record("open-record");
    assert_eq!(printed(stage.shim(&["group", "list"])), "planted\n");
    for (path, mode) in
        [("", 0o777), ("", 0o755), ("shim", 0o777), ("shim", 0o750), ("shim/az", 0o666), ("shim/az", 0o644)]
    {
        let path = stage.state().join(path);
        let before = fs::metadata(&path).unwrap().permissions();
        set_mode(&path, mode);
        assert_eq!(printed(stage.shim(&["group", "list"])), "real\n", "{} {mode:o}", path.display());
        let status = printed(stage.program(&["shim", "status"]));
        assert!(status.contains("real/az (found on PATH)"), "{status}");
        fs::set_permissions(&path, before).unwrap();
        assert_eq!(printed(stage.shim(&["group", "list"])), "planted\n");
    }
}

#[test]
fn a_record_behind_a_link_starts_nothing() {
    let stage = with_planted_record("linked-record");
    let elsewhere = stage.path("elsewhere");
    for name in ["", "shim", "shim/az"] {
        let place = stage.state().join(name);
        let place = Path::new(place.to_str().unwrap().trim_end_matches('/'));
        fs::rename(place, &elsewhere).unwrap();
        symlink(&elsewhere, place).unwrap();
        assert_eq!(printed(stage.shim(&["group", "list"])), "real\n", "{}", place.display());
        fs::remove_file(place).unwrap();
        fs::rename(&elsewhere, place).unwrap();
        assert_eq!(printed(stage.shim(&["group", "list"])), "planted\n");
    }
}

/// Root could read them all.
#[test]
fn root_starts_nothing_that_another_user_recorded() {
    let stage = with_planted_record("foreign-record");
    give(&stage.path(""), 0);
    let shim = || printed(as_root(stage.shim(&["group", "list"])));
    assert_eq!(shim(), "planted\n");
    for name in ["shim/az", "shim", ""] {
        let place = stage.state().join(name);
        give(&place, NOBODY);
        assert_eq!(shim(), "real\n", "{}", place.display());
        give(&place, 0);
        assert_eq!(shim(), "planted\n");
    }
    give(&stage.path(""), rustix::process::geteuid().as_raw());
}

#[test]
fn what_the_shim_records_is_its_user_s_alone_and_goes_with_it() {
    let stage = Stage::new("recorded");
    printed(stage.program(&["shim", "install", "--az", "real/az"]));
    stage.az("echo '{}'");
    printed(stage.shim(&["version"]));
    let folder = stage.state().join("shim");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["az", "version"]);
    assert_eq!(
        [mode(&folder), mode(&folder.join("az")), mode(&folder.join("version"))],
        [0o700, 0o600, 0o600]
    );
    printed(stage.program(&["shim", "uninstall"]));
    assert!(!folder.exists());
}

#[test]
fn nothing_is_installed_where_others_could_change_the_record() {
    let stage = Stage::new("open-install");
    fs::create_dir(stage.state()).unwrap();
    set_mode(&stage.state(), 0o777);
    let (code, said) = failed(stage.program(&["shim", "install", "--directory", "bin"]));
    assert_eq!(code, 5);
    assert!(said.contains("others may read or write it (permissions 777;"), "{said}");
    assert!(!stage.path("bin").exists());
    assert_eq!(fs::read_dir(stage.state()).unwrap().count(), 0);
}
