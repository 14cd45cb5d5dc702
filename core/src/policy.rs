//! The numbers of the decision table, and the two rules that come with names.

/// When a token is due, how long a caller may wait, and how soon a failure is tried again. Times are milliseconds.
///
/// A worked timeline with [`Policy::DEFAULT`]: a token that lives from 12:00:00 to 13:00:00 without a hint is fresh until
/// 12:55:00. From then until 12:59:00 each caller has it at once while one fetch runs behind. From 12:59:00 until 12:59:58
/// callers wait for that fetch, at most 10 s and at most half of what is left, and have the old token if it fails. From
/// 12:59:58 callers wait for a fetch, and have its error if it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A token with at most this much left is due. 300 s, as in every Azure SDK.
    pub refresh_before_expiry: u32,
    /// A due token with at least this much left is refreshed behind its callers; with less, in front of them.
    pub background_min_validity: u32,
    /// A token with at most this much left is not served.
    pub min_validity: u32,
    /// Whether a token without a hint that lives two hours or more is due when half of its life is over.
    pub half_life: bool,
    /// The next attempt may begin this long after one began.
    pub retry_delay: u32,
    /// The delay doubles with each attempt that brings no new token, up to this. Equal to `retry_delay`: flat.
    pub retry_delay_max: u32,
    /// The delay is spread by plus or minus this share, in percent.
    pub retry_jitter_percent: u32,
    /// How long a first failure answers callers when nothing can be served. 0: not at all.
    pub failure_memory: u32,
    /// The memory doubles with each failure, up to this.
    pub failure_memory_max: u32,
    /// The memory of a network failure, which does not double: networks come back without a warning.
    pub network_failure_memory: u32,
    /// A fetch that takes longer counts as ended.
    pub fetch_limit: u32,
    /// The same for kinds that ask a person.
    pub interactive_fetch_limit: u32,
    /// Whether the first three are scaled by `min(1, lifetime / 1,200 s)`.
    pub scale_short_lives: bool,
    /// Whether an unchanged answer drops the hint and restarts the half-life, and whether crossing
    /// `refresh_before_expiry` opens the retry gate once.
    pub tolerate_repeats: bool,
}

/// A lifetime below this, in milliseconds, scales the first three numbers: a token of Entra ID lives longer.
pub const FULL_SCALE_LIFETIME: i64 = 1_200_000;
/// A hintless token that lives at least this long, in milliseconds, is due at half of its life: the rule that
/// `azure-identity` for Python and MSAL apply to managed identity tokens.
pub const HALF_LIFE_FROM: i64 = 7_200_000;
/// A caller in front of a refresh waits at most this long, in milliseconds: Python and Go give up on az after 10 s.
pub const FRONT_PATIENCE: i64 = 10_000;
/// A lease is at most this long, in milliseconds.
pub const LEASE: i64 = 30_000;
/// The answer to a claims challenge serves identical challenges for this long, in milliseconds.
pub const CLAIMS_ANSWER: i64 = 5_000;
/// A Retry-After counts for at most this long, in milliseconds.
pub const RETRY_AFTER_MAX: u32 = 300_000;

impl Policy {
    /// The policy of this package.
    pub const DEFAULT: Self = Self {
        refresh_before_expiry: 300_000,
        background_min_validity: 60_000,
        min_validity: 2_000,
        half_life: true,
        retry_delay: 30_000,
        retry_delay_max: 300_000,
        retry_jitter_percent: 20,
        failure_memory: 1_000,
        failure_memory_max: 30_000,
        network_failure_memory: 5_000,
        fetch_limit: 60_000,
        interactive_fetch_limit: 900_000,
        scale_short_lives: true,
        tolerate_repeats: true,
    };

    /// The rule of the Azure SDK for Python (`azure-identity` 1.27, `get_refresh_status`), with the background refresh of
    /// its pull request 45273.
    pub const AZURE_IDENTITY: Self = Self {
        background_min_validity: 600_000,
        min_validity: 0,
        half_life: false,
        retry_delay_max: 30_000,
        retry_jitter_percent: 0,
        failure_memory: 0,
        failure_memory_max: 0,
        network_failure_memory: 0,
        scale_short_lives: false,
        tolerate_repeats: false,
        ..Self::DEFAULT
    };

    /// One of the first three numbers as it applies to a token of this lifetime, in milliseconds.
    pub(crate) fn scaled(&self, threshold: u32, lifetime: i64) -> u32 {
        if !self.scale_short_lives || lifetime >= FULL_SCALE_LIFETIME {
            return threshold;
        }
        let share = i64::from(threshold).wrapping_mul(lifetime.max(0)) / FULL_SCALE_LIFETIME;
        u32::try_from(share).unwrap_or(threshold)
    }

    /// How long the retry gate stays closed after the attempt that follows `fruitless` ones, in milliseconds. `spread` is
    /// in `-1000..=1000`.
    pub(crate) fn retry_gate(&self, fruitless: u8, spread: i64) -> i64 {
        let delay = doubled(self.retry_delay, fruitless, self.retry_delay_max);
        let share = i64::from(self.retry_jitter_percent.min(100)).wrapping_mul(spread);
        delay.wrapping_add(delay.wrapping_mul(share) / 100_000)
    }

    /// How long a failure is remembered that follows `failures` others, in milliseconds.
    pub(crate) fn memory(&self, failures: u8, network: bool) -> i64 {
        if network {
            return i64::from(self.network_failure_memory);
        }
        doubled(self.failure_memory, failures, self.failure_memory_max)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

fn doubled(first: u32, times: u8, max: u32) -> i64 {
    let grown = u64::from(first) << times.min(32);
    i64::try_from(grown.min(u64::from(max.max(first)))).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_doubles_to_its_maximum_and_is_spread_by_a_fifth() {
        let gates: alloc::vec::Vec<i64> = (0..6).map(|n| Policy::DEFAULT.retry_gate(n, 0)).collect();
        assert_eq!(gates, [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
        assert_eq!(Policy::DEFAULT.retry_gate(0, 1_000), 36_000);
        assert_eq!(Policy::DEFAULT.retry_gate(0, -1_000), 24_000);
        assert_eq!(Policy::AZURE_IDENTITY.retry_gate(200, 1_000), 30_000);
    }

    #[test]
    fn the_memory_doubles_and_that_of_the_network_is_flat() {
        let memories: alloc::vec::Vec<i64> = (0..7).map(|n| Policy::DEFAULT.memory(n, false)).collect();
        assert_eq!(memories, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(Policy::DEFAULT.memory(6, true), 5_000);
        assert_eq!(Policy::AZURE_IDENTITY.memory(6, false), 0);
    }

    #[test]
    fn short_lives_scale_the_thresholds() {
        assert_eq!(Policy::DEFAULT.scaled(300_000, 600_000), 150_000);
        assert_eq!(Policy::DEFAULT.scaled(300_000, 1_200_000), 300_000);
        assert_eq!(Policy::DEFAULT.scaled(2_000, -5), 0);
        assert_eq!(Policy::AZURE_IDENTITY.scaled(300_000, 600_000), 300_000);
    }
}
