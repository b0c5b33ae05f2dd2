"""linear_svm_max: `linear_svm` on the maximum of every column over the segments of a clip, with settings of its own.

Zhang et al. 2017, section III.C, compare average and maximum, and found the average better: this stands beside it.
"""

from __future__ import annotations

import numpy as np

from pipeline.classification.classifiers._pooled import PooledParams, PooledSvm

LIGHT = True
Params = PooledParams


def row(params: PooledParams, segments: np.ndarray) -> np.ndarray:  # noqa: ARG001
    """Return the maximum of segments (T, D) over time, (D,) float64."""
    return segments.max(axis=0).astype(np.float64)


class Classifier(PooledSvm):
    """One SVM on one feature."""

    row = staticmethod(row)
