//! Who is logged in: what a change of a developer tool's files means for the tokens that were fetched under them.
//!
//! A host looks at the files for the machine, in three depths: not at all, a *witness* (a few `stat` calls), or a
//! *reading* (witness, contents, and the account parsed from them). [`Watch::look`] says which depth an answer needs.
//!
//! 1. Call [`Watch::look`] with the token in hand. [`Look::Serve`]: serve it.
//! 2. [`Look::Witness`]: take a witness and call [`Watch::handle_witness`]; `true`: serve.
//! 3. Otherwise take a [`Reading`], call [`Watch::handle_reading`], then [`Watch::verdict`] and do what it says.
//!
//! A fetch is a *run*: [`Watch::start`] after a reading taken before it, [`Watch::finish`] after one taken when it ended.
//!
//! ```
//! use azure_token_cache_core::identity::{Look, Mark, Medium, Parsed, Reading, Verdict, Watch};
//! use azure_token_cache_core::time::Clock;
//! let mut clock = Clock::default();
//! let mut watch = Watch::new(1);
//! let now = clock.sample(0, 1_000_000);
//! let read = |account| Reading {
//!     witness: Mark::new(1),
//!     contents: Mark::new(account),
//!     secrets: Mark::new(1),
//!     written_unix_ms: 0,
//!     medium: Medium::Local,
//!     account: Parsed::Account(account),
//! };
//! assert_eq!(watch.look(now), Look::Read);
//! watch.handle_reading(read(1), now);
//! assert_eq!(watch.verdict(now), Verdict::Same);
//! let later = clock.sample(5, 1_000_005);
//! watch.handle_reading(read(2), later); // another account, although the witness is the same
//! assert_eq!(watch.verdict(later), Verdict::Changed);
//! ```

use crate::owners::{Owner, OwnerId, Owners};
use crate::time::Instant;

#[cfg(feature = "az")]
pub mod login;

/// A new witness is settled when its contents, read again this many milliseconds later, are the same: the coarsest file
/// clock in use, FAT's, ticks every 2 s, and two writes in one tick leave the same witness.
pub const SETTLE_MS: i64 = 2_500;
/// Files on network and FUSE file systems are read at most this often, in milliseconds: their witnesses are cached by
/// the system for about as long, so staleness is bounded by this.
pub const REMOTE_GAP_MS: i64 = 1_000;
/// Contents that cannot be parsed are read again for this many milliseconds, and a run waits this long for quiet files.
pub const PATIENCE_MS: i64 = 5_000;
/// Files must be this old, in milliseconds, before az starts: an az that reads a half-written profile overwrites it
/// (azure-cli#19402; seen within 3 ms of a rewrite).
pub const QUIET_MS: i64 = 250;
/// Contents that cannot be parsed are read again after this many milliseconds.
pub const REREAD_MS: i64 = 50;

/// What something looked like: equal marks mean that it looked the same. The value says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// A mark that equals those made of the same value.
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self(value)
    }
}

/// What kind of file system the files are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Its witnesses tell of every change, once settled.
    Local,
    /// A network or FUSE file system: only contents count.
    Remote,
}

/// What the files held at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<A> {
    /// The witness of the account files, taken before the contents were read.
    pub witness: Mark,
    /// The contents of the account files, and of the environment that decides how they are understood.
    pub contents: Mark,
    /// The witness of the files that hold the tool's own secrets: a logout and login touch them.
    pub secrets: Mark,
    /// The newest of the account files' times, in milliseconds since the Unix epoch.
    pub written_unix_ms: i64,
    /// What kind of file system they are on.
    pub medium: Medium,
    /// What the contents say.
    pub account: Parsed<A>,
}

/// What a reading's contents say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<A> {
    /// Who is logged in; nobody is an account too.
    Account(A),
    /// The contents are those of the reading before, and were not parsed again.
    Repeated,
    /// They cannot be read or parsed: torn by a writer, unreadable, or broken.
    Unparsable,
}

/// How closely the files must be looked at before a token is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Not at all: they were looked at a moment ago.
    Serve,
    /// A witness is enough.
    Witness,
    /// Take a reading, and ask for the verdict.
    Read,
}

/// What a reading means for the tokens that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same account: tokens stay.
    Same,
    /// Another account, or none: every token goes.
    Changed,
    /// The same account, but it may have been logged out and in again: tokens of an earlier session go.
    Touched {
        /// The session that begins; see [`Watch::session`].
        session: u32,
    },
    /// The contents cannot be parsed yet: serve nothing, delete nothing, read again.
    Unparsable {
        /// In how many milliseconds to read again.
        retry_in: i64,
    },
    /// The contents stayed unparsable for [`PATIENCE_MS`]: serve nothing, delete nothing, fail.
    GiveUp,
}

/// Whether a run may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start<A> {
    /// Now. Give the run to [`Watch::finish`].
    Go(Run<A>),
    /// Take another reading in this many milliseconds, and ask again.
    Wait(i64),
    /// Not at all.
    Refuse(Problem),
}

