"""linear_svm: linear SVM on pooled segment features, Zhang et al. 2017, section III.C.

The segments of a clip are pooled to one row, by their average (the paper's choice) or their maximum.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.classification.classifiers._linear import LinearParams, LinearSvm
from pipeline.training.datasets import Dataset

LIGHT = True


class Params(LinearParams):
    """Candidates and pooling."""

    pooling: Literal["average", "max"] = Field(description="over the segments of a clip {Zhang III.C: average}")


class Classifier(LinearSvm):
    """One SVM on one feature."""

    def __init__(self, params: Params, classes: int) -> None:
        def pooled(data: Dataset) -> np.ndarray:
            over = np.mean if params.pooling == "average" else np.max
            return np.stack([over(segments.astype(np.float64), axis=0) for segments in data.sequences])

        super().__init__(params, classes, pooled)
