//! Which entry a request means: exact parts, interned, never a hash alone.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::index::{Index, hash_of_numbers, hash_of_text};
use crate::request::{CredentialId, KeyedBy, Request, RequestError};

/// The parts of a request, each a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub credential: CredentialId,
    pub scopes: NameId,
    tenant: NameId,
    detail: Detail,
}

impl Key {
    /// The key of the same request without its claims, and `None` where there are none.
    pub fn base(self) -> Option<Self> {
        let detail = self.detail.without_claims();
        (detail != self.detail).then_some(Self { detail, ..self })
    }

    /// No request's.
    pub const GONE: Self = Self {
        credential: CredentialId(u32::MAX),
        scopes: NameId::NONE,
        tenant: NameId::NONE,
        detail: Detail(0),
    };

    pub fn hash(&self) -> u32 {
        hash_of_numbers(&[self.credential.0, self.scopes.0, self.tenant.0, self.detail.0])
    }

    fn names(self) -> [NameId; 3] {
        [self.scopes, self.tenant, self.detail.claims()]
    }
}

/// CAE and claims in four bytes: there may be a million entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Detail(u32);

impl Detail {
    fn new(cae: bool, claims: NameId) -> Self {
        Self(claims.0.wrapping_shl(1) | u32::from(cae))
    }

    fn without_claims(self) -> Self {
        Self(self.0 & 1)
    }

    fn claims(self) -> NameId {
        NameId(self.0 >> 1)
    }
}

/// An interned text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameId(u32);

impl NameId {
    const NONE: Self = Self(0);
}

/// The texts that keys are made of, each kept once and for as long as a key holds it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    by_text: Index,
    slots: Vec<Slot>,
    free: Vec<NameId>,
}

#[derive(Clone)]
struct Slot {
    text: Box<str>,
    holders: u32,
}

impl core::fmt::Debug for Slot {
    /// Claims are among the texts, and say more of a user than a log should.
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Slot").field("holders", &self.holders).finish_non_exhaustive()
    }
}

impl Names {
    /// The key of a request; its names are held until [`Self::release`].
    pub fn hold(&mut self, request: &Request<'_>, keyed_by: KeyedBy) -> Result<Key, RequestError> {
        let scopes = canonical_scopes(request.scopes, keyed_by)?;
        let cae = request.cae && keyed_by == KeyedBy::Request;
        Ok(Key {
            credential: request.credential,
            scopes: self.intern(&scopes),
            tenant: request.tenant.map_or(NameId::NONE, |tenant| self.intern(tenant)),
            detail: Detail::new(cae, request.claims.map_or(NameId::NONE, |claims| self.intern(claims))),
        })
    }

    /// The name of a set of scopes, where some key holds it.
    pub fn scopes(&self, scopes: &[&str], keyed_by: KeyedBy) -> Result<Option<NameId>, RequestError> {
        Ok(self.of_text(&canonical_scopes(scopes, keyed_by)?))
    }

    /// The key of a request, where every name in it is held; holds nothing.
    pub fn find(&self, request: &Request<'_>, keyed_by: KeyedBy) -> Result<Option<Key>, RequestError> {
        let known = |text: &str| self.of_text(text);
        let optional = |text: Option<&str>| text.map_or(Some(NameId::NONE), known);
        let scopes = self.scopes(request.scopes, keyed_by)?;
        let cae = request.cae && keyed_by == KeyedBy::Request;
        Ok(scopes.zip(optional(request.tenant)).zip(optional(request.claims)).map(
            |((scopes, tenant), claims)| Key {
                credential: request.credential,
                scopes,
                tenant,
                detail: Detail::new(cae, claims),
            },
        ))
    }

    /// Lets go of a key's names; a text that no key holds is dropped.
    pub fn release(&mut self, key: Key) {
        for name in key.names() {
            let Some(slot) = self.slot_mut(name) else { continue };
            slot.holders = slot.holders.saturating_sub(1);
            if slot.holders == 0 {
                let hash = hash_of_text(&slot.text);
                self.by_text.remove(hash, name.0, &hash_in(&self.slots));
                self.free.push(name);
                if let Some(slot) = self.slot_mut(name) {
                    slot.text = Box::default();
                }
            }
        }
    }

    fn intern(&mut self, text: &str) -> NameId {
        if let Some(name) = self.of_text(text) {
            if let Some(slot) = self.slot_mut(name) {
                slot.holders = slot.holders.saturating_add(1);
            }
            return name;
        }
        let name = self.place(Slot { text: Box::from(text), holders: 1 });
        self.by_text.insert(hash_of_text(text), name.0, &hash_in(&self.slots));
        name
    }

    fn of_text(&self, text: &str) -> Option<NameId> {
        let is = |name| slot_in(&self.slots, name).is_some_and(|slot| *slot.text == *text);
        self.by_text.find(hash_of_text(text), &is).map(NameId)
    }

    fn place(&mut self, slot: Slot) -> NameId {
        if let Some(name) = self.free.pop() {
            if let Some(place) = self.slot_mut(name) {
                *place = slot;
            }
            return name;
        }
        self.slots.push(slot);
        NameId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX))
    }

    /// Name 0 is no name; name 1 is the first slot.
    fn slot_mut(&mut self, name: NameId) -> Option<&mut Slot> {
        self.slots.get_mut(place(name.0)?)
    }
}

