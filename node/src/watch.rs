//! `LoginWitness`: core's login watch with host's eyes, for one credential of one JavaScript thread.

use azure_token_cache_core::az::account::AccountEnvironment;
use azure_token_cache_core::identity::login::{File, Login, Marks, Role, codes};
use azure_token_cache_core::identity::{Look, Mark, Medium};
use azure_token_cache_core::time::{Clock, Instant};
use azure_token_cache_host::witness::{LoginFiles, Reading};
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

/// The watch over one credential's files. Times are milliseconds, monotonic and since the Unix epoch; answers are the
/// numbers of `azure_token_cache_core::identity::login::codes`.
#[napi]
pub struct LoginWitness {
    login: Login,
    clock: Clock,
    files: LoginFiles,
    roles: Vec<Role>,
    sources: Option<LoginSources>,
    /// How often the sources changed: marks of other files are other marks.
    generation: u32,
    secrets: Mark,
    last_run: u32,
}

#[napi]
impl LoginWitness {
    /// A watch that looks at most once in `gap_ms`. It has nothing to look at before `configure`.
    #[napi(constructor)]
    #[must_use]
    pub fn new(reliance: u32, subscription: Option<String>, gap_ms: f64) -> Self {
        Self {
            login: Login::new(codes::reliance(reliance), subscription, whole(gap_ms)),
            clock: Clock::default(),
            files: LoginFiles::new(Vec::new(), Vec::new()),
            roles: Vec::new(),
            sources: None,
            generation: 0,
            secrets: Mark::new(0),
            last_run: 0,
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

    fn now(&mut self, monotonic_ms: f64, unix_ms: f64) -> Instant {
        self.clock.sample(whole(monotonic_ms), whole(unix_ms))
    }

    fn read(&mut self, now: Instant) {
        let Reading { witness, contents, secrets, written_unix_ms, remote } = self.files.read();
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
