//! A search for keys by their record: each vault is reached once, however many keys it may have, and asked no more once it
//! has refused. One that does not answer costs its whole patience each time.

use std::collections::BTreeMap;

use super::key_record::Whereabouts;
use super::sealed;
use super::vault::{Refusal, Surroundings, Vault, VaultKey, VaultKind};

pub(super) struct KeySearch<'a> {
    surroundings: &'a Surroundings,
    reached: BTreeMap<VaultKind, Result<Box<dyn Vault>, Refusal>>,
}

impl<'a> KeySearch<'a> {
    pub fn new(surroundings: &'a Surroundings) -> Self {
        Self { surroundings, reached: BTreeMap::new() }
    }

    /// The key, if its vault has it, and it is the one that the record means.
    pub fn find(&mut self, key: &Whereabouts) -> Result<Option<VaultKey>, Refusal> {
        let reached = self.reached.entry(key.vault).or_insert_with(|| key.vault.reach(self.surroundings));
        let found = reached.as_ref().map_err(|refusal| *refusal)?.find(&key.id)?;
        Ok(found.filter(|found| sealed::id_of(found) == key.id))
    }
}
