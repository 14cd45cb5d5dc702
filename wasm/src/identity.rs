//! core's login watch over wasm-bindgen, for Node without the addon: TypeScript looks at the files and says what it saw.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::OnceCell;

use azure_token_cache_core::az::account::AccountEnvironment;
use azure_token_cache_core::identity::login::{File, Login, Marks, Role, Standing, codes};
use azure_token_cache_core::identity::{Look, Mark, Medium};
use azure_token_cache_core::time::{Clock, Instant};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

/// The watch over one credential's files. Times are milliseconds, monotonic and since the Unix epoch; answers are the
/// numbers of `azure_token_cache_core::identity::login::codes`.
#[wasm_bindgen(js_name = LoginWatch)]
pub struct LoginWatch {
    login: Login,
    clock: Clock,
    roles: Vec<Role>,
    environment: Environment,
    last_run: u32,
    secrets: Mark,
}

/// The variables that az would see.
#[derive(Default)]
struct Environment {
    azure_cloud_name: Option<String>,
    acc_cloud: Option<String>,
    copilot_agent_session_id: Option<String>,
    arm_cloud_metadata_url: Option<String>,
}

#[wasm_bindgen(js_class = LoginWatch)]
impl LoginWatch {
    /// A watch that looks at most once in `gap_ms`.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(reliance: u32, subscription: Option<String>, gap_ms: f64) -> Self {
        Self {
            login: Login::new(codes::reliance(reliance), subscription, whole(gap_ms)),
            clock: Clock::default(),
            roles: Vec::new(),
            environment: Environment::default(),
            last_run: 0,
            secrets: Mark::new(0),
        }
    }

    /// What the files are, and the environment in which their contents count. A later reading's contents must have
    /// another mark than those before.
    #[allow(clippy::needless_pass_by_value)]
    pub fn configure(
        &mut self,
        roles: Vec<u8>,
        azure_cloud_name: Option<String>,
        acc_cloud: Option<String>,
        copilot_agent_session_id: Option<String>,
        arm_cloud_metadata_url: Option<String>,
    ) {
        self.roles = roles.iter().copied().map(codes::role).collect();
        self.environment =
            Environment { azure_cloud_name, acc_cloud, copilot_agent_session_id, arm_cloud_metadata_url };
    }

    /// How closely to look before serving: 0 not at all, 1 a witness, 2 a reading.
    pub fn look(&mut self, monotonic_ms: f64, unix_ms: f64) -> u32 {
        let now = self.now(monotonic_ms, unix_ms);
        match self.login.look(now) {
            Look::Serve => 0,
            Look::Witness => 1,
            Look::Read => 2,
        }
    }

    /// Whether a witness with this mark is the one that was read.
    pub fn witness(&mut self, mark: f64, monotonic_ms: f64, unix_ms: f64) -> bool {
        let now = self.now(monotonic_ms, unix_ms);
        self.login.handle_witness(self::mark(mark), now)
    }

    /// Takes in a reading. `files` holds for each role the bytes, `undefined` where there is no file, or `null` where it
    /// cannot be read.
    #[allow(clippy::too_many_arguments)]
    pub fn reading(
        &mut self,
        witness: f64,
        contents: f64,
        secrets: f64,
        written_unix_ms: f64,
        remote: bool,
        files: &Array,
        monotonic_ms: f64,
        unix_ms: f64,
    ) {
        let now = self.now(monotonic_ms, unix_ms);
        self.secrets = mark(secrets);
        let marks = Marks {
            witness: mark(witness),
            contents: mark(contents),
            secrets: self.secrets,
            written_unix_ms: whole(written_unix_ms),
            medium: if remote { Medium::Remote } else { Medium::Local },
        };
        let copies = OnceCell::new();
        let found = || {
            let held = copies.get_or_init(|| files.iter().map(|file| bytes(&file)).collect::<Vec<_>>());
            self.roles.iter().copied().zip(held.iter().map(as_file)).collect()
        };
        self.login.handle_reading(marks, found, &self.environment.as_core(), now);
    }

    /// Whether nothing that was learnt is left to be said.
    #[wasm_bindgen(js_name = isClear)]
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.login.is_clear()
    }

    /// What the readings mean for the tokens held.
    pub fn verdict(&mut self, monotonic_ms: f64, unix_ms: f64) -> u32 {
        let now = self.now(monotonic_ms, unix_ms);
        codes::verdict(self.login.verdict(now))
    }

    /// Whether a run that was asked for at `asked_ms` (monotonic) may start; its number is then `lastRun`.
    pub fn start(&mut self, asked_ms: f64, monotonic_ms: f64, unix_ms: f64) -> i32 {
        let now = self.now(monotonic_ms, unix_ms);
        let (code, run) = codes::starting(self.login.start(whole(asked_ms), now));
        self.last_run = run.unwrap_or(self.last_run);
        code
    }

    /// The number of the run that started last.
    #[wasm_bindgen(js_name = lastRun)]
    #[must_use]
    pub fn last_run(&self) -> u32 {
        self.last_run
    }

    /// Whether the files held still while the run went on, which ended at `ended_ms` (monotonic) with or without a token.
    pub fn finish(&mut self, run: u32, fetched: bool, ended_ms: f64, monotonic_ms: f64, unix_ms: f64) -> i32 {
        let now = self.now(monotonic_ms, unix_ms);
        let secrets = fetched.then_some(self.secrets);
        codes::finish(self.login.finish(run, secrets, whole(ended_ms), now))
    }

    /// Whether a fetched token may be this login's.
    #[allow(clippy::needless_pass_by_value)]
    pub fn admit(&mut self, token: &str, tenant: Option<String>) -> u32 {
        codes::ownership(self.login.admit(token, tenant.as_deref()))
    }

    /// The session that a token fetched now belongs to.
    #[must_use]
    pub fn session(&self) -> u32 {
        self.login.session()
    }

    /// Who is logged in, by the last reading: what the files say, an empty text where nobody is, nothing where they cannot
    /// be read. `isTold` says whether that tells whose tokens the tools get.
    #[must_use]
    pub fn says(&self) -> Option<Vec<u8>> {
        Some(match self.login.standing()? {
            Standing::Nobody => Vec::new(),
            Standing::Somebody { says, .. } => says,
        })
    }

    /// See `says`.
    #[wasm_bindgen(js_name = isTold)]
    #[must_use]
    pub fn is_told(&self) -> bool {
        !matches!(self.login.standing(), None | Some(Standing::Somebody { told: false, .. }))
    }

    /// Why the last contents could not be parsed.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.login.error().map(ToString::to_string)
    }

    fn now(&mut self, monotonic_ms: f64, unix_ms: f64) -> Instant {
        self.clock.sample(whole(monotonic_ms), whole(unix_ms))
    }
}

impl Environment {
    fn as_core(&self) -> AccountEnvironment<'_> {
        AccountEnvironment {
            azure_cloud_name: self.azure_cloud_name.as_deref(),
            acc_cloud: self.acc_cloud.as_deref(),
            copilot_agent_session_id: self.copilot_agent_session_id.as_deref(),
            arm_cloud_metadata_url: self.arm_cloud_metadata_url.as_deref(),
        }
    }
}

/// What JavaScript holds of a file: absent, unreadable, or bytes.
fn bytes(file: &JsValue) -> Result<Option<Vec<u8>>, ()> {
    if file.is_null() {
        return Err(());
    }
    Ok(file.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec))
}

fn as_file(held: &Result<Option<Vec<u8>>, ()>) -> File<'_> {
    match held {
        Ok(Some(bytes)) => File::Contents(bytes),
        Ok(None) => File::Absent,
        Err(()) => File::Unreadable,
    }
}

fn mark(value: f64) -> Mark {
    Mark::new(value.to_bits())
}

/// A cast saturates, and makes 0 of what is no number.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value as i64
}
