"""selected: a linear SVM on the columns that tell most about the emotion, of one feature or of several side by side.

Early fusion of selected features: a filter before the machine (Guyon and Elisseeff 2003, "An introduction to variable
and feature selection", section 2). A clip is one row, mean and standard deviation of every column of all features over
its own frames; of a feature with one row per clip the deviation is constant, and never selected. Scaling and ranking
are learned from the training clips of the fold, and anew without those speakers of them on whom posteriors are fitted,
or a candidate is judged. What a clip has not is put at the training mean.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from pipeline.classification.candidates import Tried
from pipeline.classification.classifiers._files import load_arrays, save_arrays
from pipeline.classification.classifiers._linear import LinearParams, LinearSvm
from pipeline.classification.svm_judge import Judge, Machine, margins_of
from pipeline.core.settings import Settings
from pipeline.features.selection.ranking import RankParams, forest
from pipeline.protocols.held_out import held_out_parts
from pipeline.protocols.leakage import check_fit
from pipeline.training.datasets import Dataset, Scaler

LIGHT, JOINED = True, True
_CONSTANT = 1e-6
"""Share of its mean below which the deviation of a column over training clips is rounding."""


class _Selection(Settings):
    k: Tried[Annotated[int, Field(ge=1)]] = Field(
        description="columns to select, mean and deviation counted as two; all that vary where there are fewer"
    )
    ranking: Tried[Literal["anova", "mutual_information", "forest"]] = Field(
        description="what a column tells: F of the analysis of variance, mutual information with the emotion (slow), "
        "or the importance that a random forest gives it"
    )


class Params(LinearParams, _Selection):
    """Candidates; the number of columns is one, too."""


def row(params: Params, sequence: np.ndarray) -> np.ndarray:  # noqa: ARG001
    """Return mean and standard deviation of each column over the rows that have it, (2D,) float64, of a sequence
    (T, D); NaN where none has.
    """
    observed = ~np.isnan(sequence)
    count = np.where(observed.any(axis=0), observed.sum(axis=0), np.nan)
    mean = sequence.sum(axis=0, dtype=np.float64, where=observed) / count
    deviation = np.sqrt(np.square(sequence - mean).sum(axis=0, where=observed) / count)
    return np.concatenate([mean, deviation])


def _anova(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from sklearn.feature_selection import f_classif

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(f_classif(rows, labels)[0])


def _mutual_information(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from sklearn.feature_selection import mutual_info_classif

    return np.asarray(mutual_info_classif(rows, labels, random_state=0))


def _forest(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    params = RankParams(trees=500, max_rows=len(rows) + 10, min_leaf=3, seed=0)
    return forest(rows, labels, params.trees, params, params.seed)


_RANKINGS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "anova": _anova,
    "mutual_information": _mutual_information,
    "forest": _forest,
}


class Selection:
    """Numbers of the columns that are kept of rows (N, K), and their scaling."""

    def __init__(self, columns: np.ndarray, scaler: Scaler) -> None:
        self.columns, self.scaler = columns, scaler

    @classmethod
    def of(cls, train: Dataset, rows: np.ndarray, params: Any) -> Selection:
        """Learn from training clips and their rows; a LeakageError says that these are no training clips."""
        check_fit(train.part, "a selection of columns")
        observed = ~np.isnan(rows)
        count = np.maximum(observed.sum(axis=0), 1)
        mean = rows.sum(axis=0, where=observed) / count
        deviation = np.sqrt(np.square(rows - mean).sum(axis=0, where=observed) / count)
        varied = np.flatnonzero(deviation > _CONSTANT * np.abs(mean) + np.finfo(np.float32).tiny)
        told = _RANKINGS[params.ranking](
            _filled(Scaler.by(mean[varied], deviation[varied]), rows[:, varied]), train.labels
        )
        # of equal ones the first columns, so that the choice does not hang on the sort
        columns = np.sort(varied[np.lexsort((varied, -np.nan_to_num(told)))[: params.k]])
        return cls(columns, Scaler.by(mean[columns], deviation[columns]))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the kept columns of rows (N, K), scaled."""
        return _filled(self.scaler, rows[:, self.columns])


def _filled(scaler: Scaler, rows: np.ndarray) -> np.ndarray:
    """Return scaled rows; what a clip has not is at the training mean."""
    return np.nan_to_num(scaler(rows), nan=0.0)


class Classifier(LinearSvm):
    """One SVM on one feature, or on several side by side."""

    row = staticmethod(row)

    def learned_inputs(self, train: Dataset) -> np.ndarray:
        """Learn scaling and columns from training clips, with their labels; return what the machine takes of them."""
        rows = self.rows(train)
        self.selection = Selection.of(train, rows, self.params)
        self._parts = [self._held_out(train, rows, part) for part in self._dealt(train)]
        return self.selection(rows)

    def inputs(self, data: Dataset) -> np.ndarray:
        """Return what the machine takes of clips."""
        return self.selection(self.rows(data))

    @staticmethod
    def _dealt(train: Dataset) -> list[np.ndarray]:
        parts = held_out_parts(train.speakers, train.labels, least=2, most=5)
        return [parts == part for part in np.unique(parts)]

    def _held_out(self, train: Dataset, rows: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return (which clips are held out, inputs of the others, inputs of them), by the columns that the others
        choose: by those of all, a machine would look better on its held-out clips than it is.
        """
        others = train.some(np.flatnonzero(~held))
        if len(np.unique(others.labels)) < 2:
            return held, rows[:0], rows[:0]
        own = Selection.of(others, rows[~held], self.params)
        return held, own(rows[~held]), own(rows[held])

    def _held_out_margins(self, value: float, kernel: np.ndarray, train: Dataset) -> np.ndarray:  # noqa: ARG002
        """Return margins of training clips, as `LinearSvm` does, from columns that their speakers did not choose."""
        pairs, labels = list(combinations(self.known.tolist(), 2)), train.labels
        found = np.full((len(labels), len(pairs)), np.nan)
        for held, rest, judged in self._parts:
            if not len(rest):
                continue
            model = self.machine(value).fit(rest @ rest.T, labels[~held])
            own = np.array([pairs.index(pair) for pair in combinations(np.unique(labels[~held]).tolist(), 2)])
            found[np.ix_(held, own)] = margins_of(model, judged @ rest.T)
        return found

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, Any]]:
        """Train; return the rows of `LinearSvm.fit`, each with how many columns of each feature were selected."""
        history = super().fit(train, val)
        names = train.layers if train.modalities else ("columns",)
        widths = train.widths if train.modalities else (self.rows(train).shape[1] // 2,)
        of = np.repeat(np.arange(len(names)), widths)[self.selection.columns % sum(widths)]
        chosen = {f"of_{name}": int((of == number).sum()) for number, name in enumerate(names)}
        return [{**one, **chosen} for one in history]

    def save(self, path: Path) -> None:
        """Write `<path>.npz`: hyperplanes, columns, scaler, sigmoids and temperature."""
        scaler = vars(self.selection.scaler)
        machine = {**vars(self.judge.machine), **self.judge.fitted()}
        save_arrays(path, {**machine, **scaler, "columns": self.selection.columns})

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_arrays(path)
        self.judge = Judge.of(found, Machine(found["planes"], found["offsets"], found["classes"]))
        self.selection = Selection(found["columns"], Scaler(found["mean"], found["scale"]))