/// Why a run may not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The contents stayed unparsable for [`PATIENCE_MS`].
    Unparsable,
    /// The files did not stay unchanged for [`QUIET_MS`] within [`PATIENCE_MS`].
    Restless,
}

/// What the files looked like when a run started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<A> {
    witness: Mark,
    contents: Mark,
    account: A,
    epoch: u64,
}

/// Whether the files held still while a run went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// They did: its result counts.
    Steady,
    /// They moved.
    Moved {
        /// Whether the account before and after was one.
        same_account: bool,
    },
    /// They cannot be parsed at the moment: take another reading in this many milliseconds, and ask again.
    Wait(i64),
}

/// Whether a token's owner is one whom this identity epoch knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The person that this tenant's tokens had before, or the first one.
    Known,
    /// Another person: the identity changed, and a new epoch has begun.
    OtherUser,
}

/// Watches one tool's files for one credential. `A` is the account: two that are equal may share tokens.
#[derive(Clone, Debug)]
pub struct Watch<A> {
    gap_ms: i64,
    view: Option<View>,
    account: Option<A>,
    unparsable_since: Option<i64>,
    looked_at: Option<i64>,
    news: News,
    session: u32,
    secrets: Option<Mark>,
    epoch: u64,
    owners: Owners,
}

/// The last reading.
#[derive(Clone, Copy, Debug)]
struct View {
    witness: Mark,
    contents: Mark,
    written_unix_ms: i64,
    medium: Medium,
    since_ms: i64,
    settled: bool,
}

/// What was learnt and not yet said; the later ones include the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    Nothing,
    Touched,
    Changed,
}

impl<A: PartialEq + Clone> Watch<A> {
    /// A watch that looks at the files at most once in `gap_ms` milliseconds (at least 1; [`REMOTE_GAP_MS`] on a
    /// remote medium): tokens are served that much longer after a change, and no more.
    #[must_use]
    pub fn new(gap_ms: i64) -> Self {
        Self {
            gap_ms: gap_ms.max(1),
            view: None,
            account: None,
            unparsable_since: None,
            looked_at: None,
            news: News::Nothing,
            session: 1,
            secrets: None,
            epoch: 0,
            owners: Owners::default(),
        }
    }

    /// How closely to look before serving. Call it last, with the token in hand.
    #[must_use]
    pub fn look(&self, now: Instant) -> Look {
        let Some(view) = self.view.filter(|_| self.is_clear()) else {
            return Look::Read;
        };
        let gap_ms = match view.medium {
            Medium::Local => self.gap_ms,
            Medium::Remote => self.gap_ms.max(REMOTE_GAP_MS),
        };
        let recently = |at: i64| (0..gap_ms).contains(&now.elapsed_ms().saturating_sub(at));
        if self.looked_at.is_some_and(recently) {
            Look::Serve
        } else if view.settled {
            Look::Witness
        } else {
            Look::Read
        }
    }

    /// Compares a witness taken at `now`. `true`: nothing changed, serve; `false`: take a reading.
    #[must_use]
    pub fn handle_witness(&mut self, witness: Mark, now: Instant) -> bool {
        let unchanged =
            self.is_clear() && self.view.is_some_and(|view| view.settled && view.witness == witness);
        if unchanged {
            self.looked_at = Some(now.elapsed_ms());
        }
        unchanged
    }

    /// Takes in a reading that began at `now`. What it means is said by [`Self::verdict`], [`Self::start`] and
    /// [`Self::finish`].
    pub fn handle_reading(&mut self, reading: Reading<A>, now: Instant) {
        let before = self.view;
        let rewritten = before.is_none_or(|view| view.witness != reading.witness);
        let repeats =
            before.is_some_and(|view| view.contents == reading.contents) && self.unparsable_since.is_none();
        self.looked_at = Some(now.elapsed_ms());
        self.view = Some(self.next_view(&reading, now));
        match reading.account {
            Parsed::Account(account) => self.compare_account(account, reading.secrets),
            Parsed::Repeated if repeats && rewritten => self.compare_secrets(reading.secrets),
            Parsed::Repeated if repeats => {}
            Parsed::Repeated | Parsed::Unparsable => {
                self.unparsable_since.get_or_insert(now.monotonic_ms());
            }
        }
    }

    /// What the readings since the last verdict mean for the tokens held.
    #[must_use]
    pub fn verdict(&mut self, now: Instant) -> Verdict {
        match core::mem::replace(&mut self.news, News::Nothing) {
            News::Changed => Verdict::Changed,
            News::Touched => Verdict::Touched { session: self.session },
            News::Nothing => match self.unparsable_since {
                None => Verdict::Same,
                Some(since) => wait_since(since, now)
                    .map_or(Verdict::GiveUp, |retry_in| Verdict::Unparsable { retry_in }),
            },
        }
    }

