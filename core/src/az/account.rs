//! Who az is logged in as, read from its three files the way az reads them.
//!
//! As in azure-cli 2.91: `_profile.py` (`get_subscription`, `get_raw_token`), `cloud.py` (`get_active_cloud`) and knack's
//! `config.py`. Files that make az stop with an exception, or that it would overwrite, are [`AccountError`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Debug, Display, Formatter};

use serde_json::{Map, Value};

use super::ini::{Broken, Ini, Options};
use super::scrub::Excerpt;

/// The bytes of az's files; `None` for a file that does not exist.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountFiles<'a> {
    /// `azureProfile.json`.
    pub profile: Option<&'a [u8]>,
    /// `clouds.config`.
    pub clouds: Option<&'a [u8]>,
    /// `config`.
    pub config: Option<&'a [u8]>,
}

/// The environment variables, of those that az is given, that decide who it is; `None` for one that is not set.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountEnvironment<'a> {
    /// `AZURE_CLOUD_NAME`: the active cloud, before `config`. An empty one counts.
    pub azure_cloud_name: Option<&'a str>,
    /// `ACC_CLOUD`: set in Cloud Shell.
    pub acc_cloud: Option<&'a str>,
    /// `COPILOT_AGENT_SESSION_ID`: marks the tokens.
    pub copilot_agent_session_id: Option<&'a str>,
    /// `ARM_CLOUD_METADATA_URL`: where the list of built-in clouds comes from instead.
    pub arm_cloud_metadata_url: Option<&'a str>,
}

/// Who az would answer for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// This identity.
    Present(Identity),
    /// Nobody: az would fail and say so.
    Absent(Absence),
}

/// A logged-in identity, as far as az's files tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The active cloud, such as `AzureCloud`.
    pub cloud: String,
    /// A user's name, a service principal's client id, or for a managed identity `systemAssignedIdentity` or
    /// `userAssignedIdentity`.
    pub user: String,
    /// What it is.
    pub kind: AccountKind,
    /// Which managed identity: `MSI`, or `MSIClient-`, `MSIObject-` or `MSIResource-` with an id.
    pub assigned_identity: Option<String>,
    /// The tenant that is asked, by id or domain name: the tenant argument, else the account's.
    pub tenant: String,
    /// The id of the subscription that the account was chosen by; the tenant's id for a login without subscriptions.
    pub subscription_id: String,
    /// `COPILOT_AGENT_SESSION_ID`, if it is set and not empty.
    pub agent_session: Option<String>,
    /// All of this, and the settings that decide where tokens come from, for comparison.
    pub fingerprint: Fingerprint,
}

/// What an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// A person.
    User,
    /// An application with a secret or a certificate.
    ServicePrincipal,
    /// The machine's (`az login --identity`).
    ManagedIdentity,
    /// Cloud Shell's user.
    CloudShell,
}

/// Why there is no account. az says the same and fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// Nobody is logged in, in any cloud: no token of this folder is anybody's.
    NoAccounts,
    /// Nobody is logged in to the active cloud.
    NoneInCloud {
        /// The active cloud.
        cloud: String,
    },
    /// Of the active cloud's subscriptions none is selected.
    NoDefault {
        /// The active cloud.
        cloud: String,
    },
    /// The active cloud has no subscription of this id or name.
    UnknownSubscription {
        /// The subscription argument.
        subscription: Excerpt,
    },
    /// More than one subscription has this name, or more than one is selected.
    AmbiguousSubscription {
        /// The subscription argument; empty if there is none.
        subscription: Excerpt,
    },
}

/// A file that cannot be read as az reads it: torn, or broken for good. It says neither that somebody is logged in nor
/// that nobody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountError {
    /// Which file.
    pub file: AccountFile,
    /// What is wrong with it.
    pub flaw: FileFlaw,
}

