//! `completions`: scripts for the shells.

use lexopt::{Arg, Parser};

use super::{CommandError, help};

const BASH: &str = r#"_azure_token_cache() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  local commands='get-token status explain clear doctor shim completions az help'
  local token='--resource --scope -t --tenant -s --subscription -n --name'
  local words='' flags='-h --help'
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=$commands flags="$flags -V --version"
  else
    case $command:$before in
      get-token:-o | get-token:--output) words='json tsv token header' flags='' ;;
      get-token:--resource | get-token:--scope | explain:--resource | explain:--scope) return ;;
      get-token:-[tsn] | get-token:--tenant | get-token:--subscription | get-token:--name) return ;;
      explain:-[tsn] | explain:--tenant | explain:--subscription | explain:--name) return ;;
      shim:--directory) COMPREPLY=($(compgen -d -- "$word")) && return ;;
      shim:--az) COMPREPLY=($(compgen -f -- "$word")) && return ;;
      get-token:*) flags="$flags $token -o --output" ;;
      explain:*) flags="$flags $token" ;;
      status:*) flags="$flags --json" ;;
      shim:shim) words='install uninstall status' ;;
      shim:*) flags="$flags --directory" && [ "${COMP_WORDS[2]}" = install ] && flags="$flags --az" ;;
      completions:completions) words='bash zsh fish' ;;
      help:help) words=$commands ;;
      az:*) return ;;
    esac
  fi
  [[ $word == -* ]] && words=$flags
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _azure_token_cache azure-token-cache
"#;

const ZSH: &str = r"#compdef azure-token-cache
local curcontext=$curcontext state
local -a line commands token help
commands=(
  'get-token:print an access token'
  'status:list the tokens that are kept'
  'explain:say how a token would be answered'
  'clear:delete every token'
  'doctor:look at what is needed'
  'shim:put this program in front of az'
  'completions:print a completion script'
  'az:do as the shim would'
  'help:say what a command does'
)
token=(
  '--resource[what the token is for]:resource:'
  '--scope[the same as a scope]:scope:'
  '(-t --tenant)'{-t,--tenant}'[the tenant]:tenant:'
  '(-s --subscription -n --name)'{-s,--subscription,-n,--name}'[the subscription]:subscription:'
)
help=('(- *)'{-h,--help}'[say what it does]')
_arguments -C $help '(- *)'{-V,--version}'[show the version]' '1:command:->command' '*::argument:->rest' && return
case $state in
  command) _describe command commands ;;
  rest)
    case $words[1] in
      get-token) _arguments $help $token '(-o --output)'{-o,--output}'[the format]:format:(json tsv token header)' ;;
      explain) _arguments $help $token ;;
      status) _arguments $help '--json[as JSON]' ;;
      clear | doctor) _arguments $help ;;
      shim)
        local -a az
        [[ $words[2] == install ]] && az=('--az[the real az]:file:_files')
        _arguments $help $az '1:action:(install uninstall status)' '--directory[where the link is]:folder:_directories'
        ;;
      completions) _arguments $help '1:shell:(bash zsh fish)' ;;
      help) _describe command commands ;;
    esac
    ;;
esac
";

const FISH: &str = r"complete -c azure-token-cache -f
complete -c azure-token-cache -s h -l help -d 'say what it does'
complete -c azure-token-cache -n __fish_use_subcommand -s V -l version -d 'show the version'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a get-token -d 'print an access token'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a status -d 'list the tokens that are kept'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a explain -d 'say how a token would be answered'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a clear -d 'delete every token'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a doctor -d 'look at what is needed'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a shim -d 'put this program in front of az'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a completions -d 'print a completion script'
complete -c azure-token-cache -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a az -d 'do as the shim would'
complete -c azure-token-cache -n __fish_use_subcommand -a help -d 'say what a command does'
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -l resource -x -d 'what the token is for'
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -l scope -x -d 'the same as a scope'
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -s t -l tenant -x -d 'the tenant'
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -s s -l subscription -x -d 'the subscription'
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token explain' -s n -l name -x -d 'the subscription'
complete -c azure-token-cache -n '__fish_seen_subcommand_from get-token' -s o -l output -xa 'json tsv token header' -d 'the format'
complete -c azure-token-cache -n '__fish_seen_subcommand_from status; and not __fish_seen_subcommand_from shim' -l json -d 'as JSON'
complete -c azure-token-cache -n '__fish_seen_subcommand_from shim; and not __fish_seen_subcommand_from install uninstall status' -a 'install uninstall status'
complete -c azure-token-cache -n '__fish_seen_subcommand_from shim' -l directory -xa '(__fish_complete_directories)' -d 'where the link is'
complete -c azure-token-cache -n '__fish_seen_subcommand_from shim; and __fish_seen_subcommand_from install' -l az -rF -d 'the real az'
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
