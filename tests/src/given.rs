//! What those who wait are given by what an input settled: for the simulated hosts, each of which holds one token.

use azure_token_cache_core::{Failure, JobId, Outcome, Settled};

/// The credential's own error.
pub const FAILED: Outcome = Outcome::Failed(Failure { network: false, retry_after: None });

/// Who is answered, and with which token: `None` for `null` and for an error. A token that is to be kept becomes the held one.
pub fn given<T: Copy>(
    settled: Settled,
    brought: Option<T>,
    held: &mut Option<T>,
) -> Option<(JobId, Option<T>)> {
    match settled {
        Settled::Nothing => None,
        Settled::Granted { job, .. } => {
            *held = brought;
            Some((job, brought))
        }
        Settled::HandedOut { job } => Some((job, brought)),
        Settled::Served { job, .. } => Some((job, *held)),
        Settled::Null { job } | Settled::Failed { job, .. } | Settled::Abandoned { job } => Some((job, None)),
    }
}
