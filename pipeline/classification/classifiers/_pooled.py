"""One row per clip in place of its sequence, and the linear SVM on pooled segments, Zhang et al. 2017."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from pipeline.classification.classifiers._linear import LinearParams, LinearSvm
from pipeline.training.datasets import Dataset, Scaler


def mean_and_deviation(params: Any, sequence: np.ndarray) -> np.ndarray:  # noqa: ARG001
    """Return mean and standard deviation over time, (2D,) float64, of a sequence (T, D)."""
    return np.concatenate([sequence.mean(0), sequence.std(0)]).astype(np.float64)


class PooledParams(LinearParams):
    """Candidates and scaling."""

    scaling: Literal["deviation", "range"] = Field(
        "deviation",
        description="columns to mean 0 and deviation 1, or their range to -1 to 1 as LIBSVM's svm-scale does; both by "
        "the training clips {Zhang, the authors' code: range}",
    )


class PooledSvm(LinearSvm):
    """One SVM on one feature, section III.C: shared by the ways to pool the segments of a clip."""

    def learned_inputs(self, train: Dataset) -> np.ndarray:
        """Learn how columns are scaled, and return the scaled rows of `train`."""
        scaled = super().learned_inputs(train)
        if self.params.scaling == "deviation":
            return scaled
        rows = self.rows(train)
        low, high = rows.min(axis=0), rows.max(axis=0)
        self.scaler = Scaler.by((low + high) / 2, (high - low) / 2)
        return self.scaler(rows)
