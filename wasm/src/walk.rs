//! The walk across processes with numbers in and out. Its codes and its types stand in `wasm/ts/store/walk.ts`.

use azure_token_cache_core::engine::{known, login, whole};
use azure_token_cache_core::walk::{
    Answer, Ending, Generation, Lane, Loaded, Locking, Over, Pace, Step, StoredFailure, StoredToken, Terms,
    Walk as Core, Wanted,
};
use azure_token_cache_core::{Clock, Instant, Policy, Stability};
use wasm_bindgen::prelude::*;

/// One way to one token. Times are milliseconds, `monotonic` from any origin and `unix` since the Unix epoch; NaN is none.
#[wasm_bindgen]
pub struct Walk {
    core: Core,
    clock: Clock,
    /// Until it was reported; `None`: the look failed.
    found: Option<Loaded>,
}

#[wasm_bindgen]
impl Walk {
    /// A walk that begins now.
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "numbers and truths cross the border one by one"
    )]
    #[wasm_bindgen(constructor)]
    pub fn new(
        account: f64,
        session: f64,
        held: f64,
        challenged: bool,
        behind: bool,
        min_validity: u32,
        scale_short_lives: bool,
        fetch_limit: u32,
        far: bool,
        seed: f64,
        monotonic: f64,
        unix: f64,
    ) -> Self {
        let mut clock = Clock::default();
        let now = clock.sample(whole(monotonic), whole(unix));
        let wanted =
            Wanted { login: login(account, session), held: known(held), challenged, runs: 0, behind };
        let policy = Policy { min_validity, scale_short_lives, fetch_limit, ..Policy::DEFAULT };
        let pace = if far { Pace::Far } else { Pace::Near };
        let terms = Terms { pace, ..Terms::of(&policy) };
        let core = Core::new(wanted, terms, whole(seed).cast_unsigned(), now);
        Self { core, clock, found: None }
    }

    /// What to do next.
    pub fn step(&self) -> u32 {
        match self.core.step() {
            Step::Load => 0,
            Step::Lock(_) => 1,
            Step::Sleep { .. } => 2,
            Step::Fetch => 3,
            Step::Save(Over::Generation(_)) => 4,
            Step::Save(Over::Anything) => 5,
            Step::SaveFailure => 6,
            Step::Unlock(_) => 7,
            Step::Done => 8,
        }
    }

    /// Of the step: the lane of a lock, the end of a sleep in monotonic milliseconds, the entry's generation of a save.
    pub fn detail(&self) -> f64 {
        match self.core.step() {
            Step::Lock(lane) | Step::Unlock(lane) => match lane {
                Lane::Fetch => 0.0,
                Lane::FirstSlot => 1.0,
                Lane::SecondSlot => 2.0,
            },
            Step::Sleep { until } => number(until),
            Step::Save(Over::Generation(generation)) => count(generation.entry),
            _ => 0.0,
        }
    }

    /// Of a save: the store's generation.
    pub fn store_generation(&self) -> f64 {
        if let Step::Save(Over::Generation(generation)) = self.core.step() {
            count(generation.store)
        } else {
            0.0
        }
    }

    /// The generation that a look found. It is reported with [`Self::loaded`].
    pub fn found_generation(&mut self, store: f64, entry: f64) {
        let generation =
            Generation { store: whole(store).cast_unsigned(), entry: whole(entry).cast_unsigned() };
        self.found = Some(Loaded { generation, token: None, failure: None });
    }

    /// The token that a look found.
    pub fn found_token(&mut self, expires_at: f64, acquired_at: f64, age: f64, account: f64, session: f64) {
        let token = StoredToken {
            expires_at: whole(expires_at),
            acquired_at: whole(acquired_at),
            age: known(age),
            login: login(account, session),
        };
        self.found.get_or_insert_default().token = Some(token);
    }

    /// The failure that a look found.
    pub fn found_failure(&mut self, id: f64, failed_at: f64, account: f64, session: f64) {
        let (id, failed_at) = (whole(id).cast_unsigned(), whole(failed_at));
        let failure = StoredFailure { id, failed_at, login: login(account, session) };
        self.found.get_or_insert_default().failure = Some(failure);
    }

    /// All that a look found was told; nothing at all of one that failed.
    pub fn loaded(&mut self, moved: bool, monotonic: f64, unix: f64) -> u32 {
        let now = self.now(monotonic, unix);
        let stability = if moved { Stability::Moved { same_account: false } } else { Stability::Steady };
        code(match self.found.take() {
            Some(found) => self.core.handle_loaded(found, stability, now),
            None => self.core.handle_unreadable(stability, now),
        })
    }

    /// The lock was tried: 0 taken, 1 busy, 2 unavailable.
    pub fn locked(&mut self, locking: u32, monotonic: f64, unix: f64) -> u32 {
        let now = self.now(monotonic, unix);
        let locking = match locking {
            0 => Locking::Taken,
            1 => Locking::Busy,
            _ => Locking::Unavailable,
        };
        code(self.core.handle_locked(locking, now))
    }

    /// A pause may be over.
    pub fn timeout(&mut self, monotonic: f64, unix: f64) {
        let now = self.now(monotonic, unix);
        self.core.handle_timeout(now);
    }

    /// The fetch ended: 0 with a token that is kept, 1 with none, 2 with an error, 3 with what nobody wants.
    pub fn fetched(&mut self, ending: u32) {
        let ending = match ending {
            0 => Ending::Granted(Stability::Steady),
            1 => Ending::Null,
            2 => Ending::Failed,
            _ => Ending::Dropped,
        };
        let _ = self.core.handle_fetched(ending);
    }

    /// A save or an unlock is over, or nobody waits any more: 0, 1, 2.
    pub fn note(&mut self, what: u32) {
        match what {
            0 => self.core.handle_saved(),
            1 => self.core.handle_unlocked(),
            _ => self.core.cancel(),
        }
    }

    fn now(&mut self, monotonic: f64, unix: f64) -> Instant {
        self.clock.sample(whole(monotonic), whole(unix))
    }
}

fn code(answer: Option<Answer>) -> u32 {
    match answer {
        None => 0,
        Some(Answer::Stored) => 1,
        Some(Answer::StoredFailure) => 2,
        Some(Answer::Again) => 3,
        Some(Answer::Exhausted) => 4,
        Some(Answer::Fetched | Answer::LoginMoved) => 5,
    }
}

#[expect(clippy::cast_precision_loss, reason = "times stay below 2^53")]
fn number(whole: i64) -> f64 {
    whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "generations stay below 2^53")]
fn count(generation: u64) -> f64 {
    generation as f64
}
