//! The four lines of the table, their boundaries to the millisecond, and the leases inside them.

use azure_token_cache_core::{CredentialKind, Decision, DueReason, Grant, Policy, Zone};

use crate::stage::{HOUR, MINUTE, SECOND, Stage};

const DAY: i64 = 24 * HOUR;

#[test]
fn a_token_of_an_hour_walks_the_four_lines() {
    let mut stage = Stage::under(Policy { retry_jitter_percent: 0, ..Policy::DEFAULT });
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));

    stage.pass_to(55 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1, "fresh until 300 s are left");

    stage.pass_to(55 * MINUTE);
    let (lease, fetch) = stage.behind(entry);
    assert_eq!(lease, 30 * SECOND, "due, and served at once");
    let _ = stage.failed(fetch);

    stage.pass_to(59 * MINUTE);
    assert_eq!(stage.explain(entry).zone, Zone::RefreshBehind, "60 s are enough to refresh behind");
    stage.pass(1);
    assert_eq!(stage.wait(entry).1, Some(10 * SECOND), "with less, callers wait at most 10 s");
    let fetch = stage.fetch();
    let _ = stage.failed(fetch);

    stage.pass_to(HOUR - 2 * SECOND - 1);
    assert_eq!(stage.explain(entry).zone, Zone::RefreshInFront);
    assert_eq!(stage.hit(entry), 1, "the gate is closed: the token at once, while it may be served");
    stage.pass(1);
    assert_eq!(stage.wait(entry).1, None, "2 s are too little to serve");
}

#[test]
fn azure_identitys_numbers_are_300_600_and_0() {
    let mut stage = Stage::under(Policy::AZURE_IDENTITY);
    let entry = stage.entry();
    stage.hold(entry, Grant { refresh_at: Some(stage.token(30 * MINUTE).expires_at), ..stage.token(HOUR) });

    stage.pass_to(30 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1);
    stage.pass_to(50 * MINUTE);
    let (lease, fetch) = stage.behind(entry);
    assert_eq!(lease, 1, "600 s are left: with less, in front");
    let _ = stage.failed(fetch);
    stage.pass(30 * SECOND);
    assert_eq!(stage.wait(entry).1, Some(10 * SECOND));
    let fetch = stage.fetch();
    let _ = stage.failed(fetch);
    stage.pass_to(HOUR - 1);
    assert_eq!(stage.wait(entry).1, Some(0), "served to its last millisecond");
    let fetch = stage.fetch();
    let _ = stage.failed(fetch);
    stage.pass(1);
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn a_hit_is_leased_for_30_s_and_never_past_its_line() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    assert_eq!(stage.hit(entry), 30 * SECOND);
    stage.pass_to(55 * MINUTE - 30 * SECOND - 1);
    assert_eq!(stage.hit(entry), 30 * SECOND);
    stage.pass(2);
    assert_eq!(stage.hit(entry), 30 * SECOND - 1);
}

#[test]
fn a_lease_behind_ends_with_the_first_millisecond_in_front() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE - 5 * SECOND);
    let (lease, _) = stage.behind(entry);
    assert_eq!(lease, 5 * SECOND + 1);
    assert_eq!(stage.hit(entry), 5 * SECOND + 1, "the fetch in flight does not shorten it");
    stage.pass(lease - 1);
    assert_eq!(stage.hit(entry), 1);
    stage.pass(1);
    assert!(stage.wait(entry).1.is_some());
}

#[test]
fn a_lease_never_outlives_the_token_where_the_thresholds_meet() {
    // Nothing is refreshed in front here: behind ends where serving ends.
    let policy = Policy { background_min_validity: 0, ..Policy::DEFAULT };
    let mut stage = Stage::under(policy);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(HOUR - 10 * SECOND);
    let (lease, _) = stage.behind(entry);
    assert_eq!(lease, 8 * SECOND);
    stage.pass(lease);
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn a_token_of_ten_milliseconds_is_not_leased_past_its_end() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(10));
    stage.pass(9);
    assert_eq!(stage.behind(entry).0, 1);
    stage.pass(1);
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn a_hint_brings_the_due_time_forward_and_never_back() {
    let mut stage = Stage::new();
    let (early, late) = (stage.entry(), stage.intern(&stage.request(&["late"])));
    stage.hold(early, Grant { refresh_at: Some(stage.token(10 * MINUTE).expires_at), ..stage.token(HOUR) });
    stage.hold(late, Grant { refresh_at: Some(stage.token(58 * MINUTE).expires_at), ..stage.token(HOUR) });

    stage.pass_to(10 * MINUTE - 1);
    assert_eq!(stage.hit(early), 1);
    stage.pass(1);
    assert_eq!(stage.explain(early).due, Some(DueReason::Hint));
    let _ = stage.behind(early);
    stage.pass_to(55 * MINUTE);
    assert_eq!(stage.explain(late).due, Some(DueReason::BeforeExpiry));
    assert_eq!(
        stage.explain(early).due,
        Some(DueReason::BeforeExpiry),
        "which has become the stronger reason"
    );
    let _ = stage.behind(late);
}

#[test]
fn a_hintless_life_of_two_hours_is_due_at_its_half() {
    for (lifetime, due_at) in [
        (2 * HOUR, HOUR),
        (2 * HOUR - 1, 2 * HOUR - 1 - 5 * MINUTE),
        (DAY, 12 * HOUR),
        (2 * HOUR + 1, HOUR + 1),
    ] {
        let mut stage = Stage::new();
        let entry = stage.entry();
        stage.hold(entry, stage.token(lifetime));
        stage.pass_to(due_at - 1);
        assert_eq!(stage.hit(entry), 1, "a life of {lifetime} ms");
        stage.pass(1);
        let _ = stage.behind(entry);
    }
}

