"""How the arrays of a clip lie in an HDF5 file: chunks, compression, and the bytes and digests that follow from the
rows alone. Crops are coded before they are compressed (`pipeline.core.crop_coding`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from pipeline.core.crop_coding import CODING, coded, coded_rows

ZIPPED = {"compression": "gzip", "compression_opts": 1}
CHUNK_BYTES = 1 << 20
_SHUFFLED_ITEMS = 1 << 17
_NOISE, _REPEATED, _SAMPLE_BYTES = 0.8, 0.1, 1 << 16
"""The entropy, and the share of values that equal the ones of the row before, from which rows count as noise or not."""


class Digests:
    """One SHA-256 per array, over dtype, shape of a row, and the rows: the same however they were cut into blocks."""

    def __init__(self) -> None:
        self._hashes: dict[str, Any] = {}

    def add(self, name: str, rows: np.ndarray) -> None:
        """Take further rows of an array."""
        if name not in self._hashes:
            self._hashes[name] = hashlib.sha256(f"{rows.dtype.str}{rows.shape[1:]}".encode())
        self._hashes[name].update(np.ascontiguousarray(rows).reshape(-1).view(np.uint8))

    def named(self) -> dict[str, str]:
        """Return name -> 64 hexadecimal digits."""
        return {name: found.hexdigest() for name, found in sorted(self._hashes.items())}


class ArrayWriter:
    """One array of a clip; rows are held back until they fill a chunk, so that each is compressed and written once."""

    def __init__(self, group: h5py.Group, name: str) -> None:
        self._group, self._name = group, name
        self._held: list[np.ndarray] = []
        self._dataset: Any = None

    def add(self, rows: np.ndarray) -> None:
        """Take further rows."""
        self._held.append(rows)
        whole = max(1, CHUNK_BYTES // max(1, rows[:1].nbytes))
        if sum(map(len, self._held)) > whole:
            rows = self._taken()
            last = (len(rows) - 1) // whole * whole  # something is left for `finish`
            self._write(rows[:last], whole, None)
            self._held = [rows[last:].copy()]

    def finish(self) -> None:
        """Write what is left."""
        rows = self._taken()
        self._write(rows, len(rows), len(rows))

    def _taken(self) -> np.ndarray:
        rows = np.ascontiguousarray(self._held[0] if len(self._held) == 1 else np.concatenate(self._held))
        self._held = []
        return rows

    def _write(self, rows: np.ndarray, chunk: int, most: int | None) -> None:
        if rows.size == 0:
            self._group.create_dataset(self._name, data=rows, track_times=False)
            return
        pictures = rows.ndim == 4 and rows.dtype == np.uint8 and rows.shape[3] == 3
        written = coded(rows, chunk) if pictures else rows
        if self._dataset is not None:
            begin = len(self._dataset)
            self._dataset.resize(begin + len(rows), axis=0)
            self._dataset[begin:] = written
            return
        shapes = {"chunks": (chunk, *rows.shape[1:]), "maxshape": (most, *rows.shape[1:])}
        filters = _crop_filters() if pictures else _filters(rows[:chunk])
        self._dataset = self._group.create_dataset(self._name, data=written, track_times=False, **shapes, **filters)
        if pictures:
            self._dataset.attrs["coding"] = CODING


def _filters(rows: np.ndarray) -> Mapping[str, Any]:
    """Return h5py's settings for rows of other arrays: gzip, but for rows of which it would save a seventh at most.

    Behind its highest byte, which shuffling sets apart, a network's float is noise: gzip saves a seventh of such rows,
    and takes as long as a seventh of a forward pass of Whisper tiny does. What it finds of damage, a checksum does.
    """
    repeated = len(rows) > 1 and np.mean(rows[1:] == rows[:-1]) > _REPEATED
    if repeated or _entropy(rows) < _NOISE:
        return {**ZIPPED, "shuffle": rows.dtype.itemsize > 1}
    return {"fletcher32": True}


def _entropy(rows: np.ndarray) -> float:
    """Return the entropy of bytes at the same place of a number, a share of 8 bits, in a sample of the rows."""
    sample = np.ascontiguousarray(rows[:: max(1, rows.nbytes // _SAMPLE_BYTES)])
    planes = sample.reshape(-1).view(np.uint8).reshape(-1, rows.dtype.itemsize).T
    shares = [np.bincount(plane, minlength=256) / len(plane) for plane in planes]
    bits = [-float(np.sum(share[share > 0] * np.log2(share[share > 0]))) for share in shares]
    return sum(bits) / 8 / len(planes)


def _crop_filters() -> Mapping[str, Any]:
    """Return h5py's settings for bit-shuffle with Zstandard, a registered filter of HDF5 (32008)."""
    import hdf5plugin  # late: it registers its filters, which files without crops do not need

    return hdf5plugin.Bitshuffle(nelems=_SHUFFLED_ITEMS, cname="zstd", clevel=1)


def stored_rows(dataset: Any, rows: slice = slice(None)) -> np.ndarray:
    """Return consecutive rows of a dataset, or of what stands for one in a selection, decoded where it is coded."""
    if not isinstance(dataset, h5py.Dataset) or "coding" not in dataset.attrs:
        return dataset[rows]
    return coded_rows(dataset, rows)
