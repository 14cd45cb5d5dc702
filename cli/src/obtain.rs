//! One token for one request: the walk through the store, with az at its end.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_token_cache_core::az::account::{Absence, Account, Identity};
use azure_token_cache_core::az::command::TokenCommand;
use azure_token_cache_core::az::error::AzError;
use azure_token_cache_core::az::output::{Exit, MAX_OUTPUT_BYTES, parse_token};
use azure_token_cache_core::az::scrub::{Excerpt, MAX_EXCERPT_CHARS};
use azure_token_cache_core::walk::{
    self, Answer, Ending, Lane, Loaded, Locking, Over, Step, StoredFailure, StoredToken, Terms, Walk, Wanted,
};
use azure_token_cache_host::az_entry;
use azure_token_cache_host::boot::BootMoment;
use azure_token_cache_host::run::{self, Event, Program, Request};
use azure_token_cache_host::store::{
    AzFailure, Content, EntryKey, Failure, Found, Generation, Guard, LockKind, Record, Secret, Store, Token,
};

use crate::ancestors;
use crate::login::{AzLogin, Unrest, sleep};
use crate::real_az::{NoAz, RealAz};
use crate::surroundings::{BYPASS, Surroundings};
use crate::zone::SystemZone;

/// How much longer az may live past the limit while it holds its lock file: killed, it could leave a broken token cache.
const GRACE: Duration = Duration::from_secs(10);
/// What az says when it read its own token cache while another az wrote it, which takes no lock for reading.
const TORN_READ: &str = "does not exist in MSAL token cache";
/// A login that moves more often ends the request; the walk itself ends it earlier once az has run.
const ROUNDS_MAX: u32 = 10;

/// What is asked, and of whom.
pub struct Asked<'a> {
    /// Which token.
    pub command: TokenCommand<'a>,
    /// The store; without one every request is a run of az.
    pub store: Option<&'a Store>,
    /// How long az may take.
    pub limit: Duration,
}

/// What is answered.
pub enum Outcome {
    /// A token.
    Token(Box<Token>),
    /// az failed, in this process or in the one that this process waited for.
    Failed(Box<Failed>),
    /// Neither: nobody has asked az, or what it answered cannot be used.
    Trouble(Trouble),
}

/// A failure of az.
#[derive(Debug)]
pub struct Failed {
    /// As it is kept.
    pub failure: Failure,
    /// All that az printed on standard error, where it ran for this process.
    pub stderr: Option<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody is logged in, or az would not know whom to take.
    Absent(Absence),
    /// The files do not tell whose tokens these are.
    MemoryOnly,
    /// The files cannot be relied on.
    Unrest(Unrest),
    /// There is no az.
    NoAz(NoAz),
    /// az did not end in a way that says why.
    Az(AzError),
    /// Its token is another account's.
    Contradiction,
    /// The login kept moving while az ran.
    LoginMoved,
    /// Other processes neither end nor bring a token.
    Exhausted,
    /// The request is one that az would refuse.
    Request(azure_token_cache_core::az::args::RequestError),
    /// The system gave no thread.
    System(io::Error),
}

/// Finds the answer, hands it to `answer` as soon as it is known, and then keeps what was fetched.
pub fn obtain(asked: &Asked<'_>, surroundings: &Surroundings, answer: impl FnOnce(Outcome)) {
    let mut answer = Some(answer);
    let mut give = |outcome| {
        if let Some(answer) = answer.take() {
            answer(outcome);
        }
    };
    for runs in 0..ROUNDS_MAX {
        match Round::begin(asked, surroundings, runs) {
            Err(trouble) => return give(Outcome::Trouble(trouble)),
            Ok(mut round) => {
                if round.walk(&mut give) == Ended::Answered {
                    return;
                }
            }
        }
    }
    give(Outcome::Trouble(Trouble::LoginMoved));
}

