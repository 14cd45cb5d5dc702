//! A source that hands out the token it gave before: a success, and no reason to ask again at once.

use azure_token_cache_core::{DueReason, Grant, Policy, Settled, Zone};

use crate::stage::{HOUR, MINUTE, SECOND, Stage};

const STEADY: Policy = Policy { retry_jitter_percent: 0, ..Policy::DEFAULT };

/// The token that was there at the start, as its source repeats it.
fn again(first: Grant) -> Grant {
    Grant { unchanged: true, ..first }
}

#[test]
fn an_unchanged_answer_drops_the_hint() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let first = Grant { refresh_at: Some(stage.token(10 * MINUTE).expires_at), ..stage.token(HOUR) };
    stage.hold(entry, first);
    stage.pass_to(10 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    assert!(matches!(stage.granted(fetch, again(first)), Settled::Granted { .. }));
    stage.pass_to(55 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1, "az repeats its token until 300 s are left");
    stage.pass(1);
    let _ = stage.behind(entry);
}

#[test]
fn an_unchanged_answer_restarts_the_half_life_from_now() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let first = stage.token(8 * HOUR);
    stage.hold(entry, first);
    for due_at in [4 * HOUR, 6 * HOUR, 7 * HOUR] {
        stage.pass_to(due_at - 1);
        assert_eq!(stage.hit(entry), 1);
        stage.pass(1);
        assert_eq!(stage.explain(entry).due, Some(DueReason::HalfLife));
        let (_, fetch) = stage.behind(entry);
        let _ = stage.granted(fetch, again(first));
    }
    stage.pass_to(8 * HOUR - 5 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1, "one hour is less than two: no half-life any more");
}

#[test]
fn under_azure_identity_an_unchanged_answer_keeps_its_hint() {
    let mut stage = Stage::under(Policy::AZURE_IDENTITY);
    let entry = stage.entry();
    let first = Grant { refresh_at: Some(stage.token(10 * MINUTE).expires_at), ..stage.token(HOUR) };
    stage.hold(entry, first);
    stage.pass_to(10 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.granted(fetch, again(first));
    assert_eq!(stage.hit(entry), 30 * SECOND, "until the gate opens");
    stage.pass(30 * SECOND);
    let _ = stage.behind(entry);
}

#[test]
fn an_unchanged_answer_is_a_fruitless_attempt() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let first = stage.token(HOUR);
    stage.hold(entry, first);
    stage.pass_to(55 * MINUTE);
    for gate in [30, 60, 120] {
        let (_, fetch) = stage.behind(entry);
        let _ = stage.granted(fetch, again(first));
        assert_eq!(stage.explain(entry).gate_closed_for, gate * SECOND);
        stage.pass(gate * SECOND);
    }
}

#[test]
fn an_unchanged_answer_late_in_life_does_not_shrink_the_numbers() {
    // 299 s are left of the hour: were they a life of their own, the token would be fresh again until 75 s are left.
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let first = stage.token(HOUR);
    stage.hold(entry, first);
    stage.pass_to(55 * MINUTE + SECOND);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.granted(fetch, again(first));
    assert_eq!(stage.explain(entry).zone, Zone::RefreshBehind);
    stage.pass(30 * SECOND);
    let _ = stage.behind(entry);
    stage.pass_to(HOUR - 2 * SECOND);
    assert_eq!(stage.explain(entry).zone, Zone::Expired, "and 2 s stay too little to serve");
}

#[test]
fn a_token_past_its_hint_waits_for_the_gate() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let past = Grant { refresh_at: Some(stage.token(-1).expires_at), ..stage.token(HOUR) };
    stage.hold(entry, past);
    assert_eq!(stage.hit(entry), 30 * SECOND, "due at once, and the gate is closed");
    stage.pass(30 * SECOND);
    let (_, fetch) = stage.behind(entry);
    let next = Grant { refresh_at: past.refresh_at, ..stage.token(HOUR) };
    assert!(matches!(stage.granted(fetch, next), Settled::Granted { .. }));
    assert_eq!(stage.explain(entry).gate_closed_for, 30 * SECOND, "a new token: no doubling");
}

#[test]
fn crossing_opens_the_gate_once() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let hint = Some(stage.token(10 * MINUTE).expires_at);
    stage.hold(entry, Grant { refresh_at: hint, ..stage.token(HOUR) });
    for at in [10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 40 * MINUTE, 54 * MINUTE] {
        stage.pass_to(at);
        let (_, fetch) = stage.behind(entry);
        let _ = stage.failed(fetch);
    }
    assert_eq!(stage.explain(entry).gate_closed_for, MINUTE, "300 s, but for the crossing");
    stage.pass_to(55 * MINUTE - 1);
    assert_eq!(stage.hit(entry), 1);
    stage.pass(1);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed(fetch);
    assert_eq!(stage.explain(entry).gate_closed_for, 5 * MINUTE);
    assert_eq!(stage.hit(entry), 30 * SECOND, "once");
}

#[test]
fn an_attempt_that_began_before_the_crossing_does_not_use_it_up() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let first = Grant { refresh_at: Some(stage.token(10 * MINUTE).expires_at), ..stage.token(HOUR) };
    stage.hold(entry, first);
    stage.pass_to(55 * MINUTE - SECOND);
    let (_, fetch) = stage.behind(entry);
    stage.pass(2 * SECOND);
    let _ = stage.granted(fetch, again(first));
    let (_, fetch) = stage.behind(entry);
    let _ = stage.granted(fetch, again(first));
    assert_eq!(stage.hit(entry), 30 * SECOND, "once");
}

#[test]
fn under_azure_identity_crossing_opens_nothing() {
    let mut stage = Stage::under(Policy::AZURE_IDENTITY);
    let entry = stage.entry();
    stage.hold(entry, Grant { refresh_at: Some(stage.token(10 * MINUTE).expires_at), ..stage.token(HOUR) });
    stage.pass_to(55 * MINUTE - SECOND);
    let (_, wait) = stage.wait(entry);
    assert_eq!(wait, Some(10 * SECOND));
    let fetch = stage.fetch();
    let _ = stage.failed(fetch);
    stage.pass(SECOND);
    assert_eq!(stage.hit(entry), 29 * SECOND);
}

#[test]
fn a_changed_token_resets_the_doubling_and_not_the_gate() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let hint = Some(stage.token(10 * MINUTE).expires_at);
    stage.hold(entry, Grant { refresh_at: hint, ..stage.token(HOUR) });
    for at in [10, 20, 30] {
        stage.pass_to(at * MINUTE);
        let (_, fetch) = stage.behind(entry);
        let _ = stage.failed(fetch);
    }
    stage.pass_to(40 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    let past = Grant { refresh_at: hint, ..stage.token(HOUR) };
    let _ = stage.granted(fetch, past);
    assert_eq!(stage.explain(entry).gate_closed_for, 4 * MINUTE, "the fourth attempt closed it for 240 s");
    stage.pass(4 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed(fetch);
    assert_eq!(stage.explain(entry).gate_closed_for, 30 * SECOND, "and the next counts anew");
}
