//! What two processes made of one MSAL cache, made into one again: nothing that either added is lost, nothing that either
//! removed comes back.
//!
//! MSAL's cache is an object of sections, and each section an object of entries; Python, .NET, Java and Go write the same.
//! Whole entries are compared, and of an entry and a section nothing is taken for granted that is not read here.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A cache, or a section of one.
pub(super) type Object = Map<String, Value>;

/// The section that says who is signed in: what belongs to somebody who was signed out goes with them.
const ACCOUNTS: &str = "Account";

/// Who an entry belongs to: the id of their account and the cloud that it is of.
type Owner = (String, String);

/// The object that this is; `None` when it is none.
pub(super) fn parse(text: &str) -> Option<Object> {
    serde_json::from_str(text).ok()
}

/// What becomes of `base` by both changes. Where both changed one entry, a removal counts, and else the newer one.
pub(super) fn merge(base: &Object, ours: Object, theirs: Object) -> Object {
    let signed_out = signed_out(base, &ours, &theirs);
    let mut merged = join(ours, theirs, |name, ours, theirs| section(base.get(name), ours, theirs));
    for section in merged.values_mut().filter_map(Value::as_object_mut) {
        section.retain(|_, entry| owner(entry).is_none_or(|owner| !signed_out.contains(&owner)));
    }
    merged
}

/// A section that is missing is an empty one.
fn section(base: Option<&Value>, ours: Option<Value>, theirs: Option<Value>) -> Option<Value> {
    if [base, ours.as_ref(), theirs.as_ref()].into_iter().flatten().any(|section| !section.is_object()) {
        return pick(base, ours, theirs);
    }
    let base = base.and_then(Value::as_object);
    let entries = join(entries(ours), entries(theirs), |key, ours, theirs| {
        pick(base.and_then(|base| base.get(key)), ours, theirs)
    });
    Some(Value::Object(entries))
}

fn entries(section: Option<Value>) -> Object {
    match section {
        Some(Value::Object(entries)) => entries,
        _ => Object::new(),
    }
}

/// Whoever left an entry as it was has no say in it.
fn pick(base: Option<&Value>, ours: Option<Value>, theirs: Option<Value>) -> Option<Value> {
    if theirs.as_ref() == base {
        return ours;
    }
    if ours.as_ref() == base {
        return theirs;
    }
    let (ours, theirs) = (ours?, theirs?);
    Some(if cached_at(&theirs) > cached_at(&ours) { theirs } else { ours })
}

/// All names of both, each with what `choose` makes of the two values.
fn join(
    ours: Object,
    mut theirs: Object,
    choose: impl Fn(&str, Option<Value>, Option<Value>) -> Option<Value>,
) -> Object {
    let mut joined = Object::new();
    for (name, value) in ours {
        let other = theirs.remove(&name);
        if let Some(chosen) = choose(&name, Some(value), other) {
            joined.insert(name, chosen);
        }
    }
    for (name, value) in theirs {
        if let Some(chosen) = choose(&name, None, Some(value)) {
            joined.insert(name, chosen);
        }
    }
    joined
}

/// Those who were signed in, and of whom one side knows no account any more.
fn signed_out(base: &Object, ours: &Object, theirs: &Object) -> BTreeSet<Owner> {
    let (ours, theirs) = (signed_in(ours), signed_in(theirs));
    signed_in(base).into_iter().filter(|owner| !ours.contains(owner) || !theirs.contains(owner)).collect()
}

fn signed_in(cache: &Object) -> BTreeSet<Owner> {
    let accounts = cache.get(ACCOUNTS).and_then(Value::as_object);
    accounts.into_iter().flat_map(Map::values).filter_map(owner).collect()
}

/// Applications' own tokens have no owner: their id is empty.
fn owner(entry: &Value) -> Option<Owner> {
    let text = |field| entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    Some((text("home_account_id")?.to_owned(), text("environment")?.to_owned()))
}