/// One of az's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountFile {
    /// `azureProfile.json`.
    Profile,
    /// `clouds.config`.
    Clouds,
    /// `config`.
    Config,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFlaw {
    /// It is empty: a rewrite that has begun, or one that failed.
    Empty,
    /// It is not UTF-8.
    NotUtf8,
    /// It is not JSON, or not all of it.
    NotJson,
    /// A field that az needs is missing or of another type.
    Field(&'static str),
    /// This line of an INI file, counted from 1, is malformed or there twice.
    Line(usize),
    /// The INI value that names the cloud refers to something that is not there.
    Reference,
}

/// Every part of an account that decides which tokens are its own, exact: equal fingerprints are the same account.
///
/// The bytes are the parts one after the other, each with its length before it, so that no two accounts share them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Vec<u8>);

/// Who az answers for, with these files, this environment and these arguments.
///
/// An empty `subscription` or `tenant` is as none. Without a subscription the selected one (`isDefault`) counts, among those of
/// the active cloud; with one, the one of that id or name, in any case. The active cloud is `AZURE_CLOUD_NAME`, else `name`
/// in `[cloud]` of `config`, else `AzureCloud`, which also stands in for a cloud that nobody registered.
///
/// Errors: [`AccountError`]; az must not be started then, since it overwrites files that it cannot read.
pub fn parse(
    files: &AccountFiles<'_>,
    environment: &AccountEnvironment<'_>,
    subscription: Option<&str>,
    tenant: Option<&str>,
) -> Result<Account, AccountError> {
    let read = Readable::of(files, environment)?;
    match read.chosen(subscription)? {
        Ok(entry) => read.identity(entry, environment, given(tenant)).map(Account::Present),
        Err(absence) => Ok(Account::Absent(absence)),
    }
}

/// The profile's entry that [`parse`] chooses, whole: what `az account show` prints. `None` where it chooses none.
///
/// Errors: as [`parse`].
pub(super) fn chosen_entry(
    files: &AccountFiles<'_>,
    environment: &AccountEnvironment<'_>,
) -> Result<Option<Map<String, Value>>, AccountError> {
    let read = Readable::of(files, environment)?;
    Ok(read.chosen(None)?.ok().cloned())
}

/// The profile's entries of the active cloud, whole and in their order: what `az account list` prints them from.
///
/// Errors: as [`parse`].
pub(super) fn entries_of_cloud(
    files: &AccountFiles<'_>,
    environment: &AccountEnvironment<'_>,
) -> Result<Vec<Map<String, Value>>, AccountError> {
    let read = Readable::of(files, environment)?;
    let mut entries = Vec::new();
    for subscription in read.subscriptions {
        let Value::Object(entry) = subscription else {
            return Err(profile_error(FileFlaw::Field("subscriptions")));
        };
        if text(&entry, "environmentName")? == read.cloud {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The files, read as far as they decide who is logged in.
struct Readable {
    config: Ini,
    clouds: Ini,
    cloud: String,
    subscriptions: Vec<Value>,
}

impl Readable {
    fn of(files: &AccountFiles<'_>, environment: &AccountEnvironment<'_>) -> Result<Self, AccountError> {
        let config = ini(AccountFile::Config, files.config)?;
        let clouds = ini(AccountFile::Clouds, files.clouds)?;
        let cloud = active_cloud(&config, &clouds, files.clouds, environment)?;
        let subscriptions = subscriptions(files.profile)?;
        Ok(Self { config, clouds, cloud, subscriptions })
    }

    fn chosen(
        &self,
        subscription: Option<&str>,
    ) -> Result<Result<&Map<String, Value>, Absence>, AccountError> {
        if self.subscriptions.is_empty() {
            return Ok(Err(Absence::NoAccounts));
        }
        chosen(&self.subscriptions, &self.cloud, given(subscription))
    }

    fn identity(
        &self,
        entry: &Map<String, Value>,
        environment: &AccountEnvironment<'_>,
        tenant: Option<&str>,
    ) -> Result<Identity, AccountError> {
        let settings =
            Settings { cloud: &self.cloud, clouds: &self.clouds, config: &self.config, environment };
        identity(entry, &settings, tenant)
    }
}

impl Identity {
    /// Whether the files do not tell whose tokens these are, so that they may be kept in memory only: the machine's
    /// identity, Cloud Shell's user, and agent sessions.
    #[must_use]
    pub fn is_memory_only(&self) -> bool {
        self.agent_session.is_some()
            || matches!(self.kind, AccountKind::ManagedIdentity | AccountKind::CloudShell)
    }
}

impl Fingerprint {
    /// The parts, each with its length before it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The length only: the parts name people.
impl Debug for Fingerprint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({} bytes)", self.0.len())
    }
}

/// az's default cloud.
const DEFAULT_CLOUD: &str = "AzureCloud";

/// The clouds that az knows without `clouds.config`. `AzureGermanCloud` is of older versions.
const KNOWN_CLOUDS: [&str; 5] =
    [DEFAULT_CLOUD, "AzureChinaCloud", "AzureUSGovernment", "AzureGermanCloud", "AzureBleuCloud"];

fn active_cloud(
    config: &Ini,
    clouds: &Ini,
    clouds_bytes: Option<&[u8]>,
    environment: &AccountEnvironment<'_>,
) -> Result<String, AccountError> {
    let name = match environment.azure_cloud_name {
        Some(name) => name.to_string(),
        None => config
            .get("cloud", "name")
            .map_err(|broken| AccountError { file: AccountFile::Config, flaw: broken.into() })?
            .unwrap_or_else(|| DEFAULT_CLOUD.to_string()),
    };
    let registered = KNOWN_CLOUDS.contains(&name.as_str()) || clouds.has_section(&name);
    if registered || environment.arm_cloud_metadata_url.is_some() {
        return Ok(name);
    }
    if clouds_bytes.is_some_and(|bytes| bytes.trim_ascii().is_empty()) {
        // az truncates clouds.config before it writes it. Started now, it would reset the active cloud for good.
        return Err(AccountError { file: AccountFile::Clouds, flaw: FileFlaw::Empty });
    }
    Ok(DEFAULT_CLOUD.to_string())
}

fn ini(file: AccountFile, bytes: Option<&[u8]>) -> Result<Ini, AccountError> {
    let parsed = bytes.map(Ini::parse).transpose();
    parsed.map(Option::unwrap_or_default).map_err(|broken| AccountError { file, flaw: broken.into() })
}

impl From<Broken> for FileFlaw {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::NotUtf8 => Self::NotUtf8,
            Broken::Line(line) => Self::Line(line),
            Broken::Reference => Self::Reference,
        }
    }
}

/// All clouds' subscriptions.
fn subscriptions(profile: Option<&[u8]>) -> Result<Vec<Value>, AccountError> {
    let Some(bytes) = profile else { return Ok(Vec::new()) };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(profile_error(FileFlaw::Empty));
    }
    let text = core::str::from_utf8(bytes).map_err(|_| profile_error(FileFlaw::NotUtf8))?;
    match serde_json::from_str(text).map_err(|_| profile_error(FileFlaw::NotJson))? {
        Value::Object(mut profile) => match profile.remove("subscriptions") {
            Some(Value::Array(subscriptions)) => Ok(subscriptions),
            missing if !missing.as_ref().is_some_and(is_truthy) => Ok(Vec::new()),
            _ => Err(profile_error(FileFlaw::Field("subscriptions"))),
        },
        _ => Err(profile_error(FileFlaw::NotJson)),
    }
}

