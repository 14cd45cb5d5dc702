//! Local times, printed as Python prints them.

use std::fs;

use crate::stage::{Stage, printed};

/// A zone without an offset that counts 27 leap seconds, as those below `right/` do, in the format of tzfile(5).
fn zone_with_leap_seconds() -> Vec<u8> {
    // How many there are: marks of UTC and of standard time, leap seconds, changes, kinds of time, letters.
    let counts = [0_u32, 0, 1, 0, 1, 4].map(u32::to_be_bytes).concat();
    let kind = [0; 6];
    let leap_seconds = [78_796_800_u32, 27].map(u32::to_be_bytes).concat();
    [&b"TZif"[..], &[0; 16], &counts, &kind, b"UTC\0", &leap_seconds].concat()
}

#[test]
fn leap_seconds_count_where_the_zone_counts_them() {
    let stage = Stage::new("leap-seconds");
    fs::write(stage.path("zone"), zone_with_leap_seconds()).unwrap();
    let zone = format!(":{}", stage.path("zone").display());
    let document = printed({
        let mut shim = stage.shim(&["account", "get-access-token"]);
        shim.env("TZ", &zone);
        shim
    });
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let expires = document["expires_on"].as_i64().unwrap();
    let local = |zone: &str| {
        let mut date = stage.shell(&format!("date -d @{expires} '+%Y-%m-%d %H:%M:%S.000000'"));
        date.env("TZ", zone);
        printed(date).trim().to_owned()
    };
    assert_eq!(document["expiresOn"], local(&zone));
    assert_ne!(local(&zone), local("UTC"));
}
