"""A worker of pytest-xdist in a fork of the server of stages: the program that execnet would give to `python -c`."""

import sys

if __name__ == "__main__":
    exec(sys.argv[1])
