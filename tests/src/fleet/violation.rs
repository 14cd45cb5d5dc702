//! What must always hold for a fleet, and did not.

/// What did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two hosts fetch, and both hold the one lease.
    ConcurrentFetches,
    /// A host fetches although the store has a token that is newer than its own.
    FetchDespiteNewer,
    /// The answer of an earlier fetch replaces that of a later one.
    OlderReplacesNewer,
    /// More tokens were replaced before they were due than there are hosts that held another one.
    PeriodsCutShort {
        /// So many.
        count: u64,
    },
    /// A lease is held longer than its time.
    LeaseOutlivesItsTime,
    /// More fetches than there were periods, failures, and leases that expired.
    FetchesUnaccounted {
        /// All of them.
        fetches: u64,
        /// What they can be explained by.
        explained: u64,
    },
    /// More leases expired than the fleet's troubles explain.
    LeasesExpired {
        /// So many.
        count: u64,
    },
    /// A host that had a token has none when it is asked.
    WithoutToken,
    /// A host serves a token that has ended.
    ServedAfterEnd,
    /// A caller waits for ever, or the fleet never gets its next token.
    Stuck,
    /// More attempts than a fleet may make in an outage.
    TooManyAttempts {
        /// So many.
        count: u64,
    },
    /// Once all have started, many hosts still ask the server in the same tenth of a second.
    Stampede {
        /// Commands in it.
        count: u64,
    },
    /// The machine of core refused what is always allowed.
    Refused,
}
