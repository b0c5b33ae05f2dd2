"""Parts of some clips that are held out in turn: by speaker, so that what is chosen is judged on unknown people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

MOST_PARTS = 10
"""With more speakers, several share a part: a corpus of 90 would take hours otherwise."""


def deal(labels: np.ndarray, most: int = 5) -> np.ndarray:
    """Return the number of the part that each clip is held out in, (N,): stratified, the same on every run.

    Clips ordered by label are dealt round-robin into `most` parts, fewer if there are fewer clips. A label of two or
    more clips is therefore always left on the other side as well.

    >>> deal(np.array([0, 0, 1, 1, 1]), most=2).tolist()
    [0, 1, 0, 1, 0]
    """
    parts = np.empty(len(labels), np.int64)
    parts[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % max(1, min(most, len(labels)))
    return parts


def held_out_parts(
    speakers: Sequence[str] | np.ndarray, labels: np.ndarray, least: int = 3, most: int = MOST_PARTS
) -> np.ndarray:
    """Return the number of the part in which each clip is held out, (N,).

    One part per speaker, `most` of them, where there are `least` speakers or more: what is fitted is then judged on
    people that it has not met, as in the test. Otherwise up to five stratified parts.
    """
    names, number = np.unique(np.array(speakers, str), return_inverse=True)
    return number % most if len(names) >= least else deal(labels)


def by_others(speakers: Sequence[str], labels: np.ndarray, chosen_by: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what validation clips get from the candidate that the other speakers among them choose, (..., N, C).

    What is chosen on a clip looks better there than on a test clip. `chosen_by` takes the clips to choose by, (N,)
    bool, and returns posteriors of all N; a single part chooses by itself, since nobody else can.
    """
    parts = held_out_parts(speakers, labels)
    found = chosen_by(np.ones(len(labels), bool)).copy()
    for part in np.unique(parts):
        others = parts != part
        if others.any():
            found[..., ~others, :] = chosen_by(others)[..., ~others, :]
    return found
