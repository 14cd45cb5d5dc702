//! One fetch for everyone who waits for it: its runs, its waiters, and the moments that it must not miss.

use alloc::vec::Vec;

use crate::entry::Attempt;
use crate::index::{Index, hash_of_numbers};
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
    /// Somebody else's token came for another entry of the credential: what the run brings counts if it says whose it is.
    OwnerChanged,
    /// The entry was invalidated.
    Invalidated,
    /// Another account is logged in.
    IdentityChanged,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    id: JobId,
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

/// What a job is found by.
#[derive(Clone, Copy)]
enum By {
    Id,
    Entry,
    Fetch,
    Base,
}

/// A moment that a job must not miss: in monotonic milliseconds, for whom, and why. The earliest comes first.
type Timer = (i64, JobId, Reason);

/// All jobs, found by entry or by run, and their timers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    places: Vec<Option<Job>>,
    free: Vec<u32>,
    /// One for each [`By`].
    indexes: [Index; 4],
    /// The earliest is the last: it goes first.
    timers: Vec<Timer>,
    last_job: u32,
    last_fetch: u32,
}

impl Jobs {
    /// A new job; its first run is still to start.
    pub fn open(&mut self, entry: EntryId, base: Option<EntryId>, behind: bool, before: Attempt) -> JobId {
        self.last_job = self.last_job.wrapping_add(1);
        let id = JobId(self.last_job);
        let place = self.put(Job {
            id,
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
        });
        self.enter(By::Id, place);
        self.enter(By::Entry, place);
        if base.is_some() {
            self.enter(By::Base, place);
        }
        id
    }

    /// Starts a run that ends at `limit_at` at the latest, in monotonic milliseconds.
    pub fn start_run(&mut self, id: JobId, limit_at: i64) -> Option<FetchId> {
        self.end_run(id);
        self.last_fetch = self.last_fetch.wrapping_add(1);
        let fetch = FetchId(self.last_fetch);
        let place = self.place_of(id)?;
        let job = self.get_mut(id)?;
        job.fetch = fetch;
        job.runs = job.runs.saturating_add(1);
        job.superseded = None;
        self.enter(By::Fetch, place);
        self.limit_to(id, limit_at);
        Some(fetch)
    }

    /// Forgets the current run: its result will not be known any more.
    pub fn end_run(&mut self, id: JobId) {
        if let Some(place) = self.place_of(id)
            && let Some(&Job { limit_at, .. }) = self.at(place)
        {
            self.strike(By::Fetch, place);
            self.unset_timer((limit_at, id, Reason::FetchLimit));
        }
    }

    /// Moves the limit of the current run.
    pub fn limit_to(&mut self, id: JobId, limit_at: i64) {
        if let Some(job) = self.get_mut(id) {
            let former = core::mem::replace(&mut job.limit_at, limit_at);
            self.unset_timer((former, id, Reason::FetchLimit));
            self.set_timer((limit_at, id, Reason::FetchLimit));
        }
    }

    /// Callers in front wait no longer than `serve_at`, unless they do already.
    pub fn serve_by(&mut self, id: JobId, serve_at: i64) -> Option<i64> {
        let job = self.get_mut(id)?;
        if job.serve_at.is_some() {
            return job.serve_at;
        }
        job.serve_at = Some(serve_at);
        self.set_timer((serve_at, id, Reason::FrontPatience));
        Some(serve_at)
    }

    /// What the run under way brings does not count, for this reason or a weightier one of before.
    pub fn supersede(&mut self, id: JobId, why: Superseded) {
        if let Some(job) = self.get_mut(id) {
            job.superseded = job.superseded.max(Some(why));
        }
    }

    /// The run under way has said whose its token is: its entry and how many wait, where that is to be judged.
    pub fn say_whose(&mut self, id: JobId) -> Option<(EntryId, u32)> {
        let job = self.get_mut(id)?;
        if job.superseded == Some(Superseded::OwnerChanged) {
            job.superseded = None;
        }
        job.superseded.is_none().then_some((job.entry, job.waiters))
    }

    /// Nothing can be served to those who wait: they wait for the fetch.
    pub fn serve_never(&mut self, id: JobId) {
        if let Some(serve_at) = self.get_mut(id).and_then(|job| job.serve_at.take()) {
            self.unset_timer((serve_at, id, Reason::FrontPatience));
        }
    }

    pub fn close(&mut self, id: JobId) -> Option<Job> {
        self.end_run(id);
        self.serve_never(id);
        let place = self.place_of(id)?;
        self.strike(By::Id, place);
        self.strike(By::Entry, place);
        self.strike(By::Base, place);
        self.free.push(place);
        self.places.get_mut(index(place))?.take()
    }

