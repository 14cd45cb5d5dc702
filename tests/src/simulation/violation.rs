//! What must always hold for processes that share a store, and did not.

/// What did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A caller has a token of another account than the one that is logged in.
    TokenOfAnother,
    /// A caller has a token for another resource than it asked for.
    TokenForAnother,
    /// A caller has a stored token that was fetched under a login that is over.
    TokenOfEarlierLogin,
    /// A caller has a token past its expiry.
    TokenPastExpiry,
    /// A caller has a token that ended while the clock was set back.
    TokenOutlivedByClock,
    /// A caller of a process that lives for one answer has a stored token with less left than az promises.
    TokenTooShort,
    /// A caller is to have a token, and there is none.
    AnswerWithoutToken,
    /// The store answers with the token that the process holds and finds due.
    AnswerIsHeldToken,
    /// A fetch that took longer than its limit has another answer than its own.
    LimitAnsweredOtherwise,
    /// A failure answers one who came after it.
    FailureAnswersLatecomer,
    /// Two processes fetch, and both hold the same lock.
    TwoFetchesInLane,
    /// A process fetches, without a claims challenge, and holds no lock.
    FetchWithoutLock,
    /// An extra slot was taken before patience was over.
    SlotTakenInPatience,
    /// A process fetches although another one brought a token while it waited.
    FetchDespiteToken,
    /// A process fetches although the fetch that it waited for has failed.
    FetchDespiteFailure,
    /// An older result replaces a newer one.
    OlderReplacesNewer,
    /// A token is kept in the entry of another user or resource.
    KeptForAnother,
    /// A reader sees neither the old token nor the new one.
    TornRead,
    /// Nobody needs a lock, and it is held.
    LockLeftBehind,
    /// A caller waits, and nothing will happen any more.
    WaitsForNothing,
    /// Things go on happening, and a caller waits for longer than it may.
    WaitsForever,
    /// The machine of core refused what is always allowed.
    Refused,
    /// The choices that led to a violation did not lead there again: the simulation itself is wrong.
    NotRepeated,
}
