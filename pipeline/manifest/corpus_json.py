"""`corpus.json`: what `prepare` found in a corpus, its protocol, and the speakers on each side of each fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import ArtifactError
from pipeline.core.files import write_json
from pipeline.protocols.published import PUBLISHED
from pipeline.protocols.settings import ProtocolParams
from pipeline.protocols.splits import PARTS, Fold


@dataclass(frozen=True)
class Source:
    """Where a corpus comes from: its name in params.yaml, the file in pipeline/corpora, and what was published."""

    corpus: str
    adapter: str
    licence: str
    citation: str


@dataclass(frozen=True)
class Sides:
    """The test, validation and training speakers of a fold, sorted, and side -> emotions that nobody there shows, save
    the sides that show all.
    """

    test: tuple[str, ...]
    val: tuple[str, ...]
    train: tuple[str, ...]
    lacking: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class CorpusSummary:
    """`corpus.json`.

    Attributes:
        protocol: with all settings, also those that params.yaml leaves out
        clips: how many are used
        emotions: emotion -> clips
        speakers: speaker -> emotion -> clips
        left_out: label of the corpus -> ids of the clips that are not used because of it
    """

    source: Source
    protocol: ProtocolParams
    clips: int
    emotions: Mapping[str, int]
    speakers: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, tuple[str, ...]]
    folds: Mapping[str, Sides]


_JSON = TypeAdapter(CorpusSummary)


def describe(
    source: Source,
    protocol: ProtocolParams,
    clips: Sequence[Clip],
    folds: Sequence[Fold],
    left_out: Mapping[str, Sequence[str]],
) -> CorpusSummary:
    """Return counts and sides of a corpus: of `clips` that are used, in any order, and folds as in `splits.csv`."""
    emotions = class_names(clips)
    counts = Counter((clip.speaker, clip.emotion) for clip in clips)
    speakers = sorted({clip.speaker for clip in clips})
    return CorpusSummary(
        source=source,
        protocol=protocol,
        clips=len(clips),
        emotions={emotion: sum(counts[speaker, emotion] for speaker in speakers) for emotion in emotions},
        speakers={s: {e: counts[s, e] for e in emotions if counts[s, e]} for s in speakers},
        left_out={label: tuple(ids) for label, ids in left_out.items()},
        folds={f"fold-{number:02d}": _sides(clips, fold, emotions) for number, fold in enumerate(folds)},
    )


def _sides(clips: Iterable[Clip], fold: Fold, emotions: Iterable[str]) -> Sides:
    who: dict[str, set[str]] = {part: set() for part in PARTS}
    shown: dict[str, set[str]] = {part: set() for part in PARTS}
    for clip in clips:
        if clip.clip_id in fold:
            who[fold[clip.clip_id]].add(clip.speaker)
            shown[fold[clip.clip_id]].add(clip.emotion)
    test, val, train = (tuple(sorted(who[part])) for part in ("test", "val", "train"))
    # a fold that is validated on windows has no validation clips
    lacking = {part: tuple(e for e in emotions if e not in shown[part]) for part in PARTS if who[part]}
    return Sides(test, val, train, {part: absent for part, absent in lacking.items() if absent})


def notes(about: CorpusSummary) -> list[str]:
    """Return one line for each fact that is allowed and worth knowing: speakers of a published protocol who are not
    here, clips left out, emotions that a fold lacks.
    """
    lines = []
    published = PUBLISHED.get(about.protocol.name)
    if published and (absent := published.speakers - set(about.speakers)):
        lines.append(f"{len(absent)} of {len(published.speakers)} speakers of {about.protocol.name} are not here")
    if about.left_out:
        counts = ", ".join(f"{label} {len(ids)}" for label, ids in about.left_out.items())
        lines.append(f"{sum(map(len, about.left_out.values()))} clips left out ({counts})")
    for part, verb in (("train", "trains"), ("val", "validates")):
        for name, sides in about.folds.items():
            if part in sides.lacking:
                lines.append(f"{name} {verb} without {', '.join(sides.lacking[part])}")
    return lines


def write_corpus_summary(path: Path, about: CorpusSummary) -> None:
    """Write `corpus.json`; equal corpora give equal bytes, wherever they lie."""
    write_json(path, _JSON.dump_python(about, mode="json"))


def read_corpus_summary(path: Path) -> CorpusSummary:
    """Read what `write_corpus_summary` wrote; ArtifactError where it is absent, or of another version."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such description of a corpus; run `dvc repro prepare` first")
    try:
        return _JSON.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ArtifactError(
            f"{path}: not a description of this version ({str(error).splitlines()[0]}); run `dvc repro -f prepare`"
        ) from error
