//! What az is asked: the arguments of a token request, its validation, and the part of it that az honours.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display, Formatter};

use super::base64;
use super::scrub::Excerpt;

/// One request for a token, as a credential gets it. Nothing is validated yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRequest<'a> {
    /// What the token is for.
    pub audience: Audience<'a>,
    /// The tenant to ask, by id or domain name; an empty one is as none. See [`resolve_tenant`].
    pub tenant: Option<&'a str>,
    /// The subscription whose account and tenant az uses, by id or name; an empty one is as none.
    pub subscription: Option<&'a str>,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// A credential's scopes. az takes one resource: the first scope without one trailing `/.default`; the others are
    /// ignored, as `@azure/identity` does.
    Scopes(&'a [&'a str]),
    /// `--resource`, as it is.
    Resource(&'a str),
    /// `--scope`, as it is.
    Scope(&'a str),
}

/// What az honours of a request: requests with equal keys get the same token from the same account.
///
/// `--resource R` and scope `R/.default` are one; `x//.default` is not `x/.default`; any other `--scope` is its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AzKey {
    /// What the token is for.
    pub audience: AudienceKey,
    /// The tenant argument.
    pub tenant: Option<String>,
    /// The subscription argument.
    pub subscription: Option<String>,
}

/// What a token is for, in az's terms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AudienceKey {
    /// A resource: az asks for `{resource}/.default`.
    Resource(String),
    /// A scope that is no resource's `/.default`.
    Scope(String),
}

/// A call of a credential's `getToken`, with what the credential was configured to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialRequest<'a> {
    /// The scopes asked for.
    pub scopes: &'a [&'a str],
    /// The credential's own tenant.
    pub configured_tenant: Option<&'a str>,
    /// The tenant that the call asks for.
    pub requested_tenant: Option<&'a str>,
    /// The tenants besides its own that the credential may ask, or `*`.
    pub additionally_allowed: &'a [&'a str],
    /// Whether calls may ask for a tenant at all. See [`resolve_tenant`].
    pub multi_tenant: bool,
    /// The credential's subscription.
    pub subscription: Option<&'a str>,
    /// The call's claims challenge; one of white space is none.
    pub claims: Option<&'a str>,
}

/// A request that cannot be put to az. Nothing was started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no scope, or it is empty.
    NoScope,
    /// The scope or resource is not of `[0-9a-zA-Z-_.:/]+`, or begins with `-`, or names no resource.
    InvalidScope(Excerpt),
    /// The tenant is not of `[0-9a-zA-Z-.]+`, or begins with `-`.
    InvalidTenant(Excerpt),
    /// The subscription is not of `[0-9a-zA-Z-._ ]+`, or begins with `-`.
    InvalidSubscription(Excerpt),
    /// az takes a tenant or a subscription, not both.
    TenantWithSubscription,
    /// The request names a tenant that the credential may not ask.
    TenantNotAllowed {
        /// The tenant asked for.
        tenant: Excerpt,
    },
    /// az cannot pass a claims challenge on; the user has to log in with it.
    ClaimsUnsupported {
        /// The command to run: `az login --claims-challenge ...`.
        command: String,
    },
}

/// az's arguments for `request`, without the program's name, one per element: they are for a process, not for a shell.
///
/// Errors: every [`RequestError`] but [`TenantNotAllowed`](RequestError::TenantNotAllowed) and
/// [`ClaimsUnsupported`](RequestError::ClaimsUnsupported).
pub fn token_arguments(request: &TokenRequest<'_>) -> Result<Vec<String>, RequestError> {
    let key = key(request)?;
    let (flag, value) = match key.audience {
        AudienceKey::Resource(resource) => ("--resource", resource),
        AudienceKey::Scope(scope) => ("--scope", scope),
    };
    let mut arguments: Vec<String> =
        ["account", "get-access-token", "--output", "json", flag].map(ToOwned::to_owned).into();
    arguments.push(value);
    for (flag, value) in [("--tenant", key.tenant), ("--subscription", key.subscription)] {
        if let Some(value) = value {
            arguments.push(flag.to_owned());
            arguments.push(value);
        }
    }
    Ok(arguments)
}