/// What a request's entry is kept under: no two accounts, config folders or users share one.
pub fn entry_key(
    command: &TokenCommand<'_>,
    identity: &Identity,
    surroundings: &Surroundings,
) -> Result<EntryKey, Trouble> {
    let folder = &surroundings.config_folder;
    az_entry::key(command, &identity.fingerprint, folder).map_err(Trouble::Request)
}

/// A login as a record tells it; of a text that is none, one that no file has.
pub fn login_of(account: &str, session: &str) -> walk::Login {
    let digest = |text| u64::from_str_radix(text, 16).unwrap_or(u64::MAX);
    walk::Login { account: digest(account), session: digest(session) }
}

/// Milliseconds since the Unix epoch.
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What the walk needs to know of an entry.
pub fn loaded(store: &Store, key: &EntryKey) -> (Loaded, Option<Box<Token>>, Option<Failure>) {
    let entry = store.load(key);
    let token = if let Found::Token(token) = entry.found { Some(token) } else { None };
    // Nobody looks for a failure where a token will do.
    let lasting = |token: &Token| token.expires_at_ms - unix_ms() > i64::from(Terms::ONE_ANSWER.min_validity);
    let failure = if token.as_deref().is_some_and(lasting) { None } else { store.load_failure(key) };
    let generation = walk::Generation { store: entry.generation.store, entry: entry.generation.entry };
    let loaded = Loaded {
        generation,
        token: token.as_deref().map(|token| StoredToken {
            expires_at: token.expires_at_ms,
            acquired_at: token.acquired_at_ms,
            age: age(token),
            login: login_of(&token.login_witness, &token.session_witness),
        }),
        failure: failure.as_ref().map(|failure| StoredFailure {
            id: failure.failed_at_ms.cast_unsigned(),
            failed_at: failure.failed_at_ms,
            login: login_of(&failure.login_witness, &failure.session_witness),
        }),
    };
    (loaded, token, failure)
}

fn age(token: &Token) -> Option<i64> {
    BootMoment::now()?.since(token.acquired_at_boot.as_ref()?)
}

#[derive(PartialEq)]
enum Ended {
    Answered,
    /// The login moved: look anew.
    Again,
}

/// One walk under one login.
struct Round<'a> {
    asked: &'a Asked<'a>,
    surroundings: &'a Surroundings,
    login: AzLogin<'a>,
    identity: Identity,
    key: EntryKey,
    walk: Walk,
    guard: Option<Guard>,
    awaited: Option<bool>,
    /// What the last look at the store, or the fetch, brought.
    token: Option<Box<Token>>,
    failure: Option<Failure>,
    stderr: Option<Vec<u8>>,
    trouble: Option<Trouble>,
}

impl<'a> Round<'a> {
    fn begin(asked: &'a Asked<'a>, surroundings: &'a Surroundings, runs: u32) -> Result<Self, Trouble> {
        let TokenCommand { subscription, tenant, .. } = asked.command;
        let mut login = AzLogin::read(surroundings, subscription);
        let identity = match login.settled_account(subscription, tenant).map_err(Trouble::Unrest)? {
            Account::Present(identity) if identity.is_memory_only() && asked.store.is_some() => {
                return Err(Trouble::MemoryOnly);
            }
            Account::Present(identity) => identity,
            Account::Absent(absence) => {
                forget_folder(asked.store, surroundings, &absence);
                return Err(Trouble::Absent(absence));
            }
        };
        let key = entry_key(&asked.command, &identity, surroundings)?;
        let wanted = Wanted { login: login.digests(), held: None, challenged: false, runs, behind: false };
        let seed = unix_ms().cast_unsigned() ^ (u64::from(std::process::id()) << 32);
        let walk = Walk::new(wanted, Terms::ONE_ANSWER, seed, login.time.now());
        Ok(Self {
            asked,
            surroundings,
            login,
            identity,
            key,
            walk,
            guard: None,
            awaited: None,
            token: None,
            failure: None,
            stderr: None,
            trouble: None,
        })
    }

