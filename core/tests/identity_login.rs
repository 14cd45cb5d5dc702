//! Who is logged in, read from the developer tools' files, and the watch over it with real contents.
#![cfg(feature = "az")]

use azure_token_cache_core::DEFAULT_MAX_ENTRIES;
use azure_token_cache_core::az::account::AccountEnvironment;
use azure_token_cache_core::identity::login::{
    File, Login, LoginError, Marks, Ownership, Reliance, Role, Standing, Starting, Who, who,
};
use azure_token_cache_core::identity::{Finish, Mark, Medium, PATIENCE_MS, Problem, QUIET_MS, Verdict};
use azure_token_cache_core::time::{Clock, Instant};

const ANN: &str = r#"{"subscriptions":[{"id":"s1","name":"one","state":"Enabled","isDefault":true,
    "user":{"name":"ann@example.com","type":"user"},"tenantId":"11111111-1111-1111-1111-111111111111",
    "environmentName":"AzureCloud"}]}"#;

fn ben() -> String {
    ANN.replace("ann@", "ben@")
}

fn named(files: &[(Role, File<'_>)], reliance: Reliance) -> Result<Who, LoginError> {
    who(files, &AccountEnvironment::default(), None, reliance)
}

fn is_same(before: &[(Role, File<'_>)], after: &[(Role, File<'_>)], reliance: Reliance) -> bool {
    let (before, after) = (named(before, reliance), named(after, reliance));
    assert!(before.is_ok() && after.is_ok(), "{before:?} {after:?}");
    before == after
}

fn contents(text: &str) -> File<'_> {
    File::Contents(text.as_bytes())
}

#[test]
fn az_files_that_cannot_be_read_stop_az_alone() {
    let files = [(Role::AzProfile, File::Unreadable)];
    assert_eq!(named(&files, Reliance::Always), Err(LoginError::Unreadable(Role::AzProfile)));
    assert!(named(&files, Reliance::Perhaps).is_ok());
    assert!(named(&files, Reliance::Unknown).is_ok());
}

#[test]
fn broken_az_files_stop_what_may_start_az() {
    let files = [(Role::AzProfile, contents(&ANN[..30]))];
    assert!(matches!(named(&files, Reliance::Always), Err(LoginError::Account(_))));
    assert!(matches!(named(&files, Reliance::Perhaps), Err(LoginError::Account(_))));
    assert!(is_same(&files, &[(Role::AzProfile, File::Unreadable)], Reliance::Unknown));
    assert!(!is_same(&files, &[(Role::AzProfile, contents(ANN))], Reliance::Unknown));
}

#[test]
fn az_files_count_for_azd_only_where_it_says_so() {
    let ben = ben();
    for (config, counts) in [
        ("{}", false),
        (r#"{"auth":{"useAzCliAuth":"true"}}"#, true),
        (r#"{"auth":{"useAzCliAuth":true}}"#, true),
        (r#"{"auth":{"useAzCliAuth":"false"}}"#, false),
    ] {
        let files = |profile| {
            [(Role::AzProfile, profile), (Role::AzdAuth, File::Absent), (Role::AzdConfig, contents(config))]
        };
        let same = is_same(&files(contents(ANN)), &files(contents(&ben)), Reliance::Always);
        assert_eq!(same, !counts, "{config}");
        assert!(!is_same(&files(contents(ANN)), &files(contents(&ben)), Reliance::Perhaps));
    }
}

#[test]
fn azd_is_who_its_auth_file_says_and_other_settings_do_not_count() {
    let files = |auth, config| [(Role::AzdAuth, contents(auth)), (Role::AzdConfig, contents(config))];
    let before = files(r#"{"auth":{"account":{"currentUser":{"homeAccountId":"a"}}}}"#, r#"{"defaults":{}}"#);
    let spaced = files(r#"{ "auth":{"account":{"currentUser":{"homeAccountId":"a"}}}}"#, r#"{"x":1}"#);
    let other = files(r#"{"auth":{"account":{"currentUser":{"homeAccountId":"b"}}}}"#, r#"{"defaults":{}}"#);
    assert!(is_same(&before, &spaced, Reliance::Always));
    assert!(!is_same(&before, &other, Reliance::Always));
    let torn = files("{\"auth\":", "{}");
    assert_eq!(named(&torn, Reliance::Always), Err(LoginError::NotJson(Role::AzdAuth)));
    let absent = [(Role::AzdAuth, File::Absent), (Role::AzdConfig, contents("{}"))];
    assert!(!is_same(&torn, &absent, Reliance::Perhaps));
}

#[test]
fn powershell_is_who_its_selected_context_says() {
    let file = |selected: &str, account: &str, cache: &str| {
        format!(
            r#"{{"DefaultContextKey":"{selected}","Contexts":{{
                "one":{{"Account":{{"Id":"{account}"}},"TokenCache":{{"CacheData":"{cache}"}}}},
                "two":{{"Account":{{"Id":"ben"}}}}}}}}"#
        )
    };
    let role = Role::PowerShellContext;
    let before = file("one", "ann", "x");
    let compare =
        |after: String| is_same(&[(role, contents(&before))], &[(role, contents(&after))], Reliance::Always);
    assert!(compare(file("one", "ann", "y")));
    assert!(!compare(file("two", "ann", "x")));
    assert!(!compare(file("one", "eve", "x")));
    assert!(!compare("[]".into()));
}

#[test]
fn a_store_is_told_who_is_logged_in_and_whether_the_files_say_so() {
    let nobody = Some(Standing::Nobody);
    let somebody = |told: bool| move |standing: Option<Standing>| matches!(standing, Some(Standing::Somebody { told: is, .. }) if is == told);
    let standing = |role, text: &str| named(&[(role, contents(text))], Reliance::Perhaps).unwrap().standing();

    let azd = |user: &str| {
        standing(Role::AzdAuth, &format!(r#"{{"auth":{{"account":{{"currentUser":{user}}}}}}}"#))
    };
    assert!(somebody(true)(azd(r#"{"homeAccountId":"a.t"}"#)));
    assert!(somebody(true)(azd(r#"{"clientId":"c","tenantId":"t"}"#)));
    assert!(somebody(false)(azd(r#"{"clientId":"c"}"#)));
    assert!(somebody(false)(azd(r#"{"homeAccountId":""}"#)));
    assert!(somebody(false)(azd(r#"{"managedIdentity":true,"clientId":"c","tenantId":"t"}"#)));
    assert_eq!(standing(Role::AzdAuth, "{}"), nobody);

    let context = |account: &str| {
        let file = format!(r#"{{"DefaultContextKey":"one","Contexts":{{"one":{{"Account":{account}}}}}}}"#);
        standing(Role::PowerShellContext, &file)
    };
    assert!(somebody(true)(context(r#"{"Id":"ann","Type":"User"}"#)));
    assert!(somebody(true)(context(r#"{"Id":"c","Type":"ServicePrincipal"}"#)));
    assert!(somebody(false)(context(r#"{"Id":"MSI@50342","Type":"ManagedService"}"#)));
    assert!(somebody(false)(context(r#"{"Type":"User"}"#)));
    assert!(somebody(false)(context(r#"{"Id":"ann"}"#)));
    assert_eq!(context("null"), nobody);
    assert_eq!(standing(Role::PowerShellContext, r#"{"Contexts":{}}"#), nobody);
    assert!(somebody(false)(standing(Role::PowerShellContext, "{}")));

    assert!(somebody(true)(standing(Role::Opaque, r#"{"homeAccountId":"a.t"}"#)));
    assert!(somebody(false)(standing(Role::Opaque, "not JSON")));

    assert!(somebody(true)(standing(Role::AzProfile, ANN)));
    assert_eq!(standing(Role::AzProfile, r#"{"subscriptions":[]}"#), nobody);
    assert_eq!(standing(Role::AzdConfig, "{}"), nobody);
}

#[test]
fn a_store_is_told_nothing_of_files_that_cannot_be_read() {
    for file in [File::Unreadable, contents("{")] {
        for role in [Role::AzdAuth, Role::PowerShellContext] {
            let absent = (Role::AzdConfig, File::Absent);
            assert_eq!(named(&[(role, file), absent], Reliance::Unknown).unwrap().standing(), None);
        }
        assert_eq!(named(&[(Role::AzProfile, file)], Reliance::Unknown).unwrap().standing(), None);
    }
}

#[test]
fn no_two_logins_say_the_same_to_a_store() {
    let says = |azd: &str, vscode: &str| {
        let files = [(Role::AzdAuth, contents(azd)), (Role::Opaque, contents(vscode))];
        match named(&files, Reliance::Perhaps).unwrap().standing() {
            Some(Standing::Somebody { says, .. }) => says,
            other => panic!("{other:?}"),
        }
    };
    let (a, b) =
        (r#"{"auth":{"account":{"currentUser":{"homeAccountId":"a"}}}}"#, r#"{"homeAccountId":"b"}"#);
    let texts = [says(a, b), says(b, a), says(a, a), says("{}", b), says(a, "")];
    for (index, text) in texts.iter().enumerate() {
        assert!(!texts[index + 1..].contains(text), "{index}");
    }
}

/// A watch over a profile that the test holds in its hand.
struct Desk {
    login: Login,
    clock: Clock,
    ms: i64,
    profile: String,
    version: u64,
    parses: usize,
    written_unix_ms: i64,
    secrets: u64,
}

impl Desk {
    fn new(reliance: Reliance) -> Self {
        let login = Login::new(reliance, None, 1);
        Self {
            login,
            clock: Clock::default(),
            ms: 0,
            profile: ANN.into(),
            version: 1,
            parses: 0,
            secrets: 0,
            written_unix_ms: 0,
        }
    }

    fn now(&mut self) -> Instant {
        self.clock.sample(self.ms, 1_700_000_000_000 + self.ms)
    }

    fn write(&mut self, profile: &str) {
        self.profile = profile.into();
        self.version += 1;
        self.ms += 1_000;
    }

    fn read(&mut self) -> Instant {
        let now = self.now();
        let marks = Marks {
            witness: Mark::new(self.version),
            contents: Mark::new(self.version),
            secrets: Mark::new(self.secrets),
            written_unix_ms: self.written_unix_ms,
            medium: Medium::Local,
        };
        let (profile, parses) = (&self.profile, &mut self.parses);
        let files = || {
            *parses += 1;
            vec![(Role::AzProfile, contents(profile))]
        };
        self.login.handle_reading(marks, files, &AccountEnvironment::default(), now);
        now
    }

    fn verdict(&mut self) -> Verdict {
        let now = self.read();
        self.login.verdict(now)
    }
}

#[test]
fn contents_are_parsed_once() {
    let mut desk = Desk::new(Reliance::Always);
    for _ in 0..5 {
        assert_eq!(desk.verdict(), Verdict::Same);
    }
    assert_eq!(desk.parses, 1);
    desk.write(&ben());
    assert_eq!(desk.verdict(), Verdict::Changed);
    assert_eq!(desk.parses, 2);
}

#[test]
fn the_error_says_which_file_and_goes_with_it() {
    let mut desk = Desk::new(Reliance::Always);
    desk.write("");
    assert!(matches!(desk.verdict(), Verdict::Unparsable { .. }));
    let message = desk.login.error().expect("an error").to_string();
    assert!(message.contains("azureProfile.json"), "{message}");
    desk.write(ANN);
    let _ = desk.verdict();
    assert_eq!(desk.login.error(), None);
}

#[test]
fn runs_are_known_by_number_until_they_end() {
    let mut desk = Desk::new(Reliance::Always);
    let now = desk.read();
    let (Starting::Go(first), Starting::Go(second)) = (desk.login.start(0, now), desk.login.start(0, now))
    else {
        unreachable!()
    };
    assert_ne!(first, second);
    assert_eq!(desk.login.finish(first, None, 0, now), Finish::Steady);
    assert_eq!(desk.login.finish(first, None, 0, now), Finish::Moved { same_account: false });
    desk.write(&ben());
    let now = desk.read();
    assert_eq!(desk.login.finish(second, None, 0, now), Finish::Moved { same_account: false });
}

#[test]
fn what_a_steady_run_left_among_the_secrets_is_kept_with_its_token() {
    for (fetched, expected) in [(true, Verdict::Same), (false, Verdict::Touched { session: 2 })] {
        let mut desk = Desk::new(Reliance::Always);
        let now = desk.read();
        let Starting::Go(run) = desk.login.start(0, now) else { unreachable!() };
        desk.secrets = 1;
        let now = desk.read();
        assert_eq!(desk.login.finish(run, fetched.then_some(Mark::new(1)), 0, now), Finish::Steady);
        desk.write(ANN);
        assert_eq!(desk.verdict(), expected);
    }
}

#[test]
fn files_that_never_rest_stop_what_may_start_az_and_nothing_else() {
    for (reliance, refused) in
        [(Reliance::Always, true), (Reliance::Perhaps, true), (Reliance::Unknown, false)]
    {
        let mut desk = Desk::new(reliance);
        desk.written_unix_ms = i64::MAX;
        let now = desk.read();
        assert_eq!(desk.login.start(0, now), Starting::Wait(QUIET_MS));
        desk.ms += PATIENCE_MS;
        desk.write(ANN);
        let now = desk.read();
        let start = desk.login.start(0, now);
        assert_eq!(start == Starting::Refuse(Problem::Restless), refused, "{start:?}");
        assert_eq!(matches!(start, Starting::Go(_)), !refused);
    }
}

/// An unsigned token with these claims.
fn token(claims: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> =
        claims.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digits = bits.chunks(6).map(|six| {
        let padded = six.iter().chain(std::iter::repeat(&0)).take(6);
        char::from(DIGITS[padded.fold(0, |number, bit| number * 2 + usize::from(*bit))])
    });
    format!("e30.{}.e30", digits.collect::<String>())
}

#[test]
fn a_token_of_another_tenant_contradicts_unless_that_tenant_was_asked() {
    let mut desk = Desk::new(Reliance::Always);
    let _ = desk.verdict();
    let own = token(r#"{"tid":"11111111-1111-1111-1111-111111111111","oid":"ann"}"#);
    let other = token(r#"{"tid":"22222222-2222-2222-2222-222222222222","oid":"guest"}"#);
    assert_eq!(desk.login.admit(&own, None), Ownership::Plausible);
    assert_eq!(desk.login.admit(&other, None), Ownership::Contradiction);
    let asked = Some("22222222-2222-2222-2222-222222222222");
    assert_eq!(desk.login.admit(&other, asked), Ownership::Plausible);
    assert_eq!(desk.login.admit(&own, asked), Ownership::Contradiction);
    assert_eq!(desk.login.admit(&other, Some("example.com")), Ownership::Plausible);
    assert_eq!(desk.login.admit("opaque", None), Ownership::Plausible);
}

#[test]
fn a_chain_is_not_held_to_the_account_of_az_nor_to_one_person() {
    let mut desk = Desk::new(Reliance::Perhaps);
    let _ = desk.verdict();
    let ann = token(r#"{"tid":"22222222-2222-2222-2222-222222222222","oid":"ann"}"#);
    let ben = token(r#"{"tid":"22222222-2222-2222-2222-222222222222","oid":"ben"}"#);
    let session = desk.login.session();
    for theirs in [ann, ben] {
        assert_eq!(desk.login.admit(&theirs, None), Ownership::Plausible);
    }
    assert_eq!(desk.login.session(), session);
}

#[test]
fn as_many_runs_as_a_cache_has_entries_are_known_at_once() {
    let mut desk = Desk::new(Reliance::Always);
    let now = desk.read();
    let runs: Vec<u32> = (0..DEFAULT_MAX_ENTRIES)
        .map(|_| match desk.login.start(0, now) {
            Starting::Go(run) => run,
            waiting => panic!("{waiting:?}"),
        })
        .collect();
    assert!(runs.into_iter().all(|run| desk.login.finish(run, None, 0, now) == Finish::Steady));
}
