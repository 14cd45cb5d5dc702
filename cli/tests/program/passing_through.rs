//! What the shim does not know: the real az in its place, with everything that it was given.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use azure_token_cache_tests_system::keyring::kernel_key;
use azure_token_cache_tests_system::mounts::with_mount;

use crate::stage::{PROGRAM, Stage, TOKEN, environment, failed, printed, text, through, wait_until};

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
fn the_environment_is_azs_to_the_byte_with_a_mark_for_shims_below() {
    let stage = Stage::new("environment");
    // A program that adds nothing of its own, as a shell would.
    fs::remove_file(stage.path("real/az")).unwrap();
    symlink("/usr/bin/env", stage.path("real/az")).unwrap();
    let mut given: BTreeMap<OsString, OsString> = [
        ("PATH", stage.path("real").as_os_str().to_owned()),
        ("HOME", "/nowhere".into()),
        ("EMPTY", "".into()),
        ("LINES", "one\ntwo=three\n".into()),
        ("BYTES", OsStr::from_bytes(b"\x07\xff\xfe").to_owned()),
        ("AZURE_CONFIG_DIR", "relative/folder".into()),
        ("AZURE_TOKEN_CACHE_DIRECTORY", stage.path("given").into()),
        ("LD_BIND_NOW", "1".into()),
        ("_", "/usr/bin/az".into()),
    ]
    .map(|(name, value)| (name.into(), value))
    .into();
    let mut shim = stage.shim(&["--null"]);
    shim.env_clear().envs(&given);
    let output = shim.output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    given.insert("AZURE_TOKEN_CACHE_BYPASS".into(), "1".into());
    given.insert("AZURE_TOKEN_CACHE_STARTED".into(), stage.path("real/az").into());
    assert_eq!(environment(&output.stdout), given);
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
fn with_an_environment_of_path_alone_the_home_is_the_system_s() {
    let stage = Stage::new("path-alone");
    let home = stage.path("home");
    // In the namespace the user is root, whoever runs the test.
    fs::write(stage.path("passwd"), format!("root:x:0:0:root:{}:/bin/sh\n", home.display())).unwrap();
    fs::rename(stage.path("azure"), home.join(".azure")).unwrap();
    let mut words = with_mount(&format!("mount --bind '{}' /etc/passwd", stage.path("passwd").display()));
    let alone = "env -i \"PATH=$PATH\"";
    let ask = format!("{alone} az account get-access-token");
    words.extend(["sh".into(), "-c".into(), format!("{ask} && {ask} && {alone} '{PROGRAM}' doctor")]);
    // The shell's name takes the place of the shim.
    let said = printed(through(&words, stage.shim(&[])));
    let (first, others) = said.split_at(said.find("\n}\n").unwrap() + 3);
    assert!(first.contains(TOKEN), "{said}");
    let findings = others.strip_prefix(first).unwrap_or_else(|| panic!("{said}"));
    assert_eq!(stage.starts().len(), 1);
    let kept = home.join(".local/state/azure-token-cache");
    assert!(findings.contains(&format!("ok    folder  {}\n", kept.display())), "{findings}");
    assert!(findings.contains("ok    store   1 entry\n"), "{findings}");
    assert!(!stage.state().exists());
    // A namespace of users has keyrings of its own, which go with it.
    if rustix::process::geteuid().is_root() && findings.contains("kernel keyring") {
        kernel_key(&kept.join("store"), 0).invalidate().unwrap();
    }
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
