"""Caffe models as Caffe writes them, in each edition of its format, from named blobs; field by field, by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

Edition = Literal["v1", "new", "c3d"]
Layers = Mapping[str, Sequence[np.ndarray]]


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    """A field of the wire type 0."""
    return varint(field << 3) + varint(value)


def message(field: int, raw: bytes) -> bytes:
    """A field of the wire type 2: text, a message, or packed numbers."""
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def blob(values: np.ndarray, edition: Edition) -> bytes:
    """A BlobProto: `shape` in new models; before, four dimensions of everything, or five in C3D's edition."""
    data = values.astype("<f4").tobytes()
    if edition == "new":
        return message(7, message(1, b"".join(map(varint, values.shape)))) + message(5, data)
    axes = 5 if edition == "c3d" else 4
    padded = (*[1] * (axes - values.ndim), *values.shape)
    sizes = b"".join(number(field, size) for field, size in enumerate(padded, 1))
    return sizes + message(axes + 1, data)


def caffemodel(layers: Layers, edition: Edition) -> bytes:
    """A NetParameter, with a layer of data before and a softmax behind, as files have them; its input is named."""
    name, blobs, kind, field = (1, 7, message(2, b"Convolution"), 100) if edition == "new" else (4, 6, number(5, 4), 2)
    everything = {"data": [], **layers, "prob": []}
    net = message(1, b"a net") + number(4, 3) + number(5, 0)
    for layer, arrays in everything.items():
        raw = message(3, b"below") + message(name, layer.encode()) + kind
        raw += varint(8 << 3 | 5) + struct.pack("<f", 2.0)  # a rate, which is of no interest
        net += message(field, raw + b"".join(message(blobs, blob(array, edition)) for array in arrays))
    return net


def layers_of(state: Mapping[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """`<layer>.weight` and `<layer>.bias` -> layer -> blobs."""
    found: dict[str, list[np.ndarray]] = {}
    for key, array in state.items():
        found.setdefault(key.rpartition(".")[0], []).append(np.asarray(array))
    return found
