//! Runs a whole fleet: the server, the source and the hosts, from a cold start through the periods of their tokens.

use std::error::Error;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::member::Member;
use super::server::Server;
use super::source::{Source, Terms};
use crate::splitmix::SplitMix;

/// What a fleet is like. Times are milliseconds.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The program of a host.
    pub program: PathBuf,
    /// How many of them.
    pub hosts: usize,
    /// How many tokens each needs, the same for all.
    pub entries: u64,
    /// How often each token is renewed.
    pub periods: u64,
    /// A token lives so long, and up to half as long again.
    pub lifetime: u64,
    /// A fetch takes so long.
    pub fetch: u64,
    /// Each host is asked this often for each token.
    pub asked_every: u64,
    /// A lease lasts so long unless it is renewed.
    pub lease: u64,
    /// Clocks are wrong by at most this, either way.
    pub skew: i64,
    /// The host that is the first to renew the first token is killed while it fetches.
    pub kills: bool,
    /// At the end each host is asked so often for each token, as fast as it can.
    pub burst: u64,
    /// Nothing takes as long as this.
    pub limit: u64,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Requests to the source, for each entry.
    pub fetches: Vec<u64>,
    /// The most requests at once for one entry.
    pub at_once: u64,
    /// Hosts that were killed with a lease in hand.
    pub killed: u64,
    /// Saves that came too late: the lease had expired, and another host fetched.
    pub refused: u64,
    /// Commands, as the hosts count them.
    pub commands: u64,
    /// Scripts that the server ran, before the burst.
    pub scripts: u64,
    /// Scripts that it ran meanwhile.
    pub scripts_in_burst: u64,
    /// Calls of all hosts.
    pub asks: u64,
    /// Of them, those in the burst.
    pub asks_in_burst: u64,
    /// Those that got an error.
    pub errors: u64,
    /// Those that found a host without a token that had one before.
    pub gaps: u64,
    /// Those that got a token which had ended.
    pub served_late: u64,
    /// Commands that the server did not do.
    pub unreachable: u64,
    /// Tokens that hosts came to have, one after the other.
    pub tokens: u64,
    /// How long it all took, in milliseconds.
    pub took: u64,
}

/// Why there is no outcome.
#[derive(Debug)]
pub enum Trouble {
    /// A process ended that should not.
    Ended(usize),
    /// Something took too long: what was waited for, and from how many hosts it had come.
    TooLong(&'static str, usize),
    /// A host said what nobody understands.
    Unreadable(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(host) => write!(out, "host {host} ended"),
            Self::TooLong(what, count) => write!(out, "only {count} hosts came to say: {what}"),
            Self::Unreadable(line) => write!(out, "a host said: {line}"),
        }
    }
}

impl Error for Trouble {}

/// What happens to a fleet.
pub enum Event {
    /// A host said a line.
    Said(usize, String),
    /// It says no more.
    Ended(usize),
    /// The source wants a host to be killed.
    Kill(usize),
}

/// Runs a fleet from its start to its end. `name` tells it from others of this process.
///
/// # Errors
/// A program could not be started, or did what it should not.
pub fn run(fleet: &Fleet, name: &str) -> Result<Outcome, Box<dyn Error>> {
    let began = Instant::now();
    let (sender, events) = channel();
    let server = Server::start(name)?;
    let terms =
        Terms { short: fleet.periods, lifetime: fleet.lifetime, takes: fleet.fetch, kills: fleet.kills };
    let source = Source::start(terms, fleet.entries, sender.clone())?;
    let mut crowd = Crowd { hosts: Vec::new(), events, last: began + Duration::from_millis(fleet.limit) };
    for number in 0..fleet.hosts {
        let member = member_of(fleet, number, &server, &source);
        crowd.hosts.push(Host::start(fleet, &member, number, sender.clone())?);
    }
    crowd.hear("ready")?;
    crowd.tell("go")?;
    crowd.hear("settled")?;
    let scripts = server.scripts()?;
    crowd.tell(&format!("burst {}", fleet.burst))?;
    crowd.hear("burst")?;
    let scripts_in_burst = server.scripts()? - scripts;
    let mut outcome = crowd.end()?;
    let counts = source.counts();
    outcome.fetches = counts.asked;
    outcome.at_once = counts.at_once;
    outcome.scripts = scripts;
    outcome.scripts_in_burst = scripts_in_burst;
    outcome.asks_in_burst = fleet.burst * fleet.entries * (fleet.hosts as u64 - outcome.killed);
    outcome.took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(outcome)
}

