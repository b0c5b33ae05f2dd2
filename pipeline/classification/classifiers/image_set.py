"""image_set: the clip as a set of frame features, classified by a kernel between sets, Liu et al. 2014 ("Combining
multiple kernel methods on Riemannian manifold for emotion recognition in the wild"), the image-set sub-system of Ouyang
et al. 2017.

A set becomes a linear subspace, a covariance matrix or a Gaussian (`pipeline/classification/image_sets`). On the
kernel lies an SVM as in `svm`, or partial least squares; posteriors are calibrated as there. A clip of one frame is a
subspace of one column (none where centred: its kernel is 0), or has the smallest covariance that is assumed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from pipeline.classification.classifiers._files import load_arrays, save_arrays
from pipeline.classification.classifiers._linear import LinearParams, LinearSvm
from pipeline.classification.image_sets import kernels
from pipeline.classification.image_sets.partial_least_squares import KernelPls
from pipeline.classification.image_sets.reduction import FrameReducer
from pipeline.classification.svm_judge import Judge, Machine
from pipeline.training.datasets import Dataset, Scaler

LIGHT = True
LEAST = 1e-3
"""The smallest variance of a clip that is assumed, as a share of the variance of all training frames."""


class Params(LinearParams):
    """Descriptor, kernel and candidates."""

    c: tuple[float, ...] = Field(
        min_length=1, description="candidates for C of the SVM; the best on validation is taken"
    )
    balanced: bool = Field(description="weigh classes by their inverse frequency (SVM)")
    descriptor: Literal["subspace", "covariance", "gaussian"] = Field(description="what a set of frames becomes")
    kernel: Literal["projection", "projection_rbf", "log_euclidean", "log_euclidean_rbf"] = Field(
        description="projection: for subspaces; log_euclidean: for covariance and gaussian; each linear or "
        "radial (_rbf)"
    )
    components: int = Field(ge=1, description="principal components that frames are reduced to")
    rank: int = Field(ge=1, description="dimensions of a subspace; clips of fewer frames have fewer")
    centred: bool = Field(description="take the clip's mean off before its subspace is found")
    regularisation: float = Field(gt=0, description="share of the trace that is added to every variance")
    gamma: float = Field(
        gt=0, description="of the radial kernels, for distances in units of the training clips' mean squared one"
    )
    model: Literal["svm", "pls"] = Field(description="support vector machine or partial least squares")
    latent: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1,
        description="candidates for the number of latent directions of PLS; the best on validation is taken",
    )

    @model_validator(mode="after")
    def _kernel_fits(self) -> Params:
        if (self.descriptor == "subspace") != self.kernel.startswith("projection"):
            fitting = "projection" if self.descriptor == "subspace" else "log_euclidean"
            raise ValueError(
                f"kernel {self.kernel} does not fit descriptor {self.descriptor}; take {fitting} or {fitting}_rbf"
            )
        return self


class Classifier(LinearSvm):
    """One kernel machine on one feature; rows become their kernel with the training rows."""

    params: Params
    svm_kernel = "precomputed"

    def __init__(self, params: Params, classes: int) -> None:
        super().__init__(params, classes)
        self.candidates = "c" if params.model == "svm" else "latent"

    def row(self, p: Params, frames: np.ndarray) -> np.ndarray:
        reduced = self.reducer(frames)
        if p.descriptor == "subspace":
            return kernels.projector_row(kernels.subspace(reduced, p.rank, p.centred))
        describe = kernels.covariance if p.descriptor == "covariance" else kernels.gaussian
        least = LEAST * reduced.shape[1]  # they vary by 1 per component
        return kernels.log_row(describe(reduced, p.regularisation, least))

    def learned_inputs(self, train: Dataset) -> np.ndarray:
        p = self.params
        self.reducer = FrameReducer.of(train, p.components, about_zero=p.descriptor == "subspace" and not p.centred)
        rows = self.rows(train)
        self.kernel = kernels.SetKernel.of(rows, p.gamma if p.kernel.endswith("_rbf") else None)
        return self.kernel(rows)

    def inputs(self, data: Dataset) -> np.ndarray:
        return self.kernel(self.rows(data))

    def machine(self, value: float) -> Any:
        return KernelPls(int(value)) if self.params.model == "pls" else super().machine(value)

    def applied(self, model: Any, learned: np.ndarray) -> Any:
        return model if isinstance(model, KernelPls) else super().applied(model, learned)

    def save(self, path: Path) -> None:
        """Write `<path>.npz`: model, reduction of frames, kernel with its training rows, sigmoids and temperature."""
        model, kernel = self.judge.machine, self.kernel
        learned = (
            {name: getattr(model, name) for name in KernelPls.LEARNED} if self.params.model == "pls" else vars(model)
        )
        reducer = {**vars(self.reducer.scaler), "basis": self.reducer.basis}
        prepared = {f"reducer_{name}": array for name, array in reducer.items()}
        prepared |= {f"kernel_{name}": np.nan if value is None else value for name, value in vars(kernel).items()}
        save_arrays(path, {**learned, **prepared, **self.judge.fitted()})

    def load(self, path: Path) -> None:
        found = load_arrays(path)
        scaler = Scaler(found["reducer_mean"], found["reducer_scale"])
        self.reducer = FrameReducer(scaler, found["reducer_basis"])
        spread, gamma = float(found["kernel_spread"]), float(found["kernel_gamma"])
        self.kernel = kernels.SetKernel(found["kernel_rows"], spread, None if np.isnan(gamma) else gamma)
        if self.params.model == "pls":
            machine: Any = KernelPls.learned(*(found[name] for name in KernelPls.LEARNED))
        else:
            machine = Machine(found["planes"], found["offsets"], found["classes"])
        self.judge = Judge.of(found, machine)
