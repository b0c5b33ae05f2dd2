"""Who is learned from and who is tested: protocols by speaker, and the guard that refuses an overlap.

A split is a list of folds; a fold names the part of each clip: train, val or test. Validation is carved from the
training side by whole speakers, so that early stopping, hyper-parameters and fusion weights are judged on people that
the model has not met.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, CorpusError, LeakageError, SettingsError
from pipeline.core.files import atomic_path
from pipeline.core.settings import Settings

PARTS = ("train", "val", "test")
Fold = Mapping[str, str]
"""clip id -> part"""


class ProtocolParams(Settings):
    """`corpora.<name>.protocol`."""

    name: Literal["loso", "logso", "holdout", "official", "none"] = Field(
        description="leave one speaker out; leave one speaker group out; 7:1:2; the corpus's own; no split at all"
    )
    groups: int = Field(5, ge=2, description="speaker groups of logso")
    validation: float = Field(0.25, gt=0, lt=1, description="share of training speakers (at least one) to validate on")
    seed: int = Field(0, ge=0, description="of the order in which speakers are dealt out")


def make_folds(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Return the folds of a protocol, checked by `check_fold`.

    Raises:
        SettingsError: fewer speakers or groups than the protocol needs
        CorpusError: `official` for a corpus without official splits
        LeakageError: official splits with a speaker on two sides
    """
    if params.name == "none":
        return []
    folds = {"loso": _loso, "logso": _logso, "holdout": _holdout, "official": _official}[params.name](clips, params)
    for number, fold in enumerate(folds):
        check_fold(clips, fold, f"fold-{number:02d}")
    return folds


def _speakers(clips: Iterable[Clip]) -> list[str]:
    return sorted({clip.speaker for clip in clips})


def _parts(clips: Iterable[Clip], test: set[str], val: set[str]) -> Fold:
    return {c.clip_id: "test" if c.speaker in test else "val" if c.speaker in val else "train" for c in clips}


def _from_groups(clips: Sequence[Clip], groups: list[list[str]], params: ProtocolParams) -> list[Fold]:
    """Test each group once; validate on the speakers that follow it, cyclically."""
    folds = []
    for number, group in enumerate(groups):
        others = [speaker for later in groups[number + 1 :] + groups[:number] for speaker in later]
        count = max(1, round(params.validation * len(others)))
        if count >= len(others):
            raise SettingsError(f"params.yaml: {_nobody_left(len(others), len(group), len(groups), params)}")
        folds.append(_parts(clips, set(group), set(others[:count])))
    return folds


def _nobody_left(others: int, group: int, groups: int, params: ProtocolParams) -> str:
    """Say which setting leaves no speaker to train on."""
    if others > 1:
        return f"protocol.validation: {params.validation:g} of {others} speakers leaves none to train on; lower it"
    if others + group > 2:
        return f"protocol.groups: {groups} groups of {others + group} speakers leave none to train on; raise it or use loso"
    return (
        f"protocol {params.name} needs 3 speakers at least, one each to train, validate and test; there are {others + group}; "
        "use protocol.name: none to extract only"
    )


