//! The thread that does what is asked of files, locks and vaults, in turn, so that no event loop waits for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use azure_token_cache_host::store::{EntryKey, Flaw, StoreError, StoreOptions, VaultChoice, VaultKind};
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, JsDeferred, Status};
use napi_derive::napi;

/// What could not be opened is tried again this much later: a vault that is asked in vain takes its time.
const CLOSED_FOR: Duration = Duration::from_secs(30);

/// Where a store is, and how it is sealed. Nothing is checked but the name of the vault.
#[napi(object)]
pub struct SealedStoreOptions {
    /// The state folder; absent: the system's own for this user.
    pub directory: Option<String>,
    /// Which of several stores in one folder.
    pub name: String,
    /// The one vault to use; absent: the first that works.
    pub vault: Option<String>,
    /// Whether tokens may be written unsealed where no vault takes a key.
    pub unsafe_allow_unencrypted: bool,
    /// The environment: names and values by turns.
    pub environment: Vec<String>,
}

/// What is opened when it is first used.
pub(crate) trait Opens: Sized + Send + 'static {
    fn open(options: &StoreOptions) -> Result<Self, StoreError>;
}

/// What a promise is resolved with, also where something failed.
pub(crate) trait Reply: ToNapiValue + From<Complaint> + Send + 'static {}

impl<R: ToNapiValue + From<Complaint> + Send + 'static> Reply for R {}

/// One thread, which does what it is asked in turn.
pub(crate) struct StoreThread<S> {
    jobs: Mutex<Option<Sender<Job<S>>>>,
    /// Says nothing, and ends with the thread.
    ended: Mutex<Receiver<()>>,
    ending: Arc<AtomicBool>,
}

type Work<S> = Box<dyn FnOnce(&mut Opening<S>) + Send>;

struct Job<S> {
    kind: Kind,
    work: Work<S>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Nobody misses it in a process that ends.
    Look,
    /// The next process relies on it.
    Change,
}

impl<S: Opens> StoreThread<S> {
    pub fn start(options: StoreOptions) -> napi::Result<Self> {
        let (jobs, asked) = mpsc::channel::<Job<S>>();
        let (alive, ended) = mpsc::channel();
        let ending = Arc::new(AtomicBool::new(false));
        let is_ending = Arc::clone(&ending);
        let work = move || {
            let _alive = alive;
            let mut opening = Opening { options, found: None };
            for job in asked {
                if job.kind == Kind::Change || !is_ending.load(Ordering::Acquire) {
                    (job.work)(&mut opening);
                }
            }
        };
        thread::Builder::new().name("token-store".into()).spawn(work).map_err(|error| no_thread(&error))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), ended: Mutex::new(ended), ending })
    }

    /// Opens the store, so that whoever asks next need not wait for that. What fails is told to them.
    pub fn open(&self) {
        let work: Work<S> = Box::new(|opening| drop(opening.store().err()));
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = jobs.as_ref().map(|jobs| jobs.send(Job { kind: Kind::Look, work }));
    }

    /// A promise of what comes of `work` with the open store.
    pub fn ask<'env, R: Reply>(
        &self,
        env: &'env Env,
        kind: Kind,
        work: impl FnOnce(&S) -> Result<R, StoreError> + Send + 'static,
    ) -> napi::Result<Object<'env>> {
        self.ask_whatever(env, kind, |opening| opening.reply(work))
    }

    /// As [`Self::ask`]; where that takes longer than `patience`, the promise says so, and what comes after all is nobody's. A
    /// timer of Node's would cost a program that has none yet ten times as much as a thread.
    pub fn ask_within<'env, R: Reply>(
        &self,
        env: &'env Env,
        patience: Duration,
        work: impl FnOnce(&S) -> Result<R, StoreError> + Send + 'static,
    ) -> napi::Result<Object<'env>> {
        let (answer, promise) = Answer::new(env)?;
        let answer = Arc::new(Mutex::new(Some(answer)));
        let (working, is_over) = mpsc::channel::<()>();
        let waiting = Arc::clone(&answer);
        let wait = move || {
            if is_over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                give(
                    &waiting,
                    Complaint { code: "SLOW", message: "the token store takes too long".into() }.into(),
                );
            }
        };
        thread::Builder::new()
            .name("token-store-patience".into())
            .spawn(wait)
            .map_err(|error| no_thread(&error))?;
        let work: Work<S> = Box::new(move |opening| {
            give(&answer, opening.reply(work));
            drop(working);
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = jobs.as_ref().map(|jobs| jobs.send(Job { kind: Kind::Look, work }));
        Ok(promise)
    }

    /// A promise of what comes of `work`, whether or not the store can be opened.
    pub fn ask_whatever<'env, R: Reply>(
        &self,
        env: &'env Env,
        kind: Kind,
        work: impl FnOnce(&mut Opening<S>) -> R + Send + 'static,
    ) -> napi::Result<Object<'env>> {
        let (answer, promise) = Answer::new(env)?;
        let work = Box::new(move |opening: &mut Opening<S>| answer.give(work(opening)));
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        // A job that nobody takes answers for itself when it is dropped.
        let _ = jobs.as_ref().map(|jobs| jobs.send(Job { kind, work }));
        Ok(promise)
    }

    pub fn finish(&self, patience: Duration) {
        self.ending.store(true, Ordering::Release);
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = self.ended.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience);
    }
}

