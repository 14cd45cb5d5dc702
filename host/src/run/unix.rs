//! One az process on Unix: a process group of its own, its pipes read by poll, its end seen before it is reaped.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use azure_token_cache_core::az::output::Exit;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::output::Collected;
use super::tree::Tree;
use super::{Answer, Progress, Request, refusal};

/// A round of reading ends after this many chunks, so that an endless writer cannot put off the limit.
const CHUNKS_A_ROUND: usize = 16;
const CHUNK_BYTES: usize = 16 * 1024;

/// Waits for the end of its input, which comes when this process is gone; then gives az time to finish what it writes,
/// and ends the group, itself with it.
const GUARD: &str = "read -r line; sleep \"$1\"; kill -s KILL 0";

/// Of a process that the system reaped by itself, as it does where `SIGCHLD` is ignored: no code that az could have chosen.
const UNKNOWN: Exit = Exit::Signal(None);

/// A running az.
pub(super) struct Process {
    child: Child,
    /// Ends the group if this process dies without having done so, by a signal or a crash; as good as the system allows.
    guard: Option<Child>,
    /// Reports end of file when az itself has ended.
    exited: PipeReader,
    stdout: Stream,
    stderr: Stream,
    output_bound: usize,
}

/// The process group, led by az.
#[derive(Debug)]
pub(super) struct TreeHandle(Pid);

impl TreeHandle {
    pub(super) fn kill(&self) {
        // An empty group is an error, and exactly what is wanted.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

impl Process {
    pub(super) fn start(program: &Path, request: &Request) -> Result<(Self, TreeHandle), Exit> {
        let mut child = command(program, request).spawn().map_err(|error| refusal(program, &error))?;
        let group = Pid::from_child(&child);
        match Self::attend(&mut child, group, request.output_bound) {
            Ok((exited, stdout, stderr)) => {
                let guard = guard(group, request.grace).ok();
                let process =
                    Self { child, guard, exited, stdout, stderr, output_bound: request.output_bound };
                Ok((process, TreeHandle(group)))
            }
            Err(error) => {
                TreeHandle(group).kill();
                let _ = child.wait();
                Err(Exit::NotStarted { os_error: error.raw_os_error().unwrap_or_default() })
            }
        }
    }

    fn attend(child: &mut Child, group: Pid, bound: usize) -> io::Result<(PipeReader, Stream, Stream)> {
        let stdout = Stream::new(child.stdout.take().map(OwnedFd::from), bound)?;
        let stderr = Stream::new(child.stderr.take().map(OwnedFd::from), bound)?;
        let (exited, writer) = io::pipe()?;
        thread::Builder::new()
            .name("azure-token-cache wait".into())
            .spawn(move || announce_exit(group, writer))?;
        Ok((exited, stdout, stderr))
    }

    /// Reads until az has ended, there is too much output, or the deadline came.
    pub(super) fn advance(&mut self, deadline: Option<Instant>) -> Progress {
        loop {
            if self.stdout.collected.take_overflow() | self.stderr.collected.take_overflow() {
                return Progress::Overflowed;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Progress::Deadline;
            }
            let ready = self.wait_ready(left.and_then(|left| Timespec::try_from(left).ok()).as_ref());
            if ready.exited {
                return Progress::Exited;
            }
            if ready.stdout {
                self.stdout.read_round();
            }
            if ready.stderr {
                self.stderr.read_round();
            }
        }
    }

    /// After `Exited`: takes what is still in the pipes, ends what az left running, and reaps it. Never waits for the
    /// end of a pipe, which a child of az may hold open for as long as it likes.
    pub(super) fn finish(mut self, tree: &Tree) -> Answer {
        self.stdout.drain();
        self.stderr.drain();
        tree.bury();
        if let Some(guard) = &mut self.guard {
            let _ = guard.kill();
            let _ = guard.wait();
        }
        let status = self.child.wait().ok();
        if self.stdout.collected.overflowed() || self.stderr.collected.overflowed() {
            return Exit::OutputTooLarge { limit_bytes: self.output_bound }.into();
        }
        Answer {
            exit: status.map_or(UNKNOWN, exit),
            stdout: self.stdout.collected.take(),
            stderr: self.stderr.collected.take(),
        }
    }

    fn wait_ready(&self, left: Option<&Timespec>) -> Ready {
        let mut watched = vec![PollFd::new(&self.exited, PollFlags::IN)];
        let pipes = [&self.stdout, &self.stderr];
        watched.extend(
            pipes
                .iter()
                .filter_map(|pipe| pipe.source.as_ref())
                .map(|source| PollFd::new(source, PollFlags::IN)),
        );
        if poll(&mut watched, left).is_err() {
            return Ready::default();
        }
        let mut answers = watched.iter().map(|fd| !fd.revents().is_empty());
        let mut next = |open: bool| open && answers.next().unwrap_or(false);
        Ready {
            exited: next(true),
            stdout: next(self.stdout.source.is_some()),
            stderr: next(self.stderr.source.is_some()),
        }
    }
}

#[derive(Default)]
struct Ready {
    exited: bool,
    stdout: bool,
    stderr: bool,
}

/// The read end of one pipe.
struct Stream {
    source: Option<OwnedFd>,
    collected: Collected,
}

impl Stream {
    fn new(source: Option<OwnedFd>, bound: usize) -> io::Result<Self> {
        if let Some(source) = &source {
            rustix::io::ioctl_fionbio(source, true)?;
        }
        Ok(Self { source, collected: Collected::new(bound) })
    }

    /// Reads what is there; true if more may be there at once.
    fn read_round(&mut self) -> bool {
        let mut chunk = [0; CHUNK_BYTES];
        for _ in 0..CHUNKS_A_ROUND {
            let Some(source) = &self.source else { return false };
            match rustix::io::read(source.as_fd(), &mut chunk) {
                Ok(count @ 1..) => self.collected.push(chunk.get(..count).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                Ok(_) | Err(_) => self.source = None,
            }
        }
        true
    }

    fn drain(&mut self) {
        while !self.collected.overflowed() && self.read_round() {}
    }
}

fn command(program: &Path, request: &Request) -> Command {
    let mut command = Command::new(program);
    command
        .args(&request.arguments)
        .env_clear()
        .envs(request.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&request.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

/// Starts the guard in az's group. Only this process holds the other end of its input.
fn guard(group: Pid, grace: Duration) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", GUARD, "azure-token-cache-guard", &grace.as_secs().to_string()])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(group.as_raw_nonzero().get())
        .spawn()
}

/// Waits for az without reaping it: until it is reaped no other process can have its id, so its group can be ended.
fn announce_exit(leader: Pid, writer: PipeWriter) {
    while let Err(Errno::INTR) = waitid(WaitId::Pid(leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
    drop(writer);
}

fn exit(status: ExitStatus) -> Exit {
    status.code().map_or_else(|| Exit::Signal(status.signal()), Exit::Code)
}
