//! A home of a test's own: a stand-in for az that notes its starts, a login, a store, and the shim in front of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use azure_token_cache_host::store::{
    Content, Found, Listed, Loaded, Record, Saved, Store, StoreOptions, Token, VaultChoice, VaultKind,
};
use azure_token_cache_tests_system::users;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_azure-token-cache");

/// What the stand-in's tokens begin with.
pub const TOKEN: &str = "CANARY-cli";

/// A stand-in that prints a token of its own for each start.
pub const GRANTS: &str = r#"expires=$(($(date +%s) + ${LIFETIME:-3600}))
cat <<END
{
  "accessToken": "CANARY-cli-$$",
  "expiresOn": "$(date -d "@$expires" '+%Y-%m-%d %H:%M:%S').000000",
  "expires_on": $expires,
  "subscription": "ignored",
  "tenant": "ignored",
  "tokenType": "Bearer"
}
END
"#;

/// Folders in memory, gone when the test ends.
pub struct Stage {
    root: PathBuf,
}

impl Stage {
    /// Somebody is logged in, and az grants tokens.
    pub fn new(name: &str) -> Self {
        let stage = Self::bare(name);
        stage.log_in("ann@contoso.com");
        stage.az(GRANTS);
        stage
    }

    /// Nobody is logged in, and there is no az.
    pub fn bare(name: &str) -> Self {
        let root = Path::new("/dev/shm").join(format!("atc-cli-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for folder in ["", "home", "run", "azure", "shim", "real", "starts", "state"] {
            DirBuilder::new().mode(0o700).create(root.join(folder)).unwrap();
        }
        symlink(PROGRAM, root.join("shim/az")).unwrap();
        Self { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of everything that the program keeps.
    pub fn state(&self) -> PathBuf {
        self.path("state/azure-token-cache")
    }

    /// Writes an az that notes its start and then does this.
    pub fn az(&self, body: &str) {
        self.script("real/az", body);
    }

    /// As `az`, under another name.
    pub fn script(&self, name: &str, body: &str) {
        let starts = self.path("starts");
        let text = format!(
            "#!/bin/sh\nnote=$(mktemp -u '{}'/XXXXXXXXXX)\nprintf '%s' \"$*\" > \"$note\"\n{body}",
            starts.display()
        );
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        write_program(&self.path(name), &text);
    }

    /// The arguments of each start so far, in no order.
    pub fn starts(&self) -> Vec<String> {
        fs::read_dir(self.path("starts"))
            .unwrap()
            .map(|note| fs::read_to_string(note.unwrap().path()).unwrap())
            .collect()
    }

    /// A login that nobody is busy with any more.
    pub fn log_in(&self, user: &str) {
        self.write_profile(&profile(user));
        self.age_profile();
    }

    pub fn write_profile(&self, text: &str) {
        fs::write(self.path("azure/azureProfile.json"), format!("\u{feff}{text}")).unwrap();
    }

    /// The change time cannot be set: waits until az may be started.
    pub fn age_profile(&self) {
        let written = fs::metadata(self.path("azure/azureProfile.json")).unwrap().modified().unwrap();
        wait_until("the profile rests", || {
            SystemTime::now().duration_since(written).is_ok_and(|age| age > Duration::from_millis(260))
        });
    }

    /// The program by its own name.
    pub fn program(&self, arguments: &[&str]) -> Command {
        self.command(PROGRAM, arguments)
    }

    /// The shim.
    pub fn shim(&self, arguments: &[&str]) -> Command {
        self.command(self.path("shim/az"), arguments)
    }

    /// A shell that finds the shim first.
    pub fn shell(&self, script: &str) -> Command {
        self.command("/bin/sh", &["-c", script])
    }

    /// Another program, with the environment of these.
    pub fn command(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let path = format!("{}:{}:/usr/bin:/bin", self.path("shim").display(), self.path("real").display());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("AZURE_CONFIG_DIR", self.path("azure"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("AZURE_TOKEN_CACHE_VAULT", "key-file")
            .current_dir(&self.root)
            .stdin(Stdio::null());
        command
    }

    /// The store that the program uses.
    pub fn store(&self) -> Store {
        let environment = [("HOME", "home"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")];
        Store::open(&StoreOptions {
            directory: None,
            name: "default".into(),
            vault: VaultChoice::Only(VaultKind::KeyFile),
            unsafe_allow_unencrypted: false,
            environment: environment.map(|(name, folder)| (name, self.path(folder))).into_iter().collect(),
        })
        .unwrap()
    }

    /// Saves the tokens that are kept with another face.
    pub fn change_kept(&self, change: impl Fn(&mut Token)) {
        let store = self.store();
        for Listed { key, .. } in store.list().unwrap().entries {
            let Loaded { found: Found::Token(mut token), generation, .. } = store.load(&key) else {
                continue;
            };
            change(&mut token);
            let record = Record { generation, content: Content::Token(token) };
            assert_eq!(store.save(&key, &record, generation).unwrap(), Saved::Written);
        }
    }

    /// The tokens that the store says it keeps.
    pub fn kept(&self) -> usize {
        let status = self.program(&["status", "--json"]).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        status["tokens"].as_array().unwrap().len()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A login with one subscription.
pub fn profile(user: &str) -> String {
    format!(
        r#"{{"subscriptions": [{{"id": "sub-1", "name": "Dev", "environmentName": "AzureCloud", "isDefault": true,
        "state": "Enabled", "tenantId": "tenant-1", "user": {{"name": "{user}", "type": "user"}}}}]}}"#
    )
}

/// Never over a program that runs.
pub fn write_program(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(fresh, path).unwrap();
}

/// The standard output of a success that said nothing else.
pub fn printed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{command:?}");
    text(&output.stdout).to_owned()
}

/// What a failure said on standard error, and its exit code.
pub fn failed(mut command: Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(text(&stdout), "", "{command:?}");
    (status.code().unwrap(), text(&stderr).to_owned())
}

/// The command, started through other programs; no words: as it is.
pub fn through<Word: AsRef<OsStr>>(words: &[Word], command: Command) -> Command {
    let Some((first, others)) = words.split_first() else { return command };
    let mut through = Command::new(first);
    through
        .args(others)
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().unwrap())
        .stdin(Stdio::null());
    through
}

/// The command as root runs it, with the same environment; sudo has a PATH of its own.
pub fn as_root(command: Command) -> Command {
    let mut words: Vec<OsString> = users::as_root(&[]).into_iter().map(OsString::from).collect();
    if !words.is_empty() {
        words.extend(["env", "-i"].map(OsString::from));
        let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        words.extend(variables.map(|(name, value)| [name, OsStr::new("="), value].into_iter().collect()));
    }
    through(&words, command)
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// What `env --null` printed.
pub fn environment(printed: &[u8]) -> BTreeMap<OsString, OsString> {
    let variables = printed.split(|&byte| byte == 0).filter(|variable| !variable.is_empty());
    let parts =
        variables.map(|variable| variable.split_at(variable.iter().position(|&byte| byte == b'=').unwrap()));
    let text = |bytes| OsStr::from_bytes(bytes).to_owned();
    parts.map(|(name, value)| (text(name), text(&value[1..]))).collect()
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A process that sleeps between two looks waits for another one.
pub fn is_sleeping(child: &Child) -> bool {
    const CLOCK_NANOSLEEP: &str = if cfg!(target_arch = "x86_64") { "230 " } else { "115 " };
    let call = fs::read_to_string(format!("/proc/{}/syscall", child.id()));
    call.is_ok_and(|call| call.starts_with(CLOCK_NANOSLEEP))
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}
