"""logistic: multinomial logistic regression on the mean and standard deviation of each column over the clip.

Of no paper here; Hastie, Tibshirani and Friedman 2009, section 4.4. Training and validation speakers alike are held
out one after the other (in ten parts at most), and the C with the least log loss on the held-out clips is taken: more
people judge than the few of validation, and the posteriors, not the decisions, are what a fusion rests on. The same
posteriors of training clips, each by a model that has not met its speaker, are what `stacking` learns from. Of a
feature that was learned from the training clips these cannot be had, and validation clips alone judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.special import softmax

from pipeline.classification.classifiers._files import load_arrays, save_arrays
from pipeline.classification.classifiers._pooled import mean_and_deviation
from pipeline.classification.image_sets.logistic import Coordinates, KernelLogistic
from pipeline.core.settings import Settings
from pipeline.protocols.held_out import by_others, held_out_parts
from pipeline.training.datasets import Dataset, Scaler, joined
from pipeline.training.judging import mean_recall

LIGHT = True
row = mean_and_deviation
_DIGITS = 6
_LEAST = 5e-7
"""A posterior below this is none in a table with six decimals; one clip cannot outweigh all others."""


class Params(Settings):
    """Candidates."""

    c: tuple[float, ...] = Field(
        min_length=1,
        description="candidates for C; the one with the least log loss is taken, by leaving out one training or "
        "validation speaker after the other",
    )
    balanced: bool = Field(description="weigh classes by their inverse frequency")
    refit: ClassVar[bool] = True


@dataclass(frozen=True)
class Logits:
    """What was learned: scaler of rows (D,), weights (K, D), offsets (K,), and the K class indices, sorted."""

    scaler: Scaler
    planes: np.ndarray
    offsets: np.ndarray
    known: np.ndarray

    def __call__(self, rows: np.ndarray, classes: int) -> np.ndarray:
        """Return posteriors and logits, (2, N, C), of rows (N, D); 0 and -inf for a class that training lacked."""
        # row by row, so that none depends on its neighbours
        logits = np.array([self.planes @ row for row in self.scaler(rows)]).reshape(-1, len(self.known)) + self.offsets
        found = np.zeros((2, len(rows), classes))
        found[1] = -np.inf
        found[0][:, self.known], found[1][:, self.known] = softmax(logits, axis=1), logits
        return found


class Classifier:
    """One logistic regression on one feature."""

    row = staticmethod(row)
    chooses_within = True
    learned: Logits
    validated: tuple[np.ndarray, np.ndarray]
    out_of_fold: tuple[np.ndarray, np.ndarray]
    """Posteriors and logits of training clips, (N, C) each, by models that have not met their speakers; NaN where none
    could be had."""

    def __init__(self, params: Params, classes: int) -> None:
        self.params, self.classes = params, classes

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Choose C, and learn from `train`; return one row per candidate: c, val_loss, val_accuracy, val_uar.

        These are of all clips that were held out, of training speakers as well (`val_loss` in nats).
        """
        everyone = joined(train, val)
        said = self._held_out(everyone, len(train))
        judged = ~np.isnan(said[0, 0]).any(axis=1)
        labels, speakers = everyone.labels[judged], np.array(everyone.speakers or everyone.ids)[judged]
        losses = _losses(said[:, :, judged], labels)

        def best(clips: np.ndarray) -> int:
            means = np.array([np.mean(each[clips & ~np.isnan(each)] if clips.any() else 0.0) for each in losses])
            return int(np.nan_to_num(means, nan=np.inf).round(_DIGITS).argmin())

        number = best(np.ones(len(labels), bool))
        self.chosen = self.params.c[number]
        self.learned = next(self._candidates(train, [self.chosen]))
        own = np.full(said[0].shape, np.nan)
        if judged.any():
            own[:, judged] = by_others(speakers, labels, lambda clips: said[best(clips)][:, judged])
        alone = np.flatnonzero(~judged[len(train) :]) + len(train)
        own[:, alone] = self._said(everyone.some(alone))
        self.out_of_fold, self.validated = tuple(own[:, : len(train)]), tuple(own[:, len(train) :])
        found = zip(self.params.c, losses, said[:, 0, judged], strict=True)
        return [self._row(c, loss, each, labels) for c, loss, each in found]

    def _held_out(self, clips: Dataset, trained: int) -> np.ndarray:
        """Return what each candidate says of clips that it has not met, (C candidates, 2, N, classes), else NaN."""
        rows, numbers = self._rows(clips), np.arange(len(clips))
        said = np.full((len(self.params.c), 2, len(clips), self.classes), np.nan)
        if clips.learned and trained < len(clips):  # what training clips show of such a feature, test clips do not
            parts = (numbers >= trained).astype(np.int64)
            held_out = [1]
        else:
            parts = held_out_parts(clips.speakers or clips.ids, clips.labels, least=2)
            held_out = np.unique(parts).tolist()
        for part in held_out:
            held, rest = numbers[parts == part], numbers[parts != part]
            if len(np.unique(clips.labels[rest])) > 1:
                for at, learned in enumerate(self._candidates(clips.some(rest), self.params.c)):
                    said[at][:, held] = learned(rows[held], self.classes)
        return said

    def _candidates(self, clips: Dataset, values: tuple[float, ...] | list[float]) -> Iterator[Logits]:
        """Yield what is learned from clips with each C."""
        rows = self._rows(clips)
        scaler = Scaler.of(clips, rows)
        scaled = scaler(rows)
        gram = scaled @ scaled.T
        coordinates = Coordinates.of(gram)  # as many as clips, however wide the rows are
        for c in values:
            model = KernelLogistic(c, self.params.balanced, coordinates).fit(gram, clips.labels)
            yield Logits(scaler, model.weights.T @ scaled, model.offset, model.classes)

    @staticmethod
    def _row(c: float, losses: np.ndarray, said: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        if not len(labels):
            return {"c": c}
        decided, fair = said.argmax(1), losses[~np.isnan(losses)]
        figures = {"val_loss": float(fair.mean())} if len(fair) else {}
        figures |= {"val_accuracy": float((decided == labels).mean()), "val_uar": mean_recall(decided, labels)}
        return {"c": c, **{name: round(value, _DIGITS) for name, value in figures.items()}}

    def refit(self, data: Dataset) -> None:
        """Learn anew, from training and validation clips, with the C that `fit` has chosen."""
        self.learned = next(self._candidates(data, [self.chosen]))

    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        return self._said(data)[0]

    def scores(self, data: Dataset) -> np.ndarray:
        """Return logits, (N, C); a class that training lacked gets -inf."""
        return self._said(data)[1]

    def _said(self, data: Dataset) -> np.ndarray:
        return self.learned(self._rows(data), self.classes) if len(data) else np.zeros((2, 0, self.classes))

    def _rows(self, data: Dataset) -> np.ndarray:
        return np.stack([self.row(self.params, one) for one in data.sequences]) if data.rows is None else data.rows

    def save(self, path: Path) -> None:
        """Write `<path>.npz`: weights, offsets, classes and scaler."""
        own = {name: getattr(self.learned, name) for name in ("planes", "offsets", "known")}
        save_arrays(path, {**own, **vars(self.learned.scaler)})

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_arrays(path)
        scaler = Scaler(found["mean"], found["scale"])
        self.learned = Logits(scaler, found["planes"], found["offsets"], found["known"])


def _losses(said: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return log losses, (candidates, N) nats, of posteriors and logits (candidates, 2, N, C); NaN for an emotion that
    was not taught.
    """
    posteriors, logits = said[:, :, np.arange(len(labels)), labels].swapaxes(0, 1)
    return np.where(np.isneginf(logits), np.nan, -np.log(np.maximum(posteriors, _LEAST)))
