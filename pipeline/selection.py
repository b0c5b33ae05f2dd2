"""Rank columns with a random forest and keep the best, Huang et al. 2017, section 3.2: pool5 9216 -> 1024 or 2048.

Learned inside each fold, from the frames of training clips only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field
from sklearn.ensemble import RandomForestClassifier

from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import PipelineError, SettingsError
from pipeline.core.files import atomic_path
from pipeline.core.parallel import ordered_map, progress
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureFile
from pipeline.protocols import Fold


class SelectParams(Settings):
    """`select.<name>`."""

    k: int = Field(gt=0, description="columns to keep")
    trees: int = Field(ge=1, description="of the random forest")
    max_rows: int = Field(ge=10, description="frames to learn from at most, drawn evenly over the training clips")
    min_leaf: int = Field(ge=1, description="frames in a leaf at least")
    seed: int = Field(ge=0, description="of the forest and of the draw")


@dataclass(frozen=True)
class Ranking:
    """Result of one fold.

    Attributes:
        columns: (k,) kept columns, in ascending order
        importances: (D,) mean decrease of Gini impurity of every column
    """

    columns: np.ndarray
    importances: np.ndarray


def rank(rows: np.ndarray, labels: np.ndarray, params: SelectParams) -> Ranking:
    """Rank the columns of rows (R, D) by a forest that learns labels (R,).

    Raises:
        SettingsError: fewer columns than `k`
    """
    if params.k > rows.shape[1]:
        raise SettingsError(f"params.yaml: select: k={params.k}, but the feature has {rows.shape[1]} columns; lower it")
    forest = RandomForestClassifier(
        params.trees, min_samples_leaf=params.min_leaf, max_features="sqrt", random_state=params.seed, n_jobs=1
    ).fit(rows, labels)
    # equal importances (often zero) go by column number, so that the choice does not hang on the sort
    order = np.lexsort((np.arange(rows.shape[1]), -forest.feature_importances_))
    return Ranking(np.sort(order[: params.k]), forest.feature_importances_)


@dataclass(frozen=True)
class _FoldRanker:
    feature: Path
    clips: Sequence[Clip]
    params: SelectParams

    def __call__(self, item: tuple[str, Fold]) -> Ranking:
        name, fold = item
        with FeatureFile(self.feature) as file:
            present = set(file.clip_ids())
            chosen = [c for c in self.clips if fold.get(c.clip_id) == "train" and c.clip_id in present]
            if not chosen:
                raise PipelineError(f"{self.feature}: {name} has no training clip with this feature; see its ledger")
            rows, labels = self._rows(file, chosen)
        return rank(rows, labels, self.params)

    def _rows(self, file: FeatureFile, clips: Sequence[Clip]) -> tuple[np.ndarray, np.ndarray]:
        index = {name: number for number, name in enumerate(class_names(self.clips))}
        if len(clips) > self.params.max_rows:
            clips = [clips[i] for i in np.linspace(0, len(clips) - 1, self.params.max_rows).astype(int)]
        per_clip = self.params.max_rows // len(clips)
        rows, labels = [], []
        for clip in clips:
            found = file.read(clip.clip_id, names=())
            observed = np.flatnonzero(found.mask)
            few = observed[np.linspace(0, len(observed) - 1, min(per_clip, len(observed))).astype(int)]
            rows.append(found.values[few].astype(np.float32))
            labels += [index[clip.emotion]] * len(few)
        return np.concatenate(rows), np.array(labels)


def rank_folds(
    feature: Path, clips: Sequence[Clip], folds: Mapping[str, Fold], params: SelectParams, workers: int
) -> dict[str, Ranking]:
    """Return fold name -> ranking, each learned from that fold's training clips alone."""
    rankings = ordered_map(_FoldRanker(feature, clips, params), list(folds.items()), workers, "ranking", "fold")
    return dict(zip(folds, rankings, strict=True))


def selected(feature: Path, rankings: Mapping[str, Ranking]) -> Iterator[tuple[str, ClipFeatures]]:
    """Yield (`fold-00/<clip>`, kept columns) for every fold and clip, in sorted order."""
    with FeatureFile(feature) as file:
        for fold in progress(sorted(rankings), len(rankings), "packing", "fold"):
            columns = rankings[fold].columns
            for clip_id in sorted(file.clip_ids()):
                found = file.read(clip_id, names=())
                yield f"{fold}/{clip_id}", ClipFeatures(found.values[:, columns], found.times, found.mask)


def write_ranking(path: Path, rankings: Mapping[str, Ranking]) -> None:
    """Write CSV: fold, column, importance; kept columns only, the most important first."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["fold", "column", "importance"])
        for fold, ranking in sorted(rankings.items()):
            kept = sorted(ranking.columns, key=lambda c: (-ranking.importances[c], c))
            writer.writerows([fold, int(c), f"{ranking.importances[c]:.8f}"] for c in kept)
