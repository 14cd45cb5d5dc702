//! A script: a list of inputs to the engine, each with the line that tells what came of it.
//!
//! The same lines are printed by `tests/js/vectors/script.ts` from the engine over wasm and over napi.

use std::fmt::{self, Write};

use azure_token_cache_core::engine::{
    Engine, action, decision, kind, policy_from_numbers, policy_numbers, settled,
};
use azure_token_cache_core::{CredentialId, Policy, Request, Selector};
use serde_json::Value;

/// The wall clock at the start of every script; times in its lines count from here.
pub const START: f64 = 1_700_000_000_000.0;
/// The monotonic clock at the start of every script.
pub const BOOT: f64 = 5_000_000.0;

/// What makes a script unplayable: the value that was read instead of what was expected.
#[derive(Debug)]
pub struct Unreadable(&'static str, Value);

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "expected {}, read {}", self.0, self.1)
    }
}

impl std::error::Error for Unreadable {}

/// An engine on a stage with two clocks, which performs one input after another.
#[derive(Debug)]
pub struct Player {
    engine: Engine,
    monotonic: f64,
    unix: f64,
}

impl Player {
    /// The engine of a script: its `policy`, `maxEntries`, `seed` and `kinds`.
    pub fn new(script: &Value) -> Result<Self, Unreadable> {
        let policy = policy(&script["policy"])?;
        let max_entries = script["maxEntries"].as_f64().unwrap_or(10_000.0);
        let seed = script["seed"].as_f64().unwrap_or(1.0);
        let mut engine = Engine::new(policy, max_entries, seed);
        for kind in list(&script["kinds"])? {
            engine.register(bits(kind)?, kind["limit"].as_f64().unwrap_or(f64::NAN));
        }
        Ok(Self { engine, monotonic: BOOT, unix: START })
    }

    /// Performs one input, such as `["lookup", 0]`, and tells what came of it.
    pub fn perform(&mut self, input: &Value) -> Result<String, Unreadable> {
        let name = input[0].as_str().unwrap_or_default();
        if let Some(line) = self.pass(name, input)? {
            return Ok(line);
        }
        let mut line = match name {
            "intern" => self.intern(input)?,
            "lookup" => self.lookup(input)?,
            "explain" => self.explain(input)?,
            "owned" => self.owned(input)?,
            _ => match self.settling(name, input)? {
                Some(code) => self.settled(code),
                None => self.changing(name, input)?,
            },
        };
        self.tell_outputs(&mut line);
        Ok(line)
    }

    /// The wall clock now.
    #[must_use]
    pub fn unix(&self) -> f64 {
        self.unix
    }

    /// How long until the next timeout, on the monotonic clock; infinity: there is none.
    #[must_use]
    pub fn until_timeout(&self) -> f64 {
        self.engine.next_timeout() - self.monotonic
    }

    fn pass(&mut self, name: &str, input: &Value) -> Result<Option<String>, Unreadable> {
        let (monotonic, unix) = match name {
            "pass" => (1.0, 1.0),
            "suspend" => (0.0, 1.0),
            "setBack" => (0.0, -1.0),
            _ => return Ok(None),
        };
        let ms = number(&input[1])?;
        self.monotonic += monotonic * ms;
        self.unix += unix * ms;
        Ok(Some(format!("at {}", self.unix - START)))
    }

    fn intern(&mut self, input: &Value) -> Result<String, Unreadable> {
        let (monotonic, unix) = (self.monotonic, self.unix);
        let engine = &mut self.engine;
        let entry = with_request(input, |request| engine.intern(request, monotonic, unix))?;
        Ok(if entry < 0.0 {
            format!("refused {entry}")
        } else {
            format!("entry {entry} of {}", self.engine.len())
        })
    }

    fn lookup(&mut self, input: &Value) -> Result<String, Unreadable> {
        let decided = self.engine.lookup(number(&input[1])?, self.monotonic, self.unix);
        let lease = |engine: &Engine| {
            format!("{}..{}", relative(engine.from(), START), relative(engine.until(), START))
        };
        let engine = &self.engine;
        Ok(match decided {
            decision::HIT => format!("hit {}", lease(engine)),
            decision::REFRESH => format!("refresh {} job {}", lease(engine), engine.job()),
            decision::WAIT => {
                format!("wait job {} until {}", engine.job(), relative(engine.serve_at(), BOOT))
            }
            decision::FAIL => format!("fail until {}", relative(engine.until(), BOOT)),
            _ => "unknown".into(),
        })
    }

