//! `SealedStore`: host's store for JavaScript. It takes the time that files, locks and vaults take, on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use azure_token_cache_host::boot::BootMoment;
use azure_token_cache_host::store::{
    Content, EntryKey, Failure, Found, Generation, Guard, LockKind, Record, Saved, Secret, Store, StoreError,
    StoreOptions, Token,
};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::store_thread::{
    Complaint, Kind, Opens, SealedStoreOptions, StoreThread, entry_key, invalid, store_options,
};

/// How often a save that replaces whatever is there is tried.
const SAVES_MAX: usize = 16;
/// What a chain goes on after: an az that another program ran failed for Node as the credential's own would have.
const UNAVAILABLE: &str = "CredentialUnavailableError";

/// What a promise is resolved with. `code` stands where something failed.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct SealedReply {
    /// A stable word for the error.
    pub code: Option<String>,
    /// What the error says.
    pub message: Option<String>,
    /// Of `load`.
    pub entry: Option<SealedEntry>,
    /// Of `tryLock`: absent where another process holds it.
    pub lock: Option<SealedLock>,
    /// Of `save`: whether the token was kept.
    pub saved: Option<bool>,
}

/// What there is of an entry.
#[napi(object, object_from_js = false)]
pub struct SealedEntry {
    /// What a save has to name.
    pub generation: SealedGeneration,
    /// Its token.
    pub token: Option<SealedToken>,
    /// Its failure.
    pub failure: Option<SealedFailure>,
    /// Why a file that is there was not taken; said once.
    pub flaw: Option<String>,
}

/// Rises with each change. JavaScript's numbers count to 9e15 exactly.
#[napi(object)]
#[derive(Clone, Copy)]
pub struct SealedGeneration {
    /// Of the whole store.
    pub store: f64,
    /// Of the entry.
    pub entry: f64,
}

/// Digests of the files that tell who is logged in.
#[napi(object)]
pub struct SealedLogin {
    /// Of the files that name the account.
    pub account: String,
    /// Of the files that hold its secrets.
    pub session: String,
}

/// A token. Times are milliseconds since the Unix epoch.
#[napi(object)]
pub struct SealedToken {
    /// The token itself.
    pub token: String,
    /// When it expires.
    pub expires_at: f64,
    /// When its source wants it refreshed.
    pub refresh_at: Option<f64>,
    /// When the fetch ended.
    pub acquired_at: f64,
    /// How long ago that was by the clock that nobody sets. `save` does not read it.
    pub age_ms: Option<f64>,
    /// The login after the fetch.
    pub login: SealedLogin,
    /// `Bearer`, or what the source said.
    pub token_type: Option<String>,
    /// Whose it is.
    pub account: Option<String>,
    /// The tenant that issued it.
    pub tenant_id: Option<String>,
    /// What else the source gave: an object, as JSON.
    pub extra: Option<String>,
}

/// A failed fetch.
#[napi(object)]
pub struct SealedFailure {
    /// When it failed, in milliseconds since the Unix epoch.
    pub failed_at: f64,
    /// The name of the error.
    pub name: String,
    /// What it said.
    pub message: String,
    /// Whether it was the network.
    pub network: bool,
    /// For how long the source wants no further attempt.
    pub retry_after_ms: Option<f64>,
    /// The login before the fetch.
    pub login: SealedLogin,
}

/// A store. It is opened by the first thing that is asked of it. A promise that it returned keeps the process alive until
/// it is resolved; the store itself does not.
#[napi]
pub struct SealedStore {
    thread: Arc<StoreThread<Store>>,
}

#[napi]
impl SealedStore {
    /// A store that is not open yet.
    #[napi(constructor)]
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(options: SealedStoreOptions) -> napi::Result<Self> {
        Ok(Self { thread: Arc::new(StoreThread::start(store_options(&options)?)?) })
    }

    /// Begins to open it.
    #[napi]
    pub fn open(&self) {
        self.thread.open();
    }

