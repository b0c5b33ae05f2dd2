"""Search for the weights of eq. (1) of Ouyang et al. 2017 that give most validation clips their label (section 6.4).

The paper tries all of {0, 0.5, 1}^21 for 3 sub-systems and 7 classes. Here the same optimum is found by branch and
bound. A node is a choice of the columns of weights of the first classes. What it can still reach is bounded by

    right so far, and with the best column of one more class    the clips of the classes chosen so far that stay right
                                                                with it, and its own that beat them
    + the most of the classes that are then left                solved for pairs, triples and the last 4, 5, ... classes
                                                                alone ("Russian doll" search); from those for others

Clips only ever lose by a further class, so both are upper bounds, and so is their sum. Of the nodes of one depth many
are examined in one array operation.

Ties: of several best weights the first is taken, in the order that reads the weights class by class, the class with
most judged validation clips first (that order needs the fewest nodes; equal ones as they come), within a class
sub-system by sub-system, and takes larger weights first. A weight is thus lowered only where that wins clips. Nodes are
visited in this order, so a finished search returns exactly what trying all would. One that is stopped by its limit
returns the best weights seen, and the bound that holds for all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.fusion.weights.weighted_sum import Duels

BATCH = 1024
"""Nodes examined at once: more cost memory, fewer cost time."""


@dataclass(frozen=True)
class Found:
    """What a search found: weights (M, C), and how many clips get their label with them, and with any others at most.

    Attributes:
        nodes: partial choices of weights that were examined
        exact: whether the search came to its end: no weights are better, and none as good come first in the order
    """

    weights: np.ndarray
    right: int
    bound: int
    nodes: int
    exact: bool

    @property
    def gap(self) -> int:
        """Clips that other weights might get right in addition."""
        return self.bound - self.right


def search(scores: np.ndarray, labels: np.ndarray, candidates: Sequence[float], node_limit: int) -> Found:
    """Return the first of the best weights, or the best that were seen before the limit.

    Scores (M, N, C) and labels (N,) are those of validation clips, NaN where a sub-system could not judge. A
    SettingsError says that the candidate weights are too many. `node_limit` is for all nodes to examine, counted once
    per batch; what the smaller problems leave of it is for the whole.
    """
    duels = Duels.of(scores, labels, candidates)
    classes = tuple(np.argsort([-size for size in duels.sizes], kind="stable").tolist())
    most = _Most(duels, node_limit // len(classes) ** 3)
    for first in range(len(classes) - 4, 0, -1):
        most.solve(classes[first:], node_limit // (2 * len(classes)))
    tree = _Tree(duels, classes, most)
    tree.run(max(1, node_limit - most.nodes))
    weights = np.empty((len(scores), len(classes)))
    for c, column in zip(classes, tree.best, strict=True):
        weights[:, c] = duels.columns[c][column]
    return Found(weights, tree.right, tree.bound, most.nodes + tree.nodes, tree.finished)


class _Most:
    """How many clips of some classes can be right at most when only these compete; `limit` is for 2 or 3 of them."""

    def __init__(self, duels: Duels, limit: int) -> None:
        self.duels, self.limit, self.nodes = duels, limit, 0
        self.known: dict[tuple[int, ...], int] = {}

    def solve(self, classes: tuple[int, ...], limit: int) -> None:
        tree = _Tree(self.duels, classes, self)
        tree.run(limit)
        self.known[classes] = tree.bound
        self.nodes += tree.nodes

    def of(self, classes: tuple[int, ...]) -> int:
        """Return an upper bound, exact where a search came to its end."""
        if len(classes) < 2:
            return sum(self.duels.sizes[c] for c in classes)
        if classes not in self.known:
            if len(classes) < 4:
                self.solve(classes, self.limit)
            else:
                smaller = [self.of(classes[:i] + classes[i + 1 :]) for i in range(len(classes))]
                # every class is in all parts but one, and in a part it can only be right more often
                mean = sum(smaller) // (len(classes) - 1)
                parts = zip(classes, smaller, strict=True)
                self.known[classes] = min(mean, *(part + self.of((c,)) for c, part in parts))
        return self.known[classes]


class _Tree:
    """Branch and bound over the columns of some classes."""

    def __init__(self, duels: Duels, classes: tuple[int, ...], most: _Most) -> None:
        self.duels, self.classes, self.most = duels, classes, most
        self.best, self.right = _climb(duels, classes)
        # until the tree itself has met weights as good as the first ones, equally good may come earlier in the order
        self.target = self.right
        self.nodes, self.bound, self.finished = 0, self.right, False

    def run(self, limit: int) -> None:
        """Search until nothing better is left, or until `limit` nodes were examined, counted once per batch."""
        stack = [(np.zeros((1, 0), np.int64), np.array([sum(self.duels.sizes[c] for c in self.classes)]))]
        while stack and self.nodes < limit:
            chosen, reach = stack.pop()
            kept = reach >= self.target
            self.nodes += int(kept.sum())
            if kept.any():
                stack.extend(reversed(self._children(chosen[kept], reach[kept])))
        self.finished = not stack
        self.bound = max([self.right, *(int(reach.max()) for _, reach in stack)])

    def _children(self, chosen: np.ndarray, reach: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return those of nodes of one depth, columns (B, depth), and what each can reach (B,), in batches."""
        depth = chosen.shape[1]
        done, left = self.classes[:depth], self.classes[depth:]
        alive = self.duels.alive(done, chosen)
        for new in reversed(left):  # the next class comes last: its table is that of the children
            rest = self.most.of(tuple(c for c in left if c != new))
            found = self.duels.joined(done, chosen, alive, new) + rest
            reach = np.minimum(reach, found.max(axis=1))
            kept = reach >= self.target
            chosen, reach, found, alive = chosen[kept], reach[kept], found[kept], [bits[kept] for bits in alive]
        node, column = np.nonzero(found >= self.target)
        chosen, reach = np.column_stack([chosen[node], column]), np.minimum(found[node, column], reach[node])
        if len(left) > 1:
            return [(chosen[i : i + BATCH], reach[i : i + BATCH]) for i in range(0, len(chosen), BATCH)]
        if len(reach):  # all classes have their column: what can be reached is what is right
            first = int(reach.argmax())
            self.best, self.right = chosen[first], int(reach[first])
            self.target = self.right + 1
        return []


def _climb(duels: Duels, classes: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """Return columns (D,) that no other column of a single class improves, and how many clips they get right.

    From every column given to all classes alike, class by class; the first of the best ends wins.
    """
    counts = [len(duels.columns[c]) for c in classes]
    chosen = np.arange(max(counts))[:, None] % np.array(counts)
    right = np.full(len(chosen), -1)
    improved = True
    while improved:
        improved = False
        for i, c in enumerate(classes):
            others = [*classes[:i], *classes[i + 1 :]]
            theirs = np.delete(chosen, i, axis=1)
            found = duels.joined(others, theirs, duels.alive(others, theirs), c)
            better = found.max(axis=1) > right
            chosen[better, i] = found.argmax(axis=1)[better]
            right = np.maximum(right, found.max(axis=1))
            improved |= bool(better.any())
    first = int(right.argmax())
    return chosen[first], int(right[first])
