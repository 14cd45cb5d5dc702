//! What schedules reach, counted: a schedule in which nothing happens proves nothing.

use azure_token_cache_core::walk::{Answer, Lane};
use azure_token_cache_core::{Decision, Settled};

/// What happened in a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A process died that did nothing.
    DiedIdle,
    /// A process died before its first Load, or between two looks.
    DiedBeforeLoad,
    /// A process died before it tried a lock.
    DiedBeforeLock,
    /// A process died while it slept.
    DiedAsleep,
    /// A process died under the lock, before the second Load.
    DiedBeforeSecondLoad,
    /// A process died before its fetch began.
    DiedBeforeFetch,
    /// A process died while it fetched.
    DiedFetching,
    /// A process died while it fetched, and would have fetched for ever.
    DiedHanging,
    /// A process died before it had the save lock.
    DiedBeforeSave,
    /// A process died under the save lock, before it compared.
    DiedBeforeCompare,
    /// A process died before it wrote.
    DiedBeforeWrite,
    /// A process died between write and rename.
    DiedBeforeRename,
    /// A process died before it released the save lock.
    DiedBeforeSaveUnlock,
    /// A process died before it kept a failure.
    DiedBeforeSaveFailure,
    /// A process died before it released a lock.
    DiedBeforeUnlock,

    /// A walk was answered from the store.
    AnsweredStored,
    /// A walk was answered with the failure of another process.
    AnsweredStoredFailure,
    /// A walk was answered by its own fetch.
    AnsweredFetched,
    /// A walk was to begin again, because the login moved.
    AnsweredAgain,
    /// A walk ended because the login kept moving.
    AnsweredLoginMoved,
    /// A walk ended because others held every lock to the end.
    AnsweredExhausted,

    /// The lock of the one fetch was taken.
    TookFetchLane,
    /// The first extra slot was taken.
    TookFirstSlot,
    /// The second extra slot was taken.
    TookSecondSlot,
    /// A lock was taken by another process.
    FoundLaneBusy,

    /// A token was saved over the generation that was read.
    Saved,
    /// The answer to a claims challenge was saved over anything.
    SavedOverAnything,
    /// A token was not saved, because the generation had risen.
    SaveRefused,

    /// A cache answered at once.
    DecidedHit,
    /// A cache answered at once, and a fetch began behind.
    DecidedRefresh,
    /// A caller waits, and nothing can be served meanwhile.
    DecidedWait,
    /// A caller waits, and will be served what is held if that takes long.
    DecidedWaitInFront,
    /// A cache answered with the failure that it remembers.
    DecidedFail,

    /// A cache kept the token of its run.
    SettledGranted,
    /// A cache handed out a token without keeping it.
    SettledHandedOut,
    /// A cache served what it held.
    SettledServed,
    /// A cache answered with the credential's `null`.
    SettledNull,
    /// A cache answered with an error.
    SettledFailed,
    /// The last of those who waited went away.
    SettledAbandoned,

    /// The login was found moved with the token in hand, and the caller asked again.
    AskedAgain,
    /// A fetch began that never ends by itself.
    FetchHung,
    /// A process took a lock beside one whose fetch hangs.
    TookSlotBesideHanging,
    /// A walk ended because the fetches of all who hold the locks hang.
    ExhaustedByHanging,
    /// A fetch was ended at its limit.
    FetchEndedAtLimit,
    /// A process was left whose fetch hangs when all others had finished.
    LeftHanging,

    /// The same user logged in anew.
    LoggedInAnew,
    /// Another user logged in.
    LoggedInAsAnother,
    /// A command rewrote the account's files.
    AccountTouched,
    /// The store was cleared.
    Cleared,
    /// An entry was invalidated.
    Invalidated,
    /// The machine slept.
    Slept,
    /// The clock was set back.
    ClockSetBack,
}

