"""svm: linear SVM on the mean and standard deviation of each column over the clip, beside the LSTM for every feature.

Posteriors are LIBSVM's (Wu, Lin and Weng 2004; `pipeline/classification/classifiers/_linear.py`).
"""

from __future__ import annotations

import numpy as np

from pipeline.classification.classifiers._linear import LinearParams, LinearSvm

LIGHT = True
Params = LinearParams


def row(params: Params, sequence: np.ndarray) -> np.ndarray:  # noqa: ARG001
    """Return mean and standard deviation over time, (2D,) float64, of a sequence (T, D)."""
    return np.concatenate([sequence.mean(0), sequence.std(0)]).astype(np.float64)


class Classifier(LinearSvm):
    """One SVM on one feature."""

    row = staticmethod(row)
