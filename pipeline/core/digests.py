"""Digests of arrays that come block by block: the same however the rows were cut into blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.core.files import canonical_json


class Digests:
    """One SHA-256 per array: over dtype, shape of a row, and the rows."""

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


def combined(digests: Mapping[str, str]) -> str:
    """Return one SHA-256 over the digests of several arrays and their names."""
    return hashlib.sha256(canonical_json(dict(digests)).encode()).hexdigest()
