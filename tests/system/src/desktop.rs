//! A desktop session: a bus, and on it the real gnome-keyring.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The service's own object.
const ROOT: &str = "/org/freedesktop/secrets";

/// A session bus, and on it, if wanted, a gnome-keyring that was unlocked with a password. Ends with the value.
#[derive(Debug)]
pub struct Desktop {
    /// Where programs find the bus: their `DBUS_SESSION_BUS_ADDRESS`.
    pub address: String,
    processes: Vec<Child>,
    variables: Vec<(&'static str, OsString)>,
}

impl Desktop {
    /// A bus alone, with these folders as the user's home and runtime folder.
    ///
    /// # Panics
    ///
    /// If there is no such program.
    #[must_use]
    pub fn bus(home: &Path, run: &Path) -> Self {
        let mut variables = vec![
            ("HOME", home.as_os_str().to_owned()),
            ("XDG_RUNTIME_DIR", run.as_os_str().to_owned()),
            ("PATH", std::env::var_os("PATH").unwrap()),
        ];
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .env_clear()
            .envs(variables.clone())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        variables.push(("DBUS_SESSION_BUS_ADDRESS", address.clone().into()));
        Self { address, processes: vec![daemon], variables }
    }

    /// A bus with the keyring, which takes a moment to come up.
    ///
    /// # Panics
    ///
    /// If there are no such programs.
    #[must_use]
    pub fn start(home: &Path, run: &Path) -> Self {
        let mut desktop = Self::bus(home, run);
        let mut keyring = Command::new("gnome-keyring-daemon")
            .args(["--unlock", "--components=secrets", "--foreground"])
            .env_clear()
            .envs(desktop.variables.clone())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        keyring.stdin.take().unwrap().write_all(b"password").unwrap();
        desktop.processes.push(keyring);
        desktop
    }

    /// Locks the keyring.
    ///
    /// # Panics
    ///
    /// If it does not let itself be locked.
    pub fn lock(&self) {
        self.call(ROOT, "Service.Lock", &["array:objpath:/org/freedesktop/secrets/aliases/default"]);
    }

    /// Where our items are in the service.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    #[must_use]
    pub fn items(&self) -> Vec<String> {
        let said =
            self.call(ROOT, "Service.SearchItems", &["dict:string:string:xdg:schema,azure-token-cache"]);
        said.split('"').filter(|part| part.starts_with(ROOT)).map(str::to_owned).collect()
    }

    /// What a part of the service answers to a method of an interface of its.
    ///
    /// # Panics
    ///
    /// If that is an error.
    #[allow(clippy::must_use_candidate, reason = "some methods are called for what they do")]
    pub fn call(&self, path: &str, method: &str, arguments: &[&str]) -> String {
        let output = Command::new("dbus-send")
            .args(["--session", "--print-reply", "--dest=org.freedesktop.secrets", path])
            .arg(format!("org.freedesktop.Secret.{method}"))
            .args(arguments)
            .env_clear()
            .envs(self.variables.clone())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
