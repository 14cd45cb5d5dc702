//! One az process on Windows: in a job object, through `cmd.exe` when az is a batch file.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use azure_token_cache_core::az::output::Exit;
use process_wrap::std::{ChildWrapper, CommandWrap, CreationFlags, JobObject};
use windows::Win32::System::Threading::CREATE_NO_WINDOW;

use super::output::Collected;
use super::tree::Tree;
use super::{Answer, Progress, Request, refusal};

/// What `cmd.exe` would interpret, even between quotes or after them.
const REFUSED: &[char] = &['%', '!', '^', '&', '|', '<', '>', '(', ')', '"', '\r', '\n', '\0'];
/// How often the end of az is looked for: a process handle cannot be waited for together with a channel.
const EXIT_LOOK: Duration = Duration::from_millis(20);
const CHUNK_BYTES: usize = 16 * 1024;
const CHUNKS_WAITING: usize = 16;

type SharedChild = Arc<Mutex<Box<dyn ChildWrapper>>>;

/// A running az.
pub(super) struct Process {
    child: SharedChild,
    chunks: Receiver<Chunk>,
    stdout: Collected,
    stderr: Collected,
    output_bound: usize,
}

/// The job object that holds az and all that it starts.
#[derive(Debug)]
pub(super) struct TreeHandle(SharedChild);

impl TreeHandle {
    pub(super) fn kill(&self) {
        // A job without processes is an error, and exactly what is wanted.
        let _ = locked(&self.0).start_kill();
    }
}

impl Process {
    pub(super) fn start(program: &Path, request: &Request) -> Result<(Self, TreeHandle), Exit> {
        let mut child = CommandWrap::from(command(program, request)?)
            .wrap(CreationFlags(CREATE_NO_WINDOW))
            .wrap(JobObject)
            .spawn()
            .map_err(|error| refusal(program, &error))?;
        let (sender, chunks) = sync_channel(CHUNKS_WAITING);
        let readers = [
            child.stdout().take().map(|pipe| reader(pipe, Pipe::Stdout, sender.clone())),
            child.stderr().take().map(|pipe| reader(pipe, Pipe::Stderr, sender)),
        ];
        let child: SharedChild = Arc::new(Mutex::new(child));
        let handle = TreeHandle(Arc::clone(&child));
        if let Some(error) = readers.into_iter().flatten().find_map(Result::err) {
            handle.kill();
            return Err(Exit::NotStarted { os_error: error.raw_os_error().unwrap_or_default() });
        }
        let output_bound = request.output_bound;
        let (stdout, stderr) = (Collected::new(output_bound), Collected::new(output_bound));
        Ok((Self { child, chunks, stdout, stderr, output_bound }, handle))
    }

    /// Reads until az has ended, there is too much output, or the deadline came.
    pub(super) fn advance(&mut self, deadline: Option<Instant>) -> Progress {
        loop {
            if self.stdout.take_overflow() | self.stderr.take_overflow() {
                return Progress::Overflowed;
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Progress::Deadline;
            }
            let patience = deadline.map_or(EXIT_LOOK, |deadline| EXIT_LOOK.min(deadline - now));
            match self.chunks.recv_timeout(patience) {
                Ok(chunk) => self.push(&chunk),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(patience),
            }
            if !matches!(locked(&self.child).try_wait(), Ok(None)) {
                return Progress::Exited;
            }
        }
    }

    /// After `Exited`: ends what az left running, takes what is still in the pipes, and the exit code. With the job
    /// ended no one holds the pipes, so that their end comes.
    pub(super) fn finish(mut self, tree: &Tree) -> Answer {
        tree.bury();
        while let Ok(chunk) = self.chunks.recv() {
            self.push(&chunk);
        }
        if self.stdout.overflowed() || self.stderr.overflowed() {
            return Exit::OutputTooLarge { limit_bytes: self.output_bound }.into();
        }
        let code = locked(&self.child).try_wait().ok().flatten().and_then(|status| status.code());
        let exit = code.map_or(Exit::Signal(None), Exit::Code);
        Answer { exit, stdout: self.stdout.take(), stderr: self.stderr.take() }
    }

    fn push(&mut self, chunk: &Chunk) {
        match chunk.pipe {
            Pipe::Stdout => self.stdout.push(&chunk.bytes),
            Pipe::Stderr => self.stderr.push(&chunk.bytes),
        }
    }
}

struct Chunk {
    pipe: Pipe,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Pipe {
    Stdout,
    Stderr,
}

fn reader(
    mut source: impl Read + Send + 'static,
    pipe: Pipe,
    chunks: SyncSender<Chunk>,
) -> std::io::Result<()> {
    let read = move || {
        let mut buffer = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            let bytes = buffer.get(..count).unwrap_or_default().to_vec();
            if chunks.send(Chunk { pipe, bytes }).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("azure-token-cache read".into()).spawn(read).map(drop)
}

fn command(program: &Path, request: &Request) -> Result<Command, Exit> {
    let mut command =
        if is_batch(program) { batch_command(program, request)? } else { direct_command(program, request) };
    command
        .env_clear()
        .envs(request.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&request.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

fn direct_command(program: &Path, request: &Request) -> Command {
    let mut command = Command::new(program);
    command.args(&request.arguments);
    command
}

fn is_batch(program: &Path) -> bool {
    program.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("cmd") || extension.eq_ignore_ascii_case("bat")
    })
}

/// `cmd.exe /d /s /v:off /c ""C:\...\az.cmd" "account" ..."`: no autorun, the outer quotes taken off and the rest kept
/// as it is, no delayed expansion. What would still be interpreted is refused, not escaped.
fn batch_command(program: &Path, request: &Request) -> Result<Command, Exit> {
    let program = program.to_str().ok_or(Exit::NotExecutable)?;
    // Parentheses stand in "Program Files (x86)" and mean nothing between quotes; an argument has no need of them.
    let program_refused = program.chars().any(|c| REFUSED.contains(&c) && c != '(' && c != ')');
    let arguments_refused = request.arguments.iter().any(|argument| argument.contains(REFUSED));
    if program_refused || arguments_refused {
        return Err(Exit::NotExecutable);
    }
    let mut line = format!("\"\"{program}\"");
    for argument in &request.arguments {
        line.push_str(&format!(" \"{argument}\""));
    }
    line.push('"');
    let mut command = Command::new(system_root(&request.environment).join("System32").join("cmd.exe"));
    command.raw_arg("/d /s /v:off /c").raw_arg(line);
    Ok(command)
}

fn system_root(environment: &[(OsString, OsString)]) -> PathBuf {
    let named = environment.iter().find(|(name, _)| name.eq_ignore_ascii_case(OsStr::new("SystemRoot")));
    named.map_or_else(|| PathBuf::from(r"C:\Windows"), |(_, value)| PathBuf::from(value))
}

fn locked(child: &SharedChild) -> std::sync::MutexGuard<'_, Box<dyn ChildWrapper>> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
