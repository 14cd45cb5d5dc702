//! Another process of the tests: this same program, started again, doing what it is told line by line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

use azure_token_cache_host::store::{
    Documents, Environment, Generation, Guard, LockKind, Saved, Store, StoreError, StoreOptions, VaultChoice,
    VaultKind,
};
use azure_token_cache_host::witness::LoginFiles;

use crate::stage::{Stage, document, failure, get, key, record};
use crate::tracer;
use crate::walker::{Errand, Fetch, Walker};

/// Before each of a child's answers, so that what the test harness prints is told apart.
const ANSWER: &str = "answer: ";

/// Not a test: what the other process does.
#[test]
#[ignore = "what the other process does"]
fn child() {
    let options = StoreOptions {
        directory: None,
        name: "default".into(),
        vault: VaultChoice::Only(VaultKind::from_name(variable("ATC_VAULT").to_str().unwrap()).unwrap()),
        unsafe_allow_unencrypted: false,
        environment: Environment::from_iter([
            ("HOME", variable("ATC_HOME")),
            ("XDG_RUNTIME_DIR", variable("ATC_RUN")),
        ]),
    };
    let mut act = Act { options, store: None, guards: BTreeMap::new(), walker: None };
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        println!("{ANSWER}{}", act.perform(&words));
    }
}

fn variable(name: &str) -> OsString {
    std::env::var_os(name).unwrap()
}

struct Act {
    options: StoreOptions,
    store: Option<Store>,
    guards: BTreeMap<String, Guard>,
    walker: Option<Walker>,
}