fn member_of(fleet: &Fleet, number: usize, server: &Server, source: &Source) -> Member {
    let width = u64::try_from(2 * fleet.skew + 1).unwrap_or(1);
    let skew = i64::try_from(SplitMix(number as u64).below(width)).unwrap_or(0) - fleet.skew;
    Member {
        number: number as u64,
        socket: server.socket.to_string_lossy().into_owned(),
        source: source.address.to_string(),
        entries: fleet.entries,
        asked_every: fleet.asked_every,
        lease: fleet.lease,
        skew,
    }
}

/// A host as its parent sees it. It ends when it is dropped.
struct Host {
    child: Child,
    input: Option<ChildStdin>,
    is_killed: bool,
}

impl Host {
    fn start(
        fleet: &Fleet,
        member: &Member,
        number: usize,
        events: Sender<Event>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(&fleet.program)
            .args(member.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).flatten() {
                let _ = events.send(Event::Said(number, line));
            }
            let _ = events.send(Event::Ended(number));
        });
        Ok(Self { child, input, is_killed: false })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All hosts, and what they say.
struct Crowd {
    hosts: Vec<Host>,
    events: Receiver<Event>,
    last: Instant,
}

impl Crowd {
    fn tell(&mut self, line: &str) -> Result<(), Box<dyn Error>> {
        for host in self.hosts.iter_mut().filter(|host| !host.is_killed) {
            if let Some(input) = &mut host.input {
                writeln!(input, "{line}")?;
            }
        }
        Ok(())
    }

    /// Waits until all that live have said this.
    fn hear(&mut self, expected: &'static str) -> Result<(), Trouble> {
        let mut heard = vec![false; self.hosts.len()];
        loop {
            let missing = self.hosts.iter().zip(&heard).any(|(host, heard)| !host.is_killed && !heard);
            if !missing {
                return Ok(());
            }
            match self.next(expected, &heard)? {
                Event::Said(host, line) if line == expected => heard[host] = true,
                Event::Said(_, line) => return Err(Trouble::Unreadable(line)),
                Event::Ended(host) if !self.hosts[host].is_killed => return Err(Trouble::Ended(host)),
                Event::Ended(_) => {}
                Event::Kill(host) => self.kill(host),
            }
        }
    }

    /// Ends all, and adds up what they counted.
    fn end(mut self) -> Result<Outcome, Trouble> {
        for host in &mut self.hosts {
            host.input = None;
        }
        let mut outcome = Outcome::default();
        let mut counted = vec![false; self.hosts.len()];
        while counted.iter().zip(&self.hosts).any(|(counted, host)| !counted && !host.is_killed) {
            if let Event::Said(host, line) = self.next("its counts", &counted)? {
                let counts: Value =
                    serde_json::from_str(&line).map_err(|_| Trouble::Unreadable(line.clone()))?;
                outcome.add(&counts);
                counted[host] = true;
            }
        }
        outcome.killed = self.hosts.iter().filter(|host| host.is_killed).count() as u64;
        Ok(outcome)
    }

    fn kill(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        host.is_killed = true;
        let _ = host.child.kill();
    }

    fn next(&self, expected: &'static str, heard: &[bool]) -> Result<Event, Trouble> {
        let left = self.last.saturating_duration_since(Instant::now());
        let count = heard.iter().filter(|heard| **heard).count();
        self.events.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected => Trouble::TooLong(expected, count),
        })
    }
}

impl Outcome {
    fn add(&mut self, counts: &Value) {
        let count = |name: &str| counts[name].as_u64().unwrap_or(0);
        self.refused += count("refused");
        self.commands += count("commands");
        self.asks += count("asks");
        self.errors += count("errors");
        self.gaps += count("gaps");
        self.served_late += count("servedLate");
        self.unreachable += count("unreachable");
        self.tokens += count("tokens");
    }
}
