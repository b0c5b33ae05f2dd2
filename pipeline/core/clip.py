"""`Clip`, the record that flows through every stage, and the manifest that holds them."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from pipeline.core.errors import ArtifactError, CorpusError
from pipeline.core.file_names import located
from pipeline.core.files import write_csv

EMOTIONS = ("anger", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes of Huang et al. 2017, Table 1, in its order."""

EXTRA_EMOTIONS = ("boredom", "calm", "contempt")
"""Classes that some corpora have beside the seven."""

SPLITS = ("", "train", "val", "test")

_CLIP_ID = re.compile(r"[^\W_][\w.\-+ ]{0,199}", re.UNICODE)


@dataclass(frozen=True)
class Clip:
    """One utterance of one speaker.

    Attributes:
        clip_id: unique within the corpus; names HDF5 groups and rows of every table
        path: media file, relative to the corpus root, with `/`; bytes that are no UTF-8 as `\\xe9`
        speaker: who is seen and heard; the unit of speaker-independent protocols
        emotion: one of `EMOTIONS` or `EXTRA_EMOTIONS`
        split: official split ("train", "val", "test") or ""
        gender: "female", "male" or ""
        start: where the clip begins in the file, s; None = at its beginning
        end: where it ends, s; None = at the end of the file
        source: recording, film or dialogue that it was cut from, or ""; the guard keeps it on one side of a fold
        corpus: part of a joined corpus that it comes from, otherwise ""
        digest: SHA-256 of the media file; "" where the file is absent
    """

    clip_id: str
    path: str
    speaker: str
    emotion: str
    split: str = ""
    gender: str = ""
    start: float | None = None
    end: float | None = None
    source: str = ""
    corpus: str = ""
    digest: str = ""

    def file(self, root: Path) -> Path:
        """Return the media file of the corpus at `root`."""
        return located(root, self.path)

    @property
    def input_digest(self) -> str:
        """SHA-256 of everything that a per-clip result may depend on: the file's bytes and the span."""
        return hashlib.sha256(f"{self.digest}|{self.start}|{self.end}".encode()).hexdigest()


def check_clip_id(clip_id: str, where: str) -> None:
    """Refuse an id that could leave a folder, nest an HDF5 group or be mistaken for a fold.

    >>> check_clip_id("s01_anger_1", "manifest.csv:2")
    >>> check_clip_id("../anger", "manifest.csv:3")
    Traceback (most recent call last):
    pipeline.core.errors.CorpusError: manifest.csv:3: clip_id '../anger' is not usable; use letters, digits and _ . - +
    (200 at most, first a letter or digit)
    """
    if not _CLIP_ID.fullmatch(clip_id):
        raise CorpusError(
            f"{where}: clip_id {clip_id!r} is not usable; use letters, digits and _ . - + (200 at most, "
            "first a letter or digit)"
        )
    if re.fullmatch(r"fold-\d+", clip_id):
        raise CorpusError(f"{where}: clip_id {clip_id!r} is reserved for folds; rename it")


def check_unique(clips: Iterable[Clip], where: str) -> None:
    """Refuse two clips with one id."""
    seen: dict[str, str] = {}
    for clip in clips:
        if clip.clip_id in seen:
            raise CorpusError(
                f"{where}: clip_id '{clip.clip_id}' stands for both {seen[clip.clip_id]} and {clip.path}; "
                "make the ids unique"
            )
        seen[clip.clip_id] = clip.path


def write_manifest(path: Path, clips: Iterable[Clip]) -> None:
    """Write clips, sorted by id, as UTF-8 CSV; equal clips give equal bytes."""
    rows = (vars(clip).values() for clip in sorted(clips, key=lambda c: c.clip_id))
    write_csv(path, (field.name for field in fields(Clip)), rows)


def read_manifest(path: Path) -> list[Clip]:
    """Read what `write_manifest` wrote."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such manifest; run `dvc repro prepare` first")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_clip(row) for row in csv.DictReader(file)]
    except (KeyError, ValueError, csv.Error) as error:
        raise ArtifactError(f"{path}: not a manifest of this version ({error}); run `dvc repro -f prepare`") from error


def _clip(row: dict[str, str]) -> Clip:
    if None in row.values():
        raise ValueError("a row ends early")
    seconds = {key: float(row[key]) if row[key] else None for key in ("start", "end")}
    texts = {field.name: row[field.name] for field in fields(Clip) if field.name not in seconds}
    return Clip(**texts, **seconds)  # type: ignore[arg-type]


def class_names(clips: Iterable[Clip]) -> list[str]:
    """Return the emotions that occur, the seven first in the paper's order.

    >>> class_names([Clip("b", "b.wav", "ben", "sad"), Clip("a", "a.wav", "anna", "anger"), Clip("c", "c.wav", "anna",
    ...     "calm")])
    ['anger', 'sad', 'calm']
    """
    present = {clip.emotion for clip in clips}
    return [name for name in EMOTIONS + EXTRA_EMOTIONS if name in present]
