//! Random scripts from a seed: a user, a credential and a clock that do whatever they may.

use serde_json::{Value, json};

use crate::script::{Player, Unreadable};
use crate::splitmix::SplitMix;

/// A random script of this many steps, each with the line that core gave.
pub fn script(seed: u64, steps: usize) -> Result<Value, Unreadable> {
    let mut author =
        Author { dice: Dice(SplitMix(seed)), fetches: Vec::new(), jobs: Vec::new(), entries: vec![0.0] };
    let mut script = author.opening(seed);
    let mut player = Player::new(&script)?;
    let mut steps_played = Vec::new();
    for _ in 0..steps {
        let input = author.input(&player);
        let line = player.perform(&input)?;
        author.read(&line);
        steps_played.push(json!([input, line]));
    }
    script["steps"] = Value::Array(steps_played);
    Ok(script)
}

/// Knows what it has read, so that its inputs mostly mean something.
struct Author {
    dice: Dice,
    fetches: Vec<u64>,
    jobs: Vec<u64>,
    entries: Vec<f64>,
}

impl Author {
    fn opening(&mut self, seed: u64) -> Value {
        let policies = [json!("default"), json!("default"), json!("azure-identity"), self.odd_policy()];
        let kinds = [
            json!({}),
            json!({ "byResource": true, "refusesClaims": true, "unabortable": true }),
            json!({ "interactive": true }),
            json!({ "limit": 7_000 }),
            json!({ "unabortable": true }),
        ];
        let kinds: Vec<Value> = (0..2).map(|_| self.dice.pick(&kinds)).collect();
        json!({
            "name": format!("random {seed}"),
            "policy": self.dice.pick(&policies),
            "maxEntries": self.dice.pick(&[2, 6, 40, 10_000]),
            "seed": seed % 1_000,
            "kinds": kinds,
        })
    }

    /// Thresholds in an order that nobody would choose.
    fn odd_policy(&mut self) -> Value {
        let times = [0, 1, 2_000, 60_000, 300_000, 600_000];
        json!({
            "refreshBeforeExpiryMs": self.dice.pick(&times),
            "backgroundMinValidityMs": self.dice.pick(&times),
            "minValidityMs": self.dice.pick(&times),
            "retryJitterPercent": self.dice.pick(&[0, 20, 100, 250]),
            "scaleShortLives": self.dice.below(2) == 0,
        })
    }

    fn input(&mut self, player: &Player) -> Value {
        match self.dice.below(100) {
            0..34 => json!(["lookup", self.entry()]),
            34..40 => self.request("intern"),
            40..62 => self.end_of_run(),
            62..78 => json!(["pass", self.duration(player)]),
            78..84 => json!(["timeout"]),
            84..87 => json!(["leave", self.job()]),
            87 => json!(["started", self.fetch()]),
            88 => self.owner(),
            89..95 => json!(["explain", self.entry()]),
            95 => json!(["suspend", self.dice.pick(&[1_000, 2_001, 600_000, 3_600_000])]),
            96 => json!(["setBack", self.dice.pick(&[1_000, 2_001, 60_000, 3_600_000])]),
            97 => json!(["identityTouched", self.dice.below(2), self.dice.below(3)]),
            98 => self.disruption(),
            _ => self.rarity(),
        }
    }

    fn disruption(&mut self) -> Value {
        match self.dice.below(5) {
            0 | 1 => json!(["identityChanged", self.dice.below(2)]),
            2 => json!(["invalidateCredential", self.dice.below(2)]),
            3 => json!(["invalidateScopes", self.dice.below(2), [self.dice.pick(&SCOPES)]]),
            _ => self.request("invalidateRequest"),
        }
    }

    /// The run goes on: its token comes later.
    fn owner(&mut self) -> Value {
        let fetch = self.fetches.last().copied().unwrap_or(1);
        let owner = [self.dice.pick(&["t", "u", ""]), self.dice.pick(&["ann", "ben", ""]), "client"];
        json!(["owned", fetch, owner])
    }

