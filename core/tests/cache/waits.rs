//! Those who wait: for how long, for whose fetch, and when the fetch itself has taken too long.

use azure_token_cache_core::{Action, CredentialKind, FailReason, Grant, Policy, Reason, Settled};

use crate::stage::{HOUR, MINUTE, SECOND, Stage, failed};

#[test]
fn callers_without_a_token_share_one_fetch() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    for _ in 0..1_000 {
        assert_eq!(stage.wait(entry), (job, None));
    }
    stage.no_action();
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
    assert_eq!(stage.granted(fetch, token), Settled::Nothing, "once");
}

#[test]
fn patience_is_10_s_or_half_of_what_is_left() {
    for (left, patience) in [(59_999, 10_000), (20_000, 10_000), (19_998, 9_999), (12_000, 6_000)] {
        let mut stage = Stage::new();
        let entry = stage.entry();
        stage.hold(entry, stage.token(HOUR));
        stage.pass_to(HOUR - left);
        let (job, serve_at) = stage.wait(entry);
        assert_eq!(serve_at, Some(patience), "with {left} ms left");
        assert_eq!(stage.cache.poll_timeout().map(|(_, reason)| reason), Some(Reason::FrontPatience));
        assert_eq!(stage.time_out(), (patience, Settled::Served { job, entry }));
    }
}

#[test]
fn patience_ends_while_the_token_may_still_be_served() {
    // With 3 s left, half of it would end 500 ms after the token is too short-lived to serve.
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(HOUR - 3 * SECOND);
    let (job, serve_at) = stage.wait(entry);
    assert_eq!(serve_at, Some(999));
    assert_eq!(stage.time_out(), (999, Settled::Served { job, entry }));
}

#[test]
fn a_late_timer_cannot_serve_what_expired_meanwhile() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(HOUR - 3 * SECOND);
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    stage.pass(SECOND);
    assert_eq!(stage.time_out().1, Settled::Nothing, "they wait for the fetch");
    assert_eq!(stage.failed(fetch), failed(job, entry));
}

#[test]
fn who_comes_later_waits_no_longer_than_the_first() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + SECOND);
    let (job, _) = stage.wait(entry);
    let _ = stage.fetch();
    stage.pass(4 * SECOND);
    assert_eq!(stage.wait(entry), (job, Some(6 * SECOND)));
    stage.no_action();
}

#[test]
fn past_patience_the_fetch_goes_on_behind() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + SECOND);
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.time_out().1, Settled::Served { job, entry });
    stage.no_action();
    assert_eq!(stage.hit(entry), 30 * SECOND, "later callers do not wait for it again");
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
    assert_eq!(stage.hit(entry), 30 * SECOND);
}

#[test]
fn a_caller_in_front_joins_the_fetch_that_began_behind() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    stage.pass(SECOND);
    let (job, serve_at) = stage.wait(entry);
    assert_eq!(serve_at, Some(10 * SECOND));
    stage.no_action();
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
}

#[test]
fn a_caller_past_expiry_joins_the_fetch_that_began_in_front() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + 30 * SECOND);
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.time_out().1, Settled::Served { job, entry });
    stage.pass_to(HOUR - 2 * SECOND);
    assert_eq!(stage.wait(entry), (job, None));
    stage.no_action();
    assert_eq!(stage.failed(fetch), failed(job, entry));
}

#[test]
fn a_fetch_ends_after_60_s_and_15_min_where_a_person_is_asked() {
    let interactive = CredentialKind { interactive: true, ..CredentialKind::GENERAL };
    let own = CredentialKind { fetch_limit: Some(7_000), ..CredentialKind::GENERAL };
    for (kind, limit) in [(CredentialKind::GENERAL, MINUTE), (interactive, 15 * MINUTE), (own, 7 * SECOND)] {
        let mut stage = Stage::of(kind);
        let entry = stage.entry();
        let (job, _) = stage.wait(entry);
        let fetch = stage.fetch();
        stage.pass(limit - 1);
        let now = stage.now();
        assert_eq!(stage.cache.handle_timeout(now), Settled::Nothing, "not a millisecond early");
        let limited = Settled::Failed { job, entry, reason: FailReason::Limit };
        assert_eq!(stage.time_out(), (1, limited));
        assert_eq!(stage.actions(), [Action::Abort { fetch }]);
        let token = stage.token(HOUR);
        assert_eq!(stage.granted(fetch, token), Settled::Nothing, "its result is dropped");
        assert_eq!(stage.cache.poll_timeout(), None);
    }
}

#[test]
fn the_limit_counts_from_the_start_of_the_run() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    stage.pass(50 * SECOND);
    let now = stage.now();
    stage.cache.handle_started(fetch, now);
    assert_eq!(stage.time_out().0, MINUTE);
    stage.cache.handle_started(fetch, now);
    assert_eq!(stage.cache.poll_timeout(), None, "of a run that is over nothing starts");
}

#[test]
fn a_run_behind_past_its_limit_leaves_the_token() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(55 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    assert!(matches!(stage.time_out(), (MINUTE, Settled::Served { .. })));
    assert_eq!(stage.actions(), [Action::Abort { fetch }]);
    assert!(!stage.explain(entry).in_flight);
    let _ = stage.behind(entry);
}

#[test]
fn a_spurious_timeout_is_none() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let _ = stage.wait(entry);
    let _ = stage.fetch();
    let before = stage.cache.poll_timeout();
    for _ in 0..3 {
        let now = stage.now();
        assert_eq!(stage.cache.handle_timeout(now), Settled::Nothing);
    }
    assert_eq!(stage.cache.poll_timeout(), before);
    stage.no_action();
}

#[test]
fn no_timer_refreshes_a_token_that_nobody_asks_for() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let hint = Some(stage.token(MINUTE).expires_at);
    stage.hold(entry, Grant { refresh_at: hint, ..stage.token(HOUR) });
    assert_eq!(stage.cache.poll_timeout(), None);
}

#[test]
fn two_timeouts_at_one_moment_settle_one_job_each() {
    let mut stage = Stage::under(Policy { fetch_limit: 10_000, ..Policy::DEFAULT });
    let (one, two) = (stage.entry(), stage.intern(&stage.request(&["two"])));
    for entry in [one, two] {
        let _ = stage.wait(entry);
        let _ = stage.fetch();
    }
    let settled: Vec<Settled> = (0..3)
        .map_while(|_| {
            stage.cache.poll_timeout()?;
            Some(stage.time_out().1)
        })
        .collect();
    assert!(
        matches!(settled[..], [Settled::Failed { entry: first, .. }, Settled::Failed { entry: second, .. }]
        if first == one && second == two)
    );
}
