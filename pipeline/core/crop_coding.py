"""How crops lie in an HDF5 file: without loss, in a sixth to two fifths of their bytes (docs/decisions/0014-disk.md).

A dataset (T, height, width, 3) uint8 whose attribute `coding` is `frame-and-colour-differences` holds, of each chunk's
first frame, the frame itself, and of every further one the difference to the frame before; of red and blue, what they
differ from green; the three colours one after the other, as (3, height, width); and in place of a difference d from
-128 to 127, 2 d, or -2 d - 1 where it is negative, so that small differences are small numbers. All modulo 256.
"""

from __future__ import annotations

import h5py
import numpy as np

from pipeline.core.errors import ArtifactError

CODING = "frame-and-colour-differences"
_RED, _GREEN, _BLUE = range(3)


def coded(frames: np.ndarray, chunk: int) -> np.ndarray:
    """Return what a dataset with chunks of `chunk` rows holds for frames (T, height, width, 3) from a chunk's begin on.

    >>> coded(np.array([[[[9, 10, 10]]], [[[9, 12, 10]]], [[[8, 11, 10]]]], np.uint8), 2).tolist()
    [[[[1, 20, 0]]], [[[3, 4, 3]]], [[[5, 22, 1]]]]
    """
    import cv2  # the same by numpy's strides takes ten times as long

    moved = np.empty_like(frames)
    np.subtract(frames[1:], frames[:-1], out=moved[1:])
    moved[::chunk] = frames[::chunk]
    planes = np.empty(_planes(frames.shape), np.uint8)
    for frame, split in zip(moved, planes, strict=True):
        cv2.split(frame, list(split))
    for colour in (_RED, _BLUE):
        planes[:, colour] -= planes[:, _GREEN]
    signed = planes.view(np.int8)
    sign = signed >> 7
    signed += signed
    signed ^= sign
    return planes.reshape(frames.shape)


def decoded(stored: np.ndarray, chunk: int) -> np.ndarray:
    """Return the frames of what `coded` has returned, or of its rows from a chunk's begin on."""
    import cv2

    odd = (stored & 1).view(np.int8)
    np.negative(odd, out=odd)
    planes = ((stored >> 1) ^ odd.view(np.uint8)).reshape(_planes(stored.shape))
    for colour in (_RED, _BLUE):
        planes[:, colour] += planes[:, _GREEN]
    frames = np.empty_like(stored)
    for row, (split, frame) in enumerate(zip(planes, frames, strict=True)):
        cv2.merge(list(split), frame)
        if row % chunk:
            frame += frames[row - 1]
    return frames


def coded_rows(dataset: h5py.Dataset, rows: slice) -> np.ndarray:
    """Return consecutive frames of a dataset that is coded; `ArtifactError` where another version wrote it."""
    import hdf5plugin  # noqa: F401  # the filter

    if dataset.attrs["coding"] != CODING:
        kept = f"{dataset.name} is coded as '{dataset.attrs['coding']}', not as '{CODING}'"
        raise ArtifactError(f"{dataset.file.filename}: {kept}: another version wrote it; rerun its stage")
    begin, end, _ = rows.indices(len(dataset))
    chunk = dataset.chunks[0]
    first = begin // chunk * chunk
    return decoded(dataset[first:end], chunk)[begin - first :]


def _planes(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], 3, *shape[1:3])
