//! Under which keys the store keeps az's tokens: the same in every program, so that each finds what another has saved.

use std::path::{Path, PathBuf};

use azure_token_cache_core::az::account::Fingerprint;
use azure_token_cache_core::az::args::RequestError;
use azure_token_cache_core::az::command::TokenCommand;

use crate::store::EntryKey;

/// The most links that lead from one to the next: those that lead to each other end here.
const MOST_LINKS: usize = 8;

/// The first part of these keys.
pub const KIND: &[u8] = b"az 1";

/// What a request's entry is kept under: no two accounts, config folders or users share one.
///
/// `account` is that of the request: the tenant and the subscription that it names count. Errors: as [`TokenCommand::key`].
pub fn key(
    command: &TokenCommand<'_>,
    account: &Fingerprint,
    config_folder: &Path,
) -> Result<EntryKey, RequestError> {
    let key = command.key()?;
    let [kind, audience, tenant, subscription] = key.parts();
    Ok(with_login(config_folder, &[account.as_bytes(), kind, audience, tenant, subscription]))
}

/// How the keys of all tokens of this user's config folder begin.
#[must_use]
pub fn beginning(config_folder: &Path) -> EntryKey {
    with_login(config_folder, &[])
}

/// A digest of a login's files as a record holds it.
#[must_use]
pub fn digest_text(digest: u64) -> String {
    format!("{digest:016x}")
}

/// A folder has one name here, however it was reached.
fn with_login(config_folder: &Path, rest: &[&[u8]]) -> EntryKey {
    let folder = canonical(config_folder, MOST_LINKS);
    let folder = folder.as_os_str().as_encoded_bytes();
    EntryKey::from_parts(&[&[KIND, user().as_bytes(), folder], rest].concat())
}

/// Also of a folder that is gone, whose tokens have to be found to be deleted: what is left of its way is followed.
fn canonical(path: &Path, links: usize) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    let Some(above) = path.parent().map(|above| canonical(above, links)) else {
        return path.to_path_buf();
    };
    match path.file_name().map(|name| above.join(name)) {
        // It ends with `..`.
        None => above.parent().map(Path::to_path_buf).unwrap_or(above),
        Some(named) => match named.read_link() {
            Ok(target) if links > 0 => canonical(&above.join(target), links - 1),
            _ => named,
        },
    }
}

/// Who runs this, so that two users of one folder share nothing.
#[cfg(unix)]
fn user() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

/// Who runs this, so that two users of one folder share nothing.
#[cfg(not(unix))]
fn user() -> String {
    ["USERDOMAIN", "USERNAME"].map(|name| std::env::var(name).unwrap_or_default()).join("\\")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use azure_token_cache_core::az::account::{self, Account, AccountEnvironment, AccountFiles};
    use azure_token_cache_core::az::args::Audience;

    use super::*;

    const PROFILE: &str = r#"{"subscriptions":[{"id":"s","name":"One","state":"Enabled","isDefault":true,
        "tenantId":"t","environmentName":"AzureCloud","user":{"name":"ann","type":"user"}}]}"#;

    fn fingerprint(tenant: Option<&str>) -> Fingerprint {
        let files = AccountFiles { profile: Some(PROFILE.as_bytes()), clouds: None, config: None };
        match account::parse(&files, &AccountEnvironment::default(), None, tenant).unwrap() {
            Account::Present(identity) => identity.fingerprint,
            Account::Absent(absence) => panic!("{absence:?}"),
        }
    }

    fn asked<'a>(scopes: &'a [&'a str]) -> TokenCommand<'a> {
        TokenCommand { audience: Some(Audience::Scopes(scopes)), ..TokenCommand::default() }
    }

    #[test]
    fn a_key_has_these_parts_in_this_order() {
        let account = fingerprint(Some("other"));
        let command = TokenCommand { tenant: Some("other"), ..asked(&["https://vault.azure.net/.default"]) };
        let key = key(&command, &account, Path::new("/no/such/folder")).unwrap();
        let user = user();
        let parts: Vec<&[u8]> = key.parts().collect();
        let expected: [&[u8]; 8] = [
            b"az 1",
            user.as_bytes(),
            b"/no/such/folder",
            account.as_bytes(),
            b"resource",
            b"https://vault.azure.net",
            b"other",
            b"",
        ];
        assert_eq!(parts, expected);
        assert!(key.as_bytes().starts_with(beginning(Path::new("/no/such/folder")).as_bytes()));
    }

    #[test]
    fn a_folder_has_one_key_however_it_is_named_and_a_copy_another() {
        let root = std::env::temp_dir().join(format!("az-entry-{}", std::process::id()));
        std::fs::create_dir_all(root.join("azure")).unwrap();
        std::fs::create_dir_all(root.join("copy")).unwrap();
        std::os::unix::fs::symlink(root.join("azure"), root.join("link")).unwrap();
        let keys = ["azure", "link", "azure/../azure/.", "copy"].map(|name| beginning(&root.join(name)));
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(keys[0], keys[1]);
        assert_eq!(keys[0], keys[2]);
        assert_ne!(keys[0], keys[3]);
    }

    #[test]
    fn a_folder_that_is_gone_has_the_key_that_it_had() {
        let root = std::env::temp_dir().join(format!("az-entry-gone-{}", std::process::id()));
        std::fs::create_dir_all(root.join("real/azure")).unwrap();
        for (link, target) in [("to", "real"), ("to-to", "to"), ("azure", "real/azure"), ("up", "real/../to")]
        {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        std::os::unix::fs::symlink("itself", root.join("itself")).unwrap();
        let names = ["real/azure", "to/azure", "to-to/azure", "azure", "up/azure"];
        let keys = || names.map(|name| beginning(&root.join(name)));
        let there = keys();
        assert!(there.iter().all(|key| *key == there[0]));
        std::fs::remove_dir(root.join("real/azure")).unwrap();
        assert_eq!(keys(), there);
        std::fs::remove_dir(root.join("real")).unwrap();
        assert_eq!(keys(), there);
        let apart = ["itself", "itself/azure", "none/azure"].map(|name| beginning(&root.join(name)));
        std::fs::remove_dir_all(&root).unwrap();
        assert!(apart.iter().all(|key| *key != there[0]));
    }

    #[test]
    fn a_request_that_az_would_refuse_has_no_key() {
        let account = fingerprint(None);
        assert_eq!(key(&asked(&[]), &account, Path::new("/")).unwrap_err(), RequestError::NoScope);
    }
}
