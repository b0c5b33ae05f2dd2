"""The audio of one clip as features read it, in blocks, and rows that see the rows of the next block.

Nothing here holds more than a minute or two pieces, so memory does not grow with a clip's length.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Self

import numpy as np

BLOCK_S = 5.0
"""How much audio is decoded at a time, s."""
PIECE_S = 10.0
"""How much audio is worked on at a time, s; what lasts no longer is computed in one piece."""
KEPT_BLOCKS = 12
"""A clip of so many blocks, a minute, is decoded once and kept; a longer one is decoded anew for each reading."""


class Audio:
    """The audio of one clip, read as often as asked for.

    Args:
        read: begins a new reading: consecutive samples, (n,) float32, at least one block
        damage: what `read` tells of samples that could not be decoded

    Raises:
        ClipError: what `read` raises, here for a short clip, otherwise possibly in mid-reading
    """

    def __init__(self, read: Callable[[], Iterator[np.ndarray]], damage: Sequence[str] = ()) -> None:
        self.damage = damage
        first = list(islice(read(), KEPT_BLOCKS + 1))
        self.blocks = read if len(first) > KEPT_BLOCKS else lambda: iter(first)
        """Begins a new reading: consecutive samples, (n,) float32, not to be written to."""

    @classmethod
    def of(cls, samples: np.ndarray, block: int | None = None) -> Self:
        """Return audio that is in memory already, (N,) float32, in blocks of `block` samples or as a whole."""
        size = block or max(1, len(samples))
        return cls(lambda: (samples[start : start + size] for start in range(0, max(1, len(samples)), size)))


def overlapping(
    blocks: Iterable[np.ndarray], step: int, before: int = 0, after: int = 0
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield consecutive samples, blocks of (n,), in pieces that begin at 0, step, 2 step ... and see some neighbours:
    (begin, samples `[begin - before, begin + step + after)` as far as there are any).
    """
    held: list[np.ndarray] = []  # the samples `low` to `high`
    low = high = begin = 0
    for block in chain(blocks, [None]):
        if block is not None:
            held.append(block)
            high += len(block)
        least = 1 if block is None else step + after  # the last piece is the remainder
        while high - begin >= least:
            samples = held[0] if len(held) == 1 else np.concatenate(held)
            first = max(0, begin - before)
            held, low = [samples[first - low :]], first
            yield begin, held[0][: begin + step + after - low]
            begin += step


def over_seams(
    blocks: Iterable[np.ndarray], reach: int, function: Callable[[np.ndarray], np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield consecutive rows of `function(all rows)`, (n, E), equal bit by bit, while only two blocks, of consecutive
    rows (n, D), are in memory; nothing for no block.

    The function (T, D) -> (T, E) repeats the first and the last row beyond the ends; its row t depends on rows
    t - reach to t + reach.
    """
    held: np.ndarray | None = None
    done = 0  # how many of the rows that are held are there only for those that follow
    for block in blocks:
        if held is None:
            held = block
            continue
        ready = max(done, len(held) - reach)
        if ready > done:
            yield function(held)[done:ready]
        first = max(0, ready - reach)
        held, done = np.concatenate([held[first:], block]), ready - first
    if held is not None:
        yield function(held)[done:]
