"""A picture of how the face was followed through a clip: frames with what was found, and the mask as a strip."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from pipeline.core.store import ClipFeatures

CELL_PX = 200
"""Width of a frame on the sheet."""
_GAP_PX, _LINE_PX, _STRIP_PX, _TICKS_PX = 6, 20, 22, 20
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
NOTHING, DETECTED, FOLLOWED, BETWEEN = (178, 24, 43), (0, 90, 150), (86, 180, 233), (230, 159, 0)
_STATES = ((NOTHING, "no face"), (DETECTED, "detected"), (FOLLOWED, "followed"), (BETWEEN, "in between"))
"""By `how` of faces.h5: the colour (RGB) of a frame, to be told apart by the colour-blind, and what stands below it."""
_OTHERS, _TAG_PX = (120, 120, 120), 13
_TICKS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_TICKS = 12


def untracked(times: np.ndarray) -> ClipFeatures:
    """Return what stands for a clip (T,) s in which no face was found."""
    count = len(times)
    extra: dict[str, np.ndarray] = {
        "landmarks": np.full((count, 2, 2), np.nan, np.float32),
        "score": np.full(count, np.nan, np.float32),
        "how": np.zeros(count, np.uint8),
        "tracks": np.full((count, 0, 4), np.nan, np.float32),
    }
    return ClipFeatures(np.full((count, 4), np.nan, np.float32), times, np.zeros(count, bool), extra)


def taken(frames: int, count: int) -> list[int]:
    """Return which frames are shown: every n-th from the first on, `count` at most."""
    return list(range(0, frames, max(1, -(-frames // count))))


def draw_sheet(
    frames: Iterable[tuple[float, np.ndarray]], faces: ClipFeatures, count: int = 24, columns: int = 6
) -> np.ndarray:
    """Draw the sheet of one clip, (height, width, 3) uint8 RGB, with `count` frames at most.

    Its frames are (time s, (H, W, 3) uint8 RGB) in order, its faces the group of `faces.h5`, or `untracked`.
    """
    shown = set(taken(len(faces.mask), count))
    cells = [_cell(rgb, time, faces, index) for index, (time, rgb) in enumerate(frames) if index in shown]
    if not cells:
        return np.full((_GAP_PX, CELL_PX, 3), 255, np.uint8)
    height, width = max(cell.shape[0] for cell in cells), CELL_PX + _GAP_PX
    rows = -(-len(cells) // columns)
    wide = min(columns, len(cells)) * width + _GAP_PX
    sheet = np.full((rows * (height + _GAP_PX) + _GAP_PX + _STRIP_PX + _TICKS_PX, wide, 3), 255, np.uint8)
    for number, cell in enumerate(cells):
        top, left = _GAP_PX + number // columns * (height + _GAP_PX), _GAP_PX + number % columns * width
        sheet[top : top + cell.shape[0], left : left + CELL_PX] = cell
    strip = draw_strip(faces, wide - 2 * _GAP_PX)
    sheet[-len(strip) :, _GAP_PX : wide - _GAP_PX] = strip
    return sheet


def draw_strip(faces: ClipFeatures, width: int) -> np.ndarray:
    """Draw the mask over time, (height, width, 3) uint8 RGB, in the colours of `_STATES`."""
    strip = np.full((_STRIP_PX + _TICKS_PX, width, 3), 255, np.uint8)
    if not len(faces.mask):
        return strip
    step = np.median(np.diff(faces.times, prepend=faces.times[0] - 0.04))
    end = float(faces.times[-1] + step)  # the last frame is shown, too
    frames = np.searchsorted(faces.times, np.arange(width) / width * end, side="right") - 1
    colours = np.array([_state(faces, index)[0] for index in range(len(faces.mask))], np.uint8)
    strip[:_STRIP_PX] = np.where(frames[:, None] >= 0, colours[np.maximum(frames, 0)], 255)
    step = next((step for step in _TICKS_S if end / step <= _MOST_TICKS), _TICKS_S[-1])
    for time in np.arange(0, end, step).tolist():
        _tick(strip, time, round(time / end * width))
    return strip


def _tick(strip: np.ndarray, time: float, across: int) -> None:
    cv2.line(strip, (across, _STRIP_PX), (across, _STRIP_PX + 4), _INK, 1)
    text = f"{time:g} s"
    left = min(max(0, across - 4 * len(text)), strip.shape[1] - 8 * len(text))
    _write(strip, text, (left, len(strip) - 3))


def _write(on: np.ndarray, text: str, at: tuple[int, int], size: float = 0.4, ink: tuple[int, int, int] = _INK) -> None:
    cv2.putText(on, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)


def _state(faces: ClipFeatures, index: int) -> tuple[tuple[int, int, int], str]:
    """Return the colour of a frame and what is written below it."""
    how, score = int(faces.extra["how"][index]), float(faces.extra["score"][index])
    colour, words = _STATES[how]
    return (colour, f"score {score:.2f}") if how == 1 else (colour, words)


def _cell(rgb: np.ndarray, time: float, faces: ClipFeatures, index: int) -> np.ndarray:
    scale = CELL_PX / rgb.shape[1]
    size, how = (CELL_PX, max(1, round(scale * rgb.shape[0]))), cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(rgb, size, interpolation=how)
    colour, words = _state(faces, index)
    for number, box in reversed(list(enumerate(faces.extra["tracks"][index]))):
        if not np.isnan(box[0]):
            _box(picture, scale * box, number, colour if number == 0 else _OTHERS)
    if faces.mask[index]:
        for x, y in faces.extra["landmarks"][index]:
            cv2.circle(picture, (round(scale * float(x)), round(scale * float(y))), 2, colour, -1, cv2.LINE_AA)
    cell = np.full((len(picture) + _LINE_PX, CELL_PX, 3), _PAPER, np.uint8)
    cell[: len(picture)] = picture
    cv2.rectangle(cell, (0, len(picture)), (CELL_PX - 1, len(picture) + 3), colour, -1)
    _write(cell, f"{time:.2f} s  {words}", (2, len(cell) - 3), 0.42)
    return cell


def _box(picture: np.ndarray, box: np.ndarray, number: int, colour: tuple[int, int, int]) -> None:
    """Draw a face's box with its id above, where it hides no eye."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, 2, cv2.LINE_AA)
    x, y, wide = max(0, left - 1), max(0, top - _TAG_PX), 6 + 8 * len(str(number))
    cv2.rectangle(picture, (x, y), (x + wide, y + _TAG_PX), colour, -1)
    _write(picture, str(number), (x + 3, y + _TAG_PX - 2), ink=_PAPER)
