"""Rank columns with a random forest, Huang et al. 2017, section 3.2.

Learned inside each fold, from the frames of training clips only. The forest is grown in two halves, each on a sample
of the frames of its own, and their mean importance ranks. So the frames need never be in memory as a whole, and how
far the two halves agree on the best columns says what the sampling costs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import ArtifactError, SettingsError
from pipeline.core.files import atomic_path
from pipeline.core.ledger import Entry, absent_ids
from pipeline.core.settings import Settings
from pipeline.core.store import FeatureFile
from pipeline.engine.parallel import ordered_map
from pipeline.protocols.splits import Fold
from pipeline.protocols.trainable_folds import trainable_folds


class RankParams(Settings):
    """`rank.<feature>`."""

    trees: int = Field(
        ge=2, description="of the random forest, both halves together; more trees tell more than more rows"
    )
    max_rows: int = Field(
        ge=10, description="frames that each half learns from at most, drawn evenly over the training clips"
    )
    min_leaf: int = Field(ge=1, description="frames in a leaf at least")
    seed: int = Field(ge=0, description="of the forest")


@dataclass(frozen=True)
class Ranking:
    """Result of one fold.

    Attributes:
        halves: (2, D) mean decrease of Gini impurity of every column, by each half of the forest
        rows: frames that one half learned from, of those of the training clips, `available`
    """

    halves: np.ndarray
    rows: int
    available: int

    @property
    def importances(self) -> np.ndarray:
        return self.halves.mean(axis=0)

    def best(self, k: int) -> np.ndarray:
        """Return the k best columns in ascending order; SettingsError where there are fewer."""
        columns = self.halves.shape[1]
        if k > columns:
            raise SettingsError(f"params.yaml: select: k={k}, but the feature has {columns} columns; lower it")
        return _best(self.importances, k)

    def agreement(self, k: int) -> float:
        """Return the share of its k best columns that one half has in common with the other; by chance it is k / D."""
        first, second = (_best(half, k) for half in self.halves)
        return len(np.intersect1d(first, second)) / k


def _best(importances: np.ndarray, k: int) -> np.ndarray:
    # equal importances (often zero) go by column number, so that the choice does not hang on the sort
    order = np.lexsort((np.arange(len(importances)), -importances))
    return np.sort(order[:k])


def forest(rows: np.ndarray, labels: np.ndarray, trees: int, params: RankParams, seed: int) -> np.ndarray:
    """Return the importance of each column of rows (R, D) for labels (R,): (D,), zero for a constant column."""
    from sklearn.ensemble import RandomForestClassifier  # late: `select` reads rankings and grows no forest

    model = RandomForestClassifier(
        trees, min_samples_leaf=params.min_leaf, max_features="sqrt", random_state=seed, n_jobs=1
    )
    return model.fit(rows, labels).feature_importances_


@dataclass(frozen=True)
class _FoldRanker:
    feature: Path
    clips: Sequence[Clip]
    params: RankParams

    def __call__(self, item: tuple[str, Fold]) -> Ranking:
        _, fold = item
        with FeatureFile(self.feature) as file:
            present = set(file.clip_ids())
            chosen = [c for c in self.clips if fold.get(c.clip_id) == "train" and c.clip_id in present]
            observed = [np.flatnonzero(file.frames(clip.clip_id)[1]) for clip in chosen]
            halves, rows = [], 0
            for half in (0, 1):  # one after the other: two samples at once would need twice the memory
                values, labels = self._sample(file, chosen, self._draw(observed, half))
                trees = self.params.trees // 2 + (half == 0 and self.params.trees % 2)
                halves.append(forest(values, labels, trees, self.params, self.params.seed + half))
                rows = max(rows, len(labels))
        return Ranking(np.stack(halves), rows, sum(map(len, observed)))

    def _sample(
        self, file: FeatureFile, clips: Sequence[Clip], wanted: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        classes = class_names(self.clips)
        labels = np.repeat([classes.index(clip.emotion) for clip in clips], [len(rows) for rows in wanted])
        values = np.empty((len(labels), file.meta.dimension), np.float32)
        filled = 0
        for clip, rows in zip(clips, wanted, strict=True):
            seen = 0
            for block in file.rows(clip.clip_id, ()).blocks(256) if len(rows) else ():
                inside = rows[(rows >= seen) & (rows < seen + len(block.mask))] - seen
                values[filled : filled + len(inside)] = block.values[inside]
                seen, filled = seen + len(block.mask), filled + len(inside)
        return values, labels

    def _draw(self, observed: list[np.ndarray], half: int) -> list[np.ndarray]:
        """Return the frames of each clip for one half: spread evenly over all, those of the other half between."""
        total, most = sum(map(len, observed)), self.params.max_rows
        if total <= most:
            return observed
        positions = ((np.arange(most) + half / 2) * total / most).astype(int)  # in the concatenation of all clips
        edges = np.cumsum([0, *map(len, observed)])
        return [
            rows[positions[(positions >= a) & (positions < b)] - a]
            for rows, a, b in zip(observed, edges, edges[1:], strict=False)
        ]


def rank_folds(
    feature: Path,
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    upstream: Iterable[Entry],
    params: RankParams,
    workers: int,
) -> dict[str, Ranking]:
    """Return fold name -> ranking, each learned from that fold's training clips alone, as far as `trainable_folds`."""
    with FeatureFile(feature) as file:
        what = f"rank {file.meta.feature}"
        folds = trainable_folds(folds, set(file.clip_ids()), absent_ids(upstream), what, ("train",))
    rankings = ordered_map(_FoldRanker(feature, clips, params), list(folds.items()), workers, "ranking", "fold")
    return dict(zip(folds, rankings, strict=True))


_HALVES = ["first_half", "second_half"]


def write_rankings(path: Path, rankings: Mapping[str, Ranking]) -> None:
    """Write CSV with one row per fold and column of the feature."""
    rows = [
        (fold, r.rows, r.available, column, *halves)
        for fold, r in sorted(rankings.items())
        for column, halves in enumerate(r.halves.T)
    ]
    table = pd.DataFrame(rows, columns=["fold", "rows", "available", "column", *_HALVES])
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n")


def read_rankings(path: Path) -> dict[str, Ranking]:
    """Read what `write_rankings` wrote; ArtifactError where it is absent, or no such table."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such ranking; run `dvc repro rank` first")
    try:
        table = pd.read_csv(path, dtype={"fold": str, **dict.fromkeys(_HALVES, float)})
        return {str(fold): _ranking(str(fold), rows) for fold, rows in table.groupby("fold", dropna=False)}
    except (KeyError, ValueError, pd.errors.ParserError) as error:
        words = " ".join(str(error).split())  # pandas ends some with a line break
        raise ArtifactError(f"{path}: not a ranking ({words}); run `dvc repro -f rank`") from error


def _ranking(fold: str, rows: pd.DataFrame) -> Ranking:
    """Return the ranking of a fold; ValueError where a column is not there once, in its place, or has no figure."""
    halves = rows[_HALVES].to_numpy().T
    if rows["column"].tolist() != list(range(len(rows))) or not np.isfinite(halves).all():
        raise ValueError(f"the columns of fold '{fold}' are not 0 to {len(rows) - 1}, each with two numbers")
    if rows["rows"].nunique() != 1 or rows["available"].nunique() != 1:
        raise ValueError(f"fold '{fold}' has several numbers of rows")
    return Ranking(halves, int(rows["rows"].iloc[0]), int(rows["available"].iloc[0]))
