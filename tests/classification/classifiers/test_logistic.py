"""logistic: scikit-learn as the reference; two classes; what was saved."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from helpers.classifiers import fitted, toy


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 2)])
def test_posteriors_are_scikit_learns(classes, tmp_path):
    train, val, test = (toy(60, seed, classes, shift=0.8) for seed in range(3))
    classifier, rows = fitted("logistic", train, val, c=(0.1,), balanced=True)
    assert [row["c"] for row in rows] == [0.1]
    pooled = [np.stack([np.r_[s.mean(0), s.std(0)] for s in data.sequences]).astype(float) for data in (train, test)]
    scaler = StandardScaler().fit(pooled[0])
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=10_000, tol=1e-6)
    model.fit(scaler.transform(pooled[0]), train.labels)
    found = classifier.predict(test)
    np.testing.assert_allclose(found[:, list(classes)], model.predict_proba(scaler.transform(pooled[1])), atol=1e-4)
    assert (found[:, [c for c in range(3) if c not in classes]] == 0).all()
    classifier.save(tmp_path / "fold-00")
    again = type(classifier)(classifier.params, 3)
    again.load(tmp_path / "fold-00")
    assert np.array_equal(again.predict(test), found)
