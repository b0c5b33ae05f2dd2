"""The settings of a protocol: training, validation and test speakers."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pipeline.core.settings import Settings, read_as
from pipeline.protocols.fold_files import CORPORA
from pipeline.protocols.published import PUBLISHED
from pipeline.protocols.splits import PARTS

_BY_SPEAKER = ("loso", "logso", "kfold")
"""Protocols that assign speakers to folds, whichever part of a corpus their clips come from."""
_Name = Literal[
    "loso", "logso", "kfold", "holdout", "official", "cross_corpus",
    "speaker_dependent_official", "speaker_dependent_random",
    "ravdess_luna_jimenez", "ravdess_hicmae", "emobox_ravdess", "cremad_hicmae", "iemocap_sessions",
    "emobox_cremad_speaker_dependent", "emobox_enterface_speaker_dependent", "emobox_emodb_speaker_dependent",
    "emobox_tess_speaker_dependent", "none",
]  # fmt: skip


class ProtocolParams(Settings):
    """`corpora.<name>.protocol`.

    >>> ProtocolParams(name="logso", groups=3).described(folds=3)
    'leave one speaker group out, 3 groups'
    >>> sorted(ProtocolParams(name="loso", validate_by="clips").shared)
    ['train', 'val']
    """

    name: _Name = Field(
        description="leave one speaker out; leave one speaker group out; k folds of speakers, the same; 7:1:2; "
        "the official split; train on one corpus, test on another; the official split, whose sides share speakers; "
        "k folds of clips, whoever speaks; the speakers that a benchmark tests together; the files that it lists, "
        "whoever speaks; no split"
    )
    groups: int | tuple[tuple[str, ...], ...] = Field(
        5, description="speaker groups of logso: how many, or the speakers of each; folds of kfold and random"
    )
    validation: float = Field(
        0.25, gt=0, lt=1, description="share of training speakers (at least one), or of their clips, to validate on"
    )
    validate_by: Literal["speakers", "clips", "windows"] = Field(
        "speakers",
        description="clips: validate on clips of training speakers, where too few speakers are there to hold some out; "
        "windows: hold out no clip; networks on windows watch every 8th training window, as Zhang's own code does, and "
        "linear classifiers choose by cross-validation over the training speakers",
    )
    train_on: tuple[str, ...] = Field(
        (),
        validate_default=True,
        description="parts to train on: names below corpora.<name>.parts, or in the manifest's column corpus",
    )
    test_on: tuple[str, ...] = Field((), validate_default=True, description="parts to test on")
    seed: int = Field(0, ge=0, description="of the fold assignment")
    folds: str = Field(
        "",
        validate_default=True,
        pattern=r"^($|[^/\\])",
        description="of emobox_..._speaker_dependent: folder below the corpus's root with EmoBox's lists, fold_1/...",
    )
    tested: Literal["test", "val"] = Field(
        "test", description="part of the official split that is tested; val where test labels were not published"
    )

    @field_validator("groups", mode="before")
    @classmethod
    def _checked_groups(cls, value: Any, info: ValidationInfo) -> Any:
        """Return a number from 2 on, or groups in which nobody occurs twice; YAML reads speaker 1001 as a number."""
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 2:
                raise _wrong("Input should be greater than or equal to 2")
            return value
        if not isinstance(value, list | tuple) or not all(isinstance(group, list | tuple) and group for group in value):
            raise _wrong("Input should be a number, or a list of lists of speakers, none of them empty")
        if len(value) < 2:
            raise _wrong("there should be at least 2 groups")
        if info.data.get("name") != "logso":
            raise _wrong("lists of speakers need protocol.name: logso")
        for speaker in (speaker for group in value for speaker in group):
            if type(speaker) not in (str, int):
                raise _wrong(f"YAML reads a speaker as {read_as(speaker) or 'a list'}; quote the name: '...'")
        groups = tuple(tuple(str(speaker) for speaker in group) for group in value)
        for speaker, count in Counter(speaker for group in groups for speaker in group).items():
            if count > 1:
                raise _wrong(f"speaker '{speaker}' should occur once, in one group")
        return groups

    @field_validator("train_on", "test_on")
    @classmethod
    def _for_two_corpora(cls, parts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        name = info.data.get("name")
        if name == "cross_corpus" and not parts:
            raise _wrong("cross_corpus needs this setting, such as [ravdess]")
        if parts and name not in (None, "cross_corpus", *_BY_SPEAKER, *PUBLISHED):
            raise _wrong(
                f"{name} assigns the clips of all parts to folds; remove this setting, or use cross_corpus, "
                f"{', '.join(_BY_SPEAKER)}"
            )
        for part in parts:
            if part in info.data.get("train_on", ()):
                raise _wrong(f"'{part}' is a training part; test another")
        return parts

    @field_validator("validate_by")
    @classmethod
    def _has_a_use(cls, value: str, info: ValidationInfo) -> str:
        if value != "speakers" and info.data.get("name") in ("holdout", "speaker_dependent_random", "none", *CORPORA):
            raise _wrong(f"{info.data['name']} chooses its validation clips itself; remove the setting")
        return value

    @field_validator("folds")
    @classmethod
    def _for_lists(cls, folder: str, info: ValidationInfo) -> str:
        name = info.data.get("name", "")
        if name in CORPORA and not folder:
            raise _wrong(f"{name} needs this setting: the folder with data/{CORPORA[name]} of emo-box/EmoBox")
        if folder and name and name not in CORPORA:
            raise _wrong(f"{name} reads no lists of files; remove the setting")
        if ".." in folder.split("/"):
            raise _wrong("should be below the corpus's root, so that a change of it is seen")
        return folder

    @property
    def shared(self) -> frozenset[str]:
        """Parts that may have speakers in common."""
        if "speaker_dependent" in self.name:
            return frozenset(PARTS)
        return frozenset(("train", "val") if self.validate_by == "clips" else ())

    def described(self, folds: int) -> str:
        """Return the protocol, of so many folds, in words, to stand beside a figure."""
        words = {
            "loso": "leave one speaker out",
            "logso": f"leave one speaker group out, {folds} groups",
            "kfold": f"{folds} folds of speakers",
            "holdout": "speakers held out, 7:1:2",
            "official": "official split" + (", its validation clips tested" if self.tested == "val" else ""),
            "cross_corpus": f"trained on {', '.join(self.train_on)}, tested on {', '.join(self.test_on)}",
            "speaker_dependent_official": "SPEAKER-DEPENDENT: official split, whose sides share speakers",
            "speaker_dependent_random": f"SPEAKER-DEPENDENT: {folds} random folds of clips, whose sides share speakers",
            "none": "no split",
            **{name: f"{name}, {folds} of {len(of.groups)} published folds" for name, of in PUBLISHED.items()},
            **{n: f"SPEAKER-DEPENDENT: {n}, {folds} published folds, whose sides share speakers" for n in CORPORA},
        }[self.name]
        if self.name in (*_BY_SPEAKER, *PUBLISHED) and (self.train_on or self.test_on):
            words += f", trained on {', '.join(self.train_on) or 'all'}, tested on {', '.join(self.test_on) or 'all'}"
        by = f", validated on {self.validate_by} of the training speakers"
        return words + (by if self.validate_by != "speakers" else "")


def _wrong(message: str) -> PydanticCustomError:
    # the text may hold braces, which PydanticCustomError would take for fields
    return PydanticCustomError("groups", "{message}", {"message": message})
