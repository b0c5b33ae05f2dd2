"""How the arrays of a clip lie in an HDF5 file: chunks, compression, and the bytes that follow from them alone."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from pipeline.core.frame_coding import CODING, compression, differences, is_coded

ZIPPED = {"compression": "gzip", "compression_opts": 1}
CHUNK_BYTES = 1 << 20


class ArrayWriter:
    """One array of a clip: rows are held back until they fill a chunk, so that each chunk is compressed and written
    once.
    """

    def __init__(self, group: h5py.Group, name: str) -> None:
        self._group, self._name = group, name
        self._held: list[np.ndarray] = []
        self._dataset: Any = None

    def add(self, rows: np.ndarray) -> None:
        """Take further rows."""
        self._held.append(rows)
        whole = max(1, CHUNK_BYTES // max(1, rows[:1].nbytes))
        if sum(map(len, self._held)) > whole:
            self._write(whole)

    def finish(self) -> None:
        """Write what is left."""
        rows = self._take()
        if self._dataset is not None:
            self._append(rows)
        elif rows.size == 0:
            self._group.create_dataset(self._name, data=rows, track_times=False)
        else:
            self._create(rows, len(rows), rows.shape)

    def _take(self) -> np.ndarray:
        rows = np.ascontiguousarray(self._held[0] if len(self._held) == 1 else np.concatenate(self._held))
        self._held = []
        return rows

    def _write(self, whole: int) -> None:
        rows = self._take()
        last = (len(rows) - 1) // whole * whole  # something is left for `finish`
        if self._dataset is None:
            self._create(rows[:last], whole, (None, *rows.shape[1:]))
        else:
            self._append(rows[:last])
        self._held = [rows[last:].copy()]

    def _append(self, rows: np.ndarray) -> None:
        begin = len(self._dataset)
        self._dataset.resize(begin + len(rows), axis=0)
        self._dataset[begin:] = differences(rows, self._dataset.chunks[0]) if is_coded(rows) else rows

    def _create(self, rows: np.ndarray, chunk: int, largest: tuple[int | None, ...]) -> None:
        coded = is_coded(rows)
        filters = compression() if coded else {**ZIPPED, "shuffle": rows.dtype.itemsize > 1}
        self._dataset = self._group.create_dataset(
            self._name,
            data=differences(rows, chunk) if coded else rows,
            chunks=(chunk, *rows.shape[1:]),
            maxshape=largest,
            track_times=False,
            **filters,
        )
        if coded:
            self._dataset.attrs["coding"] = CODING