    /// Looks at an entry.
    #[napi]
    pub fn load<'env>(&self, env: &'env Env, key: &[u8]) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        self.thread.ask(env, Kind::Look, move |store| {
            Ok(SealedReply { entry: Some(entry(store, &key)), ..SealedReply::default() })
        })
    }

    /// The same, for at most so long: then its code is `SLOW`.
    #[napi]
    pub fn load_within<'env>(
        &self,
        env: &'env Env,
        key: &[u8],
        patience_ms: u32,
    ) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        self.thread.ask_within(env, Duration::from_millis(patience_ms.into()), move |store| {
            Ok(SealedReply { entry: Some(entry(store, &key)), ..SealedReply::default() })
        })
    }

    /// Takes a lock of an entry if it is free: 0 is the fetch's, 1 and 2 are the extra ones'.
    #[napi]
    pub fn try_lock<'env>(&self, env: &'env Env, key: &[u8], lane: u8) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        let kind = lane.checked_sub(1).map_or(LockKind::Fetch, LockKind::Slot);
        let thread = Arc::clone(&self.thread);
        self.thread.ask(env, Kind::Look, move |store| {
            let guard = store.try_lock(&key, kind)?;
            let lock = guard.map(|guard| SealedLock { guard: Some(guard), thread });
            Ok(SealedReply { lock, ..SealedReply::default() })
        })
    }

    /// Keeps a token. With `over` only where the entry is of that generation.
    #[napi]
    pub fn save<'env>(
        &self,
        env: &'env Env,
        key: &[u8],
        token: SealedToken,
        over: Option<SealedGeneration>,
    ) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        let token = token.into_record()?;
        let over = over.map(Generation::from);
        self.thread.ask(env, Kind::Change, move |store| {
            let saved = save(store, &key, token, over)?;
            Ok(SealedReply { saved: Some(saved), ..SealedReply::default() })
        })
    }

    /// Keeps a failure for those who wait.
    #[napi]
    pub fn save_failure<'env>(
        &self,
        env: &'env Env,
        key: &[u8],
        failure: SealedFailure,
    ) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        let failure = Failure::from(failure);
        self.thread.ask(env, Kind::Change, move |store| {
            store.save_failure(&key, &failure)?;
            Ok(SealedReply::default())
        })
    }

    /// Forgets the tokens whose keys begin with these parts.
    #[napi]
    pub fn invalidate<'env>(&self, env: &'env Env, beginning: &[u8]) -> napi::Result<Object<'env>> {
        let beginning = entry_key(beginning)?;
        self.thread.ask(env, Kind::Change, move |store| {
            invalidate(store, &beginning)?;
            Ok(SealedReply::default())
        })
    }

    /// Forgets every token.
    #[napi]
    pub fn clear<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.thread.ask(env, Kind::Change, move |store| {
            store.clear()?;
            Ok(SealedReply::default())
        })
    }

    /// Ends the store, and blocks until the changes that were asked for are made, at most so long. For a process that ends.
    #[napi]
    pub fn finish(&self, patience_ms: f64) {
        self.thread.finish(Duration::try_from_secs_f64(patience_ms / 1_000.0).unwrap_or_default());
    }
}

/// A lock that is held. Whoever loses it lets go.
#[napi]
pub struct SealedLock {
    guard: Option<Guard>,
    thread: Arc<StoreThread<Store>>,
}

#[napi]
impl SealedLock {
    /// Lets go, after everything that was asked of the store before.
    #[napi]
    pub fn release<'env>(&mut self, env: &'env Env) -> napi::Result<Object<'env>> {
        let guard = self.guard.take();
        self.thread.ask_whatever(env, Kind::Change, move |_| {
            drop(guard);
            SealedReply::default()
        })
    }
}

impl Opens for Store {
    fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        Store::open(options)
    }
}

impl From<Complaint> for SealedReply {
    fn from(Complaint { code, message }: Complaint) -> Self {
        Self { code: Some(code.into()), message: Some(message), ..Self::default() }
    }
}

fn entry(store: &Store, key: &EntryKey) -> SealedEntry {
    let loaded = store.load(key);
    SealedEntry {
        generation: loaded.generation.into(),
        token: match loaded.found {
            Found::Token(token) => Some(SealedToken::of(*token)),
            Found::Nothing | Found::Tombstone => None,
        },
        failure: store.load_failure(key).map(SealedFailure::from),
        flaw: loaded.flaw.map(|flaw| flaw.to_string()),
    }
}

