"""How the margins of one-versus-one SVMs become posteriors: pair by pair, then coupled, as in LIBSVM's option `-b 1`.

A margin is what a pair's SVM says of a clip before its sign is taken, positive for the first class of the pair; pairs
come as (0, 1), (0, 2), ..., (1, 2), ... The sigmoids are fitted on margins that training clips get from SVMs which have
not learned from their speakers. Where the feature itself was learned from the training clips, these margins are larger
than those of any test clip: `tempered` posteriors are therefore corrected by a temperature on validation clips. What is
fitted is rounded before it is used, since the last bits of an exponential differ between kinds of processor.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.special import expit, log_softmax, softmax

Kind = Literal["pairwise", "tempered"]
DIGITS = 4
"""Significant digits of what is fitted."""
_NEAR = 1e-7
"""A pair is never surer than this, as in LIBSVM."""


def class_scores(margins: np.ndarray, classes: int) -> np.ndarray:
    """Return the mean margin of each class over its pairs, (N, K), for margins (N, K (K - 1) / 2).

    >>> class_scores(np.array([[1.0, 3.0, -2.0]]), 3).tolist()
    [[2.0, -1.5, -0.5]]
    """
    found = np.zeros((len(margins), classes))
    for pair, (one, other) in zip(margins.T, combinations(range(classes), 2), strict=True):
        found[:, one] += pair
        found[:, other] -= pair
    return found / (classes - 1)


def rounded(value: float) -> float:
    """Return a number with `DIGITS` significant digits.

    >>> rounded(0.0123456)
    0.01235
    """
    return float(f"{value:.{DIGITS}g}")


def _newton(
    start: np.ndarray, loss: Callable[[np.ndarray], float], step: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the minimum of a strictly convex loss, (D,): Newton steps, halved until they do not climb."""
    at, now = start, loss(start)
    for _ in range(100):
        change = step(at)
        if np.abs(change).max() < 1e-10 * (1 + np.abs(at).max()):
            break
        while (then := loss(at - change)) > now + 1e-9 * (1 + abs(now)):  # no climb but that of rounding
            change = change / 2
        at, now = at - change, then
    return at


def sigmoid(margins: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Return (slope, offset) of the sigmoid that makes posteriors of a pair's margins (N,), Platt 1999 as in LIBSVM.

    `positive` (N,) says which clips are of the first class. They should become not 1 and 0 but (n + 1) / (n + 2) and
    1 / (n + 2) for n clips of a class (Platt 1999, section 2.2), so that the slope is finite. Fitted by Newton's method
    (Lin, Lin and Weng 2007, "A note on Platt's probabilistic outputs for support vector machines"). (1, 0) where clips
    of one class are absent.
    """
    first, second = int(positive.sum()), int((~positive).sum())
    if not first or not second:
        return 1.0, 0.0
    wanted = np.where(positive, (first + 1) / (first + 2), 1 / (second + 2))
    inputs = np.column_stack([margins, np.ones(len(margins))])

    def loss(at: np.ndarray) -> float:
        z = inputs @ at
        return float((np.logaddexp(0, z) - wanted * z).sum())

    def step(at: np.ndarray) -> np.ndarray:
        found = expit(inputs @ at)
        curvature = (inputs * (found * (1 - found))[:, None]).T @ inputs + 1e-12 * np.eye(2)
        return np.linalg.solve(curvature, inputs.T @ (found - wanted))

    slope, offset = _newton(np.array([0.0, np.log((first + 1) / (second + 1))]), loss, step)
    return rounded(slope), rounded(offset)


def sigmoids(margins: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return slope and offset of each pair, (pairs, 2), from margins (N, pairs) of clips with class indices (N,).

    `known` (K,) are the indices of the classes; a margin is NaN where no SVM could be had without the clip.
    """
    found = []
    for pair, (one, other) in zip(margins.T, combinations(known.tolist(), 2), strict=True):
        chosen = np.isin(labels, (one, other)) & ~np.isnan(pair)
        found.append(sigmoid(pair[chosen], labels[chosen] == one))
    return np.array(found)


def coupled(pairs: np.ndarray, classes: int) -> np.ndarray:
    """Return posteriors (N, K) of pairs' posteriors (N, K (K - 1) / 2), as in LIBSVM.

    Wu, Lin and Weng 2004, "Probability estimates for multi-class classification by pairwise coupling", their second
    approach: the p, sum 1, that minimises the sum over pairs of (r_ji p_i - r_ij p_j)^2, by its linear equations.

    >>> coupled(np.array([[0.8]]), 2).round(6).tolist()
    [[0.8, 0.2]]
    """
    count = len(pairs)
    said = np.zeros((count, classes, classes))
    for pair, (one, other) in zip(np.clip(pairs, _NEAR, 1 - _NEAR).T, combinations(range(classes), 2), strict=True):
        said[:, one, other], said[:, other, one] = pair, 1 - pair
    system = np.zeros((count, classes + 1, classes + 1))
    system[:, :classes, :classes] = -said * said.swapaxes(1, 2)
    diagonal = np.arange(classes)
    system[:, diagonal, diagonal] = np.square(said).sum(axis=1)
    system[:, :classes, classes] = system[:, classes, :classes] = 1
    wanted = np.zeros((count, classes + 1, 1))
    wanted[:, classes] = 1
    found = np.maximum(np.linalg.solve(system, wanted)[:, :classes, 0], np.finfo(np.float64).tiny)
    return found / found.sum(axis=1, keepdims=True)


def posteriors(margins: np.ndarray, fitted: np.ndarray, classes: int) -> np.ndarray:
    """Return posteriors (N, K) of margins (N, pairs) by what `sigmoids` returned, (pairs, 2)."""
    return coupled(expit(margins * fitted[:, 0] + fitted[:, 1]), classes)


def tempered(found: np.ndarray, temperature: float) -> np.ndarray:
    """Return posteriors (N, K) at a temperature: above 1 less sure, none changes which class is the most likely."""
    return found if temperature == 1 else softmax(np.log(found) / temperature, axis=1)


def temperature_of(found: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature T at which posteriors (N, K), all above 0, suit validation clips with labels (N,) best.

    The likelihood times a gamma prior of 1/T, of shape 2 and scale 1, whose peak is at T = 1: what a single clip could
    say. On a few clips, all of them right or none, the likelihood alone has its peak at 0 or at infinity, and any bound
    of the search would be the answer.
    """
    logs, one = np.log(found), np.arange(len(labels))

    def loss(at: np.ndarray) -> float:
        return float(at[0] - np.log(at[0]) - log_softmax(at * logs, axis=1)[one, labels].sum()) if at[0] > 0 else np.inf

    def step(at: np.ndarray) -> np.ndarray:
        said = softmax(at * logs, axis=1)
        mean = (said * logs).sum(axis=1)
        slope = 1 - 1 / at - (logs[one, labels] - mean).sum()
        return slope / (1 / at**2 + (said * np.square(logs - mean[:, None])).sum())

    return rounded(1 / float(_newton(np.ones(1), loss, step)[0]))
