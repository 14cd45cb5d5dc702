//! One fetch for everyone who waits for it: its runs, its waiters, and the moments that it must not miss.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::entry::Attempt;
use crate::slots::EntryId;

/// What callers wait for. One job may take several runs of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub(crate) u32);

/// One run of the credential. Numbers grow in the order in which runs start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FetchId(pub(crate) u32);

macro_rules! bits {
    ($id:ident) => {
        impl $id {
            /// The id as a number, for a host that keeps numbers.
            #[must_use]
            pub fn to_bits(self) -> u32 {
                self.0
            }

            /// The id that [`Self::to_bits`] gave.
            #[must_use]
            pub fn from_bits(bits: u32) -> Self {
                Self(bits)
            }
        }
    };
}

bits!(JobId);
bits!(FetchId);

/// Why the next timeout exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Callers in front of a refresh have waited long enough, and have the old token.
    FrontPatience,
    /// A fetch has taken as long as it may.
    FetchLimit,
}

/// Why the result of a run no longer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Superseded {
    /// The entry was invalidated.
    Invalidated,
    /// Another account is logged in.
    IdentityChanged,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub entry: EntryId,
    /// Where its answer to a claims challenge is kept too.
    pub base: Option<EntryId>,
    pub fetch: FetchId,
    pub runs: u32,
    pub waiters: u32,
    /// Nobody's abort ends it: it began behind its callers, or went on behind them.
    pub behind: bool,
    /// Its callers in front have had the old token; later ones do not wait.
    pub patience_over: bool,
    pub superseded: Option<Superseded>,
    pub before: Attempt,
    pub serve_at: Option<i64>,
    limit_at: i64,
}

/// All jobs, found by entry or by run, and their timers.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    by_id: BTreeMap<JobId, Job>,
    by_entry: BTreeMap<EntryId, JobId>,
    by_fetch: BTreeMap<FetchId, JobId>,
    /// How many jobs have this entry for their base.
    bases: BTreeMap<EntryId, u32>,
    timers: BTreeSet<(i64, JobId, Reason)>,
    last_job: u32,
    last_fetch: u32,
}

impl Jobs {
    /// A new job; its first run is still to start.
    pub fn open(&mut self, entry: EntryId, base: Option<EntryId>, behind: bool, before: Attempt) -> JobId {
        self.last_job = self.last_job.wrapping_add(1);
        let id = JobId(self.last_job);
        let job = Job {
            entry,
            base,
            fetch: FetchId(0),
            runs: 0,
            waiters: 0,
            behind,
            patience_over: false,
            superseded: None,
            before,
            serve_at: None,
            limit_at: i64::MAX,
        };
        self.by_id.insert(id, job);
        self.by_entry.insert(entry, id);
        if let Some(base) = base {
            let jobs = self.bases.entry(base).or_default();
            *jobs = jobs.saturating_add(1);
        }
        id
    }

    /// Starts a run that ends at `limit_at` at the latest, in monotonic milliseconds.
    pub fn start_run(&mut self, id: JobId, limit_at: i64) -> Option<FetchId> {
        self.end_run(id);
        self.last_fetch = self.last_fetch.wrapping_add(1);
        let fetch = FetchId(self.last_fetch);
        let job = self.by_id.get_mut(&id)?;
        job.fetch = fetch;
        job.runs = job.runs.saturating_add(1);
        job.superseded = None;
        self.by_fetch.insert(fetch, id);
        self.limit_to(id, limit_at);
        Some(fetch)
    }

    /// Forgets the current run: its result will not be known any more.
    pub fn end_run(&mut self, id: JobId) {
        if let Some(job) = self.by_id.get_mut(&id) {
            self.by_fetch.remove(&job.fetch);
            self.timers.remove(&(job.limit_at, id, Reason::FetchLimit));
        }
    }

    /// Moves the limit of the current run.
    pub fn limit_to(&mut self, id: JobId, limit_at: i64) {
        if let Some(job) = self.by_id.get_mut(&id) {
            self.timers.remove(&(job.limit_at, id, Reason::FetchLimit));
            job.limit_at = limit_at;
            self.timers.insert((limit_at, id, Reason::FetchLimit));
        }
    }

    /// Callers in front wait no longer than `serve_at`, unless they do already.
    pub fn serve_by(&mut self, id: JobId, serve_at: i64) -> Option<i64> {
        let job = self.by_id.get_mut(&id)?;
        if job.serve_at.is_none() {
            job.serve_at = Some(serve_at);
            self.timers.insert((serve_at, id, Reason::FrontPatience));
        }
        job.serve_at
    }

    /// Nothing can be served to those who wait: they wait for the fetch.
    pub fn serve_never(&mut self, id: JobId) {
        if let Some(job) = self.by_id.get_mut(&id)
            && let Some(serve_at) = job.serve_at.take()
        {
            self.timers.remove(&(serve_at, id, Reason::FrontPatience));
        }
    }

    pub fn close(&mut self, id: JobId) -> Option<Job> {
        self.end_run(id);
        self.serve_never(id);
        let job = self.by_id.remove(&id)?;
        self.by_entry.remove(&job.entry);
        if let Some(base) = job.base
            && let Some(jobs) = self.bases.get_mut(&base)
        {
            *jobs = jobs.saturating_sub(1);
            if *jobs == 0 {
                self.bases.remove(&base);
            }
        }
        Some(job)
    }

    /// Whether the result of a job will be kept for this entry: then it must not go.
    pub fn need(&self, entry: EntryId) -> bool {
        self.by_entry.contains_key(&entry) || self.bases.contains_key(&entry)
    }

    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.by_id.get(&id)
    }

    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.by_id.get_mut(&id)
    }

    pub fn of_entry(&self, entry: EntryId) -> Option<JobId> {
        self.by_entry.get(&entry).copied()
    }

    pub fn of_fetch(&self, fetch: FetchId) -> Option<JobId> {
        self.by_fetch.get(&fetch).copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = JobId> + '_ {
        self.by_id.keys().copied()
    }

    pub fn next_timer(&self) -> Option<(i64, JobId, Reason)> {
        self.timers.first().copied()
    }
}
