//! Time as the machine is told it: two clocks sampled together, and what their disagreement means.

/// Wall and monotonic time may disagree by this much, in milliseconds, before it counts as a suspend or a set clock.
pub const CLOCK_TOLERANCE: i64 = 2_000;

/// Linux slews a clock by at most 500 parts in a million (`adjtimex(2)`), which is one millisecond in this many.
const SLEW_DIVISOR: i64 = 2_000;

/// Numbers from a host are brought into this range, in milliseconds: the integers that a JavaScript number holds exactly.
const RANGE: i64 = 1 << 53;

/// Turns readings of the host's two clocks into [`Instant`]s.
///
/// A wall clock that ran ahead of the monotonic one means that time passed unseen: a suspended laptop, or a clock set
/// forward. One that fell behind by more than [`CLOCK_TOLERANCE`] starts a new *epoch*: expiries that were learnt before
/// it can no longer be compared with the wall clock.
///
/// ```
/// use azure_token_cache_core::time::Clock;
/// let mut clock = Clock::default();
/// let noon = clock.sample(0, 1_000_000);
/// let back = clock.sample(1_000, 1_000_000 - 60_000);
/// assert_eq!(back.epoch(), noon.epoch() + 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock {
    anchor: Option<Anchor>,
    slept: i64,
    epoch: u32,
    jumps: u32,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    monotonic: i64,
    unix: i64,
    /// Time that did not yet make up a whole millisecond of slew.
    unslewed: i64,
}

/// One moment on both clocks. Made by [`Clock::sample`] alone, so that its parts belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    monotonic: i64,
    elapsed: i64,
    unix: i64,
    epoch: u32,
    jumps: u32,
}

impl Clock {
    /// Takes both clocks' readings: monotonic milliseconds from any origin, and milliseconds since the Unix epoch.
    ///
    /// A monotonic reading that is smaller than the one before counts as that one.
    #[must_use]
    pub fn sample(&mut self, monotonic_ms: i64, unix_ms: i64) -> Instant {
        let unix = unix_ms.clamp(-RANGE, RANGE);
        let given = monotonic_ms.clamp(-RANGE, RANGE);
        let anchor = self.anchor.unwrap_or(Anchor { monotonic: given, unix, unslewed: 0 });
        let monotonic = given.max(anchor.monotonic);
        let passed = minus(monotonic, anchor.monotonic);
        let drift = minus(minus(unix, anchor.unix), passed);
        let slewable = plus(anchor.unslewed, passed);
        self.anchor = Some(self.judge(drift, slewable, Anchor { monotonic, unix, unslewed: 0 }));
        Instant {
            monotonic,
            elapsed: plus(monotonic, self.slept),
            unix,
            epoch: self.epoch,
            jumps: self.jumps,
        }
    }

    /// Notes a jump, or lets the anchor follow as far as a clock may honestly be slewed.
    fn judge(&mut self, drift: i64, slewable: i64, now: Anchor) -> Anchor {
        if drift.abs() <= CLOCK_TOLERANCE {
            let slewed = slewable / SLEW_DIVISOR;
            return Anchor {
                unix: plus(minus(now.unix, drift), drift.max(slewed.wrapping_neg()).min(slewed)),
                unslewed: slewable % SLEW_DIVISOR,
                ..now
            };
        }
        self.jumps = self.jumps.wrapping_add(1);
        if drift > 0 {
            self.slept = plus(self.slept, drift);
        } else {
            self.epoch = self.epoch.wrapping_add(1);
        }
        now
    }
}

impl Instant {
    /// Monotonic milliseconds, as the host gave them: limits, patience, gates and memories run on this.
    #[must_use]
    pub fn monotonic_ms(self) -> i64 {
        self.monotonic
    }

    /// Milliseconds since the Unix epoch, as the host gave them: expiries and leases run on this.
    #[must_use]
    pub fn unix_ms(self) -> i64 {
        self.unix
    }

    /// Monotonic milliseconds plus the time that the machine slept: the age of a token runs on this.
    #[must_use]
    pub fn elapsed_ms(self) -> i64 {
        self.elapsed
    }

    /// How often the wall clock had been set back.
    #[must_use]
    pub fn epoch(self) -> u32 {
        self.epoch
    }

    /// How often the two clocks had parted, in either direction.
    #[must_use]
    pub fn jumps(self) -> u32 {
        self.jumps
    }
}

/// `time + span`, within the range of numbers. In wasm it is a call: each copy of it would be forty bytes.
#[cfg_attr(target_family = "wasm", inline(never))]
pub(crate) fn plus(time: i64, span: i64) -> i64 {
    time.saturating_add(span)
}

/// `time - other`, as [`plus`].
#[cfg_attr(target_family = "wasm", inline(never))]
pub(crate) fn minus(time: i64, other: i64) -> i64 {
    time.saturating_sub(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspended_laptop_is_time_passed_and_not_an_epoch() {
        let mut clock = Clock::default();
        let before = clock.sample(1_000, 50_000);
        let after = clock.sample(1_010, 50_000 + 3_600_010);
        assert_eq!((after.epoch(), after.jumps()), (before.epoch(), before.jumps() + 1));
        assert_eq!(after.elapsed_ms() - before.elapsed_ms(), 3_600_010);
        assert_eq!(after.monotonic_ms() - before.monotonic_ms(), 10);
    }

    #[test]
    fn a_set_back_beyond_the_tolerance_starts_an_epoch() {
        let mut clock = Clock::default();
        let _ = clock.sample(0, 100_000);
        assert_eq!(clock.sample(0, 100_000 - CLOCK_TOLERANCE).epoch(), 0);
        assert_eq!(clock.sample(0, 100_000 - CLOCK_TOLERANCE - 1).epoch(), 1);
    }

    #[test]
    fn small_steps_back_add_up() {
        let mut clock = Clock::default();
        let _ = clock.sample(0, 100_000);
        let _ = clock.sample(1, 98_500);
        assert_eq!(clock.sample(2, 97_000).epoch(), 1);
    }

    #[test]
    fn a_slewed_clock_is_followed() {
        let mut clock = Clock::default();
        let mut unix = 1_000_000_000;
        for second in 0..100_000 {
            unix += 1_000 - i64::from(second % 2 == 0);
            let _ = clock.sample(second * 1_000, unix);
        }
        assert_eq!(clock.jumps, 0);
    }

    #[test]
    fn a_monotonic_reading_never_runs_backwards() {
        let mut clock = Clock::default();
        let first = clock.sample(500, 1_000);
        assert_eq!(clock.sample(400, 1_000).monotonic_ms(), first.monotonic_ms());
    }

    #[test]
    fn extreme_readings_do_not_overflow() {
        let mut clock = Clock::default();
        for (monotonic, unix) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 0), (i64::MAX, i64::MAX)] {
            let _ = clock.sample(monotonic, unix);
        }
        assert!(clock.jumps > 0);
    }
}
