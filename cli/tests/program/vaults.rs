//! The program with each real vault of this system: two processes that share nothing but the store and its key have one token.

use std::fs;
use std::process::Command;

use azure_token_cache_tests_system::desktop::Desktop;
use azure_token_cache_tests_system::keyring::kernel_key;

use crate::stage::{Stage, TOKEN, printed, wait_until};

#[test]
fn a_key_in_the_kernel_keyring_serves_the_next_process() {
    let stage = Stage::new("kernel-keyring");
    one_az_for_two(&stage, "kernel keyring", &|command| {
        command.env("AZURE_TOKEN_CACHE_VAULT", "kernel-keyring");
    });
    let key = kernel_key(&stage.state().join("store"), 0);
    assert!(!stage.path("run/azure-token-cache").exists(), "no key file");
    // The key is all that opens it.
    key.invalidate().unwrap();
    let mut command = stage.program(&["get-token"]);
    command.env("AZURE_TOKEN_CACHE_VAULT", "kernel-keyring");
    printed(command);
    assert_eq!(stage.starts().len(), 2);
    kernel_key(&stage.state().join("store"), 1).invalidate().unwrap();
}

#[test]
fn a_key_in_a_desktop_s_keyring_serves_the_next_process_until_that_is_locked() {
    let stage = Stage::new("desktop");
    let desktop = Desktop::start(&stage.path("home"), &stage.path("run"));
    let on_desktop = |command: &mut Command| {
        command.env("AZURE_TOKEN_CACHE_VAULT", "secret-service");
        command.env("DBUS_SESSION_BUS_ADDRESS", &desktop.address);
    };
    wait_until("the keyring answers", || {
        let mut status = stage.program(&["status"]);
        on_desktop(&mut status);
        status.output().unwrap().status.success()
    });
    one_az_for_two(&stage, "Secret Service", &on_desktop);
    assert!(!stage.path("run/azure-token-cache").exists(), "no key file");
    desktop.lock();
    let mut shim = stage.shim(&["account", "get-access-token"]);
    on_desktop(&mut shim);
    let document = printed(shim);
    assert!(document.contains("\"subscription\": \"ignored\""), "the real az's own words: {document}");
    assert_eq!(stage.starts().len(), 2);
}

/// `get-token` twice and the shim between: az is started once, and what is kept is sealed.
fn one_az_for_two(stage: &Stage, vault: &str, with: &dyn Fn(&mut Command)) {
    let run = |mut command: Command| {
        with(&mut command);
        printed(command)
    };
    let first = run(stage.program(&["get-token"]));
    assert!(first.contains(TOKEN), "{first}");
    assert_eq!(run(stage.shim(&["account", "get-access-token"])), first);
    assert_eq!(run(stage.program(&["get-token"])), first);
    assert_eq!(stage.starts().len(), 1);
    let findings = run(stage.program(&["doctor"]));
    assert!(findings.contains(&format!("ok    vault   {vault}\n")), "{findings}");
    assert!(findings.contains("ok    store   1 entry\n"), "{findings}");
    let record = fs::read_to_string(stage.state().join("store/keys/default.json")).unwrap();
    let name = vault.to_lowercase().replace(' ', "-");
    assert!(record.contains(&format!("\"vault\":\"{name}\"")), "{record}");
}
