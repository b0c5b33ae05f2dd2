"""Examples in an order that is random and near: each once, in blocks, the same again by the same seed."""

from __future__ import annotations

import torch

from pipeline.training.loop import minibatches
from pipeline.training.order import near_minibatches


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_fits_into_the_buffer_is_in_random_order_altogether():
    found, expected = list(near_minibatches(1000, 32, seeded(), buffer=1000)), minibatches(1000, 32, seeded())
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_each_example_comes_once_from_a_few_blocks_at_a_time():
    for count in (1000, 1003):
        found = list(near_minibatches(count, 16, seeded(), block=10, buffer=100))
        assert sorted(torch.cat(found).tolist()) == list(range(count))
        assert all(len(batch) <= 16 for batch in found)
    rows = torch.cat(found := list(near_minibatches(1000, 16, seeded(), block=10, buffer=100)))
    assert all(len((part // 10).unique()) == 10 for part in rows.split(100)), "ten blocks at a time"
    assert len(set((found[0] // 10).tolist())) > 3, "a minibatch mixes them"
    assert rows[:100].diff().abs().max() > 100, "and they lie apart"


def test_the_order_is_the_seeds():
    one, same, other = (torch.cat(list(near_minibatches(500, 7, seeded(s), 8, 64))) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    order = seeded(1)
    first, second = (torch.cat(list(near_minibatches(500, 7, order, 8, 64))) for _ in range(2))
    assert torch.equal(first, one)
    assert not torch.equal(first, second)
