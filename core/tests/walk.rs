//! The walk across processes, step by step: what is usable, how long it waits, and what it leaves behind.

use azure_token_cache_core::walk::{
    Answer, Ending, Generation, Lane, Loaded, Locking, Login, Over, Pace, Step, StoredFailure, StoredToken,
    Terms, Walk, Wanted,
};
use azure_token_cache_core::{Clock, Instant, Policy, Stability};

const NOON: i64 = 1_700_000_000_000;
const LOGIN: Login = Login { account: 7, session: 8 };
const WANTED: Wanted = Wanted { login: LOGIN, held: None, challenged: false, runs: 0, behind: false };
const MOVED: Stability = Stability::Moved { same_account: true };
const OTHERS: Stability = Stability::Moved { same_account: false };
const TOKEN: StoredToken =
    StoredToken { expires_at: NOON + 3_000_000, acquired_at: NOON - 600_000, age: None, login: LOGIN };
const EMPTY: Loaded = Loaded { generation: Generation { store: 0, entry: 0 }, token: None, failure: None };

fn at(millis: i64) -> Instant {
    Clock::default().sample(millis, NOON + millis)
}

fn walk(wanted: Wanted) -> Walk {
    Walk::new(wanted, Terms::ONE_ANSWER, 1, at(0))
}

fn with(token: StoredToken) -> Loaded {
    Loaded { token: Some(token), ..EMPTY }
}

fn failed(id: u64, at: i64) -> Loaded {
    Loaded { failure: Some(StoredFailure { id, failed_at: NOON + at, login: LOGIN }), ..EMPTY }
}

/// The answer to a stored token at the first look.
fn first_look(wanted: Wanted, token: StoredToken) -> Option<Answer> {
    walk(wanted).handle_loaded(with(token), Stability::Steady, at(0))
}

/// A walk that has the lock and looks again.
fn in_lane(wanted: Wanted) -> Walk {
    let mut walk = walk(wanted);
    assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
    assert_eq!(walk.step(), Step::Lock(Lane::Fetch));
    assert_eq!(walk.handle_locked(Locking::Taken, at(0)), None);
    assert_eq!(walk.step(), Step::Load);
    walk
}

fn fetching(wanted: Wanted) -> Walk {
    let mut walk = in_lane(wanted);
    let generation = Generation { store: 3, entry: 5 };
    assert_eq!(walk.handle_loaded(Loaded { generation, ..EMPTY }, Stability::Steady, at(0)), None);
    assert_eq!(walk.step(), Step::Fetch);
    walk
}

/// Sleeps and looks until the walk tries a lock, which is busy; the time it then is.
fn wait_for_turn(walk: &mut Walk, mut now: i64) -> i64 {
    assert_eq!(walk.handle_locked(Locking::Busy, at(now)), None);
    if let Step::Sleep { until } = walk.step() {
        walk.handle_timeout(at(until - 1));
        assert_eq!(walk.step(), Step::Sleep { until });
        now = until;
        walk.handle_timeout(at(now));
        assert_eq!(walk.step(), Step::Load);
        assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(now)), None);
    }
    now
}

#[test]
fn a_usable_token_answers_at_the_first_look_and_nothing_is_locked() {
    let mut walk = walk(WANTED);
    assert_eq!(walk.step(), Step::Load);
    assert_eq!(walk.handle_loaded(with(TOKEN), Stability::Steady, at(0)), Some(Answer::Stored));
    assert_eq!(walk.step(), Step::Done);
}

#[test]
fn one_who_answers_once_promises_300_seconds() {
    let ends_in = |millis| StoredToken { expires_at: NOON + millis, ..TOKEN };
    assert_eq!(first_look(WANTED, ends_in(300_001)), Some(Answer::Stored));
    assert_eq!(first_look(WANTED, ends_in(300_000)), None);
}

#[test]
fn one_who_holds_its_tokens_takes_what_its_policy_would_serve() {
    let look = |token| {
        let mut walk = Walk::new(WANTED, Terms::of(&Policy::DEFAULT), 1, at(0));
        walk.handle_loaded(with(token), Stability::Steady, at(0))
    };
    let lives =
        |millis, left| StoredToken { acquired_at: NOON + left - millis, expires_at: NOON + left, ..TOKEN };
    assert_eq!(look(lives(3_600_000, 2_001)), Some(Answer::Stored));
    assert_eq!(look(lives(3_600_000, 2_000)), None);
    assert_eq!(look(lives(600_000, 1_001)), Some(Answer::Stored));
    assert_eq!(look(lives(600_000, 1_000)), None);
}

