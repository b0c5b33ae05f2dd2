"""openSMILE, each configuration set up once in a process, and never stopped halfway.

openSMILE hands over each row by a call back into Python. There Ctrl-C would raise KeyboardInterrupt, which ctypes
prints and drops: the row is lost, the rest shifted by one, and nobody knows. So signals wait for the end of a clip.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

import numpy as np


class Smile:
    """One configuration of openSMILE."""

    def __init__(self, features: str, level: str) -> None:
        import opensmile
        from audobject.core import utils

        # audobject, which openSMILE's classes rest on, looks up which package brings them: in the metadata of all that
        # is installed, for 0.6 s, unless its own memory has it
        vars(utils).get("PACKAGES_DISTRIBUTIONS", {}).setdefault("opensmile", ["opensmile"])
        self._own = opensmile.Smile(getattr(opensmile.FeatureSet, features, features), opensmile.FeatureLevel(level))

    @property
    def feature_names(self) -> list[str]:
        """Names of the D columns."""
        return list(self._own.feature_names)

    def __call__(self, samples: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return the features of samples (N,), -1 to 1: (1, D, T), of openSMILE's own type."""
        with signals_wait():
            return np.asarray(self._own(samples, rate_hz))


@cache
def smile(features: str, level: str) -> Smile:
    """Return openSMILE for the name of a feature set or the path of a configuration, and a level."""
    return Smile(features, level)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Hold back what Python would do at SIGINT and SIGTERM until the block has ended; in other threads than the first
    it does nothing there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in found.items() if callable(handler)}
    for number in before:
        signal.signal(number, lambda caught, frame: came.append((caught, frame)))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for caught, frame in came[:1]:
            before[signal.Signals(caught)](caught, frame)
