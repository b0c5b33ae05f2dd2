"""What was seen a moment ago, for following a face back that was found late."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from pipeline.faces.tracking.patch import Grey

MOST_BYTES = 64 << 20


class Past:
    """The reduced frames of the last seconds of a shot.

    Args:
        seconds: how long they are remembered, as long as they take no more than `MOST_BYTES`
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._frames: deque[tuple[int, float, Grey]] = deque()
        self._bytes = 0

    def add(self, frame: int, time: float, grey: Grey) -> None:
        """Remember a frame, and forget those that are too long ago."""
        self._frames.append((frame, time, grey))
        self._bytes += grey.pixels.nbytes
        while self._bytes > MOST_BYTES or time - self._frames[0][1] > self._seconds:
            self._bytes -= self._frames.popleft()[2].pixels.nbytes

    def clear(self) -> None:
        """Forget all."""
        self._frames.clear()
        self._bytes = 0

    def before(self, frame: int) -> Iterator[tuple[int, float, Grey]]:
        """Yield (frame, time s, picture) of those before a frame, the latest first."""
        return (one for one in reversed(self._frames) if one[0] < frame)