/// az's arguments for a call of a credential.
///
/// Errors: every [`RequestError`].
pub fn credential_arguments(request: &CredentialRequest<'_>) -> Result<Vec<String>, RequestError> {
    let audience = Audience::Scopes(request.scopes);
    if let Some(claims) = request.claims.filter(|claims| !claims.trim().is_empty()) {
        return Err(claims_error(claims, audience, request.requested_tenant));
    }
    let tenant = resolve_tenant(
        request.configured_tenant,
        request.requested_tenant,
        request.additionally_allowed,
        request.multi_tenant,
    )?;
    token_arguments(&TokenRequest { audience, tenant, subscription: request.subscription })
}

/// What az honours of `request`.
///
/// Errors: as [`token_arguments`].
pub fn key(request: &TokenRequest<'_>) -> Result<AzKey, RequestError> {
    let audience = audience_key(request.audience)?;
    let tenant = given(request.tenant);
    let subscription = given(request.subscription);
    if let Some(tenant) = tenant {
        check_tenant(tenant)?;
    }
    if let Some(subscription) = subscription {
        check_subscription(subscription)?;
    }
    if tenant.is_some() && subscription.is_some() {
        return Err(RequestError::TenantWithSubscription);
    }
    Ok(AzKey {
        audience,
        tenant: tenant.map(ToOwned::to_owned),
        subscription: subscription.map(ToOwned::to_owned),
    })
}

/// Checks a tenant against az's allowed characters, for a credential's constructor.
///
/// Errors: [`RequestError::InvalidTenant`].
pub fn check_tenant(tenant: &str) -> Result<(), RequestError> {
    if is_made_of(tenant, "-.") { Ok(()) } else { Err(RequestError::InvalidTenant(Excerpt::of_text(tenant))) }
}

/// Checks a subscription against az's allowed characters, for a credential's constructor.
///
/// Errors: [`RequestError::InvalidSubscription`].
pub fn check_subscription(subscription: &str) -> Result<(), RequestError> {
    if is_made_of(subscription, "-._ ") {
        Ok(())
    } else {
        Err(RequestError::InvalidSubscription(Excerpt::of_text(subscription)))
    }
}

/// Which tenant a request asks: its own, else the credential's `configured` one.
///
/// A credential with a tenant of its own asks another one only if `additionally_allowed` lists it or `*`. With
/// `multi_tenant` false (`AZURE_IDENTITY_DISABLE_MULTITENANTAUTH` is set) and for `adfs` the request's tenant is ignored.
/// An empty requested tenant is no request for another one.
///
/// Errors: [`RequestError::TenantNotAllowed`].
pub fn resolve_tenant<'a>(
    configured: Option<&'a str>,
    requested: Option<&'a str>,
    additionally_allowed: &[&str],
    multi_tenant: bool,
) -> Result<Option<&'a str>, RequestError> {
    let (Some(own), Some(asked)) = (given(configured), given(requested)) else {
        return Ok(given(configured).or_else(|| given(requested).filter(|_| multi_tenant)));
    };
    if !multi_tenant || own == "adfs" || own == asked {
        return Ok(Some(own));
    }
    if additionally_allowed.iter().any(|allowed| *allowed == "*" || *allowed == asked) {
        return Ok(Some(asked));
    }
    Err(RequestError::TenantNotAllowed { tenant: Excerpt::of_text(asked) })
}

/// The error for a request with `claims`: az cannot do them, its user can, with the command in the error.
///
/// `claims` is the challenge as the service sent it (JSON). `audience` and `tenant` are those of the request.
/// [`RequestError::ClaimsUnsupported`], or the error of an invalid scope or tenant, so that no such text gets into a
/// command that people paste.
#[must_use]
pub fn claims_error(claims: &str, audience: Audience<'_>, tenant: Option<&str>) -> RequestError {
    match login_command(claims, audience, tenant) {
        Ok(command) => RequestError::ClaimsUnsupported { command },
        Err(error) => error,
    }
}

fn login_command(claims: &str, audience: Audience<'_>, tenant: Option<&str>) -> Result<String, RequestError> {
    let scope = match audience {
        Audience::Scopes(scopes) => (*scopes.first().ok_or(RequestError::NoScope)?).to_owned(),
        Audience::Scope(scope) => scope.to_owned(),
        Audience::Resource(resource) => [resource, DEFAULT].concat(),
    };
    check_scope(&scope)?;
    let mut command =
        ["az login --claims-challenge ", &base64::encode(&latin1(claims)), " --scope ", &scope].concat();
    if let Some(tenant) = given(tenant) {
        check_tenant(tenant)?;
        command.push_str(" --tenant ");
        command.push_str(tenant);
    }
    Ok(command)
}

