//! Claims challenges: they pass by the cache, and their answer takes its place.

use azure_token_cache_core::{Action, CredentialKind, DueReason, Grant, Request, Settled};

use crate::stage::{HOUR, MINUTE, SCOPE, SECOND, Stage, failed};

const CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
const OTHER_CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"2"}}}"#;

#[test]
fn claims_skip_the_cache() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    stage.hold(entry, stage.token(HOUR));
    assert_eq!(stage.wait(challenge).1, None);
    let _ = stage.fetch();
}

#[test]
fn claims_never_join_a_fetch_without_them() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let other = stage.challenge(OTHER_CLAIMS);
    let jobs = [entry, challenge, other].map(|one| {
        let (job, _) = stage.wait(one);
        let _ = stage.fetch();
        job
    });
    assert!(jobs[0] != jobs[1] && jobs[1] != jobs[2] && jobs[0] != jobs[2]);
}

#[test]
fn identical_claims_join_and_share_an_answer_for_5_s() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let (job, _) = stage.wait(challenge);
    let fetch = stage.fetch();
    assert_eq!(stage.wait(challenge), (job, None));
    stage.no_action();
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry: challenge, base: Some(entry) });
    assert_eq!(stage.hit(challenge), 5 * SECOND);
    stage.pass(5 * SECOND - 1);
    assert_eq!(stage.hit(challenge), 1);
    stage.pass(1);
    assert_eq!(stage.wait(challenge).1, None, "then a challenge is a challenge again");
}

#[test]
fn a_shared_answer_lasts_whatever_its_hint_and_age() {
    let mut stage = Stage::new();
    let challenge = stage.challenge(CLAIMS);
    let _ = stage.wait(challenge);
    let fetch = stage.fetch();
    let past = Some(stage.token(-3 * HOUR).expires_at);
    let token = Grant { refresh_at: past, issued_at: past, ..stage.token(HOUR) };
    let _ = stage.granted(fetch, token);
    assert_eq!(stage.hit(challenge), 5 * SECOND);
}

#[test]
fn a_shared_answer_ends_with_its_token() {
    let mut stage = Stage::new();
    let challenge = stage.challenge(CLAIMS);
    let _ = stage.wait(challenge);
    let fetch = stage.fetch();
    let token = stage.token(3 * SECOND);
    let _ = stage.granted(fetch, token);
    assert_eq!(stage.hit(challenge), 3 * SECOND);
}

#[test]
fn the_answer_replaces_the_base_entry_and_is_not_sticky() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    stage.hold(entry, stage.token(10 * MINUTE));
    let (job, _) = stage.wait(challenge);
    let fetch = stage.fetch();
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry: challenge, base: Some(entry) });
    assert_eq!(stage.explain(entry).left, Some(HOUR));
    stage.pass_to(55 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    let token = stage.token(HOUR);
    assert!(matches!(stage.granted(fetch, token), Settled::Granted { .. }), "refreshed without claims");
    assert_eq!(stage.explain(entry).left, Some(HOUR));
}

#[test]
fn a_late_older_fetch_cannot_overwrite_the_answer_and_its_waiters_get_it() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let (job, _) = stage.wait(entry);
    let older = stage.fetch();
    let _ = stage.wait(challenge);
    let answer = stage.fetch();
    let token = stage.token(HOUR);
    let _ = stage.granted(answer, token);
    let late = stage.token(2 * HOUR);
    assert_eq!(stage.granted(older, late), Settled::Served { job, entry });
    assert_eq!(stage.explain(entry).left, Some(HOUR));
}

#[test]
fn the_waiters_of_an_older_fetch_that_fails_get_the_answer_too() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let (job, _) = stage.wait(entry);
    let older = stage.fetch();
    let _ = stage.wait(challenge);
    let answer = stage.fetch();
    let token = stage.token(HOUR);
    let _ = stage.granted(answer, token);
    assert_eq!(stage.failed(older), Settled::Served { job, entry });
}

#[test]
fn an_older_fetch_counts_again_when_the_answer_has_expired() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let (job, _) = stage.wait(entry);
    let older = stage.fetch();
    let _ = stage.wait(challenge);
    let answer = stage.fetch();
    let token = stage.token(10 * SECOND);
    let _ = stage.granted(answer, token);
    stage.pass(10 * SECOND);
    let late = stage.token(HOUR);
    assert_eq!(stage.granted(older, late), Settled::Granted { job, entry, base: None });
}

#[test]
fn a_newer_fetch_may_replace_the_answer() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let _ = stage.wait(challenge);
    let answer = stage.fetch();
    let (job, _) = stage.wait(entry);
    let newer = stage.fetch();
    let token = stage.token(HOUR);
    let _ = stage.granted(answer, token);
    let late = stage.token(2 * HOUR);
    assert_eq!(stage.granted(newer, late), Settled::Granted { job, entry, base: None });
    assert_eq!(stage.explain(entry).left, Some(2 * HOUR));
}