    /// Whether the result of a job will be kept for this entry: then it must not go.
    pub fn need(&self, entry: EntryId) -> bool {
        self.find(By::Entry, entry.to_bits()).is_some() || self.find(By::Base, entry.to_bits()).is_some()
    }

    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.at(self.place_of(id)?)
    }

    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Job> {
        let place = self.place_of(id)?;
        self.places.get_mut(index(place))?.as_mut()
    }

    pub fn of_entry(&self, entry: EntryId) -> Option<JobId> {
        self.id_at(self.find(By::Entry, entry.to_bits())?)
    }

    pub fn of_fetch(&self, fetch: FetchId) -> Option<JobId> {
        self.id_at(self.find(By::Fetch, u64::from(fetch.0))?)
    }

    /// Jobs are at places below this.
    pub fn places(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    pub fn id_at(&self, place: u32) -> Option<JobId> {
        self.at(place).map(|job| job.id)
    }

    pub fn next_timer(&self) -> Option<Timer> {
        self.timers.last().copied()
    }

    fn set_timer(&mut self, timer: Timer) {
        let place = self.place_of_timer(timer);
        if self.timers.get(place) != Some(&timer) {
            self.timers.insert(place, timer);
        }
    }

    fn unset_timer(&mut self, timer: Timer) {
        let place = self.place_of_timer(timer);
        if self.timers.get(place) == Some(&timer) {
            self.timers.remove(place);
        }
    }

    /// Where a timer is, or belongs.
    fn place_of_timer(&self, timer: Timer) -> usize {
        self.timers.partition_point(|other| *other > timer)
    }

    fn put(&mut self, job: Job) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places().wrapping_sub(1)
        });
        if let Some(slot) = self.places.get_mut(index(place)) {
            *slot = Some(job);
        }
        place
    }

    fn place_of(&self, id: JobId) -> Option<u32> {
        self.find(By::Id, u64::from(id.0))
    }

    fn at(&self, place: u32) -> Option<&Job> {
        self.places.get(index(place))?.as_ref()
    }

    fn find(&self, by: By, key: u64) -> Option<u32> {
        let is = |place| self.at(place).is_some_and(|job| job.key(by) == key);
        self.indexes.get(by as usize)?.find(hash(key), &is)
    }

    /// Makes the job at a place be found by one of its keys.
    fn enter(&mut self, by: By, place: u32) {
        let hash_of = hash_in(&self.places, by);
        if let Some(index) = self.indexes.get_mut(by as usize) {
            index.insert(hash_of(place), place, &hash_of);
        }
    }

    /// Makes it be found no more; nothing where it was not.
    fn strike(&mut self, by: By, place: u32) {
        let hash_of = hash_in(&self.places, by);
        if let Some(index) = self.indexes.get_mut(by as usize) {
            index.remove(hash_of(place), place, &hash_of);
        }
    }
}

impl Job {
    fn key(&self, by: By) -> u64 {
        match by {
            By::Id => u64::from(self.id.0),
            By::Entry => self.entry.to_bits(),
            By::Fetch => u64::from(self.fetch.0),
            By::Base => self.base.map_or(u64::MAX, EntryId::to_bits),
        }
    }
}

/// What an index over the places hashes of each job.
fn hash_in(places: &[Option<Job>], by: By) -> impl Fn(u32) -> u32 {
    move |place| places.get(index(place)).and_then(Option::as_ref).map_or(0, |job| hash(job.key(by)))
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are hashed")]
fn hash(key: u64) -> u32 {
    hash_of_numbers(&[key as u32, (key >> 32) as u32])
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::policy::Policy;
    use crate::time::Clock;

    #[test]
    fn jobs_that_have_ended_leave_nothing_behind() {
        let now = Clock::default().sample(0, 0);
        let before = Entry::EMPTY.clone().begin_attempt(&Policy::DEFAULT, 0, now);
        let mut jobs = Jobs::default();
        for round in 0..100 {
            let (entry, base) = (EntryId::from_bits(round), EntryId::from_bits(round + 1_000));
            let job = jobs.open(entry, Some(base), false, before);
            jobs.start_run(job, 5);
            jobs.start_run(job, 6);
            assert!(jobs.close(job).is_some());
        }
        assert!(jobs.indexes.iter().all(|index| index.len() == 0));
        assert!(jobs.timers.is_empty());
        assert_eq!(jobs.places.len(), 1);
    }
}
