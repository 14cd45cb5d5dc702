//! az's local times: the forms it has printed, and the hours that clocks repeat or leave out.
#![cfg(feature = "az")]

use azure_token_cache_core::az::local_time::{FixedOffset, LocalZone, UTC, unix_ms};
use proptest::prelude::*;

/// 2026-11-01T00:00:00Z, in seconds since the Unix epoch (`date -u -d 2026-11-01 +%s`).
const NOVEMBER: i64 = 1_793_491_200;

/// New York in 2026: summer time from 8 March 07:00Z to 1 November 06:00Z (IANA tzdata).
fn new_york(unix_seconds: i64) -> i32 {
    const MARCH: i64 = 1_772_953_200;
    if (MARCH..NOVEMBER + 6 * 3_600).contains(&unix_seconds) { -4 * 3_600 } else { -5 * 3_600 }
}

#[test]
fn forms_that_az_has_printed() {
    let noon = Some((NOVEMBER + 43_200) * 1_000);
    for text in [
        "2026-11-01 12:00:00.000000",
        "2026-11-01 12:00:00",
        "2026-11-01T12:00:00",
        "2026-11-01t12:00",
        "2026-11-01T12:00:00Z",
        "2026-11-01T12:00:00z",
        "2026-11-01 13:00:00+01:00",
        "2026-11-01T13:30:00.000000+0130",
        "2026-11-01 05:00:00-07:00",
        " 2026-11-01 12:00:00\n",
    ] {
        assert_eq!(unix_ms(text, &UTC), noon, "{text}");
    }
    assert_eq!(unix_ms("2026-11-01 07:00:00", &new_york), noon);
    assert_eq!(unix_ms("2026-11-01 12:00:00Z", &new_york), noon);
    assert_eq!(unix_ms("2026-11-01 12:00:00.047", &UTC), noon.map(|ms| ms + 47));
    assert_eq!(unix_ms("2026-11-01 12:00:00.114999999", &UTC), noon.map(|ms| ms + 114));
    assert_eq!(unix_ms("2026-11-01 12:00:00.9", &UTC), noon.map(|ms| ms + 900));
    assert_eq!(unix_ms("2026-11-01 12:00:00.09Z", &UTC), noon.map(|ms| ms + 90));
    assert_eq!(unix_ms("2026-11-01 11:59:60", &UTC), noon.map(|ms| ms - 1_000));
}

#[test]
fn calendar() {
    for (text, seconds) in [
        ("1970-01-01 00:00:00", 0),
        ("1969-12-31 23:59:59", -1),
        ("0000-03-01 00:00:00", -62_162_035_200),
        ("2000-02-29 00:00:00", 951_782_400),
        ("2000-03-01 00:00:00", 951_868_800),
        ("2024-02-29 00:00:00", 1_709_164_800),
        ("2025-12-31 00:00:00", 1_767_139_200),
        ("2100-02-28 00:00:00", 4_107_456_000),
        ("2100-03-01 00:00:00", 4_107_542_400),
        ("9999-12-31 23:59:59", 253_402_300_799),
    ] {
        assert_eq!(unix_ms(text, &UTC), Some(seconds * 1_000), "{text}");
    }
}

#[test]
fn other_texts_are_no_times() {
    for text in [
        "",
        "0",
        "1793491200",
        "2026-11-01",
        "2026-11-01 ",
        "2026-11-01 12",
        "2026-11-01 12:0",
        "2026-11-01 12:00:",
        "2026-11-01 12:00:00.",
        "2026-11-01 12:00:00 UTC",
        "2026-11-01 12:00:00Zx",
        "2026-11-01 12:00:00+1",
        "2026-11-01 12:00:00+01",
        "2026-11-01 12:00:00+01:",
        "2026-11-01 12:00:00+24:00",
        "2026-11-01 12:00:00+01:60",
        "2026-11-01 12:00:00+01:00x",
        "2026-11-01_12:00:00",
        "2026-13-01 12:00:00",
        "2026-00-01 12:00:00",
        "2026-11-31 12:00:00",
        "2026-04-31 12:00:00",
        "2026-01-32 12:00:00",
        "2026-02-29 12:00:00",
        "2100-02-29 12:00:00",
        "2026-11-00 12:00:00",
        "2026-11-01 24:00:00",
        "2026-11-01 12:60:00",
        "2026-11-01 12:00:61",
        "26-11-01 12:00:00",
        "-2026-11-01 12:00:00",
        "2026-11-01 12:00:00,5",
        "NaN",
        "２026-11-01 12:00:00",
    ] {
        assert_eq!(unix_ms(text, &UTC), None, "{text}");
    }
}

