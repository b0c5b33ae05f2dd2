"""A system: which features, classifiers and fusion rules make one paper's recognition; and its late fusion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline import posteriors
from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings, parse
from pipeline.protocols import Fold

Modality = Literal["audio", "video"]


class SystemParams(Settings):
    """`systems.<name>`."""

    features: Mapping[str, Modality] = Field(min_length=1, description="feature -> modality")
    classifiers: tuple[str, ...] = Field(min_length=1, description="plugins in pipeline/classifiers, for every feature")
    fusions: tuple[str, ...] = Field(description="plugins in pipeline/fusion, for every pair of audio and video feature")

    def models(self) -> list[str]:
        """Return the names of all unimodal models, `<feature>-<classifier>`."""
        return [f"{feature}-{classifier}" for feature in self.features for classifier in self.classifiers]

    def of(self, modality: Modality) -> list[str]:
        """Return the features of one modality."""
        return [feature for feature, kind in self.features.items() if kind == modality]


@dataclass(frozen=True)
class Fusion:
    """One rule over one audio and one video model.

    Attributes:
        name: in every table, such as `confidence-a60+v1024-lstm`
        rule: plugin in pipeline/fusion
        models: the video model first, since it wins ties
    """

    name: str
    rule: str
    models: tuple[str, str]


def fusions(system: SystemParams) -> Iterator[Fusion]:
    """Yield every rule for every classifier and every pair of an audio and a video feature."""
    for rule in system.fusions:
        for classifier in system.classifiers:
            for audio in system.of("audio"):
                for video in system.of("video"):
                    models = (f"{video}-{classifier}", f"{audio}-{classifier}")
                    yield Fusion(f"{rule}-{audio}+{video}-{classifier}", rule, models)


def fuse_all(
    system: SystemParams,
    settings: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    classes: Sequence[str],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit every fusion on validation posteriors and apply it to the test clips, fold by fold.

    Args:
        system: what to fuse
        settings: `fuse`: rule -> its settings
        tables: model -> its posteriors (val and test)
        clips: all clips of the corpus
        folds: fold name -> fold
        classes: emotions

    Returns:
        (rows of all models and fusions for test clips, what each fusion learned: name -> fold -> state)
    """
    cubes = {m: _Cube(frame, classes) for m, frame in tables.items()}
    frames = [frame[frame["part"] == "test"] for frame in tables.values()]
    learned: dict[str, Any] = {}
    for fusion in fusions(system):
        rule = plugins.load("fusion", fusion.rule, "systems: fusions")
        params = parse(rule.Params, settings.get(fusion.rule), f"params.yaml: fuse.{fusion.rule}")
        learned[fusion.name] = {}
        for name, fold in folds.items():
            members = {p: [c for c in clips if fold.get(c.clip_id) == p] for p in ("val", "test")}
            scores = {p: np.stack([cubes[m].rows(name, p, members[p]) for m in fusion.models]) for p in members}
            state = rule.fit(params, scores["val"], np.array([classes.index(c.emotion) for c in members["val"]]))
            learned[fusion.name][name] = state
            frames.append(_judged(fusion.name, name, members["test"], rule.fuse(scores["test"], state), classes))
    return pd.concat(frames, ignore_index=True), learned


class _Cube:
    """Posteriors of one model, by fold, part and clip."""

    def __init__(self, frame: pd.DataFrame, classes: Sequence[str]) -> None:
        values = posteriors.probabilities(frame, classes)
        keys = zip(frame["fold"], frame["part"], frame["clip_id"], strict=True)
        self._rows = dict(zip(keys, values, strict=True))
        self._missing = np.full(len(classes), np.nan)

    def rows(self, fold: str, part: str, clips: Sequence[Clip]) -> np.ndarray:
        """Return (N, C); NaN for a clip that this model could not judge."""
        return np.array([self._rows.get((fold, part, c.clip_id), self._missing) for c in clips]).reshape(len(clips), -1)


def _judged(name: str, fold: str, clips: Sequence[Clip], fused: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    known = ~np.isnan(fused).any(axis=1)
    return posteriors.table(name, fold, "test", [c for c, k in zip(clips, known, strict=True) if k], fused[known], classes)


def fusion_entries(
    system: SystemParams, frame: pd.DataFrame, folds: Mapping[str, Fold], upstream: Iterable[Entry]
) -> list[Entry]:
    """Return one ledger entry per fusion and test clip: ok, degraded (one modality only) or failed (none)."""
    tested = sorted({clip_id for fold in folds.values() for clip_id, part in fold.items() if part == "test"})
    failed = {(entry.clip_id, entry.stage): entry for entry in upstream if entry.status == "failed"}
    judged = set(zip(frame["model"], frame["clip_id"], strict=True))
    entries = []
    for fusion in fusions(system):
        for clip_id in tested:
            causes = {m: failed[clip_id, f"train:{m}"] for m in fusion.models if (clip_id, f"train:{m}") in failed}
            status = "failed" if (fusion.name, clip_id) not in judged else "degraded" if causes else "ok"
            reason = next((cause.reason for cause in causes.values()), "")
            detail = f"without {', '.join(causes)}" if causes else ""
            entries.append(Entry(clip_id, f"fuse:{fusion.name}", status, reason, detail))
    return entries
