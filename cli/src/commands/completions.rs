//! `completions`: scripts for the shells.

use lexopt::{Arg, Parser};

use super::{CommandError, help};

const BASH: &str = r#"_azure_token_cache() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='get-token status explain clear doctor shim completions help --help --version'
  else
    case $command in
      get-token) words='--resource --scope --tenant --subscription --output --help' ;;
      explain) words='--resource --scope --tenant --subscription --help' ;;
      status) words='--json --help' ;;
      shim) words='install uninstall status --directory --az --help' ;;
      completions) words='bash zsh fish' ;;
      help) words='get-token status explain clear doctor shim completions' ;;
      *) words='--help' ;;
    esac
    case ${COMP_WORDS[COMP_CWORD-1]} in
      -o | --output) words='json tsv token header' ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _azure_token_cache azure-token-cache
"#;

const ZSH: &str = r"#compdef azure-token-cache
_arguments '1:command:(get-token status explain clear doctor shim completions help)' '*::argument:->rest'
[[ $state == rest ]] || return
case $words[1] in
  get-token) _arguments '--resource[what the token is for]:resource' '--scope[the same as a scope]:scope' \
    '(-t --tenant)'{-t,--tenant}'[the tenant]:tenant' '(-s --subscription)'{-s,--subscription}'[the subscription]:subscription' \
    '(-o --output)'{-o,--output}'[the format]:format:(json tsv token header)' ;;
  explain) _arguments '--resource[what the token is for]:resource' '--scope[the same as a scope]:scope' \
    '(-t --tenant)'{-t,--tenant}'[the tenant]:tenant' '(-s --subscription)'{-s,--subscription}'[the subscription]:subscription' ;;
  status) _arguments '--json[as JSON]' ;;
  shim) _arguments '1:action:(install uninstall status)' '--directory[where the link is]:folder:_directories' '--az[the real az]:file:_files' ;;
  completions) _arguments '1:shell:(bash zsh fish)' ;;
esac
";

const FISH: &str = r"set -l commands get-token status explain clear doctor shim completions help
complete -c azure-token-cache -f
complete -c azure-token-cache -n __fish_use_subcommand -a get-token -d 'print an access token'
complete -c azure-token-cache -n __fish_use_subcommand -a status -d 'list the tokens that are kept'
complete -c azure-token-cache -n __fish_use_subcommand -a explain -d 'say how a token would be answered'
complete -c azure-token-cache -n __fish_use_subcommand -a clear -d 'delete every token'
complete -c azure-token-cache -n __fish_use_subcommand -a doctor -d 'look at what is needed'
complete -c azure-token-cache -n __fish_use_subcommand -a shim -d 'put this program in front of az'
complete -c azure-token-cache -n __fish_use_subcommand -a completions -d 'print a completion script'
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -l resource -l scope -r
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -s t -l tenant -r
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -s s -l subscription -r
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token' -s o -l output -ra 'json tsv token header'
complete -c azure-token-cache -n '__fish_seen_subcommand_from status' -l json
complete -c azure-token-cache -n '__fish_seen_subcommand_from shim' -a 'install uninstall status'
complete -c azure-token-cache -n '__fish_seen_subcommand_from completions' -a 'bash zsh fish'
";

pub fn run(parser: &mut Parser) -> Result<String, CommandError> {
    let shell = match parser.next()? {
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(help::COMPLETIONS.into()),
        Some(Arg::Value(shell)) => shell.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().into()),
        None => String::new(),
    };
    match shell.as_str() {
        "bash" => Ok(BASH.into()),
        "zsh" => Ok(ZSH.into()),
        "fish" => Ok(FISH.into()),
        "" => Err(CommandError::Usage("which shell: bash, zsh or fish?".into())),
        other => Err(CommandError::Usage(format!("'{other}' is no shell of these: bash, zsh, fish"))),
    }
}
