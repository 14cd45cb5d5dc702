//! Tokens through the shim: az is started once, and every form of the question has its answer.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::stage::{
    GRANTS, Stage, TOKEN, environment, failed, is_sleeping, printed, profile, text, wait_until,
};

const TOKEN_COMMAND: [&str; 2] = ["account", "get-access-token"];

fn asking<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&TOKEN_COMMAND[..], flags].concat()
}

#[test]
fn the_first_call_starts_az_and_every_later_one_prints_the_same_bytes() {
    let stage = Stage::new("first");
    let first = printed(stage.shim(&asking(&["--output", "json", "--resource", "r"])));
    let token = first.lines().nth(1).unwrap();
    assert!(token.starts_with(&format!("  \"accessToken\": \"{TOKEN}-")), "{token}");
    assert!(first.contains("\"subscription\": \"sub-1\",\n  \"tenant\": \"tenant-1\","), "{first}");
    for flags in [
        &["--output", "json", "--resource", "r"][..],
        &["-o=json", "--scope", "r/.default"],
        &["--resource=r"],
    ] {
        assert_eq!(printed(stage.shim(&asking(flags))), first, "{flags:?}");
    }
    assert_eq!(stage.starts(), ["account get-access-token --output json --resource r"]);
}

#[test]
fn an_az_that_fetches_has_the_caller_s_environment_and_folder_and_starts_no_shim_of_its_own() {
    let stage = Stage::new("fetching");
    let [found, folder] = ["found", "folder"].map(|name| stage.path(name));
    stage.az(&format!("pwd > '{}'\n/usr/bin/env --null > '{}'\n{GRANTS}", folder.display(), found.display()));
    let mut shim = stage.shim(&asking(&[]));
    shim.env("OTHER", "one\ntwo").env("EMPTY", "").env("BYTES", OsStr::from_bytes(b"\xff"));
    let mut given: BTreeMap<OsString, OsString> =
        shim.get_envs().map(|(name, value)| (name.to_owned(), value.unwrap().to_owned())).collect();
    printed(shim);
    let mut found = environment(&fs::read(found).unwrap());
    // The shell's own.
    for name in ["PWD", "OLDPWD", "SHLVL", "_"] {
        found.remove(OsStr::new(name));
    }
    given.insert("AZURE_TOKEN_CACHE_BYPASS".into(), "1".into());
    given.insert("AZURE_TOKEN_CACHE_STARTED".into(), stage.path("real/az").into());
    assert_eq!(found, given);
    let folder = fs::read_to_string(folder).unwrap();
    assert_eq!(Path::new(folder.trim_end()), stage.path("").as_path());
}

