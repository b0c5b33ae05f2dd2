"""Weights out of a model of CTranslate2 (`model.bin`): no code is run, and no size is believed that the bytes do not
bear out.

The layout, little-endian, from OpenNMT/CTranslate2 (python/ctranslate2/specs/model_spec.py, src/models/model.cc),
binary versions 4 to 6:

    version uint32, name of the architecture, its revision uint32, number of variables uint32
    variable      name, rank uint8, sizes uint32 each, type uint8 (0 float32, 1 int8, 2 int16, 3 int32, 4 float16,
                  5 bfloat16), number of bytes uint32, bytes
    aliases       number uint32; the alias and the variable that it stands for; none of a name is a weight of its own
    name          number of bytes uint16, bytes, of which the last is 0

An int8 or int16 matrix is the weights times its variable `<name>_scale`, one number per row or one in all.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

_VERSIONS = range(4, 7)
_TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2", 5: "<u2"}
_BFLOAT16 = 5
_SCALE = "_scale"
_TORCH = {"gamma": "weight", "beta": "bias"}
"""Parameters of a normalisation -> their names in torch."""


def read_ctranslate2(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a model, float32, with dots in their names: `encoder.conv1.weight`; single numbers, which
    are settings, are left out.

    Raises:
        ValueError: damaged, or no such model; the message is one line
    """
    if not path.stat().st_size:
        raise ValueError("an empty file")
    found = dict(_variables(_Bytes(np.memmap(path, np.uint8, mode="r").data)))
    scales = {name: found.pop(name) for name in [*found] if name.endswith(_SCALE)}
    state: dict[str, torch.Tensor] = {}
    for name, values in found.items():
        if not values.ndim:
            continue
        if values.dtype.kind == "i":
            scale = scales.get(f"{name}{_SCALE}")
            if scale is None or scale.size not in (1, len(values)) or not (scale.astype(np.float64) > 0).all():
                raise ValueError(f"{name} is of whole numbers, without a scale that fits"[:100])
            values = values / scale.astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
        layer, _, parameter = name.replace("/", ".").rpartition(".")
        state[f"{layer}.{_TORCH.get(parameter, parameter)}"] = torch.from_numpy(values.astype(np.float32))
    if not state:
        raise ValueError("no weights")
    return state


class _Bytes:
    """Bytes that are read from the front."""

    def __init__(self, raw: memoryview) -> None:
        self._raw, self.place = raw, 0

    def take(self, count: int) -> memoryview:
        if count > len(self._raw) - self.place:
            raise ValueError("it ends early")
        self.place += count
        return self._raw[self.place - count : self.place]

    def number(self, kind: str) -> int:
        return int(struct.unpack(f"<{kind}", self.take(struct.calcsize(kind)))[0])

    def name(self) -> str:
        text = bytes(self.take(self.number("H")))
        if not text.endswith(b"\0") or not text[:-1].isascii() or not text[:-1].decode("ascii").isprintable():
            raise ValueError(f"a name is no text: {text[:20]!r}")
        return text[:-1].decode("ascii")

    @property
    def rest(self) -> int:
        return len(self._raw) - self.place


def _variables(file: _Bytes) -> Iterator[tuple[str, np.ndarray]]:
    version = file.number("I")
    if version not in _VERSIONS:
        raise ValueError(f"binary version {version}, not one of {_VERSIONS.start} to {_VERSIONS.stop - 1}")
    file.name()
    file.number("I")
    seen: set[str] = set()
    for _ in range(file.number("I")):
        name = file.name()
        if name in seen:
            raise ValueError(f"{name} is there twice"[:100])
        seen.add(name)
        yield name, _values(file, name)
    for _ in range(2 * file.number("I")):
        file.name()
    if file.rest:
        raise ValueError(f"{file.rest} bytes behind its end")


def _values(file: _Bytes, name: str) -> np.ndarray:
    shape = [file.number("I") for _ in range(file.number("B"))]
    kind = file.number("B")
    if kind not in _TYPES:
        raise ValueError(f"{name} is of a type {kind} that is not known"[:100])
    raw = file.take(file.number("I"))
    if len(raw) != math.prod(shape) * np.dtype(_TYPES[kind]).itemsize:
        raise ValueError(f"{name} has {len(raw)} bytes, and says it were {shape}"[:100])
    values = np.frombuffer(raw, _TYPES[kind]).reshape(shape)
    if kind == _BFLOAT16:  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values
