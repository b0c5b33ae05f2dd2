"""Crops in a feature file: what changes from frame to frame, bit-shuffled and compressed, without loss.

A dataset whose attribute `coding` is `frame-differences` holds in each chunk the first frame as it is, and of every
further frame the difference to the one before, modulo 256. On faces that
takes a third of the bytes, where compression of the frames as they are takes three quarters (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

CODING = "frame-differences"
_BLOCK_ITEMS = 1 << 17
_NDIM = 4


def is_coded(rows: np.ndarray) -> bool:
    """Return whether an array is stored so: (T, height, width, 3) uint8."""
    return rows.ndim == _NDIM and rows.dtype == np.uint8


def compression() -> Mapping[str, Any]:
    """Return h5py's settings: bit-shuffle with Zstandard, a registered filter of HDF5 (32008)."""
    import hdf5plugin  # late: it registers its filters, which files without crops do not need

    return hdf5plugin.Bitshuffle(nelems=_BLOCK_ITEMS, cname="zstd", clevel=1)


def differences(frames: np.ndarray, chunk: int) -> np.ndarray:
    """Return what a dataset with chunks of `chunk` rows holds for frames (T, height, width, 3) from a chunk's begin on.

    >>> differences(np.array([[[[10]]], [[[12]]], [[[11]]]], np.uint8), 2).ravel().tolist()
    [10, 2, 11]
    """
    coded = np.empty_like(frames)
    np.subtract(frames[1:], frames[:-1], out=coded[1:])
    coded[::chunk] = frames[::chunk]
    return coded


def stored_rows(dataset: Any, rows: slice = slice(None)) -> np.ndarray:
    """Return consecutive rows of a dataset, or of what stands for one in a selection, decoded where it is coded."""
    if not isinstance(dataset, h5py.Dataset) or dataset.attrs.get("coding", "") != CODING:
        return dataset[rows]
    import hdf5plugin  # noqa: F401

    begin, end, _ = rows.indices(len(dataset))
    chunk = dataset.chunks[0]
    first = begin // chunk * chunk
    frames = dataset[first:end]
    for start in range(0, len(frames), chunk):
        part = frames[start : start + chunk]
        for row in range(1, len(part)):
            np.add(part[row], part[row - 1], out=part[row])
    return frames[begin - first :]
