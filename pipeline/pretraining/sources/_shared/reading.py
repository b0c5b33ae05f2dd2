"""Corpora of one folder per class, of pictures or of clips: reading them, and a share to hold out."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np
import torch

from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.engine.parallel import ordered_map
from pipeline.media.placeholder import checked_head
from pipeline.training.task import Examples, Run

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
Loaded = tuple[np.ndarray, list[str]]
"""An example, and what degrades it: `reason: detail`."""


@dataclass(frozen=True)
class Corpus:
    """Examples to learn from and held out, uint8, RGB; the classes that have any; the ledger."""

    learn: Examples
    held: Examples
    classes: list[str]
    ledger: list[Entry]


class Kind(NamedTuple):
    """What a corpus is of: a class and several, what lies in a folder, why a class fails, and the figure reached."""

    one: str
    many: str
    pieces: str
    too_few: str
    figure: str

    def folders(self, root: Path) -> list[Path]:
        """Return the folders of a corpus, sorted; CorpusError where there are fewer than two."""
        found = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []
        if len(found) < 2:
            needed = f"the source corpus needs one folder per {self.one}, 2 at least"
            raise CorpusError(f"{root}: {len(found)} {self.one} folders; {needed}")
        return found

    def paths(self, root: Path, suffixes: tuple[str, ...]) -> list[PurePosixPath]:
        """Return the visible files with one of some suffixes, in any letter case, relative to `root`, sorted."""
        files = [path for folder in self.folders(root) for path in sorted(folder.iterdir())]
        wanted = [path for path in files if path.suffix.lower() in suffixes and not path.name.startswith(".")]
        return [PurePosixPath(path.relative_to(root)) for path in wanted]

    def speakers(self, root: Path, _: Settings) -> set[str]:
        """Return the names of all classes of the source corpus, any of which may be a person's."""
        return {folder.name for folder in self.folders(root)}


CLASSES = Kind("class", "classes", "pictures", "too_few_pictures", "held_out_accuracy")
IDENTITIES = Kind("identity", "identities", "pictures", "too_few_pictures", "held_out_identity_accuracy")
EXPRESSIONS = Kind("expression", "expressions", "pictures", "too_few_pictures", "held_out_accuracy")
CLIPS = Kind("class", "classes", "clips", "no_input", "held_out_accuracy")


def read(
    root: Path,
    kind: Kind,
    suffixes: tuple[str, ...],
    load: Callable[[Path], Loaded],
    hold_out: Callable[[list[PurePosixPath]], set[PurePosixPath]],
    run: Run,
) -> Corpus:
    """Return training and held-out examples, of classes that have two that can be read.

    `load` reads a file, or raises the ClipError that costs it; `hold_out` chooses among those that were read. `run` is
    told of the ledger before a corpus is refused by CorpusError, for fewer than two such classes.
    """
    paths, read_one = kind.paths(root, suffixes), partial(_read, root, load, run.stage)
    results = list(ordered_map(read_one, paths, run.workers, f"reading {kind.pieces}", kind.pieces[:-1]))
    counts = Counter(path.parent.name for path, example, _ in results if example is not None)
    few = [folder.name for folder in kind.folders(root) if counts[folder.name] < 2]
    found = {path: example for path, example, _ in results if example is not None and path.parent.name not in few}
    ledger = [entry for path, _, entry in results if entry.reason or path in found]
    for name in few:
        detail = f"{counts[name]} readable; every {kind.one} needs 2, one to learn from and one to hold out"
        ledger.append(Entry(name, run.stage, "failed", kind.too_few, detail))
    run.on_ledger(ledger)
    classes = sorted({path.parent.name for path in found})
    if len(classes) < 2:
        raise CorpusError(
            f"{root}: {len(classes)} {kind.many} with 2 readable {kind.pieces}; the source task needs 2 at least, "
            "its ledger names what is wrong"
        )
    held = hold_out(list(found))
    learn, judged = ([path for path in found if (path in held) == side] for side in (False, True))
    return Corpus(_examples(found, learn, classes), _examples(found, judged, classes), classes, ledger)


def _read(
    root: Path, load: Callable[[Path], Loaded], stage: str, path: PurePosixPath
) -> tuple[PurePosixPath, np.ndarray | None, Entry]:
    try:
        example, notes = load(root / path)
    except ClipError as error:
        return path, None, Entry(path.as_posix(), stage, "failed", error.reason, error.detail)
    if notes:
        reason, _, detail = notes[0].partition(": ")
        return path, example, Entry(path.as_posix(), stage, "degraded", reason, detail)
    return path, example, Entry(path.as_posix(), stage)


def _examples(
    found: Mapping[PurePosixPath, np.ndarray], chosen: Sequence[PurePosixPath], classes: list[str]
) -> Examples:
    labels = torch.tensor([classes.index(path.parent.name) for path in chosen])
    return Examples(torch.from_numpy(np.stack([found[path] for path in chosen])), labels)


def read_pictures(root: Path, kind: Kind, share: float, load: Callable[[Path], Loaded], run: Run) -> Corpus:
    """Return pictures as `load` reads them, (N, 3, px, px); evenly spaced ones of every class, this share of them, are
    held out.
    """
    return read(root, kind, PICTURES, load, partial(_held_out, share), run)


def decoded(path: Path) -> tuple[np.ndarray, bytes]:
    """Return a picture (H, W, 3) uint8 RGB, turned as its file says, and the file's bytes.

    Raises:
        ClipError: unreadable, the file cannot be opened; not_media, a text or an empty file; decode_error, it is no
            picture, or too large for OpenCV
    """
    try:
        raw = path.read_bytes()
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR) if raw else None
    except OSError as error:
        raise ClipError("unreadable", error.strerror or type(error).__name__) from error
    except cv2.error as error:
        raise ClipError("decode_error", error.err) from error
    if picture is None:
        checked_head(io.BytesIO(raw))
        raise ClipError("decode_error", "not a readable picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), raw


def whole(rgb: np.ndarray, px: int, enlarging: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Return all of a picture (H, W, 3) uint8 in a square, (3, px, px): nothing is stretched, what lies beyond the
    shorter side is its reflection (OpenCV's BORDER_REFLECT_101). `enlarging` is how a smaller one is interpolated.
    """
    height, width = rgb.shape[:2]
    how = cv2.INTER_AREA if max(height, width) > px else enlarging
    high, wide = (max(1, round(px * side / max(height, width))) for side in (height, width))
    scaled, top, left = cv2.resize(rgb, (wide, high), interpolation=how), (px - high) // 2, (px - wide) // 2
    around = (top, px - high - top, left, px - wide - left)
    return np.ascontiguousarray(cv2.copyMakeBorder(scaled, *around, cv2.BORDER_REFLECT_101).transpose(2, 0, 1))


def _held_out(share: float, paths: list[PurePosixPath]) -> set[PurePosixPath]:
    step, of_class = max(2, round(1 / share)), defaultdict(list)
    for path in paths:
        of_class[path.parent].append(path)
    return {path for found in of_class.values() for path in found[step - 1 :: step] or found[:1]}
