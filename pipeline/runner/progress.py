"""The progress bar of a stage."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Result = TypeVar("Result")


def progress(iterable: Iterable[Result], total: int, label: str = "", unit: str = "clip") -> Iterator[Result]:
    """Show a bar with counts and remaining time once 3 s have passed; silent where stderr is no terminal."""
    from tqdm import tqdm

    bar = tqdm(
        iterable,
        total=total,
        desc=label,
        unit=unit,
        delay=3,
        disable=not sys.stderr.isatty(),
        leave=False,
        dynamic_ncols=True,
        smoothing=0.05,  # a long memory: an estimate over the last few clips jumps about
    )
    yield from bar
