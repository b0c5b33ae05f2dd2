"""The state of a training loop in a file: a run that was killed goes on where it was, to the same bytes.

Layout: one line `avemotion-checkpoint <key> <sha256 of the rest>`, then what `torch.save` wrote. The key stands for
everything that determines the result, so that a file of other data, settings or code is never continued; the digest
finds damage, which torch does not look for in tensors. Loading never unpickles objects (`weights_only=True`).
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.core.files import canonical_json

_MAGIC = b"avemotion-checkpoint"


def digest_of(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return one SHA-256, 64 hexadecimal digits, for JSON values and the bytes of tensors."""
    digest = hashlib.sha256(canonical_json(about).encode())
    for name, tensor in tensors.items():
        values = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"\n{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.reshape(-1).data)
    return digest.hexdigest()


def save(path: Path, key: str, state: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all; where the disk refuses, say so on stderr and go on without one."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    payload = buffer.getbuffer()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished(path).open("wb") as file:
            file.write(b"%s %s %s\n" % (_MAGIC, key.encode(), hashlib.sha256(payload).hexdigest().encode()))
            file.write(payload)
        os.replace(_unfinished(path), path)
    except OSError as error:
        print(f"{path}: no checkpoint written ({error.strerror}); training goes on without", file=sys.stderr)


def load(path: Path, key: str) -> dict[str, Any] | None:
    """Return what `save` was given under the same key, tensors on the CPU.

    None where there is nothing to go on from: no file, or one of another key or damaged (then it says so on stderr).
    """
    try:
        head, _, payload = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    words = head.split(b" ")
    if len(words) != 3 or words[0] != _MAGIC or words[2] != hashlib.sha256(payload).hexdigest().encode():
        why = "damaged"
    elif words[1] != key.encode():
        why = "of other data, settings or code"
    else:
        try:
            return dict(torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True))
        except (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError):
            why = "not readable"
    print(f"{path}: this checkpoint is {why}; training starts over", file=sys.stderr)
    return None


def delete(path: Path) -> None:
    """Remove a checkpoint and what is left of an unfinished one."""
    path.unlink(missing_ok=True)
    _unfinished(path).unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    # one fixed name: a process that is killed again and again leaves one of them, not many
    return path.with_name(f"{path.name}.unfinished")
