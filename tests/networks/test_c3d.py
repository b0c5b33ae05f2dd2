"""C3D: the shapes of Tran et al. 2015, and a forward pass that equals the paper's layers one by one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pipeline.networks.c3d import C3D, CLIP

CHANNELS = [
    ("1a", 3, 64), ("2a", 64, 128), ("3a", 128, 256), ("3b", 256, 256),
    ("4a", 256, 512), ("4b", 512, 512), ("5a", 512, 512), ("5b", 512, 512),
]  # fmt: skip


def test_layers_at_full_width():
    with torch.device("meta"):
        state = C3D().state_dict()
    expected = {}
    for name, before, after in CHANNELS:
        expected[f"conv{name}.weight"] = (after, before, 3, 3, 3)
        expected[f"conv{name}.bias"] = (after,)
    expected |= {"fc6.weight": (4096, 8192), "fc6.bias": (4096,), "fc7.weight": (4096, 4096), "fc7.bias": (4096,)}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected
    assert sum(tensor.numel() for tensor in state.values()) == 77_995_776


def test_features_at_full_width_have_4096_columns():
    with torch.device("meta"):
        found = C3D().features(torch.empty(2, *CLIP))
    assert found.shape == (2, 4096)


@pytest.fixture
def small():
    torch.manual_seed(0)
    return C3D(width=1 / 32, classes=6).eval()


def test_features_equal_the_layers_one_by_one(small):
    x = torch.rand(1, *CLIP)
    state = small.state_dict()
    found = x
    for name, _, _ in CHANNELS:
        found = functional.conv3d(found, state[f"conv{name}.weight"], state[f"conv{name}.bias"], padding=1).clamp(min=0)
        if name == "1a":
            found = functional.max_pool3d(found, (1, 2, 2), (1, 2, 2))
        elif name in ("2a", "3b", "4b"):
            found = functional.max_pool3d(found, 2, 2)
        elif name == "5b":
            assert found.shape == (1, 16, 2, 7, 7)
            found = functional.max_pool3d(functional.pad(found, (1, 1, 1, 1), value=-torch.inf), 2, 2)
    assert found.shape == (1, 16, 1, 4, 4)
    found = functional.linear(found.flatten(1), state["fc6.weight"], state["fc6.bias"]).clamp(min=0)
    found = functional.linear(found, state["fc7.weight"], state["fc7.bias"]).clamp(min=0)
    with torch.inference_mode():
        assert torch.allclose(small.features(x), found, atol=1e-6)
        assert torch.allclose(small(x), functional.linear(found, state["fc8.weight"], state["fc8.bias"]), atol=1e-6)


def test_time_matters(small):
    x = torch.rand(1, *CLIP)
    with torch.inference_mode():
        assert not torch.allclose(small.features(x), small.features(x.flip(2)))


def test_without_classes_the_output_is_the_feature():
    torch.manual_seed(0)
    network = C3D(width=1 / 64).eval()
    x = torch.rand(2, *CLIP)
    with torch.inference_mode():
        assert network(x).shape == (2, 64)
        assert torch.equal(network(x), network.features(x))
    assert not any(name.startswith("fc8") for name in network.state_dict())


def test_dropout_only_in_training(small):
    x = torch.rand(1, *CLIP)
    with torch.inference_mode():
        assert torch.equal(small(x), small(x))
        small.train()
        assert not torch.equal(small(x), small(x))


@pytest.mark.parametrize("shape", [(3, 16, 128, 128), (3, 8, 112, 112), (1, 16, 112, 112)])
def test_other_clips_are_refused(small, shape):
    with pytest.raises(RuntimeError):
        small.features(torch.rand(1, *shape))