def _loso(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    return _from_groups(clips, [[speaker] for speaker in _speakers(clips)], params)


def speaker_groups(speakers: Sequence[str], count: int, seed: int) -> list[list[str]]:
    """Deal speakers into `count` groups whose sizes differ by one at most; the same for the same seed."""
    order = np.random.default_rng(seed).permutation(len(speakers))
    return [sorted(speakers[i] for i in order[start::count]) for start in range(count)]


def _logso(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    speakers = _speakers(clips)
    if len(speakers) < params.groups:
        raise SettingsError(
            f"params.yaml: protocol.groups: {params.groups} groups, but {len(speakers)} speakers; lower it or use loso"
        )
    return _from_groups(clips, speaker_groups(speakers, params.groups, params.seed), params)


def _holdout(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Deal whole speakers to train, val and test so that the clips come near 7:1:2 (Huang et al. 2017, section 3)."""
    speakers = _speakers(clips)
    if len(speakers) < 3:
        raise SettingsError(f"params.yaml: protocol holdout needs 3 speakers at least; there are {len(speakers)}; use none")
    sizes = Counter(clip.speaker for clip in clips)
    wanted = {"train": 0.7, "val": 0.1, "test": 0.2}
    held: dict[str, list[str]] = {part: [] for part in PARTS}
    order = [speakers[i] for i in np.random.default_rng(params.seed).permutation(len(speakers))]
    for position, speaker in enumerate(order):
        empty = [part for part in ("test", "val", "train") if not held[part]]
        must_fill = len(order) - position <= len(empty)
        choices = empty if must_fill else list(PARTS)
        shares = {p: sum(sizes[s] for s in held[p]) / len(clips) for p in PARTS}
        held[max(choices, key=lambda p: wanted[p] - shares[p])].append(speaker)
    return [_parts(clips, set(held["test"]), set(held["val"]))]


def _official(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    missing = [clip.clip_id for clip in clips if clip.split not in PARTS]
    if missing:
        raise CorpusError(f"protocol official: {len(missing)} clips have no split ('{missing[0]}' first); add it or use loso")
    fold = {clip.clip_id: clip.split for clip in clips}
    if "val" not in fold.values():
        others = _speakers(clip for clip in clips if clip.split == "train")
        val = set(others[-max(1, round(params.validation * len(others))) :])
        fold |= {c.clip_id: "val" for c in clips if c.split == "train" and c.speaker in val}
    empty = [part for part in PARTS if part not in fold.values()]
    if empty:
        raise CorpusError(f"protocol official: no clips in {' and '.join(empty)}; complete the split column, or use loso")
    return [fold]


def check_fold(clips: Iterable[Clip], fold: Fold, name: str) -> None:
    """Refuse a speaker, or the bytes of a media file, on two sides of a fold.

    Raises:
        LeakageError: naming the speaker or the two clips
    """
    by_speaker: dict[str, tuple[str, str]] = {}
    by_media: dict[str, tuple[str, str]] = {}
    for clip in clips:
        part = fold[clip.clip_id]
        side, other = by_speaker.setdefault(clip.speaker, (part, clip.clip_id))
        if side != part:
            raise LeakageError(
                f"{name}: speaker '{clip.speaker}' is in {side} ({other}) and in {part} ({clip.clip_id}); split by speaker"
            )
        side, other = by_media.setdefault(clip.digest or clip.path, (part, clip.clip_id))
        if side != part:
            raise LeakageError(
                f"{name}: '{other}' in {side} and '{clip.clip_id}' in {part} are one media file; keep them on one side"
            )


def check_disjoint_source(source: Iterable[str], corpus: Iterable[str], name: str) -> None:
    """Refuse a source task that has met a speaker of the emotion corpus.

    Args:
        source: speakers or identities of the source task
        corpus: speakers of the emotion corpus
        name: of the pre-trained network, for the message

    Raises:
        LeakageError: naming the speakers
    """
    both = sorted(set(source) & set(corpus))
    if both:
        raise LeakageError(f"pretrain.{name}: its source corpus holds {', '.join(both[:5])} of the emotion corpus; remove them")


def write_splits(path: Path, folds: Sequence[Fold]) -> None:
    """Write the folds as CSV: fold, clip_id, part."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["fold", "clip_id", "part"])
        for number, fold in enumerate(folds):
            writer.writerows([f"fold-{number:02d}", clip_id, fold[clip_id]] for clip_id in sorted(fold))


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
                folds[row["fold"]][row["clip_id"]] = row["part"]
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"{path}: not a splits file ({error}); run `dvc repro -f prepare`") from error
    if not folds:
        raise SettingsError(f"{path}: no folds, since this corpus has protocol.name: none; set loso, logso, holdout or official")
    return dict(folds)