#[test]
fn of_two_claims_the_last_started_wins() {
    for last_ends_first in [true, false] {
        let mut stage = Stage::new();
        let entry = stage.entry();
        let (first, last) = (stage.challenge(CLAIMS), stage.challenge(OTHER_CLAIMS));
        let _ = stage.wait(first);
        let first_run = stage.fetch();
        let _ = stage.wait(last);
        let last_run = stage.fetch();
        let (short, long) = (stage.token(HOUR), stage.token(2 * HOUR));
        if last_ends_first {
            let _ = stage.granted(last_run, long);
            assert!(matches!(stage.granted(first_run, short), Settled::Granted { base: None, .. }));
            assert_eq!(stage.hit(first), 5 * SECOND, "its own callers have its answer all the same");
        } else {
            let _ = stage.granted(first_run, short);
            assert!(matches!(stage.granted(last_run, long), Settled::Granted { base: Some(_), .. }));
        }
        assert_eq!(stage.explain(entry).left, Some(2 * HOUR));
    }
}

#[test]
fn an_unchanged_answer_to_a_challenge_counts_as_new() {
    // The host compares it with the token of the challenge's own entry, which says nothing of the base entry.
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let hint = Some(stage.token(30 * MINUTE).expires_at);
    stage.hold(entry, stage.token(HOUR));
    let _ = stage.wait(challenge);
    let fetch = stage.fetch();
    let token = Grant { unchanged: true, refresh_at: hint, ..stage.token(HOUR) };
    let _ = stage.granted(fetch, token);
    stage.pass_to(30 * MINUTE);
    assert_eq!(stage.explain(entry).due, Some(DueReason::Hint));
}

#[test]
fn a_failed_challenge_keeps_the_base_token_and_is_remembered_for_itself() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    let other = stage.challenge(OTHER_CLAIMS);
    stage.hold(entry, stage.token(HOUR));
    let (job, _) = stage.wait(challenge);
    let fetch = stage.fetch();
    assert_eq!(stage.failed(fetch), failed(job, challenge));
    assert_eq!(stage.fails_for(challenge), SECOND);
    assert_eq!(stage.hit(entry), 30 * SECOND);
    let _ = stage.wait(other);
}

#[test]
fn a_challenge_is_never_answered_by_an_older_answer() {
    let mut stage = Stage::new();
    let challenge = stage.challenge(CLAIMS);
    let _ = stage.wait(challenge);
    let fetch = stage.fetch();
    let token = stage.token(HOUR);
    let _ = stage.granted(fetch, token);
    stage.set_back(MINUTE);
    let (job, serve_at) = stage.wait(challenge);
    assert_eq!(serve_at, None);
    let fetch = stage.fetch();
    assert_eq!(stage.failed(fetch), failed(job, challenge));
    assert_eq!(stage.fails_for(challenge), SECOND);
}

#[test]
fn az_cannot_do_claims_and_its_base_entry_becomes_due() {
    let mut stage = Stage::of(CredentialKind::AZ);
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    stage.hold(entry, stage.token(HOUR));
    stage.pass(MINUTE);
    assert_eq!(stage.hit(entry), 30 * SECOND);
    let (job, _) = stage.wait(challenge);
    let Some(Action::Lapse { entry: lapsed }) = stage.cache.poll_action() else {
        panic!("the lease of the base entry is over")
    };
    assert_eq!(lapsed, entry);
    let fetch = stage.fetch();
    assert_eq!(stage.failed(fetch), failed(job, challenge), "it throws at once");
    assert_eq!(stage.explain(entry).due, Some(DueReason::Challenged));
    stage.pass_to(56 * MINUTE);
    assert_eq!(stage.explain(entry).due, Some(DueReason::Challenged), "whatever else there is");
    let (_, fetch) = stage.behind(entry);
    let token = stage.token(HOUR);
    let _ = stage.granted(fetch, token);
    assert_eq!(stage.explain(entry).due, None);
}

#[test]
fn a_kind_that_honours_claims_leaves_its_base_entry_alone() {
    let mut stage = Stage::new();
    let (entry, challenge) = (stage.entry(), stage.challenge(CLAIMS));
    stage.hold(entry, stage.token(HOUR));
    let _ = stage.wait(challenge);
    let _ = stage.fetch();
    stage.no_action();
    assert_eq!(stage.explain(entry).due, None);
}

#[test]
fn the_base_is_the_same_request_without_claims() {
    let mut stage = Stage::new();
    let plain = stage.entry();
    let with_cae = Request { cae: true, ..stage.request(&[SCOPE]) };
    let cae = stage.intern(&with_cae);
    let challenge = stage.intern(&Request { claims: Some(CLAIMS), ..with_cae });
    let _ = stage.wait(challenge);
    let fetch = stage.fetch();
    let token = stage.token(HOUR);
    assert!(matches!(stage.granted(fetch, token), Settled::Granted { base: Some(base), .. } if base == cae));
    assert_eq!(stage.explain(plain).left, None);
}
