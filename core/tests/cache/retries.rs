//! The retry gate and the failure memory: when a credential that fails is asked again.

use azure_token_cache_core::{FailReason, Grant, Outcome, Policy, Settled, Zone};

use crate::stage::{HOUR, MINUTE, SECOND, Stage, failed};

const STEADY: Policy = Policy { retry_jitter_percent: 0, ..Policy::DEFAULT };

#[test]
fn the_gate_counts_from_the_start_of_an_attempt() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(55 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    stage.pass(20 * SECOND);
    let _ = stage.failed(fetch);
    assert_eq!(stage.hit(entry), 10 * SECOND);
    stage.pass(10 * SECOND - 1);
    assert_eq!(stage.hit(entry), 1);
    stage.pass(1);
    let _ = stage.behind(entry);
}

#[test]
fn the_gate_doubles_to_300_s() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    let hint = Some(stage.token(MINUTE).expires_at);
    stage.hold(entry, Grant { refresh_at: hint, ..stage.token(2 * HOUR) });
    stage.pass_to(MINUTE);
    for gate in [30, 60, 120, 240, 300, 300] {
        let (_, fetch) = stage.behind(entry);
        let _ = stage.failed(fetch);
        assert_eq!(stage.explain(entry).gate_closed_for, gate * SECOND);
        stage.pass(gate * SECOND - 1);
        assert_eq!(stage.hit(entry), 1);
        stage.pass(1);
    }
}

#[test]
fn the_gate_of_azure_identity_is_flat() {
    let mut stage = Stage::under(Policy::AZURE_IDENTITY);
    let entry = stage.entry();
    let hint = Some(stage.token(MINUTE).expires_at);
    stage.hold(entry, Grant { refresh_at: hint, ..stage.token(2 * HOUR) });
    stage.pass_to(MINUTE);
    for _ in 0..6 {
        let (_, fetch) = stage.behind(entry);
        let _ = stage.failed(fetch);
        stage.pass(30 * SECOND - 1);
        assert_eq!(stage.hit(entry), 1);
        stage.pass(1);
    }
}

#[test]
fn the_gate_is_spread_by_a_fifth_and_the_seed_repeats_it() {
    let gates = |seed| {
        let cache = azure_token_cache_core::Cache::new(Policy::DEFAULT, seed);
        let mut stage = Stage::around(cache, azure_token_cache_core::CredentialKind::GENERAL);
        (0..200)
            .map(|number| {
                let scope = format!("scope {number}");
                let entry = stage.intern(&stage.request(&[&scope]));
                stage.hold(entry, stage.token(HOUR));
                stage.explain(entry).gate_closed_for
            })
            .collect::<Vec<i64>>()
    };
    let spread = gates(7);
    assert!(spread.iter().all(|gate| (24 * SECOND..=36 * SECOND).contains(gate)));
    assert!(spread.iter().any(|gate| *gate < 25 * SECOND) && spread.iter().any(|gate| *gate > 35 * SECOND));
    assert_eq!(spread, gates(7));
    assert_ne!(spread, gates(8));
}

#[test]
fn in_front_a_closed_gate_gives_the_token_at_once() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + SECOND);
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.failed(fetch), Settled::Served { job, entry }, "the token, where the fetch fails");
    assert_eq!(stage.hit(entry), 30 * SECOND);
    stage.pass(30 * SECOND);
    let _ = stage.wait(entry);
}

#[test]
fn the_gate_does_not_apply_to_an_expired_token() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(HOUR - 3 * SECOND);
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    let _ = stage.failed(fetch);
    stage.pass(SECOND);
    assert!(stage.explain(entry).gate_closed_for > 0);
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn the_memory_starts_when_the_fetch_fails_and_doubles_to_30_s() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    for memory in [1, 2, 4, 8, 16, 30, 30] {
        let (job, _) = stage.wait(entry);
        let fetch = stage.fetch();
        stage.pass(20 * SECOND);
        assert_eq!(stage.failed(fetch), failed(job, entry));
        assert_eq!(stage.fails_for(entry), memory * SECOND);
        stage.pass(memory * SECOND - 1);
        assert_eq!(stage.fails_for(entry), 1);
        stage.no_action();
        stage.pass(1);
    }
}

