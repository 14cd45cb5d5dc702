//! One host of a real fleet: a process that is asked for its tokens at a steady rate, told what to do line by line.
//!
//! It says `ready`, waits for `go`, says `settled` once all its tokens live long, asks as often as `burst` says and says
//! `burst` when it has, and at the end of its input what it counted.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write, stdin};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use azure_token_cache_core::Policy;
use redis::RedisResult;
use serde_json::{Value, json};

use super::commands::Entry;
use super::server::connect;
use crate::fleet::host::{Asked, Host, Lease, Report, Task, Time, Token, Work};

/// What a host is told when it starts. Times are milliseconds.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its number.
    pub number: u64,
    /// Where the server listens.
    pub socket: String,
    /// Where the source of tokens listens.
    pub source: String,
    /// How many tokens it needs.
    pub entries: u64,
    /// How often it is asked for each.
    pub asked_every: u64,
    /// How long a lease lasts.
    pub lease: u64,
    /// By how much its clock is wrong.
    pub skew: i64,
}

impl Member {
    /// The arguments of its process.
    #[must_use]
    pub fn arguments(&self) -> [String; 7] {
        [
            self.number.to_string(),
            self.socket.clone(),
            self.source.clone(),
            self.entries.to_string(),
            self.asked_every.to_string(),
            self.lease.to_string(),
            self.skew.to_string(),
        ]
    }

    /// What [`Self::arguments`] gave.
    #[must_use]
    pub fn read(arguments: &[String]) -> Option<Self> {
        let [number, socket, source, entries, asked_every, lease, skew] = arguments else { return None };
        Some(Self {
            number: number.parse().ok()?,
            socket: socket.clone(),
            source: source.clone(),
            entries: entries.parse().ok()?,
            asked_every: asked_every.parse().ok()?,
            lease: lease.parse().ok()?,
            skew: skew.parse().ok()?,
        })
    }
}

/// What all entries of the process share.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    settled: AtomicU64,
    burst: AtomicU64,
    bursts_done: AtomicU64,
}

/// A token with more than this left is the last one.
const LONG: i64 = 600_000;

/// Lives as a host, until the end of the input.
///
/// # Errors
/// The server, or the input, could not be read.
pub fn be_member(member: &Member) -> Result<(), Box<dyn Error>> {
    let mut asked = Vec::new();
    for entry in 0..member.entries {
        asked.push(Asking::new(member, entry)?);
    }
    say("ready")?;
    let mut lines = stdin().lock().lines();
    if lines.next().transpose()?.is_none() {
        return Ok(());
    }
    let shared = Shared::default();
    let counts = thread::scope(|scope| -> Result<Value, Box<dyn Error>> {
        let threads: Vec<_> = asked.into_iter().map(|asking| scope.spawn(|| asking.live(&shared))).collect();
        for line in lines {
            let count = line?.trim().strip_prefix("burst ").and_then(|count| count.parse().ok());
            shared.burst.store(count.unwrap_or(0), Ordering::SeqCst);
        }
        shared.is_over.store(true, Ordering::SeqCst);
        let mut total = Counts::default();
        for thread in threads {
            total.add(&thread.join().map_err(|_| "a thread panicked")??);
        }
        Ok(total.value())
    })?;
    say(&counts.to_string())?;
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// What a host counts.
#[derive(Default)]
struct Counts {
    asks: u64,
    errors: u64,
    gaps: u64,
    served_late: u64,
    commands: u64,
    refused: u64,
    unreachable: u64,
    tokens: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.asks += other.asks;
        self.errors += other.errors;
        self.gaps += other.gaps;
        self.served_late += other.served_late;
        self.commands += other.commands;
        self.refused += other.refused;
        self.unreachable += other.unreachable;
        self.tokens += other.tokens;
    }

    fn value(&self) -> Value {
        json!({
            "asks": self.asks,
            "errors": self.errors,
            "gaps": self.gaps,
            "servedLate": self.served_late,
            "commands": self.commands,
            "refused": self.refused,
            "unreachable": self.unreachable,
            "tokens": self.tokens,
        })
    }
}

/// One entry of the host, and who asks for it.
struct Asking {
    member: Member,
    entry: u64,
    host: Host,
    server: Entry,
    began: Instant,
    next_ask: Instant,
    sleeping: Option<(u32, i64)>,
    waits: bool,
    had: Option<u64>,
    has_settled: bool,
    has_burst: bool,
    counts: Counts,
}

impl Asking {
    fn new(member: &Member, entry: u64) -> Result<Self, Box<dyn Error>> {
        let began = Instant::now();
        let seed = member.number * 1_000 + entry;
        let time = Time { monotonic: 0, unix: unix_now() + member.skew };
        Ok(Self {
            host: Host::new(Policy::DEFAULT, seed, time).map_err(|error| error.to_string())?,
            server: Entry::new(connect(&member.socket)?, entry, member.lease),
            member: member.clone(),
            entry,
            began,
            next_ask: began,
            sleeping: None,
            waits: false,
            had: None,
            has_settled: false,
            has_burst: false,
            counts: Counts::default(),
        })
    }

