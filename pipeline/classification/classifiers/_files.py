"""How classifiers keep what they learned: arrays as npz, tensors as torch's state; neither holds code or runs any."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

from pipeline.core.errors import ArtifactError
from pipeline.core.files import atomic_path

_RERUN = "run `dvc repro` for the stage that trains it"


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write `<path>.npz`; equal arrays give equal bytes, by any Python: `np.savez` asks for headers of large files,
    which Python fills in otherwise from 3.11.4 on.
    """
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, np.asarray(array), allow_pickle=False)
            file.writestr(ZipInfo(f"{name}.npy"), one.getbuffer())
    _write(path, ".npz", buffer)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read `<path>.npz`; an ArtifactError says that it is absent or damaged."""
    with _present(path, ".npz") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write `<path>.pt`: tensors, numbers and text; equal content gives equal bytes."""
    import torch

    buffer = io.BytesIO()  # saved to a path, torch would write the file's own name into it
    torch.save(dict(content), buffer)
    _write(path, ".pt", buffer)


def load_tensors(path: Path) -> dict[str, Any]:
    """Read `<path>.pt`; an ArtifactError says that it is absent, damaged, or holds more than tensors, numbers, text."""
    import torch

    with _present(path, ".pt") as file:
        return dict(torch.load(file, map_location="cpu", weights_only=True))


@contextmanager
def loading(path: Path, what: str) -> Iterator[None]:
    """Raise an ArtifactError that names the file of tensors where they are not those of `what`, in name or shape."""
    try:
        yield
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ArtifactError(f"{path}.pt: not a model of {what} ({reason}); {_RERUN}") from error


def _write(path: Path, suffix: str, content: io.BytesIO) -> None:
    with atomic_path(path.with_name(path.name + suffix)) as temporary:
        temporary.write_bytes(content.getbuffer())


@contextmanager
def _present(path: Path, suffix: str) -> Iterator[Path]:
    file = path.with_name(path.name + suffix)
    if not file.is_file():
        raise ArtifactError(f"{file}: no such model; {_RERUN}")
    try:
        yield file
    except (BadZipFile, UnpicklingError, RuntimeError, OSError, EOFError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:  # of the disk, or of a right: the file may be whole
            raise ArtifactError(f"{file}: cannot be read ({error.strerror}); see its permissions") from error
        reason = str(error).split("\n")[0][:120]
        raise ArtifactError(f"{file}: damaged ({reason}); move it away and {_RERUN}") from error