/// In seconds since the Unix epoch, as text; 0 where it does not say.
fn cached_at(entry: &Value) -> u64 {
    let text = entry.get("cached_at").and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SECTIONS: [&str; 4] = [ACCOUNTS, "RefreshToken", "AccessToken", "OfALaterVersion"];

    /// A cache of a few people's entries, few enough that two of them often meet.
    fn caches() -> impl Strategy<Value = Object> {
        let entry = (0..SECTIONS.len(), 0..3_u8, 0..2_u8, 0..3_u8);
        proptest::collection::vec(entry, 0..10).prop_map(|entries| {
            let mut cache: Object = SECTIONS.map(|name| (name.to_owned(), json!({}))).into_iter().collect();
            for (section, person, key, value) in entries {
                let entry = json!({
                    "home_account_id": if person == 0 { String::new() } else { format!("{person}") },
                    "environment": "cloud",
                    "secret": value,
                    "cached_at": value.to_string(),
                });
                cache[SECTIONS[section]][format!("{person}-{key}")] = entry;
            }
            cache
        })
    }

    fn get<'a>(cache: &'a Object, section: &str, key: &str) -> Option<&'a Value> {
        cache.get(section)?.get(key)
    }

    /// Every place at which one of the caches has an entry.
    fn places(caches: [&Object; 3]) -> BTreeSet<(String, String)> {
        let sections = caches.into_iter().flatten();
        let keys = sections.flat_map(|(name, section)| {
            let keys = section.as_object().unwrap().keys();
            keys.map(|key| (name.clone(), key.clone())).collect::<Vec<_>>()
        });
        keys.collect()
    }

    proptest! {
        #[test]
        fn who_changes_nothing_has_no_say(base in caches(), change in caches()) {
            let signed_out = signed_out(&base, &change, &change);
            let mut expected = change.clone();
            for section in expected.values_mut().filter_map(Value::as_object_mut) {
                section.retain(|_, entry| owner(entry).is_none_or(|owner| !signed_out.contains(&owner)));
            }
            prop_assert_eq!(&merge(&base, change.clone(), base.clone()), &expected);
            prop_assert_eq!(&merge(&base, base.clone(), change.clone()), &expected);
            prop_assert_eq!(&merge(&base, change.clone(), change.clone()), &expected);
            prop_assert_eq!(merge(&base, base.clone(), base.clone()), base);
        }

        #[test]
        fn additions_stay_and_removals_count(base in caches(), ours in caches(), theirs in caches()) {
            let merged = merge(&base, ours.clone(), theirs.clone());
            let signed_out = signed_out(&base, &ours, &theirs);
            for (section, key) in places([&base, &ours, &theirs]) {
                let [before, ours, theirs, after] =
                    [&base, &ours, &theirs, &merged].map(|cache| get(cache, &section, &key));
                let any = before.or(ours).or(theirs).unwrap();
                let is_gone = owner(any).is_some_and(|owner| signed_out.contains(&owner));
                let is_removed = before.is_some() && (ours.is_none() || theirs.is_none());
                prop_assert_eq!(after.is_some(), !is_gone && !is_removed, "{} {}", section, key);
                if let Some(after) = after {
                    prop_assert!([ours, theirs].contains(&Some(after)));
                    prop_assert!(Some(after) != before || ours == before && theirs == before);
                    let newest = ours.map(cached_at).max(theirs.map(cached_at)).unwrap();
                    let both_changed = ours != before && theirs != before;
                    prop_assert!(!both_changed || cached_at(after) == newest);
                }
            }
        }

        #[test]
        fn the_order_of_two_changes_matters_only_where_they_meet(base in caches(), ours in caches(), theirs in caches()) {
            let one = merge(&base, ours.clone(), theirs.clone());
            let other = merge(&base, theirs.clone(), ours.clone());
            for (section, key) in places([&one, &other, &base]) {
                let [first, second] = [&one, &other].map(|cache| get(cache, &section, &key));
                prop_assert_eq!(first.map(cached_at), second.map(cached_at));
            }
        }
    }

    #[test]
    fn a_token_that_came_while_its_account_was_removed_goes_with_it() {
        let account = json!({ "home_account_id": "ann", "environment": "cloud" });
        let base = json!({ "Account": { "a": account } });
        let ours = json!({ "Account": { "a": account }, "RefreshToken": { "r": account }, "AppMetadata": { "m": {} } });
        let theirs = json!({ "Account": {} });
        let [base, ours, theirs] = [base, ours, theirs].map(|cache| cache.as_object().unwrap().clone());
        let merged = json!({ "Account": {}, "RefreshToken": {}, "AppMetadata": { "m": {} } });
        assert_eq!(Value::Object(merge(&base, ours, theirs)), merged);
    }

    #[test]
    fn what_is_no_section_is_kept_as_who_changed_it_has_it() {
        let of = |value: Value| parse(&json!({ "version": value }).to_string()).unwrap();
        let merged = |ours, theirs| merge(&of(json!(1)), of(ours), of(theirs))["version"].clone();
        assert_eq!(merged(json!(1), json!(2)), json!(2));
        assert_eq!(merged(json!({ "two": 2 }), json!(1)), json!({ "two": 2 }));
        assert_eq!(parse("[]"), None);
        assert_eq!(parse(""), None);
    }
}
