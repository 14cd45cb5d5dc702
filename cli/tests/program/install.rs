//! Installing the shim, and what becomes of it when az moves.

use std::fs;
use std::os::unix::fs::symlink;

use crate::stage::{GRANTS, Stage, failed, printed};

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
