"""The order of examples where they lie in a file that may be larger than the memory: random, and yet near each other.

A random order of all examples reads the disk once per example. Here blocks of consecutive examples are drawn at random,
as many at a time as a buffer takes, and the order is random within the buffer; every example comes once.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from pipeline.training.loop import minibatches

BLOCK = 4096
BUFFER = 1 << 20
"""Examples; up to so many are in random order altogether."""


def near_minibatches(
    count: int, size: int, order: torch.Generator, block: int = BLOCK, buffer: int = BUFFER
) -> Iterator[torch.Tensor]:
    """Yield the rows 0 .. count - 1 in minibatches; `buffer` rows, or fewer, are what `minibatches` gives."""
    if count <= buffer:
        yield from minibatches(count, size, order)
        return
    blocks = torch.randperm(-(-count // block), generator=order)
    for some in blocks.split(max(1, buffer // block)):
        rows = torch.cat([torch.arange(begin * block, min((begin + 1) * block, count)) for begin in some.tolist()])
        yield from rows[torch.randperm(len(rows), generator=order)].split(size)
