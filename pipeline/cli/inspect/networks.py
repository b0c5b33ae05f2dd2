"""Files of PyTorch: layers, shapes and parameters; loaded with `weights_only=True`, so that nothing in them can run."""

from __future__ import annotations

import io
import math
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline.cli.layout import Part, pairs, shown, table
from pipeline.core.errors import ArtifactError
from pipeline.runner.terminal import count, short

_DAMAGED = (
    OSError, RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError, AssertionError,
    ImportError, MemoryError, zipfile.BadZipFile,
)  # fmt: skip
_TENSORS = 60
_PREFERRED = "state"


def describe(path: Path, payload: bytes | None = None) -> list[Part]:
    """Return layers, shapes and numbers of parameters, and whatever else lies in a file of PyTorch.

    Raises:
        ArtifactError: not a file of tensors and plain values, or damaged
    """
    content = _loaded(path, payload)
    tensors = list(_tensors(content, ""))
    inside = [item for item in tensors if item[0].startswith(f"{_PREFERRED}.")]
    parameters = f"{sum(math.prod(shape) for _, shape, _ in inside or tensors):,}"
    words = f"{parameters} in {count(len(inside or tensors), 'tensor')}{f' in {_PREFERRED}' if inside else ''}"
    about = [(str(key), short(value, 160)) for key, value in content.items() if not any(_tensors(value, ""))]
    rows = [[n, "x".join(map(str, s)) or "one", kind, f"{math.prod(s):,}"] for n, s, kind in tensors[:_TENSORS]]
    found = table(["tensor", "shape", "type", "numbers"], rows, range(3))
    return [pairs([*about, ("parameters", words)]), "", *shown([found], len(tensors), _TENSORS)]


def describe_checkpoint(path: Path) -> list[Part]:
    """Return the same of a checkpoint (`pipeline.training.checkpoints`), and whether its digest holds.

    Raises:
        ArtifactError: damaged
    """
    head, _, payload = path.read_bytes().partition(b"\n")
    key, digest = [*head.decode("ascii", "replace").split(), "", "", ""][1:3]
    if sha256(payload).hexdigest() != digest:
        raise ArtifactError(f"{path}: a checkpoint whose digest does not hold; delete it, training begins anew")
    return [pairs([("key", key)]), *describe(path, payload)]


def _loaded(path: Path, payload: bytes | None) -> Mapping[Any, Any]:
    """Return what a file of PyTorch holds, tensors on the CPU.

    Raises:
        ArtifactError: not a dict of tensors and plain values, or damaged
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's about odd pickles, which are refused below
            source = path if payload is None else io.BytesIO(payload)
            content = torch.load(source, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        words = short(str(error).split("\n")[0], 120)
        said = f"not opened: damaged, or more than tensors in it ({words})"
        raise ArtifactError(f"{path}: {said}; delete it and rerun its stage") from error
    if not isinstance(content, Mapping):
        said = f"holds {type(content).__name__}, no network by name"
        raise ArtifactError(f"{path}: {said}; rerun its stage with `dvc repro -f`")
    return content


def _tensors(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Yield (name, shape, type) of every tensor within dicts and lists."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name, tuple(value.shape), str(value.dtype).removeprefix("torch.")
    elif isinstance(value, Mapping | list | tuple) and depth < 8:
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _tensors(inner, f"{name}.{key}" if name else str(key), depth + 1)
