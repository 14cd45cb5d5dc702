//! `AzRunner`: az run by host on threads of its own, its output read by core there, the answer handed to JavaScript.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_token_cache_core::az::args::{CredentialRequest, RequestError, credential_arguments};
use azure_token_cache_core::az::error::AzError;
use azure_token_cache_core::az::output::{AzToken, MAX_OUTPUT_BYTES, parse_token};
use azure_token_cache_host::run::{Answer, Event, Program, Request, Run, start};
use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

/// A token request as a credential gets it, with what the credential was configured to.
#[napi(object)]
pub struct AzQuestion {
    /// The scopes; az honours the first.
    pub scopes: Vec<String>,
    /// The credential's tenant.
    pub configured_tenant: Option<String>,
    /// The request's tenant.
    pub requested_tenant: Option<String>,
    /// The tenants besides its own that the credential may ask, or `*`.
    pub allowed_tenants: Vec<String>,
    /// Whether requests may name a tenant at all.
    pub multi_tenant: bool,
    /// The credential's subscription.
    pub subscription: Option<String>,
    /// The request's claims challenge.
    pub claims: Option<String>,
}

/// az's arguments, or why there are none.
#[napi(object)]
pub struct AzArguments {
    /// The arguments, without the program's name.
    pub arguments: Option<Vec<String>>,
    /// The name of the error.
    pub code: Option<String>,
    /// What the error says.
    pub message: Option<String>,
}

/// One run of az. Times are in milliseconds.
#[napi(object)]
pub struct AzRun {
    /// The value of PATH: az is looked for at its absolute entries.
    pub search_path: String,
    /// The arguments, without the program's name.
    pub arguments: Vec<String>,
    /// The environment: names and values by turns.
    pub environment: Vec<String>,
    /// The folder that az starts in.
    pub folder: String,
    /// How long the caller waits, from the start of the process.
    pub limit_ms: f64,
    /// How much longer az may live while one of `lock_files` exists.
    pub grace_ms: f64,
    /// The files that exist while az writes its token cache.
    pub lock_files: Vec<String>,
    /// The local time zone.
    pub zone: AzZone,
}

/// The local time zone around now: seconds east of UTC before and after its next or last change, and the Unix second of
/// that change.
#[napi(object)]
#[derive(Clone, Copy)]
pub struct AzZone {
    /// Seconds east of UTC before the change.
    pub before: i32,
    /// The Unix second of the change.
    pub changes_at: f64,
    /// Seconds east of UTC from the change on.
    pub after: i32,
}

/// What a run reports: first the answer (`token` or `code`), then `ended`.
#[napi(object)]
#[derive(Default)]
pub struct AzReport {
    /// No process of the run is left.
    pub ended: bool,
    /// The access token.
    pub token: Option<String>,
    /// When the token expires, in milliseconds since the Unix epoch.
    pub expires_on_timestamp: Option<f64>,
    /// The name of the error.
    pub code: Option<String>,
    /// What the error says.
    pub message: Option<String>,
}

/// Called weakly: a run keeps no process alive; JavaScript does that while a caller waits.
type Report = ThreadsafeFunction<AzReport, (), AzReport, Status, false, true>;

/// az's arguments for a request.
#[napi]
#[must_use]
#[allow(clippy::needless_pass_by_value)]
pub fn az_arguments(question: AzQuestion) -> AzArguments {
    match arguments(&question) {
        Ok(arguments) => AzArguments { arguments: Some(arguments), code: None, message: None },
        Err(error) => {
            AzArguments { arguments: None, code: Some(error.code().into()), message: Some(error.to_string()) }
        }
    }
}

/// The runs of one JavaScript thread. When the thread ends, they end.
#[napi]
#[derive(Default)]
pub struct AzRunner {
    runs: Arc<Runs>,
}

#[napi]
impl AzRunner {
    /// A runner without runs.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts az; `report` is called twice.
    #[napi]
    pub fn start(&self, run: AzRun, report: Report) -> napi::Result<()> {
        let runs = Arc::clone(&self.runs);
        let id = runs.next_id();
        let zone = run.zone;
        let listener = move |event| {
            let ended = matches!(event, Event::Ended);
            if ended {
                runs.remove(id);
            }
            report.call(report_of(event, zone), ThreadsafeFunctionCallMode::NonBlocking);
        };
        self.runs.insert(id, || start(request(run), listener)).map_err(|error| {
            napi::Error::new(Status::GenericFailure, format!("There is no thread to run az on: {error}"))
        })
    }

