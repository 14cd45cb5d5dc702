//! `LoginWitness`: core's login watch with host's eyes, for one credential of one JavaScript thread.

use std::path::Path;

use azure_token_cache_core::az::account::{self, Absence, Account, AccountEnvironment, AccountFiles};
use azure_token_cache_core::az::args::Audience;
use azure_token_cache_core::az::command::TokenCommand;
use azure_token_cache_core::identity::login::{File, Login, Marks, Role, Standing, codes};
use azure_token_cache_core::identity::{Look, Mark, Medium};
use azure_token_cache_core::time::{Clock, Instant};
use azure_token_cache_host::az_entry;
use azure_token_cache_host::witness::{LoginFiles, Reading};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

/// The files of a login, and the environment in which their contents count. Relative paths are not resolved.
#[napi(object)]
pub struct LoginSources {
    /// The account files.
    pub files: Vec<String>,
    /// What each of them is: the numbers of `azure_token_cache_core::identity::login::codes`.
    pub roles: Vec<u32>,
    /// The files that hold the tool's own secrets; they are looked at and never read.
    pub secrets: Vec<String>,
    /// `AZURE_CLOUD_NAME`.
    pub azure_cloud_name: Option<String>,
    /// `ACC_CLOUD`.
    pub acc_cloud: Option<String>,
    /// `COPILOT_AGENT_SESSION_ID`.
    pub copilot_agent_session_id: Option<String>,
    /// `ARM_CLOUD_METADATA_URL`.
    pub arm_cloud_metadata_url: Option<String>,
}

/// What a store needs to know of a token of az's.
#[napi(object, object_from_js = false)]
pub struct AzEntry {
    /// What it is kept under.
    pub key: Uint8Array,
    /// The digest of the files that name the account.
    pub login_account: String,
    /// The digest of the files that hold its secrets.
    pub login_session: String,
    /// Whose it is.
    pub account: String,
}

/// Who is logged in, for a store.
#[napi(object, object_from_js = false)]
pub struct StandingLogin {
    /// What the files say; nothing where nobody is logged in.
    pub says: Option<Uint8Array>,
    /// Whether that tells whose tokens the tools get.
    pub told: bool,
    /// The digest of the files that name the account.
    pub account: String,
    /// The digest of those that a new login changes.
    pub session: String,
}

/// The watch over one credential's files. Times are milliseconds, monotonic and since the Unix epoch; answers are the
/// numbers of `azure_token_cache_core::identity::login::codes`.
#[napi]
pub struct LoginWitness {
    login: Login,
    clock: Clock,
    files: LoginFiles,
    roles: Vec<Role>,
    sources: Option<LoginSources>,
    /// Whether these sources have been read.
    is_read: bool,
    /// How often the sources changed: marks of other files are other marks.
    generation: u32,
    secrets: Mark,
    last_run: u32,
    subscription: Option<String>,
}

#[napi]
impl LoginWitness {
    /// A watch that looks at most once in `gap_ms`. It has nothing to look at before `configure`.
    #[napi(constructor)]
    #[must_use]
    pub fn new(reliance: u32, subscription: Option<String>, gap_ms: f64) -> Self {
        Self {
            login: Login::new(codes::reliance(reliance), subscription.clone(), whole(gap_ms)),
            clock: Clock::default(),
            files: LoginFiles::new(Vec::new(), Vec::new()),
            roles: Vec::new(),
            sources: None,
            is_read: false,
            generation: 0,
            secrets: Mark::new(0),
            last_run: 0,
            subscription,
        }
    }

    /// Sets what to look at from now on.
    #[napi]
    pub fn configure(&mut self, sources: LoginSources) {
        let paths = |names: &[String]| names.iter().map(Into::into).collect();
        self.files = LoginFiles::new(paths(&sources.files), paths(&sources.secrets));
        self.roles =
            sources.roles.iter().map(|role| codes::role(u8::try_from(*role).unwrap_or(u8::MAX))).collect();
        self.generation = self.generation.wrapping_add(1);
        self.is_read = false;
        self.sources = Some(sources);
    }

