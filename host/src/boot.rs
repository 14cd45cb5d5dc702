//! The clock that nobody sets: milliseconds since the machine started, those that it slept too.

use serde::{Deserialize, Serialize};

/// A moment on that clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootMoment {
    /// Which start of the machine: moments of different ones cannot be compared.
    pub boot: String,
    /// Milliseconds since it.
    pub elapsed_ms: i64,
}

impl BootMoment {
    /// This moment; `None` where the system has no such clock that all processes share (only Linux is known to).
    #[must_use]
    pub fn now() -> Option<Self> {
        Some(Self { boot: boot()?, elapsed_ms: elapsed_ms()? })
    }

    /// Milliseconds from an earlier moment to this one, if both are of one boot.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<i64> {
        (self.boot == earlier.boot).then(|| self.elapsed_ms.saturating_sub(earlier.elapsed_ms))
    }
}

#[cfg(target_os = "linux")]
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim_end().to_owned())
}

#[cfg(target_os = "linux")]
fn elapsed_ms() -> Option<i64> {
    let elapsed = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    elapsed.tv_sec.checked_mul(1_000)?.checked_add(elapsed.tv_nsec / 1_000_000)
}

#[cfg(not(target_os = "linux"))]
fn boot() -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
fn elapsed_ms() -> Option<i64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn moments_of_one_boot_follow_each_other() {
        let earlier = BootMoment::now().unwrap();
        let later = BootMoment::now().unwrap();
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        assert!((0..60_000).contains(&later.since(&earlier).unwrap()));
        #[expect(clippy::cast_precision_loss, reason = "an uptime")]
        let apart = (later.elapsed_ms as f64 / 1_000.0 - uptime).abs();
        assert!(apart < 60.0, "the kernel says {uptime} s");
    }

    #[test]
    fn moments_of_two_boots_cannot_be_compared() {
        let moment = |boot: &str, elapsed_ms| BootMoment { boot: boot.into(), elapsed_ms };
        assert_eq!(moment("a", 7).since(&moment("a", 3)), Some(4));
        assert_eq!(moment("b", 7).since(&moment("a", 3)), None);
    }
}
