"""join: several features of a clip side by side, for classifiers that fuse early; nothing is copied.

A clip that one feature lost stands there with the others; one that all lost is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from pipeline.core.errors import SettingsError
from pipeline.core.feature_records import FeatureMeta
from pipeline.core.files import atomic_path, canonical_json, digest_of
from pipeline.core.joined_view import JOIN_FORMAT
from pipeline.core.ledger import Entry, lost_by_id
from pipeline.core.settings import Settings
from pipeline.core.store import FeatureFile
from pipeline.core.store_writer import describe, new_hdf5
from pipeline.engine.code_digest import code_digest


class JoinParams(Settings):
    """`join.<name>`."""

    audio: tuple[str, ...] = Field((), description="features of the audio, whatever section they stand in")
    video: tuple[str, ...] = Field((), description="features of the video; of both sides together two at least")

    @model_validator(mode="after")
    def _several(self) -> Self:
        if len(set(self.features)) < max(2, len(self.features)):
            raise ValueError("name two features at least, each once")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """All of them, in the order of their columns."""
        return (*self.audio, *self.video)

    def modality(self, feature: str) -> str:
        """Return audio or video."""
        return "audio" if feature in self.audio else "video"


def chain(name: str, params: JoinParams) -> list[tuple[str, str, str]]:
    """Return what DVC, whose stages have a fixed number of inputs, joins two by two: (file, its first, its second).

    >>> chain("early", JoinParams(audio=("a", "b"), video=("c",)))
    [('early-2', 'a', 'b'), ('early', 'early-2', 'c')]
    """
    first, *rest = params.features
    steps = []
    for count, feature in enumerate(rest, 2):
        joined = name if count == len(params.features) else f"{name}-{count}"
        steps.append((joined, first, feature))
        first = joined
    return steps


def write_join(path: Path, params: JoinParams, sources: Sequence[Path]) -> FeatureMeta:
    """Write the file that names feature files beside it, those behind a join in its place; return its attributes.

    SettingsError where features that are learned per fold are not learned in the same folds.
    """
    files = [FeatureFile(source) for source in sources]
    try:
        single = [one for file in files for one in file.sources or [file]]
        if len({tuple(one.folds) for one in single if one.folds}) > 1:
            named = ", ".join(f"{one.meta.feature} in {len(one.folds)}" for one in single if one.folds)
            raise SettingsError(f"params.yaml: join.{path.stem}: learned in folds that differ ({named}); join others")
        held = [[one.path.name, one.identity] for one in single]
        meta = _meta(path.stem, params, {one.path.stem: one.meta for one in single})
        ids = {clip for one in single for clip in one.clip_ids(min(one.folds, default=""))}
    finally:
        for file in files:
            file.__exit__()
    with atomic_path(path) as temporary, new_hdf5(temporary) as new:
        content = digest_of(dict(held))
        describe(new, meta, clip_count=len(ids), format=JOIN_FORMAT, sources=canonical_json(held), content=content)
    return meta


def _meta(name: str, params: JoinParams, parts: Mapping[str, FeatureMeta]) -> FeatureMeta:
    networks = {feature: part for feature, part in parts.items() if part.weights}
    told = {feature: canonical_json(part.params) for feature, part in parts.items()}
    return FeatureMeta(
        feature=name,
        dimension=sum(part.dimension for part in parts.values()),
        dtype="float32",
        version=code_digest(__name__),
        layers=tuple((feature, (part.dimension,)) for feature, part in parts.items()),
        params={"join": {feature: params.modality(feature) for feature in parts}, **told},
        weights=" ".join(dict.fromkeys(digest for part in networks.values() for digest in part.weights.split())),
        origin="; ".join(f"{feature}: {part.origin}" for feature, part in networks.items()),
        learned=tuple(one for part in parts.values() for one in part.learned),
    )


def join_entries(stage: str, upstream: Sequence[Sequence[Entry]]) -> list[Entry]:
    """Return one ledger entry per clip: lost where every feature lost it, else ok, or degraded where one did;
    `upstream` is the ledger of each feature.
    """
    lost = [lost_by_id(entries) for entries in upstream]
    return [_entry(clip_id, stage, [of.get(clip_id) for of in lost]) for clip_id in sorted(_ids(upstream))]


def _ids(upstream: Iterable[Iterable[Entry]]) -> set[str]:
    return {entry.clip_id for entries in upstream for entry in entries}


def _entry(clip_id: str, stage: str, causes: Sequence[Entry | None]) -> Entry:
    gone = [cause for cause in causes if cause is not None]
    if not gone:
        return Entry(clip_id, stage)
    if len(gone) == len(causes):
        return gone[0].after(stage)
    return Entry(clip_id, stage, "degraded", gone[0].reason, f"without {gone[0].stage}")
