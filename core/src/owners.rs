//! Whose tokens a credential gets: one owner in each tenant, until the identity changes.

use alloc::string::String;
use alloc::vec::Vec;

/// Owners are remembered for at most this many tenants.
const TENANTS_MAX: usize = 1_000;

/// The owner of a token, as its readable claims say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// `tid`: a credential may have another identity in each tenant.
    pub tenant: &'a str,
    /// `oid`; or the client's id, `appid` or `azp`, of a token without one.
    pub id: OwnerId<'a>,
}

/// Ids of two sorts are never compared: one identity may have tokens with an `oid`, and tokens without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerId<'a> {
    /// Of a user or a service principal.
    Object(&'a str),
    /// Of a client.
    Client(&'a str),
}

/// The owners that are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    tenant: String,
    is_client: bool,
    id: String,
}

impl Owners {
    /// Whether somebody else is known to have this tenant's tokens.
    pub fn know_another(&self, owner: Owner<'_>) -> bool {
        self.find(owner).is_some_and(|known| known.id != text(owner.id))
    }

    /// The first one of a tenant stays, until [`Self::forget`].
    pub fn remember(&mut self, owner: Owner<'_>) {
        if self.find(owner).is_some() {
            return;
        }
        if self.known.len() >= TENANTS_MAX {
            self.known.remove(0);
        }
        let (tenant, id) = (owner.tenant.into(), text(owner.id).into());
        self.known.push(Known { tenant, is_client: is_client(owner.id), id });
    }

    pub fn forget(&mut self) {
        self.known.clear();
    }

    fn find(&self, owner: Owner<'_>) -> Option<&Known> {
        let is_client = is_client(owner.id);
        self.known.iter().find(|known| known.tenant == owner.tenant && known.is_client == is_client)
    }
}

fn text(id: OwnerId<'_>) -> &str {
    match id {
        OwnerId::Object(id) | OwnerId::Client(id) => id,
    }
}

fn is_client(id: OwnerId<'_>) -> bool {
    matches!(id, OwnerId::Client(_))
}
