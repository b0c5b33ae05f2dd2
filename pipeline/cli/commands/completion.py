"""Print what the shell has to read so that it completes `python -m pipeline`.

Commands, options, corpora, clips, feature files and weights are completed, in the project's folder. It takes the place
of another completion of `python`.

examples:
  source <(python -m pipeline completion bash)
      for this shell; in ~/.bashrc with the environment's python
  python -m pipeline completion zsh > ~/.avemotion.zsh
      then `source ~/.avemotion.zsh` after compinit in ~/.zshrc
  python -m pipeline completion fish > ~/.config/fish/conf.d/avemotion.fish
"""

from __future__ import annotations

from typing import Literal

# The protocol is typer's, but for the program's name of three words: what it is told begins at the third of them.
_BASH = """_avemotion() {
    COMPREPLY=()
    [[ "${COMP_WORDS[1]}" == -m && "${COMP_WORDS[2]}" == pipeline && $COMP_CWORD -ge 3 ]] || return
    local IFS=$'\\n'
    COMPREPLY=($(IFS=' ' COMP_WORDS="${COMP_WORDS[*]:2}" COMP_CWORD=$((COMP_CWORD - 2)) \\
        _AVEMOTION_COMPLETE=complete_bash "$1" -m pipeline 2>/dev/null </dev/null))
}
complete -o default -o bashdefault -F _avemotion python python3"""
_ZSH = """_avemotion() {
    if [[ "${words[2]}" != -m || "${words[3]}" != pipeline ]] || (( CURRENT < 4 )); then
        _files
        return
    fi
    eval "$(_TYPER_COMPLETE_ARGS="${(@)words[3,CURRENT]}" \\
        _AVEMOTION_COMPLETE=complete_zsh "${words[1]}" -m pipeline 2>/dev/null </dev/null)"
}
compdef _avemotion python python3"""
_FISH = """function __avemotion
    set -lx _AVEMOTION_COMPLETE complete_fish
    set -lx _TYPER_COMPLETE_FISH_ACTION $argv[1]
    set -lx _TYPER_COMPLETE_ARGS (commandline -cp | string replace -r '^\\s*\\S+ -m ' '')
    set -l words (commandline -po)
    $words[1] -m pipeline 2>/dev/null </dev/null
end
set -l typed 'string match -qr "^\\s*\\S+ -m pipeline " -- (commandline -cp)'
complete -c python -c python3 -n "$typed; and __avemotion is-args" -f -a '(__avemotion get-args)'"""
_SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(shell: Literal["bash", "zsh", "fish"]) -> str:
    return _SHELLS[shell]
