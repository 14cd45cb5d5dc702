//! One run of az: no shell, a safe folder, bounded output, a limit, and nothing of it left behind.
//!
//! A run has two ends. Its callers are answered at the limit; the process may live on for a while, because an az that
//! dies while it writes `msal_token_cache.json` leaves a file that fails every later az.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

mod find;
mod output;
#[cfg(unix)]
#[path = "run/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "run/windows.rs"]
mod platform;
mod tree;

pub use find::{Found, find, find_all, is_executable};

use azure_token_cache_core::az::output::Exit;
use platform::Process;
use tree::Tree;

/// How often a run past its limit looks whether az has let go of its lock file.
const LOCK_LOOK: Duration = Duration::from_millis(25);

/// What to run. Nothing is taken from this process's own environment or working folder.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which az.
    pub program: Program,
    /// The arguments, each one word.
    pub arguments: Vec<String>,
    /// The whole environment of az.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder that az starts in: one that no one but the system writes to.
    pub folder: PathBuf,
    /// How long callers wait, counted from the start of the process.
    pub limit: Duration,
    /// How much longer az may live past the limit while one of `lock_files` exists.
    pub grace: Duration,
    /// The files that exist while az writes its token cache.
    pub lock_files: Vec<PathBuf>,
    /// The most bytes of standard output, and of standard error, that are accepted.
    pub output_bound: usize,
}

/// Where the program is.
#[derive(Clone, Debug)]
pub enum Program {
    /// At this absolute path.
    At(PathBuf),
    /// The `az` that [`find`] finds with this value of PATH, looked for on the run's own thread: a folder on PATH may be
    /// on a slow filesystem.
    OnPath(OsString),
}

/// How the run ended for its callers, and what az printed, which may be a token: `Debug` shows only how much it is.
pub struct Answer {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, whole; empty when the host ended the run.
    pub stdout: Vec<u8>,
    /// Standard error, whole; empty when the host ended the run.
    pub stderr: Vec<u8>,
}

impl From<Exit> for Answer {
    fn from(exit: Exit) -> Self {
        Self { exit, stdout: Vec::new(), stderr: Vec::new() }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("exit", &self.exit)
            .field("stdout", &format_args!("{} bytes", self.stdout.len()))
            .field("stderr", &format_args!("{} bytes", self.stderr.len()))
            .finish()
    }
}

/// What a run reports: one `Answered`, then one `Ended`.
#[derive(Debug)]
pub enum Event {
    /// The callers' answer.
    Answered(Answer),
    /// No process of the run is left.
    Ended,
}

/// A handle to a run in progress. Dropping it does not end the run.
#[derive(Clone, Debug)]
pub struct Run {
    tree: Arc<Tree>,
    lock_files: Vec<PathBuf>,
}

/// Starts az on a thread of its own and returns at once; `report` is called on that thread.
///
/// Fails only when the system gives no thread.
pub fn start(request: Request, report: impl FnMut(Event) + Send + 'static) -> io::Result<Run> {
    let tree = Arc::new(Tree::default());
    let run = Run { tree: Arc::clone(&tree), lock_files: request.lock_files.clone() };
    thread::Builder::new()
        .name("azure-token-cache az".into())
        .spawn(move || supervise(&request, &tree, report))?;
    Ok(run)
}

impl Run {
    /// Ends the run and all that it started, before returning; waits at most `patience` for az to let go of its lock file.
    pub fn stop(&self, patience: Duration) {
        let last = Instant::now() + patience;
        while self.tree.is_alive() && any_exists(&self.lock_files) && Instant::now() < last {
            thread::sleep(LOCK_LOOK);
        }
        self.tree.stop();
    }
}

fn supervise(request: &Request, tree: &Tree, mut report: impl FnMut(Event)) {
    match program(request).and_then(|program| tree.start(|| Process::start(&program, request))) {
        Err(exit) => report(Event::Answered(exit.into())),
        Ok(process) => attend(process, request, tree, &mut report),
    }
    report(Event::Ended);
}

fn program(request: &Request) -> Result<PathBuf, Exit> {
    match &request.program {
        Program::At(path) => Ok(path.clone()),
        Program::OnPath(search_path) => match find(search_path) {
            Found::At(path) => Ok(path),
            Found::NotExecutable(_) => Err(Exit::NotExecutable),
            Found::Nowhere => Err(Exit::NotFound),
        },
    }
}

fn attend(mut process: Process, request: &Request, tree: &Tree, report: &mut impl FnMut(Event)) {
    let limit = Instant::now().checked_add(request.limit);
    let exit = match process.advance(limit) {
        Progress::Exited => return report(Event::Answered(process.finish(tree))),
        Progress::Deadline => {
            Exit::TimedOut { limit_ms: request.limit.as_millis().try_into().unwrap_or(u64::MAX) }
        }
        Progress::Overflowed => Exit::OutputTooLarge { limit_bytes: request.output_bound },
    };
    report(Event::Answered(exit.into()));
    end_patiently(process, request, tree);
}

/// What the system's refusal to start `program` means. A missing interpreter is reported as a missing file.
fn refusal(program: &Path, error: &io::Error) -> Exit {
    match error.kind() {
        ErrorKind::NotFound if !program.exists() => Exit::NotFound,
        ErrorKind::NotFound | ErrorKind::PermissionDenied => Exit::NotExecutable,
        _ if is_no_program(error) => Exit::NotExecutable,
        _ => Exit::NotStarted { os_error: error.raw_os_error().unwrap_or_default() },
    }
}

#[cfg(unix)]
fn is_no_program(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOEXEC)
}

#[cfg(windows)]
fn is_no_program(error: &io::Error) -> bool {
    const ERROR_BAD_EXE_FORMAT: i32 = 193;
    error.raw_os_error() == Some(ERROR_BAD_EXE_FORMAT)
}

/// Ends az, but while it holds its lock file not before the grace is over.
fn end_patiently(mut process: Process, request: &Request, tree: &Tree) {
    let last = Instant::now() + request.grace;
    loop {
        let now = Instant::now();
        if now >= last || !any_exists(&request.lock_files) {
            tree.kill();
            break;
        }
        if matches!(process.advance(Some(last.min(now + LOCK_LOOK))), Progress::Exited) {
            break;
        }
    }
    while !matches!(process.advance(None), Progress::Exited) {}
    let _unwanted = process.finish(tree);
}

fn any_exists(files: &[PathBuf]) -> bool {
    files.iter().any(|file| file.exists())
}

/// Why [`Process::advance`] came back.
enum Progress {
    /// az itself has ended; what it started may live on until `finish`.
    Exited,
    /// The given moment came first.
    Deadline,
    /// More output than accepted; said once, the rest is read and thrown away.
    Overflowed,
}
