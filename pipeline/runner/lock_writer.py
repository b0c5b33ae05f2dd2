"""How DVC reads and writes dvc.lock in a process of ours: whole or not at all, and no entry again that stands there.

DVC itself empties the file first, and takes up to a third of a second to fill it again; where it is killed in between,
it leaves a file on which no `dvc` starts (`lock_file`). To enter one stage it reads all entries twice and writes them
all, 0.8 s of processor time for the 120 of the demo; `LockText` reads and writes those that are new.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.runner.lock_file import LOCK

Dumper = Callable[..., object]
_HEAD = "schema: '2.0'\nstages:\n"
"""How DVC begins the file; one that begins otherwise is left to it."""


class LockText:
    """The entries of dvc.lock, each with the text that it was read from."""

    def __init__(self) -> None:
        self._read: dict[str, dict[str, Any]] = {}

    def parse(self, text: str, plainly: Callable[[str], Any]) -> Any:
        """Return what DVC's own `plainly` makes of the text of dvc.lock; an entry read before is not read again."""
        from dvc.exceptions import DvcException

        blocks, before, self._read = _blocks(text), self._read, {}
        try:
            read = {block: before.get(block) or plainly(block) for block in blocks}
        except DvcException:  # perhaps of the cut, perhaps of the file
            return plainly(text)
        entries = {name: value for entry in read.values() for name, value in entry.items()}
        if not blocks or len(entries) != len(blocks) or any(len(entry) != 1 for entry in read.values()):
            return plainly(text)
        self._read = read
        return {"schema": "2.0", "stages": deepcopy(entries)}  # who asked may change it

    def text_of(self, data: Mapping[str, Any], dumper: Dumper) -> str | None:
        """Return the text for the entries of `data`, those that were read with the text that they had; None where it is
        for DVC to write.
        """
        if not self._read or list(data) != ["schema", "stages"] or data["schema"] != "2.0":
            return None
        # as it is written, since 1 == True == 1.0, and dictionaries are equal in any order
        known = {(name, repr(value)): block for block, entry in self._read.items() for name, value in entry.items()}
        entries = data["stages"].items()
        return _HEAD + "".join(
            known.get((name, repr(value))) or _dumped(name, value, dumper) for name, value in entries
        )


def _blocks(text: str) -> list[str]:
    """Cut dvc.lock before each entry; nothing where it does not look as DVC writes it."""
    body = text.removeprefix(_HEAD)
    if body == text or not body.endswith("\n") or re.search(r"(?m)^(?!  )", body[:-1]):
        return []
    return [block for block in re.split(r"(?m)^(?=  [^\s])", body) if block]


def _dumped(name: str, value: object, dumper: Dumper) -> str:
    stream = io.StringIO()
    dumper({"stages": {name: value}}, stream)
    return stream.getvalue().removeprefix("stages:\n")


def read_once() -> LockText:
    """Let DVC, in this process, read dvc.lock by entry, for an update too, for which it otherwise reads in a way that
    keeps comments, of which there are none; and no text of another file that it has read before, as it does with
    params.yaml three times per stage. A DVC without these functions goes its own way.
    """
    from dvc.utils import strictyaml
    from dvc.utils.serialize import _yaml

    lock, plainly = LockText(), getattr(_yaml, "parse_yaml", None)
    if plainly is None or not hasattr(_yaml, "parse_yaml_for_update") or not hasattr(strictyaml, "parse_yaml"):
        return lock
    for_update = _yaml.parse_yaml_for_update
    known = lru_cache(maxsize=8)(plainly)

    def read(text: str, path: Any, typ: str = "safe") -> Any:
        if typ != "safe":
            return plainly(text, path, typ)
        if Path(path).name == LOCK.name:
            return lock.parse(text, lambda part: plainly(part, path))
        return deepcopy(known(text, os.fspath(path)))  # who asked may change it

    def read_for_update(text: str, path: Any) -> Any:
        return read(text, path) if Path(path).name == LOCK.name else for_update(text, path)

    strictyaml.parse_yaml = _yaml.parse_yaml = read
    _yaml.parse_yaml_for_update = read_for_update
    return lock


def write_whole(lock: LockText | None = None) -> None:
    """Let DVC, in this process, write dvc.lock beside the old one, on the disk to its last byte, and then move it into
    place. A DVC without the function that this replaces goes its own way.
    """
    from dvc.utils.serialize import _common

    plainly = getattr(_common, "_dump_data", None)
    if plainly is None:
        return

    def dump(path: Any, data: Any, dumper: Dumper, fs: Any = None, **more: Any) -> None:
        place = Path(os.path.realpath(path))  # of a link, what it leads to
        folder = place.parent / ".dvc" / "tmp"  # so that a stop leaves nothing beside the file
        if place.name != LOCK.name or not folder.is_dir() or folder.stat().st_dev != place.parent.stat().st_dev:
            plainly(path, data, dumper=dumper, fs=fs, **more)
            return
        beside = folder / f"{LOCK}.new"
        with beside.open("w", encoding="utf-8") as file:
            if lock is None or more or (text := lock.text_of(data, dumper)) is None:
                dumper(data, file, **more)
            else:
                file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            beside.chmod(place.stat().st_mode & 0o777)
        os.replace(beside, place)

    _common._dump_data = dump
