"""The pixels of the faces that were followed, so that crops need no second reading of a short clip."""

from collections.abc import Iterable, Iterator

import numpy as np

from pipeline.faces.tracking.patch import Place
from pipeline.media.frame import Part, VideoFrame
from pipeline.media.yuv import Region

_SLACK = 0.6  # how much more is kept than crops reach, sides of the face: heads turn, and boxes are put right later
MOST_BYTES = 96 << 20
"""Memory that they may take; a clip with more is read again."""


class NotKept(Exception):
    """Some pixels are needed that are gone."""


class KeptPicture:
    """The faces of one frame, see `pipeline.media.frame.Source`; raises `NotKept` where a part of it is not kept."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the picture, px."""
        if not self._parts:
            raise NotKept
        return self._parts[0].shape

    def rgb(self, region: Region) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of a region."""
        for part in self._parts:
            if part.holds(region):
                return part.rgb(region)
        raise NotKept


class Kept:
    """What is kept of one clip; `sides` is that of the square about a face that crops reach, over the face's box."""

    def __init__(self, sides: float) -> None:
        self._sides = sides + _SLACK
        self._parts: list[list[Part]] | None = []
        self._bytes = 0

    def add(self, picture: VideoFrame, places: Iterable[Place]) -> None:
        """Keep the faces of the next frame; nothing any more, once they take too much memory."""
        if self._parts is None:
            return
        regions = (self._region(place, picture.shape) for place in places)
        parts = [picture.part(region) for region in regions if region is not None]
        self._parts.append(parts)
        self._bytes += sum(part.nbytes for part in parts)
        if self._bytes > MOST_BYTES:
            self._parts = None

    @property
    def frame_bytes(self) -> float:
        """What a frame takes, on average."""
        return self._bytes / max(1, len(self._parts or ()))

    def pictures(self, times: np.ndarray) -> Iterator[tuple[float, KeptPicture]]:
        """Yield (time, picture) of all frames, as far as they are kept; raise `NotKept` where it was too much."""
        if self._parts is None:
            raise NotKept
        for time, parts in zip(times.tolist(), self._parts, strict=True):
            yield time, KeptPicture(parts)

    def _region(self, place: Place, shape: tuple[int, int]) -> Region | None:
        half = self._sides * place.side / 2
        left, top = max(0, round(place.x - half)), max(0, round(place.y - half))
        right, bottom = min(shape[1], round(place.x + half)), min(shape[0], round(place.y + half))
        return (left, top, right, bottom) if left < right and top < bottom else None
