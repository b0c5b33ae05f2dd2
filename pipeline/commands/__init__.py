"""The commands of `python -m pipeline`: one file each, named after the command.

A file has
  - a docstring: its first line stands in the list of commands, all of it in `--help`; so it ends with examples
  - `add(parser)`: its arguments
  - `run(args)`: does it; returns what is printed, alone or with whether all is well (otherwise the exit code is 1)

It imports what is heavy within `run`, since `--help` imports every file.
"""