    /// Ends every run before it returns; each may keep its lock file for `patience_ms` first.
    #[napi]
    pub fn stop_all(&self, patience_ms: f64) {
        self.runs.stop_all(milliseconds(patience_ms));
    }
}

impl Drop for AzRunner {
    /// The JavaScript thread ends, as a worker that is terminated does, without having called `stop_all`.
    fn drop(&mut self) {
        self.runs.stop_all(Duration::ZERO);
    }
}

/// The runs in progress.
#[derive(Default)]
struct Runs(Mutex<State>);

#[derive(Default)]
struct State {
    last_id: u64,
    live: BTreeMap<u64, Run>,
}

impl Runs {
    fn next_id(&self) -> u64 {
        let mut state = self.lock();
        state.last_id += 1;
        state.last_id
    }

    /// Under the lock, so that a run that ends at once is removed after it was inserted.
    fn insert(&self, id: u64, start: impl FnOnce() -> std::io::Result<Run>) -> std::io::Result<()> {
        let mut state = self.lock();
        state.live.insert(id, start()?);
        Ok(())
    }

    fn remove(&self, id: u64) {
        self.lock().live.remove(&id);
    }

    fn stop_all(&self, patience: Duration) {
        let live: Vec<Run> = self.lock().live.values().cloned().collect();
        for run in live {
            run.stop(patience);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn arguments(question: &AzQuestion) -> Result<Vec<String>, RequestError> {
    let scopes: Vec<&str> = question.scopes.iter().map(String::as_str).collect();
    let additionally_allowed: Vec<&str> = question.allowed_tenants.iter().map(String::as_str).collect();
    credential_arguments(&CredentialRequest {
        scopes: &scopes,
        configured_tenant: question.configured_tenant.as_deref(),
        requested_tenant: question.requested_tenant.as_deref(),
        additionally_allowed: &additionally_allowed,
        multi_tenant: question.multi_tenant,
        subscription: question.subscription.as_deref(),
        claims: question.claims.as_deref(),
    })
}

fn request(run: AzRun) -> Request {
    Request {
        program: Program::OnPath(run.search_path.into()),
        arguments: run.arguments,
        environment: run.environment.chunks_exact(2).filter_map(name_and_value).collect(),
        folder: run.folder.into(),
        limit: milliseconds(run.limit_ms),
        grace: milliseconds(run.grace_ms),
        lock_files: run.lock_files.into_iter().map(Into::into).collect(),
        output_bound: MAX_OUTPUT_BYTES,
    }
}

fn name_and_value(pair: &[String]) -> Option<(std::ffi::OsString, std::ffi::OsString)> {
    let [name, value] = pair else { return None };
    Some((name.into(), value.into()))
}

fn report_of(event: Event, zone: AzZone) -> AzReport {
    match event {
        Event::Ended => AzReport { ended: true, ..AzReport::default() },
        Event::Answered(answer) => match token_of(&answer, zone) {
            Ok(token) => token_report(token),
            Err(error) => AzReport {
                code: Some(error.code().into()),
                message: Some(error.to_string()),
                ..AzReport::default()
            },
        },
    }
}

fn token_of(answer: &Answer, zone: AzZone) -> Result<AzToken, AzError> {
    let offset_at = move |second: i64| if before(second, zone.changes_at) { zone.before } else { zone.after };
    parse_token(&answer.stdout, &answer.stderr, answer.exit, &offset_at, unix_ms())
}

fn token_report(token: AzToken) -> AzReport {
    let expires = number(token.expires_at_unix_ms());
    AzReport { token: Some(token.into_secret()), expires_on_timestamp: Some(expires), ..AzReport::default() }
}

/// JavaScript's numbers hold every time of the next 200,000 years exactly.
#[allow(clippy::cast_precision_loss)]
fn number(unix_ms: i64) -> f64 {
    unix_ms as f64
}

fn before(second: i64, changes_at: f64) -> bool {
    number(second) < changes_at
}

/// Not a number and negative count as 0, what is too large as the largest.
fn milliseconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64((ms / 1_000.0).max(0.0)).unwrap_or(Duration::MAX)
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
