"""A linear SVM on the pooled segments of a clip, Zhang et al. 2017, section III.C: shared by the ways to pool."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.classification.classifiers._linear import LinearParams, LinearSvm
from pipeline.training.datasets import Dataset, Scaler


class PooledParams(LinearParams):
    """Candidates and scaling."""

    scaling: Literal["deviation", "range"] = Field(
        "deviation",
        description="columns to mean 0 and deviation 1, or their range to -1 to 1 as LIBSVM's svm-scale does; both by "
        "the training clips {Zhang, the authors' code: range}",
    )


class PooledSvm(LinearSvm):
    """One SVM on one feature."""

    def learned_inputs(self, train: Dataset) -> np.ndarray:
        """Learn how columns are scaled, and return the scaled rows of `train`."""
        scaled = super().learned_inputs(train)
        if self.params.scaling == "deviation":
            return scaled
        rows = self.rows(train)
        low, high = rows.min(axis=0), rows.max(axis=0)
        self.scaler = Scaler.by((low + high) / 2, (high - low) / 2)
        return self.scaler(rows)
