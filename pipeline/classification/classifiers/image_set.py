"""image_set: the clip as a set of frame features, classified by several kernels between sets and their fusion, Liu et
al. 2014 ("Combining multiple kernel methods on Riemannian manifold for emotion recognition in the wild"), the image-set
sub-system of Ouyang et al. 2017.

A set becomes a linear subspace, a covariance matrix and a Gaussian (`pipeline/classification/image_sets`); on each lie
kernels, on each kernel an SVM, logistic regression or partial least squares. The posteriors of all of these members are
averaged, with equal weights or with weights chosen on validation clips. A clip of one frame is a subspace of one column
(none where centred: its kernel is 0), or has the smallest covariance that is assumed.

Costs, for N training clips of T frames in k components: descriptors O(N (T k^2 + k^3)) once per kind, products of all
pairs O(N^2 k^2) once per kind, kernels O(N^2) once per member; of these none is repeated per candidate for C. A file
holds N k (k + 1) / 2 numbers of 4 bytes for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from pipeline.classification.classifiers._files import load_arrays, save_arrays
from pipeline.classification.classifiers._linear import LinearParams
from pipeline.classification.classifiers._members import Member
from pipeline.classification.image_sets import ensemble, kernels, layers
from pipeline.classification.image_sets.reduction import FrameReducer
from pipeline.core.feature_records import FeatureMeta
from pipeline.training.datasets import Dataset, Scaler, judged, mean_recall

LIGHT = True
LEAST = 1e-3
"""The smallest variance of a clip that is assumed, as a share of the variance of all training frames."""


class Params(LinearParams):
    """Descriptors, kernels, classifiers on them, and candidates."""

    layers: tuple[str, ...] = Field(
        description="network layers that go in, where the feature holds several side by side or names its only one; it "
        "must have one of those named; a feature without names of layers goes in whole; [] = all columns "
        "{Ouyang 6.2.1: [fc6]}"
    )
    descriptor: tuple[Literal["subspace", "covariance", "gaussian"], ...] = Field(
        min_length=1, description="what a set of frames becomes; Liu et al. 2014 take all three"
    )
    kernel: tuple[Literal["linear", "polynomial", "rbf"], ...] = Field(
        min_length=1,
        description="on every descriptor: the inner product of its manifold (projection metric of subspaces, "
        "log-Euclidean metric of the others), a power of it, and the radial one; Liu et al. 2014 take the last two",
    )
    model: tuple[Literal["svm", "logistic_regression", "pls"], ...] = Field(
        min_length=1, description="on every kernel; Liu et al. 2014 compare all three"
    )
    weights: Literal["equal", "validation"] = Field(
        description="of the members' posteriors: a plain mean, or ensemble selection on validation clips"
    )
    components: int = Field(ge=1, description="principal components that frames are reduced to")
    rank: int = Field(ge=1, description="dimensions of a subspace; clips of fewer frames have fewer")
    centred: bool = Field(description="take the clip's mean off before its subspace is found")
    regularisation: float = Field(gt=0, description="share of the trace that is added to every variance")
    degree: int = Field(ge=1, le=10, description="of the polynomial kernels")
    gamma: float = Field(
        gt=0, description="of the radial kernels, for distances in units of the training clips' mean squared one"
    )
    c: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        min_length=1,
        description="candidates for C of SVM and logistic regression; each member takes its best on validation",
    )
    balanced: bool = Field(description="weigh classes by their inverse frequency (SVM, logistic regression)")
    latent: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1,
        description="candidates for the number of latent directions of PLS; each member takes its best on validation",
    )


def check_feature(meta: FeatureMeta, params: Params, place: str) -> None:
    """Refuse, by a SettingsError, a feature that has none of the layers."""
    layers.spans_of([name for name, _ in meta.layers], meta.widths, params.layers, f"{place}.layers")


class Classifier:
    """Members on one feature, and the weighted mean of their posteriors."""

    def __init__(self, params: Params, classes: int) -> None:
        self.params, self.classes = params, classes
        combinations = product(*(dict.fromkeys(each) for each in (params.descriptor, params.kernel, params.model)))
        self.members = [Member(params, classes, *names) for names in combinations]
        self.kinds = list(dict.fromkeys(params.descriptor))
        self.origins: dict[str, str] = {
            kind: "zero" if kind == "subspace" and not params.centred else "mean" for kind in self.kinds
        }

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, Any]]:
        """Train; return one row per candidate of each member and one of their fusion, `fused`.

        Columns: member, candidate (C, or latent directions), chosen, val_accuracy, val_uar, weight (of its posteriors).
        """
        self.known = np.unique(train.labels)
        self.spans = layers.spans_of(train.layers, train.widths, self.params.layers, "train.image_set.layers")
        self.reducers = self._reducers(train)
        self.points = self._described(train)
        known, judged_on = self._products(train, self.points), self._products(val, self._described(val))
        tables = [member.fit(known[member.descriptor], judged_on[member.descriptor]) for member in self.members]
        posteriors = self._each(judged_on)
        chooses = self.params.weights == "validation"
        self.weights = (
            ensemble.validated(posteriors, val.labels, self.known) if chooses else ensemble.equal(len(tables))
        )
        weighed = zip(tables, self.weights.tolist(), strict=True)
        rows = [{**row, "weight": round(weight * row["chosen"], 6)} for table, weight in weighed for row in table]
        return [*rows, {"member": "fused", "candidate": 0, "chosen": 1, **self._judged(posteriors, val), "weight": 1.0}]

    def _judged(self, posteriors: np.ndarray, val: Dataset) -> dict[str, float]:
        fused = self._fused(posteriors)
        return {
            "val_accuracy": judged(fused, val.labels, self.known)[1],
            "val_uar": mean_recall(fused.argmax(1), val.labels),
        }

    def _reducers(self, train: Dataset) -> dict[str, FrameReducer]:
        """Return the reduction of frames about each origin that a descriptor asks for."""
        chosen = replace(train, sequences=[layers.columns_of(each, self.spans) for each in train.sequences])
        origins = dict.fromkeys(self.origins.values())
        return {each: FrameReducer.of(chosen, self.params.components, each == "zero") for each in origins}

    def row(self, kind: str, frames: np.ndarray) -> np.ndarray:
        """Return the point (L,) of a clip's frames (T, D) on the manifold of one descriptor, float64.

        Its values are those of float32, so that a file of these gives the same kernels.
        """
        p, reduced = self.params, self.reducers[self.origins[kind]](layers.columns_of(frames, self.spans))
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

    def _each(self, products: Mapping[str, Dataset]) -> np.ndarray:
        """Return the posteriors of every member, (M, N, C)."""
        return np.stack([member.predict(products[member.descriptor]) for member in self.members])

    def _fused(self, posteriors: np.ndarray) -> np.ndarray:
        """Return the weighted mean (N, C) of posteriors (M, N, C); summed one by one, so that no clip sways another."""
        return np.asarray(sum(weight * one for weight, one in zip(self.weights, posteriors, strict=True)))

    def scores(self, data: Dataset) -> np.ndarray:
        """Return the weighted mean of the members' posteriors, (N, C); a class that training lacked gets -inf."""
        found = np.full((len(data), self.classes), -np.inf)
        found[:, self.known] = self._fused(self._each(self._products(data, self._described(data))))[:, self.known]
        return found

    def posteriors(self, scores: np.ndarray) -> np.ndarray:
        """Return the posteriors (N, C) of what `scores` returned."""
        found = np.where(np.isfinite(scores), scores, 0.0)
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        return self.posteriors(self.scores(data))

    def save(self, path: Path) -> None:
        """Write `<path>.npz`: columns, weights, reductions of frames, training sets, and what each member learned."""
        found: dict[str, Any] = {"spans": self.spans, "weights": self.weights, "classes": self.known}
        found |= {f"points_{kind}": points.astype(np.float32) for kind, points in self.points.items()}
        for origin, reducer in self.reducers.items():
            arrays = {**vars(reducer.scaler), "basis": reducer.basis}
            found |= {f"reducer_{origin}_{name}": array for name, array in arrays.items()}
        for member in self.members:
            found |= member.learned()
        save_arrays(path, found)

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_arrays(path)
        self.spans, self.weights, self.known = found["spans"], found["weights"], found["classes"]
        self.points = {kind: found[f"points_{kind}"].astype(np.float64) for kind in self.kinds}
        self.reducers = {}
        for origin in self.origins.values():
            mean, scale, basis = (found[f"reducer_{origin}_{name}"] for name in ("mean", "scale", "basis"))
            self.reducers[origin] = FrameReducer(Scaler(mean, scale), basis)
        for member in self.members:
            member.restore(found)
