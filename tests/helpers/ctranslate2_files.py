"""Models of CTranslate2, written byte by byte as its `model_spec.py` does."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

TYPES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}


def text(name: str) -> bytes:
    """Return a string with its length and its end."""
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def variable(name: str, values: np.ndarray, kind: int | None = None) -> bytes:
    """Return one variable."""
    values = np.asarray(values)
    head = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
    kind = TYPES[values.dtype.name] if kind is None else kind
    return text(name) + head + struct.pack("<BI", kind, values.nbytes) + values.tobytes()


def model(variables: Mapping[str, np.ndarray], version: int = 6, aliases: Mapping[str, str] | None = None) -> bytes:
    """Return a whole file."""
    parts = [variable(name, values) for name, values in variables.items()]
    pairs = [text(alias) + text(name) for alias, name in (aliases or {}).items()]
    head = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, len(parts))
    return head + b"".join(parts) + struct.pack("<I", len(pairs)) + b"".join(pairs)
