"""The commands of `python -m pipeline`: one file each, named after the command.

A file has
  - a docstring: its first line stands in the list of commands, all of it in `--help`; so it ends with examples that
    work on the demo corpus
  - `run`: a function whose annotations are its arguments, as typer reads them (`_arguments` has those that several
    commands share). It returns what is printed, alone or with whether all is well (otherwise the exit code is 1); or
  - `WAYS`: in the place of `run`, name -> such a function, where the command is a group as `weights list` is. The first
    line of a function's docstring is its help

Nothing else declares a command: a file that does not begin with _ is one. `GROUPS` in `pipeline/cli/application.py`
says below which heading of the list it stands; without that it stands below "more". What is heavy is imported within
the function, since all files are imported for `--help` and for every completion in the shell.
"""
