//! Core's walk over a real store, one step at a time, with a fetch that brings what the test wants.

use std::thread;
use std::time::{Duration, Instant};

use azure_token_cache_core::Stability;
use azure_token_cache_core::time::{self, Clock};
use azure_token_cache_core::walk::{
    self, Answer, Ending, Lane, Loaded, Locking, Login, Over, Step, StoredFailure, StoredToken, Terms, Walk,
    Wanted,
};
use azure_token_cache_host::az_entry;
use azure_token_cache_host::store::{
    Content, EntryKey, Found, Generation, Guard, LockKind, Record, Store, Token,
};

use crate::stage::{CANARY, failure, now_ms, token};

/// What a fetch brings.
#[derive(Clone, Debug)]
pub enum Fetch {
    /// A token with this text.
    Grants(String),
    /// An error.
    Fails,
}

/// What a walk is to get.
#[derive(Clone, Debug)]
pub struct Errand {
    pub key: EntryKey,
    pub fetch: Fetch,
    /// For how many milliseconds it waits for a lock before it takes an extra slot.
    pub patience: u32,
    /// Under which it asks.
    pub login: Login,
}

/// A walk, and what it needs.
pub struct Walker {
    store: Store,
    errand: Errand,
    walk: Walk,
    began: Instant,
    clock: Clock,
    guard: Option<Guard>,
    token: Option<Box<Token>>,
    got: Got,
}

/// What came of a walk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Got {
    /// What its caller was told.
    pub answer: Option<Answer>,
    /// The text of the token.
    pub text: Option<String>,
    /// How often it fetched.
    pub fetches: u32,
    /// How often it waited for another process.
    pub sleeps: u32,
}

impl Errand {
    /// One that waits for longer than any test, under the login of the tests' tokens.
    pub fn new(key: EntryKey, fetch: Fetch) -> Self {
        let token = token("");
        let login = login_of(&token.login_witness, &token.session_witness);
        Self { key, fetch, patience: 100_000, login }
    }
}

impl Walker {
    pub fn begin(store: Store, errand: Errand) -> Self {
        let wanted = Wanted { login: errand.login, held: None, challenged: false, runs: 0, behind: false };
        let terms = Terms { patience: errand.patience, ..Terms::ONE_ANSWER };
        let (mut clock, began) = (Clock::default(), Instant::now());
        let walk = Walk::new(wanted, terms, 1, clock.sample(0, now_ms()));
        Self { store, errand, walk, began, clock, guard: None, token: None, got: Got::default() }
    }

    /// Performs every step.
    pub fn run(mut self) -> Got {
        while self.walk.step() != Step::Done {
            self.step();
        }
        self.got
    }

    /// The name of the next step.
    pub fn next(&self) -> &'static str {
        match self.walk.step() {
            Step::Load => "Load",
            Step::Lock(_) => "Lock",
            Step::Sleep { .. } => "Sleep",
            Step::Fetch => "Fetch",
            Step::Save(_) => "Save",
            Step::SaveFailure => "SaveFailure",
            Step::Unlock(_) => "Unlock",
            Step::Done => "Done",
        }
    }

    /// Performs the next step.
    pub fn step(&mut self) {
        let answer = match self.walk.step() {
            Step::Load => self.load(),
            Step::Lock(lane) => self.lock(lane),
            Step::Sleep { until } => self.sleep(until),
            Step::Fetch => self.fetch(),
            Step::Save(over) => self.save(over),
            Step::SaveFailure => self.save_failure(),
            Step::Unlock(_) => self.unlock(),
            Step::Done => None,
        };
        if let Some(answer) = answer {
            self.got.answer = Some(answer);
            let secret = self.token.as_deref().map(|token| token.secret.expose());
            self.got.text = secret.and_then(|secret| secret.strip_prefix(CANARY)).map(str::to_owned);
        }
    }

    fn now(&mut self) -> time::Instant {
        self.clock.sample(self.began.elapsed().as_millis().try_into().unwrap(), now_ms())
    }

    fn load(&mut self) -> Option<Answer> {
        let entry = self.store.load(&self.errand.key);
        self.token = if let Found::Token(token) = entry.found { Some(token) } else { None };
        let loaded = Loaded {
            generation: walk::Generation { store: entry.generation.store, entry: entry.generation.entry },
            token: self.token.as_deref().map(stored),
            failure: self.store.load_failure(&self.errand.key).map(|failure| StoredFailure {
                id: failure.failed_at_ms.cast_unsigned(),
                failed_at: failure.failed_at_ms,
                login: login_of(&failure.login_witness, &failure.session_witness),
            }),
        };
        let now = self.now();
        self.walk.handle_loaded(loaded, Stability::Steady, now)
    }

    fn lock(&mut self, lane: Lane) -> Option<Answer> {
        let kind = match lane {
            Lane::Fetch => LockKind::Fetch,
            Lane::FirstSlot => LockKind::Slot(0),
            Lane::SecondSlot => LockKind::Slot(1),
        };
        self.guard = self.store.try_lock(&self.errand.key, kind).unwrap();
        let locking = if self.guard.is_some() { Locking::Taken } else { Locking::Busy };
        let now = self.now();
        self.walk.handle_locked(locking, now)
    }

    fn sleep(&mut self, until: i64) -> Option<Answer> {
        self.got.sleeps += 1;
        let pause = until - self.now().monotonic_ms();
        thread::sleep(Duration::from_millis(pause.try_into().unwrap_or(0)));
        let now = self.now();
        self.walk.handle_timeout(now);
        None
    }

    fn fetch(&mut self) -> Option<Answer> {
        self.got.fetches += 1;
        let ending = match &self.errand.fetch {
            Fetch::Fails => Ending::Failed,
            Fetch::Grants(text) => {
                self.token = Some(Box::new(Token {
                    acquired_at_ms: now_ms(),
                    login_witness: az_entry::digest_text(self.errand.login.account),
                    session_witness: az_entry::digest_text(self.errand.login.session),
                    ..token(text)
                }));
                Ending::Granted(Stability::Steady)
            }
        };
        self.walk.handle_fetched(ending)
    }

    fn save(&mut self, over: Over) -> Option<Answer> {
        let Over::Generation(walk::Generation { store, entry }) = over else { panic!("{over:?}") };
        let expected = Generation { store, entry };
        let generation = Generation { entry: entry + 1, ..expected };
        let record = Record { generation, content: Content::Token(self.token.clone().unwrap()) };
        self.store.save(&self.errand.key, &record, expected).unwrap();
        self.walk.handle_saved();
        None
    }

    fn save_failure(&mut self) -> Option<Answer> {
        self.store.save_failure(&self.errand.key, &failure()).unwrap();
        self.walk.handle_saved();
        None
    }

    fn unlock(&mut self) -> Option<Answer> {
        self.guard = None;
        self.walk.handle_unlocked();
        None
    }
}

fn login_of(account: &str, session: &str) -> Login {
    let digest = |text| u64::from_str_radix(text, 16).unwrap();
    Login { account: digest(account), session: digest(session) }
}

fn stored(token: &Token) -> StoredToken {
    StoredToken {
        expires_at: token.expires_at_ms,
        acquired_at: token.acquired_at_ms,
        age: None,
        login: login_of(&token.login_witness, &token.session_witness),
    }
}
