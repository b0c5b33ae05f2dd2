"""Linear SVM over one row per clip: shared by the plugins that differ in how a clip becomes a row.

One-versus-one LIBSVM through scikit-learn. C is chosen on validation, by UAR where classes are weighed (`balanced`) and
by accuracy where not. Class scores are decision values, the mean margin of a class over its pairs; posteriors are those
of LIBSVM (`pipeline/classification/svm_probabilities.py`), whose inner cross-validation goes by training speakers. As
in LIBSVM, the class with the highest posterior is the decision. What rows become before the machine (`learned_inputs`)
is learned from all training clips, without their labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from pipeline.classification import svm_probabilities
from pipeline.classification.candidates import REFIT
from pipeline.classification.classifiers._files import load_arrays, save_arrays
from pipeline.classification.inner_validation import inner_parts
from pipeline.classification.svm_judge import Judge, Machine, margins_of
from pipeline.core.settings import Settings
from pipeline.protocols.held_out import by_others, held_out_parts
from pipeline.training.datasets import Dataset, Scaler
from pipeline.training.judging import first_best, mean_recall

PROBABILITIES = (
    "pairwise: LIBSVM's, a sigmoid per pair of classes, fitted over training speakers, and coupled; tempered: these at "
    "the temperature that suits validation clips, for features that were learned from the training clips "
    "{Zhang's code: pairwise for train.linear_svm.*}"
)


BEST = "the best on validation is taken: by UAR if `balanced`, else by accuracy"


class LinearParams(Settings):
    """Candidates."""

    c: tuple[float, ...] = Field(min_length=1, description=f"candidates for C; {BEST}")
    balanced: bool = Field(description="weigh classes by their inverse frequency")
    refit: bool = Field(False, description=REFIT)
    probabilities: svm_probabilities.Kind = Field("tempered", description=PROBABILITIES)


class LinearSvm:
    """One SVM on one feature, for C classes."""

    row: Callable[[Any, np.ndarray], np.ndarray]
    """(settings, a clip's sequence) -> (K,) float64, where `Dataset.rows` has not been made of these."""
    judge: Judge
    validated: tuple[np.ndarray, np.ndarray]
    """Posteriors and decision values of validation clips, (N, C) each, by the candidate that the other speakers among
    them choose: comparable with what is learned from them out of fold, as a fusion is."""
    said_by: Callable[[np.ndarray], np.ndarray]
    """Validation clips to choose by, (N,) bool -> posteriors and decision values of all of them, (2, N, C)."""
    candidates, svm_kernel, chooses_within = "c", "linear", True
    """The setting whose values are tried; kernel of the SVM: linear, or precomputed, where `inputs` are its rows;
    whether it can choose without validation clips."""

    def __init__(self, params: Any, classes: int) -> None:
        self.params, self.classes = params, classes

    def rows(self, data: Dataset) -> np.ndarray:
        """Return one row per clip, (N, K) float64."""
        return np.stack([self.row(self.params, one) for one in data.sequences]) if data.rows is None else data.rows

    def learned_inputs(self, train: Dataset) -> np.ndarray:
        """Learn what rows become before the machine sees them, and return that of `train`."""
        rows = self.rows(train)
        self.scaler = Scaler.of(train, rows)
        return self.scaler(rows)

    def inputs(self, data: Dataset) -> np.ndarray:
        """Return what the machine takes of clips."""
        return self.scaler(self.rows(data))

    def machine(self, value: float) -> Any:
        """Return a new machine with one of the candidates, for a kernel matrix."""
        from sklearn.svm import SVC  # a second and a half to import, and a trained one does without

        weights = "balanced" if self.params.balanced else None
        return SVC(kernel="precomputed", C=value, class_weight=weights, decision_function_shape="ovo")

    def applied(self, model: Any, learned: np.ndarray) -> Any:
        """Return a trained machine in a form that takes inputs and can be saved."""
        vectors = learned if self.svm_kernel == "linear" else np.eye(len(learned))
        return Machine.of(model, vectors[model.support_])

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Train; return one row per candidate: c (or what `candidates` names), val_accuracy, val_uar, reversed_pairs.

        The last counts the pairs of classes whose margins, on speakers not learned from, point the wrong way. Without
        validation clips candidate and temperature are chosen by cross-validation over the training speakers.
        """
        if not len(val):
            return self._chosen_within(train)
        self.known, learned = np.unique(train.labels), self.learned_inputs(train)
        kernel = learned @ learned.T if self.svm_kernel == "linear" else learned
        judged = self.inputs(val)
        values = getattr(self.params, self.candidates)
        tried = [self._tried(value, learned, kernel, train) for value in values]
        found = [judge(judged, self.classes) for judge in tried]
        decided = np.array([said[0].argmax(1) for said in found])

        def best_by(clips: np.ndarray) -> int:
            return first_best(decided[:, clips], val.labels[clips], self.params.balanced)

        def chosen_by(clips: np.ndarray) -> Judge:
            judge = tried[best_by(clips)]
            return judge.suited(judged[clips], val.labels[clips]) if self.params.probabilities == "tempered" else judge

        self.judge = chosen_by(np.ones(len(val), bool))
        self.chosen = values[best_by(np.ones(len(val), bool))]
        self.said_by = lambda clips: chosen_by(clips)(judged, self.classes)
        said = by_others(val.speakers, val.labels, self.said_by)
        self.validated = said[0], said[1]
        accuracies = (decided == val.labels).mean(axis=1).round(6).tolist()
        turned = [float((judge.sigmoids[:, 0] < 0).sum()) for judge in tried]
        recalls = [mean_recall(each, val.labels) for each in decided]
        columns = (self.candidates, "val_accuracy", "val_uar", "reversed_pairs")
        return [dict(zip(columns, row, strict=True)) for row in zip(values, accuracies, recalls, turned, strict=True)]

    def _chosen_within(self, train: Dataset) -> list[dict[str, float]]:
        values, said, parts = getattr(self.params, self.candidates), [], inner_parts(train)
        for learned_from, held in parts:
            self.known, learned = np.unique(learned_from.labels), self.learned_inputs(learned_from)
            kernel = learned @ learned.T if self.svm_kernel == "linear" else learned
            inputs = self.inputs(held) if len(held) else learned[:0]
            tried = [self._tried(value, learned, kernel, learned_from) for value in values]
            said.append(np.stack([judge(inputs, self.classes)[0] for judge in tried]))
        found, labels = np.concatenate(said, axis=1), np.concatenate([held.labels for _, held in parts])
        right = (found.argmax(2) == labels).mean(axis=1) if len(labels) else np.zeros(len(values))
        best = first_best(found.argmax(2), labels, self.params.balanced) if len(labels) else 0
        self.chosen, self.judge = values[best], tried[best]
        if self.params.probabilities == "tempered" and len(labels):
            at = svm_probabilities.temperature_of(np.maximum(found[best], np.finfo(np.float64).tiny), labels)
            self.judge = replace(self.judge, temperature=at)
        self.refit(train)
        self.validated = np.zeros((0, self.classes)), np.zeros((0, self.classes))
        return [{self.candidates: c, "val_accuracy": round(float(r), 6)} for c, r in zip(values, right, strict=True)]

    def refit(self, data: Dataset) -> None:
        """Learn anew, from training and validation clips, with the candidate and temperature that `fit` has chosen."""
        self.known, learned = np.unique(data.labels), self.learned_inputs(data)
        kernel = learned @ learned.T if self.svm_kernel == "linear" else learned
        self.judge = replace(self._tried(self.chosen, learned, kernel, data), temperature=self.judge.temperature)

    def _tried(self, value: float, learned: np.ndarray, kernel: np.ndarray, train: Dataset) -> Judge:
        machine = self.applied(self.machine(value).fit(kernel, train.labels), learned)
        if hasattr(machine, "posteriors"):  # its own need no sigmoids
            return Judge(machine, np.zeros((0, 2)), self.known)
        margins = self._held_out_margins(value, kernel, train)
        return Judge(machine, svm_probabilities.sigmoids(margins, train.labels, self.known), self.known)

    def _held_out_margins(self, value: float, kernel: np.ndarray, train: Dataset) -> np.ndarray:
        """Return margins of training clips, (N, pairs), from machines that have not learned from their speakers; NaN
        where none could be had. With one speaker clips are held out, as in LIBSVM; up to five parts, as there.
        """
        pairs, labels = list(combinations(self.known.tolist(), 2)), train.labels
        found = np.full((len(labels), len(pairs)), np.nan)
        parts = held_out_parts(train.speakers, labels, least=2, most=5)
        for part in np.unique(parts):
            held, rest = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
            present = np.unique(labels[rest])
            if len(present) > 1:
                model = self.machine(value).fit(kernel[np.ix_(rest, rest)], labels[rest])
                own = np.array([pairs.index(pair) for pair in combinations(present.tolist(), 2)])
                found[np.ix_(held, own)] = margins_of(model, kernel[np.ix_(held, rest)])
        return found

    def scores(self, data: Dataset) -> np.ndarray:
        """Return decision values, (N, C); a class that training lacked gets -inf."""
        return self._said(data)[1]

    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        return self._said(data)[0]

    def _said(self, data: Dataset) -> np.ndarray:
        return self.judge(self.inputs(data), self.classes) if len(data) else np.zeros((2, 0, self.classes))

    def save(self, path: Path) -> None:
        """Write `<path>.npz`: hyperplanes, scaler, sigmoids and temperature."""
        save_arrays(path, {**vars(self.judge.machine), **vars(self.scaler), **self.judge.fitted()})

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_arrays(path)
        self.judge = Judge.of(found, Machine(found["planes"], found["offsets"], found["classes"]))
        self.scaler = Scaler(found["mean"], found["scale"])