    fn rarity(&mut self) -> Value {
        match self.dice.below(20) {
            0 => json!(["close"]),
            1..6 => json!(["invalidateAll"]),
            _ => json!(["intern", self.dice.below(4), [], null, false, null]),
        }
    }

    fn request(&mut self, name: &str) -> Value {
        let scopes: Vec<&str> = (0..=self.dice.below(2)).map(|_| self.dice.pick(&SCOPES)).collect();
        let tenant = self.dice.pick(&[None, None, None, Some("contoso")]);
        let claims = self.dice.pick(&[None, None, None, Some("{}"), Some("{\"a\":1}")]);
        json!([name, self.dice.below(2), scopes, tenant, self.dice.below(4) == 0, claims])
    }

    fn end_of_run(&mut self) -> Value {
        if self.fetches.is_empty() && self.dice.below(10) > 0 {
            return json!(["lookup", self.entry()]);
        }
        let fetch = self.fetch();
        let stability = self.dice.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        match self.dice.below(20) {
            0 => json!(["none", fetch, stability]),
            1..5 => {
                let retry_after = self.dice.pick(&[None, None, Some(20_000), Some(1_000_000)]);
                json!(["failed", fetch, self.dice.below(2) == 0, retry_after, stability])
            }
            5 => json!(["grantedAt", fetch, self.dice.pick(&[0_i64, -1, 1_700_003_600, 1_600_000_000_000])]),
            _ => self.token(fetch, stability),
        }
    }

    fn token(&mut self, fetch: u64, stability: i32) -> Value {
        let lifetime = self.dice.pick(&[10, 5_000, 61_000, 290_000, 600_000, 3_600_000, 86_400_000]);
        let hint = self.dice.pick(&[None, None, Some(-1), Some(lifetime / 2), Some(2 * lifetime)]);
        let issued = self.dice.pick(&[None, None, Some(-3_000_000), Some(0), Some(1)]);
        let unchanged = self.dice.below(4) == 0;
        json!(["granted", fetch, lifetime, hint, issued, unchanged, self.dice.below(3), stability])
    }

    fn duration(&mut self, player: &Player) -> i64 {
        let until_timeout = player.until_timeout();
        if until_timeout.is_finite() && until_timeout > 0.0 && self.dice.below(2) == 0 {
            #[expect(clippy::cast_possible_truncation, reason = "a few minutes")]
            return until_timeout as i64;
        }
        self.dice.pick(&[0, 1, 999, 5_000, 10_000, 30_000, 58_000, 240_000, 1_800_000, 3_240_000])
    }

    fn entry(&mut self) -> f64 {
        self.dice.pick(&self.entries)
    }

    /// A run that is under way, or one that never was.
    fn fetch(&mut self) -> u64 {
        if self.fetches.is_empty() || self.dice.below(20) == 0 {
            return self.dice.below(30);
        }
        let place = self.dice.below(self.fetches.len() as u64);
        self.fetches.remove(usize::try_from(place).unwrap_or(0))
    }

    fn job(&mut self) -> u64 {
        if self.jobs.is_empty() { 0 } else { self.dice.pick(&self.jobs) }
    }

    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split([' ', ';']).collect();
        for pair in words.windows(2) {
            let number = || pair[1].parse::<u64>().ok();
            match pair[0] {
                "fetch" => self.fetches.extend(number()),
                "job" => self.jobs.extend(number()),
                "entry" => self.entries.extend(pair[1].parse::<f64>().ok()),
                _ => {}
            }
        }
        // The latest of each are those that matter.
        for kept in [&mut self.fetches, &mut self.jobs] {
            let surplus = kept.len().saturating_sub(4);
            kept.drain(..surplus);
        }
        let surplus = self.entries.len().saturating_sub(8);
        self.entries.drain(..surplus);
    }
}

const SCOPES: [&str; 4] = ["a", "a/.default", "b", "c"];

struct Dice(SplitMix);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0.below(end)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let count = u64::try_from(from.len()).unwrap_or(u64::MAX);
        from[usize::try_from(self.below(count)).unwrap_or(0)].clone()
    }
}