#[test]
fn a_script_has_the_token_alone() {
    let stage = Stage::new("alone");
    let document = printed(stage.shim(&asking(&[])));
    let quoted =
        document.lines().nth(1).unwrap().trim_start_matches("  \"accessToken\": ").trim_end_matches(',');
    assert_eq!(printed(stage.shim(&asking(&["--query", "accessToken"]))), format!("{quoted}\n"));
    let bare = format!("{}\n", quoted.trim_matches('"'));
    assert_eq!(printed(stage.shim(&asking(&["--query", "accessToken", "-o", "tsv"]))), bare);
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn a_tenant_is_echoed_and_a_subscription_named() {
    let stage = Stage::new("tenant");
    for _ in 0..2 {
        let document = printed(stage.shim(&asking(&["--tenant", "contoso.com"])));
        assert!(document.contains("\n  \"tenant\": \"contoso.com\",\n"), "{document}");
        assert!(!document.contains("subscription"), "{document}");
        let document = printed(stage.shim(&asking(&["--subscription", "dev"])));
        assert!(
            document.contains("\n  \"subscription\": \"sub-1\",\n  \"tenant\": \"tenant-1\",\n"),
            "{document}"
        );
    }
    assert_eq!(stage.starts().len(), 2);
}

#[test]
fn a_zone_is_the_callers() {
    let stage = Stage::new("zone");
    let expiry = |zone: &str| {
        let mut command = stage.shim(&asking(&[]));
        command.env("TZ", zone);
        printed(command).lines().nth(2).unwrap().to_owned()
    };
    let [utc, kolkata] = ["UTC0", "IST-5:30"].map(expiry);
    assert_ne!(utc, kolkata);
    let hours = |line: &str| line[27..29].parse::<i32>().unwrap();
    assert_eq!((hours(&kolkata) - hours(&utc)).rem_euclid(24) / 5, 1, "{utc} {kolkata}");
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn less_than_five_minutes_are_not_handed_out_twice() {
    let stage = Stage::new("short");
    stage.az(&format!("LIFETIME=290\n{GRANTS}"));
    let first = printed(stage.shim(&asking(&[])));
    assert_ne!(printed(stage.shim(&asking(&[]))), first);
    assert_eq!(stage.starts().len(), 2);
}

#[test]
fn a_failure_comes_through_unchanged_and_is_not_remembered() {
    let stage = Stage::new("failure");
    stage.az("printf \"ERROR: AADSTS50173: expired\\nRun the command below\\n\" >&2; exit 7");
    for _ in 0..2 {
        let said = (7, "ERROR: AADSTS50173: expired\nRun the command below\n".to_owned());
        assert_eq!(failed(stage.shim(&asking(&[]))), said);
    }
    assert_eq!(stage.starts().len(), 2);
    stage.az(GRANTS);
    printed(stage.shim(&asking(&[])));
}

#[test]
fn an_output_that_is_no_token_is_left_to_the_real_az() {
    let stage = Stage::new("odd");
    stage.az("echo \"$*\"; echo warning >&2");
    let output = stage.shim(&asking(&["-o", "json"])).output().unwrap();
    assert_eq!(text(&output.stdout), "account get-access-token -o json\n");
    assert_eq!(text(&output.stderr), "warning\n");
    assert_eq!(stage.kept(), 0);
}

#[test]
fn an_az_that_read_a_token_cache_while_another_wrote_it_is_asked_again() {
    let stage = Stage::new("torn");
    stage.az(&format!(
        "if [ ! -e '{0}' ]; then : > '{0}'; echo 'ERROR: User does not exist in MSAL token cache.' >&2; exit 1; fi\n{GRANTS}",
        stage.path("once").display()
    ));
    printed(stage.shim(&asking(&[])));
    assert_eq!(stage.starts().len(), 2);
}

#[test]
fn what_az_leaves_running_holds_nobody_up() {
    let stage = Stage::new("left");
    stage.az(&format!("sleep 1000 &\n{GRANTS}"));
    // Reads to the end of both pipes.
    printed(stage.shim(&asking(&[])));
}

#[test]
fn the_current_account_is_printed_without_az() {
    let stage = Stage::new("account");
    let shown = printed(stage.shim(&["account", "show", "-o=json"]));
    assert!(
        shown.starts_with("{\n  \"environmentName\": \"AzureCloud\",\n  \"id\": \"sub-1\",\n"),
        "{shown}"
    );
    assert_eq!(stage.starts(), [] as [&str; 0]);
}

#[test]
fn a_profile_that_is_being_written_is_read_when_it_is_whole() {
    let stage = Stage::new("torn-profile");
    let whole = profile("ann@contoso.com");
    stage.write_profile(&whole[..whole.len() / 2]);
    let shim = stage.shim(&["account", "show"]).stdout(Stdio::piped()).spawn().unwrap();
    wait_until("it waits", || is_sleeping(&shim));
    stage.write_profile(&whole);
    let shown = shim.wait_with_output().unwrap();
    assert!(text(&shown.stdout).contains("ann@contoso.com"));
    assert_eq!(stage.starts(), [] as [&str; 0]);
}

#[test]
fn a_name_that_az_may_write_in_another_encoding_is_left_to_it() {
    let stage = Stage::new("encoding");
    stage.log_in("j\u{f6}rg@contoso.com");
    stage.az("echo from az");
    let shown = |name: &str, value: &str| {
        let mut command = stage.shim(&["account", "show"]);
        command.env(name, value);
        printed(command)
    };
    for (name, value) in [("LANG", "C"), ("LC_ALL", "de_DE.UTF-8"), ("LC_CTYPE", "en_US.utf8"), ("LANG", "")]
    {
        assert!(shown(name, value).contains("j\u{f6}rg@contoso.com"), "{name}={value}");
    }
    for (name, value) in [("LANG", "de_DE.ISO-8859-1"), ("LC_ALL", "de_DE"), ("PYTHONIOENCODING", "latin-1")]
    {
        assert_eq!(shown(name, value), "from az\n", "{name}={value}");
    }
}

#[test]
fn a_version_is_kept_until_az_or_its_extensions_change() {
    let stage = Stage::new("version");
    stage.az("echo '{\"azure-cli\": \"2.91.0\"}'");
    for _ in 0..2 {
        assert_eq!(printed(stage.shim(&["version", "-o=json"])), "{\"azure-cli\": \"2.91.0\"}\n");
    }
    assert_eq!(stage.starts(), ["version --output json"]);
    stage.az("echo '{\"azure-cli\": \"2.92.0\"}' # longer");
    assert_eq!(printed(stage.shim(&["version"])), "{\"azure-cli\": \"2.92.0\"}\n");
    fs::create_dir(stage.path("azure/cliextensions")).unwrap();
    printed(stage.shim(&["version"]));
    printed(stage.shim(&["version"]));
    assert_eq!(stage.starts().len(), 3);
}

#[test]
fn a_version_is_kept_for_a_day_at_most() {
    let stage = Stage::new("old-version");
    stage.az("echo '{}'");
    printed(stage.shim(&["version"]));
    let written = |ago: Duration| {
        let file = fs::File::options().write(true).open(stage.state().join("shim/version")).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    };
    let hour = Duration::from_secs(60 * 60);
    for (ago, starts) in [(23 * hour, 1), (25 * hour, 2), (Duration::ZERO, 2)] {
        written(ago);
        printed(stage.shim(&["version"]));
        assert_eq!(stage.starts().len(), starts, "written {} h ago", ago.as_secs() / 3_600);
    }
}

#[test]
fn a_version_that_others_could_have_written_is_not_printed() {
    let stage = Stage::new("open-version");
    stage.az("echo '{}'");
    printed(stage.shim(&["version"]));
    let file = stage.state().join("shim/version");
    let kept = fs::read_to_string(&file).unwrap();
    fs::write(&file, kept.replace("{}", "planted")).unwrap();
    assert_eq!(printed(stage.shim(&["version"])), "planted\n", "as it is ours alone, it is taken");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(printed(stage.shim(&["version"])), "{}\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), kept);
    fs::write(&file, kept.replace("{}", "planted")).unwrap();
    fs::set_permissions(stage.state(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(printed(stage.shim(&["version"])), "{}\n");
}

#[test]
fn a_failing_version_is_not_kept() {
    let stage = Stage::new("no-version");
    stage.az("echo broken >&2; exit 3");
    assert_eq!(failed(stage.shim(&["version"])), (3, "broken\n".to_owned()));
    stage.az("echo '{}'");
    assert_eq!(printed(stage.shim(&["version"])), "{}\n");
}
