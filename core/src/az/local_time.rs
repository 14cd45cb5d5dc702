//! az's zoneless local times as instants, with the time zone an argument.

/// The zone in which az prints its local times, as one question: how far from UTC is it at an instant?
///
/// Any `Fn(i64) -> i32` is one. In JavaScript it is `-60 * new Date(unixSeconds * 1000).getTimezoneOffset()`, on POSIX
/// `tm_gmtoff` of `localtime_r`.
///
/// ```
/// use azure_token_cache_core::az::local_time::{LocalZone, UTC, unix_ms};
/// assert_eq!(unix_ms("1970-01-02 00:00:00.000000", &UTC), Some(86_400_000));
/// let kolkata = |_| 19_800;
/// assert_eq!(unix_ms("1970-01-01 05:30:01", &kolkata), Some(1_000));
/// ```
pub trait LocalZone {
    /// Seconds east of UTC at `unix_seconds` after the Unix epoch. Beyond a day either way it counts as a day.
    fn offset_at(&self, unix_seconds: i64) -> i32;
}

impl<F: Fn(i64) -> i32> LocalZone for F {
    fn offset_at(&self, unix_seconds: i64) -> i32 {
        self(unix_seconds)
    }
}

/// A zone that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedOffset {
    /// Seconds east of UTC.
    pub seconds: i32,
}

/// No offset.
pub const UTC: FixedOffset = FixedOffset { seconds: 0 };

impl LocalZone for FixedOffset {
    fn offset_at(&self, _: i64) -> i32 {
        self.seconds
    }
}

/// Milliseconds since the Unix epoch of `YYYY-MM-DD HH:MM[:SS[.fraction]]`, a `T` between the two being as good.
///
/// A time that ends in `Z` or `+HH:MM` is of that zone, any other of `zone`. Of a local time that comes twice (clocks set
/// back) it is the *earlier* instant, and of one that never comes (clocks set forward) the earlier reading too: as an
/// expiry neither can be late. Fractions are cut to milliseconds. `None` if the text is no such time.
#[must_use]
pub fn unix_ms(text: &str, zone: &dyn LocalZone) -> Option<i64> {
    let mut scan = Scan(text.trim_ascii().as_bytes());
    let wall = scan.wall_seconds()?;
    let fraction = scan.milliseconds()?;
    let seconds = match scan.suffix()? {
        Suffix::Offset(east) => wall.saturating_sub(east),
        Suffix::None => earliest_instant(wall, zone),
    };
    Some(seconds.saturating_mul(1_000).saturating_add(fraction))
}

const DAY: i64 = 86_400;

/// No offset is beyond a day, and zones change at most once in two: one of these is before the change that is near, if there
/// is one, the other after it.
const PROBES: [i64; 2] = [-DAY, DAY];

fn earliest_instant(wall: i64, zone: &dyn LocalZone) -> i64 {
    let offset_at = |instant| i64::from(zone.offset_at(instant)).clamp(-DAY, DAY);
    let readings = PROBES.map(|probe| {
        let offset = offset_at(wall.saturating_add(probe));
        let instant = wall.saturating_sub(offset);
        (instant, offset_at(instant) == offset)
    });
    let earliest = |only_real: bool| {
        readings.iter().filter(|(_, real)| *real || !only_real).map(|(instant, _)| *instant).min()
    };
    earliest(true).or_else(|| earliest(false)).unwrap_or(wall)
}

/// How a time ends.
enum Suffix {
    None,
    /// Seconds east of UTC.
    Offset(i64),
}

/// What is left to read of a time.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn wall_seconds(&mut self) -> Option<i64> {
        let year = self.number(4)?;
        self.expect(b'-')?;
        let month = self.number(2).filter(|month| (1..=12).contains(month))?;
        self.expect(b'-')?;
        let day = self.number(2).filter(|day| (1..=days_in(month, year)).contains(day))?;
        self.expect(b' ').or_else(|| self.expect(b'T')).or_else(|| self.expect(b't'))?;
        let hour = self.number(2).filter(|hour| *hour < 24)?;
        self.expect(b':')?;
        let minute = self.number(2).filter(|minute| *minute < 60)?;
        let second = match self.expect(b':') {
            // 60 is a leap second, which Unix time does not count.
            Some(()) => self.number(2).filter(|second| *second <= 60)?.min(59),
            None => 0,
        };
        let clock =
            hour.saturating_mul(3_600).saturating_add(minute.saturating_mul(60)).saturating_add(second);
        Some(days_since_epoch(year, month, day).saturating_mul(DAY).saturating_add(clock))
    }

    /// The fraction, cut to milliseconds; 0 if there is none, `None` if there is a point and no digit.
    fn milliseconds(&mut self) -> Option<i64> {
        if self.expect(b'.').is_none() {
            return Some(0);
        }
        let mut value = self.digit()?.saturating_mul(100);
        for unit in [10, 1] {
            value = value.saturating_add(self.digit().unwrap_or(0).saturating_mul(unit));
        }
        while self.digit().is_some() {}
        Some(value)
    }

    /// What is left, if it is a zone or nothing.
    fn suffix(&mut self) -> Option<Suffix> {
        let east = match self.0 {
            [] => return Some(Suffix::None),
            [b'Z' | b'z'] => return Some(Suffix::Offset(0)),
            [sign @ (b'+' | b'-'), rest @ ..] => {
                let west = *sign == b'-';
                self.0 = rest;
                let hours = self.number(2).filter(|hours| *hours < 24)?;
                let _ = self.expect(b':');
                let minutes = self.number(2).filter(|minutes| *minutes < 60)?;
                let seconds = hours.saturating_mul(3_600).saturating_add(minutes.saturating_mul(60));
                if west { seconds.saturating_neg() } else { seconds }
            }
            _ => return None,
        };
        self.0.is_empty().then_some(Suffix::Offset(east))
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let mut value = 0_i64;
        for _ in 0..digits {
            value = value.saturating_mul(10).saturating_add(self.digit()?);
        }
        Some(value)
    }

    fn digit(&mut self) -> Option<i64> {
        let (first, rest) = self.0.split_first()?;
        let value = first.is_ascii_digit().then(|| i64::from(first.saturating_sub(b'0')))?;
        self.0 = rest;
        Some(value)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == byte).then(|| self.0 = rest)
    }
}

fn days_in(month: i64, year: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. The year is taken to begin in March, so that the leap day is
/// its last, and the days before a month are `(153 * month + 2) / 5`.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let from_march = month.saturating_sub(3).rem_euclid(12);
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let leap_days =
        year.div_euclid(4).saturating_sub(year.div_euclid(100)).saturating_add(year.div_euclid(400));
    let days_before_month = from_march.saturating_mul(153).saturating_add(2).div_euclid(5);
    // 719,469 days lie between the first of March of year 0, counted as day 1, and 1970-01-01.
    year.saturating_mul(365)
        .saturating_add(leap_days)
        .saturating_add(days_before_month)
        .saturating_add(day)
        .saturating_sub(719_469)
}
