"""Training, validation and test sides of a fold: the guards that refuse an overlap, and the file of the folds.

A split is a list of folds; a fold names the part of each clip: train, val or test. Validation takes whole speakers
from the training side, so that early stopping, hyper-parameters and fusion weights are chosen on people that the model
was not trained on.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, LeakageError, SettingsError
from pipeline.core.files import write_csv
from pipeline.core.spelling import plain

PARTS = ("train", "val", "test")
DIGITS = 16
"""Hexadecimal digits of a SHA-256 by which the guard knows a file of a source corpus."""
Fold = Mapping[str, str]
"""clip id -> part; a clip that a protocol does not use is not in it"""


def check_fold(
    clips: Iterable[Clip], fold: Fold, name: str, shared: Collection[str] = (), remedy: str = "split by speaker"
) -> None:
    """Refuse, by a LeakageError, a speaker, a recording or the bytes of a media file on two sides of a fold.

    Clips that are not in the fold do not count. The `shared` parts may have speakers in common, as
    `ProtocolParams.shared` says; never recordings or media files. The remedy is for a speaker on two sides.

    >>> clips = [Clip("a1", "a1.wav", "anna", "sad"), Clip("a2", "a2.wav", "anna", "anger")]
    >>> check_fold(clips, {"a1": "train", "a2": "train"}, "fold-00")
    >>> check_fold(clips, {"a1": "train", "a2": "test"}, "fold-00")
    Traceback (most recent call last):
    pipeline.core.errors.LeakageError: fold-00: speaker 'anna' is in train (a1) and in test (a2); split by speaker
    """
    used = [clip for clip in clips if clip.clip_id in fold]
    sides = {part: "shared" if part in shared else part for part in PARTS}
    for speaker, one, other in _on_two_sides(used, fold, lambda clip: clip.speaker, sides):
        raise LeakageError(
            f"{name}: speaker '{speaker}' is in {fold[one]} ({one}) and in {fold[other]} ({other}); {remedy}"
        )
    for source, one, other in _on_two_sides(used, fold, lambda clip: clip.source):
        raise LeakageError(
            f"{name}: recording '{source}' is in {fold[one]} ({one}) and in {fold[other]} ({other}); "
            "keep on one side what was cut from it: by a number of groups (logso, kfold), or by lists of all who speak "
            "in it"
        )
    for _, one, other in _on_two_sides(used, fold, lambda clip: clip.digest or clip.path):
        raise LeakageError(
            f"{name}: '{one}' in {fold[one]} and '{other}' in {fold[other]} are one media file; keep them on one side"
        )


def _on_two_sides(
    clips: Iterable[Clip], fold: Fold, key: Callable[[Clip], str], sides: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str, str]]:
    """Yield (key, clip id, clip id) of clips that have a key in common and lie on two sides; an empty key is none."""
    first: dict[str, tuple[str, str]] = {}
    for clip in clips:
        part = fold[clip.clip_id]
        side = sides[part] if sides else part
        if (found := key(clip)) and first.setdefault(found, (side, clip.clip_id))[0] != side:
            yield found, first[found][1], clip.clip_id


def check_disjoint_source(source: Iterable[str], corpus: Iterable[str], name: str) -> None:
    """Refuse, by a LeakageError, a pre-trained network whose source task has a speaker of the emotion corpus."""
    met = set(map(plain, source))
    both = sorted({speaker for speaker in corpus if plain(speaker) in met})
    if both:
        raise LeakageError(
            f"pretrain.{name}: its source corpus holds {', '.join(both[:5])} of the emotion corpus; remove them"
        )


def check_source(met: Mapping[str, Any], clips: Collection[Clip], name: str) -> None:
    """Refuse, by a LeakageError, pre-trained weights that have met the emotion corpus: by their configuration's
    `speakers`, and its `files` where the source task records them.
    """
    check_disjoint_source(met["speakers"], (clip.speaker for clip in clips), name)
    check_disjoint_files(met.get("files", ()), clips, name)


def check_disjoint_files(files: Collection[str], clips: Iterable[Clip], name: str) -> None:
    """Refuse, by a LeakageError, a pre-trained network whose source task has a media file of the emotion corpus;
    `files` are the first `DIGITS` hexadecimal digits of their SHA-256.
    """
    both = sorted(clip.clip_id for clip in clips if clip.digest[:DIGITS] in files)
    if both:
        raise LeakageError(
            f"pretrain.{name}: its source corpus holds the files of {', '.join(both[:5])} of the emotion corpus; "
            "remove them"
        )


def write_splits(path: Path, folds: Sequence[Fold]) -> None:
    """Write the folds as CSV: fold, clip_id, part."""
    rows = ((f"fold-{at:02d}", clip_id, fold[clip_id]) for at, fold in enumerate(folds) for clip_id in sorted(fold))
    write_csv(path, ("fold", "clip_id", "part"), rows)


def read_splits(path: Path) -> dict[str, Fold]:
    """Return fold name -> fold.

    Raises:
        ArtifactError: absent
        SettingsError: empty, since the protocol is `none`
    """
    if not path.is_file():
        raise ArtifactError(f"{path}: no such splits; run `dvc repro prepare` first")
    folds: dict[str, dict[str, str]] = defaultdict(dict)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                fold, clip_id, part = row["fold"], row["clip_id"], row["part"]
                if part not in PARTS or folds[fold].setdefault(clip_id, part) != part:
                    raise ValueError(f"clip '{str(clip_id)[:80]}' is in '{str(part)[:80]}', and once in one part")
    except (KeyError, ValueError, csv.Error) as error:
        raise ArtifactError(f"{path}: not a splits file ({error}); run `dvc repro -f prepare`") from error
    if not folds:
        raise SettingsError(
            f"{path}: no folds, since this corpus has protocol.name: none; set loso, logso, holdout or official"
        )
    return dict(folds)
