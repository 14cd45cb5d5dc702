//! `doctor`: looks at everything that an answer needs, and says what to do about what is not well.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_token_cache_core::az::account::{Absence, Account};
use azure_token_cache_host::store::{EntryKey, LockKind, Store, StoreError};
use lexopt::Parser;

use super::style::{Style, for_stdout};
use super::token_options::switches;
use super::{CommandError, help, shim};
use crate::login::AzLogin;
use crate::obtain::Trouble;
use crate::open_store::open;
use crate::real_az::RealAz;
use crate::shim_folder;
use crate::store_trouble::Told;
use crate::surroundings::{Surroundings, is_off, our_folder};

/// 2025-01-01: this program is younger.
const PLAUSIBLE: Duration = Duration::from_secs(1_735_689_600);

enum Health {
    Good,
    Doubtful,
    Bad,
}

struct Finding {
    what: &'static str,
    health: Health,
    text: String,
}

pub fn run(parser: &mut Parser) -> Result<String, CommandError> {
    if switches(parser, [])?.is_none() {
        return Ok(help::DOCTOR.into());
    }
    let findings = findings();
    let style = for_stdout();
    let text: String = findings.iter().map(|finding| finding.line(style)).collect();
    if findings.iter().any(|finding| matches!(finding.health, Health::Bad)) {
        let _ = std::io::stdout().write_all(text.as_bytes());
        return Err(CommandError::Unwell);
    }
    Ok(text)
}

fn findings() -> Vec<Finding> {
    let opened = open();
    let mut findings = vec![switch(), az(), in_front(), login(), clock(), folder(&opened)];
    match opened {
        Err(error @ StoreError::NoVault(_)) => findings.push(bad("vault", Told(&error).to_string())),
        Err(_) => {}
        Ok(store) => {
            findings.push(lock(&store));
            findings.push(vault(&store));
            findings.push(entries(&store));
        }
    }
    findings
}

fn switch() -> Finding {
    if is_off() {
        return doubtful("switch", "AZURE_TOKEN_CACHE is off: every call goes to the real az".into());
    }
    good("switch", "on".into())
}

fn az() -> Finding {
    match RealAz::find() {
        Ok(az) => good("az", az.path.display().to_string()),
        Err(none) => bad("az", none.to_string()),
    }
}

fn in_front() -> Finding {
    match shim::summary() {
        (true, text) => good("shim", text),
        (false, text) => doubtful("shim", text),
    }
}

fn login() -> Finding {
    let surroundings = match Surroundings::of_process() {
        Ok(surroundings) => surroundings,
        Err(error) => return bad("login", error.to_string()),
    };
    match AzLogin::read(&surroundings, None).settled_account(None, None) {
        Ok(Account::Present(identity)) if identity.is_memory_only() => {
            doubtful("login", format!("{}: its tokens are never kept in files", identity.user))
        }
        Ok(Account::Present(identity)) => good("login", format!("{}, {}", identity.user, identity.cloud)),
        Ok(Account::Absent(Absence::NoAccounts)) => doubtful("login", "nobody; run 'az login'".into()),
        Ok(Account::Absent(absence)) => doubtful("login", absence.to_string()),
        Err(unrest) => bad("login", Trouble::Unrest(unrest).to_string()),
    }
}

fn clock() -> Finding {
    let now = SystemTime::now();
    let year =
        |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 31_556_952 + 1_970;
    if now < UNIX_EPOCH + PLAUSIBLE {
        return bad(
            "clock",
            format!("it is set to {}: every token looks as if it lasted for years", year(now)),
        );
    }
    good("clock", format!("plausible: {}", year(now)))
}

/// As the store judges it, and the shim's folder in it. The store's vault is judged apart.
fn folder(opened: &Result<Store, StoreError>) -> Finding {
    if let Err(error) = opened
        && !matches!(error, StoreError::NoVault(_))
    {
        return bad("folder", Told(error).to_string());
    }
    match shim_folder::find().and_then(|_| our_folder()) {
        Ok(folder) if folder.exists() => good("folder", folder.display().to_string()),
        Ok(folder) => good("folder", format!("{}, not made yet", folder.display())),
        Err(error) => bad("folder", Told(&error).to_string()),
    }
}

/// Taking a lock makes the folders and the key, if there are none.
fn lock(store: &Store) -> Finding {
    match store.try_lock(&EntryKey::from_parts(&[b"doctor"]), LockKind::Fetch) {
        Ok(Some(_guard)) => good("lock", "works".into()),
        Ok(None) => doubtful("lock", "another doctor holds it".into()),
        Err(error) => bad("lock", Told(&error).to_string()),
    }
}

fn vault(store: &Store) -> Finding {
    match store.vault() {
        Some(vault) => good("vault", vault.to_string()),
        None => bad("vault", "none: the store would not be sealed".into()),
    }
}

fn entries(store: &Store) -> Finding {
    match store.list() {
        Ok(listing) if listing.unopenable > 0 => doubtful(
            "store",
            format!(
                "{} entries, and {} files that cannot be opened",
                listing.entries.len(),
                listing.unopenable
            ),
        ),
        Ok(listing) => good("store", counted(listing.entries.len())),
        Err(error) => bad("store", Told(&error).to_string()),
    }
}

fn counted(entries: usize) -> String {
    if entries == 1 { "1 entry".into() } else { format!("{entries} entries") }
}

impl Finding {
    fn line(&self, style: Style) -> String {
        let mark = match self.health {
            Health::Good => style.good("ok  "),
            Health::Doubtful => style.doubtful("note"),
            Health::Bad => style.bad("fail"),
        };
        format!("{mark}  {:<7} {}\n", self.what, self.text)
    }
}

fn good(what: &'static str, text: String) -> Finding {
    Finding { what, health: Health::Good, text }
}

fn doubtful(what: &'static str, text: String) -> Finding {
    Finding { what, health: Health::Doubtful, text }
}

fn bad(what: &'static str, text: String) -> Finding {
    Finding { what, health: Health::Bad, text }
}