    fn explain(&mut self, input: &Value) -> Result<String, Unreadable> {
        let zone = self.engine.explain(number(&input[1])?, self.monotonic, self.unix);
        let engine = &self.engine;
        Ok(format!(
            "zone {zone} due {} left {} gate {} memory {} flying {}",
            engine.explained_due(),
            relative(engine.explained_left(), 0.0),
            relative(engine.explained_gate(), 0.0),
            relative(engine.explained_memory(), 0.0),
            engine.explained_in_flight(),
        ))
    }

    fn owned(&mut self, input: &Value) -> Result<String, Unreadable> {
        let texts = texts(&input[2])?;
        let owner: [&str; 3] =
            texts.try_into().map_err(|_| Unreadable("a tenant, an object and a client", input.clone()))?;
        let code = self.engine.owned(id(&input[1])?, owner, self.monotonic, self.unix);
        Ok(format!("owned {code}"))
    }

    /// The inputs that may settle a job; `None` for any other.
    fn settling(&mut self, name: &str, input: &Value) -> Result<Option<u32>, Unreadable> {
        let (monotonic, unix) = (self.monotonic, self.unix);
        let later = |value: &Value| value.as_f64().map_or(f64::NAN, |ms| unix + ms);
        Ok(Some(match name {
            "leave" => self.engine.leave(id(&input[1])?, monotonic, unix),
            "timeout" => self.engine.timeout(monotonic, unix),
            "none" => self.engine.none(id(&input[1])?, id(&input[2])?, monotonic, unix),
            "failed" => self.engine.failed(
                id(&input[1])?,
                truth(&input[2])?,
                input[3].as_f64().unwrap_or(f64::NAN),
                id(&input[4])?,
                monotonic,
                unix,
            ),
            "granted" => self.engine.granted(
                id(&input[1])?,
                later(&input[2]),
                later(&input[3]),
                later(&input[4]),
                truth(&input[5])?,
                id(&input[6])?,
                id(&input[7])?,
                monotonic,
                unix,
            ),
            // An expiry as it stands, for those that cannot be one.
            "grantedAt" => {
                let expires_at = input[2].as_f64().unwrap_or(f64::NAN);
                let fetch = id(&input[1])?;
                self.engine.granted(fetch, expires_at, f64::NAN, f64::NAN, false, 0, 0, monotonic, unix)
            }
            _ => return Ok(None),
        }))
    }

    fn settled(&self, code: u32) -> String {
        let engine = &self.engine;
        let job = engine.settled_job();
        let entry = engine.settled_entry();
        match code {
            settled::GRANTED => format!("granted job {job} entry {entry} base {}", engine.settled_base()),
            settled::HANDED_OUT => format!("handed out job {job}"),
            settled::SERVED => format!("served job {job} entry {entry}"),
            settled::NULL => format!("null job {job}"),
            settled::FAILED => {
                format!("failed job {job} entry {entry} reason {}", engine.settled_reason())
            }
            settled::ABANDONED => format!("abandoned job {job}"),
            _ => "nothing".into(),
        }
    }

    fn changing(&mut self, name: &str, input: &Value) -> Result<String, Unreadable> {
        let (monotonic, unix) = (self.monotonic, self.unix);
        let engine = &mut self.engine;
        let refused = match name {
            "started" => {
                engine.started(id(&input[1])?, monotonic, unix);
                0.0
            }
            "identityChanged" => {
                engine.identity_changed(id(&input[1])?, monotonic, unix);
                0.0
            }
            "identityTouched" => {
                engine.identity_touched(id(&input[1])?, id(&input[2])?, monotonic, unix);
                0.0
            }
            "close" => {
                engine.close(monotonic, unix);
                0.0
            }
            "invalidateAll" => engine.invalidate(Selector::All, monotonic, unix),
            "invalidateCredential" => {
                let credential = CredentialId::from_bits(id(&input[1])?);
                engine.invalidate(Selector::Credential(credential), monotonic, unix)
            }
            "invalidateScopes" => {
                let scopes = texts(&input[2])?;
                let selector = Selector::Scopes(CredentialId::from_bits(id(&input[1])?), &scopes);
                engine.invalidate(selector, monotonic, unix)
            }
            "invalidateRequest" => with_request(input, |request| {
                engine.invalidate(Selector::Request(*request), monotonic, unix)
            })?,
            _ => return Err(Unreadable("an input", input.clone())),
        };
        Ok(if refused < 0.0 { format!("refused {refused}") } else { "done".into() })
    }

