//! Many processes at once: one az for all of them, one failure for all of them, and nobody waits for the dead.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use azure_token_cache_host::store::LockKind;

use crate::stage::{GRANTS, Stage, is_sleeping, printed, text, wait_until};

const TOKEN: [&str; 2] = ["account", "get-access-token"];
const CROWD: usize = 24;

fn start(stage: &Stage) -> Child {
    stage.shim(&TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A stand-in that waits for a file before it goes on.
fn gated(stage: &Stage, body: &str) -> String {
    format!("while [ ! -e '{}' ]; do sleep 0.01; done\n{body}", stage.path("gate").display())
}

#[test]
fn a_crowd_on_an_empty_store_starts_one_az() {
    let stage = Stage::new("crowd");
    let crowd: Vec<Child> = (0..CROWD).map(|_| start(&stage)).collect();
    let mut answers: Vec<String> = crowd
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
            text(&output.stdout).to_owned()
        })
        .collect();
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn a_failure_is_told_to_all_who_waited_for_it() {
    let stage = Stage::new("failing-crowd");
    stage.az(&gated(&stage, "echo 'ERROR: AADSTS70043: expired' >&2; exit 3"));
    let first = start(&stage);
    wait_until("az runs", || stage.starts().len() == 1);
    let crowd: Vec<Child> = (0..CROWD).map(|_| start(&stage)).collect();
    for child in &crowd {
        wait_until("it waits", || is_sleeping(child));
    }
    fs::write(stage.path("gate"), "").unwrap();
    for child in [first].into_iter().chain(crowd) {
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), ""));
        assert_eq!(text(&output.stderr), "ERROR: AADSTS70043: expired\n");
    }
    // One, or two more where this machine is so busy that somebody's patience ended.
    assert!(stage.starts().len() <= 3, "{} starts", stage.starts().len());
}

#[test]
fn a_killed_holder_of_the_lock_leaves_it_to_the_next() {
    let stage = Stage::new("killed");
    stage.az(&gated(&stage, GRANTS));
    let mut holder = start(&stage);
    wait_until("az runs", || stage.starts().len() == 1);
    let waiting = start(&stage);
    wait_until("it waits", || is_sleeping(&waiting));
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until("the next az runs", || stage.starts().len() == 2);
    fs::write(stage.path("gate"), "").unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(printed(stage.shim(&TOKEN)), text(&output.stdout));
    assert_eq!(stage.starts().len(), 2);
}

/// From before its first look until after its last step: whatever a process was at when it was killed, the next one goes on.
#[test]
fn whoever_is_killed_at_any_moment_leaves_a_whole_store_to_the_next() {
    let stage = Stage::new("moments");
    // The quickest of a few: other tests start beside this one, and the later runs may be quicker than the first.
    let runs = (0..5).map(|_| {
        stage.program(&["clear"]).output().unwrap();
        let began = Instant::now();
        printed(stage.shim(&TOKEN));
        began.elapsed()
    });
    let whole = runs.min().unwrap();
    let mut at_work = 0;
    for moment in 0..40 {
        stage.program(&["clear"]).output().unwrap();
        let mut killed = start(&stage);
        std::thread::sleep(whole * moment / 32);
        at_work += u32::from(killed.try_wait().unwrap().is_none());
        killed.kill().unwrap();
        killed.wait().unwrap();
        let token = printed(stage.shim(&TOKEN));
        assert_eq!(printed(stage.shim(&TOKEN)), token, "it is kept, whole, killed after {moment}/32");
        assert_eq!(stage.kept(), 1);
    }
    assert!(at_work >= 10, "{at_work} of 40 were killed at work");
}

#[test]
fn past_patience_a_wedged_holder_costs_time_and_no_answer() {
    let stage = Stage::new("wedged");
    stage.az(&format!(
        "if [ ! -e '{0}' ]; then : > '{0}'; sleep 1000; fi\n{GRANTS}",
        stage.path("wedged").display()
    ));
    let mut holder = start(&stage);
    wait_until("az runs", || stage.path("wedged").exists());
    let token = printed(stage.shim(&TOKEN));
    assert_eq!(stage.starts().len(), 2);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(printed(stage.shim(&TOKEN)), token);
}

#[test]
fn a_cache_that_holds_the_lock_while_its_credential_runs_az_is_not_waited_for() {
    let stage = Stage::new("awaited");
    printed(stage.shim(&TOKEN));
    let store = stage.store();
    let key = store.list().unwrap().entries.remove(0).key;
    store.remove(&key).unwrap();
    let guard = store.try_lock(&key, LockKind::Fetch).unwrap().unwrap();
    // As credentials do: in a shell.
    let shim = stage.shim(&[]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "az account get-access-token; :"]).env_clear().current_dir(stage.path(""));
    shell.envs(shim.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(printed(shell).contains("accessToken"));
    assert_eq!(stage.starts().len(), 2);
    assert_eq!(stage.kept(), 0, "it is for whoever holds the lock to keep it");
    drop(guard);
    printed(stage.shim(&TOKEN));
    assert_eq!(stage.kept(), 1);
}
