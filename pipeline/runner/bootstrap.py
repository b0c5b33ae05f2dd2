"""What has to be in force before a stage imports anything: the environment of numeric libraries, and a clean end at
Ctrl-C. A Python that is not the project's is told in one line.
"""

import sys
import time

from pipeline.runner.own_environment import leave_unless_here

leave_unless_here(
    "numpy", "yaml", "pydantic", "psutil", "h5py", "scipy", "av"
)  # before an import says so with a traceback

import pipeline.core.numeric  # noqa: E402, F401
from pipeline.runner.console import mute_interrupts  # noqa: E402

BEGAN = time.monotonic()
"""When this process began, but for what Python itself needs: a stage's seconds have the import of its libraries."""

if sys.argv[0] == "-m":  # Python has been told to run a stage, and is looking for it: what follows are imports
    mute_interrupts()
