"""Fuzzing: inputs that are derived from clips of the demo and from tables by rules, and what has to hold of each.

`media`, `tables` and `artifacts` make inputs; `clips` and `readers` run the pipeline's own code on them and say what is
wrong; `forks` runs it in processes that may hang or die. An input is made from (seed, number) alone, so that two
numbers bring a failure back: `python -m benchmarks.fuzz --seed 0 --one 1234`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEIGHBOUR_S = 1.28
"""How long the clips are that the inputs are derived from, s."""


@dataclass(frozen=True)
class Verdict:
    """What became of an input.

    Attributes:
        number: the input's
        rule: how it was made
        outcome: `ok`, `degraded`, `absent`, `failed`; `read` or `refused` of a table or an artifact
        wrong: what does not hold, in words
        words: what the ledger or the error says
    """

    number: int
    rule: str
    outcome: str
    wrong: tuple[str, ...] = ()
    words: str = ""


def chance(seed: int, number: int) -> np.random.Generator:
    """Return the source of everything random in one input."""
    return np.random.default_rng([seed, number])
