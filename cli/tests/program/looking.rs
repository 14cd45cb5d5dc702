//! The commands that look and change nothing: what is kept, what the next call does, and what is not well.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::stage::{GRANTS, Stage, TOKEN, failed, now_ms, printed, text};

#[test]
fn status_lists_what_is_kept_and_never_a_token() {
    let stage = Stage::new("status");
    assert_eq!(printed(stage.program(&["status"])), "No tokens are kept.\n");
    printed(stage.program(&["get-token", "--tenant", "contoso.com"]));
    printed(stage.program(&["get-token", "--resource", "expired"]));
    stage.change_kept(|token| token.expires_at_ms = now_ms() - 1_000);
    stage.az(&format!("LIFETIME=290\n{GRANTS}"));
    printed(stage.program(&["get-token", "--resource", "due"]));
    stage.az(GRANTS);
    printed(stage.program(&["get-token", "--tenant", "contoso.com"]));
    printed(stage.program(&["get-token", "--resource", "https://vault.azure.net"]));
    let table = printed(stage.program(&["status"]));
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows[0], ["RESOURCE", "TENANT", "ACCOUNT", "EXPIRES IN", "SOURCE", "STATE"]);
    for (row, resource, tenant, left, state) in [
        (1, "(the cloud's own)", "contoso.com", "59 min", "valid"),
        (2, "due", "tenant-1", "4 min", "due"),
        (3, "expired", "tenant-1", "-", "expired"),
        (4, "https://vault.azure.net", "tenant-1", "59 min", "valid"),
    ] {
        let row = &rows[row];
        assert_eq!(row[..3], [resource, tenant, "ann@contoso.com"], "{table}");
        assert!(row[3].starts_with(left), "{table}");
        assert_eq!(row[4..], ["az", state], "{table}");
    }
    assert_eq!(rows.len(), 5);
    for line in table.lines().skip(1) {
        assert_eq!(line.find("ann@"), table.find("ACCOUNT"), "{table}");
    }
    let json = printed(stage.program(&["status", "--json"]));
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["tokens"][3]["resource"], "https://vault.azure.net");
    assert_eq!(status["tokens"][3]["state"], "valid");
    assert_eq!(status["tokens"][2]["state"], "expired");
    assert!(status["tokens"][2]["expiresInSeconds"].as_i64().unwrap() < 0, "{json}");
    for shown in [table, json] {
        assert!(!shown.contains(TOKEN) && !shown.contains('\x1b'), "{shown}");
    }
    stage.log_in("ben@contoso.com");
    let table = printed(stage.program(&["status"]));
    assert_eq!(table.matches("of an earlier login").count(), 3, "{table}");
}

#[test]
fn an_explanation_names_the_line_that_answers_and_why() {
    let stage = Stage::new("explain");
    let explain = |arguments: &[&str]| {
        let text = printed(stage.program(&[&["explain"], arguments].concat()));
        assert!(!text.contains(TOKEN), "{text}");
        text
    };
    let expect = |zone: &str, answer: &str| {
        let text = explain(&["--resource", "r"]);
        assert!(text.ends_with(&format!("\nzone    {zone}\nanswer  {answer}\n")), "{text}");
    };
    let start = format!(
        "az      {}\nlogin   ann@contoso.com, tenant tenant-1, subscription sub-1, AzureCloud\nstore   {}, still empty\n\
         entry   nothing is kept for this request\n",
        stage.path("real/az").display(),
        stage.state().display()
    );
    let text = explain(&["--resource", "r"]);
    assert!(text.starts_with(&start), "{text}");
    expect("expired: nothing is kept", "from az");

    stage.az("echo 'ERROR: AADSTS700082: expired' >&2; exit 1");
    failed(stage.program(&["get-token", "--resource", "r"]));
    let text = explain(&["--resource", "r"]);
    assert!(text.contains("\nentry   no token; the last fetch failed: Rejected\n"), "{text}");
    expect("expired: nothing is kept", "from az");

    stage.az(GRANTS);
    printed(stage.program(&["get-token", "--resource", "r"]));
    expect("fresh: the token is of this login and has more than 5 min left", "from the store");
    let text = explain(&["--resource", "r"]);
    assert!(text.contains(", its key in the key file\nentry   a token with 59 min"), "{text}");
    assert!(text.contains(" left, acquired "), "{text}");

    fs::write(stage.path("azure/msal_token_cache.json"), "").unwrap();
    stage.log_in("ann@contoso.com");
    expect("expired: somebody logged in since the token was fetched", "from az");
    assert_eq!(stage.starts().len(), 2, "an explanation runs nothing");
}