/// az decodes the challenge as Latin-1. What Latin-1 cannot say, JSON can, as `\uXXXX`.
fn latin1(claims: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(claims.len());
    for character in claims.chars() {
        if let Ok(byte) = u8::try_from(u32::from(character)) {
            bytes.push(byte);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            bytes.extend_from_slice(alloc::format!("\\u{unit:04x}").as_bytes());
        }
    }
    bytes
}

const DEFAULT: &str = "/.default";

fn audience_key(audience: Audience<'_>) -> Result<AudienceKey, RequestError> {
    let (text, is_scope) = match audience {
        Audience::Scopes(scopes) => (*scopes.first().ok_or(RequestError::NoScope)?, false),
        Audience::Scope(scope) => (scope, true),
        Audience::Resource(resource) => {
            check_scope(resource)?;
            return Ok(AudienceKey::Resource(resource.to_owned()));
        }
    };
    check_scope(text)?;
    match text.strip_suffix(DEFAULT) {
        Some("") => Err(RequestError::InvalidScope(Excerpt::of_text(text))),
        Some(resource) => Ok(AudienceKey::Resource(resource.to_owned())),
        None if is_scope => Ok(AudienceKey::Scope(text.to_owned())),
        None => Ok(AudienceKey::Resource(text.to_owned())),
    }
}

fn check_scope(scope: &str) -> Result<(), RequestError> {
    if scope.is_empty() {
        return Err(RequestError::NoScope);
    }
    if is_made_of(scope, "-_.:/") { Ok(()) } else { Err(RequestError::InvalidScope(Excerpt::of_text(scope))) }
}

/// ASCII letters, digits and `punctuation`, at least one; a leading `-` would be an option to az.
fn is_made_of(text: &str, punctuation: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || punctuation.contains(character))
}

fn given(argument: Option<&str>) -> Option<&str> {
    argument.filter(|text| !text.is_empty())
}

impl RequestError {
    /// The variant's name: a stable word for logs, events and other languages.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoScope => "NoScope",
            Self::InvalidScope(_) => "InvalidScope",
            Self::InvalidTenant(_) => "InvalidTenant",
            Self::InvalidSubscription(_) => "InvalidSubscription",
            Self::TenantWithSubscription => "TenantWithSubscription",
            Self::TenantNotAllowed { .. } => "TenantNotAllowed",
            Self::ClaimsUnsupported { .. } => "ClaimsUnsupported",
        }
    }
}

impl Display for RequestError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScope => f.write_str("A scope is needed, such as https://management.azure.com/.default."),
            Self::InvalidScope(scope) => write!(
                f,
                "Invalid scope was specified by the user or calling client: '{scope}'. It may hold letters, digits and \
                 -_.:/ only, and starts with none of -."
            ),
            Self::InvalidTenant(tenant) => write!(
                f,
                "Invalid tenant id provided: '{tenant}'. Give the tenant's id or domain name; to find it see \
                 https://learn.microsoft.com/partner-center/find-ids-and-domain-names."
            ),
            Self::InvalidSubscription(subscription) => write!(
                f,
                "Subscription '{subscription}' contains invalid characters. If this is the name of a subscription, use \
                 its ID instead; to find it see \
                 https://learn.microsoft.com/azure/azure-portal/get-subscription-tenant-id."
            ),
            Self::TenantWithSubscription => f.write_str(
                "Azure CLI takes a tenant or a subscription, not both. Leave out the tenant, which follows from the \
                 subscription, or the subscription.",
            ),
            Self::TenantNotAllowed { tenant } => write!(
                f,
                "The current credential is not configured to acquire tokens for tenant {tenant}. Add it to \
                 additionallyAllowedTenants in the credential's options, or add \"*\" to allow any tenant."
            ),
            Self::ClaimsUnsupported { command } => write!(
                f,
                "This credential doesn't support claims challenges. To authenticate with the required claims, please run \
                 the following command: {command}"
            ),
        }
    }
}

impl core::error::Error for RequestError {}
