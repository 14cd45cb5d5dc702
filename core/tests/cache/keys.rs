//! Two requests share a token exactly when the credential would answer both with the same one.

use azure_token_cache_core::{Cache, CredentialId, CredentialKind, EntryId, Policy, Request, RequestError};

use crate::stage::{SCOPE, Stage};

#[test]
fn a_general_key_is_the_set_of_scopes_the_tenant_and_cae() {
    let mut stage = Stage::new();
    let plain = stage.request(&["a", "b"]);
    let one = stage.intern(&plain);
    for same in [&["b", "a"][..], &["a", "b", "a"]] {
        assert_eq!(stage.intern(&stage.request(same)), one, "{same:?}");
    }
    let others = [
        stage.request(&["a"]),
        stage.request(&["a", "b", "c"]),
        stage.request(&["ab"]),
        Request { tenant: Some("t"), ..plain },
        Request { tenant: Some(""), ..plain },
        Request { cae: true, ..plain },
        Request { claims: Some("{}"), ..plain },
        Request { claims: Some(""), ..plain },
        Request { claims: Some("{}"), cae: true, ..plain },
    ];
    assert_distinct(&mut stage, one, &others);
}

#[test]
fn az_is_keyed_by_resource_and_tenant() {
    let mut stage = Stage::of(CredentialKind::AZ);
    let plain = stage.request(&["r/.default"]);
    let one = stage.intern(&plain);
    let same = [stage.request(&["r"]), stage.request(&["r/.default", "s"]), Request { cae: true, ..plain }];
    for request in same {
        assert_eq!(stage.intern(&request), one);
    }
    let others = [
        stage.request(&["r//.default"]),
        stage.request(&["r/.default/.default"]),
        stage.request(&["r/user.read"]),
        stage.request(&["s", "r/.default"]),
        Request { tenant: Some("t"), ..plain },
    ];
    assert_distinct(&mut stage, one, &others);
}

#[test]
fn two_credentials_never_share() {
    let mut stage = Stage::new();
    let other = stage.cache.register(CredentialKind::GENERAL);
    let one = stage.entry();
    let two = stage.intern(&Request { credential: other, ..stage.request(&[SCOPE]) });
    stage.hold(one, stage.token(3_600_000));
    assert_ne!(one, two);
    assert_eq!(stage.explain(two).left, None);
}

#[test]
fn what_cannot_be_a_request_is_refused() {
    let mut cache = Cache::new(Policy::DEFAULT, 0);
    let credential = cache.register(CredentialKind::GENERAL);
    let now = azure_token_cache_core::Clock::default().sample(0, 0);
    let request = |scopes| Request { credential, scopes, tenant: None, cae: false, claims: None };
    for scopes in [&[][..], &[""], &["a", ""]] {
        assert_eq!(cache.intern(&request(scopes), now), Err(RequestError::EmptyScope));
    }
    let unknown = Request { credential: CredentialId::from_bits(1), ..request(&["a"]) };
    assert_eq!(cache.intern(&unknown, now), Err(RequestError::UnknownCredential));
    let challenge = Request { claims: Some("{}"), ..request(&[""]) };
    assert_eq!(cache.intern(&challenge, now), Err(RequestError::EmptyScope));
    assert!(cache.is_empty(), "nothing is left of them");
}

#[test]
fn finding_makes_no_entry() {
    let mut stage = Stage::new();
    let request = stage.request(&["a", "b"]);
    let challenge = Request { claims: Some("{}"), ..request };
    assert_eq!(stage.cache.find(&request), Ok(None));
    assert_eq!(stage.cache.find(&challenge), Ok(None));
    assert!(stage.cache.is_empty());
    let entry = stage.intern(&request);
    assert_eq!(stage.cache.find(&Request { scopes: &["b", "a"], ..request }), Ok(Some(entry)));
    assert_eq!(stage.cache.find(&Request { tenant: Some("t"), ..request }), Ok(None));
    assert_eq!(stage.cache.find(&challenge), Ok(None));
    assert_eq!(stage.cache.len(), 1);
    assert_eq!(stage.cache.find(&Request { scopes: &[""], ..request }), Err(RequestError::EmptyScope));
    let unknown = Request { credential: CredentialId::from_bits(9), ..request };
    assert_eq!(stage.cache.find(&unknown), Err(RequestError::UnknownCredential));
}

#[test]
fn a_challenge_brings_its_base_entry_along() {
    let mut stage = Stage::new();
    let challenge = stage.challenge("{}");
    assert_eq!(stage.cache.len(), 2);
    let entry = stage.entry();
    assert_eq!(stage.cache.len(), 2);
    assert_ne!(entry, challenge);
}

fn assert_distinct(stage: &mut Stage, one: EntryId, others: &[Request<'_>]) {
    let mut entries = vec![one];
    for request in others {
        let entry = stage.intern(request);
        assert!(!entries.contains(&entry), "scopes {:?}", request.scopes);
        entries.push(entry);
    }
}