#[test]
fn a_hint_stands_above_the_half_life() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, Grant { refresh_at: Some(stage.token(20 * HOUR).expires_at), ..stage.token(DAY) });
    stage.pass_to(20 * HOUR - 1);
    assert_eq!(stage.hit(entry), 1);
    stage.pass(1);
    let _ = stage.behind(entry);
}

#[test]
fn azure_identity_knows_no_half_life() {
    let mut stage = Stage::under(Policy::AZURE_IDENTITY);
    let entry = stage.entry();
    stage.hold(entry, stage.token(DAY));
    stage.pass_to(DAY - 5 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1);
}

#[test]
fn the_half_life_counts_from_the_issue_where_it_is_known() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let issued_at = Some(stage.token(-HOUR).expires_at);
    stage.hold(entry, Grant { issued_at, ..stage.token(3 * HOUR) });
    stage.pass_to(HOUR - 1);
    assert_eq!(stage.hit(entry), 1, "four hours of life, the first of them over");
    stage.pass(1);
    assert_eq!(stage.explain(entry).due, Some(DueReason::HalfLife));
}

#[test]
fn short_lives_scale_the_first_three_numbers() {
    // Ten minutes are half of the 20 for which the numbers are made: 150 s, 30 s and 1 s.
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(10 * MINUTE));
    stage.pass_to(10 * MINUTE - 150 * SECOND - 1);
    assert_eq!(stage.hit(entry), 1);
    stage.pass(1);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed(fetch);
    stage.pass_to(10 * MINUTE - 30 * SECOND);
    assert_eq!(stage.explain(entry).zone, Zone::RefreshBehind);
    stage.pass(1);
    assert_eq!(stage.explain(entry).zone, Zone::RefreshInFront);
    stage.pass_to(10 * MINUTE - SECOND - 1);
    assert_eq!(stage.explain(entry).zone, Zone::RefreshInFront);
    stage.pass(1);
    assert_eq!(stage.explain(entry).zone, Zone::Expired);
}

#[test]
fn what_is_left_of_a_long_life_does_not_scale() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let issued_at = Some(stage.token(-50 * MINUTE).expires_at);
    stage.hold(entry, Grant { issued_at, ..stage.token(10 * MINUTE) });
    stage.pass_to(5 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1, "an hour of life: the numbers stand as they are");
    stage.pass(1);
    let _ = stage.behind(entry);
}

#[test]
fn an_issue_time_that_cannot_be_one_does_not_count() {
    for nonsense in [10 * MINUTE, 5 * MINUTE] {
        let mut stage = Stage::new();
        let entry = stage.entry();
        let issued_at = Some(stage.token(nonsense).expires_at);
        stage.hold(entry, Grant { issued_at, ..stage.token(10 * MINUTE) });
        stage.pass_to(10 * MINUTE - 150 * SECOND - 1);
        assert_eq!(stage.hit(entry), 1);
    }
}

#[test]
fn azure_identity_does_not_scale() {
    let mut stage = Stage::under(Policy::AZURE_IDENTITY);
    let entry = stage.entry();
    stage.hold(entry, stage.token(10 * MINUTE));
    stage.pass_to(5 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1);
    stage.pass(1);
    assert_eq!(stage.wait(entry).1, Some(10 * SECOND));
}

#[test]
fn interactive_kinds_are_never_fetched_behind() {
    let mut stage = Stage::of(CredentialKind { interactive: true, ..CredentialKind::GENERAL });
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE);
    assert_eq!(stage.hit(entry), 1, "due, with 60 s left: the token and no window that opens by itself");
    stage.no_action();
    stage.pass(1);
    assert!(stage.wait(entry).1.is_some(), "in front, someone waits for it");
    let _ = stage.fetch();
}

#[test]
fn an_expiry_that_cannot_be_one_is_a_failure() {
    use azure_token_cache_core::{ExpiryError, FailReason, Settled};
    let cases = [
        (0, ExpiryError::Missing),
        (-1, ExpiryError::Missing),
        (i64::MIN, ExpiryError::Missing),
        (1, ExpiryError::InSeconds),
        (1_700_003_600, ExpiryError::InSeconds),
        (99_999_999_999, ExpiryError::InSeconds),
        (100_000_000_000, ExpiryError::Past),
        (crate::stage::START, ExpiryError::Past),
    ];
    for (expires_at, error) in cases {
        let mut stage = Stage::new();
        let entry = stage.entry();
        let (job, _) = stage.wait(entry);
        let fetch = stage.fetch();
        let settled = stage.granted(fetch, Grant { expires_at, ..stage.token(HOUR) });
        assert_eq!(
            settled,
            Settled::Failed { job, entry, reason: FailReason::Expiry(error) },
            "{expires_at}"
        );
        assert_eq!(stage.fails_for(entry), SECOND, "and is remembered as one");
    }
}

#[test]
fn a_token_of_one_millisecond_is_one() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(1));
    assert_eq!(stage.hit(entry), 1);
}

#[test]
fn an_expiry_beyond_all_bounds_is_leased_like_any_other() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, Grant { expires_at: i64::MAX, refresh_at: None, ..stage.token(0) });
    assert_eq!(stage.hit(entry), 30 * SECOND);
}

#[test]
fn the_first_lookup_of_an_entry_waits() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    assert_eq!(stage.explain(entry).left, None);
    assert!(matches!(stage.lookup(entry), Decision::Wait { serve_at: None, .. }));
}
