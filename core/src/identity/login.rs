//! Who a credential's developer tools are logged in as, and the watch over it: what host and wasm share.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display, Formatter};

use serde_json::Value;

use super::{Admission, Finish, Look, Mark, Medium, Parsed, Problem, Reading, Run, Start, Verdict, Watch};
use crate::az::account::{self, Account, AccountEnvironment, AccountError, AccountFiles};
use crate::az::token_claims;
use crate::time::Instant;

/// Runs that never end are forgotten beyond this many, ten times as many as a cache has entries; they count as moved.
const RUNS_MAX: usize = 100_000;

/// What a watched file is to the tool that writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Azure CLI's `azureProfile.json`.
    AzProfile,
    /// Azure CLI's `clouds.config`.
    AzClouds,
    /// Azure CLI's `config`.
    AzConfig,
    /// Azure Developer CLI's `auth.json`.
    AzdAuth,
    /// Azure Developer CLI's `config.json`.
    AzdConfig,
    /// Azure PowerShell's `AzureRmContext.json`.
    PowerShellContext,
    /// A file of which every byte counts.
    Opaque,
}

/// What was found at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File<'a> {
    /// Nothing.
    Absent,
    /// A file with these contents.
    Contents(&'a [u8]),
    /// Something that cannot be read.
    Unreadable,
}

/// How much a credential has to do with the tools whose files are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliance {
    /// It runs the tool at every fetch.
    Always,
    /// It may end in the tool: a chain. Files that cannot be read by this process cannot be read by the tool either, so
    /// that they are nobody's; broken ones stop it, as they stop a tool.
    Perhaps,
    /// Nobody knows. Files that cannot be read or parsed count as an account of their own and stop nothing.
    Unknown,
}

/// Who is logged in. Two that are equal may share tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    az: Az,
    /// What the other tools' files say, in the order of the files.
    others: Vec<Said>,
}

/// Who is logged in, as far as a store that outlives this process must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody, to any of the tools.
    Nobody,
    /// Somebody, or nobody can say.
    Somebody {
        /// What the files say, whole: no two logins that may not share tokens say the same. It may hold secrets, and names
        /// people: keep a digest.
        says: Vec<u8>,
        /// Whether that tells whose tokens the tools get. A machine's identity, for one, is not in the files.
        told: bool,
    },
}

/// What a file of another tool than az says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Absent,
    Unreadable,
    Broken,
    /// The part that says who is logged in, in one form, and what it comes to.
    Part(Vec<u8>, Reach),
}

/// What the files of one tool come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// They say nothing of who is logged in.
    Silent,
    Nobody,
    Somebody,
    Untold,
}

/// What az's files say.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Az {
    NotAsked,
    Account(Account),
    Unusable,
}

/// A file that says neither that somebody is logged in nor that nobody is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginError {
    /// It cannot be read.
    Unreadable(Role),
    /// It is not what az reads.
    Account(AccountError),
    /// It is not JSON.
    NotJson(Role),
}

/// Says who is logged in by these files, of which none may be there twice.
///
/// Azure CLI's files count for Azure Developer CLI alone only where its `config.json` says `auth.useAzCliAuth`.
pub fn who(
    files: &[(Role, File<'_>)],
    environment: &AccountEnvironment<'_>,
    subscription: Option<&str>,
    reliance: Reliance,
) -> Result<Who, LoginError> {
    let others = files.iter().filter_map(|file| other(*file, reliance)).collect::<Result<_, _>>()?;
    let az = if az_counts(files, reliance) {
        az(files, environment, subscription, reliance)?
    } else {
        Az::NotAsked
    };
    Ok(Who { az, others })
}

/// The watch over one credential's files, with the runs that are under way.
#[derive(Clone, Debug)]
pub struct Login {
    watch: Watch<Who>,
    reliance: Reliance,
    subscription: Option<String>,
    read: Option<Mark>,
    error: Option<LoginError>,
    runs: BTreeMap<u32, Run<Who>>,
    last_run: u32,
}

/// A reading but for what the contents say; see [`Reading`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// See [`Reading::witness`].
    pub witness: Mark,
    /// See [`Reading::contents`].
    pub contents: Mark,
    /// See [`Reading::secrets`].
    pub secrets: Mark,
    /// See [`Reading::written_unix_ms`].
    pub written_unix_ms: i64,
    /// See [`Reading::medium`].
    pub medium: Medium,
}

/// Whether a run may start; see [`Start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starting {
    /// Now, under this number.
    Go(u32),
    /// Read again in this many milliseconds, and ask again.
    Wait(i64),
    /// Not at all.
    Refuse(Problem),
}