    /// Whether a run that was first asked for at `asked_ms` (monotonic) may start, by the reading just taken in.
    #[must_use]
    pub fn start(&self, asked_ms: i64, now: Instant) -> Start<A> {
        let (Some(view), Some(run)) = (self.view, self.begin()) else {
            let since_ms = self.unparsable_since.map_or(asked_ms, |since| since.min(asked_ms));
            return wait_since(since_ms, now).map_or(Start::Refuse(Problem::Unparsable), Start::Wait);
        };
        let unquiet = QUIET_MS.saturating_sub(age(view, now));
        if unquiet <= 0 {
            return Start::Go(run);
        }
        match wait_since(asked_ms, now) {
            Some(_) => Start::Wait(unquiet),
            None => Start::Refuse(Problem::Restless),
        }
    }

    /// A run that starts whether or not the files rest: only for one that cannot harm them. `None` while the contents
    /// cannot be parsed.
    #[must_use]
    pub fn begin(&self) -> Option<Run<A>> {
        let View { witness, contents, .. } = self.view.filter(|_| self.unparsable_since.is_none())?;
        Some(Run { witness, contents, account: self.account.clone()?, epoch: self.epoch })
    }

    /// Whether the files held still while `run` went on, by the reading just taken in; `ended_ms` is when it ended.
    ///
    /// Both the witness and the contents count. While the witness is unsettled the contents are what tells; once it is
    /// settled they cannot differ without it.
    #[must_use]
    pub fn finish(&self, run: &Run<A>, ended_ms: i64, now: Instant) -> Finish {
        let (Some(view), None) = (self.view, self.unparsable_since) else {
            return wait_since(ended_ms, now).map_or(Finish::Moved { same_account: false }, Finish::Wait);
        };
        let same_account = run.epoch == self.epoch && self.account.as_ref() == Some(&run.account);
        if same_account && view.witness == run.witness && view.contents == run.contents {
            Finish::Steady
        } else {
            Finish::Moved { same_account }
        }
    }

    /// Takes in the secrets' witness as it is after a steady run that brought a token: that run may have written them.
    pub fn keep_secrets(&mut self, secrets: Mark) {
        self.secrets = Some(secrets);
    }

    /// Compares the owner of a fetched token with the one whom the tenant's tokens had before in this epoch. Another
    /// one begins a new epoch, and the next verdict says so too: older tokens have to go before anything is served.
    #[must_use]
    pub fn admit(&mut self, tenant: &str, owner: &str) -> Admission {
        let owner = Owner { tenant, id: OwnerId::Object(owner) };
        let is_other = self.owners.know_another(owner);
        if is_other {
            self.begin_epoch();
            self.news = News::Changed;
        }
        self.owners.remember(owner);
        if is_other { Admission::OtherUser } else { Admission::Known }
    }

    /// The session that a token fetched now belongs to. It begins anew whenever tokens have to go.
    #[must_use]
    pub fn session(&self) -> u32 {
        self.session
    }

    /// Who is logged in, as last parsed.
    #[must_use]
    pub fn account(&self) -> Option<&A> {
        self.account.as_ref()
    }

    /// Whether the last contents were parsed and every verdict was taken: no reading stands in the way of serving.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.unparsable_since.is_none() && self.news == News::Nothing
    }

    fn next_view(&self, reading: &Reading<A>, now: Instant) -> View {
        let same =
            self.view.filter(|view| view.witness == reading.witness && view.contents == reading.contents);
        let since_ms = same.map_or(now.monotonic_ms(), |view| view.since_ms);
        let settled =
            reading.medium == Medium::Local && now.monotonic_ms().saturating_sub(since_ms) >= SETTLE_MS;
        View {
            witness: reading.witness,
            contents: reading.contents,
            written_unix_ms: reading.written_unix_ms,
            medium: reading.medium,
            since_ms,
            settled,
        }
    }

    fn compare_account(&mut self, account: A, secrets: Mark) {
        self.unparsable_since = None;
        match self.account.replace(account) {
            None => self.secrets = Some(secrets),
            Some(before) if self.account.as_ref() == Some(&before) => self.compare_secrets(secrets),
            Some(_) => {
                self.begin_epoch();
                self.secrets = Some(secrets);
                self.news = News::Changed;
            }
        }
    }

    fn compare_secrets(&mut self, secrets: Mark) {
        if self.secrets != Some(secrets) {
            self.secrets = Some(secrets);
            self.session = self.session.wrapping_add(1);
            self.news = self.news.max(News::Touched);
        }
    }

    fn begin_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.session = self.session.wrapping_add(1);
        self.owners.forget();
    }
}

/// How long the files have been quiet, in milliseconds: by their own times, and where those lie in the future (a clock
/// that was set, a `touch`) by how long they were seen unchanged.
fn age(view: View, now: Instant) -> i64 {
    let age = now.unix_ms().saturating_sub(view.written_unix_ms);
    if age >= 0 { age } else { now.monotonic_ms().saturating_sub(view.since_ms) }
}

/// When to read again while patience that began at `since_ms` lasts.
fn wait_since(since_ms: i64, now: Instant) -> Option<i64> {
    (now.monotonic_ms().saturating_sub(since_ms) < PATIENCE_MS).then_some(REREAD_MS)
}
