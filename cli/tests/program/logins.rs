//! Somebody logs in, out, or over: no token of before is handed out after.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use crate::stage::{GRANTS, Stage, failed, printed, profile};

const TOKEN: [&str; 2] = ["account", "get-access-token"];

#[test]
fn another_account_has_its_own_token_and_the_first_one_s_comes_back_with_it() {
    let stage = Stage::new("switch");
    let ann = printed(stage.shim(&TOKEN));
    stage.log_in("ben@contoso.com");
    let ben = printed(stage.shim(&TOKEN));
    assert_ne!(ann, ben);
    assert_eq!(printed(stage.shim(&TOKEN)), ben);
    stage.log_in("ann@contoso.com");
    assert_eq!(
        printed(stage.shim(&TOKEN)),
        ann,
        "the secrets stayed as they were: an `az account set` and back"
    );
    assert_eq!(stage.starts().len(), 2);
}

#[test]
fn a_logout_and_login_of_the_same_account_begins_anew() {
    let stage = Stage::new("again");
    let secrets = stage.path("azure/msal_token_cache.json");
    fs::write(&secrets, "1").unwrap();
    let first = printed(stage.shim(&TOKEN));
    fs::write(&secrets, "2").unwrap();
    assert_eq!(printed(stage.shim(&TOKEN)), first, "az fetched something: the profile is untouched");
    stage.log_in("ann@contoso.com");
    assert_ne!(printed(stage.shim(&TOKEN)), first);
}

#[test]
fn az_starts_only_when_the_profile_was_left_alone_for_a_moment() {
    let stage = Stage::new("quiet");
    stage.az(&format!("date +%s%N > '{}'\n{GRANTS}", stage.path("began").display()));
    stage.write_profile(&profile("ben@contoso.com"));
    let written = fs::metadata(stage.path("azure/azureProfile.json")).unwrap().modified().unwrap();
    printed(stage.shim(&TOKEN));
    let began: u128 = fs::read_to_string(stage.path("began")).unwrap().trim().parse().unwrap();
    let written = written.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    assert!(began >= written + 250_000_000, "{began} {written}");
}

#[test]
fn a_result_under_a_moved_login_goes_to_nobody() {
    let stage = Stage::new("moved");
    let other = stage.path("other");
    fs::write(&other, format!("\u{feff}{}", profile("ben@contoso.com"))).unwrap();
    // The first run fetches for ann, while somebody logs in as ben.
    stage.az(&format!(
        "if [ -e '{0}' ]; then mv '{0}' '{1}'; echo '{{\"accessToken\": \"CANARY-of-ann\", \"expires_on\": 4000000000, \
         \"tokenType\": \"Bearer\"}}'; exit; fi\n{GRANTS}",
        other.display(),
        stage.path("azure/azureProfile.json").display()
    ));
    let token = printed(stage.shim(&TOKEN));
    assert!(!token.contains("of-ann"), "{token}");
    assert_eq!(stage.starts().len(), 2);
    assert_eq!(printed(stage.shim(&TOKEN)), token);
    assert_eq!(stage.kept(), 1);
}

#[test]
fn a_token_of_another_tenant_than_the_account_s_is_not_kept() {
    let stage = Stage::new("contradiction");
    let guid = "11111111-1111-4111-8111-111111111111";
    stage.write_profile(&profile("ann@contoso.com").replace("tenant-1", guid));
    stage.age_profile();
    // {"tid":"22222222-2222-4222-8222-222222222222"}
    let claims = "eyJ0aWQiOiIyMjIyMjIyMi0yMjIyLTQyMjItODIyMi0yMjIyMjIyMjIyMjIifQ";
    stage.az(&format!(
        "echo '{{\"accessToken\": \"e30.{claims}.c2ln\", \"expires_on\": 4000000000, \"tokenType\": \"Bearer\"}}'"
    ));
    let (code, said) = failed(stage.program(&["get-token"]));
    assert_eq!(code, 1);
    assert!(said.contains("another account"), "{said}");
    assert_eq!(stage.kept(), 0);
}

#[test]
fn a_logout_through_the_shim_leaves_no_token() {
    for command in [&["logout"][..], &["logout", "--username", "ann"], &["account", "clear"]] {
        let stage = Stage::new("logout");
        printed(stage.shim(&TOKEN));
        assert_eq!(stage.kept(), 1);
        stage.az("echo out");
        assert_eq!(printed(stage.shim(command)), "out\n");
        assert_eq!(stage.kept(), 0);
    }
}

