"""svm: linear SVM on the mean and standard deviation of each column over the clip, beside the LSTM for every feature.

Posteriors are LIBSVM's (Wu, Lin and Weng 2004; `pipeline/classification/classifiers/_linear.py`).
"""

from __future__ import annotations

from pipeline.classification.classifiers._linear import LinearParams, LinearSvm
from pipeline.classification.classifiers._pooled import mean_and_deviation

LIGHT = True
Params = LinearParams
row = mean_and_deviation


class Classifier(LinearSvm):
    """One SVM on one feature."""

    row = staticmethod(row)
