"""A model that two systems name is trained once: the second takes what the first has trained from the same input."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.core.files import canonical_json, file_digest, write_json
from pipeline.engine.code_digest import code_digest

RESULT = "posteriors.csv"
"""File of a model by which it is known again."""


def key_of(inputs: Sequence[Path], params: Any, *modules: str) -> str:
    """Return the digest of all that a model is trained from: the feature file, manifest, splits, ledger, and files of
    pre-trained weights; settings, as JSON holds them; dotted names of the code that trains it.
    """
    parts = [*(file_digest(path) for path in inputs), canonical_json(params), code_digest(*modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def trained_once(key: str, out: Path, notes: Path, train: Callable[[], str]) -> str:
    """Train a model into `out`, or copy it from another system's folder; return one line.

    `notes` is a folder with a note of every model trained here, under its key: where it lies, and what it gave.
    """
    notes.mkdir(parents=True, exist_ok=True)
    note = notes / f"{key}.json"
    with FileLock(note.with_suffix(".lock")):  # of two stages that train the same model at a time, one waits
        if (source := _known(note)) and source.resolve() != out.resolve():
            try:
                shutil.copytree(source, out, dirs_exist_ok=True)
                return f"train {out.name}: the model in {source}, trained from the same input"
            except (FileNotFoundError, shutil.Error):  # its stage has just begun to train it anew
                shutil.rmtree(out)
        line = train()
        write_json(note, {"folder": str(out), "result": file_digest(out / RESULT)})
    return line


def _known(note: Path) -> Path | None:
    """Return the folder that a note tells of, if what it tells of is still there."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        folder = Path(told["folder"])
        return folder if file_digest(folder / RESULT) == told["result"] else None
    except FileNotFoundError:
        return None
