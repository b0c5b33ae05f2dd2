"""Names of files as tables hold them: whatever bytes a disk has, the text is UTF-8 that can be printed and read back.

A disk knows bytes. Python hands on those that are no UTF-8 as lone surrogates, which no table and no terminal takes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_NO_UTF8 = re.compile(r"[\udc80-\udcff]|\\(?=x(?:[89a-f][0-9a-f]|5c))")
_ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f]|5c)")
UNFINISHED = (
    ".part", ".partial", ".crdownload", ".opdownload", ".download", ".filepart", ".aria2", ".!qB", ".!qb", ".tmp",
)  # fmt: skip
"""What browsers and other programs put behind the name of a file of which they have only a part."""


def written(path: str, mark: str = "\\x") -> str:
    r"""Return a path as text for tables: bytes that are no UTF-8 as `mark` and two digits, and so a `\` that would be
    taken for the beginning of one.

    >>> written("caf\udce9.wav"), written("café.wav"), written("caf\\xe9.wav"), written("caf\udce9", "-x")
    ('caf\\xe9.wav', 'café.wav', 'caf\\x5cxe9.wav', 'caf-xe9')
    """
    return _NO_UTF8.sub(lambda found: f"{mark}{ord(found[0]) & 0xFF:02x}", path)


def located(root: Path, path: str) -> Path:
    """Return the file below `root` that a path of a table stands for, also one that was `written`.

    >>> located(Path("data"), "a/b.wav").as_posix(), located(Path("data"), "caf\\\\xe9.wav").name
    ('data/a/b.wav', 'caf\\udce9.wav')
    """
    file = root / path
    if "\\x" not in path:
        return file
    named = root / os.fsdecode(_ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), os.fsencode(path)))
    return named if os.path.lexists(named) or not os.path.lexists(file) else file