    fn tell_outputs(&mut self, line: &mut String) {
        loop {
            let code = self.engine.next_action();
            let engine = &self.engine;
            let (entry, fetch, job) = (engine.action_entry(), engine.action_fetch(), engine.action_job());
            // Writing to a String cannot fail.
            let _ = match code {
                action::FETCH => write!(line, "; fetch {fetch} job {job} entry {entry}"),
                action::ABORT => write!(line, "; abort {fetch}"),
                action::LAPSE => write!(line, "; lapse {entry}"),
                action::FORGET => write!(line, "; forget {entry}"),
                _ => break,
            };
        }
        let reason = self.engine.next_timeout_reason();
        if reason != 0 {
            let at = relative(self.engine.next_timeout(), BOOT);
            let _ = write!(line, "; timeout {at} reason {reason}");
        }
    }
}

/// Performs all inputs of a script: the lines that came of them.
pub fn play(script: &Value) -> Result<Vec<String>, Unreadable> {
    let mut player = Player::new(script)?;
    list(&script["steps"])?.iter().map(|step| player.perform(&step[0])).collect()
}

/// The names that JavaScript gives the numbers of a policy, in core's order.
const POLICY_NAMES: [&str; 14] = [
    "refreshBeforeExpiryMs",
    "backgroundMinValidityMs",
    "minValidityMs",
    "halfLife",
    "retryDelayMs",
    "retryDelayMaxMs",
    "retryJitterPercent",
    "failureMemoryMs",
    "failureMemoryMaxMs",
    "networkFailureMemoryMs",
    "fetchLimitMs",
    "interactiveFetchLimitMs",
    "scaleShortLives",
    "tolerateRepeats",
];

fn policy(value: &Value) -> Result<Policy, Unreadable> {
    if let Some(changes) = value.as_object() {
        let mut numbers = policy_numbers(&Policy::DEFAULT);
        for (name, change) in changes {
            let place = POLICY_NAMES.iter().position(|known| known == name);
            let place = place.ok_or_else(|| Unreadable("the name of a policy's number", value.clone()))?;
            numbers[place] = change.as_bool().map_or_else(|| number(change), |truth| Ok(f64::from(truth)))?;
        }
        return policy_from_numbers(&numbers).ok_or_else(|| Unreadable("a policy", value.clone()));
    }
    match value.as_str() {
        Some("default") => Ok(Policy::DEFAULT),
        Some("azure-identity") => Ok(Policy::AZURE_IDENTITY),
        _ => Err(Unreadable("a policy", value.clone())),
    }
}

fn bits(kind: &Value) -> Result<u32, Unreadable> {
    let names = [
        ("byResource", kind::BY_RESOURCE),
        ("refusesClaims", kind::REFUSES_CLAIMS),
        ("unabortable", kind::UNABORTABLE),
        ("interactive", kind::INTERACTIVE),
    ];
    let object = kind.as_object().ok_or_else(|| Unreadable("a kind", kind.clone()))?;
    let is_known = |name: &String| name == "limit" || names.iter().any(|(known, _)| known == name);
    if !object.keys().all(is_known) {
        return Err(Unreadable("a kind", kind.clone()));
    }
    Ok(names.iter().filter(|(name, _)| kind[name] == true).fold(0, |all, (_, bit)| all | bit))
}

fn with_request<T>(input: &Value, act: impl FnOnce(&Request<'_>) -> T) -> Result<T, Unreadable> {
    let scopes = texts(&input[2])?;
    Ok(act(&Request {
        credential: CredentialId::from_bits(id(&input[1])?),
        scopes: &scopes,
        tenant: input[3].as_str(),
        cae: input[4] == true,
        claims: input[5].as_str(),
    }))
}

fn texts(value: &Value) -> Result<Vec<&str>, Unreadable> {
    list(value)?.iter().map(|text| text.as_str().ok_or_else(|| Unreadable("a text", text.clone()))).collect()
}

fn list(value: &Value) -> Result<&Vec<Value>, Unreadable> {
    value.as_array().ok_or_else(|| Unreadable("a list", value.clone()))
}

fn number(value: &Value) -> Result<f64, Unreadable> {
    value.as_f64().ok_or_else(|| Unreadable("a number", value.clone()))
}

fn id(value: &Value) -> Result<u32, Unreadable> {
    value
        .as_u64()
        .and_then(|id| u32::try_from(id).ok())
        .ok_or_else(|| Unreadable("a small number", value.clone()))
}

fn truth(value: &Value) -> Result<bool, Unreadable> {
    value.as_bool().ok_or_else(|| Unreadable("true or false", value.clone()))
}

fn relative(at: f64, origin: f64) -> String {
    if at.is_nan() { "-".into() } else { (at - origin).to_string() }
}