#[test]
fn a_repeated_hour_is_its_first_and_a_skipped_one_is_read_early() {
    let at = |text| unix_ms(text, &new_york).unwrap() / 1_000 - NOVEMBER;
    // 1 November: at 06:00Z the clocks go from 02:00 back to 01:00.
    assert_eq!(at("2026-11-01 00:59:59"), 4 * 3_600 + 3_599);
    assert_eq!(at("2026-11-01 01:00:00"), 5 * 3_600);
    assert_eq!(at("2026-11-01 01:30:00"), 5 * 3_600 + 1_800);
    assert_eq!(at("2026-11-01 01:59:59"), 5 * 3_600 + 3_599);
    assert_eq!(at("2026-11-01 02:00:00"), 7 * 3_600);
    // 8 March: at 07:00Z they go from 02:00 to 03:00. Read with the offset of after the change it is the earlier.
    let march = |text| unix_ms(text, &new_york).unwrap() / 1_000 - 1_772_953_200;
    assert_eq!(march("2026-03-08 01:59:59"), -1);
    assert_eq!(march("2026-03-08 02:30:00"), -1_800);
    assert_eq!(march("2026-03-08 03:00:00"), 0);
}

#[test]
fn a_skipped_and_a_repeated_day() {
    // Samoa left 30 December 2011 out, going from UTC-10 to UTC+14 (IANA tzdata).
    const CHANGE: i64 = 1_325_239_200;
    let apia = |unix_seconds| if unix_seconds < CHANGE { -36_000 } else { 50_400 };
    assert_eq!(unix_ms("2011-12-29 23:59:59", &apia), Some((CHANGE - 1) * 1_000));
    assert_eq!(unix_ms("2011-12-31 00:00:00", &apia), Some(CHANGE * 1_000));
    assert_eq!(unix_ms("2011-12-30 12:00:00", &apia), Some((CHANGE - 43_200) * 1_000));
    // Kwajalein the other way round, had it done so: the day comes twice.
    let twice = |unix_seconds| if unix_seconds < CHANGE { 43_200 } else { -43_200 };
    let first = unix_ms("2011-12-30 12:00:00", &twice).unwrap();
    assert_eq!(first, 1_325_246_400_000 - 43_200_000);
}

#[test]
fn offsets_beyond_a_day_count_as_a_day() {
    let day = FixedOffset { seconds: 86_400 };
    for seconds in [86_401, i32::MAX] {
        assert_eq!(
            unix_ms("2026-11-01 12:00:00", &FixedOffset { seconds }),
            unix_ms("2026-11-01 12:00:00", &day)
        );
    }
    let west = unix_ms("2026-11-01 12:00:00", &FixedOffset { seconds: i32::MIN });
    assert_eq!(west, Some((NOVEMBER + 43_200 + 86_400) * 1_000));
}

/// The local time at an instant, as az prints it.
fn printed(unix_seconds: i64, zone: &dyn LocalZone) -> String {
    let wall = unix_seconds + i64::from(zone.offset_at(unix_seconds));
    let (days, second) = (wall.div_euclid(86_400), wall.rem_euclid(86_400));
    // Counting on from a known day, so that it shares nothing with the calculation under test.
    let (mut year, mut day) = (1970, days);
    let leap = |year: i64| i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    while day >= 365 + leap(year) {
        day -= 365 + leap(year);
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}.000000", day + 1)
}

proptest! {
    #[test]
    fn a_printed_time_is_read_back_and_never_late(
        at in 0_i64..4_102_444_800, change in 0_i64..4_102_444_800, near in -100_000_i64..100_000,
        before in -50_400_i32..=50_400, after in -50_400_i32..=50_400, close: bool,
    ) {
        let at = if close { (change + near).max(100_000) } else { at };
        let zone = move |instant| if instant < change { before } else { after };
        let read = unix_ms(&printed(at, &zone), &zone).unwrap();
        prop_assert!(read <= at * 1_000, "{read} is after {at}");
        prop_assert_eq!(printed(read / 1_000, &zone), printed(at, &zone));
    }

    #[test]
    fn no_text_panics(text: String, wall in "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.Z+-]{0,20}", offset: i32) {
        let _ = (unix_ms(&text, &UTC), unix_ms(&wall, &FixedOffset { seconds: offset }));
    }
}
