//! Who az is logged in as, watched while one answer is found: core's login watch with host's eyes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_token_cache_core::Stability;
use azure_token_cache_core::az::account::{self, Account, AccountError, AccountFiles};
use azure_token_cache_core::identity::login::{File, Login, Marks, Ownership, Reliance, Role, Starting};
use azure_token_cache_core::identity::{Finish, Mark, Medium, PATIENCE_MS, Problem, REREAD_MS, SETTLE_MS};
use azure_token_cache_core::time::{Clock, Instant};
use azure_token_cache_core::walk;
use azure_token_cache_host::witness::{LoginFiles, Reading};

use crate::surroundings::Surroundings;

/// The files that say who is logged in, and what each is.
const ACCOUNT_FILES: [(&str, Role); 3] =
    [("azureProfile.json", Role::AzProfile), ("clouds.config", Role::AzClouds), ("config", Role::AzConfig)];
/// The files that hold az's own secrets; encrypted ones end in `.bin`.
const SECRET_FILES: [&str; 4] = [
    "msal_token_cache.json",
    "msal_token_cache.bin",
    "service_principal_entries.json",
    "service_principal_entries.bin",
];

/// The two clocks, read together.
pub struct Time {
    clock: Clock,
    began: std::time::Instant,
}

impl Time {
    /// Begins to count.
    pub fn begin() -> Self {
        Self { clock: Clock::default(), began: std::time::Instant::now() }
    }

    /// Now.
    pub fn now(&mut self) -> Instant {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.clock.sample(milliseconds(self.began.elapsed()), milliseconds(unix))
    }
}

/// Blocks for as long as a decision said.
pub fn sleep(ms: i64) {
    std::thread::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
}

/// The login of one az, for one request.
pub struct AzLogin<'a> {
    surroundings: &'a Surroundings,
    files: LoginFiles,
    last: Reading,
    watch: Login,
    pub time: Time,
}

/// Why az may not be started, or its result not be used.
#[derive(Debug)]
pub enum Unrest {
    /// A file that says who is logged in stays broken.
    Broken(AccountError),
    /// One cannot be read.
    Unreadable,
    /// They do not come to rest.
    Restless,
}

impl<'a> AzLogin<'a> {
    /// Reads the files. `subscription` is the request's.
    pub fn read(surroundings: &'a Surroundings, subscription: Option<&str>) -> Self {
        let paths = |names: &mut dyn Iterator<Item = &str>| {
            names.map(|name| surroundings.config_folder.join(name)).collect()
        };
        let mut files = LoginFiles::new(
            paths(&mut ACCOUNT_FILES.iter().map(|(name, _)| *name)),
            paths(&mut SECRET_FILES.iter().copied()),
        );
        let last = files.read();
        let watch = Login::new(Reliance::Always, subscription.map(str::to_owned), 1);
        Self { surroundings, files, last, watch, time: Time::begin() }
    }

    /// Digests of what was seen last.
    pub fn digests(&self) -> walk::Login {
        self.files.digests()
    }

