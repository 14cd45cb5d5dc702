//! A home that was copied with its store and the store's key: whoever is logged in there gets no token of the first one.

use std::fs::{self, File};
use std::path::PathBuf;

use azure_token_cache_core::az::account::{self, Account, AccountEnvironment, AccountFiles};
use azure_token_cache_core::az::args::Audience;
use azure_token_cache_core::az::command::TokenCommand;
use azure_token_cache_core::walk::{Answer, Login};
use azure_token_cache_host::az_entry;
use azure_token_cache_host::store::EntryKey;
use azure_token_cache_host::witness::LoginFiles;

use crate::stage::Stage;
use crate::walker::{Errand, Fetch, Walker};

const ANN: &str = "ann";
const BOB: &str = "bob";

#[test]
fn in_another_place_nobody_gets_a_token_of_the_first() {
    let stage = Stage::new("copied");
    log_in(&stage, ANN);
    assert_eq!(ask(&stage, "first"), (Answer::Fetched, "first".into()));
    assert_eq!(ask(&stage, "never"), (Answer::Stored, "first".into()));

    let copy = stage.copy("copy");
    assert_eq!(copy.store().list().unwrap().entries.len(), 1, "the key came along, and opens it");
    assert_eq!(ask(&copy, "copy's"), (Answer::Fetched, "copy's".into()));
    log_in(&copy, BOB);
    assert_eq!(ask(&copy, "bob's"), (Answer::Fetched, "bob's".into()));
    assert_eq!(ask(&stage, "never"), (Answer::Stored, "first".into()));
}

#[test]
fn in_the_place_of_the_first_nobody_gets_a_token_of_it() {
    for user in [ANN, BOB] {
        let stage = Stage::new("swapped");
        log_in(&stage, ANN);
        assert_eq!(ask(&stage, "first"), (Answer::Fetched, "first".into()));
        let copy = stage.copy("swapped-in");
        if user == BOB {
            log_in(&copy, BOB);
        }
        let away = stage.path().with_extension("away");
        fs::rename(stage.path(), &away).unwrap();
        fs::rename(copy.path(), stage.path()).unwrap();
        let second = ask(&stage, "second");
        fs::remove_dir_all(away).unwrap();
        assert_eq!(second, (Answer::Fetched, "second".into()), "{user}");
        assert_eq!(ask(&stage, "never"), (Answer::Stored, "second".into()), "{user}");
    }
}

/// Writes az's files as a login does, in place, and gives them back the size and the times that they had.
fn log_in(stage: &Stage, user: &str) {
    fs::create_dir_all(config_folder(stage)).unwrap();
    let profile = format!(
        r#"{{"subscriptions":[{{"id":"s","name":"One","state":"Enabled","isDefault":true,"tenantId":"t",
        "environmentName":"AzureCloud","user":{{"name":"{user}","type":"user"}}}}]}}"#
    );
    for (name, text) in [("azureProfile.json", &profile), ("msal_token_cache.json", &format!("of {user}"))] {
        let path = config_folder(stage).join(name);
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
        fs::write(&path, text).unwrap();
        if let Ok(modified) = modified {
            File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        }
    }
}

/// What whoever is logged in there is answered, by a fetch that brings this where there has to be one.
fn ask(stage: &Stage, brings: &str) -> (Answer, String) {
    let (key, login) = who(stage);
    let errand = Errand { login, ..Errand::new(key, Fetch::Grants(brings.into())) };
    let got = Walker::begin(stage.store(), errand).run();
    (got.answer.unwrap(), got.text.unwrap())
}

fn who(stage: &Stage) -> (EntryKey, Login) {
    let folder = config_folder(stage);
    let mut files =
        LoginFiles::new(vec![folder.join("azureProfile.json")], vec![folder.join("msal_token_cache.json")]);
    files.read();
    let read = AccountFiles { profile: files.contents(0).unwrap(), clouds: None, config: None };
    let account = account::parse(&read, &AccountEnvironment::default(), None, None).unwrap();
    let Account::Present(identity) = account else { panic!("{account:?}") };
    let scopes = ["https://vault.azure.net/.default"];
    let command = TokenCommand { audience: Some(Audience::Scopes(&scopes)), ..TokenCommand::default() };
    (az_entry::key(&command, &identity.fingerprint, &folder).unwrap(), files.digests())
}

fn config_folder(stage: &Stage) -> PathBuf {
    stage.path().join("home/.azure")
}
