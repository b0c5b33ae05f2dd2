"""Linear SVM over one row per clip: shared by the plugins that differ in how a clip becomes a row.

One-versus-one LIBSVM through scikit-learn. C is chosen on validation. Class scores are scikit-learn's one-versus-rest
view of the one-versus-one votes and distances; posteriors are their softmax with a temperature fitted on validation
(Guo et al. 2017, "On calibration of modern neural networks"), so that fusion can compare them with another model's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
from pydantic import Field
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.svm import SVC

from pipeline.core.files import atomic_path
from pipeline.core.settings import Settings
from pipeline.datasets import Dataset, Scaler


class LinearParams(Settings):
    """Candidates."""

    c: tuple[float, ...] = Field(min_length=1, description="candidates for C; the best on validation is taken")
    balanced: bool = Field(description="weigh classes by their inverse frequency")


class LinearSvm:
    """One SVM on one feature.

    Args:
        params: candidates
        classes: C
        rows: makes (N, D) float64 of the clips
    """

    def __init__(self, params: LinearParams, classes: int, rows: Callable[[Dataset], np.ndarray]) -> None:
        self.params = params
        self.classes = classes
        self.rows = rows

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Train; return one row per candidate: c, val_accuracy."""
        rows = self.rows(train)
        self.scaler = Scaler.of(train, rows)
        history, models = [], []
        for c in self.params.c:
            self.model = SVC(kernel="linear", C=c, class_weight="balanced" if self.params.balanced else None)
            self.model.fit(self.scaler(rows), train.labels)
            models.append(self.model)
            history.append({"c": c, "val_accuracy": round(float((self.scores(val).argmax(1) == val.labels).mean()), 6)})
        self.model = models[int(np.argmax([row["val_accuracy"] for row in history]))]
        self.temperature = self._calibrated(val)
        return history

    def scores(self, data: Dataset) -> np.ndarray:
        """Return decision values, (N, C); a class that training lacked gets -inf."""
        scores = np.full((len(data), self.classes), -np.inf)
        if not len(data):
            return scores
        values = self.model.decision_function(self.scaler(self.rows(data)))
        if values.ndim == 1:  # two classes: one value, positive for the second
            values = np.stack([-values, values], 1)
        scores[:, self.model.classes_] = values
        return scores

    def _calibrated(self, val: Dataset) -> float:
        scores = self.scores(val)
        known = np.isfinite(scores[np.arange(len(val)), val.labels])
        scores, labels = scores[known], val.labels[known]
        if not len(labels):
            return 1.0

        def loss(log_temperature: float) -> float:
            return float(-log_softmax(scores / np.exp(log_temperature), axis=1)[np.arange(len(labels)), labels].mean())

        return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))

    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        return softmax(self.scores(data) / self.temperature, axis=1) if len(data) else np.zeros((0, self.classes))

    def save(self, path: Path) -> None:
        """Write `<path>.joblib`: model, scaler and temperature."""
        content = {"model": self.model, "scaler": vars(self.scaler), "temperature": self.temperature}
        with atomic_path(path.with_name(path.name + ".joblib")) as temporary:
            joblib.dump(content, temporary)
