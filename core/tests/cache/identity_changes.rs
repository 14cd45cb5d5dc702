//! Invalidation, another login and the end of the cache, with and without fetches under way.

use azure_token_cache_core::{
    Action, CredentialKind, Decision, FailReason, Failure, Grant, IdentityChange, Outcome, Request,
    RequestError, Selector, Settled, Stability,
};

use crate::stage::{HOUR, MINUTE, SCOPE, SECOND, Stage, failed};

const UNABORTABLE: CredentialKind = CredentialKind { abortable: false, ..CredentialKind::GENERAL };
const MOVED: Stability = Stability::Moved { same_account: false };
const MOVED_SAME: Stability = Stability::Moved { same_account: true };

impl Stage {
    fn change(&mut self, change: IdentityChange) {
        let now = self.now();
        self.cache.handle_identity(self.credential, change, now);
    }

    fn invalidate(&mut self, selector: Selector<'_>) {
        let now = self.now();
        self.cache.invalidate(selector, now).expect("a selector");
    }
}

#[test]
fn another_account_forgets_every_token_of_its_credential_alone() {
    let mut stage = Stage::new();
    let bystander = stage.cache.register(CredentialKind::GENERAL);
    let (one, two) = (stage.entry(), stage.intern(&stage.request(&["two"])));
    let other = stage.intern(&Request { credential: bystander, ..stage.request(&[SCOPE]) });
    for entry in [one, two, other] {
        stage.hold(entry, stage.token(HOUR));
    }
    stage.change(IdentityChange::Changed);
    let forgotten = stage.actions();
    assert_eq!(forgotten.len(), 2);
    for entry in [one, two] {
        assert!(forgotten.contains(&Action::Forget { entry }));
        assert_eq!(stage.wait(entry).1, None);
    }
    assert_eq!(stage.hit(other), 30 * SECOND);
}

#[test]
fn a_new_login_of_the_same_account_forgets_tokens_of_another_session() {
    let mut stage = Stage::new();
    let (old, new) = (stage.entry(), stage.intern(&stage.request(&["new"])));
    stage.hold(old, Grant { session: 1, ..stage.token(HOUR) });
    stage.hold(new, Grant { session: 2, ..stage.token(HOUR) });
    stage.change(IdentityChange::Touched { session: 2 });
    assert_eq!(stage.actions(), [Action::Forget { entry: old }]);
    assert_eq!(stage.hit(new), 30 * SECOND);
    assert_eq!(stage.wait(old).1, None);
}

#[test]
fn a_new_login_leaves_a_first_fetch_alone() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    stage.change(IdentityChange::Touched { session: 2 });
    stage.no_action();
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
}

#[test]
fn a_new_login_of_the_same_account_forgets_that_its_last_fetch_failed() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.fail(entry);
    assert_eq!(stage.fails_for(entry), SECOND);
    stage.change(IdentityChange::Touched { session: 2 });
    assert_eq!(stage.actions(), [Action::Forget { entry }]);
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn another_account_clears_gate_doubling_and_memory() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    for memory in [1, 2, 4] {
        stage.fail(entry);
        stage.pass(memory * SECOND);
    }
    stage.fail(entry);
    assert_eq!(stage.fails_for(entry), 8 * SECOND);
    stage.change(IdentityChange::Changed);
    let _ = stage.actions();
    assert_eq!(stage.explain(entry).gate_closed_for, 0);
    stage.fail(entry);
    assert_eq!(stage.fails_for(entry), SECOND);
}

#[test]
fn an_abortable_fetch_is_aborted_and_begun_again_for_its_waiters() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let first = stage.fetch();
    stage.change(IdentityChange::Changed);
    let [Action::Forget { .. }, Action::Abort { fetch }, Action::Fetch { fetch: second, job: same, .. }] =
        stage.actions()[..]
    else {
        panic!("forget, abort, fetch")
    };
    assert_eq!((fetch, same), (first, job));
    assert!(stage.explain(entry).gate_closed_for > 0, "the new run is an attempt of its own");
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(first, token), Settled::Nothing);
    assert_eq!(stage.granted(second, token), Settled::Granted { job, entry, base: None });
    assert_eq!(stage.hit(entry), 30 * SECOND);
}

#[test]
fn an_abortable_fetch_that_nobody_waits_for_is_just_aborted() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(55 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    stage.change(IdentityChange::Changed);
    assert_eq!(stage.actions(), [Action::Forget { entry }, Action::Abort { fetch }]);
    assert_eq!(stage.cache.poll_timeout(), None);
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Nothing, "what arrives late is not kept");
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn az_runs_again_when_its_run_has_ended() {
    for change_by_invalidation in [false, true] {
        let mut stage = Stage::of(UNABORTABLE);
        let entry = stage.entry();
        let (job, _) = stage.wait(entry);
        let first = stage.fetch();
        if change_by_invalidation {
            stage.invalidate(Selector::All);
        } else {
            stage.change(IdentityChange::Changed);
        }
        assert_eq!(stage.actions(), [Action::Forget { entry }]);
        assert_eq!(stage.wait(entry), (job, None), "callers who come meanwhile move along");
        stage.no_action();
        let token = stage.token(HOUR);
        assert_eq!(stage.granted(first, token), Settled::Nothing);
        let second = stage.fetch();
        assert_eq!(stage.explain(entry).left, None, "the first result is not kept");
        assert_eq!(stage.granted(second, token), Settled::Granted { job, entry, base: None });
    }
}

