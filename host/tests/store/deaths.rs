//! Processes that are killed at each step of a walk, before each change that they make: the next one goes on at once, and
//! finds a whole token or none.

use std::collections::BTreeSet;

use azure_token_cache_core::walk::Answer;
use azure_token_cache_host::store::{
    Content, Documents, Failure, Generation, Guard, LockKind, Look, Record, Saved, Token, VaultKind,
};

use serde_json::Value;

use crate::child::Child;
use crate::stage::{Stage, document, failure, get, key, now_ms, token};
use crate::walker::{Errand, Fetch, Got, Walker};

/// Longer than any test, in milliseconds.
const PATIENT: u32 = 100_000;
const IMPATIENT: u32 = 0;
/// What comes after the last change of a step.
const OVER: &str = "over";
/// What the fetch of the one brings who is killed, and that of the next.
const DEAD: &str = "dead";
const NEXT: &str = "next";

#[test]
fn whoever_dies_on_the_way_to_the_first_token_leaves_it_whole_or_the_fetch_to_the_next() {
    let walk = Walk { name: "death-first", brings: DEAD, patience: PATIENT, before: |_| None };
    let steps = ["Load", "Lock", "Load", "Fetch", "Save", "Unlock"];
    let deaths = cut_off_everywhere(&walk, &steps, |stage, _, death| {
        let unfinished = stage.files().iter().filter(|file| file.contains("/.tmp-")).count();
        if let ("Save", "write" | "utimensat" | "renameat") = death {
            assert_eq!(unfinished, 1, "{death:?}");
        }
        goes_on(stage, PATIENT, &format!("{death:?}"))
    });
    assert!(
        ["mkdirat", "fcntl", "renameat", OVER].iter().all(|change| has(&deaths, "Lock", change)),
        "{deaths:?}"
    );
    assert!(
        ["mkdirat", "fcntl", "close", OVER].iter().all(|change| has(&deaths, "Save", change)),
        "{deaths:?}"
    );
    comes_with_the_rename("Save", &deaths);
}

#[test]
fn whoever_dies_over_an_expired_token_leaves_that_one_or_a_new_one() {
    let before = |stage: &Stage| {
        let expired = Token { expires_at_ms: now_ms() - 1_000, ..token("expired") };
        let record = Record { generation: Generation::default(), content: Content::Token(Box::new(expired)) };
        let saved = stage.store().save(&key("a"), &record, Generation::default());
        assert_eq!(saved.unwrap(), Saved::Written);
        None
    };
    let walk = Walk { name: "death-over", brings: DEAD, patience: PATIENT, before };
    let steps = ["Load", "Lock", "Load", "Fetch", "Save", "Unlock"];
    let deaths = cut_off_everywhere(&walk, &steps, |stage, _, death| {
        let there = get(&stage.store(), &key("a"));
        let saved = goes_on(stage, PATIENT, &format!("{death:?}"));
        assert_eq!(there.as_deref(), Some(if saved { DEAD } else { "expired" }), "{death:?}");
        saved
    });
    comes_with_the_rename("Save", &deaths);
}

#[test]
fn whoever_dies_with_a_failure_leaves_it_whole_or_not_at_all_and_the_next_fetches_for_itself() {
    let walk = Walk { name: "death-failure", brings: "fails", patience: PATIENT, before: |_| None };
    let steps = ["Load", "Lock", "Load", "Fetch", "SaveFailure", "Unlock"];
    let deaths = cut_off_everywhere(&walk, &steps, |stage, _, death| {
        let left = stage.store().load_failure(&key("a"));
        let whole = Failure { failed_at_ms: left.as_ref().map_or(0, |left| left.failed_at_ms), ..failure() };
        assert!(left.iter().all(|left| *left == whole), "{death:?}");
        assert!(!goes_on(stage, PATIENT, &format!("{death:?}")));
        left.is_some()
    });
    comes_with_the_rename("SaveFailure", &deaths);
}

#[test]
fn whoever_dies_while_it_waits_for_another_is_not_waited_for() {
    let before = |stage: &Stage| stage.store().try_lock(&key("a"), LockKind::Fetch).unwrap();
    let walk = Walk { name: "death-waiting", brings: DEAD, patience: PATIENT, before };
    let steps = ["Load", "Lock", "Sleep", "Load", "Lock", "Sleep"];
    let deaths = cut_off_everywhere(&walk, &steps, |stage, held, death| {
        assert!(held.is_some());
        drop(held);
        goes_on(stage, PATIENT, &format!("{death:?}"))
    });
    assert!(has(&deaths, "Sleep", "sleep"), "{deaths:?}");
}

#[test]
fn whoever_dies_in_an_extra_slot_leaves_it_to_the_next() {
    let before = |stage: &Stage| stage.store().try_lock(&key("a"), LockKind::Fetch).unwrap();
    let walk = Walk { name: "death-slot", brings: DEAD, patience: IMPATIENT, before };
    let steps = ["Load", "Lock", "Lock", "Load", "Fetch", "Save", "Unlock"];
    let deaths = cut_off_everywhere(&walk, &steps, |stage, held, death| {
        let other = stage.store().try_lock(&key("a"), LockKind::Slot(1)).unwrap();
        let saved = goes_on(stage, IMPATIENT, &format!("{death:?}"));
        assert!(held.is_some() && other.is_some());
        saved
    });
    comes_with_the_rename("Save", &deaths);
}

