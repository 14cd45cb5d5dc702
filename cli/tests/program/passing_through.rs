//! What the shim does not know: the real az in its place, with everything that it was given.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::stage::{PROGRAM, Stage, failed, printed, text, wait_until};

#[test]
fn arguments_streams_folder_and_exit_code_are_azs() {
    let stage = Stage::new("streams");
    stage.az("for word in \"$@\"; do printf '[%s]' \"$word\"; done; pwd; cat; echo err >&2; exit 42");
    let mut shim = stage.shim(&["group", "list", "--query", "a b", "", "*"]);
    let mut child = shim.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from stdin").unwrap();
    let output = child.wait_with_output().unwrap();
    let folder = stage.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    assert_eq!(text(&output.stdout), format!("[group][list][--query][a b][][*]{folder}\nfrom stdin"));
    assert_eq!((text(&output.stderr), output.status.code()), ("err\n", Some(42)));
}

#[test]
fn the_environment_is_azs_with_a_mark_for_shims_below() {
    let stage = Stage::new("environment");
    stage.az("/usr/bin/env");
    let mut shim = stage.shim(&["group", "list"]);
    shim.env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", stage.path("real").display()))
        .env("OTHER", "\u{7}");
    let printed = printed(shim);
    let mut names: Vec<&str> =
        printed.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["AZURE_TOKEN_CACHE_BYPASS", "AZURE_TOKEN_CACHE_STARTED", "OTHER", "PATH"]);
}

#[test]
fn signals_reach_az_and_its_end_by_one_is_seen() {
    let stage = Stage::new("signals");
    stage.az(&format!(
        "trap 'echo trapped; exit 5' TERM\n: > '{}'\nwhile :; do sleep 0.01; done",
        stage.path("up").display()
    ));
    let mut child = stage.shim(&["group", "list"]).stdout(Stdio::piped()).spawn().unwrap();
    wait_until("az is up", || stage.path("up").exists());
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    stage.az("kill -9 $$");
    assert_eq!(stage.shim(&["group", "list"]).status().unwrap().signal(), Some(9));
    // A broken pipe ends az as it does without a shim.
    stage.az("kill -13 $$; echo ignored");
    assert_eq!(stage.shim(&["group", "list"]).status().unwrap().signal(), Some(13));
}

#[test]
fn turned_off_or_below_another_shim_every_call_is_azs() {
    let stage = Stage::new("off");
    for (name, value) in
        [("AZURE_TOKEN_CACHE", "off"), ("AZURE_TOKEN_CACHE", "OFF"), ("AZURE_TOKEN_CACHE_BYPASS", "1")]
    {
        let mut shim = stage.shim(&["account", "get-access-token", "-o", "json"]);
        printed({
            shim.env(name, value);
            shim
        });
    }
    assert_eq!(stage.starts(), ["account get-access-token -o json"; 3]);
    assert_eq!(stage.kept(), 0);
}

#[test]
fn another_default_format_a_completion_and_unreadable_settings_are_left_to_az() {
    let stage = Stage::new("settings");
    stage.az("echo from az");
    let with = |name: &str, value: &str| {
        let mut shim = stage.shim(&["account", "get-access-token"]);
        shim.env(name, value);
        printed(shim)
    };
    assert_eq!(with("AZURE_CORE_OUTPUT", "table"), "from az\n");
    assert_eq!(with("_ARGCOMPLETE", "1"), "from az\n");
    assert_eq!(with("AZURE_CLIENTS_SHOW_SECRETS_WARNING", "yes"), "from az\n");
    assert_eq!(with("AZURE_CONFIG_DIR", ""), "from az\n");
    assert_eq!(with("AZURE_TOKEN_CACHE_DIRECTORY", "relative"), "from az\n");
    fs::write(stage.path("azure/config"), "[core]\noutput = yaml\n").unwrap();
    assert_eq!(printed(stage.shim(&["account", "get-access-token"])), "from az\n");
    assert_eq!(printed(stage.shim(&["account", "show"])), "from az\n");
    assert!(printed(stage.shim(&["account", "show", "-o", "json"])).starts_with('{'));
}

#[test]
fn with_an_environment_of_path_alone_the_home_is_looked_up() {
    let stage = Stage::new("path-alone");
    let getent =
        Command::new("sh").args(["-c", "getent passwd \"$(id -u)\" | cut -d: -f6"]).output().unwrap();
    let mut status = stage.program(&["shim", "status"]);
    status.env_clear().env("PATH", stage.path("real"));
    let home = text(&getent.stdout).trim();
    if Path::new(home).exists() {
        let folder = format!("{home}/.local/state/azure-token-cache/bin/az");
        assert!(printed(status).contains(&folder), "{folder}");
    } else {
        let (_, said) = failed(status);
        assert!(said.contains("there is no place for the shim"), "{said}");
    }
    let mut shim = stage.shim(&["group", "list"]);
    shim.env_clear().env("PATH", format!("{}:/usr/bin:/bin", stage.path("real").display()));
    assert!(printed(shim).contains("accessToken"));
}

#[test]
fn shims_in_a_row_and_wrappers_that_call_az_end_at_the_real_one() {
    let stage = Stage::new("recursion");
    fs::create_dir(stage.path("second")).unwrap();
    fs::copy(PROGRAM, stage.path("second/az")).unwrap();
    stage.script("wrapper/az", "exec az \"$@\"");
    let path = |folders: &[&str]| {
        let folders = folders.iter().map(|folder| stage.path(folder).display().to_string());
        folders.chain(["/usr/bin".into(), "/bin".into()]).collect::<Vec<_>>().join(":")
    };
    for (folders, starts) in [
        (&["shim", "second", "real"][..], 1),
        (&["second", "shim", "real"], 1),
        (&["shim", "wrapper", "real"], 2),
        (&["shim", "second", "wrapper", "real"], 2),
        (&["shim", "wrapper", "second", "real"], 2),
    ] {
        for arguments in [&["group", "list"][..], &["account", "get-access-token"]] {
            let before = stage.starts().len();
            let mut shim = stage.shim(arguments);
            shim.env("PATH", path(folders));
            printed(shim);
            assert_eq!(stage.starts().len() - before, starts, "{folders:?} {arguments:?}");
            printed(stage.program(&["clear"]));
        }
    }
}

#[test]
fn an_az_that_calls_az_gets_itself() {
    let stage = Stage::new("nested");
    stage.az("if [ \"$1\" = version ]; then echo inner; else az version; fi");
    assert_eq!(printed(stage.shim(&["upgrade"])), "inner\n");
}

#[test]
fn programs_named_az_that_only_call_each_other_are_stopped() {
    let stage = Stage::new("endless");
    stage.az("exec az \"$@\"");
    let (code, said) = failed(stage.shim(&["group", "list"]));
    assert_eq!(code, 126);
    assert!(said.starts_with("az: The programs named az start each other without end."), "{said}");
}

#[test]
fn without_any_az_the_shell_s_exit_code_says_so() {
    let stage = Stage::bare("no-az");
    stage.log_in("ann@contoso.com");
    for arguments in [&["group", "list"][..], &["account", "get-access-token"], &["version"]] {
        let mut shim = stage.shim(arguments);
        shim.env("PATH", stage.path("shim"));
        let (code, said) = failed(shim);
        assert_eq!(code, 127);
        assert!(said.starts_with("az: Azure CLI could not be found"), "{said}");
    }
}