    /// Whether a token in hand may be served: nothing has changed and nothing is left to be said.
    #[napi]
    pub fn unchanged(&mut self, monotonic_ms: f64, unix_ms: f64) -> bool {
        let now = self.now(monotonic_ms, unix_ms);
        match self.login.look(now) {
            Look::Serve => return true,
            Look::Witness => {
                let witness = mark(self.generation, self.files.witness());
                if self.login.handle_witness(witness, now) {
                    return true;
                }
            }
            Look::Read => {}
        }
        if self.login.is_clear() {
            self.read(now);
        }
        self.login.is_clear()
    }

    /// Reads the files, and says what that means for the tokens held.
    #[napi]
    pub fn examine(&mut self, monotonic_ms: f64, unix_ms: f64) -> u32 {
        let now = self.now(monotonic_ms, unix_ms);
        self.read(now);
        codes::verdict(self.login.verdict(now))
    }

    /// Reads the files, and says whether a run that was asked for at `asked_ms` (monotonic) may start; its number is then
    /// `lastRun`.
    #[napi]
    pub fn start(&mut self, asked_ms: f64, monotonic_ms: f64, unix_ms: f64) -> i32 {
        let now = self.now(monotonic_ms, unix_ms);
        self.read(now);
        let (code, run) = codes::starting(self.login.start(whole(asked_ms), now));
        self.last_run = run.unwrap_or(self.last_run);
        code
    }

    /// The number of the run that started last.
    #[napi]
    #[must_use]
    pub fn last_run(&self) -> u32 {
        self.last_run
    }

    /// Reads the files, and says whether they held still while the run went on, which ended at `ended_ms` (monotonic)
    /// with or without a token.
    #[napi]
    pub fn finish(&mut self, run: u32, fetched: bool, ended_ms: f64, monotonic_ms: f64, unix_ms: f64) -> i32 {
        let now = self.now(monotonic_ms, unix_ms);
        self.read(now);
        let secrets = fetched.then_some(self.secrets);
        codes::finish(self.login.finish(run, secrets, whole(ended_ms), now))
    }

    /// Whether a fetched token may be this login's.
    #[napi]
    #[allow(clippy::needless_pass_by_value)]
    pub fn admit(&mut self, token: String, tenant: Option<String>) -> u32 {
        codes::ownership(self.login.admit(&token, tenant.as_deref()))
    }

    /// The session that a token fetched now belongs to.
    #[napi]
    #[must_use]
    pub fn session(&self) -> u32 {
        self.login.session()
    }

