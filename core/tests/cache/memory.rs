//! The bound on entries: who makes room, who never does, and what expired entries become.

use azure_token_cache_core::{
    Action, Cache, CredentialKind, Decision, EntryId, Outcome, Policy, Request, RequestError,
};

use crate::stage::{HOUR, MINUTE, SCOPE, SECOND, Stage};

fn bounded(max_entries: usize) -> Stage {
    Stage::around(Cache::new(Policy::DEFAULT, 1).with_max_entries(max_entries), CredentialKind::GENERAL)
}

fn hold(stage: &mut Stage, scope: &str) -> EntryId {
    let entry = stage.intern(&stage.request(&[scope]));
    stage.hold(entry, stage.token(HOUR));
    entry
}

#[test]
fn the_least_recently_asked_makes_room() {
    let mut stage = bounded(3);
    let entries = ["a", "b", "c"].map(|scope| {
        stage.pass(SECOND);
        hold(&mut stage, scope)
    });
    stage.pass(SECOND);
    let _ = stage.hit(entries[0]);
    let d = stage.intern(&stage.request(&["d"]));
    assert_eq!(stage.actions(), [Action::Forget { entry: entries[1] }]);
    assert_eq!(stage.cache.len(), 3);
    assert_eq!(stage.lookup(entries[1]), Decision::Unknown);
    assert!(matches!(stage.lookup(entries[0]), Decision::Hit { .. }));
    assert!(matches!(stage.lookup(d), Decision::Wait { .. }));
}

#[test]
fn a_stale_id_never_comes_to_mean_another_entry() {
    let mut stage = bounded(1);
    let a = hold(&mut stage, "a");
    let b = hold_after_eviction(&mut stage, "b");
    assert_ne!(a, b);
    assert_eq!(stage.lookup(a), Decision::Unknown);
    assert_eq!(EntryId::from_bits(b.to_bits()), b);
    assert_eq!(stage.hit(b), 30 * SECOND);
    let again = hold_after_eviction(&mut stage, "a");
    assert_ne!(again, a);
}

fn hold_after_eviction(stage: &mut Stage, scope: &str) -> EntryId {
    stage.pass(SECOND);
    let entry = stage.intern(&stage.request(&[scope]));
    assert!(matches!(stage.actions()[..], [Action::Forget { .. }]));
    stage.hold(entry, stage.token(HOUR));
    entry
}

#[test]
fn an_entry_in_flight_never_goes() {
    let mut stage = bounded(2);
    let flying = stage.entry();
    let (job, _) = stage.wait(flying);
    let fetch = stage.fetch();
    stage.pass(SECOND);
    let idle = hold(&mut stage, "idle");
    let _ = stage.intern(&stage.request(&["new"]));
    assert_eq!(stage.actions(), [Action::Forget { entry: idle }]);
    let token = stage.token(HOUR);
    assert_eq!(
        stage.granted(fetch, token),
        azure_token_cache_core::Settled::Granted { job, entry: flying, base: None }
    );
}

#[test]
fn full_of_flights_requests_pass_by() {
    let mut stage = bounded(2);
    for scope in ["a", "b"] {
        let entry = stage.intern(&stage.request(&[scope]));
        let _ = stage.wait(entry);
        let _ = stage.fetch();
    }
    let now = stage.now();
    let request = stage.request(&["c"]);
    assert_eq!(stage.cache.intern(&request, now), Err(RequestError::Full));
    assert_eq!(stage.cache.len(), 2);
    stage.no_action();
    assert!(stage.cache.intern(&stage.request(&["a"]), now).is_ok(), "who is in stays in");
}

#[test]
fn a_refused_request_leaves_no_name_behind() {
    let mut stage = bounded(1);
    let entry = stage.entry();
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    let now = stage.now();
    let request = stage.request(&["refused"]);
    assert_eq!(stage.cache.intern(&request, now), Err(RequestError::Full));
    let token = stage.token(HOUR);
    let _ = stage.granted(fetch, token);
    let entry = stage.intern(&request);
    assert!(matches!(stage.actions()[..], [Action::Forget { .. }]));
    assert!(matches!(stage.lookup(entry), Decision::Wait { .. }));
}

#[test]
fn a_challenge_does_not_push_its_own_base_out() {
    let mut stage = bounded(2);
    let base = stage.entry();
    stage.hold(base, stage.token(HOUR));
    stage.pass(SECOND);
    let other = hold(&mut stage, "other");
    stage.pass(SECOND);
    let challenge = stage.challenge("{}");
    assert_eq!(stage.actions(), [Action::Forget { entry: other }]);
    let _ = stage.wait(challenge);
    assert_eq!(stage.hit(base), 30 * SECOND);
}

#[test]
fn the_base_of_a_challenge_in_flight_never_goes() {
    let mut stage = bounded(3);
    let base = stage.entry();
    stage.hold(base, stage.token(MINUTE));
    let challenge = stage.challenge("{}");
    let (job, _) = stage.wait(challenge);
    let fetch = stage.fetch();
    stage.pass(10 * MINUTE);
    let other = stage.intern(&stage.request(&["other"]));
    stage.no_action();
    let _ = stage.intern(&stage.request(&["one more"]));
    assert_eq!(stage.actions(), [Action::Forget { entry: other }]);
    let token = stage.token(HOUR);
    let kept = azure_token_cache_core::Settled::Granted { job, entry: challenge, base: Some(base) };
    assert_eq!(stage.granted(fetch, token), kept);
    assert_eq!(stage.hit(base), 30 * SECOND);
    stage.pass_to(3 * HOUR);
    let now = stage.now();
    assert_eq!(stage.cache.sweep(now, 100), 2, "and then it may");
}

