//! A caller that gives up takes nobody with it, and the last one ends a fetch that began in front.

use azure_token_cache_core::{Action, CredentialKind, Grant, Policy, Settled};

use crate::stage::{HOUR, MINUTE, SECOND, Stage, failed};

const STEADY: Policy = Policy { retry_jitter_percent: 0, ..Policy::DEFAULT };
const UNABORTABLE: CredentialKind = CredentialKind { abortable: false, ..CredentialKind::GENERAL };

#[test]
fn one_abort_leaves_the_others_waiting() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    let _ = stage.wait(entry);
    assert_eq!(stage.leave(job), Settled::Nothing);
    stage.no_action();
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
}

#[test]
fn the_last_abort_aborts_a_fetch_in_front() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    let _ = stage.wait(entry);
    assert_eq!(stage.leave(job), Settled::Nothing);
    assert_eq!(stage.leave(job), Settled::Abandoned { job });
    assert_eq!(stage.actions(), [Action::Abort { fetch }]);
    assert_eq!(stage.cache.poll_timeout(), None);
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Nothing);
    let (next, _) = stage.wait(entry);
    assert_ne!(next, job);
    let _ = stage.fetch();
}

#[test]
fn a_fetch_that_began_behind_is_not_aborted() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    stage.pass(SECOND);
    let (job, _) = stage.wait(entry);
    assert_eq!(stage.leave(job), Settled::Nothing);
    stage.no_action();
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
}

#[test]
fn a_fetch_that_went_on_behind_is_not_aborted() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + 30 * SECOND);
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    let _ = stage.time_out();
    stage.pass_to(HOUR);
    assert_eq!(stage.wait(entry), (job, None));
    assert_eq!(stage.leave(job), Settled::Nothing);
    stage.no_action();
    assert_eq!(stage.failed(fetch), failed(job, entry));
}

#[test]
fn az_is_not_aborted_and_its_result_is_kept() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.leave(job), Settled::Nothing);
    stage.no_action();
    assert_eq!(stage.wait(entry), (job, None), "who comes meanwhile has its result");
    assert_eq!(stage.leave(job), Settled::Nothing);
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
    assert_eq!(stage.hit(entry), 30 * SECOND);
}

#[test]
fn an_abort_is_not_an_attempt() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + SECOND);
    for _ in 0..3 {
        let (job, _) = stage.wait(entry);
        let _ = stage.fetch();
        assert_eq!(stage.explain(entry).gate_closed_for, 30 * SECOND);
        assert_eq!(stage.leave(job), Settled::Abandoned { job });
        let _ = stage.actions();
        assert_eq!(stage.explain(entry).gate_closed_for, 0);
    }
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    let _ = stage.failed(fetch);
    assert_eq!(stage.explain(entry).gate_closed_for, 30 * SECOND, "the doubling did not go on");
}

#[test]
fn an_abort_gives_the_crossing_back() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let hint = Some(stage.token(SECOND).expires_at);
    stage.hold(entry, Grant { refresh_at: hint, ..stage.token(3 * MINUTE) });
    // Three minutes scale the 300 s to 45 s and the 60 s to 9 s.
    for at in [30, 60] {
        stage.pass_to(at * SECOND);
        let (_, fetch) = stage.behind(entry);
        let _ = stage.failed_with(fetch, false, Some(if at == 60 { 300_000 } else { 0 }));
    }
    stage.pass_to(3 * MINUTE - 8 * SECOND);
    for _ in 0..2 {
        let (job, _) = stage.wait(entry);
        let _ = stage.fetch();
        assert_eq!(stage.leave(job), Settled::Abandoned { job });
        let _ = stage.actions();
    }
}

#[test]
fn an_abort_takes_back_nothing_that_came_after_its_attempt() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let challenge = stage.challenge("{}");
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(58 * MINUTE);
    for gate in [30, 60] {
        let (_, fetch) = stage.behind(entry);
        let _ = stage.failed(fetch);
        stage.pass(gate * SECOND);
    }
    stage.pass_to(59 * MINUTE + 31 * SECOND);
    let (job, _) = stage.wait(entry);
    let _ = stage.fetch();
    let _ = stage.wait(challenge);
    let answer = stage.fetch();
    let due = Grant { refresh_at: Some(stage.token(0).expires_at), ..stage.token(HOUR) };
    assert!(matches!(stage.granted(answer, due), Settled::Granted { base: Some(_), .. }));
    assert_eq!(stage.leave(job), Settled::Abandoned { job });
    let _ = stage.actions();
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed(fetch);
    assert_eq!(stage.explain(entry).gate_closed_for, 30 * SECOND, "the answer had reset the doubling");
}

#[test]
fn an_abort_gives_no_crossing_to_a_token_that_its_attempt_never_saw() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let challenge = stage.challenge("{}");
    stage.fail(entry);
    stage.pass(SECOND);
    let (job, _) = stage.wait(entry);
    let _ = stage.fetch();
    let _ = stage.wait(challenge);
    let answer = stage.fetch();
    let issued_at = Some(stage.token(-50 * MINUTE).expires_at);
    let near = Grant { issued_at, ..stage.token(200 * SECOND) };
    let _ = stage.granted(answer, near);
    assert_eq!(stage.leave(job), Settled::Abandoned { job });
    assert_eq!(stage.explain(entry).gate_closed_for, 29 * SECOND, "the first attempt's gate");
}

#[test]
fn who_leaves_a_job_that_is_over_changes_nothing() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    let token = stage.token(HOUR);
    let _ = stage.granted(fetch, token);
    assert_eq!(stage.leave(job), Settled::Nothing);
    stage.no_action();
    assert_eq!(stage.hit(entry), 30 * SECOND);
}