/// Whether a fetched token may be this login's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It may.
    Plausible,
    /// Its readable claims are another account's: never keep or serve it.
    Contradiction,
    /// Its owner is another person than before: the identity changed, every older token goes.
    OtherUser,
}

impl Login {
    /// A watch that looks at the files at most once in `gap_ms` milliseconds; see [`Watch::new`]. `subscription` is what
    /// the credential hands to az.
    #[must_use]
    pub fn new(reliance: Reliance, subscription: Option<String>, gap_ms: i64) -> Self {
        Self {
            watch: Watch::new(gap_ms),
            reliance,
            subscription,
            read: None,
            error: None,
            runs: BTreeMap::new(),
            last_run: 0,
        }
    }

    /// See [`Watch::look`].
    #[must_use]
    pub fn look(&self, now: Instant) -> Look {
        self.watch.look(now)
    }

    /// See [`Watch::handle_witness`].
    #[must_use]
    pub fn handle_witness(&mut self, witness: Mark, now: Instant) -> bool {
        self.watch.handle_witness(witness, now)
    }

    /// Takes in a reading that began at `now`. The files are parsed only if their contents are not those of the reading
    /// before.
    pub fn handle_reading<'a>(
        &mut self,
        marks: Marks,
        files: impl FnOnce() -> Vec<(Role, File<'a>)>,
        environment: &AccountEnvironment<'_>,
        now: Instant,
    ) {
        let account = if self.read.replace(marks.contents) == Some(marks.contents) {
            Parsed::Repeated
        } else {
            self.parse(&files(), environment)
        };
        let Marks { witness, contents, secrets, written_unix_ms, medium } = marks;
        self.watch
            .handle_reading(Reading { witness, contents, secrets, written_unix_ms, medium, account }, now);
    }