#[test]
fn a_token_from_a_minute_ahead_is_of_another_clock() {
    let acquired = |millis| StoredToken { acquired_at: NOON + millis, ..TOKEN };
    assert_eq!(first_look(WANTED, acquired(60_000)), Some(Answer::Stored));
    assert_eq!(first_look(WANTED, acquired(60_001)), None);
}

#[test]
fn a_token_that_is_older_than_the_wall_clock_says_is_of_another_clock() {
    let aged = |age| StoredToken { age: Some(age), ..TOKEN };
    assert_eq!(first_look(WANTED, aged(602_000)), Some(Answer::Stored));
    assert_eq!(first_look(WANTED, aged(602_001)), None);
    assert_eq!(
        first_look(WANTED, aged(1)),
        Some(Answer::Stored),
        "a clock that was set forward only ends it early"
    );
}

#[test]
fn a_login_in_between_makes_a_token_unusable_and_another_command_does_not() {
    let under = |account, session| StoredToken { login: Login { account, session }, ..TOKEN };
    assert_eq!(first_look(WANTED, under(7, 9)), Some(Answer::Stored), "az fetched something else");
    assert_eq!(first_look(WANTED, under(9, 8)), Some(Answer::Stored), "az account set");
    assert_eq!(first_look(WANTED, under(9, 9)), None, "az login");
}

#[test]
fn the_held_token_is_no_answer_and_a_later_one_is() {
    let holding = |held| Wanted { held: Some(held), ..WANTED };
    assert_eq!(first_look(holding(TOKEN.acquired_at), TOKEN), None);
    assert_eq!(first_look(holding(TOKEN.acquired_at - 1), TOKEN), Some(Answer::Stored));
}

#[test]
fn the_second_look_finds_what_was_saved_meanwhile() {
    let mut walk = in_lane(WANTED);
    assert_eq!(walk.handle_loaded(with(TOKEN), Stability::Steady, at(1)), Some(Answer::Stored));
    assert_eq!(walk.step(), Step::Unlock(Lane::Fetch));
    walk.handle_unlocked();
    assert_eq!(walk.step(), Step::Done);
}

#[test]
fn a_token_is_saved_over_what_was_there_at_the_second_look() {
    let mut walk = fetching(WANTED);
    assert_eq!(walk.handle_fetched(Ending::Granted(Stability::Steady)), Some(Answer::Fetched));
    assert_eq!(walk.step(), Step::Save(Over::Generation(Generation { store: 3, entry: 5 })));
    walk.handle_saved();
    assert_eq!(walk.step(), Step::Unlock(Lane::Fetch));
    walk.handle_unlocked();
    assert_eq!(walk.step(), Step::Done);
}

#[test]
fn a_failure_is_kept_before_the_lock_is_free() {
    let mut walk = fetching(WANTED);
    assert_eq!(walk.handle_fetched(Ending::Failed), Some(Answer::Fetched));
    assert_eq!(walk.step(), Step::SaveFailure);
    walk.handle_saved();
    assert_eq!(walk.step(), Step::Unlock(Lane::Fetch));
}

#[test]
fn null_and_unwanted_results_are_not_kept() {
    let mut walk = fetching(WANTED);
    assert_eq!(walk.handle_fetched(Ending::Null), Some(Answer::Fetched));
    assert_eq!(walk.step(), Step::Unlock(Lane::Fetch));
    let mut walk = fetching(WANTED);
    assert_eq!(walk.handle_fetched(Ending::Dropped), None);
    assert_eq!(walk.step(), Step::Unlock(Lane::Fetch));
}

#[test]
fn a_result_that_the_login_moved_under_is_fetched_twice_more_and_then_handed_out() {
    let moved = |runs, stability| {
        let mut walk = fetching(Wanted { runs, ..WANTED });
        let answer = walk.handle_fetched(Ending::Granted(stability));
        assert_eq!(walk.step(), Step::Unlock(Lane::Fetch));
        answer.expect("every ending but an unwanted one answers")
    };
    assert_eq!([0, 1, 2].map(|runs| moved(runs, MOVED)), [Answer::Again, Answer::Again, Answer::Fetched]);
    assert_eq!([1, 2].map(|runs| moved(runs, OTHERS)), [Answer::Again, Answer::LoginMoved]);
}

