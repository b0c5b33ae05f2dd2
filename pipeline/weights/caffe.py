"""Weights out of a Caffe model (`.caffemodel`), read from the wire format of protocol buffers: no code is run, and no
size is believed that the bytes do not bear out.

Message and field numbers are those of caffe.proto (BVLC/caffe), of which three editions are read:

    NetParameter        layers 2 (V1LayerParameter: name 4, blobs 6), layer 100 (LayerParameter: name 1, blobs 7)
    BlobProto           num, channels, height, width 1 to 4; data 5; shape 7 (BlobShape: dim 1); double_data 8
    BlobProto of C3D    num, channels, length, height, width 1 to 5; data 6 (facebookarchive/C3D, src/caffe/proto)

The wire format: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

_LAYERS = {2: (4, 6), 100: (1, 7)}
"""Field of NetParameter -> those of its layers' name and blobs."""
_PARAMETERS = ("weight", "bias")
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_MOST_AXES = 32
"""Of a blob, in Caffe."""

Message = dict[int, list[int | memoryview]]


def read_caffe(path: Path) -> dict[str, torch.Tensor]:
    """Return the blobs of a Caffe model, float32, as `<layer>.weight`, `<layer>.bias`, and `<layer>.blob2` and so on.

    Shapes are the file's: models from before 2015 have four dimensions of every blob, ones in front. Channels are in
    the order that the network was trained with, mostly blue, green, red.

    Raises:
        ValueError: damaged, or no Caffe model; the message is one line
    """
    state: dict[str, torch.Tensor] = {}
    if not path.stat().st_size:
        raise ValueError("an empty file")
    net = _message(np.memmap(path, np.uint8, mode="r").data)
    for field, (name_field, blobs_field) in _LAYERS.items():
        for raw in _parts(net, field):
            layer = _message(raw)
            name = b"".join(_parts(layer, name_field)[-1:]).decode("utf-8")
            for number, blob in enumerate(_parts(layer, blobs_field)):
                key = f"{name}.{_PARAMETERS[number] if number < len(_PARAMETERS) else f'blob{number}'}"
                if not key.isprintable() or key in state:
                    raise ValueError(f"a layer's name is no text, or there twice: {key!r}"[:100])
                state[key] = _tensor(key, _message(blob))
    if not state:
        raise ValueError("no layer with weights")
    return state


def _tensor(key: str, blob: Message) -> torch.Tensor:
    """Return a blob as float32."""
    volumes = isinstance(blob.get(5, [b""])[0], int)  # the width of C3D's blobs; in all others that field is the data
    values = _floats(blob, 6 if volumes else 5, "<f4")
    if not volumes and not len(values):
        values = _floats(blob, 8, "<f8")
    if not volumes and 7 in blob:
        shape = [size for part in _parts(blob, 7) for size in _sizes(_message(part))]
    else:
        shape = [_number(blob, field) for field in range(1, 6 if volumes else 5)]
    if len(shape) > _MOST_AXES or math.prod(shape) != len(values):
        raise ValueError(f"{key} has {len(values)} values, and says it were {shape}"[:100])
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def _floats(blob: Message, field: int, kind: str) -> np.ndarray:
    """Return repeated numbers, whether they are packed or one by one."""
    parts = _parts(blob, field)
    raw = parts[0] if len(parts) == 1 else b"".join(parts)
    return np.frombuffer(raw, kind)  # ValueError where there is a part of a number


def _number(message: Message, field: int) -> int:
    found = message.get(field, [0])[-1]
    if not isinstance(found, int):
        raise ValueError(f"field {field} is no number")
    return found


def _sizes(shape: Message) -> Iterator[int]:
    """Yield the dimensions of a BlobShape, whether they are packed or one by one."""
    for part in shape.get(1, ()):
        if isinstance(part, int):
            yield part
            continue
        place = 0
        while place < len(part):
            size, place = _varint(part, place)
            yield size


def _parts(message: Message, field: int) -> list[memoryview]:
    parts = message.get(field, [])
    if any(isinstance(part, int) for part in parts):
        raise ValueError(f"field {field} is a number")
    return parts  # type: ignore[return-value]


def _message(raw: memoryview) -> Message:
    """Return field -> its values: numbers, or bytes, which are not copied."""
    found: Message = {}
    place = 0
    while place < len(raw):
        tag, place = _varint(raw, place)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(raw, place)
            found.setdefault(field, []).append(value)
            continue
        if kind not in (_EIGHT, _LENGTH, _FOUR):
            raise ValueError(f"field {field} is of a kind that no Caffe model has")
        length, place = _varint(raw, place) if kind == _LENGTH else (8 if kind == _EIGHT else 4, place)
        if length > len(raw) - place:
            raise ValueError("it ends early")
        found.setdefault(field, []).append(raw[place : place + length])
        place += length
    return found


def _varint(raw: memoryview, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and where the next one begins."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(raw):
            raise ValueError("it ends early")
        byte = raw[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number has more than ten bytes")
