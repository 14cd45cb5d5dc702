//! The local time zone, asked of the C library: Python does the same, so that az and we print the same local time.

use azure_token_cache_core::az::local_time::LocalZone;

/// The zone of this process: `TZ`, else the system's.
pub struct SystemZone;

impl LocalZone for SystemZone {
    fn offset_at(&self, unix_seconds: i64) -> i32 {
        offset(unix_seconds).unwrap_or(0)
    }
}

/// The local time as if it were UTC, less the time. What the library calls the offset leaves out the leap seconds of zones
/// that count them, which are in the local time.
fn offset(unix_seconds: i64) -> Option<i32> {
    let local = local(unix_seconds)?;
    let days = days_since_epoch(i64::from(local.tm_year) + 1_900, i64::from(local.tm_yday));
    // As Python has it: a leap second is the one before it once more.
    let second = i64::from(local.tm_sec).min(59);
    let seconds = i64::from(local.tm_hour) * 3_600 + i64::from(local.tm_min) * 60 + second;
    i32::try_from(days * 86_400 + seconds - unix_seconds).ok()
}

#[cfg(unix)]
fn local(unix_seconds: i64) -> Option<libc::tm> {
    let time = libc::time_t::try_from(unix_seconds).ok()?;
    let mut local = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, which writes a whole `tm` or returns null; zeroes are a `tm` too.
    let (found, local) =
        unsafe { (!libc::localtime_r(&raw const time, local.as_mut_ptr()).is_null(), local.assume_init()) };
    found.then_some(local)
}

#[cfg(windows)]
fn local(unix_seconds: i64) -> Option<libc::tm> {
    let mut local = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, which writes a whole `tm` or fails; zeroes are a `tm` too.
    let (failed, local) =
        unsafe { (libc::localtime_s(local.as_mut_ptr(), &raw const unix_seconds) != 0, local.assume_init()) };
    (!failed).then_some(local)
}

fn days_since_epoch(year: i64, day_of_year: i64) -> i64 {
    let before = year - 1;
    // 719,162 days lie between the first day of year 1 and 1970-01-01.
    before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) + day_of_year
        - 719_162
}
