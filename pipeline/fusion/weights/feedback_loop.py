"""Feedback loop for fusion weights, Ouyang et al. 2017, section 5, eq. (2), as a procedure that runs offline.

The paper submits predictions to the challenge and uses "the returned distributions of results" to tune the weights of
the sub-systems, so that predicted and true distributions differ less. Its W of eq. (2) was "manually set based on the
feedback at previous step"; the weights of the sub-systems were then searched again. What it leaves open is read so:

    A   feedback: the share of each class among the predictions of a submission, and among the true labels. Table 5
        shows that the challenge returned more, a row of confusions per class; the loop does without, since eq. (2)
        needs no more than the two distributions
    D   d_c = |predicted share - true share| of class c
    W   one weight per class, 0 before the first feedback; each feedback adds rate * d_c / (mean of d), so that the
        classes that were off most count most in the next step. This stands for what the authors did by hand
    C   accuracy on validation clips with the weights that are tried. The paper's is "static, e.g., the overall accuracy
        on validation data": a constant, which would choose nothing, so that weights could follow the answers anywhere
    L   W D - C: a loss, to be made small

Step 1 takes the weights of the search on validation clips. Each further step starts from the weights submitted last and
changes the weights of that class that lower L most, as long as any change lowers it: a local optimum, unlike step 1,
and unlike the paper, which searches "by brutal-force" at each step. The predicted shares of weights not submitted yet
are the learner's own, the true ones come from the last feedback. Ties: the first class, then larger weights first. The
loop ends when its steps are used up, when the distributions are equal, or when it arrives at weights that it has
submitted before. Of all steps that with the smallest distance is kept; ties go to the higher accuracy on validation,
then to the earlier step.

True labels of the held-out set are known to the `Organiser` alone. Its answers describe the held-out set, so the kept
weights fit that set: `challenge_server.fit_to_feedback` compares with clips on which nothing was ever returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.fusion.rules import DECIMALS, weighted
from pipeline.fusion.weights.branch_and_bound import search
from pipeline.fusion.weights.challenge_server import Feedback, Organiser, shares
from pipeline.fusion.weights.weighted_sum import columns_of, count_right, decisions, sums_by_column, weighted_sum
from pipeline.systems.combined import FeedbackParams


@dataclass(frozen=True)
class Step:
    """One submission: weights (M, C) of the sub-systems, and W, D, C and L of eq. (2)."""

    weights: np.ndarray
    emphasis: tuple[float, ...]
    feedback: Feedback
    differences: tuple[float, ...]
    accuracy: float
    reward: float
    changed: tuple[tuple[int, int, float, float], ...]
    """(sub-system, class, weight before, weight now) against the step before."""

    @property
    def distance(self) -> float:
        """Half the sum of the differences: the share of clips to be moved to make the distributions equal."""
        return round(sum(self.differences) / 2, DECIMALS)


@dataclass(frozen=True)
class Learned:
    """All steps, the number of the one that is kept, and why the loop ended: `steps`, `equal` or `repeated`."""

    steps: tuple[Step, ...]
    kept: int
    end: str

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """The weights of the first step and those that are kept, (M, C) each."""
        return self.steps[0].weights, self.steps[self.kept].weights


def reward(emphasis: Sequence[float] | np.ndarray, differences: Sequence[float] | np.ndarray, accuracy: float) -> float:
    """Return L = W D - C of eq. (2), to nine decimals; smaller is better."""
    return round(float(np.dot(emphasis, differences)) - accuracy, DECIMALS)


def emphasised(emphasis: Sequence[float], differences: Sequence[float], rate: float) -> tuple[float, ...]:
    """Return W for the next step, (C,): `rate` more on average, in proportion to the differences (C,), not all 0."""
    mean = sum(differences) / len(differences)
    return tuple(round(w + rate * d / mean, DECIMALS) for w, d in zip(emphasis, differences, strict=True))


def learn(
    organiser: Organiser,
    held_out: np.ndarray,
    scores: np.ndarray,
    labels: np.ndarray,
    loop: FeedbackParams,
    searched: weighted.Params,
) -> Learned:
    """Return what the loop learned, step by step; a SettingsError says that there are too many candidates.

    `held_out` (M, H, C) are scores of the organiser's clips, NaN where a sub-system could not judge, and `scores`
    (M, N, C) those of validation clips with `labels` (N,).
    """
    weights = search(scores, labels, searched.candidates, searched.node_limit).weights
    descent = _Descent(held_out, scores, labels, columns_of(searched.candidates, len(scores)))
    emphasis = (0.0,) * scores.shape[2]
    steps: list[Step] = []
    end = "steps"
    while len(steps) < loop.steps:
        if steps:
            if not any(steps[-1].differences):
                end = "equal"
                break
            emphasis = emphasised(emphasis, steps[-1].differences, loop.rate)
            weights = descent.run(weights, np.array(emphasis), np.array(steps[-1].feedback.true))
            if any((weights == step.weights).all() for step in steps):
                end = "repeated"
                break
        feedback = organiser.submit(decisions(weighted_sum(held_out, weights)))
        accuracy = count_right(scores, weights, labels) / max(1, len(labels))
        before = steps[-1].weights if steps else weights
        steps.append(_step(weights, before, emphasis, feedback, accuracy))
    kept = min(range(len(steps)), key=lambda i: (steps[i].distance, -steps[i].accuracy))
    return Learned(tuple(steps), kept, end)


def _step(
    weights: np.ndarray, before: np.ndarray, emphasis: tuple[float, ...], feedback: Feedback, accuracy: float
) -> Step:
    pairs = zip(feedback.predicted, feedback.true, strict=True)
    differences = tuple(round(abs(predicted - true), DECIMALS) for predicted, true in pairs)
    places = np.argwhere(weights != before).tolist()
    changed = tuple((i, c, float(before[i, c]), float(weights[i, c])) for i, c in places)
    return Step(weights, emphasis, feedback, differences, accuracy, reward(emphasis, differences, accuracy), changed)


class _Descent:
    """Steepest descent on L over the weights of one class at a time."""

    def __init__(self, held_out: np.ndarray, scores: np.ndarray, labels: np.ndarray, columns: np.ndarray) -> None:
        self.columns, self.labels = columns, labels
        self.held_out, self.known = (sums_by_column(part, columns) for part in (held_out, scores))

    def run(self, weights: np.ndarray, emphasis: np.ndarray, true: np.ndarray) -> np.ndarray:
        """Return weights (M, C) that no change of one class improves, from weights (M, C)."""
        chosen = np.array([int((self.columns == column).all(axis=1).argmax()) for column in weights.T])
        while True:
            losses = np.array([self._losses(chosen, c, emphasis, true) for c in range(len(chosen))])
            c, column = np.unravel_index(losses.argmin(), losses.shape)
            if losses[c, column] >= losses[0, chosen[0]]:  # what the weights give as they are
                return self.columns[chosen].T
            chosen[c] = column

    def _losses(self, chosen: np.ndarray, c: int, emphasis: np.ndarray, true: np.ndarray) -> list[float]:
        """Return L for every column of class c, the other classes as chosen."""
        right = (self._decided(self.known, chosen, c) == self.labels).sum(axis=1) / max(1, len(self.labels))
        found = [shares(decided, len(chosen)) for decided in self._decided(self.held_out, chosen, c)]
        return [
            reward(emphasis, np.abs(predicted - true), accuracy)
            for predicted, accuracy in zip(found, right.tolist(), strict=True)
        ]

    def _decided(self, sums: np.ndarray, chosen: np.ndarray, c: int) -> np.ndarray:
        """Return the decisions for every column of class c, (K, N)."""
        every = np.repeat(sums[chosen, :, np.arange(len(chosen))].T[None], len(sums), axis=0)
        every[..., c] = sums[..., c]
        return decisions(every.reshape(-1, every.shape[2])).reshape(every.shape[:2])
