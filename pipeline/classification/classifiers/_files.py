"""How classifiers keep what they learned: arrays as npz, tensors as torch's state; neither can hold code, and loading
runs none.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import ArtifactError
from pipeline.core.files import atomic_path

ARRAYS, TENSORS = ".npz", ".pt"
_RERUN = "run `dvc repro` for the stage that trains it"


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write `<path>.npz`; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez(buffer, **plain)
    _write(path, ARRAYS, buffer.getvalue())


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read `<path>.npz`.

    Raises:
        ArtifactError: absent or damaged
    """
    file = _present(path, ARRAYS)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError) as error:
        raise ArtifactError(f"{file}: damaged ({error}); delete it and {_RERUN}") from error


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write `<path>.pt`: tensors, numbers and text; equal content gives equal bytes."""
    import torch

    buffer = io.BytesIO()  # saved to a path, torch would write the file's own name into it
    torch.save(dict(content), buffer)
    _write(path, TENSORS, buffer.getvalue())


def load_tensors(path: Path) -> dict[str, Any]:
    """Read `<path>.pt`.

    Raises:
        ArtifactError: absent, damaged, or with more in it than tensors, numbers and text
    """
    import torch

    file = _present(path, TENSORS)
    try:
        return dict(torch.load(file, map_location="cpu", weights_only=True))
    except (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        reason = str(error).split("\n")[0][:120]
        raise ArtifactError(f"{file}: damaged ({reason}); delete it and {_RERUN}") from error


@contextmanager
def loading(path: Path, what: str) -> Iterator[None]:
    """Name the file of tensors where they are not those of `what`.

    Raises:
        ArtifactError: a name or a shape of what is done within is another one
    """
    try:
        yield
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ArtifactError(f"{path}{TENSORS}: not a model of {what} ({reason}); {_RERUN}") from error


def _write(path: Path, suffix: str, content: bytes) -> None:
    with atomic_path(path.with_name(path.name + suffix)) as temporary:
        temporary.write_bytes(content)


def _present(path: Path, suffix: str) -> Path:
    file = path.with_name(path.name + suffix)
    if not file.is_file():
        raise ArtifactError(f"{file}: no such model; {_RERUN}")
    return file
