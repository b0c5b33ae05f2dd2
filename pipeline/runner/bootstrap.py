"""What has to be in force before a stage imports anything: the environment of numeric libraries, and a clean end at
Ctrl-C.
"""

import sys
import time

import pipeline.core.numeric  # noqa: F401
from pipeline.runner.console import mute_interrupts

BEGAN = time.monotonic()
"""When this process began, but for what Python itself needs: a stage's seconds have the import of its libraries."""

if sys.argv[0] == "-m":  # Python has been told to run a stage, and is looking for it: what follows are imports
    mute_interrupts()
