//! Ways for hosts and their server to be wrong, each of which the simulation must find.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The lease lets everybody in.
    LeaseForEveryone,
    /// The lease of a host that died stays.
    LeaseNeverExpires,
    /// The lease is over before most fetches are.
    LeaseTooShort,
    /// The lease of a host that fetches for long is not renewed.
    NoRenewal,
    /// Whoever lets go of a lease that is over takes away that of the next holder.
    ReleaseWithoutFence,
    /// A save does not compare the generation.
    SaveWithoutCompare,
    /// The Load under the lease finds an empty store.
    NoSecondLoad,
    /// A token that was acquired in the future, by the clock of the host that looks, is a miss.
    SkewIgnored,
    /// Failures are not kept for those who wait.
    FailureNotKept,
    /// A host does not tell the walk which token it holds.
    HeldTokenForgotten,
    /// All hosts have one seed.
    NoJitter,
    /// Nobody wakes a walk that sleeps.
    SleepsForever,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::LeaseForEveryone,
        Self::LeaseNeverExpires,
        Self::LeaseTooShort,
        Self::NoRenewal,
        Self::ReleaseWithoutFence,
        Self::SaveWithoutCompare,
        Self::NoSecondLoad,
        Self::SkewIgnored,
        Self::FailureNotKept,
        Self::HeldTokenForgotten,
        Self::NoJitter,
        Self::SleepsForever,
    ];
}
