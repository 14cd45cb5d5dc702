//! A suspended laptop and a clock that was set: time passed, or the old expiries cannot be compared any more.

use azure_token_cache_core::{Action, DueReason, Grant, Policy, Settled, Zone};

use crate::stage::{HOUR, MINUTE, SECOND, Stage};

#[test]
fn a_suspend_is_time_passed() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.suspend(HOUR);
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn a_suspend_opens_the_gate_and_ends_the_memory() {
    let mut stage = Stage::new();
    let (due, failing) = (stage.entry(), stage.intern(&stage.request(&["failing"])));
    stage.hold(due, Grant { refresh_at: Some(stage.token(0).expires_at), ..stage.token(HOUR) });
    for memory in [1, 2, 4] {
        stage.fail(failing);
        stage.pass(memory * SECOND);
    }
    stage.fail(failing);
    assert!(stage.explain(due).gate_closed_for > 0);
    stage.suspend(3 * SECOND);
    assert_eq!(stage.explain(due).gate_closed_for, 0);
    let _ = stage.behind(due);
    stage.fail(failing);
    assert_eq!(stage.fails_for(failing), SECOND, "and the doubling");
}

#[test]
fn what_is_within_the_tolerance_is_no_jump() {
    for jump in [Stage::suspend, Stage::set_back] {
        let mut stage = Stage::new();
        let entry = stage.entry();
        stage.fail(entry);
        jump(&mut stage, 2 * SECOND);
        assert_eq!(stage.fails_for(entry), SECOND, "memories run on monotonic time");
    }
}

#[test]
fn after_a_set_back_an_older_token_is_due_at_once() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.set_back(10 * MINUTE);
    assert_eq!(stage.explain(entry).due, Some(DueReason::ClockSetBack));
    let (_, fetch) = stage.behind(entry);
    let token = stage.token(HOUR);
    let _ = stage.granted(fetch, token);
    assert_eq!(stage.explain(entry).due, None);
    assert_eq!(stage.hit(entry), 30 * SECOND);
}

#[test]
fn after_a_set_back_an_older_token_lives_as_long_as_it_had_left() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass(10 * MINUTE);
    stage.set_back(2 * HOUR);
    assert_eq!(stage.explain(entry).left, Some(50 * MINUTE), "not 170 minutes, as the wall clock has it");
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed(fetch);
    stage.pass(49 * MINUTE);
    assert_eq!(stage.explain(entry).zone, Zone::RefreshBehind);
    stage.pass(1);
    assert_eq!(stage.explain(entry).zone, Zone::RefreshInFront);
    stage.pass(MINUTE - 2 * SECOND - 1);
    assert_eq!(stage.wait(entry).1, None, "expired, by monotonic time");
}

#[test]
fn after_a_set_back_the_wall_clock_still_counts_where_it_is_stricter() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.set_back(MINUTE);
    // The clock is right again, by steps that no tolerance notices.
    for _ in 0..30 {
        stage.pass(5_000_000);
        stage.suspend(2_000);
    }
    assert_eq!(stage.explain(entry).zone, Zone::Expired);
}

#[test]
fn a_suspend_counts_towards_the_age_of_a_token_of_an_older_epoch() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.suspend(20 * MINUTE);
    stage.set_back(HOUR);
    assert_eq!(stage.explain(entry).left, Some(40 * MINUTE));
}

#[test]
fn a_set_back_gives_the_attempt_back_and_an_abort_after_it_takes_nothing() {
    let policy = Policy { retry_jitter_percent: 0, ..Policy::DEFAULT };
    let mut stage = Stage::under(policy);
    let (entry, challenge) = (stage.entry(), stage.challenge("{}"));
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(58 * MINUTE + 50 * SECOND);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed(fetch);
    stage.pass(30 * SECOND);
    let (job, _) = stage.wait(entry);
    let _ = stage.fetch();
    stage.set_back(MINUTE);
    // The answer to a challenge comes after the jump, and is due at once.
    let _ = stage.wait(challenge);
    let answer = stage.fetch();
    let due = Grant { refresh_at: Some(stage.token(0).expires_at), ..stage.token(HOUR) };
    let _ = stage.granted(answer, due);
    assert_eq!(stage.leave(job), Settled::Abandoned { job });
    assert!(matches!(stage.actions()[..], [Action::Abort { .. }]));
    assert_eq!(stage.explain(entry).gate_closed_for, 0);
}
