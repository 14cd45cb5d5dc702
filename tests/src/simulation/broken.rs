//! Ways to perform the walk wrongly, each of which the simulation must find.

use super::violation::Violation;

/// What a host does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It reports an empty store at the Load under the lock.
    NoSecondLoad,
    /// It keeps the lock when the walk releases it.
    LockNotReleased,
    /// Its locks outlive the process that held them.
    LockOutlivesHolder,
    /// Its locks let everybody in.
    LockForEveryone,
    /// It does not look at the login after the fetch.
    LoginNotCheckedAfterFetch,
    /// It compares the login after the fetch with that at the start of the fetch, not with that of the walk.
    LoginComparedFromFetch,
    /// It does not look at the login with the loaded token in hand.
    LoginNotCheckedAfterLoad,
    /// It does not look at the login as a caller who waited is given a token.
    LoginNotCheckedAtDelivery,
    /// Its records do not say under which login they were fetched.
    LoginNotRecorded,
    /// It writes the file in place.
    SaveWithoutRename,
    /// It does not compare the generation before it saves.
    SaveWithoutCompare,
    /// It compares outside the save lock.
    CompareWithoutLock,
    /// It does not keep the failure.
    FailureNotKept,
    /// It gives each kept failure the same number.
    FailuresAlike,
    /// It gives a kept failure another number at each Load.
    FailuresNumberedAnew,
    /// It reports that there are no locks where a lock is taken.
    BusyIsUnavailable,
    /// It does not say how long a walk is to wait before it takes an extra slot.
    PatienceForgotten,
    /// It does not say what az promises the callers of a process that lives for one answer.
    PromiseForgotten,
    /// It asks its cache with the time of its start.
    TimeStandsStill,
    /// It forgets which token its process holds.
    HeldTokenForgotten,
    /// It does not record the clock that nobody sets.
    AgeNotRecorded,
    /// It waits for a lock that is taken.
    WaitsForLock,
    /// It does not tell the cache that a time has come.
    TimeoutsIgnored,
    /// It never wakes a walk that sleeps.
    SleepsForever,
    /// It reads a token whatever its key says.
    KeyIgnored,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::NoSecondLoad,
        Self::LockNotReleased,
        Self::LockOutlivesHolder,
        Self::LockForEveryone,
        Self::LoginNotCheckedAfterFetch,
        Self::LoginComparedFromFetch,
        Self::LoginNotCheckedAfterLoad,
        Self::LoginNotCheckedAtDelivery,
        Self::LoginNotRecorded,
        Self::SaveWithoutRename,
        Self::SaveWithoutCompare,
        Self::CompareWithoutLock,
        Self::FailureNotKept,
        Self::FailuresAlike,
        Self::FailuresNumberedAnew,
        Self::BusyIsUnavailable,
        Self::PatienceForgotten,
        Self::PromiseForgotten,
        Self::TimeStandsStill,
        Self::HeldTokenForgotten,
        Self::AgeNotRecorded,
        Self::WaitsForLock,
        Self::TimeoutsIgnored,
        Self::SleepsForever,
        Self::KeyIgnored,
    ];
    /// Each of these is what comes of it: the simulation must find them all.
    #[must_use]
    pub fn shows_as(self) -> &'static [Violation] {
        match self {
            Self::NoSecondLoad => &[Violation::FetchDespiteToken, Violation::FetchDespiteFailure],
            Self::LockNotReleased => &[Violation::LockLeftBehind],
            Self::LockOutlivesHolder => &[Violation::LockLeftBehind, Violation::WaitsForNothing],
            Self::LockForEveryone => &[Violation::TwoFetchesInLane],
            Self::LoginNotCheckedAfterFetch => &[Violation::TokenOfAnother, Violation::KeptForAnother],
            Self::LoginComparedFromFetch => &[Violation::KeptForAnother],
            Self::LoginNotCheckedAfterLoad | Self::LoginNotCheckedAtDelivery => &[Violation::TokenOfAnother],
            Self::LoginNotRecorded => &[Violation::TokenOfEarlierLogin],
            Self::SaveWithoutRename => &[Violation::TornRead],
            Self::SaveWithoutCompare | Self::CompareWithoutLock => &[Violation::OlderReplacesNewer],
            Self::FailureNotKept | Self::FailuresAlike => &[Violation::FetchDespiteFailure],
            Self::FailuresNumberedAnew => &[Violation::FailureAnswersLatecomer],
            Self::BusyIsUnavailable => &[Violation::FetchWithoutLock],
            Self::PatienceForgotten => &[Violation::SlotTakenInPatience],
            Self::PromiseForgotten => &[Violation::TokenTooShort],
            Self::TimeStandsStill => &[Violation::TokenPastExpiry],
            Self::HeldTokenForgotten => &[Violation::AnswerIsHeldToken],
            Self::AgeNotRecorded => &[Violation::TokenOutlivedByClock],
            Self::KeyIgnored => &[Violation::TokenForAnother],
            Self::WaitsForLock | Self::TimeoutsIgnored | Self::SleepsForever => &[Violation::WaitsForNothing],
        }
    }
}
