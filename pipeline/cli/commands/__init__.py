"""The commands of `python -m pipeline`: one file each, named after the command.

A file has
  - a docstring: its first line stands in the list of commands, all of it in `--help`; so it ends with examples, that
    work on
    the demo corpus
  - `add(parser)`: its arguments
  - `run(args)`: does it; returns what is printed, alone or with whether all is well (otherwise the exit code is 1)

A file that begins with _ is no command. Which group of the list a command belongs to stands in `_parser.py`. A command
imports what is heavy within `run`: its file is also imported for `--help` and for every completion in the shell.
"""