#[test]
fn a_look_that_the_login_moved_under_is_repeated() {
    let moved =
        |runs, loaded, stability| walk(Wanted { runs, ..WANTED }).handle_loaded(loaded, stability, at(0));
    assert_eq!(moved(0, with(TOKEN), MOVED), Some(Answer::Again));
    assert_eq!(moved(0, EMPTY, MOVED), Some(Answer::Again), "its fetch would be another account's");
    assert_eq!(moved(2, with(TOKEN), MOVED), Some(Answer::Stored));
    assert_eq!(moved(2, with(TOKEN), OTHERS), Some(Answer::LoginMoved));
    assert_eq!(moved(2, EMPTY, MOVED), Some(Answer::LoginMoved));
}

#[test]
fn the_pauses_grow_to_a_fifth_of_a_second_and_differ_by_seed() {
    let seen = pauses(Pace::Near, 1);
    assert!((8..=12).contains(&seen[0]), "{seen:?}");
    assert!(seen.windows(2).take(5).all(|pair| pair[0] < pair[1] + 20), "{seen:?}");
    assert!(seen[12..].iter().all(|pause| (160..=240).contains(pause)), "{seen:?}");
    assert_ne!(seen, pauses(Pace::Near, 2));
}

#[test]
fn a_fetch_of_a_second_and_a_half_costs_who_waits_for_it_far_away_four_looks() {
    for seed in 0..20 {
        let seen = pauses(Pace::Far, seed);
        assert!((80..=120).contains(&seen[0]), "{seen:?}");
        assert!((1_200..=1_800).contains(&seen[..4].iter().sum::<i64>()), "{seen:?}");
        assert!(seen[5..].iter().all(|pause| (1_600..=2_400).contains(pause)), "{seen:?}");
    }
}

/// Fourteen pauses of a walk that finds the lock taken each time.
fn pauses(pace: Pace, seed: u64) -> Vec<i64> {
    let terms = Terms { pace, patience: 60_000, ..Terms::ONE_ANSWER };
    let mut walk = Walk::new(WANTED, terms, seed, at(0));
    assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
    let mut times = vec![0];
    for _ in 0..14 {
        times.push(wait_for_turn(&mut walk, times[times.len() - 1]));
    }
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn patience_ends_with_two_extra_slots_and_then_with_an_error() {
    let mut first_slots = Vec::new();
    for seed in 0..8 {
        let mut walk = Walk::new(WANTED, Terms::ONE_ANSWER, seed, at(0));
        assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
        let mut now = 0;
        for _ in 0..100 {
            if walk.step() != Step::Lock(Lane::Fetch) {
                break;
            }
            now = wait_for_turn(&mut walk, now);
        }
        assert!(
            (5_000..=6_500).contains(&now),
            "patience of 5 s, up to a fifth more, and the last pause: {now}"
        );
        let Step::Lock(slot) = walk.step() else { panic!("a slot is tried") };
        first_slots.push(slot);
        assert_eq!(walk.handle_locked(Locking::Busy, at(now)), None);
        let Step::Lock(other) = walk.step() else { panic!("the other slot is tried") };
        assert!(slot != other && other != Lane::Fetch);
        assert_eq!(walk.handle_locked(Locking::Busy, at(now)), None);
        let Step::Sleep { until } = walk.step() else { panic!("all are taken") };
        walk.handle_timeout(at(until));
        assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(59_999)), None);
        assert_eq!(walk.handle_locked(Locking::Busy, at(59_999)), None);
        assert_eq!(walk.handle_locked(Locking::Busy, at(60_000)), Some(Answer::Exhausted));
        assert_eq!(walk.step(), Step::Done);
    }
    assert!(first_slots.contains(&Lane::FirstSlot) && first_slots.contains(&Lane::SecondSlot));
}

#[test]
fn a_pause_does_not_go_past_the_limit() {
    let mut walk = walk(WANTED);
    assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
    assert_eq!(walk.handle_locked(Locking::Busy, at(59_998)), None);
    assert_eq!(walk.handle_locked(Locking::Busy, at(59_998)), None);
    assert_eq!(walk.handle_locked(Locking::Busy, at(59_998)), None);
    assert_eq!(walk.step(), Step::Sleep { until: 60_000 });
}

