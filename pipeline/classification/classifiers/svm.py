"""svm: linear SVM on the mean and standard deviation of each column over the clip, beside the LSTM for every feature.

Posteriors are calibrated as Guo et al. 2017 do (`pipeline/classification/classifiers/_linear.py`).
"""

from __future__ import annotations

import numpy as np

from pipeline.classification.classifiers._linear import LinearParams, LinearSvm
from pipeline.training.datasets import Dataset

LIGHT = True
Params = LinearParams


def functionals(data: Dataset) -> np.ndarray:
    """Return mean and standard deviation over time, (N, 2D)."""
    return np.stack([np.concatenate([s.mean(0), s.std(0)]) for s in data.sequences]).astype(np.float64)


class Classifier(LinearSvm):
    """One SVM on one feature."""

    def __init__(self, params: Params, classes: int) -> None:
        super().__init__(params, classes, functionals)
