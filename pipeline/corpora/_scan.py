"""What adapters share: finding media files and naming clips after them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path

from pipeline.core.errors import CorpusError

ANOTHER_FORM = "another form"
"""Label of a file of which a fuller version is used: the audio of a video, or a copy."""


def media_files(root: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return files below `root` with one of the suffixes (any letter case), sorted; hidden and macOS files left out.

    Raises:
        CorpusError: no such folder, or nothing in it
    """
    wanted = {suffix.lower() for suffix in suffixes}
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; set the corpus's root in params.yaml")
    found = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in wanted
        and not path.is_dir()
        and not any(p.startswith(".") for p in path.relative_to(root).parts)
    )
    if not found:
        raise CorpusError(f"{root}: no {' or '.join(sorted(wanted))} files below it; is the root one level off?")
    return found


def named(root: Path, files: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield (clip id, file): the stem, or the path below `root` where two files share a stem."""
    stems = Counter(path.stem for path in files)
    for path in files:
        unique = stems[path.stem] == 1
        yield (path.stem if unique else path.relative_to(root).with_suffix("").as_posix().replace("/", "__")), path


def joined(parts: Iterable[str]) -> str:
    """Return a clip id: the parts with `_` between them, and `-` for what an id may not have and for spaces."""
    return "_".join(re.sub(r"[^\w.+-]+", "-", part) for part in parts)


def fullest(files: Iterable[Path], performance: Callable[[Path], Hashable], rank: Callable[[Path], int]) -> set[Path]:
    """Return one file of every performance: of the lowest rank, and of these the first."""
    best: dict[Hashable, Path] = {}
    for path in files:
        known = best.setdefault(performance(path), path)
        if rank(path) < rank(known):
            best[performance(path)] = path
    return set(best.values())