#[test]
fn an_explanation_tells_the_tokens_apart_that_are_kept_and_not_served() {
    let stage = Stage::new("explain-unserved");
    let verdict = || {
        let text = printed(stage.program(&["explain"]));
        text.lines().find_map(|line| line.strip_prefix("zone    ")).unwrap().to_owned()
    };
    printed(stage.program(&["get-token"]));
    assert!(verdict().starts_with("fresh: "));
    let minute = 60_000;
    for (left, acquired, zone) in [
        (310_000, -minute, "fresh: the token is of this login and has more than 5 min left"),
        (300_000, -minute, "expired: the token has less than 5 min left"),
        (1_000, -minute, "expired: the token has less than 5 min left"),
        (0, -60 * minute, "expired: the token has expired"),
        (-10 * minute, -70 * minute, "expired: the token has expired"),
        (60 * minute, 10 * minute, "expired: the clock was set back since the token was fetched"),
    ] {
        stage.change_kept(|token| {
            token.expires_at_ms = now_ms() + left;
            token.acquired_at_ms = now_ms() + acquired;
        });
        assert_eq!(verdict(), zone, "{left}");
    }
}

#[test]
fn an_explanation_says_where_the_table_is_not_asked() {
    let stage = Stage::new("explain-none");
    printed(stage.program(&["get-token"]));
    let explain = |name: &str, value: &str, arguments: &[&str]| {
        let mut command = stage.program(&[&["explain"], arguments].concat());
        command.env(name, value);
        printed(command)
    };
    let none = |why: &str, answer: &str| format!("\nzone    none: {why}\nanswer  {answer}\n");
    let text = explain("AZURE_TOKEN_CACHE", "off", &[]);
    assert!(text.ends_with(&none("AZURE_TOKEN_CACHE is off", "from az")), "{text}");
    let text = explain("AZURE_TOKEN_CACHE_VAULT", "keychain", &[]);
    assert!(text.contains("\nstore   no vault takes the key that tokens are sealed with"), "{text}");
    assert!(text.ends_with(&none("there is no store", "from az")), "{text}");
    let text = explain("COPILOT_AGENT_SESSION_ID", "1", &[]);
    let memory_only = "az's files do not tell whose the token would be, so that it is never kept";
    assert!(text.ends_with(&none(memory_only, "from az")), "{text}");
    let no_account =
        |why: &str| none("there is no account that the token could be of", &format!("az's error: {why}"));
    let text = explain("OTHER", "", &["--subscription", "none"]);
    assert!(text.contains("\nlogin   Subscription 'none' not found."), "{text}");
    assert!(text.ends_with(&no_account("no subscription is chosen")), "{text}");
    stage.write_profile("{\"subscriptions\": []}");
    let text = explain("OTHER", "", &[]);
    assert!(text.contains("\nlogin   Please run 'az login'"), "{text}");
    assert!(text.ends_with(&no_account("nobody is logged in")), "{text}");
}

#[test]
fn doctor_finds_what_is_not_well() {
    let stage = Stage::new("doctor");
    let findings = printed(stage.program(&["doctor"]));
    let year = printed(stage.command("date", &["+%Y"]));
    let clock = format!("ok    clock   plausible: {year}");
    let folder = format!("ok    folder  {}, not made yet\n", stage.state().display());
    for finding in [
        "ok    switch  on\n",
        "ok    az      ",
        "ok    shim    ",
        "ok    login   ann@contoso.com, AzureCloud\n",
        &clock,
        &folder,
        "ok    lock    works\n",
        "ok    vault   key file\n",
        "ok    store   0 entries\n",
    ] {
        assert!(findings.contains(finding), "{finding}: {findings}");
    }
    assert_eq!(findings.lines().count(), 9);
    fs::remove_file(stage.path("real/az")).unwrap();
    let mut doctor = stage.program(&["doctor"]);
    doctor.env("AZURE_TOKEN_CACHE_DIRECTORY", "relative").env("PATH", stage.path("shim"));
    let output = doctor.output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    for finding in ["fail  az ", "fail  folder  the store's folder must be an absolute path"] {
        assert!(text(&output.stdout).contains(finding), "{}", text(&output.stdout));
    }
}

#[test]
fn doctor_judges_the_folder_as_the_store_does() {
    let stage = Stage::new("doctor-folder");
    printed(stage.program(&["get-token"]));
    printed(stage.program(&["shim", "install"]));
    for (folder, mode) in
        [("", 0o755), ("", 0o777), ("/store", 0o750), ("/store/keys", 0o755), ("/shim", 0o777)]
    {
        let folder = format!("{}{folder}", stage.state().display());
        let set_mode = |mode| fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        set_mode(mode);
        let output = stage.program(&["doctor"]).output().unwrap();
        set_mode(0o700);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
        let findings = text(&output.stdout);
        let finding = format!(
            "fail  folder  {folder} cannot hold tokens: others may read or write it (permissions {mode:o}; chmod"
        );
        assert!(findings.contains(&finding), "{findings}");
        assert_eq!(findings.matches("fail  ").count(), 1, "{findings}");
    }
    assert!(printed(stage.program(&["doctor"])).contains("ok    store   1 entry\n"));
}
