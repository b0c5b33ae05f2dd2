"""max_svm: linear SVM on segment features pooled by their maximum, beside `linear_svm` on their average.

Zhang et al. 2017, section III.C, compared the two ("average-pooling and max-pooling") and took the average.
"""

from __future__ import annotations

import numpy as np

from pipeline.classification.classifiers._linear import LinearParams, LinearSvm

LIGHT = True
Params = LinearParams


def row(params: Params, segments: np.ndarray) -> np.ndarray:  # noqa: ARG001
    """Return the maximum of each column of segments (T, D), (D,) float64."""
    return segments.max(axis=0).astype(np.float64)


class Classifier(LinearSvm):
    """One SVM on one feature."""

    row = staticmethod(row)
