//! The exit codes that docs/cli.md promises, where two reasons look alike.

use std::fs;

use crate::stage::{Stage, failed, printed, text};

const FAILED: i32 = 1;
const LOGIN_NEEDED: i32 = 3;
const NO_AZ: i32 = 4;
const NO_STORE: i32 = 5;

#[test]
fn a_subscription_that_is_not_there_needs_no_login() {
    let stage = Stage::new("no-subscription");
    let (code, said) = failed(stage.program(&["get-token", "-s", "nosuch"]));
    assert_eq!(code, FAILED, "{said}");
    let explained = printed(stage.program(&["explain", "-s", "nosuch"]));
    assert!(explained.contains("nosuch") && !explained.contains("nobody"), "{explained}");
    let mut elsewhere = stage.program(&["get-token"]);
    elsewhere.env("AZURE_CLOUD_NAME", "AzureChinaCloud");
    assert_eq!(failed(elsewhere).0, LOGIN_NEEDED);
    stage.write_profile(r#"{"subscriptions": []}"#);
    assert!(printed(stage.program(&["explain"])).contains("nobody is logged in"));
}

#[test]
fn a_wrapper_without_an_az_behind_it_is_no_az() {
    let stage = Stage::new("no-az-behind");
    for code in [127, 126] {
        stage.az(&format!("exit {code}"));
        let (code, said) = failed(stage.program(&["get-token"]));
        assert_eq!(code, NO_AZ, "{said}");
        // Kept for those who waited, it means the same.
        printed(stage.program(&["clear"]));
    }
}

#[test]
fn a_shim_without_an_az_or_a_place_says_which() {
    let stage = Stage::new("no-place");
    let mut placeless = stage.program(&["shim", "install"]);
    placeless.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative");
    assert_eq!(failed(placeless).0, NO_STORE);
    fs::remove_file(stage.path("real/az")).unwrap();
    let mut install = stage.program(&["shim", "install"]);
    install.env("PATH", stage.path("shim"));
    let (code, said) = failed(install);
    assert_eq!(code, NO_AZ, "{said}");
    let status = stage.program(&["shim", "status"]).output().unwrap();
    assert_eq!(status.status.code(), Some(0), "{}", text(&status.stderr));
}
