"""Links in a corpus: which lead out of it, and whether they may be followed.

The root itself may be a link. What DVC or git-annex keep for a workspace is named by its content and counts as inside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from pipeline.core.errors import CorpusError

REMEDY = "a link that leads out of the corpus; set follow_links: true in its settings to read it, or remove it"
_STORES = re.compile(r"/(files/md5|\.dvc/cache)/[0-9a-f]{2}/[0-9a-f]{30}$|/\.git/annex/objects/")
_RULE: ContextVar[tuple[Path, bool] | None] = ContextVar("corpus that is read, and whether links are followed")


@contextmanager
def reading(root: Path, follow: bool) -> Iterator[None]:
    """Say which corpus is read here, and whether its links out of it are followed; without this they are not."""
    token = _RULE.set((root, follow))
    try:
        yield
    finally:
        _RULE.reset(token)


def leads_out(root: Path, path: Path) -> bool:
    """Return whether a file or folder below `root` lies elsewhere."""
    inside, real = os.path.realpath(root), os.path.realpath(path)
    return real != inside and not real.startswith(inside.rstrip("/") + "/") and not _STORES.search(real)


def check_table(path: Path) -> None:
    """Refuse, by a CorpusError, a table of the corpus that is read here, where a link leads out to it."""
    rule = _RULE.get(None)
    if rule is not None and not rule[1] and leads_out(rule[0], path):
        raise CorpusError(f"{path}: {REMEDY}")


def files_below(root: Path) -> list[Path]:
    """Return the files below the root of a corpus, sorted, without hidden ones.

    A linked folder within the corpus is found where it is itself. CorpusError for one outside, unless links are
    followed: nobody would miss what is in it.
    """
    rule = _RULE.get(None)
    return sorted(walk(root, rule is not None and rule[1], _refuse))


def _refuse(folder: Path) -> None:
    raise CorpusError(f"{folder}: {REMEDY}")


def walk(root: Path, follow: bool, refused: Callable[[Path], None]) -> Iterator[Path]:
    """Yield the files below `root` that are not hidden, each folder once, by its own name before that of a link;
    `refused` is told of folders outside that links lead to, where these are not followed.
    """
    seen, todo, links = set[tuple[int, int]](), [root] if root.is_dir() else [], list[Path]()
    while todo or links:
        folder = todo.pop() if todo else links.pop(links.index(min(links)))
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        for entry in _visible(folder):
            path = Path(entry.path)
            if not _is_folder(entry):
                yield path
            elif not entry.is_symlink():
                todo.append(path)
            elif leads_out(root, path):
                (links.append if follow else refused)(path)


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:  # lost+found is the file system's own, and root's alone
        return [entry for entry in entries if not entry.name.startswith(".") and entry.name != "lost+found"]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle: no folder, and told where it is opened
        return False


def links_out(root: Path) -> Iterator[Path]:
    """Yield links below a folder, of files and of folders, that lead out of it; hidden ones left out."""
    outside: list[Path] = []
    for path in walk(root, False, outside.append):
        if path.is_symlink() and leads_out(root, path):
            yield path
    yield from outside
