"""One kernel classifier of several on the same image sets: a kernel, and an SVM, logistic regression or PLS on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.classification.classifiers._linear import LinearSvm, Machine
from pipeline.classification.image_sets.kernels import SetKernel
from pipeline.classification.image_sets.logistic import Coordinates, KernelLogistic
from pipeline.classification.image_sets.partial_least_squares import KernelPls
from pipeline.protocols.leakage import check_fit
from pipeline.training.datasets import Dataset

_MEASURED = ("norms", "size", "unit")
"""What a kernel learns of the training sets."""


class Member(LinearSvm):
    """A kernel classifier on one kind of points; its `Dataset.rows` are `kernels.products` with the training sets.

    The candidate, C or the number of latent directions, is chosen on validation, and posteriors are calibrated there,
    as those of a linear SVM are. The kernel of the training sets is computed once for all candidates.
    """

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
        rows = self.rows(train)
        self.kernel = SetKernel.of(rows, self.kind, self.params.degree, self.params.gamma)
        gram = self.kernel(rows)
        if self.machine_kind == "logistic_regression":
            self.coordinates = Coordinates.of(gram)
        return gram

    def inputs(self, data: Dataset) -> np.ndarray:
        return self.kernel(self.rows(data))

    def machine(self, value: float) -> Any:
        if self.machine_kind == "pls":
            return KernelPls(int(value))
        if self.machine_kind == "logistic_regression":
            return KernelLogistic(value, self.params.balanced, self.coordinates)
        return super().machine(value)

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, Any]]:
        """Train; return one row per candidate: member, candidate, chosen (1 or 0), val_accuracy, val_uar."""
        rows = super().fit(train, val)
        chosen = int(np.argmax([row["val_accuracy"] for row in rows]))
        if self.machine_kind == "svm":  # what the file will hold: the same bits in test and in `predict`
            self.model = Machine.of(self.model, np.eye(len(train))[self.model.support_])
        return [
            {"member": self.name, "candidate": row.pop(self.candidates), "chosen": int(number == chosen), **row}
            for number, row in enumerate(rows)
        ]

    def learned(self) -> dict[str, Any]:
        """Return what `restore` takes, under names that begin with the member's."""
        names = vars(self.model) if self.machine_kind == "svm" else type(self.model).LEARNED
        found = {name: getattr(self.model, name) for name in names}
        found |= {name: getattr(self.kernel, name) for name in _MEASURED}
        return {f"{self.name}/{name}": value for name, value in {**found, "temperature": self.temperature}.items()}

    def restore(self, found: Mapping[str, np.ndarray]) -> None:
        """Take what `learned` returned."""
        own = {name.split("/")[1]: value for name, value in found.items() if name.startswith(f"{self.name}/")}
        norms, size, unit = (own.pop(name) for name in _MEASURED)
        self.kernel = SetKernel(self.kind, self.params.degree, self.params.gamma, norms, float(size), float(unit))
        self.temperature, self.known = float(own.pop("temperature")), own["classes"]
        machines: dict[str, Any] = {
            "svm": Machine,
            "pls": KernelPls.learned,
            "logistic_regression": KernelLogistic.learned,
        }
        self.model = machines[self.machine_kind](**own)