#[test]
fn az_does_not_run_again_for_nobody() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    stage.change(IdentityChange::Changed);
    let _ = stage.actions();
    assert_eq!(stage.leave(job), Settled::Nothing);
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Nothing);
    stage.no_action();
    assert_eq!(stage.explain(entry).gate_closed_for, 0, "the change had cleared it");
    assert!(!stage.explain(entry).in_flight);
}

#[test]
fn after_three_runs_a_login_that_keeps_moving_is_an_error() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let token = stage.token(HOUR);
    for _ in 0..2 {
        let fetch = stage.fetch();
        assert_eq!(stage.ended(fetch, Outcome::Granted(token), MOVED), Settled::Nothing);
    }
    let fetch = stage.fetch();
    let moved = Settled::Failed { job, entry, reason: FailReason::LoginMoved };
    assert_eq!(stage.ended(fetch, Outcome::Granted(token), MOVED), moved);
    stage.no_action();
    assert_eq!(stage.fails_for(entry), SECOND);
}

#[test]
fn three_changes_of_account_are_an_error_too() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let token = stage.token(HOUR);
    for run in 1..=3 {
        let fetch = stage.fetch();
        stage.change(IdentityChange::Changed);
        assert_eq!(stage.actions(), [Action::Forget { entry }]);
        // The account is one again, but it is not that of the run's start.
        let settled = stage.ended(fetch, Outcome::Granted(token), MOVED_SAME);
        let expected = match run {
            3 => Settled::Failed { job, entry, reason: FailReason::LoginMoved },
            _ => Settled::Nothing,
        };
        assert_eq!(settled, expected, "run {run}");
    }
}

#[test]
fn after_three_runs_a_token_of_an_equal_account_is_handed_out_and_not_kept() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let token = stage.token(HOUR);
    for _ in 0..2 {
        let fetch = stage.fetch();
        assert_eq!(stage.ended(fetch, Outcome::Granted(token), MOVED_SAME), Settled::Nothing);
    }
    let fetch = stage.fetch();
    assert_eq!(stage.ended(fetch, Outcome::Granted(token), MOVED_SAME), Settled::HandedOut { job });
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn what_is_handed_out_has_an_expiry() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    for _ in 0..2 {
        let fetch = stage.fetch();
        let _ = stage.ended(fetch, Outcome::Null, MOVED_SAME);
    }
    let fetch = stage.fetch();
    let expired = Outcome::Granted(stage.token(0));
    let moved = Settled::Failed { job, entry, reason: FailReason::LoginMoved };
    assert_eq!(stage.ended(fetch, expired, MOVED_SAME), moved);
}

#[test]
fn a_failure_under_a_moving_login_is_run_again() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    let outcome = Outcome::Failed(Failure::default());
    assert_eq!(stage.ended(fetch, outcome, MOVED), Settled::Nothing);
    let _ = stage.fetch();
}

#[test]
fn a_run_behind_under_a_moving_login_is_a_failed_attempt() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(55 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    let token = stage.token(HOUR);
    assert_eq!(stage.ended(fetch, Outcome::Granted(token), MOVED_SAME), Settled::Nothing);
    stage.no_action();
    assert_eq!(stage.explain(entry).left, Some(5 * MINUTE));
    assert!(stage.explain(entry).gate_closed_for > 0);
}

#[test]
fn a_run_for_nobody_under_a_moving_login_is_not_remembered() {
    // Nobody was given an error, so the host holds none to repeat.
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.leave(job), Settled::Nothing);
    let token = stage.token(HOUR);
    assert_eq!(stage.ended(fetch, Outcome::Granted(token), MOVED), Settled::Nothing);
    let _ = stage.wait(entry);
}

#[test]
fn an_invalidated_run_counts_as_none_of_the_three() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let token = stage.token(HOUR);
    for _ in 0..5 {
        let fetch = stage.fetch();
        stage.invalidate(Selector::All);
        let _ = stage.actions();
        assert_eq!(stage.granted(fetch, token), Settled::Nothing);
    }
    let fetch = stage.fetch();
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
}

#[test]
fn a_superseded_run_past_its_limit_is_run_again() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let first = stage.fetch();
    stage.change(IdentityChange::Changed);
    let _ = stage.actions();
    assert_eq!(stage.time_out(), (MINUTE, Settled::Nothing));
    let [Action::Abort { fetch }, Action::Fetch { fetch: second, .. }] = stage.actions()[..] else {
        panic!("abort, fetch")
    };
    assert_eq!(fetch, first);
    assert_eq!(stage.time_out(), (MINUTE, Settled::Failed { job, entry, reason: FailReason::Limit }));
    assert_eq!(stage.actions(), [Action::Abort { fetch: second }]);
}