fn profile_error(flaw: FileFlaw) -> AccountError {
    AccountError { file: AccountFile::Profile, flaw }
}

/// The subscription that az would use, or why there is none.
fn chosen<'a>(
    subscriptions: &'a [Value],
    cloud: &str,
    argument: Option<&str>,
) -> Result<Result<&'a Map<String, Value>, Absence>, AccountError> {
    let wanted = argument.map(str::to_lowercase);
    let mut in_cloud = 0_usize;
    let mut matches = Vec::new();
    for entry in subscriptions {
        let entry = entry.as_object().ok_or_else(|| profile_error(FileFlaw::Field("subscriptions")))?;
        if text(entry, "environmentName")? != cloud {
            continue;
        }
        in_cloud = in_cloud.saturating_add(1);
        let is_match = match &wanted {
            None => entry.get("isDefault").is_some_and(is_truthy),
            Some(wanted) => {
                let (id, name) = (text(entry, "id")?.to_lowercase(), text(entry, "name")?.to_lowercase());
                *wanted == id || *wanted == name
            }
        };
        if is_match {
            matches.push(entry);
        }
    }
    let cloud = || cloud.to_string();
    let subscription = || Excerpt::of_text(argument.unwrap_or_default());
    Ok(match (matches.as_slice(), argument) {
        ([entry], _) => Ok(*entry),
        ([], _) if in_cloud == 0 => Err(Absence::NoneInCloud { cloud: cloud() }),
        ([], None) => Err(Absence::NoDefault { cloud: cloud() }),
        ([], Some(_)) => Err(Absence::UnknownSubscription { subscription: subscription() }),
        _ => Err(Absence::AmbiguousSubscription { subscription: subscription() }),
    })
}

