"""`pipeline.training.optimiser`: PyTorch's optimisers, without the import of its compiler."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import nn

from pipeline.training.cntk_schedule import AdjustedRate, UnitGain
from pipeline.training.optimiser import SGD, Adam

CASES = [
    (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "fused": True}),
    (Adam, torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.01}),
]
UNIT_GAIN = {"params": AdjustedRate(epochs=1, batch=4, learning_rate=0.1, momentum=0.9, seed=0)}


def trained(kind: type[torch.optim.Optimizer], settings: dict[str, Any]) -> tuple[list[torch.Tensor], dict[str, Any]]:
    """Return a small network's weights and its optimiser's state after five steps, gone on with after two."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(9, 5), nn.ReLU(), nn.Linear(5, 3))
    optimiser = kind(network.parameters(), **settings)
    for step in range(5):
        if step == 2:
            state = optimiser.state_dict()
            optimiser = kind(network.parameters(), **settings)
            optimiser.load_state_dict(state)
        optimiser.zero_grad()
        network(torch.linspace(-1, 1, 36).view(4, 9)).pow(2).sum().backward()
        optimiser.step()
    return [weight.detach() for weight in network.parameters()], optimiser.state_dict()


@pytest.mark.parametrize(("kind", "theirs", "settings"), CASES)
def test_they_learn_as_pytorchs_own(kind, theirs, settings):
    (one, state), (other, theirs_state) = trained(kind, settings), trained(theirs, settings)
    assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    assert state["param_groups"] == theirs_state["param_groups"]


@pytest.mark.parametrize(("kind", "settings"), [*((one, rest) for one, _, rest in CASES), (UnitGain, UNIT_GAIN)])
def test_none_needs_the_compiler(kind, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # an import of it is an error
    with pytest.raises(ImportError):
        trained(torch.optim.SGD, CASES[0][2])
    trained(kind, settings)