    fn walk(&mut self, give: &mut impl FnMut(Outcome)) -> Ended {
        let mut ended = Ended::Again;
        loop {
            let answer = match self.walk.step() {
                Step::Load => self.load(),
                Step::Lock(lane) => {
                    let locking = self.lock(lane);
                    let now = self.login.time.now();
                    self.walk.handle_locked(locking, now)
                }
                Step::Sleep { until } => {
                    sleep(until - self.login.time.now().monotonic_ms());
                    let now = self.login.time.now();
                    self.walk.handle_timeout(now);
                    None
                }
                Step::Fetch => {
                    let ending = self.fetch();
                    let answer = self.walk.handle_fetched(ending);
                    if let Some(trouble) = self.trouble.take() {
                        ended = Ended::Answered;
                        // Whoever answers instead may need the lock.
                        self.guard = None;
                        give(Outcome::Trouble(trouble));
                    }
                    answer
                }
                Step::Save(over) => {
                    self.save(over);
                    self.walk.handle_saved();
                    None
                }
                Step::SaveFailure => {
                    if let (Some(store), Some(failure)) = (self.asked.store, &self.failure) {
                        let _ = store.save_failure(&self.key, failure);
                    }
                    self.walk.handle_saved();
                    None
                }
                Step::Unlock(_) => {
                    self.guard = None;
                    self.walk.handle_unlocked();
                    None
                }
                Step::Done => return ended,
            };
            if let Some(outcome) = answer.and_then(|answer| self.outcome(answer)) {
                ended = Ended::Answered;
                give(outcome);
            }
        }
    }

    fn outcome(&self, answer: Answer) -> Option<Outcome> {
        Some(match answer {
            Answer::Again => return None,
            Answer::Stored | Answer::Fetched if self.token.is_some() => Outcome::Token(self.token()?),
            Answer::Stored | Answer::StoredFailure | Answer::Fetched => {
                let (failure, stderr) = (self.failure.clone()?, self.stderr.clone());
                Outcome::Failed(Box::new(Failed { failure, stderr }))
            }
            Answer::LoginMoved => Outcome::Trouble(Trouble::LoginMoved),
            Answer::Exhausted => Outcome::Trouble(Trouble::Exhausted),
        })
    }

    /// As az would name its tenant and subscription, whoever saved it.
    fn token(&self) -> Option<Box<Token>> {
        let mut token = self.token.clone()?;
        token.tenant.clone_from(&self.identity.tenant);
        token.subscription = self.subscription();
        Some(token)
    }

    fn subscription(&self) -> Option<String> {
        self.asked.command.tenant.is_none().then(|| self.identity.subscription_id.clone())
    }

    fn load(&mut self) -> Option<Answer> {
        let (loaded, token, failure) = match self.asked.store {
            Some(store) => loaded(store, &self.key),
            None => (Loaded::default(), None, None),
        };
        self.token = token;
        self.failure = failure;
        let TokenCommand { subscription, tenant, .. } = self.asked.command;
        let own = &self.identity;
        let stability = self.login.stability(|login| {
            let account = login.account(subscription, tenant);
            matches!(account, Ok(Account::Present(identity)) if identity == *own)
        });
        let now = self.login.time.now();
        self.walk.handle_loaded(loaded, stability, now)
    }

    fn lock(&mut self, lane: Lane) -> Locking {
        let kind = match lane {
            Lane::Fetch => LockKind::Fetch,
            Lane::FirstSlot => LockKind::Slot(0),
            Lane::SecondSlot => LockKind::Slot(1),
        };
        match self.asked.store.map(|store| store.try_lock(&self.key, kind)) {
            Some(Ok(Some(guard))) => {
                self.guard = Some(guard);
                Locking::Taken
            }
            Some(Ok(None)) if self.is_awaited() => Locking::Unavailable,
            Some(Ok(None)) => Locking::Busy,
            Some(Err(_)) | None => Locking::Unavailable,
        }
    }

