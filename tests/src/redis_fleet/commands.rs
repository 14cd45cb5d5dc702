//! The commands of one entry, by the script that the store in JavaScript runs as well.

use azure_token_cache_core::walk::{Generation, Lane, Over};
use redis::{Connection, FromRedisValue, RedisResult, Script};

use crate::fleet::host::{Found, Lease, Report, Token};

/// An expired token, and a failure, are kept this much longer, in milliseconds.
const AFTERWARDS: i64 = 120_000;

/// One entry on the server, and the way there.
pub struct Entry {
    connection: Connection,
    script: Script,
    name: String,
    shard: String,
    lease_ms: u64,
    /// Commands so far.
    pub commands: u64,
    /// Saves that the server refused, because another fetched meanwhile.
    pub refused: u64,
}

impl Entry {
    pub fn new(connection: Connection, number: u64, lease_ms: u64) -> Self {
        let name = format!("{number:064x}");
        let shard = format!("fleet:{{{}}}", &name[..1]);
        let script = Script::new(include_str!("../../../node/ts/redis/store.lua"));
        Self { connection, script, name, shard, lease_ms, commands: 0, refused: 0 }
    }

    pub fn look(&mut self) -> RedisResult<Report> {
        let reply: Vec<String> = self.ask(Lane::Fetch, "look", &[], true)?;
        let busy = reply.get(4).is_some_and(|busy| busy == "1");
        Ok(Report::Looked(found(&reply), busy))
    }

    pub fn lock(&mut self, lane: Lane) -> RedisResult<Report> {
        let reply: Vec<String> = self.ask(lane, "lock", &[self.lease_ms.to_string()], true)?;
        Ok(Report::Locked(found(&reply), reply.get(5).and_then(|fence| fence.parse().ok())))
    }

    pub fn save(&mut self, token: Token, over: Over, lease: Lease) -> RedisResult<Report> {
        let (store, entry) = match over {
            Over::Generation(Generation { store, entry }) => (store.to_string(), entry.to_string()),
            Over::Anything => (String::new(), String::new()),
        };
        let text = format!("{} {} {}", token.number, token.expires_at, token.acquired_at);
        let ends = (token.expires_at + AFTERWARDS).to_string();
        let arguments = [lease.fence.to_string(), store, entry, text, ends];
        let kept = self.tell(lease.lane, "save", &arguments, true)?;
        self.refused += u64::from(!kept);
        Ok(Report::Kept)
    }

    pub fn fail(&mut self, failed_at: i64, lease: Lease) -> RedisResult<Report> {
        let text = format!("{} {failed_at}", lease.fence);
        self.tell(lease.lane, "fail", &[lease.fence.to_string(), text, AFTERWARDS.to_string()], true)?;
        Ok(Report::Kept)
    }

    pub fn renew(&mut self, lease: Lease) -> RedisResult<bool> {
        self.tell(lease.lane, "renew", &[lease.fence.to_string(), self.lease_ms.to_string()], false)
    }

    pub fn release(&mut self, lease: Lease) -> RedisResult<Report> {
        self.tell(lease.lane, "release", &[lease.fence.to_string()], false)?;
        Ok(Report::Released)
    }

    /// Whether the server did it.
    fn tell(&mut self, lane: Lane, operation: &str, arguments: &[String], names: bool) -> RedisResult<bool> {
        let reply: String = self.ask(lane, operation, arguments, names)?;
        Ok(reply == "1")
    }

    /// Runs the script. What depends on what was invalidated `names` the entry.
    fn ask<T: FromRedisValue>(
        &mut self,
        lane: Lane,
        operation: &str,
        arguments: &[String],
        names: bool,
    ) -> RedisResult<T> {
        let Self { connection, script, name, shard, commands, .. } = self;
        *commands += 1;
        let lane = match lane {
            Lane::Fetch => 0,
            Lane::FirstSlot => 1,
            Lane::SecondSlot => 2,
        };
        let mut invocation = script.prepare_invoke();
        invocation.key(format!("{shard}:generations")).key(format!("{shard}:{name}"));
        invocation.key(format!("{shard}:{name}:failure")).key(format!("{shard}:{name}:{lane}"));
        invocation.arg(operation).arg(arguments);
        if names {
            invocation.arg(&name[32..]);
        }
        invocation.invoke(connection)
    }
}

fn found(reply: &[String]) -> Found {
    let number = |place: usize| reply.get(place).and_then(|text| text.parse().ok()).unwrap_or(0);
    Found {
        generation: Generation { store: number(0), entry: number(1) },
        token: reply.get(2).and_then(|text| token(text)),
        failure: reply.get(3).and_then(|text| failure(text)),
    }
}

fn token(text: &str) -> Option<Token> {
    let mut parts = text.split(' ');
    let number = parts.next()?.parse().ok()?;
    let mut time = || parts.next()?.parse().ok();
    Some(Token { number, expires_at: time()?, acquired_at: time()? })
}

fn failure(text: &str) -> Option<(u64, i64)> {
    let (id, failed_at) = text.split_once(' ')?;
    Some((id.parse().ok()?, failed_at.parse().ok()?))
}
