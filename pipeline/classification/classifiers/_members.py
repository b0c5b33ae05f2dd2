"""One kernel classifier of several on the same image sets: a kernel, and an SVM, logistic regression or PLS on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.classification.classifiers._linear import LinearSvm
from pipeline.classification.image_sets.kernels import SetKernel
from pipeline.classification.image_sets.logistic import Coordinates, KernelLogistic
from pipeline.classification.image_sets.partial_least_squares import KernelPls
from pipeline.classification.svm_judge import Judge, Machine
from pipeline.protocols.leakage import check_fit
from pipeline.training.datasets import Dataset

_MEASURED = ("norms", "size", "unit")
"""What a kernel learns of the training sets."""


class Member(LinearSvm):
    """A kernel classifier on one kind of points; its `Dataset.rows` are `kernels.products` with the training sets.

    The candidate, C or the number of latent directions, is chosen on validation, and posteriors are those of a linear
    SVM, with its sigmoids on margins of speakers not learned from; logistic regression has posteriors of its own. The
    kernel of the training sets is computed once for all candidates.
    """

    columns: Sequence[str]
    """Ids of the training clips whose products the rows hold, in their order."""

    svm_kernel = "precomputed"

    def __init__(self, params: Any, classes: int, descriptor: str, kernel: str, model: str) -> None:
        super().__init__(params, classes)
        self.descriptor, self.kind, self.machine_kind = descriptor, kernel, model
        self.candidates = "latent" if model == "pls" else "c"

    @property
    def name(self) -> str:
        """Such as subspace-rbf-svm."""
        return f"{self.descriptor}-{self.kind}-{self.machine_kind}"

    def learned_inputs(self, train: Dataset) -> np.ndarray:
        check_fit(train.part, "a kernel between image sets")
        wanted = set(train.ids)  # some of them, where candidates are judged on the others
        self.learned_from = np.array([*(i for i, clip in enumerate(self.columns) if clip in wanted), -1])
        rows = self._taken(train)
        self.kernel = SetKernel.of(rows, self.kind, self.params.degree, self.params.gamma)
        gram = self.kernel(rows)
        if self.machine_kind == "logistic_regression":
            self.coordinates = Coordinates.of(gram)
        return gram

    def _taken(self, data: Dataset) -> np.ndarray:
        # `take` leaves every row in one piece, which indexing does not: sums of a row are then the same in any company
        return np.take(self.rows(data), self.learned_from, axis=1)

    def inputs(self, data: Dataset) -> np.ndarray:
        return self.kernel(self._taken(data))

    def machine(self, value: float) -> Any:
        if self.machine_kind == "pls":
            return KernelPls(int(value))
        if self.machine_kind == "logistic_regression":
            return KernelLogistic(value, self.params.balanced, self.coordinates)
        return super().machine(value)

    def applied(self, model: Any, learned: np.ndarray) -> Any:
        return super().applied(model, learned) if self.machine_kind == "svm" else model

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, Any]]:
        """Train; return the rows of `LinearSvm.fit`, each with member, candidate and chosen (1 or 0)."""
        rows = super().fit(train, val)
        chosen = getattr(self.params, self.candidates).index(self.chosen)
        return [
            {"member": self.name, "candidate": row.pop(self.candidates), "chosen": int(number == chosen), **row}
            for number, row in enumerate(rows)
        ]

    def learned(self) -> dict[str, Any]:
        """Return what `restore` takes, under names that begin with the member's."""
        machine = self.judge.machine
        names = vars(machine) if self.machine_kind == "svm" else type(machine).LEARNED
        found = {name: getattr(machine, name) for name in names}
        found |= {name: getattr(self.kernel, name) for name in _MEASURED}
        return {f"{self.name}/{name}": value for name, value in {**found, **self.judge.fitted()}.items()}

    def restore(self, found: Mapping[str, np.ndarray]) -> None:
        """Take what `learned` returned."""
        own = {name.split("/")[1]: value for name, value in found.items() if name.startswith(f"{self.name}/")}
        norms, size, unit = (own[name] for name in _MEASURED)
        self.learned_from = np.arange(len(norms) + 1)
        self.kernel = SetKernel(self.kind, self.params.degree, self.params.gamma, norms, float(size), float(unit))
        kinds: dict[str, Any] = {"svm": Machine, "pls": KernelPls, "logistic_regression": KernelLogistic}
        kind = kinds[self.machine_kind]
        names = ("planes", "offsets", "classes") if kind is Machine else kind.LEARNED
        make = kind if kind is Machine else kind.learned
        self.judge = Judge.of(own, make(**{name: own[name] for name in names}))
