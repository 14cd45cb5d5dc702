//! Whose tokens a run brings: a chain may fall through to somebody else.

use azure_token_cache_core::{
    Action, CredentialKind, EntryId, FetchId, IdentityChange, Owner, OwnerId, Ownership, Request, Settled,
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

#[test]
fn runs_for_other_entries_that_began_under_the_former_owner_start_anew() {
    let mut stage = Stage::new();
    let (entry, two) = (stage.entry(), stage.intern(&stage.request(&["two"])));
    stage.hold_of(entry, person("t", "ann"));
    stage.pass(2 * HOUR);
    let _ = stage.wait(two);
    let former = stage.fetch();
    let _ = stage.wait(entry);
    let fetch = stage.fetch();
    assert_eq!(stage.owned(fetch, person("t", "ben")), Ownership::Other);
    let actions = stage.actions();
    assert!(actions.contains(&Action::Abort { fetch: former }), "{actions:?}");
    assert!(actions.iter().any(|action| matches!(action, Action::Fetch { entry, .. } if *entry == two)));
    assert_eq!(
        stage.owned(former, person("t", "ann")),
        Ownership::Known,
        "of a run that is over nothing is learnt"
    );
    let _ = stage.wait(two);
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