    fn live(mut self, shared: &Shared) -> Result<Counts, String> {
        while !shared.is_over.load(Ordering::SeqCst) {
            self.step();
            self.settle(shared)?;
            self.pause();
        }
        self.counts.commands = self.server.commands;
        self.counts.refused = self.server.refused;
        Ok(self.counts)
    }

    fn step(&mut self) {
        if !self.waits && Instant::now() >= self.next_ask {
            self.next_ask = Instant::now() + Duration::from_millis(self.member.asked_every);
            self.ask();
        }
        let now = self.time();
        if self.host.poll_timeout().is_some_and(|at| at <= now.monotonic) {
            self.host.time_out(now);
        }
        if let Some((ticket, _)) = self.sleeping.take_if(|(_, until)| *until <= now.monotonic) {
            self.host.report(ticket, Report::Woken, now);
        }
        while let Some(task) = self.host.poll_task(self.time()) {
            self.perform(task);
        }
        if let Some(answer) = self.host.poll_answer() {
            self.waits = false;
            self.answer(answer);
        }
    }

    fn ask(&mut self) {
        self.counts.asks += 1;
        let now = self.time();
        match self.host.ask(now) {
            Asked::Waits { empty_handed } => {
                self.waits = true;
                self.counts.gaps += u64::from(empty_handed && self.had.is_some());
            }
            answer => {
                let is_late = matches!(answer, Asked::Token(token) if token.expires_at <= now.unix);
                self.counts.served_late += u64::from(is_late);
                self.answer(answer);
            }
        }
    }

    fn answer(&mut self, answer: Asked) {
        match answer {
            Asked::Token(token) => {
                self.counts.tokens += u64::from(self.had.replace(token.number) != Some(token.number));
            }
            _ => self.counts.errors += 1,
        }
    }

    fn perform(&mut self, Task { ticket, work }: Task) {
        let done = match work {
            Work::Sleep(until) => {
                self.sleeping = Some((ticket, until));
                return;
            }
            Work::Fetch(lease) => Ok(Report::Fetched(self.fetch(lease).ok().flatten())),
            Work::Look => self.server.look(),
            Work::Lock(lane) => self.server.lock(lane),
            Work::Save { token, over, lease } => self.server.save(token, over, lease),
            Work::Fail { failed_at, lease } => self.server.fail(failed_at, lease),
            Work::Release(lease) => self.server.release(lease),
        };
        let report = self.reachable(done).unwrap_or(Report::Unreachable);
        let now = self.time();
        self.host.report(ticket, report, now);
    }

    /// Asks the source, and renews the lease until there is an answer.
    fn fetch(&mut self, lease: Lease) -> io::Result<Option<Token>> {
        let connection = TcpStream::connect(&self.member.source)?;
        connection.set_read_timeout(Some(Duration::from_millis(self.member.lease * 2 / 5)))?;
        writeln!(&connection, "{} {}", self.member.number, self.entry)?;
        let mut reader = BufReader::new(&connection);
        let mut line = String::new();
        while let Err(error) = reader.read_line(&mut line) {
            if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
                return Err(error);
            }
            let renewed = self.server.renew(lease);
            self.reachable(renewed);
        }
        let now = self.time().unix;
        let read = |text: &str| -> Option<Token> {
            let (number, lifetime) = text.trim().split_once(' ')?;
            let expires_at = now + lifetime.parse::<i64>().ok()?;
            Some(Token { number: number.parse().ok()?, expires_at, acquired_at: now })
        };
        Ok(read(&line))
    }

    fn reachable<T>(&mut self, done: RedisResult<T>) -> Option<T> {
        self.counts.unreachable += u64::from(done.is_err());
        done.ok()
    }

    /// Says what all entries of the process have come to, once.
    fn settle(&mut self, shared: &Shared) -> Result<(), String> {
        let say = |line| say(line).map_err(|error| error.to_string());
        let now = self.time().unix;
        let is_last = |counter: &AtomicU64| counter.fetch_add(1, Ordering::SeqCst) + 1 == self.member.entries;
        let holds_last = self.host.held().is_some_and(|token| token.expires_at - now > LONG);
        if holds_last && !self.host.is_busy() && !self.has_settled {
            self.has_settled = true;
            if is_last(&shared.settled) {
                say("settled")?;
            }
        }
        let burst = shared.burst.load(Ordering::SeqCst);
        if burst > 0 && !self.has_burst {
            self.has_burst = true;
            for _ in 0..burst {
                self.ask();
                self.step();
            }
            if shared.bursts_done.fetch_add(1, Ordering::SeqCst) + 1 == self.member.entries {
                say("burst")?;
            }
        }
        Ok(())
    }

    /// Until the next ask, the end of a walk's pause, or the next time out.
    fn pause(&self) {
        let now = Instant::now();
        let mut millis = u64::try_from(self.next_ask.saturating_duration_since(now).as_millis()).unwrap_or(0);
        let until = |at: i64| u64::try_from(at - self.time().monotonic).unwrap_or(0);
        for at in [self.sleeping.map(|(_, until)| until), self.host.poll_timeout()].into_iter().flatten() {
            millis = millis.min(until(at));
        }
        thread::sleep(Duration::from_millis(millis.max(1)));
    }

    fn time(&self) -> Time {
        let monotonic = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Time { monotonic, unix: unix_now() + self.member.skew }
    }
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
