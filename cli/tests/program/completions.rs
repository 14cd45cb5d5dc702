//! The scripts for the shells, each run by its shell: what a tab offers.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::process::Stdio;

use crate::stage::{Stage, printed, text};

const COMMANDS: [&str; 8] =
    ["get-token", "status", "explain", "clear", "doctor", "shim", "completions", "az"];

/// What a shell offers for the last word of this line.
type Complete = fn(&Stage, &str) -> BTreeSet<String>;
const SHELLS: [(&str, Complete); 3] = [("bash", in_bash), ("zsh", in_zsh), ("fish", in_fish)];

#[test]
fn commands_and_what_belongs_to_them_are_completed_in_every_shell() {
    let stage = Stage::bare("completions");
    let commands = [&COMMANDS[..], &["help"]].concat();
    for (shell, complete) in SHELLS {
        install(&stage, shell);
        for (line, offered) in [
            ("get", &["get-token"][..]),
            ("c", &["clear", "completions"]),
            ("", &commands),
            ("get-token --res", &["--resource"]),
            ("get-token -o ", &["json", "tsv", "token", "header"]),
            ("get-token --output h", &["header"]),
            ("shim ", &["install", "uninstall", "status"]),
            ("shim uninstall --", &["--directory", "--help"]),
            ("completions ", &["bash", "zsh", "fish"]),
            ("help do", &["doctor"]),
        ] {
            let offered: BTreeSet<String> = offered.iter().map(|&word| word.to_owned()).collect();
            let found = complete(&stage, line);
            assert_eq!(found, offered, "{shell}: {line}");
        }
    }
}

#[test]
fn every_flag_that_the_help_names_is_completed_in_every_shell() {
    let stage = Stage::bare("flags");
    for (shell, complete) in SHELLS {
        install(&stage, shell);
        for command in COMMANDS.iter().filter(|command| **command != "az") {
            let help = printed(stage.program(&["help", command]));
            let line = if *command == "shim" { "shim install".to_owned() } else { (*command).to_owned() };
            let offered = complete(&stage, &format!("{line} -"));
            assert_eq!(offered, flags(&help), "{shell}: {command}");
        }
        let expected = ["-h", "--help", "-V", "--version"].map(str::to_owned);
        assert_eq!(complete(&stage, "-"), BTreeSet::from(expected), "{shell}");
    }
}

/// The words of a help that begin with a hyphen, and the help's own.
fn flags(help: &str) -> BTreeSet<String> {
    let words = help.split(|character: char| character.is_whitespace() || "[],;".contains(character));
    words.filter(|word| word.starts_with('-')).chain(["-h", "--help"]).map(str::to_owned).collect()
}

fn install(stage: &Stage, shell: &str) {
    let script = printed(stage.program(&["completions", shell]));
    let folder = stage.path(shell);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
    fs::write(folder.join("_azure-token-cache"), script).unwrap();
}

fn in_bash(stage: &Stage, line: &str) -> BTreeSet<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let quoted = words.join("' '");
    let script = format!(
        ". ./bash/_azure-token-cache; COMP_WORDS=(azure-token-cache '{quoted}'); COMP_CWORD={}; _azure_token_cache; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.len()
    );
    let output = stage.command("bash", &["-c", &script]).output().unwrap();
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn in_fish(stage: &Stage, line: &str) -> BTreeSet<String> {
    let script = format!("source fish/_azure-token-cache; complete -C 'azure-token-cache {line}'");
    let output = stage.command("fish", &["--no-config", "-c", &script]).output().unwrap();
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout).lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
}

/// zsh completes where lines are edited, so at a terminal alone: there a tab puts in all that it would offer, and the line
/// is then run by a function that prints it.
fn in_zsh(stage: &Stage, line: &str) -> BTreeSet<String> {
    const SETTINGS: &str = "fpath=($ZDOTDIR $fpath); autoload -Uz compinit; compinit -u -D
zle -C all-matches complete-word _generic
bindkey '^I' all-matches
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
azure-token-cache() { print -r -- \"<$*>\"; exit }
";
    fs::write(stage.path("zsh/.zshrc"), SETTINGS).unwrap();
    let words = ["30", "script", "--quiet", "--return", "--command", "zsh --no-global-rcs -i", "/dev/null"];
    let mut terminal = stage
        .command("timeout", &words)
        .env("ZDOTDIR", stage.path("zsh"))
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = terminal.stdin.take().unwrap();
    keys.write_all(format!("azure-token-cache {line}\t\r").as_bytes()).unwrap();
    let output = terminal.wait_with_output().unwrap();
    let said = text(&output.stdout);
    let printed = said.lines().find_map(|line| line.trim().strip_prefix('<')?.strip_suffix('>'));
    let typed: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let before = if line.is_empty() || line.ends_with(' ') { typed.len() } else { typed.len() - 1 };
    let words = printed.unwrap_or_else(|| panic!("{said}")).split_whitespace().skip(before);
    words.map(str::to_owned).collect()
}
