"""image_set: the clip as a set of frame features, classified by several kernels between sets and their fusion, Liu et
al. 2014 ("Combining multiple kernel methods on Riemannian manifold for emotion recognition in the wild"), the image-set
sub-system of Ouyang et al. 2017.

A set becomes a linear subspace, a covariance matrix and a Gaussian (`pipeline/classification/image_sets`); on each lie
kernels, on each kernel an SVM, logistic regression or partial least squares. The posteriors of all of these members are
averaged, with equal weights or with weights chosen on validation clips; logistic regression has posteriors of its own,
the others those of `LinearSvm`. Without validation clips candidates are chosen by cross-validation over the training
speakers, on points that all of these have described, without labels, and weights are equal. A clip of one frame is a
subspace of one column (none where centred: its kernel is 0), or has the smallest covariance that is assumed.

Costs, for N training clips of T frames in k components: descriptors O(N (T k^2 + k^3)) once per kind, products of all
pairs O(N^2 k^2) once per kind, kernels O(N^2) once per member; of these none is repeated per candidate for C. A file
holds N k (k + 1) / 2 numbers of 4 bytes for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from pipeline.classification.classifiers._files import load_arrays, save_arrays
from pipeline.classification.classifiers._linear import BEST, LinearParams
from pipeline.classification.classifiers._members import Member
from pipeline.classification.image_sets import ensemble, layers
from pipeline.classification.image_sets.described import DescribedSets
from pipeline.core.feature_records import FeatureMeta
from pipeline.protocols.held_out import by_others
from pipeline.training.datasets import Dataset
from pipeline.training.judging import judged, mean_recall

LIGHT = True


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
        min_length=1,
        description="on every kernel; Liu et al. 2014 compare all three; logistic regression has posteriors of its "
        "own where the others have sigmoids per pair",
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
        description=f"candidates for C of SVM and logistic regression; each member for itself: {BEST}",
    )
    balanced: bool = Field(description="weigh classes by their inverse frequency (SVM, logistic regression)")
    latent: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1,
        description=f"candidates for the number of latent directions of PLS; each member for itself: {BEST}",
    )


def check_feature(meta: FeatureMeta, params: Params, place: str) -> None:
    """Refuse, by a SettingsError, a feature that has none of the layers."""
    layers.spans_of([name for name, _ in meta.layers], meta.widths, params.layers, f"{place}.layers")


class Classifier(DescribedSets):
    """Members on one feature, and the weighted mean of their posteriors."""

    chooses_within = True
    validated: tuple[np.ndarray, np.ndarray]
    """Posteriors and scores (N, C) of validation clips, members' candidates, temperatures and the weights chosen by the
    other speakers among them."""

    def __init__(self, params: Params, classes: int) -> None:
        super().__init__(params)
        self.classes = classes
        combinations = product(*(dict.fromkeys(each) for each in (params.descriptor, params.kernel, params.model)))
        self.members = [Member(params, classes, *names) for names in combinations]

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, Any]]:
        """Train; return one row per candidate of each member and one of their fusion, `fused`.

        Columns: member, candidate (C, or latent directions), chosen, those of `LinearSvm.fit`, weight (of its
        posteriors). Without validation clips there is no row of the fusion.
        """
        known = self._learned(train)
        judged_on = self._products(val, self._described(val))
        tables = [member.fit(known[member.descriptor], judged_on[member.descriptor]) for member in self.members]
        posteriors = self._each(judged_on)
        self.weights = self._weighed(posteriors, val.labels)
        self.validated = self._normal(found := self._by_others(val)), found
        weighed = zip(tables, self.weights.tolist(), strict=True)
        rows = [{**row, "weight": round(weight * row["chosen"], 6)} for table, weight in weighed for row in table]
        fused = self._fused(posteriors, self.weights)
        return [*rows, self._judged(fused, val, rows)] if len(val) else rows

    def refit(self, data: Dataset) -> None:
        """Learn anew, from training and validation clips, with the candidates and weights that `fit` has chosen."""
        products = self._learned(data)
        for member in self.members:
            member.refit(products[member.descriptor])

    def _learned(self, train: Dataset) -> dict[str, Dataset]:
        """Learn what describes the sets; return what the members learn from."""
        self.known = np.unique(train.labels)
        self.describe(train)
        for member in self.members:
            member.columns = train.ids
        return self._products(train, self.points)

    def _weighed(self, posteriors: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the weights (M,) that clips with these posteriors (M, N, C) and labels choose."""
        chooses = self.params.weights == "validation"
        return ensemble.validated(posteriors, labels, self.known) if chooses else ensemble.equal(len(posteriors))

    def _by_others(self, val: Dataset) -> np.ndarray:
        """Return scores of validation clips, (N, C), by the members and weights that the other speakers choose."""

        def chosen_by(clips: np.ndarray) -> np.ndarray:
            posteriors = np.stack([member.said_by(clips)[0] for member in self.members])
            return self._scored(self._fused(posteriors, self._weighed(posteriors[:, clips], val.labels[clips])))

        return by_others(val.speakers, val.labels, chosen_by) if len(val) else np.zeros((0, self.classes))

    def _judged(self, fused: np.ndarray, val: Dataset, rows: list[dict[str, Any]]) -> dict[str, Any]:
        accuracy, uar = judged(fused, val.labels, self.known)[1], mean_recall(fused.argmax(1), val.labels)
        turned = sum(row["reversed_pairs"] for row in rows if row["chosen"])
        of_fusion = {"val_accuracy": accuracy, "val_uar": uar, "reversed_pairs": turned, "weight": 1.0}
        return {"member": "fused", "candidate": 0, "chosen": 1, **of_fusion}

    def _each(self, products: Mapping[str, Dataset]) -> np.ndarray:
        """Return the posteriors of every member, (M, N, C)."""
        return np.stack([member.predict(products[member.descriptor]) for member in self.members])

    def _fused(self, posteriors: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean (N, C) of posteriors (M, N, C); summed one by one, so that no clip sways another."""
        return np.asarray(sum(weight * one for weight, one in zip(weights, posteriors, strict=True)))

    def _scored(self, fused: np.ndarray) -> np.ndarray:
        found = np.full(fused.shape, -np.inf)
        found[:, self.known] = fused[:, self.known]
        return found

    def scores(self, data: Dataset) -> np.ndarray:
        """Return the weighted mean of the members' posteriors, (N, C); a class that training lacked gets -inf."""
        return self._scored(self._fused(self._each(self._products(data, self._described(data))), self.weights))

    @staticmethod
    def _normal(scores: np.ndarray) -> np.ndarray:
        """Return the posteriors (N, C) of what `scores` returned."""
        found = np.where(np.isfinite(scores), scores, 0.0)
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        return self._normal(self.scores(data))

    def save(self, path: Path) -> None:
        """Write `<path>.npz`: columns, weights, reductions of frames, training sets, and what each member learned."""
        found = {**self.described(), "weights": self.weights, "classes": self.known}
        for member in self.members:
            found |= member.learned()
        save_arrays(path, found)

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_arrays(path)
        self.weights, self.known = found["weights"], found["classes"]
        self.restore(found)
        for member in self.members:
            member.restore(found)
