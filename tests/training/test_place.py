"""`pipeline.training.place`: networks go to the device that `runtime` names, and so does all that they are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import lstm
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Runtime
from pipeline.training.place import CPU, Place


@pytest.fixture
def gpu(monkeypatch):
    """A device `cuda` on a machine without one: what is brought to it is counted, and stays."""
    moved = {"networks": 0, "tensors": 0}
    to_module, to_tensor = nn.Module.to, torch.Tensor.to

    def module(self, *args, **kwargs):
        if args[:1] == ("cuda",):
            moved["networks"] += 1
            return self
        return to_module(self, *args, **kwargs)

    def tensor(self, *args, **kwargs):
        if args[:1] == ("cuda",):
            moved["tensors"] += 1
            return self
        return to_tensor(self, *args, **kwargs)

    autocast = torch.autocast
    monkeypatch.setattr(nn.Module, "to", module)
    monkeypatch.setattr(torch.Tensor, "to", tensor)
    monkeypatch.setattr(torch, "autocast", lambda device, **rest: autocast("cpu", **rest))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return moved


def test_a_network_in_its_place_takes_and_gives_tensors_of_the_cpu(gpu):
    network = nn.Linear(3, 2)
    held = Place("cuda", mixed_precision=True).holding(network)
    found = held.forward(torch.ones(4, 3))
    assert (found.dtype, found.device.type) == (torch.float32, "cpu")
    assert gpu == {"networks": 1, "tensors": 1}
    torch.testing.assert_close(found, network(torch.ones(4, 3)), rtol=2e-2, atol=2e-2)
    assert not torch.equal(found, network(torch.ones(4, 3))), "in bfloat16"


def test_on_the_cpu_nothing_changes():
    network = nn.Linear(3, 2)
    assert CPU.holding(network) is network
    assert (CPU.parts, CPU.workers(7)) == ({}, 7)
    assert Place("cuda").parts == {"run": ["cuda", False]}
    assert Place("cuda").alone(Runtime(workers=7)).workers == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there():
    with pytest.raises(SettingsError, match=r"runtime\.device: cuda, but PyTorch finds no GPU"):
        Place.of(Runtime(device="cuda"))
    assert Place.of(Runtime(mixed_precision=True)) == Place("cpu", mixed_precision=True)


@pytest.mark.parametrize("name", ["lstm", "temporal"])
def test_classifiers_on_sequences_train_and_predict_there(gpu, monkeypatch, name):
    train, val = toy(24, 0), toy(12, 1)
    expected, _ = fitted(name, train, val)
    monkeypatch.setattr(type(expected), "place", Place("cuda"))
    found, _ = fitted(name, train, val)
    np.testing.assert_array_equal(found.predict(val), expected.predict(val))
    batches = 2 * 7 + 7 + 1  # steps, looks at validation, and the prediction above
    assert gpu["networks"] == 1
    assert gpu["tensors"] >= batches


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_what_the_cpu_gives(monkeypatch):
    train, val = toy(24, 0), toy(12, 1)
    expected, _ = fitted("lstm", train, val)
    monkeypatch.setattr(lstm.Classifier, "place", Place("cuda"))
    np.testing.assert_allclose(fitted("lstm", train, val)[0].predict(val), expected.predict(val), atol=1e-3)
