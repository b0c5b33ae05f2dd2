"""From a published file of torch to a state dict of ours: no code is run, every name and shape is checked."""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.core.errors import WeightsError, did_you_mean
from pipeline.weights.entries import Entry
from pipeline.weights.layer_maps import MAPS, LayerMap

_DAMAGED = (
    AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, OverflowError, RuntimeError, TypeError,
    ValueError, pickle.UnpicklingError, struct.error,
)  # fmt: skip
"""What torch raises over one flipped or missing byte, depending on where that is."""
_LISTED = 3
"""How many wrong tensors a message names."""


def layer_map(entry: Entry) -> LayerMap | None:
    """Return the layer map of an entry; None = it has none yet.

    Raises:
        WeightsError: weights.lock names one that does not exist
    """
    if entry.layers is None:
        return None
    if entry.layers not in MAPS:
        nearest = did_you_mean(entry.layers, MAPS)
        raise WeightsError(f"weights.lock: {entry.name}.layers: no layer map '{entry.layers}'{nearest}")
    return MAPS[entry.layers]


def state_of(entry: Entry, path: Path) -> dict[str, torch.Tensor]:
    """Read a published file and give its tensors our names.

    Args:
        entry: of weights.lock, with `format: torch`
        path: the file

    Returns:
        name -> tensor on the CPU, in the order of our module; as in the file where the entry has no layer map

    Raises:
        WeightsError: damaged, a pickle with more than tensors in it, or a tensor missing, left over, or of another
            shape or type
    """
    found = layer_map(entry)
    state = _plain_state(entry, path)
    if found is None:
        return state
    renamed = {found.ours(key): tensor for key, tensor in state.items()}
    original = {found.ours(key): key for key in state}
    shapes = found.shapes()
    unfit = [key for key, shape in shapes.items() if key in renamed and not _fits(renamed[key], shape)]
    wrong = [
        *(f"{original[key]} is {_describe(renamed[key])}, not {shapes[key]}" for key in unfit),
        *_named("missing", [key for key in shapes if key not in renamed]),
        *_named("left over", [original[key] for key in renamed if key not in shapes]),
        *_named("there twice", [key for key in state if original[found.ours(key)] != key]),
    ]
    if wrong:
        raise WeightsError(f"{path}: refused, not weights of {entry.layers} ({_first(wrong)}); {_remedy(entry)}")
    return {key: renamed[key] for key in shapes}


def _plain_state(entry: Entry, path: Path) -> dict[str, torch.Tensor]:
    content = _load(entry, path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]  # as training frameworks wrap it, with epochs and optimisers around it
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


def _fits(tensor: torch.Tensor, shape: tuple[int, ...]) -> bool:
    return tuple(tensor.shape) == shape and tensor.is_floating_point()


def _describe(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _named(word: str, keys: list[str]) -> list[str]:
    return [f"{word} {_first(keys)}"] if keys else []


def _first(words: Iterable[str]) -> str:
    words = list(words)
    rest = [f"{len(words) - _LISTED} more"] if len(words) > _LISTED else []
    return ", ".join([*words[:_LISTED], *rest])


def _remedy(entry: Entry) -> str:
    return f"get {entry.file_name} again and run `{entry.by_hand}`"
