"""An organiser of a challenge, offline, that alone holds the true labels; Ouyang et al. 2017, section 5.

See `pipeline/fusion/weights/feedback_loop.py` for what is learned from its answers, class distributions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.fusion.rules import DECIMALS
from pipeline.fusion.weights.weighted_sum import decisions, weighted_sum


@dataclass(frozen=True)
class Feedback:
    """What is returned for a submission: the share of each class, (C,), among predictions and among true labels."""

    predicted: tuple[float, ...]
    true: tuple[float, ...]


class Organiser:
    """Holds the true labels of a held-out set and returns class distributions only.

    >>> Organiser(np.array([0, 0, 1, 1]), classes=2).submit(np.array([0, 1, 1, 1]))
    Feedback(predicted=(0.25, 0.75), true=(0.5, 0.5))
    """

    def __init__(self, labels: np.ndarray, classes: int) -> None:
        """Take labels (N,) and the number of classes."""
        self._labels, self._classes = np.array(labels), classes
        self._closed = False
        self.submissions = 0

    def submit(self, predicted: np.ndarray) -> Feedback:
        """Return the feedback on predicted classes (N,), -1 = not judged, and count the submission."""
        if self._closed:
            raise ValueError("the organiser takes no submission after it has told an accuracy")
        self._check(predicted)
        self.submissions += 1
        return Feedback(*(tuple(shares(x, self._classes).tolist()) for x in (predicted, self._labels)))

    def accuracy(self, predicted: np.ndarray) -> float:
        """Return the accuracy of predicted classes (N,), for the report; nothing can be submitted afterwards."""
        self._check(predicted)
        self._closed = True
        return accuracy_of(predicted, self._labels)

    def _check(self, predicted: np.ndarray) -> None:
        if predicted.shape != self._labels.shape:
            raise ValueError(f"predictions for {len(predicted)} clips, the organiser has {len(self._labels)}")


def shares(decided: np.ndarray, classes: int) -> np.ndarray:
    """Return the share of each class among N clips, (C,), for classes (N,); -1 counts for none, no clip gives 0."""
    return np.bincount(decided[decided >= 0], minlength=classes) / max(1, len(decided))


def accuracy_of(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of clips that got their label, for classes (N,) and labels (N,); no clip gives 0."""
    return int((predicted == labels).sum()) / max(1, len(labels))


def fit_to_feedback(
    weights: tuple[np.ndarray, np.ndarray],
    organiser: Organiser,
    held_out: np.ndarray,
    unseen: np.ndarray,
    labels: np.ndarray,
) -> dict[str, Any]:
    """Return how far the kept weights fit the set with feedback; the organiser takes no submission afterwards.

    with_feedback and without_feedback are the accuracy with either weights; excess is what was gained on the set with
    feedback beyond the gain without.

    Args:
        weights: (M, C) of step 1 and (M, C) that are kept
        held_out: (M, H, C) scores of the organiser's clips
        unseen: (M, N, C) scores of other clips with `labels` (N,), on which nothing was returned
    """
    told = tuple(organiser.accuracy(decisions(weighted_sum(held_out, each))) for each in weights)
    other = tuple(accuracy_of(decisions(weighted_sum(unseen, each)), labels) for each in weights)
    excess = round((told[1] - told[0]) - (other[1] - other[0]), DECIMALS)
    return {"with_feedback": told, "without_feedback": other, "excess": excess}
