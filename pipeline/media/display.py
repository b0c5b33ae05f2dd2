"""How a decoded frame is to be shown: the whole display matrix, mirror images included, and square pixels."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.reformatter import Interpolation

from pipeline.media.remark import Remark, note

_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT  # the same on every processor
_WIDEST = 16
"""Pixels that are wider, or higher, than this times their other side are a broken header, and left as they are."""
_SQUARE = Fraction(1)


class Turn(NamedTuple):
    """Quarter turns counterclockwise, as in numpy; whether it is mirrored left to right after that; and a turn by
    another angle instead, degrees clockwise, 0 = none.
    """

    quarters: int = 0
    mirrored: bool = False
    degrees: float = 0.0


def turn_of(frame: Any) -> Turn:
    """Return how an `av.VideoFrame` is turned to be upright, as FFmpeg's own tools do: a matrix within a degree of a
    quarter turn is one, and is mirrored where its numbers say so; another one turns about the middle, in a frame of the
    same size.
    """
    side_data = frame.side_data.get(Type.DISPLAYMATRIX)
    if side_data is None:
        return Turn()
    # ISO/IEC 14496-12, 6.2.2: x' = a x + c y, y' = b x + d y
    a, b, _, c, d = np.frombuffer(bytes(side_data), np.int32)[:5].tolist()
    first, second = math.hypot(a, c), math.hypot(b, d)
    if not first or not second:
        return Turn()
    angle = math.degrees(math.atan2(b / second, a / first)) % 360
    quarter = round(angle / 90)
    if abs(angle - 90 * quarter) >= 1:
        return Turn(degrees=angle)
    return _quarter_turn(quarter % 4, a, c, d)


def _quarter_turn(quarter: int, a: int, c: int, d: int) -> Turn:
    """Return a turn by `quarter` times 90 degrees clockwise, or what a mirror makes of it."""
    if quarter == 1:
        return Turn(3, c > 0)
    if quarter == 3:
        return Turn(1, c < 0)
    upside_down = d < 0
    left_right = a < 0 and quarter == 2
    return Turn(2 if upside_down else 0, left_right != upside_down)


def shown_aspect(aspect: Fraction | None) -> Fraction:
    """Return the width of a pixel over its height as it is taken; 1 where none is told, or one that cannot be."""
    return aspect if aspect and Fraction(1, _WIDEST) <= aspect <= _WIDEST else _SQUARE


def aspect_remarks(aspect: Fraction | None, width: int, height: int) -> list[Remark]:
    """Return what is to be said of pixels of a stored frame that are not square."""
    if not aspect or aspect == 1:
        return []
    told = f"pixels of {aspect.numerator}:{aspect.denominator} in {width} x {height}"
    return [note(f"{told} made square" if shown_aspect(aspect) == aspect else f"{told} taken for square")]


def squared(frame: Any, aspect: Fraction, turned: bool) -> Any:
    """Return a stored frame with square pixels: the width that it is shown with changes, the height does not, as by
    FFmpeg's `scale=iw*sar:ih`; `turned` by a quarter, its height is the width that is shown.
    """
    width, height = frame.width, frame.height
    if turned:
        height = max(1, math.floor(height / aspect))
    else:
        width = max(1, math.floor(width * aspect))
    if (width, height) == (frame.width, frame.height):
        return frame
    pixels = "rgb24" if frame.format.has_palette else None
    return frame.reformat(width, height, pixels, interpolation=_EXACT, threads=1)


def rotated(frame: Any, degrees: float) -> Any:
    """Return a frame turned clockwise about its middle, of the same size, black where there is nothing."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25)
    )
    turning, sink = graph.add("rotate", f"angle={math.radians(degrees)!r}"), graph.add("buffersink")
    source.link_to(turning)
    turning.link_to(sink)
    graph.configure()
    source.push(frame)
    return sink.pull()
