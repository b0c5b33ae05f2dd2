"""linear_svm: linear SVM on pooled segment features, Zhang et al. 2017, section III.C.

The segments of a clip are pooled to one row, by their average (the paper's choice) or their maximum. The authors' own
code calls LIBSVM with `-t 0 -b 1`: `probabilities: pairwise`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.classification.classifiers._linear import PROBABILITIES
from pipeline.classification.classifiers._pooled import PooledParams, PooledSvm
from pipeline.classification.svm_probabilities import Kind

LIGHT = True


class Params(PooledParams):
    """Candidates, scaling and pooling."""

    probabilities: Kind = Field("pairwise", description=PROBABILITIES)
    pooling: Literal["average", "max"] = Field(description="over the segments of a clip {Zhang III.C: average}")


def row(params: Params, segments: np.ndarray) -> np.ndarray:
    """Return segments (T, D) pooled to one row, (D,) float64."""
    over = np.mean if params.pooling == "average" else np.max
    return over(segments.astype(np.float64), axis=0)


class Classifier(PooledSvm):
    """One SVM on one feature."""

    row = staticmethod(row)
