//! What each command says of itself.

use lexopt::{Arg, Parser};

use super::CommandError;

pub const OVERVIEW: &str = "\
One token for the whole machine: the first process asks az, every other one has the token in milliseconds.

Usage: azure-token-cache <command> [options]

Commands:
  get-token    print an access token, from the store or from az
  status       list the tokens that are kept, without showing them
  explain      say how a token would be answered now, and why
  clear        delete every token that is kept
  doctor       look at az, the login, the store, its vault and its lock
  shim         put this program in front of az: install, uninstall, status
  completions  print a completion script for bash, zsh or fish
  az           do as the shim would with the arguments that follow

Options:
  -h, --help     show this, or with a command what that one does
  -V, --version  show the version

Exit codes:
  0  done            3  nobody is logged in to az, or a new login is needed
  1  it failed       4  there is no az that could be run
  2  wrong usage     5  the store cannot be used

Environment:
  AZURE_TOKEN_CACHE=off       answer nothing from the store, and keep nothing
  AZURE_TOKEN_CACHE_DIRECTORY the state folder, instead of the system's own
  AZURE_TOKEN_CACHE_VAULT     keep the store's key in this vault, instead of the first that works
  AZURE_CONFIG_DIR            az's folder, as az understands it
  NO_COLOR                    no colours, which only a terminal gets anyway
";

pub const GET_TOKEN: &str = "\
Prints an access token of the account that az is logged in to, as `az account get-access-token` does.

Usage: azure-token-cache get-token [options]

Options, az's own:
      --resource <uri>       what the token is for, such as https://vault.azure.net
      --scope <scope>        the same as a scope, such as https://vault.azure.net/.default
  -t, --tenant <tenant>      the tenant to ask, by id or domain name
  -s, --subscription <name>  the subscription whose account and tenant are asked; also -n, --name
  -o, --output <format>      json: az's document (default); tsv, token: the token alone; header: an HTTP header

Without a resource or a scope the token is for Azure Resource Manager. A token with less than five minutes left is not
handed out while az brings another one.
";

pub const STATUS: &str = "\
Lists the tokens that are kept: what for, for whom, for how long. It never shows a token.

Usage: azure-token-cache status [--json]
";

pub const EXPLAIN: &str = "\
Says whether a token would come from the store or from az now, and by which line of the decision table. It runs nothing
and shows no token.

Usage: azure-token-cache explain [options]

Options, as those of get-token:
      --resource <uri>       what the token is for
      --scope <scope>        the same as a scope
  -t, --tenant <tenant>      the tenant to ask
  -s, --subscription <name>  the subscription whose account and tenant are asked; also -n, --name

Of the table's zones a program that answers once has two: fresh, where the token is handed out, and expired, where az
brings another one, which begins five minutes before a token's end. It says none where no token may be kept.
";

pub const CLEAR: &str = "\
Deletes every token that is kept. Results of fetches that are under way are not kept either. What other processes hold
in memory is not reached.

Usage: azure-token-cache clear
";

pub const DOCTOR: &str = "\
Looks at what this program needs: az, the shim, the login, the state folder, the vault, the lock, the clock. The exit code
is 1 if something is not well.

Usage: azure-token-cache doctor
";

pub const SHIM: &str = "\
Puts this program in front of az on PATH. Whatever az is asked for most (a token, the current account, its version) is then
answered in milliseconds; everything else goes to the real az, unchanged.

Usage: azure-token-cache shim install [--directory <folder>] [--az <path>]
       azure-token-cache shim uninstall [--directory <folder>]
       azure-token-cache shim status [--directory <folder>]

Options:
      --directory <folder>  where the link named az is, by default a folder of this program's own
      --az <path>           the real az, by default the first on PATH that is no shim

AZURE_TOKEN_CACHE=off lets every call through to the real az.
";

pub const COMPLETIONS: &str = "\
Prints a script that completes this program's commands and options.

Usage: azure-token-cache completions <bash|zsh|fish>

  bash  source <(azure-token-cache completions bash)
  zsh   azure-token-cache completions zsh > a folder of $fpath/_azure-token-cache
  fish  azure-token-cache completions fish > ~/.config/fish/completions/azure-token-cache.fish
";

pub const AZ: &str = "\
Does what the shim does when it is started as az: it answers by itself what it can, and for everything else becomes the
real az. All that follows is az's own, --help too. Where there are no links, the script named az.cmd is one call of this.

Usage: azure-token-cache az [arguments of az]
";

/// Each command and its help.
pub const COMMANDS: [(&str, &str); 8] = [
    ("get-token", GET_TOKEN),
    ("status", STATUS),
    ("explain", EXPLAIN),
    ("clear", CLEAR),
    ("doctor", DOCTOR),
    ("shim", SHIM),
    ("completions", COMPLETIONS),
    ("az", AZ),
];

/// `help <command>`.
pub fn of(parser: &mut Parser) -> Result<String, CommandError> {
    match parser.next()? {
        None => Ok(OVERVIEW.into()),
        Some(Arg::Value(name)) => {
            let name = name.to_string_lossy();
            let found = COMMANDS.iter().find(|(command, _)| *command == name);
            let unknown = || CommandError::Usage(format!("'{name}' is no command{}", suggestion(&name)));
            found.map(|(_, help)| (*help).into()).ok_or_else(unknown)
        }
        Some(other) => Err(other.unexpected().into()),
    }
}

/// The command that was probably meant, as the end of a sentence.
pub fn suggestion(name: &str) -> String {
    let near = COMMANDS.iter().map(|(command, _)| *command).find(|command| is_near(name, command));
    match near {
        Some(command) => format!("; did you mean '{command}'?"),
        None => "; --help lists what there is".into(),
    }
}

/// One begins with the other, or they differ in at most two places, and in no more than half of the command.
fn is_near(name: &str, command: &str) -> bool {
    let prefix = name.len() >= 3 && (command.starts_with(name) || name.starts_with(command));
    prefix || distance(name.as_bytes(), command.as_bytes()) <= 2.min(command.len() / 2)
}

/// How many bytes must be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, byte) in left.iter().enumerate() {
        let mut diagonal = row.first().copied().unwrap_or(0);
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
        for (column, other) in right.iter().enumerate() {
            let [before, above] = [column, column + 1].map(|at| row.get(at).copied().unwrap_or(0));
            let changed = diagonal + usize::from(byte != other);
            diagonal = above;
            if let Some(cell) = row.get_mut(column + 1) {
                *cell = changed.min(before + 1).min(above + 1);
            }
        }
    }
    row.last().copied().unwrap_or(0)
}
