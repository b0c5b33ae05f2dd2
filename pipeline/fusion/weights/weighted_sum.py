"""Weighted sum of the scores of several sub-systems, Ouyang et al. 2017, section 5, eq. (1), and who wins under it.

S = sum over i of w_i * S_i with one weight per sub-system and class. The sub-systems' scores of a class are weighted
by one *column* of weights; with G candidate weights and M sub-systems there are G^M columns. Which class wins a clip
is a conjunction of duels between two columns of two classes, so all that a search must know is the table of duels.

Rules, here and wherever these weights are used:

    missing     a sub-system that could not judge a clip (NaN) adds nothing; a clip that none judged has no scores
    ties        sums that are equal to nine decimals are equal; the first class wins, so a clip on which all sums are
                0, for instance under weights that are all zero, is given the first class
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from pipeline.core.errors import SettingsError
from pipeline.fusion.rules import DECIMALS

MOST_COLUMNS = 256
"""Three candidates for five sub-systems, four for four: tables of duels grow with the square."""


def weighted_sum(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return S of eq. (1), (N, C), for scores (M, N, C) and weights (M, C), to nine decimals; see the rules above.

    >>> scores = np.array([[[0.6, 0.4]], [[0.2, 0.8]]])
    >>> weighted_sum(scores, np.array([[1.0, 0.5], [0.5, 0.5]])).tolist()
    [[0.7, 0.6]]
    """
    missing = np.isnan(scores).any(axis=2)
    total = (weights[:, None, :] * np.where(missing[..., None], 0.0, scores)).sum(axis=0)
    return np.where(missing.all(axis=0)[:, None], np.nan, np.round(total, DECIMALS))


def decisions(total: np.ndarray) -> np.ndarray:
    """Return the class with the largest sum of each clip, (N,), for sums (N, C); -1 where there are none."""
    known = ~np.isnan(total).any(axis=1)
    return np.where(known, np.where(known[:, None], total, 0.0).argmax(axis=1), -1)


def count_right(scores: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> int:
    """Return how many clips get their label, for scores (M, N, C), weights (M, C) and labels (N,)."""
    return int((decisions(weighted_sum(scores, weights)) == labels).sum())


def sums_by_column(scores: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the sums of every class under every column, (K, N, C), for scores (M, N, C) and columns (K, M)."""
    return np.stack([weighted_sum(scores, np.repeat(each[:, None], scores.shape[2], axis=1)) for each in columns])


def columns_of(candidates: Sequence[float], models: int) -> np.ndarray:
    """Return all columns of weights, (K, M), the largest weights first, the last sub-system changing fastest.

    A SettingsError says that there are more than `MOST_COLUMNS`.
    """
    levels = sorted(set(candidates), reverse=True)
    if len(levels) ** models > MOST_COLUMNS:
        raise SettingsError(
            f"params.yaml: fuse.weighted.candidates: {len(levels)} weights for each of {models} sub-systems make "
            f"{len(levels) ** models} combinations per class, the search takes {MOST_COLUMNS}; name fewer"
        )
    return np.array(list(product(levels, repeat=models)), np.float64).reshape(-1, models)


@dataclass(frozen=True)
class Duels:
    """Who wins between two classes on the clips of one of them, for every pair of their columns.

    Clips are bits of 64-bit words. `wins[y][c]` (K_y, K_c, words): the clips of class y on which y beats c.
    `turned[y][c]` (K_c, K_y, words): the same, by c's column first. `columns[c]` (K_c, M): the weights.
    """

    wins: list[list[np.ndarray]]
    turned: list[list[np.ndarray]]
    columns: list[np.ndarray]
    sizes: list[int]

    @classmethod
    def of(cls, scores: np.ndarray, labels: np.ndarray, candidates: Sequence[float]) -> Duels:
        """Return the duels of validation clips, scores (M, N, C) and labels (N,), that at least one sub-system judged.

        Columns that cannot be in the first best weights are left out, see `_needed`.
        """
        models, _, classes = scores.shape
        columns = columns_of(candidates, models)
        judged = ~np.isnan(scores).any(axis=2).all(axis=0)
        truth, sums = labels[judged], sums_by_column(scores[:, judged], columns)
        wins = [[_wins(sums[:, truth == y], y, c) for c in range(classes)] for y in range(classes)]
        kept = []
        for c in range(classes):
            kept.append(_needed(wins, c))
            for y in range(classes):
                wins[y][c] = wins[y][c][:, kept[c]]
                wins[c][y] = wins[c][y][kept[c]]
        turned = [[np.ascontiguousarray(table.swapaxes(0, 1)) for table in row] for row in wins]
        return cls(wins, turned, [columns[index] for index in kept], [int((truth == y).sum()) for y in range(classes)])

    def alive(self, classes: Sequence[int], chosen: np.ndarray) -> list[np.ndarray]:
        """Return for each of D classes with columns (B, D) which clips it wins against the others, (B, words) each."""
        found = []
        for i, y in enumerate(classes):
            bits = np.full((len(chosen), self.wins[y][y].shape[2]), ~np.uint64(0))
            for j, c in enumerate(classes):
                bits &= self.wins[y][c][chosen[:, i], chosen[:, j]]
            found.append(bits)
        return found

    def joined(self, classes: Sequence[int], chosen: np.ndarray, alive: Sequence[np.ndarray], new: int) -> np.ndarray:
        """Return how many clips are right among D classes and a new one, for each column of it, (B, K_new).

        `chosen` (B, D) are the columns of the others, and `alive` is what `Duels.alive` returned for them.
        """
        own = self.wins[new][new]
        gain = np.repeat(own[np.arange(len(own)), np.arange(len(own))][None], len(chosen), axis=0)
        total = np.zeros(gain.shape[:2], np.int64)
        for i, y in enumerate(classes):
            total += _ones(alive[i][:, None] & self.wins[y][new][chosen[:, i]])
            gain &= self.turned[new][y][chosen[:, i]]
        return total + _ones(gain)


def _ones(bits: np.ndarray) -> np.ndarray:
    counts = np.bitwise_count(bits)
    return counts[..., 0] if counts.shape[-1] == 1 else counts.sum(axis=-1, dtype=np.int64)


def _wins(sums: np.ndarray, y: int, c: int) -> np.ndarray:
    """Return on which clips of class y, with sums (K, n, C), y beats c, (K, K, words); all where y is c."""
    count = sums.shape[1]
    own, other = sums[:, None, :, y], sums[None, :, :, c]
    words = max(1, -(-count // 64))
    padded = np.zeros((len(sums), len(sums), 64 * words), bool)
    padded[..., :count] = True if y == c else own >= other if y < c else own > other
    return np.packbits(padded, axis=-1).view(np.uint64)


def _needed(wins: list[list[np.ndarray]], c: int) -> list[int]:
    """Return the columns of class c that no earlier one replaces without losing a clip.

    An earlier column that wins all the duels of a later one makes the result no worse and comes first in the order of
    ties, so the later one is in no first best weights. This also leaves one of equal columns.
    """
    others = [y for y in range(len(wins)) if y != c]
    needed: list[int] = []
    for column in range(wins[c][c].shape[0]):
        before = np.array(needed, np.int64)
        better = np.ones(len(before), bool)
        for y in others:
            better &= ~(wins[c][y][[column]] & ~wins[c][y][before]).any(axis=(1, 2))
            better &= ~(wins[y][c][:, [column]] & ~wins[y][c][:, before]).any(axis=(0, 2))
        if not better.any():
            needed.append(column)
    return needed
