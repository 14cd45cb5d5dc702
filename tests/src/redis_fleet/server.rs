//! A redis-server of its own: on a socket in a folder of its own, without a disk, until it is dropped.

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, fs, process};

use redis::{Client, Connection, RedisResult};

pub struct Server {
    child: Child,
    folder: PathBuf,
    pub socket: PathBuf,
}

impl Server {
    /// `name` tells it from other servers of this process.
    pub fn start(name: &str) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("fleet-{}-{name}", process::id()));
        fs::create_dir_all(&folder)?;
        let socket = folder.join("socket");
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--maxclients", "5000"])
            .arg("--unixsocket")
            .arg(&socket)
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take().ok_or_else(|| io::Error::other("redis-server has no output"))?;
        let server = Self { child, folder, socket };
        for line in BufReader::new(said).lines() {
            // It says so once for TCP, and in other words for a socket.
            if line?.contains("server is now ready to accept connections at") {
                return Ok(server);
            }
        }
        Err(io::Error::other("redis-server ended before it was ready"))
    }

    /// How many scripts it has run.
    pub fn scripts(&self) -> RedisResult<u64> {
        let mut connection = connect(&self.socket.to_string_lossy())?;
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut connection)?;
        let counts = stats.lines().filter_map(|line| {
            let (command, facts) = line.split_once(':')?;
            matches!(command, "cmdstat_evalsha" | "cmdstat_eval").then_some(facts)
        });
        Ok(counts.filter_map(calls).sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn connect(socket: &str) -> RedisResult<Connection> {
    Client::open(format!("redis+unix://{socket}"))?.get_connection()
}

/// Those that were run; the first time that a server hears of a script it runs nothing.
fn calls(facts: &str) -> Option<u64> {
    let number = |name: &str| facts.split(',').find_map(|fact| fact.strip_prefix(name)?.parse::<u64>().ok());
    Some(number("calls=")? - number("failed_calls=").unwrap_or(0))
}
