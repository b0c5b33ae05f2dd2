"""Print what the shell has to read so that it completes `python -m pipeline`.

Commands, options, corpora, clips, feature files and weights are completed, in the project's folder. It takes the place
of
another completion of `python`.

examples:
  source <(python -m pipeline completion bash)                              for this shell; in ~/.bashrc with the
  environment's python
  python -m pipeline completion zsh > ~/.avemotion.zsh                      then `source ~/.avemotion.zsh` after
  compinit in ~/.zshrc
  python -m pipeline completion fish > ~/.config/fish/conf.d/avemotion.fish
"""

from __future__ import annotations

import argparse

# The protocol is argcomplete's: _ARGCOMPLETE=3 since the third word is where the program's own words begin; it answers
# on 8.
_ASK = "_ARGCOMPLETE=3 _ARGCOMPLETE_SUPPRESS_SPACE=1 _ARGCOMPLETE_SHELL={0} {1} -m pipeline 8>&1 9>/dev/null 1>/dev/null 2>&1 </dev/null"
_BASH = f"""_avemotion() {{
    COMPREPLY=()
    [[ "${{COMP_WORDS[1]}}" == -m && "${{COMP_WORDS[2]}}" == pipeline && $COMP_CWORD -ge 3 ]] || return
    local IFS=$'\\013'
    COMPREPLY=($(IFS="$IFS" COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_TYPE="$COMP_TYPE" \\
        _ARGCOMPLETE_COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        {_ASK.format("bash", '"$1"')}))
    if [[ "${{COMPREPLY-}}" =~ [=/:]$ ]]; then compopt -o nospace 2>/dev/null; fi
}}
complete -o default -o bashdefault -F _avemotion python python3"""
_ZSH = f"""_avemotion() {{
    if [[ "${{words[2]}}" != -m || "${{words[3]}}" != pipeline ]] || (( CURRENT < 4 )); then
        _files
        return
    fi
    local IFS=$'\\013'
    local -a completions
    completions=($(IFS="$IFS" COMP_LINE="$BUFFER" COMP_POINT="$CURSOR" \\
        {_ASK.format("zsh", '"${words[1]}"')}))
    _describe 'python -m pipeline' completions -o nosort
}}
compdef _avemotion python python3"""
_FISH = """function __avemotion
    set -lx _ARGCOMPLETE 3
    set -lx _ARGCOMPLETE_IFS \\n
    set -lx _ARGCOMPLETE_DFS \\t
    set -lx _ARGCOMPLETE_SUPPRESS_SPACE 1
    set -lx _ARGCOMPLETE_SHELL fish
    set -lx COMP_LINE (commandline -p)
    set -lx COMP_POINT (string length (commandline -cp))
    set -lx COMP_TYPE
    set -l words (commandline -po)
    $words[1] -m pipeline 8>&1 9>/dev/null 1>/dev/null 2>&1 </dev/null
end
complete -c python -c python3 -n 'string match -qr "^\\S+ -m pipeline " -- (commandline -cp)' -f -a '(__avemotion)'"""
SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("shell", choices=sorted(SHELLS))


def run(args: argparse.Namespace) -> str:
    """Return the shell's own words."""
    return SHELLS[args.shell]