    /// Whether nothing that was learnt is left to be said and a token in hand may be served.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.watch.is_clear()
    }

    /// See [`Watch::verdict`].
    #[must_use]
    pub fn verdict(&mut self, now: Instant) -> Verdict {
        self.watch.verdict(now)
    }

    /// Whether a run may start, by the reading just taken in; see [`Watch::start`]. A credential of which nobody knows that
    /// it starts a tool waits for quiet files, and is never refused.
    #[must_use]
    pub fn start(&mut self, asked_ms: i64, now: Instant) -> Starting {
        let start = match (self.watch.start(asked_ms, now), self.reliance) {
            (Start::Refuse(problem), Reliance::Unknown) => {
                self.watch.begin().map_or(Start::Refuse(problem), Start::Go)
            }
            (start, _) => start,
        };
        match start {
            Start::Wait(ms) => Starting::Wait(ms),
            Start::Refuse(problem) => Starting::Refuse(problem),
            Start::Go(run) => Starting::Go(self.remember(run)),
        }
    }

    /// Whether the files held still while a run went on, by the reading just taken in; see [`Watch::finish`]. A run that
    /// is not known has moved. `secrets` is that reading's, if the run brought a token: it may have written them.
    #[must_use]
    pub fn finish(&mut self, run: u32, secrets: Option<Mark>, ended_ms: i64, now: Instant) -> Finish {
        let Some(begun) = self.runs.get(&run) else {
            return Finish::Moved { same_account: false };
        };
        let finish = self.watch.finish(begun, ended_ms, now);
        if !matches!(finish, Finish::Wait(_)) {
            self.runs.remove(&run);
        }
        if let (Finish::Steady, Some(secrets)) = (finish, secrets) {
            self.watch.keep_secrets(secrets);
        }
        finish
    }

    /// Compares a fetched token's readable claims with the account, and its owner with the one before. `tenant` is the
    /// one that was asked for, if the account's own was not. Of a credential that may have asked somebody else than the tool,
    /// another owner need not be another login: [`crate::Cache::handle_owner`] judges it.
    #[must_use]
    pub fn admit(&mut self, token: &str, tenant: Option<&str>) -> Ownership {
        let Some(claims) = token_claims::readable(token) else {
            return Ownership::Plausible;
        };
        if self.expected(tenant).is_some_and(|account| token_claims::contradicts(&claims, &account)) {
            return Ownership::Contradiction;
        }
        let (Some(tid), Some(oid), Reliance::Always) = (claims.tid, claims.oid, self.reliance) else {
            return Ownership::Plausible;
        };
        match self.watch.admit(&tid, &oid) {
            Admission::Known => Ownership::Plausible,
            Admission::OtherUser => Ownership::OtherUser,
        }
    }

    /// See [`Watch::session`].
    #[must_use]
    pub fn session(&self) -> u32 {
        self.watch.session()
    }

    /// Who is logged in by the last reading, for a store; `None` where its files cannot be read or parsed.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.watch.account().filter(|_| self.error.is_none())?.standing()
    }

    /// Why the last contents could not be parsed, if they could not.
    #[must_use]
    pub fn error(&self) -> Option<&LoginError> {
        self.error.as_ref()
    }

    fn remember(&mut self, run: Run<Who>) -> u32 {
        self.last_run = self.last_run.wrapping_add(1);
        if self.runs.len() >= RUNS_MAX {
            self.runs.pop_first();
        }
        self.runs.insert(self.last_run, run);
        self.last_run
    }

    fn parse(&mut self, files: &[(Role, File<'_>)], environment: &AccountEnvironment<'_>) -> Parsed<Who> {
        let parsed = who(files, environment, self.subscription.as_deref(), self.reliance);
        self.error = parsed.as_ref().err().cloned();
        parsed.map_or(Parsed::Unparsable, Parsed::Account)
    }

    /// The account that a fetched token must be of. A credential that only may have asked az is not held to it.
    fn expected(&self, tenant: Option<&str>) -> Option<Account> {
        let (Reliance::Always, Az::Account(account)) = (self.reliance, &self.watch.account()?.az) else {
            return None;
        };
        let mut account = account.clone();
        if let (Account::Present(identity), Some(tenant)) = (&mut account, tenant) {
            identity.tenant = tenant.to_string();
        }
        Some(account)
    }
}

fn az_counts(files: &[(Role, File<'_>)], reliance: Reliance) -> bool {
    let is_there = |role| files.iter().any(|(known, _)| *known == role);
    if !is_there(Role::AzProfile) {
        return false;
    }
    reliance != Reliance::Always || !is_there(Role::AzdConfig) || uses_az(files)
}

/// azd stores what `azd config set auth.useAzCliAuth true` says as a string.
fn uses_az(files: &[(Role, File<'_>)]) -> bool {
    let Ok(Some(bytes)) = contents(files, Role::AzdConfig) else { return false };
    let config: Option<Value> = json(bytes);
    match config.as_ref().and_then(|config| config.pointer("/auth/useAzCliAuth")) {
        Some(Value::Bool(uses)) => *uses,
        Some(Value::String(uses)) => ["1", "t", "true"].iter().any(|yes| uses.eq_ignore_ascii_case(yes)),
        _ => false,
    }
}

fn az(
    files: &[(Role, File<'_>)],
    environment: &AccountEnvironment<'_>,
    subscription: Option<&str>,
    reliance: Reliance,
) -> Result<Az, LoginError> {
    match (az_account(files, environment, subscription), reliance) {
        (Ok(account), _) => Ok(Az::Account(account)),
        (Err(_), Reliance::Unknown) | (Err(LoginError::Unreadable(_)), Reliance::Perhaps) => Ok(Az::Unusable),
        (Err(error), _) => Err(error),
    }
}

fn az_account(
    files: &[(Role, File<'_>)],
    environment: &AccountEnvironment<'_>,
    subscription: Option<&str>,
) -> Result<Account, LoginError> {
    let files = AccountFiles {
        profile: contents(files, Role::AzProfile)?,
        clouds: contents(files, Role::AzClouds)?,
        config: contents(files, Role::AzConfig)?,
    };
    account::parse(&files, environment, subscription, None).map_err(LoginError::Account)
}

fn contents<'a>(files: &[(Role, File<'a>)], role: Role) -> Result<Option<&'a [u8]>, LoginError> {
    match files.iter().find(|(known, _)| *known == role) {
        Some((_, File::Contents(bytes))) => Ok(Some(bytes)),
        Some((_, File::Unreadable)) => Err(LoginError::Unreadable(role)),
        Some((_, File::Absent)) | None => Ok(None),
    }
}

impl Who {
    /// For a store that outlives this process; `None` where a file could not be read or parsed.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let mut says = Vec::new();
        let mut reaches = Vec::new();
        let (text, reach) = self.az.standing()?;
        push_part(&mut says, text);
        reaches.push(reach);
        for said in &self.others {
            let (text, reach) = said.standing()?;
            push_part(&mut says, text);
            reaches.push(reach);
        }
        let told = !reaches.contains(&Reach::Untold);
        let somebody = !told || reaches.contains(&Reach::Somebody);
        Some(if somebody { Standing::Somebody { says, told } } else { Standing::Nobody })
    }
}

impl Az {
    fn standing(&self) -> Option<(&[u8], Reach)> {
        match self {
            Self::NotAsked => Some((b"", Reach::Silent)),
            Self::Account(Account::Absent(_)) => Some((b"", Reach::Nobody)),
            Self::Account(Account::Present(identity)) => {
                let reach = if identity.is_memory_only() { Reach::Untold } else { Reach::Somebody };
                Some((identity.fingerprint.as_bytes(), reach))
            }
            Self::Unusable => None,
        }
    }
}

impl Said {
    fn standing(&self) -> Option<(&[u8], Reach)> {
        match self {
            Self::Absent => Some((b"", Reach::Nobody)),
            Self::Part(text, reach) => Some((text, *reach)),
            Self::Unreadable | Self::Broken => None,
        }
    }
}

/// Each part stands behind its length, so that no two lists of parts say the same.
fn push_part(says: &mut Vec<u8>, part: &[u8]) {
    says.extend_from_slice(&(part.len() as u64).to_be_bytes());
    says.extend_from_slice(part);
}

/// What a file of another tool than az says; `None` for az's.
fn other((role, file): (Role, File<'_>), reliance: Reliance) -> Option<Result<Said, LoginError>> {
    if matches!(role, Role::AzProfile | Role::AzClouds | Role::AzConfig) {
        return None;
    }
    let said = match (file, reliance) {
        (File::Absent, _) => Ok(Said::Absent),
        (File::Unreadable, Reliance::Always) => Err(LoginError::Unreadable(role)),
        (File::Unreadable, _) => Ok(Said::Unreadable),
        (File::Contents(bytes), _) => match identity_part(role, bytes) {
            Some((part, reach)) => Ok(Said::Part(part, reach)),
            None if reliance == Reliance::Always => Err(LoginError::NotJson(role)),
            None => Ok(Said::Broken),
        },
    };
    Some(said)
}

/// The part of a file that says who is logged in, in one form; `None` where it is not JSON.
fn identity_part(role: Role, bytes: &[u8]) -> Option<(Vec<u8>, Reach)> {
    let file = json(bytes);
    let (text, reach) = match role {
        Role::Opaque => {
            let reach = if file.is_some_and(|record| has_text(&record, "/homeAccountId")) {
                Reach::Somebody
            } else {
                Reach::Untold
            };
            return Some((bytes.to_vec(), reach));
        }
        Role::AzdConfig => (file?.get("auth").map_or_else(String::new, Value::to_string), Reach::Silent),
        Role::PowerShellContext => selected_context(&file?),
        Role::AzdAuth => {
            let file = file?;
            (file.to_string(), azd_reach(&file))
        }
        Role::AzProfile | Role::AzClouds | Role::AzConfig => (file?.to_string(), Reach::Untold),
    };
    Some((text.into_bytes(), reach))
}

/// A person has the id of an account, a service principal a client and a tenant; a managed identity has none of them.
fn azd_reach(file: &Value) -> Reach {
    let Some(user) = file.pointer("/auth/account/currentUser") else { return Reach::Nobody };
    let is_told =
        has_text(user, "/homeAccountId") || (has_text(user, "/clientId") && has_text(user, "/tenantId"));
    let is_machine = user.get("managedIdentity").is_some_and(|machine| machine != &Value::Bool(false));
    if is_told && !is_machine { Reach::Somebody } else { Reach::Untold }
}

/// PowerShell's file holds every context that was ever used: the selected one counts, without the token cache that old
/// versions keep in it. A file of another shape counts whole.
fn selected_context(file: &Value) -> (String, Reach) {
    let selected = file.get("DefaultContextKey").and_then(Value::as_str).map(ToString::to_string);
    let context = selected.as_deref().and_then(|key| file.get("Contexts")?.get(key));
    let Some(Value::Object(context)) = context else { return (file.to_string(), no_context(file)) };
    let mut context = context.clone();
    context.remove("TokenCache");
    let context = Value::Object(context);
    (context.to_string(), context_reach(&context))
}

/// After a logout no context is left.
fn no_context(file: &Value) -> Reach {
    match file.get("Contexts") {
        Some(Value::Object(contexts)) if contexts.is_empty() => Reach::Nobody,
        _ => Reach::Untold,
    }
}

/// Accounts of other types are the machine's (`ManagedService`), or a token that somebody brought.
fn context_reach(context: &Value) -> Reach {
    if context.get("Account").is_none_or(Value::is_null) {
        return Reach::Nobody;
    }
    let kind = context.pointer("/Account/Type").and_then(Value::as_str);
    let is_told = kind.is_some_and(|kind| ["User", "ServicePrincipal"].contains(&kind))
        && has_text(context, "/Account/Id");
    if is_told { Reach::Somebody } else { Reach::Untold }
}

fn has_text(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok()
}

impl Role {
    /// The file's name.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::AzProfile => "azureProfile.json",
            Self::AzClouds => "clouds.config",
            Self::AzConfig => "config",
            Self::AzdAuth => "auth.json",
            Self::AzdConfig => "config.json",
            Self::PowerShellContext => "AzureRmContext.json",
            Self::Opaque => "the login record",
        }
    }
}

impl Display for LoginError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(role) => {
                write!(f, "The file {} cannot be read: make it readable for this user.", role.file_name())
            }
            Self::NotJson(role) => {
                write!(f, "The file {} is not JSON. If that lasts, log in again.", role.file_name())
            }
            Self::Account(error) => Display::fmt(error, f),
        }
    }
}

