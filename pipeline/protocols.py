"""Who is learned from and who is tested: settings, the guards that refuse an overlap, and the file of the folds.

A split is a list of folds; a fold names the part of each clip: train, val or test. Validation is carved from the
training side by whole speakers, so that early stopping, hyper-parameters and fusion weights are judged on people that
the model has not met.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, LeakageError, SettingsError
from pipeline.core.files import atomic_path
from pipeline.core.settings import Settings

PARTS = ("train", "val", "test")
Fold = Mapping[str, str]
"""clip id -> part; a clip that a protocol does not use is not in it"""


class ProtocolParams(Settings):
    """`corpora.<name>.protocol`."""

    name: Literal["loso", "logso", "kfold", "holdout", "official", "speaker_dependent_random", "none"] = Field(
        description="leave one speaker out; leave one speaker group out; k folds of speakers, the same; 7:1:2; the corpus's own; "
        "k folds of clips, whoever speaks; no split at all"
    )
    groups: int | tuple[tuple[str, ...], ...] = Field(5, description="speaker groups of logso: how many, or the speakers of each; folds of kfold and random")
    validation: float = Field(0.25, gt=0, lt=1, description="share of training speakers (at least one), or of their clips, to validate on")
    validate_by: Literal["speakers", "clips"] = Field(
        "speakers", description="clips: of speakers that are learned from, too, where there are too few speakers to keep some apart"
    )
    seed: int = Field(0, ge=0, description="of the order in which speakers are dealt out")
    tested: Literal["test", "val"] = Field(
        "test", description="part of the official split that is tested; val where the labels of the test clips are not published"
    )

    @field_validator("groups", mode="before")
    @classmethod
    def _checked_groups(cls, value: Any, info: ValidationInfo) -> Any:
        """Return a number from 2 on, or groups in which nobody is twice; YAML reads the speaker 1001 as a number."""
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 2:
                raise _wrong("Input should be greater than or equal to 2")
            return value
        if not isinstance(value, list | tuple) or not all(isinstance(group, list | tuple) and group for group in value):
            raise _wrong("Input should be a number, or a list of lists of speakers, none of them empty")
        if len(value) < 2:
            raise _wrong("there should be 2 groups at least")
        if info.data.get("name") != "logso":
            raise _wrong("lists of speakers need protocol.name: logso")
        groups = tuple(tuple(str(speaker) for speaker in group) for group in value)
        counts = Counter(speaker for group in groups for speaker in group)
        twice = [speaker for speaker, count in counts.items() if count > 1]
        if twice:
            raise _wrong(f"speaker '{twice[0]}' should stand there once, in one group")
        return groups


    @field_validator("validate_by")
    @classmethod
    def _has_a_use(cls, value: str, info: ValidationInfo) -> str:
        if value == "clips" and info.data.get("name") in ("holdout", "speaker_dependent_random", "none"):
            raise _wrong(f"{info.data['name']} deals out its validation clips itself; remove the setting")
        return value

    @property
    def shared(self) -> frozenset[str]:
        """Parts that may have speakers in common."""
        if self.name == "speaker_dependent_random":
            return frozenset(PARTS)
        return frozenset(("train", "val") if self.validate_by == "clips" else ())

    def described(self, folds: int) -> str:
        """Return the protocol in words for whoever reads a figure.

        Args:
            folds: how many there are
        """
        words = {
            "loso": "leave one speaker out",
            "logso": f"leave one speaker group out, {folds} groups",
            "kfold": f"{folds} folds of speakers",
            "holdout": "speakers held out, 7:1:2",
            "official": "official split" + (", its validation clips tested" if self.tested == "val" else ""),
            "speaker_dependent_random": f"SPEAKER-DEPENDENT: {folds} random folds, the same people learned from and tested",
            "none": "no split",
        }[self.name]
        return words + (", validated on clips of the training speakers" if self.validate_by == "clips" else "")


def _wrong(message: str) -> PydanticCustomError:
    # the text may hold braces, which PydanticCustomError would take for fields
    return PydanticCustomError("groups", "{message}", {"message": message})


def check_fold(clips: Iterable[Clip], fold: Fold, name: str, shared: Collection[str] = ()) -> None:
    """Refuse a speaker, or the bytes of a media file, on two sides of a fold; clips that it leaves out do not count.

    Args:
        clips: of the corpus
        fold: clip id -> part
        name: of the fold, for the message
        shared: parts that may have speakers in common, as `ProtocolParams.shared` says; never media files

    Raises:
        LeakageError: naming the speaker or the two clips
    """
    by_speaker: dict[str, tuple[str, str, str]] = {}
    by_media: dict[str, tuple[str, str]] = {}
    for clip in clips:
        if (part := fold.get(clip.clip_id)) is None:
            continue
        group = "shared" if part in shared else part
        side, other, _ = by_speaker.setdefault(clip.speaker, (part, clip.clip_id, group))
        if by_speaker[clip.speaker][2] != group:
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