#[test]
fn those_in_front_of_a_forgotten_token_wait_for_the_fetch() {
    let mut stage = Stage::of(UNABORTABLE);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + SECOND);
    let (job, serve_at) = stage.wait(entry);
    assert!(serve_at.is_some());
    let fetch = stage.fetch();
    stage.change(IdentityChange::Changed);
    let _ = stage.actions();
    let outcome = Outcome::Failed(Failure::default());
    assert_eq!(stage.ended(fetch, outcome, Stability::Steady), Settled::Nothing);
    let fetch = stage.fetch();
    assert_eq!(stage.failed(fetch), failed(job, entry), "never the token of the other account");
}

#[test]
fn invalidate_reaches_what_is_selected_and_no_more() {
    let mut stage = Stage::new();
    let bystander = stage.cache.register(CredentialKind::GENERAL);
    let plain = stage.request(&[SCOPE]);
    let requests = [
        plain,
        Request { tenant: Some("t"), ..plain },
        Request { cae: true, ..plain },
        stage.request(&["other"]),
        Request { credential: bystander, ..plain },
    ];
    let selectors = [
        (Selector::All, [true, true, true, true, true]),
        (Selector::Credential(stage.credential), [true, true, true, true, false]),
        (Selector::Scopes(stage.credential, &[SCOPE]), [true, true, true, false, false]),
        (Selector::Scopes(stage.credential, &["unheard of"]), [false; 5]),
        (Selector::Request(plain), [true, false, false, false, false]),
        (Selector::Request(Request { tenant: Some("t"), ..plain }), [false, true, false, false, false]),
        (Selector::Request(Request { tenant: Some("unheard of"), ..plain }), [false; 5]),
    ];
    for (selector, gone) in selectors {
        for request in &requests {
            let entry = stage.intern(request);
            if stage.explain(entry).left.is_none() {
                stage.hold(entry, stage.token(HOUR));
            }
        }
        stage.invalidate(selector);
        let _ = stage.actions();
        let forgotten = requests.map(|request| {
            let entry = stage.intern(&request);
            stage.explain(entry).left.is_none()
        });
        assert_eq!(forgotten, gone);
    }
}

#[test]
fn invalidating_a_request_takes_the_answers_to_its_challenges_along() {
    let mut stage = Stage::new();
    let challenge = stage.challenge("{}");
    let _ = stage.wait(challenge);
    let fetch = stage.fetch();
    let token = stage.token(HOUR);
    let _ = stage.granted(fetch, token);
    stage.invalidate(Selector::Request(stage.request(&[SCOPE])));
    let _ = stage.actions();
    assert_eq!(stage.explain(challenge).left, None);
    assert_eq!(stage.wait(challenge).1, None);
}

#[test]
fn a_selector_that_cannot_be_one_is_refused() {
    let mut stage = Stage::new();
    let now = stage.now();
    let unknown = azure_token_cache_core::CredentialId::from_bits(9);
    let request = Request { credential: unknown, ..stage.request(&[SCOPE]) };
    let cases = [
        (Selector::Scopes(stage.credential, &[]), RequestError::EmptyScope),
        (Selector::Scopes(unknown, &[SCOPE]), RequestError::UnknownCredential),
        (Selector::Request(request), RequestError::UnknownCredential),
    ];
    for (selector, error) in cases {
        assert_eq!(stage.cache.invalidate(selector, now), Err(error));
    }
}

#[test]
fn close_forgets_everything_for_good() {
    let mut stage = Stage::new();
    let az = stage.cache.register(UNABORTABLE);
    let (held, waited) = (stage.entry(), stage.intern(&stage.request(&["waited"])));
    let run = stage.intern(&Request { credential: az, ..stage.request(&[SCOPE]) });
    stage.hold(held, stage.token(HOUR));
    let _ = stage.wait(waited);
    let abortable = stage.fetch();
    let (job, _) = stage.wait(run);
    let unabortable = stage.fetch();
    let now = stage.now();
    stage.cache.close(now);
    let actions = stage.actions();
    assert!(actions.contains(&Action::Abort { fetch: abortable }));
    assert!(!actions.contains(&Action::Abort { fetch: unabortable }), "az ends by itself");
    for entry in [held, waited, run] {
        assert!(actions.contains(&Action::Forget { entry }));
        assert_eq!(stage.lookup(entry), Decision::Unknown);
    }
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(unabortable, token), Settled::Nothing);
    assert_eq!(stage.leave(job), Settled::Nothing);
    let request = stage.request(&[SCOPE]);
    assert_eq!(stage.cache.intern(&request, now), Err(RequestError::Closed));
    assert_eq!((stage.cache.len(), stage.cache.poll_timeout()), (0, None));
    stage.no_action();
}