    /// The contents that were read last.
    pub fn contents(&self) -> Result<AccountFiles<'_>, Unrest> {
        let file = |index| self.files.contents(index).map_err(|_| Unrest::Unreadable);
        Ok(AccountFiles { profile: file(0)?, clouds: file(1)?, config: file(2)? })
    }

    /// Who is logged in by what was read last.
    pub fn account(&self, subscription: Option<&str>, tenant: Option<&str>) -> Result<Account, Unrest> {
        account::parse(&self.contents()?, &self.surroundings.account_environment(), subscription, tenant)
            .map_err(Unrest::Broken)
    }

    /// As [`account`](Self::account); files that cannot be parsed are read again for a while, since az writes them in place.
    pub fn settled_account(
        &mut self,
        subscription: Option<&str>,
        tenant: Option<&str>,
    ) -> Result<Account, Unrest> {
        let began = self.time.now();
        loop {
            match self.account(subscription, tenant) {
                Err(Unrest::Broken(_))
                    if self.time.now().monotonic_ms() - began.monotonic_ms() < PATIENCE_MS =>
                {
                    sleep(REREAD_MS);
                    self.last = self.files.read();
                }
                settled => return settled,
            }
        }
    }

    /// Whether the login is still the one that was read last, looked at with the token in hand. `is_same` compares accounts
    /// where it is not.
    pub fn stability(&mut self, is_same: impl FnOnce(&Self) -> bool) -> Stability {
        let before = self.last;
        let age = self.time.now().unix_ms() - before.written_unix_ms;
        let is_settled = !before.remote && age > SETTLE_MS;
        let is_still = if is_settled {
            self.files.witness() == before.witness
        } else {
            self.last = self.files.read();
            (self.last.witness, self.last.contents) == (before.witness, before.contents)
        };
        if is_still {
            return Stability::Steady;
        }
        self.last = self.files.read();
        Stability::Moved { same_account: is_same(self) }
    }

    /// Waits until az may be started: the profile parses, and nobody has touched it for a moment.
    pub fn start(&mut self) -> Result<u32, Unrest> {
        let asked = self.time.now().monotonic_ms();
        loop {
            let now = self.observe();
            match self.watch.start(asked, now) {
                Starting::Go(run) => return Ok(run),
                Starting::Wait(ms) => sleep(ms),
                Starting::Refuse(Problem::Restless) => return Err(Unrest::Restless),
                Starting::Refuse(Problem::Unparsable) => {
                    return Err(self.account(None, None).err().unwrap_or(Unrest::Unreadable));
                }
            }
        }
    }

    /// As [`start`](Self::start), for an az that is to run in any case: neither what cannot be read nor what nobody is writing
    /// any more is waited for.
    pub fn let_rest(&mut self) {
        let asked = self.time.now().monotonic_ms();
        loop {
            let now = self.observe();
            let age = now.unix_ms() - self.last.written_unix_ms;
            match self.watch.start(asked, now) {
                Starting::Wait(ms) if age < PATIENCE_MS && self.contents().is_ok() => sleep(ms),
                _ => return,
            }
        }
    }

    /// Whether the files held still since `start` returned `run`.
    pub fn finish(&mut self, run: u32, brought_token: bool) -> Stability {
        let ended = self.time.now().monotonic_ms();
        loop {
            let now = self.observe();
            let secrets = brought_token.then(|| mark(self.last.secrets));
            match self.watch.finish(run, secrets, ended, now) {
                Finish::Steady => return Stability::Steady,
                Finish::Moved { same_account } => return Stability::Moved { same_account },
                Finish::Wait(ms) => sleep(ms),
            }
        }
    }

    /// Whether a fetched token's readable claims may be this account's.
    pub fn may_own(&mut self, token: &str, tenant: Option<&str>) -> bool {
        self.watch.admit(token, tenant) == Ownership::Plausible
    }

    fn observe(&mut self) -> Instant {
        let now = self.time.now();
        self.last = self.files.read();
        let Reading { witness, contents, secrets, written_unix_ms, remote } = self.last;
        let marks = Marks {
            witness: mark(witness),
            contents: mark(contents),
            secrets: mark(secrets),
            written_unix_ms,
            medium: if remote { Medium::Remote } else { Medium::Local },
        };
        let files = &self.files;
        let found = || {
            let roles = ACCOUNT_FILES.iter().map(|(_, role)| *role);
            roles.enumerate().map(|(index, role)| (role, file(files, index))).collect()
        };
        self.watch.handle_reading(marks, found, &self.surroundings.account_environment(), now);
        now
    }
}

fn file(files: &LoginFiles, index: usize) -> File<'_> {
    match files.contents(index) {
        Ok(Some(bytes)) => File::Contents(bytes),
        Ok(None) => File::Absent,
        Err(_) => File::Unreadable,
    }
}

fn mark(value: u32) -> Mark {
    Mark::new(value.into())
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
