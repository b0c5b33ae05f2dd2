"""Names of files as tables hold them: whatever bytes a disk has, the text is UTF-8 that can be printed and read back.

A disk knows bytes. Python hands on those that are no UTF-8 as lone surrogates, which no table and no terminal takes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_NO_UTF8 = re.compile(r"[\udc80-\udcff]")
_ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f])")


def written(path: str, mark: str = "\\x") -> str:
    r"""Return a path as text for tables: bytes that are no UTF-8 as `mark` and two digits.

    >>> written("caf\udce9.wav"), written("café.wav"), written("caf\udce9", "-x")
    ('caf\\xe9.wav', 'café.wav', 'caf-xe9')
    """
    return _NO_UTF8.sub(lambda found: f"{mark}{ord(found[0]) & 0xFF:02x}", path)


def located(root: Path, path: str) -> Path:
    """Return the file below `root` that a path of a table stands for, also one that was `written`.

    >>> located(Path("data"), "a/b.wav").as_posix(), located(Path("data"), "caf\\\\xe9.wav").name
    ('data/a/b.wav', 'caf\\udce9.wav')
    """
    file = root / path
    if "\\x" not in path or os.path.lexists(file):
        return file
    return root / os.fsdecode(_ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), os.fsencode(path)))