fn hash_in(slots: &[Slot]) -> impl Fn(u32) -> u32 {
    |name| slot_in(slots, name).map_or(0, |slot| hash_of_text(&slot.text))
}

fn slot_in(slots: &[Slot], name: u32) -> Option<&Slot> {
    slots.get(place(name)?)
}

fn place(name: u32) -> Option<usize> {
    usize::try_from(name.checked_sub(1)?).ok()
}

/// One text for a set of scopes: sorted, without repeats, each with its length, so that no two sets share a text.
fn canonical_scopes(scopes: &[&str], keyed_by: KeyedBy) -> Result<String, RequestError> {
    let first = *scopes.first().ok_or(RequestError::EmptyScope)?;
    if scopes.iter().any(|scope| scope.is_empty()) {
        return Err(RequestError::EmptyScope);
    }
    if keyed_by == KeyedBy::Resource {
        return Ok(String::from(first.strip_suffix("/.default").unwrap_or(first)));
    }
    let mut sorted: Vec<&str> = Vec::new();
    for scope in scopes {
        if let Err(place) = sorted.binary_search(scope) {
            sorted.insert(place, scope);
        }
    }
    let mut text = String::new();
    for scope in sorted {
        push_number(&mut text, scope.len());
        text.push(':');
        text.push_str(scope);
    }
    Ok(text)
}

/// In decimal digits; formatting would bring its whole machinery along.
fn push_number(text: &mut String, number: usize) {
    if number > 9 {
        push_number(text, number / 10);
    }
    text.push(char::from(b"0123456789".get(number % 10).copied().unwrap_or(b'0')));
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIAL: CredentialId = CredentialId(7);

    fn request<'a>(scopes: &'a [&'a str]) -> Request<'a> {
        Request { credential: CREDENTIAL, scopes, tenant: None, cae: false, claims: None }
    }

    fn key(names: &mut Names, request: &Request<'_>) -> Key {
        names.hold(request, KeyedBy::Request).expect("a key")
    }

    #[test]
    fn scopes_are_a_set() {
        let mut names = Names::default();
        let one = key(&mut names, &request(&["a", "b"]));
        assert_eq!(one, key(&mut names, &request(&["b", "a", "b"])));
        for other in [&["ab"][..], &["a"], &["a:1b"], &["a", "b", "c"], &["b:a"]] {
            assert_ne!(one, key(&mut names, &request(other)), "{other:?}");
        }
    }

    #[test]
    fn every_part_is_of_the_key() {
        let mut names = Names::default();
        let plain = request(&["a"]);
        let variants = [
            plain,
            Request { tenant: Some(""), ..plain },
            Request { tenant: Some("t"), ..plain },
            Request { cae: true, ..plain },
            Request { claims: Some("t"), ..plain },
            Request { claims: Some("t"), cae: true, ..plain },
            Request { credential: CredentialId(8), ..plain },
        ];
        let keys: Vec<Key> = variants.iter().map(|request| key(&mut names, request)).collect();
        let distinct: alloc::collections::BTreeSet<Key> = keys.iter().copied().collect();
        assert_eq!(distinct.len(), variants.len());
    }

    #[test]
    fn az_strips_one_default_and_ignores_cae_and_further_scopes() {
        let mut names = Names::default();
        let mut az = |scopes: &[&str], cae| {
            names.hold(&Request { cae, ..request(scopes) }, KeyedBy::Resource).expect("a key")
        };
        assert_eq!(az(&["x/.default"], false), az(&["x", "y"], true));
        assert_ne!(az(&["x//.default"], false), az(&["x/.default"], false));
        assert_ne!(az(&["x/.default/.default"], false), az(&["x/.default"], false));
    }

    #[test]
    fn the_base_of_a_challenge_is_the_request_without_it() {
        let mut names = Names::default();
        let plain = key(&mut names, &request(&["a"]));
        let challenged = key(&mut names, &Request { claims: Some("c"), ..request(&["a"]) });
        assert_eq!(challenged.base(), Some(plain));
        assert_eq!(plain.base(), None);
    }

    #[test]
    fn a_text_lives_as_long_as_its_last_holder() {
        let mut names = Names::default();
        let first = key(&mut names, &request(&["a"]));
        let second = key(&mut names, &request(&["a"]));
        names.release(first);
        assert_eq!(names.by_text.len(), 1);
        names.release(second);
        assert_eq!(names.by_text.len(), 0);
        assert_eq!(names.free.len(), 1);
    }

    #[test]
    fn finding_holds_nothing() {
        let mut names = Names::default();
        assert_eq!(names.find(&request(&["a"]), KeyedBy::Request), Ok(None));
        let held = key(&mut names, &request(&["a"]));
        assert_eq!(names.find(&request(&["a"]), KeyedBy::Request), Ok(Some(held)));
        names.release(held);
        assert_eq!(names.find(&request(&["a"]), KeyedBy::Request), Ok(None));
    }

    #[test]
    fn empty_scopes_are_refused() {
        let mut names = Names::default();
        for scopes in [&[][..], &[""], &["a", ""]] {
            assert_eq!(names.hold(&request(scopes), KeyedBy::Request), Err(RequestError::EmptyScope));
        }
    }
}
