"""Clips as points on the manifolds of several descriptors, by what their training frames have: columns, reductions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.classification.image_sets import kernels
from pipeline.classification.image_sets.layers import columns_of, spans_of
from pipeline.classification.image_sets.reduction import FrameReducer
from pipeline.training.datasets import Dataset, Scaler

LEAST = 1e-3
"""The smallest variance of a clip that is assumed, as a share of the variance of all training frames."""


class DescribedSets:
    """What is learned of training frames without their labels, and the points of training clips, (N, L) each kind."""

    def __init__(self, params: Any) -> None:
        self.params = params
        self.kinds = list(dict.fromkeys(params.descriptor))
        self.origins: dict[str, str] = {
            kind: "zero" if kind == "subspace" and not params.centred else "mean" for kind in self.kinds
        }

    def describe(self, train: Dataset) -> None:
        """Learn which columns go in and what they are reduced to, and describe the training clips."""
        self.spans = spans_of(train.layers, train.widths, self.params.layers, "train.image_set.layers")
        self.reducers = self._reducers(train)
        self.points = self._described(train)

    def _reducers(self, train: Dataset) -> dict[str, FrameReducer]:
        """Return the reduction of frames about each origin that a descriptor asks for."""
        chosen = replace(train, sequences=[columns_of(each, self.spans) for each in train.sequences])
        origins = dict.fromkeys(self.origins.values())
        return {each: FrameReducer.of(chosen, self.params.components, each == "zero") for each in origins}

    def row(self, kind: str, frames: np.ndarray) -> np.ndarray:
        """Return the point (L,) of a clip's frames (T, D) on the manifold of one descriptor, float64.

        Its values are those of float32, so that a file of these gives the same kernels.
        """
        p, reduced = self.params, self.reducers[self.origins[kind]](columns_of(frames, self.spans))
        if kind == "subspace":
            found = kernels.projector_row(kernels.subspace(reduced, p.rank, p.centred))
        else:
            describe = kernels.covariance if kind == "covariance" else kernels.gaussian
            least = LEAST * reduced.shape[1]  # they vary by 1 per component
            found = kernels.log_row(describe(reduced, p.regularisation, least))
        return found.astype(np.float32).astype(np.float64)

    def _described(self, data: Dataset) -> dict[str, np.ndarray]:
        """Return descriptor -> points (N, L) of clips."""
        return {kind: np.array([self.row(kind, frames) for frames in data.sequences]) for kind in self.kinds}

    def _products(self, data: Dataset, points: Mapping[str, np.ndarray]) -> dict[str, Dataset]:
        """Return descriptor -> what its members take of clips: products with the training sets."""
        return {kind: replace(data, rows=kernels.products(each, self.points[kind])) for kind, each in points.items()}

    def described(self) -> dict[str, Any]:
        """Return what `restore` takes, by names for a file."""
        found: dict[str, Any] = {"spans": self.spans}
        found |= {f"points_{kind}": points.astype(np.float32) for kind, points in self.points.items()}
        for origin, reducer in self.reducers.items():
            arrays = {**vars(reducer.scaler), "basis": reducer.basis}
            found |= {f"reducer_{origin}_{name}": array for name, array in arrays.items()}
        return found

    def restore(self, found: Mapping[str, np.ndarray]) -> None:
        """Take what `described` returned."""
        self.spans = found["spans"]
        self.points = {kind: found[f"points_{kind}"].astype(np.float64) for kind in self.kinds}
        self.reducers = {}
        for origin in self.origins.values():
            mean, scale, basis = (found[f"reducer_{origin}_{name}"] for name in ("mean", "scale", "basis"))
            self.reducers[origin] = FrameReducer(Scaler(mean, scale), basis)
