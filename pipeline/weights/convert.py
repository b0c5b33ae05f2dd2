"""From a published file of torch, Caffe, CTranslate2 or TensorFlow.js to a state dict of ours: no code is run, every
name and shape is checked.
"""

from __future__ import annotations

import pickle
import struct
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from pipeline.core.errors import WeightsError
from pipeline.weights.caffe import read_caffe
from pipeline.weights.ctranslate2 import read_ctranslate2
from pipeline.weights.entries import Entry
from pipeline.weights.layer_maps import LayerMap, layer_map
from pipeline.weights.tfjs import read_graph, read_tfjs

Read = TypeVar("Read")
_DAMAGED = (
    AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, OverflowError, RuntimeError, TypeError,
    ValueError, pickle.UnpicklingError, struct.error,
)  # fmt: skip
"""What torch raises over one flipped or missing byte, depending on where that is."""
_READERS = {
    "caffe": (read_caffe, "Caffe model"),
    "ctranslate2": (read_ctranslate2, "model of CTranslate2"),
    "tfjs": (read_tfjs, "graph model of TensorFlow.js"),
}  # fmt: skip
"""`format` of weights.lock -> its reader, which raises ValueError, and what it reads, in words."""
_COUNTED = "num_batches_tracked"
"""The one tensor of whole numbers, of a batch normalisation, which nothing in use reads."""
_LISTED = 3
"""How many wrong tensors a message names."""


def state_of(entry: Entry, path: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the tensors of a published file on the CPU by our names, in the order of our module, and the file's names
    of those that are ignored, since they lie behind what is asked for; all as in the file where the entry has no layer
    map.

    WeightsError where it is damaged, a pickle with more than tensors in it, or a tensor is missing, left over, or of
    another shape or type.
    """
    found = map_of(entry, path)
    state = _read_state(entry, path) if entry.format in _READERS else _plain_state(entry, path)
    if found is None:
        return state, []
    state, ignored = _feature_part(found, state)
    renamed = {found.ours(key): tensor for key, tensor in state.items()}
    original = {found.ours(key): key for key in state}
    shapes = found.shapes()
    there = {key: _fitted(renamed[key], shape) for key, shape in shapes.items() if key in renamed}
    odd = {
        "missing": [key for key in shapes if key not in renamed],
        "left over": [original[key] for key in renamed if key not in shapes],
        "there twice": [key for key in state if original[found.ours(key)] != key],
    }
    wrong = [
        f"{original[key]} is {tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}, not {shapes[key]}"
        for key, tensor in there.items()
        if tuple(tensor.shape) != shapes[key] or not (tensor.is_floating_point() or key.endswith(_COUNTED))
    ]
    wrong += [f"{word} {_first(keys)}" for word, keys in odd.items() if keys]
    if wrong:
        raise WeightsError(f"{path}: refused, not weights of {entry.layers} ({_first(wrong)}); {_remedy(entry)}")
    if found.turned:
        there[f"{found.turned}.weight"] = there[f"{found.turned}.weight"].flip(1)
    return there, ignored


def map_of(entry: Entry, path: Path) -> LayerMap | None:
    """Return the layer map of an entry; that of a graph with what its file says of it. WeightsError as `state_of`."""
    found = layer_map(entry)
    if found is None or entry.format != "tfjs":
        return found
    graph = _checked(entry, path, lambda file: read_graph(file, found.network["output"]))
    return replace(found, network={**found.network, **graph})


def _fitted(tensor: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Return a tensor in its shape where they differ by ones in front, which Caffe's first models have."""
    bare = tuple(tensor.shape)
    while len(bare) > len(shape) and bare[0] == 1:
        bare = bare[1:]
    return tensor.reshape(shape) if bare == shape else tensor


def _feature_part(found: LayerMap, state: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the tensors up to the feature, and what is ignored: names of tensors, other networks with their size."""
    own = [key for key in state if key.startswith(found.part)]
    others = Counter(key.partition(".")[0] for key in state if not key.startswith(found.part))
    ignored = [key for key in own if key.replace("/", ".").rpartition(".")[0] in found.heads]
    kept = {key: state[key] for key in own if key not in ignored}
    return kept, [*ignored, *(f"{name} ({count} tensors)" for name, count in others.items())]


def _read_state(entry: Entry, path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a model by its own names; WeightsError where it is damaged or something else."""
    return _checked(entry, path, _READERS[entry.format][0])


def _checked(entry: Entry, path: Path, read: Callable[[Path], Read]) -> Read:
    try:
        return read(path)
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or type(error).__name__}") from error
    except (ValueError, MemoryError, OverflowError) as error:
        raise WeightsError(
            f"{path}: refused, damaged or no {_READERS[entry.format][1]} ({error}); {_remedy(entry)}"
        ) from error


def _plain_state(entry: Entry, path: Path) -> dict[str, torch.Tensor]:
    content = _load(entry, path)
    for wrapped in ("state_dict", "model_state"):  # as training frameworks do, with epochs and optimisers around it
        if isinstance(content, Mapping) and isinstance(content.get(wrapped), Mapping):
            content = content[wrapped]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path}: refused, no state dict but {type(content).__name__}; {_remedy(entry)}")
    odd = [str(key) for key, value in content.items() if not (isinstance(key, str) and isinstance(value, torch.Tensor))]
    if odd:
        raise WeightsError(f"{path}: refused, no plain state dict: {_first(odd)} are no tensors; {_remedy(entry)}")
    return dict(content)


def _load(entry: Entry, path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about odd pickles, which are refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        reason = str(error).split("\n")[0][:120]
        raise WeightsError(f"{path}: refused, damaged or no file of tensors ({reason}); {_remedy(entry)}") from error


def _first(words: list[str]) -> str:
    rest = [f"{len(words) - _LISTED} more"] if len(words) > _LISTED else []
    return ", ".join([*words[:_LISTED], *rest])


def _remedy(entry: Entry) -> str:
    return f"get {entry.file_name} again and run `{entry.by_hand}`"
