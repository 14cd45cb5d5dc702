//! What a caller asks for, and what kind of credential is asked.

/// A credential that was registered with a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CredentialId(pub(crate) u32);

impl CredentialId {
    /// The id as a number, for a host that keeps numbers.
    #[must_use]
    pub fn to_bits(self) -> u32 {
        self.0
    }

    /// The id that [`Self::to_bits`] gave.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// What a credential honours, and how its fetches end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialKind {
    /// Which parts of a request its tokens depend on.
    pub keyed_by: KeyedBy,
    /// It can answer a claims challenge. One that cannot throws at once, and its base entry becomes due.
    pub honours_claims: bool,
    /// A fetch may be aborted. An az that is killed can leave its own token cache half-written: not so.
    pub abortable: bool,
    /// It asks a person, and so is never fetched behind a caller.
    pub interactive: bool,
    /// The limit of a fetch in milliseconds, where it differs from the policy's.
    pub fetch_limit: Option<u32>,
}

impl CredentialKind {
    /// What is assumed of a credential that nobody knows.
    pub const GENERAL: Self = Self {
        keyed_by: KeyedBy::Request,
        honours_claims: true,
        abortable: true,
        interactive: false,
        fetch_limit: None,
    };

    /// The Azure CLI.
    pub const AZ: Self =
        Self { keyed_by: KeyedBy::Resource, honours_claims: false, abortable: false, ..Self::GENERAL };
}

/// Which parts of a request a credential's tokens depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyedBy {
    /// The set of scopes, the tenant and CAE.
    Request,
    /// The first scope without one trailing `/.default`, and the tenant; CAE is ignored. This is what az honours.
    Resource,
}

/// One request for a token, by its exact parts.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The credential that is asked.
    pub credential: CredentialId,
    /// The scopes, in any order.
    pub scopes: &'a [&'a str],
    /// The tenant that the caller names; `None` is not the same as naming the credential's own.
    pub tenant: Option<&'a str>,
    /// Whether the caller understands continuous access evaluation.
    pub cae: bool,
    /// The claims of a challenge, byte for byte.
    pub claims: Option<&'a str>,
}

/// Why a request cannot have an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no scope, or one of them is empty.
    EmptyScope,
    /// The credential was never registered here.
    UnknownCredential,
    /// As many fetches are in flight as there may be entries: ask the credential itself.
    Full,
    /// The cache was closed.
    Closed,
}

impl core::fmt::Display for RequestError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(match self {
            Self::EmptyScope => "the request names no scope, or an empty one; name at least one, such as https://vault.azure.net/.default",
            Self::UnknownCredential => "the credential was not registered with this cache; register it first",
            Self::Full => "every entry has a fetch in flight; ask the credential itself, or raise the maximum number of entries",
            Self::Closed => "the cache was closed; make a new one",
        })
    }
}

impl core::error::Error for RequestError {}