/// What besides the profile decides where tokens come from.
struct Settings<'a> {
    cloud: &'a str,
    clouds: &'a Ini,
    config: &'a Ini,
    environment: &'a AccountEnvironment<'a>,
}

fn identity(
    entry: &Map<String, Value>,
    settings: &Settings<'_>,
    tenant: Option<&str>,
) -> Result<Identity, AccountError> {
    let user =
        entry.get("user").and_then(Value::as_object).ok_or_else(|| profile_error(FileFlaw::Field("user")))?;
    let environment = settings.environment;
    let user_name = text(user, "name")?;
    let kind = kind(user, environment)?;
    let mut identity = Identity {
        cloud: settings.cloud.to_string(),
        user: user_name.to_string(),
        kind,
        assigned_identity: match (kind, user_name) {
            (AccountKind::ManagedIdentity, USER_ASSIGNED) => {
                Some(text(user, "assignedIdentityInfo")?.to_string())
            }
            _ => user.get("assignedIdentityInfo").and_then(Value::as_str).map(ToString::to_string),
        },
        tenant: tenant.map_or_else(|| text(entry, "tenantId"), Ok)?.to_string(),
        subscription_id: text(entry, "id")?.to_string(),
        agent_session: environment
            .copilot_agent_session_id
            .and_then(|id| given(Some(id)))
            .map(ToString::to_string),
        fingerprint: Fingerprint(Vec::new()),
    };
    identity.fingerprint = fingerprint(&identity, settings);
    Ok(identity)
}

const SYSTEM_ASSIGNED: &str = "systemAssignedIdentity";
const USER_ASSIGNED: &str = "userAssignedIdentity";

fn kind(
    user: &Map<String, Value>,
    environment: &AccountEnvironment<'_>,
) -> Result<AccountKind, AccountError> {
    let in_cloud_shell = given(environment.acc_cloud).is_some();
    if in_cloud_shell && user.get("cloudShellID").is_some_and(is_truthy) {
        return Ok(AccountKind::CloudShell);
    }
    if [SYSTEM_ASSIGNED, USER_ASSIGNED].contains(&text(user, "name")?) {
        return Ok(AccountKind::ManagedIdentity);
    }
    match text(user, "type")? {
        "user" => Ok(AccountKind::User),
        "servicePrincipal" => Ok(AccountKind::ServicePrincipal),
        _ => Err(profile_error(FileFlaw::Field("type"))),
    }
}