    /// Whether whoever holds the lock waits for this process.
    fn is_awaited(&mut self) -> bool {
        let store = self.asked.store;
        *self.awaited.get_or_insert_with(|| {
            store.is_some_and(|store| ancestors::have_open(&store.folder().join("store").join("lock")))
        })
    }

    /// What was loaded before is not what a fetch brings.
    fn fetch(&mut self) -> Ending {
        self.token = None;
        self.failure = None;
        let login = self.login.digests();
        let run = match self.login.start() {
            Ok(run) => run,
            Err(unrest) => return self.give_up(Trouble::Unrest(unrest)),
        };
        if self.login.digests().account != login.account && !self.is_own_login() {
            return Ending::Dropped;
        }
        let az = match RealAz::find() {
            Ok(az) => az,
            Err(none) => return self.give_up(Trouble::NoAz(none)),
        };
        let ran = match self.run(&az) {
            Ok(ran) if is_torn_read(&ran) => self.run(&az),
            ran => ran,
        };
        match ran {
            Ok(ran) => self.judge(&ran, run, login),
            Err(trouble) => self.give_up(trouble),
        }
    }

    fn is_own_login(&self) -> bool {
        let TokenCommand { subscription, tenant, .. } = self.asked.command;
        let account = self.login.account(subscription, tenant);
        matches!(account, Ok(Account::Present(identity)) if identity == self.identity)
    }

    fn run(&self, az: &RealAz) -> Result<run::Answer, Trouble> {
        let arguments = self.asked.command.arguments().map_err(Trouble::Request)?;
        start_az(az, arguments, self.surroundings, self.asked.limit).map_err(Trouble::System)
    }

    fn judge(&mut self, ran: &run::Answer, run: u32, login: walk::Login) -> Ending {
        let now = unix_ms();
        let parsed = parse_token(&ran.stdout, &ran.stderr, ran.exit, &SystemZone, now);
        let stability = self.login.finish(run, parsed.is_ok());
        let token = match (parsed, ran.exit) {
            (Ok(token), _) => token,
            (Err(error), Exit::Code(code)) if code != 0 => {
                self.failure = Some(failure(&error, code, &ran.stderr, now, login));
                self.stderr = Some(ran.stderr.clone());
                return Ending::Failed;
            }
            (Err(error), _) => return self.give_up(Trouble::Az(error)),
        };
        if !self.login.may_own(token.secret(), self.asked.command.tenant) {
            return self.give_up(Trouble::Contradiction);
        }
        let login = self.login.digests();
        self.token = Some(Box::new(Token {
            token_type: "Bearer".into(),
            expires_on: token.expires_on(),
            expires_on_text: token.local_expiry().map(str::to_owned),
            expires_at_ms: token.expires_at_unix_ms(),
            refresh_at_ms: None,
            acquired_at_ms: now,
            acquired_at_boot: BootMoment::now(),
            tenant: self.identity.tenant.clone(),
            subscription: self.subscription(),
            account: self.identity.user.clone(),
            login_witness: az_entry::digest_text(login.account),
            session_witness: az_entry::digest_text(login.session),
            extra: serde_json::Map::new(),
            secret: Secret::new(token.into_secret()),
        }));
        Ending::Granted(stability)
    }

    fn save(&mut self, over: Over) {
        let (Some(store), Some(token), Over::Generation(expected)) = (self.asked.store, &self.token, over)
        else {
            return;
        };
        let expected = Generation { entry: expected.entry, store: expected.store };
        let generation = Generation { entry: expected.entry.wrapping_add(1), ..expected };
        let record = Record { generation, content: Content::Token(token.clone()) };
        // Whoever could not keep a token fetches again.
        let _ = store.save(&self.key, &record, expected);
    }

    fn give_up(&mut self, trouble: Trouble) -> Ending {
        self.trouble = Some(trouble);
        Ending::Dropped
    }
}