    /// Why the last contents could not be parsed.
    #[napi]
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.login.error().map(ToString::to_string)
    }

    /// Who is logged in, by what was seen last; nothing where that cannot be read.
    #[napi]
    #[must_use]
    pub fn standing(&self) -> Option<StandingLogin> {
        let (says, told) = match self.login.standing().filter(|_| self.is_read)? {
            Standing::Nobody => (None, true),
            Standing::Somebody { says, told } => (Some(says.into()), told),
        };
        let is_az = |role| matches!(role, Role::AzProfile | Role::AzClouds | Role::AzConfig);
        let login = self.files.digests_with(|index| self.roles.get(index).is_some_and(|role| !is_az(*role)));
        let [account, session] = [login.account, login.session].map(az_entry::digest_text);
        Some(StandingLogin { says, told, account, session })
    }

    /// Where the store keeps az's token for this request, and the login, by what was seen last. Nothing where nobody is
    /// logged in, the files do not tell whose token it is, or az would refuse the request.
    #[napi]
    #[must_use]
    #[allow(clippy::needless_pass_by_value)]
    pub fn az_entry(&self, scopes: Vec<String>, tenant: Option<String>) -> Option<AzEntry> {
        let Account::Present(identity) = self.az_account(tenant.as_deref())? else {
            return None;
        };
        if identity.is_memory_only() {
            return None;
        }
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let command = TokenCommand {
            audience: Some(Audience::Scopes(&scopes)),
            tenant: tenant.as_deref(),
            subscription: self.subscription.as_deref(),
        };
        let key = az_entry::key(&command, &identity.fingerprint, self.az_folder()?).ok()?;
        let login = self.files.digests();
        Some(AzEntry {
            key: key.as_bytes().into(),
            login_account: az_entry::digest_text(login.account),
            login_session: az_entry::digest_text(login.session),
            account: identity.user,
        })
    }

    /// Where nobody is logged in to az, by what was seen last: how the keys begin of tokens that are nobody's.
    #[napi]
    #[must_use]
    pub fn az_vacated(&self) -> Option<Uint8Array> {
        match self.az_account(None)? {
            Account::Absent(Absence::NoAccounts) => {
                Some(az_entry::beginning(self.az_folder()?).as_bytes().into())
            }
            Account::Absent(_) | Account::Present(_) => None,
        }
    }

    fn az_account(&self, tenant: Option<&str>) -> Option<Account> {
        let contents = |role| match self.index(role) {
            Some(index) => self.files.contents(index),
            None => Ok(None),
        };
        let files = AccountFiles {
            profile: contents(Role::AzProfile).ok()?,
            clouds: contents(Role::AzClouds).ok()?,
            config: contents(Role::AzConfig).ok()?,
        };
        let environment = self.sources.as_ref().filter(|_| self.is_read)?.environment();
        account::parse(&files, &environment, self.subscription.as_deref(), tenant).ok()
    }

    fn az_folder(&self) -> Option<&Path> {
        let profile = self.sources.as_ref()?.files.get(self.index(Role::AzProfile)?)?;
        Path::new(profile).parent()
    }

    fn index(&self, role: Role) -> Option<usize> {
        self.roles.iter().position(|known| *known == role)
    }

    fn now(&mut self, monotonic_ms: f64, unix_ms: f64) -> Instant {
        self.clock.sample(whole(monotonic_ms), whole(unix_ms))
    }

    fn read(&mut self, now: Instant) {
        let Reading { witness, contents, secrets, written_unix_ms, remote } = self.files.read();
        self.is_read = true;
        self.secrets = mark(self.generation, secrets);
        let marks = Marks {
            witness: mark(self.generation, witness),
            contents: mark(self.generation, contents),
            secrets: self.secrets,
            written_unix_ms,
            medium: if remote { Medium::Remote } else { Medium::Local },
        };
        let environment = self.sources.as_ref().map(LoginSources::environment).unwrap_or_default();
        let (files, roles) = (&self.files, &self.roles);
        let found =
            || roles.iter().copied().enumerate().map(|(index, role)| (role, file(files, index))).collect();
        self.login.handle_reading(marks, found, &environment, now);
    }
}

impl LoginSources {
    fn environment(&self) -> AccountEnvironment<'_> {
        AccountEnvironment {
            azure_cloud_name: self.azure_cloud_name.as_deref(),
            acc_cloud: self.acc_cloud.as_deref(),
            copilot_agent_session_id: self.copilot_agent_session_id.as_deref(),
            arm_cloud_metadata_url: self.arm_cloud_metadata_url.as_deref(),
        }
    }
}

fn file(files: &LoginFiles, index: usize) -> File<'_> {
    match files.contents(index) {
        Ok(Some(bytes)) => File::Contents(bytes),
        Ok(None) => File::Absent,
        Err(_) => File::Unreadable,
    }
}

fn mark(generation: u32, value: u32) -> Mark {
    Mark::new(u64::from(generation) << 32 | u64::from(value))
}

/// A cast saturates, and makes 0 of what is no number.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value as i64
}
