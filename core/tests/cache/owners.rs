//! Whose tokens a run brings: a chain may fall through to somebody else.

use azure_token_cache_core::{
    Action, CredentialKind, EntryId, FetchId, IdentityChange, Owner, OwnerId, Ownership, Request, Selector,
    Settled,
};

use crate::stage::{HOUR, MINUTE, SCOPE, SECOND, Stage};

fn person<'a>(tenant: &'a str, id: &'a str) -> Owner<'a> {
    Owner { tenant, id: OwnerId::Object(id) }
}

fn client<'a>(tenant: &'a str, id: &'a str) -> Owner<'a> {
    Owner { tenant, id: OwnerId::Client(id) }
}

impl Stage {
    fn owned(&mut self, fetch: FetchId, owner: Owner<'_>) -> Ownership {
        let now = self.now();
        self.cache.handle_owner(fetch, owner, now)
    }

    /// Holds a token of this owner, fetched in front.
    fn hold_of(&mut self, entry: EntryId, owner: Owner<'_>) {
        let _ = self.wait(entry);
        let fetch = self.fetch();
        assert_eq!(self.owned(fetch, owner), Ownership::Known);
        let token = self.token(HOUR);
        assert!(matches!(self.granted(fetch, token), Settled::Granted { .. }));
    }
}

#[test]
fn another_owner_behind_the_callers_is_refused_and_the_old_token_stays() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold_of(entry, person("t", "ann"));
    stage.pass(HOUR - 4 * MINUTE);
    let (_, fetch) = stage.behind(entry);
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Refused);
    stage.no_action();
    let _ = stage.failed(fetch);
    assert!(stage.hit(entry) > 0);
    stage.pass(MINUTE);
    let (_, fetch) = stage.behind(entry);
    assert_eq!(stage.owned(fetch, person("t", "ann")), Ownership::Known, "ann is back");
}

#[test]
fn another_owner_in_front_takes_every_older_token_of_the_credential_alone() {
    let mut stage = Stage::new();
    let bystander = stage.cache.register(CredentialKind::GENERAL);
    let (entry, two) = (stage.entry(), stage.intern(&stage.request(&["two"])));
    let other = stage.intern(&Request { credential: bystander, ..stage.request(&[SCOPE]) });
    stage.hold_of(entry, person("t", "ann"));
    stage.hold_of(two, person("t", "ann"));
    stage.hold_of(other, person("t", "cat"));
    stage.pass(HOUR);
    stage.hold_of(two, person("t", "ann"));
    let (job, _) = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Other);
    let forgotten = stage.actions();
    assert!(
        forgotten.contains(&Action::Forget { entry: two }) && forgotten.contains(&Action::Forget { entry })
    );
    assert_eq!(forgotten.len(), 2);
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
    assert_eq!(stage.hit(entry), 30 * SECOND);
    let _ = stage.wait(two);
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Known);
    assert_eq!(stage.owned(fetch, person("t", "ann")), Ownership::Other, "and not ann, who was before");
}

#[test]
fn the_token_that_callers_wait_for_replaces_one_that_could_still_be_served() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold_of(entry, person("t", "ann"));
    stage.pass(HOUR - 30 * SECOND);
    let (job, serve_at) = stage.wait(entry);
    assert!(serve_at.is_some());
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Other);
    assert_eq!(stage.actions(), [Action::Forget { entry }]);
    stage.pass(20 * SECOND);
    let now = stage.now();
    assert_eq!(stage.cache.handle_timeout(now), Settled::Nothing, "nobody gets ann's token any more");
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(fetch, token), Settled::Granted { job, entry, base: None });
}

/// Ben's token came for one entry while a run for another one was under way; nobody is asked anew for that.
fn with_a_run_of_before(stage: &mut Stage) -> (EntryId, EntryId, FetchId) {
    let (entry, two) = (stage.entry(), stage.intern(&stage.request(&["two"])));
    stage.hold_of(entry, person("t", "ann"));
    stage.pass(2 * HOUR);
    let _ = stage.wait(two);
    let former = stage.fetch();
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Other);
    assert!(stage.actions().iter().all(|action| matches!(action, Action::Forget { .. })));
    let token = stage.token(HOUR);
    assert!(matches!(stage.granted(fetch, token), Settled::Granted { .. }));
    (entry, two, former)
}

