"""Linear SVM over one row per clip: shared by the plugins that differ in how a clip becomes a row.

One-versus-one LIBSVM through scikit-learn. C is chosen on validation. Class scores are scikit-learn's one-versus-rest
view of the one-versus-one votes and distances; posteriors are their softmax with a temperature fitted on validation
(Guo et al. 2017, "On calibration of modern neural networks"), so that fusion can compare them with another model's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.svm import SVC

from pipeline.classification.classifiers._files import load_arrays, save_arrays
from pipeline.core.settings import Settings
from pipeline.training.datasets import Dataset, Scaler, mean_recall


class LinearParams(Settings):
    """Candidates."""

    c: tuple[float, ...] = Field(min_length=1, description="candidates for C; the best on validation is taken")
    balanced: bool = Field(description="weigh classes by their inverse frequency")


@dataclass(frozen=True)
class Machine:
    """One-versus-one SVMs as hyperplanes: what is needed of a trained `SVC` to apply it, without the object.

    Attributes:
        planes: (K (K - 1) / 2, D), one row per pair of classes, (0, 1), (0, 2), ...; positive for the first of a pair
        offsets: (K (K - 1) / 2,)
        classes: (K,) class indices that training has, sorted
    """

    planes: np.ndarray
    offsets: np.ndarray
    classes: np.ndarray

    @classmethod
    def of(cls, model: SVC, vectors: np.ndarray) -> Self:
        """Return the hyperplanes of an SVC and its support vectors (S, D); on a kernel, one-hot rows over all clips."""
        ends = np.cumsum([0, *model.n_support_])
        of_class = [slice(begin, end) for begin, end in pairwise(ends)]
        dual, planes = model.dual_coef_, []
        for one, other in combinations(range(len(model.classes_)), 2):
            first, second = of_class[one], of_class[other]
            planes.append(dual[other - 1, first] @ vectors[first] + dual[one, second] @ vectors[second])
        return cls(np.stack(planes), model.intercept_, model.classes_)

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        """Return what that of `SVC` does, for rows (N, D): (N, K), or (N,) for two classes, positive for the second."""
        # row by row, so that none depends on its neighbours
        found = np.stack([self.planes @ row for row in rows]) + self.offsets
        count = len(self.classes)
        if count == 2:
            return found[:, 0]
        votes, sums = np.zeros((len(rows), count)), np.zeros((len(rows), count))
        for pair, (one, other) in zip(found.T, combinations(range(count), 2), strict=True):
            votes[:, one] += pair >= 0
            votes[:, other] += pair < 0
            sums[:, one] += pair
            sums[:, other] -= pair
        return votes + sums / (3 * (np.abs(sums) + 1))  # votes first; the sum, less than one vote, orders equals


class LinearSvm:
    """One SVM on one feature, for C classes."""

    row: Callable[[Any, np.ndarray], np.ndarray]
    """(settings, a clip's sequence) -> (K,) float64, where `Dataset.rows` has not been made of these."""
    model: Any
    candidates, svm_kernel = "c", "linear"
    """The setting whose values are tried; kernel of the SVM."""

    def __init__(self, params: Any, classes: int) -> None:
        self.params, self.classes = params, classes

    def rows(self, data: Dataset) -> np.ndarray:
        """Return one row per clip, (N, K) float64."""
        return np.stack([self.row(self.params, one) for one in data.sequences]) if data.rows is None else data.rows

    def learned_inputs(self, train: Dataset) -> np.ndarray:
        """Learn what rows become before the machine sees them, and return that of `train`."""
        rows = self.rows(train)
        self.scaler = Scaler.of(train, rows)
        return self.scaler(rows)

    def inputs(self, data: Dataset) -> np.ndarray:
        """Return what the machine takes of clips."""
        return self.scaler(self.rows(data))

    def machine(self, value: float) -> Any:
        """Return a new machine with one of the candidates."""
        return SVC(kernel=self.svm_kernel, C=value, class_weight="balanced" if self.params.balanced else None)

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Train; return one row per candidate: c (or what `candidates` names), val_accuracy, val_uar."""
        self.known, learned = np.unique(train.labels), self.learned_inputs(train)
        judged = self.inputs(val) if len(val) else learned[:0]
        history, found = [], []
        for value in getattr(self.params, self.candidates):
            self.model = self.machine(value).fit(learned, train.labels)
            found.append((self.model, self._scored(judged)))
            decided = found[-1][1].argmax(1)
            accuracy, uar = round(float((decided == val.labels).mean()), 6), mean_recall(decided, val.labels)
            history.append({self.candidates: value, "val_accuracy": accuracy, "val_uar": uar})
        self.model, scores = found[int(np.argmax([row["val_accuracy"] for row in history]))]
        self.temperature = _temperature(scores, val.labels)
        return history

    def scores(self, data: Dataset) -> np.ndarray:
        """Return decision values, (N, C); a class that training lacked gets -inf."""
        return self._scored(self.inputs(data) if len(data) else np.zeros((0, 1)))

    def _scored(self, inputs: np.ndarray) -> np.ndarray:
        scores = np.full((len(inputs), self.classes), -np.inf)
        if not len(inputs):
            return scores
        values = self.model.decision_function(inputs)
        if values.ndim == 1:  # two classes: one value, positive for the second
            values = np.stack([-values, values], 1)
        scores[:, self.known] = values
        return scores

    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        return self.posteriors(self.scores(data))

    def posteriors(self, scores: np.ndarray) -> np.ndarray:
        """Return the posteriors (N, C) of what `scores` returned."""
        return softmax(scores / self.temperature, axis=1)

    def save(self, path: Path) -> None:
        """Write `<path>.npz`: hyperplanes, scaler and temperature."""
        machine = Machine.of(self.model, self.model.support_vectors_)
        save_arrays(path, {**vars(machine), **vars(self.scaler), "temperature": self.temperature})

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier but for the rounding of sums."""
        found = load_arrays(path)
        self.known, self.temperature = found["classes"], float(found["temperature"])
        self.model = Machine(found["planes"], found["offsets"], self.known)
        self.scaler = Scaler(found["mean"], found["scale"])


def _temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return what scores (N, C) of validation clips are divided by, so that their softmax says how sure to be."""
    known = np.isfinite(scores[np.arange(len(labels)), labels])
    scores, labels = scores[known], labels[known]
    if not len(labels):
        return 1.0

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(scores / np.exp(log_temperature), axis=1)[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
