//! The engine behind few doors: an exported function costs a third of a kilobyte in wasm, and a napi one a microsecond of every
//! start, so `wasm/ts/engine.ts` names what is numbered here.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem::take;

use super::{Engine, POLICY_NUMBERS, policy_from_numbers, policy_numbers};
use crate::cache::Selector;
use crate::policy::Policy;
use crate::request::{CredentialId, Request};

/// What [`Doors::request`] does with a request.
mod what {
    pub const INTERN: u32 = 0;
    pub const INVALIDATE_ALL: u32 = 1;
    pub const INVALIDATE_CREDENTIAL: u32 = 2;
    pub const INVALIDATE_SCOPES: u32 = 3;
    pub const FIND: u32 = 5;
}

/// What [`Doors::input`] tells the machine.
mod input {
    pub const REGISTER: u32 = 0;
    pub const LEAVE: u32 = 1;
    pub const STARTED: u32 = 2;
    pub const TIMEOUT: u32 = 3;
    pub const IDENTITY_CHANGED: u32 = 4;
    pub const IDENTITY_TOUCHED: u32 = 5;
    pub const EXPLAIN: u32 = 6;
    pub const NEXT_ACTION: u32 = 7;
    pub const OWNED: u32 = 9;
}

/// What a run brought.
mod outcome {
    pub const GRANTED: u32 = 0;
    pub const NONE: u32 = 1;
}

/// An [`Engine`] for a border that only numbers and texts cross.
#[derive(Debug)]
pub struct Doors {
    engine: Engine,
    /// Of the next request: its scopes, then its tenant and its claims. Of a token's owner: three claims.
    texts: Vec<String>,
}

/// A number of the default policy, or of `"azure-identity"`, in the order of core's fields; NaN after the last.
#[must_use]
pub fn policy_number(azure_identity: bool, index: usize) -> f64 {
    const DEFAULT: [f64; POLICY_NUMBERS] = policy_numbers(&Policy::DEFAULT);
    const AZURE_IDENTITY: [f64; POLICY_NUMBERS] = policy_numbers(&Policy::AZURE_IDENTITY);
    let numbers = if azure_identity { &AZURE_IDENTITY } else { &DEFAULT };
    numbers.get(index).copied().unwrap_or(f64::NAN)
}

impl Doors {
    /// An engine that holds nothing; `None` where the policy is not one.
    #[must_use]
    pub fn create(policy: &[f64], max_entries: f64, seed: f64) -> Option<Self> {
        let engine = Engine::new(policy_from_numbers(policy)?, max_entries, seed);
        Some(Self { engine, texts: Vec::new() })
    }

    /// The hot one.
    pub fn lookup(&mut self, entry: f64, monotonic: f64, unix: f64) -> u32 {
        self.engine.lookup(entry, monotonic, unix)
    }

    /// Adds a text to the next request, or to what is told of a token's owner: its `tid`, its `oid`, its client.
    pub fn text(&mut self, text: String) {
        self.texts.push(text);
    }

    /// Interns or finds the request whose texts were added, or invalidates what it selects: one of [`what`].
    #[expect(clippy::too_many_arguments, reason = "a request by its parts, and two clocks")]
    pub fn request(
        &mut self,
        what: u32,
        credential: u32,
        scopes: usize,
        tenant: bool,
        cae: bool,
        claims: bool,
        monotonic: f64,
        unix: f64,
    ) -> f64 {
        let texts = take(&mut self.texts);
        let mut texts = texts.iter().map(String::as_str);
        let scopes: Vec<&str> = texts.by_ref().take(scopes).collect();
        let credential = CredentialId::from_bits(credential);
        let request = Request {
            credential,
            scopes: &scopes,
            tenant: if tenant { texts.next() } else { None },
            cae,
            claims: if claims { texts.next() } else { None },
        };
        let selector = match what {
            what::INTERN => return self.engine.intern(&request, monotonic, unix),
            what::FIND => return self.engine.find(&request),
            what::INVALIDATE_ALL => Selector::All,
            what::INVALIDATE_CREDENTIAL => Selector::Credential(credential),
            what::INVALIDATE_SCOPES => Selector::Scopes(credential, &scopes),
            _ => Selector::Request(request),
        };
        self.engine.invalidate(selector, monotonic, unix)
    }

    /// One of [`input`]; any other closes. `about` is an id, `number` what else there is to say.
    pub fn input(&mut self, input: u32, about: f64, number: f64, monotonic: f64, unix: f64) -> f64 {
        let engine = &mut self.engine;
        let id = id(about);
        match input {
            input::REGISTER => return f64::from(engine.register(id, number)),
            input::LEAVE => return f64::from(engine.leave(id, monotonic, unix)),
            input::STARTED => engine.started(id, monotonic, unix),
            input::TIMEOUT => return f64::from(engine.timeout(monotonic, unix)),
            input::IDENTITY_CHANGED => engine.identity_changed(id, monotonic, unix),
            input::IDENTITY_TOUCHED => engine.identity_touched(id, self::id(number), monotonic, unix),
            input::EXPLAIN => return f64::from(engine.explain(about, monotonic, unix)),
            input::NEXT_ACTION => return f64::from(engine.next_action()),
            input::OWNED => {
                let texts = take(&mut self.texts);
                let text = |index| texts.get(index).map_or("", String::as_str);
                return f64::from(engine.owned(id, [text(0), text(1), text(2)], monotonic, unix));
            }
            _ => engine.close(monotonic, unix),
        }
        0.0
    }

    /// What a run brought: a token that expires at `time`, nothing, or an error that asks for a pause of `time`.
    /// `flag` says of a token that it is unchanged, of an error that it is the network's.
    #[expect(clippy::too_many_arguments, reason = "numbers cross the border one by one")]
    pub fn fetched(
        &mut self,
        fetch: u32,
        outcome: u32,
        time: f64,
        refresh_at: f64,
        issued_at: f64,
        flag: bool,
        session: u32,
        stability: u32,
        monotonic: f64,
        unix: f64,
    ) -> u32 {
        let engine = &mut self.engine;
        match outcome {
            outcome::GRANTED => {
                engine.granted(fetch, time, refresh_at, issued_at, flag, session, stability, monotonic, unix)
            }
            outcome::NONE => engine.none(fetch, stability, monotonic, unix),
            _ => engine.failed(fetch, flag, time, stability, monotonic, unix),
        }
    }

    /// What does not fit a return value; `engine.ts` numbers it.
    #[must_use]
    pub fn read(&self, what: u32) -> f64 {
        let engine = &self.engine;
        match what {
            0 => engine.from(),
            1 => engine.until(),
            2 => f64::from(engine.job()),
            3 => engine.serve_at(),
            4 => f64::from(engine.settled_job()),
            5 => engine.settled_entry(),
            6 => engine.settled_base(),
            7 => f64::from(engine.settled_reason()),
            8 => engine.action_entry(),
            9 => f64::from(engine.action_fetch()),
            10 => f64::from(engine.action_job()),
            11 => engine.next_timeout(),
            12 => f64::from(engine.next_timeout_reason()),
            13 => f64::from(engine.explained_due()),
            14 => engine.explained_left(),
            15 => engine.explained_gate(),
            16 => engine.explained_memory(),
            17 => f64::from(u8::from(engine.explained_in_flight())),
            _ => engine.len(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from f64 saturates")]
fn id(number: f64) -> u32 {
    number as u32
}
