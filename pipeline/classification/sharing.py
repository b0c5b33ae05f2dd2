"""A model that two systems name is trained once: the second takes what the first has trained from the same input."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.core.files import canonical_json, file_digest
from pipeline.engine.code_digest import code_digest

KEY = "key.sha256"
"""File in a model's folder, written last: the digest of all that the model was trained from."""


def key_of(inputs: Sequence[Path], params: Any, *modules: str) -> str:
    """Return the digest of all that a model is trained from.

    Args:
        inputs: feature file, manifest, splits, ledger, and files of pre-trained weights
        params: settings, as JSON holds them
        modules: dotted names of the code that trains it
    """
    parts = [*(file_digest(path) for path in inputs), canonical_json(params), code_digest(*modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def trained_once(key: str, out: Path, trained: Path, locks: Path, train: Callable[[], str]) -> str:
    """Train a model, or copy it from the folder of another system that has it; return one line.

    Args:
        key: of `key_of`
        out: folder of the model, `models/<corpus>/<system>/classifiers/<model>`
        trained: folder of all systems of the corpus
        locks: folder of lock files: of two stages that train the same model at a time, one waits for the other
        train: trains into `out`
    """
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{key[:16]}.lock"):
        for other in sorted(trained.glob(f"*/{out.parent.name}/{out.name}/{KEY}")):
            if other.parent.resolve() != out.resolve() and _read(other) == key and _copied(other.parent, out):
                return f"train {out.name}: as {other.parents[2].name} has trained it, from the same input"
        line = train()
        (out / KEY).write_text(key, encoding="ascii")
    return line


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:  # its stage has just begun to train it anew
        return ""


def _copied(source: Path, out: Path) -> bool:
    """Copy a model, and return whether it was there until the end."""
    try:
        shutil.copytree(source, out, dirs_exist_ok=True)
    except (FileNotFoundError, shutil.Error):  # its stage has just begun to train it anew
        shutil.rmtree(out)
        return False
    return True