impl Act {
    fn perform(&mut self, words: &[&str]) -> String {
        match *words {
            ["user"] => rustix::process::geteuid().as_raw().to_string(),
            ["open"] => match Store::open(&self.options) {
                Ok(store) => {
                    self.store = Some(store);
                    "open".into()
                }
                Err(error) => format!("{error:?}"),
            },
            ["lock", name, kind] => self.lock(name, kind),
            ["unlock", name] => self.guards.remove(name).map_or("not held", |_| "let go").into(),
            ["save", name, text] => self.save(name, text),
            ["load", name] => get(self.store(), &key(name)).unwrap_or_else(|| "nothing".into()),
            ["flaw", name] => format!("{:?}", self.store().load(&key(name)).flaw),
            ["fail", name] => self.fail(name),
            ["login"] => login().into(),
            ["walk", name, fetch, patience] => self.walk(name, fetch, patience),
            ["step"] => {
                let walker = self.walker.as_mut().unwrap();
                walker.step();
                walker.next().into()
            }
            ["thread"] => nix::unistd::gettid().to_string(),
            ["invalidate-all"] => told(self.store().invalidate_where(|_| true)),
            ["clear"] => told(Store::clear_folder(&self.options)),
            ["fill"] => fill(&Path::new(&variable("ATC_HOME")).join("filler")),
            ["count-up", who, times] => self.count_up(who, times.parse().unwrap()),
            // Never answers: it is killed.
            ["count-on", who] => self.count_up(who, usize::MAX),
            _ => panic!("{words:?}"),
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn lock(&mut self, name: &str, kind: &str) -> String {
        let kind = match kind {
            "fetch" => LockKind::Fetch,
            slot => LockKind::Slot(slot.parse().unwrap()),
        };
        match self.store().try_lock(&key(name), kind) {
            Ok(None) => "busy".into(),
            Ok(Some(guard)) => {
                self.guards.insert(name.to_owned(), guard);
                "held".into()
            }
            Err(error) => said(&error),
        }
    }

    fn save(&self, name: &str, text: &str) -> String {
        let expected = self.store().load(&key(name)).generation;
        let newer = Generation { entry: expected.entry + 1, ..expected };
        match self.store().save(&key(name), &record(text, newer), expected) {
            Ok(Saved::Written) => "written".into(),
            Ok(Saved::Superseded(_)) => "superseded".into(),
            Err(error) => said(&error),
        }
    }

    /// Begins a walk, and says which step it begins with.
    fn walk(&mut self, name: &str, fetch: &str, patience: &str) -> String {
        let fetch = if fetch == "fails" { Fetch::Fails } else { Fetch::Grants(fetch.to_owned()) };
        let store = Store::open(&self.options).unwrap();
        let errand = Errand { patience: patience.parse().unwrap(), ..Errand::new(key(name), fetch) };
        let walker = self.walker.insert(Walker::begin(store, errand));
        walker.next().into()
    }

    /// Adds entries to the document that all share, and removes every other one again.
    fn count_up(&self, who: &str, times: usize) -> String {
        let documents = Documents::open(&self.options).unwrap();
        for count in 0..times {
            let section = |entries: &str| format!(r#"{{"section":{{{entries}}}}}"#);
            let kept = format!(r#""{who}-{count}":{{"filler":"{}"}}"#, "x".repeat(500));
            let passing = format!(r#""{who}-passing":{count}"#);
            let both = section(&format!("{kept},{passing}"));
            documents.merge(&document(), "{}", &both).unwrap();
            documents.merge(&document(), &both, &section(&kept)).unwrap();
        }
        "counted".into()
    }

    fn fail(&self, name: &str) -> String {
        self.store()
            .save_failure(&key(name), &failure())
            .map_or_else(|error| said(&error), |()| "left".into())
    }
}

/// Where az's files lie.
fn login() -> &'static str {
    let folder = Path::new(&std::env::var_os("ATC_HOME").unwrap()).join(".azure");
    let mut files = LoginFiles::new(vec![folder.join("azureProfile.json")], Vec::new());
    if files.read().remote { "remote" } else { "local" }
}

fn told(count: Result<usize, StoreError>) -> String {
    count.map_or_else(|error| said(&error), |count| count.to_string())
}

/// Until the disk has no room left.
fn fill(path: &Path) -> String {
    let mut file = File::create(path).unwrap();
    loop {
        if let Err(error) = file.write_all(&[0; 1024]) {
            return format!("{:?}", error.kind());
        }
    }
}

fn said(error: &StoreError) -> String {
    match error {
        StoreError::System { doing, error } => format!("{doing:?} {:?}", error.kind()),
        error => format!("{error:?}"),
    }
}

/// The other process, as the test sees it. It is killed when it is dropped.
pub struct Child {
    process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    traced: Option<tracer::Thread>,
}

impl Child {
    pub fn start(stage: &Stage, vault: VaultKind) -> Self {
        Self::start_with(stage.path(), vault, &[])
    }

    /// Starts it by way of other programs.
    pub fn start_with(folder: &Path, vault: VaultKind, through: &[String]) -> Self {
        let own = std::env::current_exe().unwrap();
        let words = [through, &[own.to_str().unwrap().to_owned()]].concat();
        let mut process = Command::new(&words[0])
            .args(&words[1..])
            .args(["--exact", "child::child", "--ignored", "--nocapture"])
            .env("ATC_VAULT", vault.name())
            .env("ATC_HOME", folder.join("home"))
            .env("ATC_RUN", folder.join("run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output, traced: None }
    }

    /// What it answers to this line.
    pub fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.answer()
    }

    pub fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    pub fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the other process ended");
            if let Some((_, answer)) = line.split_once(ANSWER) {
                return answer.trim_end().to_owned();
            }
        }
    }

    /// Tells it a line, and stops it there before its change with this number, counted from 0: which one that is; `None`
    /// where it is about to answer.
    pub fn stop_at(&mut self, line: &str, change: usize) -> Option<&'static str> {
        let thread = self.ask("thread").parse().unwrap();
        let traced = self.traced.insert(tracer::Thread::stop(thread));
        writeln!(self.input, "{line}").unwrap();
        (0..=change).try_fold("", |_, _| traced.next_change())
    }

    /// At whatever it is doing.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        if let Some(traced) = self.traced.take() {
            traced.reap();
        }
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