#[test]
fn a_run_of_before_is_judged_by_the_token_that_it_brings() {
    let mut stage = Stage::new();
    let (entry, two, former) = with_a_run_of_before(&mut stage);
    assert_eq!(stage.owned(former, person("t", "ann")), Ownership::Other, "two scopes, two identities");
    let token = stage.token(HOUR);
    assert!(matches!(stage.granted(former, token), Settled::Granted { .. }));
    assert!(stage.hit(two) > 0);
    assert!(stage.actions().contains(&Action::Forget { entry }));
    let _ = stage.wait(entry);
}

#[test]
fn a_run_of_before_that_does_not_say_whose_its_token_is_starts_anew() {
    let mut stage = Stage::new();
    let (_, two, former) = with_a_run_of_before(&mut stage);
    let token = stage.token(HOUR);
    assert_eq!(stage.granted(former, token), Settled::Nothing);
    let again = stage.fetch();
    assert!(matches!(stage.granted(again, token), Settled::Granted { entry, .. } if entry == two));
}

#[test]
fn a_run_of_before_that_fails_or_takes_too_long_has_failed() {
    for takes_too_long in [false, true] {
        let mut stage = Stage::new();
        let (_, two, former) = with_a_run_of_before(&mut stage);
        let settled = if takes_too_long {
            stage.pass(MINUTE);
            let now = stage.now();
            stage.cache.handle_timeout(now)
        } else {
            stage.failed(former)
        };
        assert!(matches!(settled, Settled::Failed { entry, .. } if entry == two), "{settled:?}");
    }
}

#[test]
fn a_run_of_before_that_was_invalidated_too_does_not_count_whatever_it_brings() {
    let mut stage = Stage::new();
    let (entry, two) = (stage.entry(), stage.intern(&stage.request(&["two"])));
    stage.hold_of(entry, person("t", "ann"));
    stage.pass(2 * HOUR);
    let _ = stage.wait(two);
    let former = stage.fetch();
    let now = stage.now();
    stage.cache.invalidate(Selector::All, now).expect("everything can be named");
    let _ = stage.actions();
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Other);
    assert_eq!(stage.owned(former, person("t", "ann")), Ownership::Known, "nothing is learnt of it");
}

#[test]
fn who_waits_in_front_gets_no_token_of_the_former_owner() {
    let mut stage = Stage::new();
    let (entry, two) = (stage.entry(), stage.intern(&stage.request(&["two"])));
    stage.hold_of(two, person("t", "ann"));
    stage.pass(HOUR - 30 * SECOND);
    let (_, serve_at) = stage.wait(two);
    assert!(serve_at.is_some());
    let _ = stage.fetch();
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Other);
    let _ = stage.actions();
    stage.pass(20 * SECOND);
    let now = stage.now();
    assert_eq!(stage.cache.handle_timeout(now), Settled::Nothing);
}

#[test]
fn twenty_scopes_that_two_identities_share_take_twenty_runs() {
    let mut stage = Stage::new();
    let names: Vec<String> = (0..20).map(|number| format!("scope {number}")).collect();
    let mut fetches = Vec::new();
    for name in &names {
        let entry = stage.intern(&stage.request(&[name]));
        let _ = stage.wait(entry);
        fetches.push(stage.fetch());
    }
    for (number, fetch) in fetches.into_iter().enumerate() {
        let _ = stage.owned(fetch, person("t", if number % 2 == 0 { "ann" } else { "ben" }));
        let token = stage.token(HOUR);
        assert!(matches!(stage.granted(fetch, token), Settled::Granted { .. }));
        let again = stage.actions().into_iter().any(|action| matches!(action, Action::Fetch { .. }));
        assert!(!again, "run {number} made another one start");
    }
}

#[test]
fn a_tenant_and_a_sort_of_id_have_an_owner_each() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold_of(entry, person("t", "ann"));
    stage.pass(2 * HOUR);
    stage.hold_of(entry, person("u", "a guest"));
    stage.pass(2 * HOUR);
    stage.hold_of(entry, client("t", "app"));
    stage.pass(2 * HOUR);
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, client("t", "another app")), Ownership::Other);
}

#[test]
fn after_another_login_anybody_may_be_the_owner() {
    let mut stage = Stage::new();
    let entry = stage.entry();
    stage.hold_of(entry, person("t", "ann"));
    let now = stage.now();
    stage.cache.handle_identity(stage.credential, IdentityChange::Changed, now);
    let _ = stage.actions();
    stage.hold_of(entry, person("t", "ben"));
}
