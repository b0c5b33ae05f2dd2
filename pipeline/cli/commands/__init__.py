"""The commands of `python -m pipeline`: one file each, named after the command; only one that begins with _ is none.

A file has a docstring (its first line stands in the list of commands, all of it in `--help`, so it ends with examples
that work on the demo corpus) and `run`, a function whose annotations are its arguments as typer reads them
(`_arguments` has those that several commands share). It returns what is printed, alone or with whether all is well
(otherwise the exit code is 1). A group such as `weights list` has in its place `WAYS`: name -> such a function, the
first line of whose docstring is its help.

`GROUPS` in `pipeline/cli/application.py` says below which heading of the list a command stands ("more" without that).
What is heavy is imported within the function: all files are imported for `--help` and for every completion.
"""
