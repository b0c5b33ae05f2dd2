"""`pipeline.training.batches`: made ahead, in pieces with the gradient of the whole, and weighed."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from pipeline.training.batches import in_parts, ready
from pipeline.training.loop import Loop, Schedule


def test_batches_are_the_same_in_the_same_order_and_made_in_another_thread():
    """What makes them draws at random; so the next is begun while one is in use, and none is made twice."""
    generator, made = torch.Generator().manual_seed(0), []

    def batches():
        for number in range(4):
            made.append((number, threading.current_thread() is threading.main_thread()))
            yield torch.rand(3, generator=generator), torch.full((3,), number)

    found = list(ready(batches(), "cpu"))
    again = torch.Generator().manual_seed(0)
    for number, (inputs, labels) in enumerate(found):
        assert torch.equal(inputs, torch.rand(3, generator=again))
        assert labels.tolist() == [number] * 3
    assert made == [(number, False) for number in range(4)]


def test_a_gpu_reads_batches_from_pinned_memory(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    inputs, labels = torch.zeros(2, 1), torch.ones(2)
    list(ready([(inputs, labels)], "cuda"))
    assert pinned == [inputs, labels]
    list(ready([(inputs, labels)], "cpu"))
    assert len(pinned) == 2


def gradient(at_once: int | None, weights: torch.Tensor | None) -> tuple[dict[str, torch.Tensor], float, float]:
    """Return the gradients of one step on eleven examples, its loss as the loop tells it, and the memory of a pass."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    batch, largest = (torch.randn(11, 3, 8, 8), torch.arange(11) % 5), []

    def loss(part):
        largest.append(len(part[1]))
        return nn.functional.cross_entropy(network(part[0]), part[1], weights), len(part[1])

    found = Loop(
        network, torch.optim.SGD(network.parameters(), lr=0.0), Schedule(lambda step: 0.0), lambda _: [batch], loss,
        lambda number, total: ({"loss": total / 11}, (0.0,)), 1,
        parts=lambda whole: in_parts(whole, at_once, weights),
    ).run()  # fmt: skip
    return {name: w.grad for name, w in network.named_parameters()}, found[0]["loss"], max(largest)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.2, 3.0, 1.0, 0.5, 7.0])])
@pytest.mark.parametrize("at_once", [1, 4, 10])
def test_a_batch_in_pieces_has_the_gradient_of_the_whole(at_once, weights):
    whole, _, everything = gradient(None, weights)
    pieces, _, largest = gradient(at_once, weights)
    assert (everything, largest) == (11, at_once)
    for name, expected in whole.items():
        torch.testing.assert_close(pieces[name], expected, rtol=1e-5, atol=1e-6)


def test_the_loss_that_is_told_is_that_of_the_whole():
    assert gradient(4, None)[1] == pytest.approx(gradient(None, None)[1], rel=1e-6)