fn no_thread(error: &std::io::Error) -> napi::Error {
    napi::Error::new(Status::GenericFailure, format!("There is no thread for the token store: {error}"))
}

/// To whoever comes first.
fn give<R: Reply>(answer: &Mutex<Option<Answer<R>>>, reply: R) {
    let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(answer) = answer {
        answer.give(reply);
    }
}

/// A store that is opened when it is needed.
pub(crate) struct Opening<S> {
    options: StoreOptions,
    found: Option<Result<S, (Complaint, Instant)>>,
}

impl<S: Opens> Opening<S> {
    fn reply<R: Reply>(&mut self, work: impl FnOnce(&S) -> Result<R, StoreError>) -> R {
        match self.store() {
            Ok(store) => work(store).unwrap_or_else(|error| Complaint::of(&error).into()),
            Err(complaint) => complaint.into(),
        }
    }

    fn store(&mut self) -> Result<&S, Complaint> {
        if matches!(&self.found, Some(Err((_, since))) if since.elapsed() >= CLOSED_FOR) {
            self.found = None;
        }
        let open = || S::open(&self.options).map_err(|error| (Complaint::of(&error), Instant::now()));
        self.found.get_or_insert_with(open).as_ref().map_err(|(complaint, _)| complaint.clone())
    }
}

/// An error as JavaScript sees it.
#[derive(Clone)]
pub(crate) struct Complaint {
    /// A stable word.
    pub code: &'static str,
    /// What the error says.
    pub message: String,
}

impl Complaint {
    fn of(error: &StoreError) -> Self {
        let code = match error {
            StoreError::MemoryOnly(_) => "MEMORY_ONLY",
            StoreError::RelativeDirectory(_) => "RELATIVE_DIRECTORY",
            StoreError::Name(_) => "NAME",
            StoreError::Folder { flaw: Flaw::LaterVersion, .. } => "LATER_VERSION",
            StoreError::Folder { .. } => "FOLDER",
            StoreError::NoVault(_) => "NO_VAULT",
            StoreError::OutOfReach { .. } => "OUT_OF_REACH",
            StoreError::Busy(_) => "LOCKED",
            _ => "SYSTEM",
        };
        Self { code, message: error.to_string() }
    }
}

type Resolve<R> = Box<dyn FnOnce(Env) -> napi::Result<R>>;

/// A promise to be resolved. Whatever becomes of the thread, it is: a pending one would keep the process alive.
struct Answer<R: Reply>(Option<JsDeferred<R, Resolve<R>>>);

impl<R: Reply> Answer<R> {
    fn new(env: &Env) -> napi::Result<(Self, Object<'_>)> {
        let (deferred, promise) = env.create_deferred()?;
        Ok((Self(Some(deferred)), promise))
    }

    fn give(mut self, reply: R) {
        if let Some(deferred) = self.0.take() {
            deferred.resolve(Box::new(move |_| Ok(reply)));
        }
    }
}

impl<R: Reply> Drop for Answer<R> {
    fn drop(&mut self) {
        if let Some(deferred) = self.0.take() {
            let complaint = Complaint { code: "ENDED", message: "the token store has ended".into() };
            deferred.resolve(Box::new(move |_| Ok(complaint.into())));
        }
    }
}

/// The same for host.
pub(crate) fn store_options(options: &SealedStoreOptions) -> napi::Result<StoreOptions> {
    let vault = match options.vault.as_deref() {
        None => VaultChoice::Auto,
        Some(name) => VaultChoice::Only(VaultKind::from_name(name).ok_or_else(|| invalid("vault"))?),
    };
    let variables = options.environment.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
    Ok(StoreOptions {
        directory: options.directory.as_ref().map(Into::into),
        name: options.name.clone(),
        vault,
        unsafe_allow_unencrypted: options.unsafe_allow_unencrypted,
        environment: variables.collect(),
    })
}

/// The key that these bytes are.
pub(crate) fn entry_key(bytes: &[u8]) -> napi::Result<EntryKey> {
    EntryKey::from_bytes(bytes).ok_or_else(|| invalid("key"))
}

/// The error of an argument that is not what it must be.
pub(crate) fn invalid(what: &str) -> napi::Error {
    napi::Error::new(Status::InvalidArg, format!("This is no {what}."))
}
