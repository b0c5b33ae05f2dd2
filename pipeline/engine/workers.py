"""How many worker processes to use, and what is raised when one dies."""

from __future__ import annotations

import os
from pathlib import Path


def worker_count(workers: int) -> int:
    """Return how many processes to use: `workers`, or one per available core where it is 0."""
    return workers or len(os.sched_getaffinity(0))


SMALL_BYTES = 32 << 20
"""Input below this is worked on in less time than it takes to start processes that have to import torch or
scikit-learn.
"""


def workers_for(workers: int, *files: Path) -> int:
    """Return `workers`, or 1 where all files together are small; only for work whose time goes by its input's size."""
    return 1 if sum(file.stat().st_size for file in files) < SMALL_BYTES else workers


class WorkerLost(Exception):
    """A worker process died over its item: killed by the system for its memory, or by a crash in a library."""