#[test]
fn a_bound_of_nothing_is_a_bound_of_one() {
    let mut stage = bounded(0);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    assert_eq!(stage.hit(entry), 30 * SECOND);
    assert!(!stage.cache.is_empty());
}

#[test]
fn a_large_cache_makes_room_by_a_thirty_second_part() {
    let mut stage = bounded(64);
    let entries: Vec<EntryId> = (0..64).map(|number| hold_each_second(&mut stage, number)).collect();
    let _ = stage.intern(&stage.request(&["one more"]));
    let mut gone = stage.actions();
    gone.sort_unstable_by_key(|action| format!("{action:?}"));
    let mut oldest = [Action::Forget { entry: entries[0] }, Action::Forget { entry: entries[1] }];
    oldest.sort_unstable_by_key(|action| format!("{action:?}"));
    assert_eq!(gone, oldest);
    assert_eq!(stage.cache.len(), 63);
}

fn hold_each_second(stage: &mut Stage, number: i64) -> EntryId {
    stage.pass(SECOND);
    hold(stage, &format!("scope {number}"))
}

#[test]
fn the_sweep_takes_expired_entries_that_were_not_asked_for_lately() {
    let mut stage = bounded(100);
    let entry = stage.entry();
    stage.hold(entry, stage.token(10 * MINUTE));
    let now = stage.now();
    assert_eq!(stage.cache.sweep(now, 100), 0);
    stage.pass_to(10 * MINUTE);
    let now = stage.now();
    assert_eq!(stage.cache.sweep(now, 100), 0, "it stays a minute");
    stage.pass(MINUTE + SECOND);
    let now = stage.now();
    assert_eq!(stage.cache.sweep(now, 100), 1);
    assert_eq!(stage.actions(), [Action::Forget { entry }]);
    assert_eq!(stage.lookup(entry), Decision::Unknown);
    assert!(stage.cache.is_empty());
}

#[test]
fn the_sweep_spares_who_was_asked_for_or_is_in_flight() {
    let mut stage = bounded(100);
    let (asked, flying) = (stage.entry(), stage.intern(&stage.request(&["flying"])));
    for entry in [asked, flying] {
        stage.hold(entry, stage.token(MINUTE));
    }
    stage.pass_to(2 * MINUTE + 30 * SECOND);
    let _ = stage.wait(flying);
    let _ = stage.fetch();
    let _ = stage.wait(asked);
    let fetch = stage.fetch();
    let _ = stage.fetched(fetch, Outcome::Null);
    for (pass, swept) in [(0, 0), (MINUTE, 0), (SECOND, 1), (HOUR, 0)] {
        stage.pass(pass);
        let now = stage.now();
        assert_eq!(stage.cache.sweep(now, 100), swept);
    }
    let now = stage.now();
    assert!(stage.cache.explain(flying, now).is_some() && stage.cache.explain(asked, now).is_none());
}

#[test]
fn a_sweep_is_bounded_and_comes_round() {
    let mut stage = bounded(100);
    for number in 0..10 {
        let scope = format!("scope {number}");
        let entry = stage.intern(&stage.request(&[&scope]));
        stage.hold(entry, stage.token(SECOND));
    }
    stage.pass(2 * MINUTE);
    let now = stage.now();
    let swept: Vec<usize> = (0..4).map(|_| stage.cache.sweep(now, 4)).collect();
    assert_eq!(swept, [4, 4, 2, 0]);
    assert_eq!(stage.actions().len(), 10);
    let entry = stage.entry();
    stage.hold(entry, stage.token(SECOND));
    stage.pass(2 * MINUTE);
    let now = stage.now();
    assert_eq!((0..3).map(|_| stage.cache.sweep(now, 4)).sum::<usize>(), 1);
}

#[test]
fn every_new_request_and_every_fetch_that_ends_sweeps() {
    for by_request in [true, false] {
        let mut stage = bounded(100);
        let old = hold(&mut stage, "old");
        let flying = stage.entry();
        let _ = stage.wait(flying);
        let fetch = stage.fetch();
        stage.pass_to(2 * HOUR);
        if by_request {
            let _ = stage.intern(&stage.request(&["new"]));
        } else {
            let _ = stage.fetched(fetch, Outcome::Null);
        }
        assert_eq!(stage.actions(), [Action::Forget { entry: old }]);
    }
}

#[test]
fn a_failed_entry_goes_when_its_failure_is_forgotten() {
    let mut stage = bounded(100);
    let entry = stage.entry();
    stage.fail(entry);
    stage.pass(MINUTE + 3 * SECOND);
    let now = stage.now();
    assert_eq!(stage.cache.sweep(now, 100), 1);
}

#[test]
fn the_answer_to_a_challenge_goes_soon_and_its_base_stays() {
    let mut stage = bounded(100);
    let challenge = stage.challenge("{}");
    let _ = stage.wait(challenge);
    let fetch = stage.fetch();
    let token = stage.token(HOUR);
    let _ = stage.granted(fetch, token);
    stage.pass(2 * MINUTE);
    let now = stage.now();
    assert_eq!(stage.cache.sweep(now, 100), 1);
    assert_eq!(stage.actions(), [Action::Forget { entry: challenge }]);
    let base = stage.intern(&Request { claims: None, ..stage.request(&[SCOPE]) });
    assert_eq!(stage.hit(base), 30 * SECOND);
}