#[test]
fn the_memory_of_the_network_is_flat_and_does_not_count() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    for _ in 0..3 {
        let _ = stage.wait(entry);
        let fetch = stage.fetch();
        let _ = stage.failed_with(fetch, true, None);
        assert_eq!(stage.fails_for(entry), 5 * SECOND);
        stage.pass(5 * SECOND);
    }
    stage.fail(entry);
    assert_eq!(stage.fails_for(entry), SECOND);
}

#[test]
fn a_token_resets_the_doubling_of_the_memory() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    for memory in [1, 2, 4] {
        stage.fail(entry);
        stage.pass(memory * SECOND);
    }
    stage.hold(entry, stage.token(MINUTE));
    stage.pass(MINUTE);
    stage.fail(entry);
    assert_eq!(stage.fails_for(entry), SECOND);
}

#[test]
fn azure_identity_remembers_nothing() {
    let mut stage = Stage::under(Policy::AZURE_IDENTITY);
    let entry = stage.entry();
    for retry_after in [None, Some(60_000)] {
        let (job, _) = stage.wait(entry);
        let fetch = stage.fetch();
        assert_eq!(stage.failed_with(fetch, true, retry_after), failed(job, entry));
    }
    let _ = stage.wait(entry);
}

#[test]
fn nothing_is_remembered_while_the_token_can_be_served() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed(fetch);
    assert_eq!(stage.explain(entry).memory_lasts, 0);
    stage.pass_to(HOUR);
    let _ = stage.wait(entry);
}

#[test]
fn a_fetch_that_fails_after_the_token_expired_is_remembered() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE + 50 * SECOND);
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    stage.pass_to(HOUR - 2 * SECOND);
    assert_eq!(stage.failed(fetch), failed(job, entry));
    assert_eq!(stage.fails_for(entry), SECOND);
}

#[test]
fn retry_after_raises_the_gate() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    stage.hold(entry, Grant { refresh_at: Some(stage.token(0).expires_at), ..stage.token(HOUR) });
    stage.pass(MINUTE);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed_with(fetch, false, Some(100_000));
    assert_eq!(stage.explain(entry).gate_closed_for, 100 * SECOND);
    stage.pass(100 * SECOND);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed_with(fetch, false, Some(10_000));
    assert_eq!(stage.explain(entry).gate_closed_for, 60 * SECOND, "and never lowers it");
}

#[test]
fn retry_after_raises_the_memory_to_300_s_at_most() {
    for (retry_after, memory) in [(1_001, 1_001), (999, 1_000), (86_400_000, 300_000)] {
        let mut stage = Stage::new();
        let entry = stage.entry();
        let _ = stage.wait(entry);
        let fetch = stage.fetch();
        let _ = stage.failed_with(fetch, false, Some(retry_after));
        assert_eq!(stage.fails_for(entry), memory);
    }
}

#[test]
fn a_pause_is_not_remembered_while_the_token_can_be_served() {
    // Nobody was given that error, so the host holds none to repeat.
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(59 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    let _ = stage.failed_with(fetch, false, Some(100_000));
    stage.pass_to(HOUR - 2 * SECOND);
    assert_eq!(stage.wait(entry).1, None);
}

#[test]
fn null_is_returned_and_neither_kept_nor_remembered() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    for _ in 0..2 {
        let (job, _) = stage.wait(entry);
        let fetch = stage.fetch();
        assert_eq!(stage.fetched(fetch, Outcome::Null), Settled::Null { job });
        assert_eq!(stage.explain(entry).zone, Zone::Expired);
    }
}

#[test]
fn null_behind_is_a_failed_attempt() {
    let mut stage = Stage::under(STEADY);
    let entry = stage.entry();
    stage.hold(entry, stage.token(HOUR));
    stage.pass_to(55 * MINUTE);
    for gate in [30, 60] {
        let (_, fetch) = stage.behind(entry);
        assert!(matches!(stage.fetched(fetch, Outcome::Null), Settled::Served { .. }));
        assert_eq!(stage.explain(entry).gate_closed_for, gate * SECOND);
        stage.pass(gate * SECOND);
    }
}

#[test]
fn a_run_past_its_limit_is_a_failure_of_its_own() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    let (job, _) = stage.wait(entry);
    let _ = stage.fetch();
    assert_eq!(stage.time_out(), (MINUTE, Settled::Failed { job, entry, reason: FailReason::Limit }));
    assert_eq!(stage.fails_for(entry), SECOND);
}
