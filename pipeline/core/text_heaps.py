"""The heaps of an HDF5 file, in which its texts lie, looked at before HDF5 reads them: in one that zeros have
overwritten the library goes round for ever (HDFGroup/hdf5 issue 1707; 2.0.0 does), and no handler of signals ends it.
"""

from __future__ import annotations

import mmap
from functools import lru_cache
from pathlib import Path

_SIGN = b"GCOL\x01\0\0\0"
_HEAD = 16
"""Bytes before the objects of a heap (signature, version, size), and before the data of an object."""
_LOOKED_AT = 64 << 20
"""Bytes looked at, half of them at either end of a larger file: attributes of the whole file are written last."""


def heaps_are_whole(path: Path) -> bool:
    """Return whether every heap of texts, as far as it is looked at, can be read to its end."""
    state = path.stat()
    return _whole(path, (state.st_ino, state.st_mtime_ns, state.st_size)) if state.st_size else True


@lru_cache(maxsize=64)
def _whole(path: Path, identity: tuple[int, int, int]) -> bool:
    size = identity[2]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        gap = (size, size) if size <= _LOOKED_AT else (_LOOKED_AT // 2, size - _LOOKED_AT // 2)
        for begin, end in ((0, gap[0]), (gap[1], size)):
            at = data.find(_SIGN, begin, end)
            while at >= 0:
                if not _ends(data, at):
                    return False
                at = data.find(_SIGN, at + 1, end)
    return True


def _ends(data: mmap.mmap, begin: int) -> bool:
    """Walk over the objects of a heap as HDF5 does: each has a number, 0 for what is free, and a size."""
    end = begin + int.from_bytes(data[begin + 8 : begin + _HEAD], "little")
    at = begin + _HEAD
    while at + _HEAD <= min(end, len(data)):
        number, size = (int.from_bytes(data[at + a : at + b], "little") for a, b in ((0, 2), (8, _HEAD)))
        step = _HEAD + (size + 7) // 8 * 8 if number else size
        if not step:
            return False
        at += step
    return True