#[test]
fn whoever_dies_while_it_changes_a_document_leaves_it_whole() {
    let mut left = Vec::new();
    for changes in 0.. {
        let stage = Stage::new("death-document");
        let documents = Documents::open(&stage.options()).unwrap();
        documents.merge(&document(), "{}", r#"{"section":{"kept":1}}"#).unwrap();
        let mut child = Child::start(&stage, VaultKind::KeyFile);
        let change = child.stop_at("count-up dead 1", changes);
        child.kill();
        let Look::Found(found) = documents.load(&document(), "").unwrap() else { panic!("{change:?}") };
        let merged = documents.merge(&document(), "{}", r#"{"section":{"next":1}}"#).unwrap();
        let names = |text: &str| {
            let document: Value = serde_json::from_str(text).unwrap();
            document["section"].as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>()
        };
        let names_left = names(&found.text);
        assert!(names_left.contains("kept"));
        assert_eq!(names(&merged.text), &names_left | &BTreeSet::from(["next".to_owned()]));
        left.push((change, names_left.len()));
        if change.is_none() {
            break;
        }
    }
    // One, with two more, and with one of these two gone again.
    let changed: Vec<_> =
        left.windows(2).filter(|two| two[0].1 != two[1].1).map(|two| (two[0].0, two[1].1)).collect();
    assert_eq!(changed, [(Some("renameat"), 3), (Some("renameat"), 2)]);
}

/// A walk that is to be cut off.
struct Walk {
    name: &'static str,
    /// What its fetch brings.
    brings: &'static str,
    patience: u32,
    /// What is in the store when it begins, and held by another process.
    before: fn(&Stage) -> Option<Guard>,
}

/// That a process was killed in this step, before this change; and what it left.
#[derive(Debug)]
struct Death {
    step: &'static str,
    change: &'static str,
    left_it: bool,
}

/// Cuts a walk with these steps off everywhere, each time with a store of its own. `next` is what then has to go well: it
/// says whether what was to be saved is there.
fn cut_off_everywhere(
    walk: &Walk,
    steps: &[&'static str],
    mut next: impl FnMut(&Stage, Option<Guard>, (&str, &str)) -> bool,
) -> Vec<Death> {
    let mut deaths = Vec::new();
    for (count, step) in steps.iter().enumerate() {
        for changes in 0.. {
            let stage = Stage::new(walk.name);
            let held = (walk.before)(&stage);
            let mut child = Child::start(&stage, VaultKind::KeyFile);
            let mut reached = child.ask(&format!("walk a {} {}", walk.brings, walk.patience));
            for _ in 0..count {
                reached = child.ask("step");
            }
            assert_eq!(reached, *step);
            let change = child.stop_at("step", changes).unwrap_or(OVER);
            let seen_meanwhile = stage.store().list().unwrap();
            assert_eq!(seen_meanwhile.unopenable, 0, "{step} {change}");
            child.kill();
            let left_it = next(&stage, held, (step, change));
            deaths.push(Death { step, change, left_it });
            if change == OVER {
                break;
            }
        }
    }
    deaths
}

/// The next process has a token without waiting for anyone, and the one after it has the same. Whether it is the dead one's.
fn goes_on(stage: &Stage, patience: u32, death: &str) -> bool {
    assert_eq!(stage.store().list().unwrap().unopenable, 0, "{death}");
    let saved = get(&stage.store(), &key("a")).is_some_and(|text| text == DEAD);
    let walk = |brings: &str| {
        let errand = Errand { patience, ..Errand::new(key("a"), Fetch::Grants(brings.into())) };
        Walker::begin(stage.store(), errand).run()
    };
    let stored =
        |text: &str| Got { answer: Some(Answer::Stored), text: Some(text.into()), fetches: 0, sleeps: 0 };
    let fetched = Got { answer: Some(Answer::Fetched), fetches: 1, ..stored(NEXT) };
    assert_eq!(walk(NEXT), if saved { stored(DEAD) } else { fetched }, "{death}");
    assert_eq!(walk("third"), stored(if saved { DEAD } else { NEXT }), "{death}");
    saved
}

/// Whoever was killed before the rename of this step left nothing, and whoever came past it left all.
fn comes_with_the_rename(step: &str, deaths: &[Death]) {
    let before = deaths.iter().take_while(|death| !death.left_it).last().unwrap();
    assert_eq!((before.step, before.change), (step, "renameat"), "{deaths:?}");
    let after = deaths.iter().skip_while(|death| !death.left_it);
    assert!(after.clone().any(|death| death.step == "Unlock"));
    assert!(after.clone().all(|death| death.left_it), "{deaths:?}");
    for change in ["openat", "write", "utimensat", "renameat", OVER] {
        assert!(has(deaths, step, change), "{change}: {deaths:?}");
    }
}

fn has(deaths: &[Death], step: &str, change: &str) -> bool {
    deaths.iter().any(|death| (death.step, death.change) == (step, change))
}