impl core::error::Error for LoginError {}

/// Answers as numbers, for hosts that JavaScript asks: nothing else crosses as cheaply.
pub mod codes {
    use super::{Finish, Ownership, Problem, Reliance, Role, Starting, Verdict};

    /// 0 same, 1 changed, 2 touched, 3 unparsable, 4 give up.
    #[must_use]
    pub fn verdict(verdict: Verdict) -> u32 {
        match verdict {
            Verdict::Same => 0,
            Verdict::Changed => 1,
            Verdict::Touched { .. } => 2,
            Verdict::Unparsable { .. } => 3,
            Verdict::GiveUp => 4,
        }
    }

    /// -1 the run of this number may start, -2 the files stay unparsable, -3 they do not rest; else the milliseconds to
    /// wait.
    #[must_use]
    pub fn starting(starting: Starting) -> (i32, Option<u32>) {
        match starting {
            Starting::Go(run) => (-1, Some(run)),
            Starting::Refuse(Problem::Unparsable) => (-2, None),
            Starting::Refuse(Problem::Restless) => (-3, None),
            Starting::Wait(ms) => (i32::try_from(ms).unwrap_or(i32::MAX), None),
        }
    }

    /// -1 steady, -2 moved with the same account, -3 moved; else the milliseconds to wait.
    #[must_use]
    pub fn finish(finish: Finish) -> i32 {
        match finish {
            Finish::Steady => -1,
            Finish::Moved { same_account: true } => -2,
            Finish::Moved { same_account: false } => -3,
            Finish::Wait(ms) => i32::try_from(ms).unwrap_or(i32::MAX),
        }
    }

    /// 0 plausible, 1 contradiction, 2 another user.
    #[must_use]
    pub fn ownership(ownership: Ownership) -> u32 {
        match ownership {
            Ownership::Plausible => 0,
            Ownership::Contradiction => 1,
            Ownership::OtherUser => 2,
        }
    }

    /// 0 always, 1 perhaps, else unknown.
    #[must_use]
    pub fn reliance(code: u32) -> Reliance {
        match code {
            0 => Reliance::Always,
            1 => Reliance::Perhaps,
            _ => Reliance::Unknown,
        }
    }

    /// 0 to 5 in the order of [`Role`], else opaque.
    #[must_use]
    pub fn role(code: u8) -> Role {
        match code {
            0 => Role::AzProfile,
            1 => Role::AzClouds,
            2 => Role::AzConfig,
            3 => Role::AzdAuth,
            4 => Role::AzdConfig,
            5 => Role::PowerShellContext,
            _ => Role::Opaque,
        }
    }
}