/// Runs az with this environment, and waits for what it prints.
pub fn start_az(
    az: &RealAz,
    arguments: Vec<String>,
    surroundings: &Surroundings,
    limit: Duration,
) -> io::Result<run::Answer> {
    let (name, started) = az.variable();
    let own = [(name.into(), started.to_owned()), (BYPASS.into(), "1".into())];
    let inherited = std::env::vars_os().filter(|(name, _)| own.iter().all(|(own, _)| own != name));
    let lock_file = |name| surroundings.config_folder.join(name);
    let request = Request {
        program: Program::At(az.path.clone()),
        arguments,
        environment: inherited.chain(own.clone()).collect(),
        folder: surroundings.folder.clone(),
        limit,
        grace: GRACE,
        lock_files: ["msal_token_cache.json.lockfile", "msal_token_cache.bin.lockfile"].map(lock_file).into(),
        output_bound: MAX_OUTPUT_BYTES,
    };
    let (sender, receiver) = mpsc::channel();
    run::start(request, move |event| {
        if let Event::Answered(answer) = event {
            let _ = sender.send(answer);
        }
    })?;
    receiver.recv().map_err(io::Error::other)
}

/// Nobody is logged in with this config folder: no token of it is anybody's.
fn forget_folder(store: Option<&Store>, surroundings: &Surroundings, absence: &Absence) {
    if let (Some(store), Absence::NoAccounts) = (store, absence) {
        forget(store, surroundings);
    }
}

/// Deletes the tokens of a config folder.
pub fn forget(store: &Store, surroundings: &Surroundings) {
    let beginning = az_entry::beginning(&surroundings.config_folder);
    let _ = store.invalidate_where(|key| key.as_bytes().starts_with(beginning.as_bytes()));
}

fn is_torn_read(ran: &run::Answer) -> bool {
    ran.exit != Exit::Code(0) && String::from_utf8_lossy(&ran.stderr).contains(TORN_READ)
}

fn failure(error: &AzError, exit_code: i32, stderr: &[u8], now: i64, login: walk::Login) -> Failure {
    Failure {
        failed_at_ms: now,
        class: error.code().into(),
        message: error.to_string(),
        retry_after_ms: None,
        network: error.is_network(),
        login_witness: az_entry::digest_text(login.account),
        session_witness: az_entry::digest_text(login.session),
        az: Some(AzFailure { exit_code, stderr: presentable(stderr) }),
    }
}

/// What az said, as it said it, unless it is long or could hold a token.
fn presentable(stderr: &[u8]) -> String {
    let excerpt = Excerpt::of_bytes(stderr);
    match std::str::from_utf8(stderr) {
        Ok(text) if text.len() <= MAX_EXCERPT_CHARS && !excerpt.as_str().contains("[redacted]") => {
            text.to_owned()
        }
        _ => format!("{excerpt}\n"),
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(absence) => Display::fmt(absence, f),
            Self::MemoryOnly => f.write_str("az's files do not tell whose tokens these are, so that they are not kept"),
            Self::Unrest(Unrest::Broken(error)) => Display::fmt(error, f),
            Self::Unrest(Unrest::Unreadable) => {
                f.write_str("az's files cannot be read: make them readable for this user")
            }
            Self::Unrest(Unrest::Restless) => {
                f.write_str("az's files keep changing; try again when nobody is logging in")
            }
            Self::NoAz(none) => Display::fmt(none, f),
            Self::Az(error) => Display::fmt(error, f),
            Self::Contradiction => f.write_str(
                "az brought a token of another account than the one that its files name; run 'az login' again",
            ),
            Self::LoginMoved => f.write_str("the login kept changing while az ran; try again"),
            Self::Exhausted => f.write_str("other processes wait for az, and none of them has an answer; try again"),
            Self::Request(error) => Display::fmt(error, f),
            Self::System(error) => write!(f, "the system refused: {error}"),
        }
    }
}