#[test]
fn a_failure_answers_those_who_waited_for_it_and_nobody_else() {
    let waiting = |first: Loaded| {
        let mut walk = walk(WANTED);
        assert_eq!(walk.handle_loaded(first, Stability::Steady, at(0)), None);
        assert_eq!(walk.handle_locked(Locking::Busy, at(0)), None);
        walk.handle_timeout(at(1_000));
        walk
    };
    let look = |first, second, now| waiting(first).handle_loaded(second, Stability::Steady, at(now));
    assert_eq!(look(EMPTY, failed(1, 900), 1_000), Some(Answer::StoredFailure));
    assert_eq!(look(failed(1, -5), failed(1, -5), 1_000), None, "it was there before");
    assert_eq!(look(failed(1, -5), failed(2, 900), 1_000), Some(Answer::StoredFailure));
    assert_eq!(look(EMPTY, failed(1, 900), 10_900), Some(Answer::StoredFailure));
    assert_eq!(look(EMPTY, failed(1, 900), 10_901), None, "it is long ago");
    assert_eq!(look(EMPTY, failed(1, 61_001), 1_000), None, "its clock is another");
    assert_eq!(look(EMPTY, failed(1, 61_000), 1_000), Some(Answer::StoredFailure));
    let other = StoredFailure { id: 1, failed_at: NOON, login: Login { account: 1, session: 1 } };
    assert_eq!(
        look(EMPTY, Loaded { failure: Some(other), ..EMPTY }, 1_000),
        None,
        "somebody logged in since"
    );
}

#[test]
fn a_failure_found_first_after_looks_that_failed_may_have_been_there_before() {
    let blind = || {
        let mut walk = walk(WANTED);
        assert_eq!(walk.handle_unreadable(Stability::Steady, at(0)), None);
        assert_eq!(walk.step(), Step::Lock(Lane::Fetch), "the store is asked for a lock all the same");
        assert_eq!(walk.handle_locked(Locking::Taken, at(0)), None);
        walk
    };
    let mut walk = blind();
    assert_eq!(walk.handle_loaded(failed(1, -5), Stability::Steady, at(0)), None);
    assert_eq!(walk.step(), Step::Fetch);

    let mut walk = blind();
    assert_eq!(walk.handle_loaded(with(TOKEN), Stability::Steady, at(0)), Some(Answer::Stored));

    let mut walk = blind();
    let moved = Stability::Moved { same_account: false };
    assert_eq!(walk.handle_unreadable(moved, at(0)), Some(Answer::Again));

    // After a look that did not fail, one that does changes nothing.
    let mut walk = self::walk(WANTED);
    assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
    assert_eq!(walk.handle_locked(Locking::Busy, at(0)), None);
    walk.handle_timeout(at(1_000));
    assert_eq!(walk.handle_unreadable(Stability::Steady, at(1_000)), None);
    assert_eq!(walk.handle_locked(Locking::Busy, at(1_000)), None);
    walk.handle_timeout(at(2_000));
    assert_eq!(walk.handle_loaded(failed(1, 900), Stability::Steady, at(2_000)), Some(Answer::StoredFailure));
}

#[test]
fn a_failure_of_a_moment_ago_answers_whoever_refreshes_behind() {
    let look = |behind, found, now| {
        let mut walk =
            Walk::new(Wanted { behind, held: Some(NOON), ..WANTED }, Terms::of(&Policy::DEFAULT), 1, at(now));
        walk.handle_loaded(found, Stability::Steady, at(now))
    };
    assert_eq!(look(true, failed(1, 0), 10_000), Some(Answer::StoredFailure));
    assert_eq!(look(true, failed(1, 0), 10_001), None, "it is long ago");
    assert_eq!(look(false, failed(1, 0), 1), None, "somebody waits, and came after it");
    let other = StoredFailure { id: 1, failed_at: NOON, login: Login { account: 1, session: 1 } };
    assert_eq!(look(true, Loaded { failure: Some(other), ..EMPTY }, 1), None, "somebody logged in since");
}

#[test]
fn a_token_counts_more_than_a_failure() {
    let mut walk = in_lane(WANTED);
    let both = Loaded { token: Some(TOKEN), ..failed(1, 0) };
    assert_eq!(walk.handle_loaded(both, Stability::Steady, at(1)), Some(Answer::Stored));
}