fn fingerprint(identity: &Identity, settings: &Settings<'_>) -> Fingerprint {
    let mut parts = Parts::default();
    parts.text("azure account 1");
    parts.text(&identity.cloud);
    parts.text(&identity.user);
    parts.text(match identity.kind {
        AccountKind::User => "user",
        AccountKind::ServicePrincipal => "service principal",
        AccountKind::ManagedIdentity => "managed identity",
        AccountKind::CloudShell => "cloud shell",
    });
    parts.optional(identity.assigned_identity.as_deref());
    parts.text(&identity.tenant);
    parts.text(&identity.subscription_id);
    parts.optional(identity.agent_session.as_deref());
    parts.optional(settings.environment.arm_cloud_metadata_url);
    let mut cloud = settings.clouds.options(settings.cloud).unwrap_or_default();
    // Only `az cloud set` reads it, to select a subscription in the profile, which counts itself.
    cloud.remove("subscription");
    parts.options(&cloud);
    parts.options(&settings.config.options("defaults").unwrap_or_default());
    Fingerprint(parts.0)
}

/// Parts one after the other, each with its length before it.
#[derive(Default)]
struct Parts(Vec<u8>);

impl Parts {
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.len().to_string().as_bytes());
        self.0.push(b':');
        self.0.extend_from_slice(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.0.push(b'-'),
        }
    }

    fn options(&mut self, options: &Options) {
        self.text(&options.len().to_string());
        for (name, value) in options {
            self.text(name);
            self.text(value);
        }
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, AccountError> {
    object.get(name).and_then(Value::as_str).ok_or_else(|| profile_error(FileFlaw::Field(name)))
}

/// Python's truth of a JSON value.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn given(argument: Option<&str>) -> Option<&str> {
    argument.filter(|text| !text.is_empty())
}

impl Display for Absence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAccounts => f.write_str(
                "Please run 'az login' from a command prompt to authenticate before using this credential.",
            ),
            Self::NoneInCloud { cloud } => write!(
                f,
                "Please run 'az login' from a command prompt: nobody is logged in to the active cloud, {cloud}. 'az cloud \
                 set' selects another one."
            ),
            Self::NoDefault { cloud } => {
                write!(
                    f,
                    "No subscription of {cloud} is selected. Run 'az account set' to select one, or 'az login'."
                )
            }
            Self::UnknownSubscription { subscription } => write!(
                f,
                "Subscription '{subscription}' not found. Check its spelling with 'az account list', or run 'az login' as \
                 an account that has it."
            ),
            Self::AmbiguousSubscription { subscription } if subscription.is_empty() => {
                f.write_str("More than one subscription is selected. Run 'az account set' to select one.")
            }
            Self::AmbiguousSubscription { subscription } => {
                write!(f, "More than one subscription is called '{subscription}'. Give its ID instead.")
            }
        }
    }
}

impl Display for AccountFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Profile => "azureProfile.json",
            Self::Clouds => "clouds.config",
            Self::Config => "config",
        })
    }
}

impl Display for AccountError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let file = self.file;
        write!(f, "Azure CLI's file {file} cannot be read: ")?;
        match &self.flaw {
            FileFlaw::Empty => f.write_str("it is empty")?,
            FileFlaw::NotUtf8 => f.write_str("it is not UTF-8")?,
            FileFlaw::NotJson => f.write_str("it is no JSON object, or not all of one")?,
            FileFlaw::Field(name) => write!(f, "'{name}' is missing or of an unexpected type")?,
            FileFlaw::Line(line) => write!(f, "line {line} is malformed, or there twice")?,
            FileFlaw::Reference => f.write_str("its cloud name has a '%' that is no valid reference")?,
        }
        match self.file {
            AccountFile::Profile => {
                f.write_str(". If that lasts, run 'az account clear' and then 'az login'.")
            }
            AccountFile::Clouds | AccountFile::Config => {
                write!(f, ". If that lasts, correct or remove {file} in Azure CLI's folder (~/.azure).")
            }
        }
    }
}

impl core::error::Error for AccountError {}
impl core::error::Error for Absence {}