/// Without `over` whatever is there is replaced.
fn save(store: &Store, key: &EntryKey, token: Token, over: Option<Generation>) -> Result<bool, StoreError> {
    let mut expected = over.unwrap_or_else(|| store.load(key).generation);
    let mut record = Record { generation: expected, content: Content::Token(Box::new(token)) };
    for _ in 0..SAVES_MAX {
        record.generation = Generation { entry: expected.entry.wrapping_add(1), ..expected };
        match store.save(key, &record, expected)? {
            Saved::Written => return Ok(true),
            Saved::Superseded(_) if over.is_some() => return Ok(false),
            Saved::Superseded(current) => expected = current,
        }
    }
    Ok(false)
}

/// Also where there is no token yet: the entry with exactly this key may be one whose first fetch has begun.
fn invalidate(store: &Store, beginning: &EntryKey) -> Result<(), StoreError> {
    store.invalidate_where(|key| key.as_bytes().starts_with(beginning.as_bytes()))?;
    // Whoever fetches holds a lock, and the first lock makes the key.
    let has_key = store.vault().is_some() || store.is_unencrypted();
    if has_key { store.invalidate(beginning) } else { Ok(()) }
}

impl SealedToken {
    fn of(token: Token) -> Self {
        let age = BootMoment::now().zip(token.acquired_at_boot).and_then(|(now, then)| now.since(&then));
        let extra = (!token.extra.is_empty()).then(|| serde_json::Value::Object(token.extra).to_string());
        Self {
            token: token.secret.expose().to_owned(),
            expires_at: number(token.expires_at_ms),
            refresh_at: token.refresh_at_ms.map(number),
            acquired_at: number(token.acquired_at_ms),
            age_ms: age.map(number),
            login: SealedLogin { account: token.login_witness, session: token.session_witness },
            token_type: given(token.token_type),
            account: given(token.account),
            tenant_id: given(token.tenant),
            extra,
        }
    }

    fn into_record(self) -> napi::Result<Token> {
        let expires_at_ms = whole(self.expires_at);
        let extra = match self.extra {
            None => serde_json::Map::new(),
            Some(json) => serde_json::from_str(&json).map_err(|_| invalid("object in JSON"))?,
        };
        Ok(Token {
            secret: Secret::new(self.token),
            token_type: self.token_type.unwrap_or_else(|| "Bearer".into()),
            expires_on: Some(expires_at_ms.div_euclid(1_000)),
            expires_on_text: None,
            expires_at_ms,
            refresh_at_ms: self.refresh_at.map(whole),
            acquired_at_ms: whole(self.acquired_at),
            acquired_at_boot: BootMoment::now(),
            tenant: self.tenant_id.unwrap_or_default(),
            subscription: None,
            account: self.account.unwrap_or_default(),
            login_witness: self.login.account,
            session_witness: self.login.session,
            extra,
        })
    }
}

impl From<SealedFailure> for Failure {
    fn from(failure: SealedFailure) -> Self {
        Self {
            failed_at_ms: whole(failure.failed_at),
            class: failure.name,
            message: failure.message,
            retry_after_ms: failure.retry_after_ms.map(whole),
            network: failure.network,
            login_witness: failure.login.account,
            session_witness: failure.login.session,
            az: None,
        }
    }
}

impl From<Failure> for SealedFailure {
    fn from(failure: Failure) -> Self {
        Self {
            failed_at: number(failure.failed_at_ms),
            name: if failure.az.is_some() { UNAVAILABLE.to_owned() } else { failure.class },
            message: failure.message,
            network: failure.network,
            retry_after_ms: failure.retry_after_ms.map(number),
            login: SealedLogin { account: failure.login_witness, session: failure.session_witness },
        }
    }
}

#[allow(clippy::cast_precision_loss)]
impl From<Generation> for SealedGeneration {
    fn from(Generation { store, entry }: Generation) -> Self {
        Self { store: store as f64, entry: entry as f64 }
    }
}

/// A cast saturates, and makes 0 of what is no number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
impl From<SealedGeneration> for Generation {
    fn from(SealedGeneration { store, entry }: SealedGeneration) -> Self {
        Self { store: store as u64, entry: entry as u64 }
    }
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[allow(clippy::cast_precision_loss)]
fn number(ms: i64) -> f64 {
    ms as f64
}

#[allow(clippy::cast_possible_truncation)]
fn whole(ms: f64) -> i64 {
    ms as i64
}
