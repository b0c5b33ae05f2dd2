"""Progress bars on the terminal of a stage or a download: their columns and their colours."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from pipeline.runner.console import colours

if TYPE_CHECKING:
    from rich.progress import Progress

Result = TypeVar("Result")
DONE, FULL, LEFT = "cyan", "green", "bright_black"
"""Colours of a bar: of the part that is done, of a bar that is full, and of what is left to do."""
DELAY_S = 3.0
"""What is done sooner shows no bar."""
_MEMORY_S = 3600
"""Of the estimate of the remaining time: one over the last few clips jumps about."""


def progress(iterable: Iterable[Result], total: int, label: str = "", unit: str = "clip") -> Iterator[Result]:
    """Show a bar with counts and remaining time once 3 s have passed; silent where stderr is no terminal."""
    begin, shown = time.monotonic(), None
    try:
        for done, item in enumerate(iterable):
            if shown is None and sys.stderr.isatty() and time.monotonic() - begin > DELAY_S:
                shown = bar(label, total, unit)
            if shown is not None:
                shown.update(shown.task_ids[0], completed=done)
            yield item
    finally:
        if shown is not None:
            shown.stop()


def bar(label: str, total: int | None, unit: str, done: int = 0) -> Progress:
    """Return a bar on standard error that is under way, to be stopped; of bytes if `unit` is `B`."""
    from rich import progress as columns
    from rich.console import Console

    counts = columns.TextColumn(f"{{task.completed}}/{{task.total}} {unit}s")
    found = columns.Progress(
        columns.TextColumn("{task.description}", markup=False),
        columns.BarColumn(None, style=LEFT, complete_style=DONE, finished_style=FULL, pulse_style=DONE),
        columns.DownloadColumn() if unit == "B" else counts,
        columns.TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(
            file=sys.stderr,
            color_system="auto" if colours(sys.stderr) else None,
            force_terminal=sys.stderr.isatty(),
        ),
        transient=True,
        speed_estimate_period=_MEMORY_S,
        disable=not sys.stderr.isatty(),
    )
    found.add_task(label, total=total, completed=done)
    found.start()
    return found