impl Sight {
    /// All of them.
    pub const ALL: [Self; 52] = [
        Self::DiedIdle,
        Self::DiedBeforeLoad,
        Self::DiedBeforeLock,
        Self::DiedAsleep,
        Self::DiedBeforeSecondLoad,
        Self::DiedBeforeFetch,
        Self::DiedFetching,
        Self::DiedHanging,
        Self::DiedBeforeSave,
        Self::DiedBeforeCompare,
        Self::DiedBeforeWrite,
        Self::DiedBeforeRename,
        Self::DiedBeforeSaveUnlock,
        Self::DiedBeforeSaveFailure,
        Self::DiedBeforeUnlock,
        Self::AnsweredStored,
        Self::AnsweredStoredFailure,
        Self::AnsweredFetched,
        Self::AnsweredAgain,
        Self::AnsweredLoginMoved,
        Self::AnsweredExhausted,
        Self::TookFetchLane,
        Self::TookFirstSlot,
        Self::TookSecondSlot,
        Self::FoundLaneBusy,
        Self::Saved,
        Self::SavedOverAnything,
        Self::SaveRefused,
        Self::DecidedHit,
        Self::DecidedRefresh,
        Self::DecidedWait,
        Self::DecidedWaitInFront,
        Self::DecidedFail,
        Self::SettledGranted,
        Self::SettledHandedOut,
        Self::SettledServed,
        Self::SettledNull,
        Self::SettledFailed,
        Self::SettledAbandoned,
        Self::AskedAgain,
        Self::FetchHung,
        Self::TookSlotBesideHanging,
        Self::ExhaustedByHanging,
        Self::FetchEndedAtLimit,
        Self::LeftHanging,
        Self::LoggedInAnew,
        Self::LoggedInAsAnother,
        Self::AccountTouched,
        Self::Cleared,
        Self::Invalidated,
        Self::Slept,
        Self::ClockSetBack,
    ];
}

/// How often each thing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen([u64; Sight::ALL.len()]);

impl Default for Seen {
    fn default() -> Self {
        Self([0; Sight::ALL.len()])
    }
}

impl Seen {
    /// It happened once more.
    pub fn note(&mut self, sight: impl Into<Sight>) {
        self.0[sight.into() as usize] += 1;
    }

    /// What happened in other schedules counts as well.
    pub fn add(&mut self, others: &Self) {
        for (count, other) in self.0.iter_mut().zip(others.0) {
            *count += other;
        }
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self, sight: Sight) -> u64 {
        self.0[sight as usize]
    }
}

impl Sight {
    /// `None` for what answers nobody.
    pub(super) fn of_settled(settled: Settled) -> Option<Self> {
        match settled {
            Settled::Nothing => None,
            Settled::Granted { .. } => Some(Self::SettledGranted),
            Settled::HandedOut { .. } => Some(Self::SettledHandedOut),
            Settled::Served { .. } => Some(Self::SettledServed),
            Settled::Null { .. } => Some(Self::SettledNull),
            Settled::Failed { .. } => Some(Self::SettledFailed),
            Settled::Abandoned { .. } => Some(Self::SettledAbandoned),
        }
    }

    /// `None` where the entry is unknown.
    pub(super) fn of_decision(decision: Decision) -> Option<Self> {
        match decision {
            Decision::Hit { .. } => Some(Self::DecidedHit),
            Decision::Refresh { .. } => Some(Self::DecidedRefresh),
            Decision::Wait { serve_at: None, .. } => Some(Self::DecidedWait),
            Decision::Wait { serve_at: Some(_), .. } => Some(Self::DecidedWaitInFront),
            Decision::Fail { .. } => Some(Self::DecidedFail),
            Decision::Unknown => None,
        }
    }
}

impl From<Answer> for Sight {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Stored => Self::AnsweredStored,
            Answer::StoredFailure => Self::AnsweredStoredFailure,
            Answer::Fetched => Self::AnsweredFetched,
            Answer::Again => Self::AnsweredAgain,
            Answer::LoginMoved => Self::AnsweredLoginMoved,
            Answer::Exhausted => Self::AnsweredExhausted,
        }
    }
}

impl From<Lane> for Sight {
    fn from(taken: Lane) -> Self {
        match taken {
            Lane::Fetch => Self::TookFetchLane,
            Lane::FirstSlot => Self::TookFirstSlot,
            Lane::SecondSlot => Self::TookSecondSlot,
        }
    }
}
