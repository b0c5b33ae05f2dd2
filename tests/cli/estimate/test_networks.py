"""Costs of networks against published counts and against what PyTorch really keeps."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from pipeline.cli.estimate.nets import fine_tuned, source
from pipeline.cli.estimate.networks import cost_of, dense_cost, lstm_cost, rate
from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D
from pipeline.networks.vgg_face import VggFace

PUBLISHED = {
    "alexnet": (partial(AlexNet, 1, 1000), (3, 227, 227), 61.1e6, 0.71e9),
    "vgg16": (partial(VggFace, 1, 1000), (3, 224, 224), 138.4e6, 15.5e9),
    "c3d": (partial(C3D, 1, 487), (3, 16, 112, 112), 80.0e6, 38.5e9),
}
"""Parameters, and multiplications and additions, as the literature counts them."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_full_networks_have_the_published_size(name: str) -> None:
    build, shape, parameters, operations = PUBLISHED[name]
    found = cost_of(build, shape, nn.Module.__call__)
    assert found.parameters == pytest.approx(parameters, rel=0.01)
    assert found.operations == pytest.approx(2 * operations, rel=0.02)


def test_what_is_kept_is_what_a_real_pass_keeps() -> None:
    build = partial(AlexNet, 0.125, 7)
    network, kept = build().train(), {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(torch.zeros(1, 3, 227, 227))
    for parameter in network.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    assert cost_of(build, (3, 227, 227), nn.Module.__call__).kept_bytes == pytest.approx(sum(kept.values()), rel=0.05)


def test_layers_counted_by_hand_are_those_of_pytorch() -> None:
    dense = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 5))
    assert dense_cost([30, 20, 5]).parameters == sum(each.numel() for each in dense.parameters())
    lstm = nn.LSTM(30, 16)
    assert lstm_cost(30, 16, 7).parameters == sum(each.numel() for each in lstm.parameters())
    assert (
        cost_of(
            lambda: nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 5)), (30,), nn.Module.__call__
        ).operations
        == dense_cost([30, 20, 5]).operations
    )


def test_a_training_step_takes_memory_for_gradients_moments_and_the_batch() -> None:
    found = dense_cost([1000, 1000])
    assert found.training_bytes(1, 2) - found.training_bytes(1, 1) == 4 * found.parameters
    assert found.training_bytes(9) - found.training_bytes(1) == 8 * (found.training_bytes(2) - found.training_bytes(1))


def test_the_network_of_a_source_task_has_its_own_width() -> None:
    def pool5(width: float) -> int:
        settings = {"width": width, "loop": {}}
        return source("pool5", {"pretrain": {"pool5": {"source": "identity", "settings": settings}}})[0].parameters

    assert pool5(1) > 5 * pool5(0.25)


def test_an_end_to_end_network_has_the_lstm_on_its_layers() -> None:
    block = {"cells": 128, "settings": {"size": 112, "grid": None}}
    found = fine_tuned(block, "pyramid", {"pretrain": {}}, 7)
    columns = 158_976 + 30_720 + 512  # Ouyang et al. 2017, section 6.2.1
    assert found.parameters > 4 * 128 * columns


def test_a_rate_is_measured() -> None:
    assert 1e8 < rate("cpu") < 1e14
