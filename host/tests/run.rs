//! Runs of stand-ins for az: what is kept, what is refused, and that nothing is left behind.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use azure_token_cache_core::az::output::Exit;
use azure_token_cache_host::run::{
    Answer, Event, Found, Program, Request, Run, find, find_all, is_executable, start,
};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(100);

#[test]
fn output_and_exit_code_come_through() {
    // What is written last may still be in the pipe when the end of az is noticed: that differs from run to run.
    for _ in 0..20 {
        let output = Stand::new("printf out; printf err >&2; exit 3").answer();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out"[..], &b"err"[..]));
        assert_eq!(output.exit, Exit::Code(3));
    }
}

#[test]
fn arguments_environment_and_folder_are_those_that_were_passed() {
    let mut stand = Stand::new(r#"printf '%s|' "$@"; pwd; /usr/bin/env"#);
    stand.request.arguments.extend(["a b".into(), "$HOME;`id`".into(), String::new()]);
    stand.request.environment = vec![(OsString::from("ONLY"), OsString::from("this"))];
    let output = String::from_utf8(stand.answer().stdout).unwrap();
    let mut lines = output.lines();
    let folder = fs::canonicalize("/bin").unwrap();
    assert_eq!(lines.next().unwrap(), format!("a b|$HOME;`id`||{}", folder.display()));
    // The shell of the stand-in adds its own three.
    let names: Vec<_> = lines
        .filter(|line| !["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own)))
        .collect();
    assert_eq!(names, ["ONLY=this"]);
}

#[test]
fn standard_input_is_at_its_end() {
    assert_eq!(Stand::new("cat; echo done").answer().stdout, b"done\n");
}

#[test]
fn a_signal_is_told_from_an_exit_code() {
    let output = Stand::new("kill -9 $$").answer();
    assert_eq!(output.exit, Exit::Signal(Some(9)));
}

#[test]
fn how_az_ended_is_unknown_where_the_system_reaps_it() {
    let own = std::env::current_exe().unwrap();
    // What a program ignores, those that it starts ignore too.
    let status = Command::new("/bin/bash")
        .args([
            "-c",
            "trap '' CHLD; exec \"$0\" --exact ignores_its_children --ignored",
            own.to_str().unwrap(),
        ])
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

/// Not a test of its own: its process ignores `SIGCHLD`.
#[test]
#[ignore = "for a process that ignores its children"]
fn ignores_its_children() {
    for script in ["printf out", "printf out; exit 3", "printf out; kill -9 $$"] {
        let output = Stand::new(script).answer();
        assert_eq!((output.exit, output.stdout.as_slice()), (Exit::Signal(None), &b"out"[..]));
    }
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let mut stand = Stand::new("");
    let program = stand.folder.join("absent");
    stand.request.program = Program::At(program.clone());
    assert_eq!(stand.answer().exit, Exit::NotFound);
    fs::write(&program, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(stand.answer().exit, Exit::NotExecutable);
}

#[test]
fn a_hang_is_answered_at_the_limit_and_its_children_are_ended() {
    let mut stand = Stand::new("sleep 1000 & echo $! >child; echo $$ >leader; wait");
    stand.request.limit = SHORT;
    // The limit may come before the script has written its files, then there is nothing to look for.
    assert_eq!(stand.answer().exit, Exit::TimedOut { limit_ms: 100 });
    for name in ["leader", "child"] {
        if let Some(pid) = stand.number(name) {
            wait_gone(pid);
        }
    }
}

#[test]
fn az_past_its_limit_is_let_live_while_its_lock_file_exists() {
    let mut stand = Stand::new("echo $$ >leader; while :; do sleep 0.01; done");
    let lock = stand.folder.join("lock");
    fs::write(&lock, "").unwrap();
    (stand.request.limit, stand.request.grace) = (SHORT, LONG);
    let (_run, events) = stand.start();
    wait_until(|| stand.number("leader").is_some());
    assert_eq!(exit(&events), Exit::TimedOut { limit_ms: 100 });
    let leader = stand.number("leader").unwrap();
    assert!(is_alive(leader));
    fs::remove_file(lock).unwrap();
    assert!(matches!(events.recv().unwrap(), Event::Ended));
    wait_gone(leader);
}

#[test]
fn a_lock_file_that_stays_delays_the_end_by_the_grace_alone() {
    let mut stand = Stand::new("echo $$ >leader; while :; do sleep 0.01; done");
    fs::write(stand.folder.join("lock"), "").unwrap();
    (stand.request.limit, stand.request.grace) = (SHORT, SHORT);
    assert_eq!(stand.answer().exit, Exit::TimedOut { limit_ms: 100 });
    if let Some(leader) = stand.number("leader") {
        wait_gone(leader);
    }
}

#[test]
fn az_that_finishes_within_the_grace_is_not_killed() {
    let mut stand = Stand::new("while [ -e held ]; do sleep 0.01; done; echo whole >saved; rm lock");
    fs::write(stand.folder.join("held"), "").unwrap();
    fs::write(stand.folder.join("lock"), "").unwrap();
    (stand.request.limit, stand.request.grace) = (SHORT, LONG);
    let (_run, events) = stand.start();
    assert_eq!(exit(&events), Exit::TimedOut { limit_ms: 100 });
    fs::remove_file(stand.folder.join("held")).unwrap();
    assert!(matches!(events.recv().unwrap(), Event::Ended));
    assert_eq!(fs::read_to_string(stand.folder.join("saved")).unwrap(), "whole\n");
}

#[test]
fn a_child_that_holds_the_pipes_neither_delays_the_answer_nor_lives_on() {
    let stand = Stand::new("sleep 1000 & echo $! >child; echo answer");
    assert_eq!(stand.answer().stdout, b"answer\n");
    wait_gone(stand.number("child").unwrap());
}

#[test]
fn a_daemon_in_a_session_of_its_own_does_not_delay_the_answer() {
    let script = "setsid sh -c 'echo $$ >child; exec sleep 1000' & while [ ! -s child ]; do sleep 0.01; done; echo answer";
    let stand = Stand::new(script);
    assert_eq!(stand.answer().stdout, b"answer\n");
    let daemon = stand.number("child").and_then(rustix::process::Pid::from_raw).unwrap();
    let _ = rustix::process::kill_process(daemon, rustix::process::Signal::KILL);
}

#[test]
fn large_output_within_the_bound_is_whole() {
    let mut stand = Stand::new("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2");
    stand.request.output_bound = 1_000_000;
    let output = stand.answer();
    assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
}

#[test]
fn endless_output_on_either_pipe_is_refused() {
    for script in ["echo $$ >leader; yes", "echo $$ >leader; yes >&2", "head -c 65537 /dev/zero"] {
        let mut stand = Stand::new(script);
        stand.request.output_bound = 65_536;
        assert_eq!(stand.answer().exit, Exit::OutputTooLarge { limit_bytes: 65_536 }, "{script}");
        if let Some(leader) = stand.number("leader") {
            wait_gone(leader);
        }
    }
}

#[test]
fn stop_ends_the_whole_tree_before_it_returns() {
    let stand = Stand::new("sleep 1000 & echo $! >child; echo $$ >leader; wait");
    let (run, events) = stand.start();
    wait_until(|| stand.number("leader").is_some());
    run.stop(Duration::ZERO);
    assert_eq!(exit(&events), Exit::Signal(Some(9)));
    assert!(matches!(events.recv().unwrap(), Event::Ended));
    wait_gone(stand.number("leader").unwrap());
    wait_gone(stand.number("child").unwrap());
}

#[test]
fn stop_at_once_ends_it_whether_it_has_started_or_not() {
    for _ in 0..20 {
        let stand = Stand::new("sleep 1000");
        let (run, events) = stand.start();
        run.stop(Duration::ZERO);
        assert!(matches!(exit(&events), Exit::Signal(_)));
        assert!(matches!(events.recv().unwrap(), Event::Ended));
    }
}

#[test]
fn stop_waits_for_the_lock_file_and_not_longer_than_told() {
    let stand = Stand::new(
        "echo $$ >leader; : >lock; while [ -e held ]; do sleep 0.01; done; echo whole >saved; rm lock",
    );
    fs::write(stand.folder.join("held"), "").unwrap();
    let (run, events) = stand.start();
    wait_until(|| stand.folder.join("lock").exists());
    let stopper = thread::spawn(move || run.stop(LONG));
    fs::remove_file(stand.folder.join("held")).unwrap();
    stopper.join().unwrap();
    assert_eq!(fs::read_to_string(stand.folder.join("saved")).unwrap(), "whole\n");
    drop(events);

    let stand = Stand::new("echo $$ >leader; : >lock; while :; do sleep 0.01; done");
    let (run, _events) = stand.start();
    wait_until(|| stand.folder.join("lock").exists());
    run.stop(SHORT);
    wait_gone(stand.number("leader").unwrap());
}

/// What a process that dies without a word leaves: this test is itself run again as that process, and killed.
#[test]
fn the_death_of_this_process_ends_az_after_the_grace() {
    const FOLDER: &str = "ATC_RUN_AND_DIE";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut stand = Stand::new("sleep 1000 & echo $! >child; echo $$ >leader; wait");
        stand.request.folder = folder.into();
        let (_run, _events) = stand.start();
        loop {
            thread::park();
        }
    }
    let stand = Stand::new("");
    let mut dying = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_death_of_this_process_ends_az_after_the_grace"])
        .env(FOLDER, &stand.folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| stand.number("leader").is_some());
    dying.kill().unwrap();
    dying.wait().unwrap();
    wait_gone(stand.number("leader").unwrap());
    wait_gone(stand.number("child").unwrap());
}

#[test]
fn no_guard_outlives_its_run() {
    let stand = Stand::new("echo $$ >leader; while [ ! -e go ]; do sleep 0.01; done");
    let (_run, events) = stand.start();
    wait_until(|| stand.number("leader").is_some());
    let leader = stand.number("leader").unwrap();
    let find_guard = || processes().find(|pid| group_of(*pid) == Some(leader) && is_guard(*pid));
    wait_until(|| find_guard().is_some());
    let guard = find_guard().unwrap();
    fs::write(stand.folder.join("go"), "").unwrap();
    assert_eq!(exit(&events), Exit::Code(0));
    assert!(!Path::new(&format!("/proc/{guard}")).exists(), "not even as a zombie");
}

#[test]
fn only_absolute_entries_of_the_given_path_are_searched() {
    let stand = Stand::with_az_file();
    let name = stand.folder.to_str().unwrap();
    let relative = pathdiff(&stand.folder);
    assert_eq!(find(OsStr::new("")), Found::Nowhere);
    assert_eq!(find(OsStr::new(&format!("{relative}::."))), Found::Nowhere);
    assert_eq!(find(OsStr::new(&format!("/no/such:{relative}:{name}"))), Found::At(stand.folder.join("az")));

    let locked = Stand::with_az_file();
    fs::set_permissions(locked.folder.join("az"), fs::Permissions::from_mode(0o644)).unwrap();
    let locked_name = locked.folder.to_str().unwrap();
    assert_eq!(find(OsStr::new(locked_name)), Found::NotExecutable(locked.folder.join("az")));
    let both = format!("{locked_name}:{name}:.:{relative}:{name}");
    assert_eq!(find(OsStr::new(&both)), Found::At(stand.folder.join("az")));
    let az = stand.folder.join("az");
    assert_eq!(find_all(OsStr::new(&both)).collect::<Vec<_>>(), [az.clone(), az.clone()]);
    assert!(is_executable(&az) && !is_executable(&locked.folder.join("az")) && !is_executable(&stand.folder));
}

#[test]
fn a_run_looks_for_az_on_the_path_it_is_given() {
    let mut stand = Stand::new("");
    let search = |path: &Path| Program::OnPath(path.as_os_str().to_owned());
    stand.request.program = search(&stand.folder);
    assert_eq!(stand.answer().exit, Exit::NotFound);
    let locked = Stand::with_az_file();
    fs::set_permissions(locked.folder.join("az"), fs::Permissions::from_mode(0o644)).unwrap();
    stand.request.program = search(&locked.folder);
    assert_eq!(stand.answer().exit, Exit::NotExecutable);
    std::os::unix::fs::symlink("/bin/echo", stand.folder.join("az")).unwrap();
    stand.request.program = search(&stand.folder);
    stand.request.arguments = vec!["found".into()];
    assert_eq!(stand.answer().stdout, b"found\n");
}

/// Shell commands that stand in for az, and a folder: theirs, if they write files.
struct Stand {
    folder: PathBuf,
    request: Request,
}

impl Stand {
    fn new(script: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("atc-run-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(unique);
        fs::create_dir_all(&folder).unwrap();
        // The shell gets the script as an argument: a file just written can be "busy" while other threads fork.
        let writes = [">child", ">leader", ">lock", ">saved"].iter().any(|file| script.contains(file));
        let request = Request {
            program: Program::At("/bin/sh".into()),
            arguments: vec!["-c".into(), script.into(), "az".into()],
            environment: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
            folder: if writes { folder.clone() } else { "/bin".into() },
            limit: LONG,
            grace: Duration::ZERO,
            lock_files: vec![folder.join("lock")],
            output_bound: 1 << 20,
        };
        Self { folder, request }
    }

    fn with_az_file() -> Self {
        let stand = Self::new("");
        let az = stand.folder.join("az");
        fs::write(&az, "").unwrap();
        fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
        stand
    }

    fn start(&self) -> (Run, Receiver<Event>) {
        let (sender, events) = channel();
        (start(self.request.clone(), move |event| drop(sender.send(event))).unwrap(), events)
    }

    /// The answer, once the run has ended.
    fn answer(&self) -> Answer {
        let (_run, events) = self.start();
        let Event::Answered(answer) = events.recv().unwrap() else { panic!("ended without an answer") };
        assert!(matches!(events.recv().unwrap(), Event::Ended));
        assert!(events.recv().is_err());
        answer
    }

    /// The number that the script wrote into a file.
    fn number(&self, name: &str) -> Option<i32> {
        fs::read_to_string(self.folder.join(name)).ok()?.trim().parse().ok()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The folder as seen from the working folder of this test.
fn pathdiff(folder: &Path) -> String {
    let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "../").collect::<String>();
    format!("{up}{}", folder.strip_prefix("/").unwrap().to_str().unwrap())
}

fn exit(events: &Receiver<Event>) -> Exit {
    let Event::Answered(answer) = events.recv().unwrap() else { panic!("ended without an answer") };
    answer.exit
}

fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn group_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(2)?.parse().ok()
}

fn is_guard(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| line.contains("azure-token-cache-guard"))
}

fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn wait_gone(pid: i32) {
    wait_until(|| !is_alive(pid));
}

/// Ends when the condition holds; a test whose condition never holds is ended by its runner.
fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        // Leaves the processor to the processes that it waits for.
        thread::sleep(Duration::from_millis(1));
    }
}
