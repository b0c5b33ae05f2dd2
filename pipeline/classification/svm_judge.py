"""One-versus-one SVMs as they are applied: hyperplanes, and the posteriors and decision values that they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pipeline.classification import svm_probabilities

if TYPE_CHECKING:
    from sklearn.svm import SVC


@dataclass(frozen=True)
class Machine:
    """One-versus-one SVMs as hyperplanes: what is needed of a trained `SVC` to apply it, without the object.

    Attributes:
        planes: (K (K - 1) / 2, D), one row per pair of classes, (0, 1), (0, 2), ...; positive for the first of a pair
        offsets: (K (K - 1) / 2,)
        classes: (K,) class indices that training has, sorted
    """

    planes: np.ndarray
    offsets: np.ndarray
    classes: np.ndarray

    @classmethod
    def of(cls, model: SVC, vectors: np.ndarray) -> Self:
        """Return the hyperplanes of an SVC and its support vectors (S, D); on a kernel, one-hot rows over all clips."""
        ends = np.cumsum([0, *model.n_support_])
        of_class = [slice(begin, end) for begin, end in pairwise(ends)]
        dual, planes = model.dual_coef_, []
        for one, other in combinations(range(len(model.classes_)), 2):
            first, second = of_class[one], of_class[other]
            planes.append(dual[other - 1, first] @ vectors[first] + dual[one, second] @ vectors[second])
        sign = 1 if len(model.classes_) > 2 else -1  # of two classes scikit-learn favours the second
        return cls(sign * np.stack(planes), sign * model.intercept_, model.classes_)

    def margins(self, rows: np.ndarray) -> np.ndarray:
        """Return the margins of rows (N, D), (N, K (K - 1) / 2)."""
        # row by row, so that none depends on its neighbours
        return np.array([self.planes @ row for row in rows]).reshape(-1, len(self.offsets)) + self.offsets


@dataclass(frozen=True)
class Judge:
    """What was learned with one candidate: the machine, a sigmoid per pair (pairs, 2), and a temperature.

    A machine that has `posteriors` of its own needs no sigmoids; `Judge.sigmoids` is then (0, 2).
    """

    machine: Any  # its `margins` takes inputs (N, ...) and returns (N, pairs)
    sigmoids: np.ndarray
    classes: np.ndarray  # (K,) class indices that training has, sorted
    temperature: float = 1.0

    @classmethod
    def of(cls, found: Mapping[str, np.ndarray], machine: Any) -> Self:
        """Return a judge from its machine and what `fitted` gave."""
        return cls(machine, found["sigmoids"], found["classes"], float(found["temperature"]))

    def fitted(self) -> dict[str, Any]:
        """Return what makes posteriors of margins, by names for a file; the machine's own has the classes."""
        return {"sigmoids": self.sigmoids, "temperature": self.temperature}

    def __call__(self, inputs: np.ndarray, count: int) -> np.ndarray:
        """Return posteriors and decision values, (2, N, C), of `count` classes; 0 and -inf for those not known."""
        margins, classes = self.machine.margins(inputs), len(self.classes)
        found = np.zeros((2, len(inputs), count))
        found[1] = -np.inf
        found[0][:, self.classes] = svm_probabilities.tempered(self._untempered(inputs, margins), self.temperature)
        found[1][:, self.classes] = svm_probabilities.class_scores(margins, classes)
        return found

    def suited(self, inputs: np.ndarray, labels: np.ndarray) -> Judge:
        """Return the same at the temperature that suits validation clips; those of classes not known have no say."""
        known = np.isin(labels, self.classes)
        found = self._untempered(inputs[known], self.machine.margins(inputs[known]))
        own = np.searchsorted(self.classes, labels[known])
        return replace(self, temperature=svm_probabilities.temperature_of(found, own))

    def _untempered(self, inputs: np.ndarray, margins: np.ndarray) -> np.ndarray:
        """Return posteriors of the classes that are known, (N, K), all above 0."""
        if hasattr(self.machine, "posteriors"):
            return np.maximum(self.machine.posteriors(inputs), np.finfo(np.float64).tiny)
        return svm_probabilities.posteriors(margins, self.sigmoids, len(self.classes))


def margins_of(model: Any, kernel: np.ndarray) -> np.ndarray:
    """Return the margins (N, pairs) that a machine fitted on a kernel matrix (M, M) gives rows (N, M) of it."""
    if hasattr(model, "margins"):
        return model.margins(kernel)
    values = model.decision_function(kernel)
    return -values[:, None] if values.ndim == 1 else values  # as above
