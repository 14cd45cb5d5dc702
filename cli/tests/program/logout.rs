//! Logging out: az runs below the shim, which then deletes what was kept, and nobody can tell the two apart.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::stage::{GRANTS, Stage, printed, text, wait_until};

const TOKEN: [&str; 2] = ["account", "get-access-token"];

/// A stand-in that notes signals and whether they come from a process, ends at SIGTERM, and does not outlive its stage.
const LISTENS: &str = r#"exec /usr/bin/perl -e '
use POSIX;
open(my $heard, ">>", "heard"); select($heard); $| = 1;
my $hear = sub { print "$_[0] $_[1]->{code}\n"; exit 7 if $_[0] eq "TERM" };
sigaction($_, POSIX::SigAction->new($hear, POSIX::SigSet->new, SA_SIGINFO)) for SIGINT, SIGTERM;
open(my $up, ">", "rising"); print $up getppid . "\n$$\n"; close $up; rename "rising", "up";
sleep 1 while -d "starts"'
"#;

/// The processes of the shim and of az.
fn processes(stage: &Stage) -> [Pid; 2] {
    wait_until("az is up", || stage.path("up").exists());
    let text = fs::read_to_string(stage.path("up")).unwrap();
    let mut ids = text.lines().map(|id| Pid::from_raw(id.parse().unwrap()).unwrap());
    [ids.next().unwrap(), ids.next().unwrap()]
}

fn is_heard(stage: &Stage, lines: usize) -> bool {
    fs::read_to_string(stage.path("heard")).is_ok_and(|heard| heard.lines().count() >= lines)
}

/// Whether a process waits, and has been through all signals that it was sent.
fn is_at_rest(process: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap();
    let says = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    says("State:").starts_with('S') && says("ShdPnd:") == "0000000000000000"
}

#[test]
fn no_token_stays_that_was_saved_while_az_logged_out() {
    let stage = Stage::new("meanwhile");
    let gate = stage.path("gate");
    stage.az(&format!(
        "case $1$2 in account*get*) ;; *) : > up; while [ -d starts ] && [ ! -e '{}' ]; do sleep 0.01; done; exit 3;; esac\n{GRANTS}",
        gate.display()
    ));
    for words in [&["logout"][..], &["Account", "CLEAR", "--debug"]] {
        printed(stage.shim(&TOKEN));
        let mut logout = stage.shim(words).spawn().unwrap();
        wait_until("az is up", || stage.path("up").exists());
        assert_eq!(stage.kept(), 0, "{words:?}");
        printed(stage.shim(&TOKEN));
        assert_eq!(stage.kept(), 1, "{words:?}");
        fs::write(&gate, "").unwrap();
        assert_eq!(logout.wait().unwrap().code(), Some(3), "{words:?}");
        assert_eq!(stage.kept(), 0, "{words:?}");
        fs::remove_file(&gate).unwrap();
        fs::remove_file(stage.path("up")).unwrap();
    }
}

#[test]
fn arguments_streams_and_exit_code_are_azs() {
    let stage = Stage::new("logout-streams");
    stage.az("for word in \"$@\"; do printf '[%s]' \"$word\"; done; cat; echo err >&2; exit 42");
    let mut shim = stage.shim(&["logout", "--username", "a b", ""]);
    let mut child = shim.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from stdin").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "[logout][--username][a b][]from stdin");
    assert_eq!((text(&output.stderr), output.status.code()), ("err\n", Some(42)));
}

#[test]
fn signals_to_the_shim_reach_az_and_its_end_by_one_is_the_shims() {
    let stage = Stage::new("logout-signals");
    stage.az(LISTENS);
    let mut child = stage.shim(&["logout"]).spawn().unwrap();
    let [shim, _] = processes(&stage);
    assert_eq!(shim, Pid::from_child(&child));
    for (signal, heard) in [(Signal::INT, 1), (Signal::TERM, 2)] {
        kill_process(shim, signal).unwrap();
        wait_until("az hears it", || is_heard(&stage, heard));
    }
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(fs::read_to_string(stage.path("heard")).unwrap(), "INT 0\nTERM 0\n");
    for signal in [1, 2, 9, 15, 34] {
        stage.az(&format!("kill -{signal} $$; echo ignored"));
        let output = stage.shim(&["logout"]).output().unwrap();
        assert_eq!((output.status.signal(), text(&output.stdout)), (Some(signal), ""));
    }
}

#[test]
fn signals_that_the_caller_ignores_az_ignores() {
    let stage = Stage::new("nohup");
    stage.az("grep SigIgn /proc/self/status");
    let ignored = |words| printed(stage.shell(&format!("trap '' HUP INT; exec az {words}")));
    let below_the_shim = ignored("logout");
    assert!(below_the_shim.ends_with("3\n"), "{below_the_shim}");
    assert_eq!(below_the_shim, ignored("group list"));
}

#[test]
fn a_killed_shim_takes_az_with_it() {
    let stage = Stage::new("logout-killed");
    stage.az(LISTENS);
    let mut child = stage.shim(&["logout"]).spawn().unwrap();
    let [_, az] = processes(&stage);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("az is gone", || test_kill_process(az).is_err());
}

#[test]
fn a_terminals_interrupt_reaches_az_once() {
    let stage = Stage::new("terminal");
    stage.az(LISTENS);
    let mut script = stage.shell("exec script -q -e -c 'trap : INT; az logout; exit $?' /dev/null");
    script.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut terminal = script.spawn().unwrap();
    let [shim, _] = processes(&stage);
    let mut keyboard = terminal.stdin.take().unwrap();
    // Held until az has heard the first, so that a second one would be heard too.
    kill_process(shim, Signal::STOP).unwrap();
    keyboard.write_all(b"\x03").unwrap();
    wait_until("az hears it", || is_heard(&stage, 1));
    kill_process(shim, Signal::CONT).unwrap();
    wait_until("the shim has heard it", || is_at_rest(shim));
    kill_process(shim, Signal::TERM).unwrap();
    let mut shown = String::new();
    terminal.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(terminal.wait().unwrap().code(), Some(7), "{shown}");
    drop(keyboard);
    // 128 is the kernel's, 0 a process's.
    assert_eq!(fs::read_to_string(stage.path("heard")).unwrap(), "INT 128\nTERM 0\n");
}

#[test]
fn where_no_process_can_be_started_the_shim_becomes_az() {
    let stage = Stage::new("no-process");
    fs::copy("/bin/echo", stage.path("real/az")).unwrap();
    // One file may be opened: a program can be loaded, and no pipe be made to another process.
    assert_eq!(printed(stage.shell("exec prlimit --nofile=4 az logout")), "logout\n");
}