#[test]
fn whoever_next_sees_that_nobody_is_logged_in_deletes_the_folder_s_tokens() {
    let stage = Stage::new("nobody");
    printed(stage.shim(&TOKEN));
    stage.write_profile("{\"subscriptions\": []}");
    stage.az("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
    assert_eq!(
        failed(stage.shim(&TOKEN)),
        (1, "ERROR: Please run 'az login' to setup account.\n".to_owned())
    );
    assert_eq!(stage.kept(), 0);
}

#[test]
fn tokens_of_two_config_folders_are_apart() {
    let stage = Stage::new("folders");
    let first = printed(stage.shim(&TOKEN));
    fs::create_dir(stage.path("other")).unwrap();
    // As `cp -p` would: the same contents and times.
    fs::copy(stage.path("azure/azureProfile.json"), stage.path("other/azureProfile.json")).unwrap();
    stage.age_profile();
    let other = || {
        let mut shim = stage.shim(&TOKEN);
        shim.env("AZURE_CONFIG_DIR", "other");
        printed(shim)
    };
    let second = other();
    assert_ne!(first, second);
    assert_eq!(other(), second);
    assert_eq!(printed(stage.shim(&TOKEN)), first);
}

#[test]
fn identities_that_the_files_do_not_tell_are_never_kept() {
    let stage = Stage::new("machine");
    let machine =
        profile("systemAssignedIdentity").replace("\"type\": \"user\"", "\"type\": \"servicePrincipal\"");
    stage.write_profile(&machine);
    stage.age_profile();
    assert_ne!(printed(stage.shim(&TOKEN)), printed(stage.shim(&TOKEN)));
    assert!(printed(stage.program(&["get-token"])).contains("accessToken"));
    stage.log_in("ann@contoso.com");
    let mut agent = stage.shim(&TOKEN);
    agent.env("COPILOT_AGENT_SESSION_ID", "1");
    printed(agent);
    assert_eq!(stage.kept(), 0);
}

#[test]
fn a_login_of_equal_size_with_its_times_restored_is_seen() {
    let stage = Stage::new("restored");
    let files = ["azure/azureProfile.json", "azure/msal_token_cache.json"].map(|name| stage.path(name));
    fs::write(&files[1], "1").unwrap();
    stage.age_profile();
    let first = printed(stage.shim(&TOKEN));
    let times = files.each_ref().map(|file| fs::metadata(file).unwrap().modified().unwrap());
    // Ann again: the same profile, other secrets, and whatever can be set of their times is as it was.
    stage.write_profile(&profile("ann@contoso.com"));
    fs::write(&files[1], "2").unwrap();
    for (file, time) in files.iter().zip(times) {
        fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
    }
    assert_ne!(printed(stage.shim(&TOKEN)), first);
}

#[test]
fn a_home_that_was_copied_with_its_times_has_tokens_of_its_own_in_either_place() {
    let stage = Stage::new("copied");
    let ann = printed(stage.shim(&TOKEN));
    let (home, copy) = (stage.path("azure"), stage.path("copy"));
    let copied = Command::new("cp").args(["-rp"]).args([&home, &copy]).status().unwrap();
    assert!(copied.success());
    let in_copy = || {
        let mut command = stage.shim(&TOKEN);
        command.env("AZURE_CONFIG_DIR", &copy);
        command
    };
    let ann_in_copy = printed(in_copy());
    assert_ne!(ann_in_copy, ann);
    // Ben's home, of equal size and times, in the place of Ann's.
    let profile_of_copy = copy.join("azureProfile.json");
    let time = fs::metadata(&profile_of_copy).unwrap().modified().unwrap();
    fs::write(&profile_of_copy, format!("\u{feff}{}", profile("ben@contoso.com"))).unwrap();
    fs::File::options().write(true).open(&profile_of_copy).unwrap().set_modified(time).unwrap();
    fs::rename(&home, stage.path("away")).unwrap();
    fs::rename(&copy, &home).unwrap();
    let ben = printed(stage.shim(&TOKEN));
    assert!(![&ann, &ann_in_copy].contains(&&ben), "{ben}");
}
