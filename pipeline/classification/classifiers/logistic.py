"""logistic: multinomial logistic regression on the mean and standard deviation of each column over the clip.

Of no paper here; Hastie, Tibshirani and Friedman 2009, section 4.4. Beside the one-versus-one SVM its posteriors need
no sigmoids and no inner cross-validation. C is chosen as that of the SVMs is (`_linear.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from pipeline.classification.candidates import REFIT
from pipeline.classification.classifiers._files import load_arrays
from pipeline.classification.classifiers._linear import BEST, LinearSvm
from pipeline.classification.svm_judge import Judge
from pipeline.core.settings import Settings
from pipeline.training.datasets import Dataset, Scaler

LIGHT = True


class Params(Settings):
    """Candidates."""

    c: tuple[float, ...] = Field(min_length=1, description=f"candidates for C; {BEST}")
    balanced: bool = Field(description="weigh classes by their inverse frequency")
    refit: bool = Field(False, description=REFIT)
    probabilities: ClassVar[str] = "own"


@dataclass(frozen=True)
class Logits:
    """Weights (K, D), offsets (K,) and the class indices (K,) that training has, sorted."""

    planes: np.ndarray
    offsets: np.ndarray
    classes: np.ndarray

    def _logits(self, rows: np.ndarray) -> np.ndarray:
        # row by row, so that none depends on its neighbours
        return np.array([self.planes @ row for row in rows]).reshape(-1, len(self.offsets)) + self.offsets

    def margins(self, rows: np.ndarray) -> np.ndarray:
        """Return how far the logits of each pair of classes lie apart, (N, K (K - 1) / 2), for rows (N, D)."""
        logits = self._logits(rows)
        one, other = np.triu_indices(len(self.classes), 1)
        return logits[:, one] - logits[:, other]

    def posteriors(self, rows: np.ndarray) -> np.ndarray:
        """Return posteriors (N, K) for rows (N, D)."""
        return np.asarray(softmax(self._logits(rows), axis=1))


class Classifier(LinearSvm):
    """One logistic regression on one feature."""

    @staticmethod
    def row(params: Params, sequence: np.ndarray) -> np.ndarray:  # noqa: ARG004
        """Return mean and standard deviation over time, (2D,) float64, of a sequence (T, D)."""
        return np.concatenate([sequence.mean(0), sequence.std(0)]).astype(np.float64)

    def _tried(self, value: float, learned: np.ndarray, kernel: np.ndarray, train: Dataset) -> Judge:  # noqa: ARG002
        weights = "balanced" if self.params.balanced else None
        model = LogisticRegression(C=value, class_weight=weights, max_iter=10_000, tol=1e-6).fit(learned, train.labels)
        planes, offsets = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # of two classes scikit-learn keeps the second's alone
            planes, offsets = (np.concatenate([-each / 2, each / 2]) for each in (planes, offsets))
        return Judge(Logits(planes, offsets, model.classes_), np.zeros((0, 2)), self.known)

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_arrays(path)
        self.judge = Judge.of(found, Logits(found["planes"], found["offsets"], found["classes"]))
        self.scaler = Scaler(found["mean"], found["scale"])