#[test]
fn a_store_without_locks_is_passed_by() {
    for ending in [Ending::Granted(Stability::Steady), Ending::Failed, Ending::Null] {
        let mut walk = walk(WANTED);
        assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
        assert_eq!(walk.handle_locked(Locking::Unavailable, at(0)), None);
        assert_eq!(walk.step(), Step::Fetch);
        assert_eq!(walk.handle_fetched(ending), Some(Answer::Fetched));
        assert_eq!(walk.step(), Step::Done);
    }
}

#[test]
fn the_answer_to_a_challenge_replaces_whatever_is_there() {
    let challenged = Wanted { challenged: true, ..WANTED };
    let mut answered = walk(challenged);
    assert_eq!(answered.step(), Step::Fetch);
    assert_eq!(answered.handle_fetched(Ending::Granted(Stability::Steady)), Some(Answer::Fetched));
    assert_eq!(answered.step(), Step::Save(Over::Anything));
    answered.handle_saved();
    assert_eq!(answered.step(), Step::Done);
    let mut refused = walk(challenged);
    assert_eq!(refused.handle_fetched(Ending::Failed), Some(Answer::Fetched));
    assert_eq!(refused.step(), Step::Done);
}

#[test]
fn who_is_not_wanted_any_more_leaves_no_lock_behind() {
    let mut reading = walk(WANTED);
    reading.cancel();
    assert_eq!(reading.step(), Step::Done);
    assert_eq!(reading.handle_loaded(with(TOKEN), Stability::Steady, at(0)), None);

    let mut locking = walk(WANTED);
    assert_eq!(locking.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
    let mut unlucky = locking.clone();
    locking.cancel();
    assert_eq!(locking.handle_locked(Locking::Taken, at(0)), None);
    assert_eq!(locking.step(), Step::Unlock(Lane::Fetch));
    unlucky.cancel();
    assert_eq!(unlucky.handle_locked(Locking::Busy, at(0)), None);
    assert_eq!(unlucky.step(), Step::Done);

    let mut sleeping = walk(WANTED);
    assert_eq!(sleeping.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
    assert_eq!(sleeping.handle_locked(Locking::Busy, at(0)), None);
    sleeping.cancel();
    assert_eq!(sleeping.step(), Step::Done);

    let mut second = in_lane(WANTED);
    second.cancel();
    assert_eq!(second.step(), Step::Unlock(Lane::Fetch));

    let mut aborted = fetching(WANTED);
    aborted.cancel();
    assert_eq!(aborted.step(), Step::Unlock(Lane::Fetch));
    assert_eq!(aborted.handle_fetched(Ending::Granted(Stability::Steady)), None);

    let mut saving = fetching(WANTED);
    assert_eq!(saving.handle_fetched(Ending::Granted(Stability::Steady)), Some(Answer::Fetched));
    let step = saving.step();
    saving.cancel();
    assert_eq!(saving.step(), step, "what is being saved is saved");
}

#[test]
fn a_report_that_nobody_asked_for_changes_nothing() {
    let mut walk = walk(WANTED);
    walk.handle_timeout(at(1));
    walk.handle_saved();
    walk.handle_unlocked();
    assert_eq!(walk.handle_locked(Locking::Taken, at(1)), None);
    assert_eq!(walk.handle_fetched(Ending::Failed), None);
    assert_eq!(walk.step(), Step::Load);
    let mut walk = fetching(WANTED);
    walk.handle_saved();
    walk.handle_unlocked();
    walk.handle_timeout(at(100_000));
    assert_eq!(walk.step(), Step::Fetch);
}

#[test]
fn the_terms_follow_the_policy() {
    assert_eq!(
        Terms::of(&Policy::DEFAULT),
        Terms {
            min_validity: 2_000,
            scale_short_lives: true,
            patience: 30_000,
            limit: 60_000,
            pace: Pace::Near
        }
    );
    let hasty = Policy { fetch_limit: 8_000, ..Policy::DEFAULT };
    assert_eq!(Terms::of(&hasty).patience, 4_000, "there is time left for a slot");
}

#[test]
fn without_patience_the_slots_are_tried_at_once() {
    let mut walk = Walk::new(WANTED, Terms { patience: 0, ..Terms::ONE_ANSWER }, 1, at(0));
    assert_eq!(walk.handle_loaded(EMPTY, Stability::Steady, at(0)), None);
    assert_eq!(walk.handle_locked(Locking::Busy, at(0)), None);
    assert!(matches!(walk.step(), Step::Lock(Lane::FirstSlot | Lane::SecondSlot)));
}
