//! The stand-in for the source of tokens: counts who asks for what, takes its time, and answers with a short-lived token.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::fleet::Event;
use crate::splitmix::SplitMix;

/// How it answers. Times are milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// So many tokens of each entry live short, the next for an hour.
    pub short: u64,
    pub lifetime: u64,
    pub takes: u64,
    /// Whoever asks first for the second token of the first entry has no answer, and is reported to be killed.
    pub kills: bool,
}

/// What was asked of it.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// For each entry.
    pub asked: Vec<u64>,
    pub granted: Vec<u64>,
    /// The most at once for one entry, among those that it answers.
    pub at_once: u64,
    under_way: Vec<u64>,
    killed: bool,
}

/// An hour: longer than any fleet runs.
const LONG: u64 = 3_600_000;

pub struct Source {
    pub address: SocketAddr,
    counts: Arc<Mutex<Counts>>,
}

impl Source {
    pub fn start(terms: Terms, entries: u64, events: Sender<Event>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let zeros = vec![0; usize::try_from(entries).unwrap_or(0)];
        let counts =
            Counts { asked: zeros.clone(), granted: zeros.clone(), under_way: zeros, ..Counts::default() };
        let counts = Arc::new(Mutex::new(counts));
        let shared = Arc::clone(&counts);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (counts, events) = (Arc::clone(&shared), events.clone());
                // Who asked may be gone before the answer is there.
                thread::spawn(move || answer(&connection, terms, &counts, &events).ok());
            }
        });
        Ok(Self { address, counts })
    }

    pub fn counts(&self) -> Counts {
        self.counts.lock().map(|counts| counts.clone()).unwrap_or_default()
    }
}

/// One request a connection: the number of the host and of the entry; the answer is the token's number and its lifetime.
fn answer(
    connection: &TcpStream,
    terms: Terms,
    counts: &Mutex<Counts>,
    events: &Sender<Event>,
) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line)?;
    let asked =
        line.trim().split_once(' ').and_then(|(host, entry)| Some((host.parse().ok()?, entry.parse().ok()?)));
    let Some((host, entry)): Option<(usize, usize)> = asked else { return Ok(()) };
    let Some(number) = begin(counts, terms, entry) else {
        let _ = events.send(Event::Kill(host));
        return Ok(());
    };
    thread::sleep(Duration::from_millis(terms.takes));
    let granted = end(counts, entry);
    let lifetime = if granted > terms.short {
        LONG
    } else {
        // Tokens of all entries do not end together.
        terms.lifetime + SplitMix(number).below(terms.lifetime / 2)
    };
    writeln!(&*connection, "{number} {lifetime}")
}

/// A number for the token; `None` for the one who is to be killed.
fn begin(counts: &Mutex<Counts>, terms: Terms, entry: usize) -> Option<u64> {
    let mut counts = counts.lock().ok()?;
    *counts.asked.get_mut(entry)? += 1;
    if terms.kills && entry == 0 && counts.granted.first() == Some(&1) && !counts.killed {
        counts.killed = true;
        return None;
    }
    *counts.under_way.get_mut(entry)? += 1;
    counts.at_once = counts.at_once.max(counts.under_way[entry]);
    Some(counts.asked.iter().sum())
}

/// How many were granted, with this one.
fn end(counts: &Mutex<Counts>, entry: usize) -> u64 {
    let Ok(mut counts) = counts.lock() else { return 0 };
    counts.under_way[entry] -= 1;
    counts.granted[entry] += 1;
    counts.granted[entry]
}
