"""C3D: the shapes of Tran et al. 2015, a forward pass that equals the paper's layers one by one, and other sizes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pipeline.features.aligned.networks import c3d as aligned
from pipeline.features.segments.networks import c3d as segments
from pipeline.networks.c3d import C3D, normalise_clips, standardised

CLIP = (3, 16, 112, 112)
"""Input of the published network: channels, frames, height, width."""
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


@pytest.mark.parametrize("shape", [(3, 16, 128, 128), (3, 16, 113, 113), (3, 8, 112, 112), (1, 16, 112, 112)])
def test_other_clips_are_refused(small, shape):
    with pytest.raises(RuntimeError, match=r"C3D takes clips \(B, 3, 16, 112, 112\), not"):
        small.features(torch.rand(1, *shape))


# side of the frames, how fc6 fits -> height and width of pool5, inputs of fc6 at full width, whether fc6 is new
SIZES = {
    (64, "adaptive"): (3, 8192, False),
    (64, "new"): (3, 4608, True),
    (112, "published"): (4, 8192, False),
    (112, "adaptive"): (4, 8192, False),
    (112, "new"): (4, 8192, False),
    (227, "adaptive"): (8, 8192, False),
    (227, "new"): (8, 32768, True),
    (16, "new"): (1, 512, True),
}


@pytest.mark.parametrize(("size", "fc6"), SIZES)
def test_fc6_fits_every_size(size, fc6):
    _, inputs, renewed = SIZES[size, fc6]
    with torch.device("meta"):
        network, published = C3D(size=size, fc6=fc6), C3D().state_dict()
        assert network.features(torch.empty(2, 3, 16, size, size)).shape == (2, 4096)
    state = network.state_dict()
    assert state["fc6.weight"].shape == (4096, inputs)
    assert list(state) == list(published)
    assert network.renewed == (("fc6.weight", "fc6.bias") if renewed else ())
    differ = {name for name in state if state[name].shape != published[name].shape}
    assert differ == ({"fc6.weight"} if renewed else set()), "published weights fit everything that is not renewed"


@pytest.mark.parametrize("size", [64, 111, 227])
def test_the_published_fc6_takes_its_own_size_only(size):
    with pytest.raises(ValueError, match=f"takes frames of 112 px, not {size}; set size to 112, or fc6 to adaptive"):
        C3D(size=size)


def test_frames_that_poolings_use_up():
    with pytest.raises(ValueError, match="take 16 px at least"):
        C3D(size=15, fc6="new")


def pool5(network, x):
    """The convolutions and poolings, written out by unfolding and maxima over shifted copies."""
    state = network.state_dict()
    for name, _, _ in CHANNELS:
        weight, bias = state[f"conv{name}.weight"], state[f"conv{name}.bias"]
        padded = functional.pad(x, (1,) * 6)
        windows = padded.unfold(2, 3, 1).unfold(3, 3, 1).unfold(4, 3, 1)
        x = (torch.einsum("bcthwijk,ocijk->bothw", windows, weight) + bias[:, None, None, None]).clamp(min=0)
        if name == "5b":
            x = functional.pad(x, (1, 1, 1, 1), value=-torch.inf)
        if name in ("1a", "2a", "3b", "4b", "5b"):
            step = 1 if name == "1a" else 2
            t, h, w = x.shape[2] // step, x.shape[3] // 2, x.shape[4] // 2
            x = x[:, :, : t * step, : h * 2, : w * 2].reshape(*x.shape[:2], t, step, h, 2, w, 2).amax((3, 5, 7))
    return x


def parts(x):
    """Maxima over 4 x 4 parts, each from floor(i n / 4) to ceil((i + 1) n / 4), as adaptive pooling divides."""
    n = x.shape[-1]
    cuts = [slice(i * n // 4, -((i + 1) * n // -4)) for i in range(4)]
    return torch.stack([x[..., rows, columns].amax((2, 3, 4)) for rows in cuts for columns in cuts], -1)


@pytest.mark.parametrize(("size", "fc6"), [key for key in SIZES if key != (16, "new")])
def test_fc7_equals_an_independent_forward_pass(size, fc6):
    torch.manual_seed(1)
    network = C3D(width=1 / 64, size=size, fc6=fc6).eval()
    state = network.state_dict()
    x = normalise_clips(torch.randint(0, 256, (1, 16, size, size, 3), dtype=torch.uint8))
    with torch.inference_mode():
        pooled = pool5(network, x)
        assert pooled.shape == (1, 8, 1, SIZES[size, fc6][0], SIZES[size, fc6][0])
        flat = (parts(pooled) if fc6 == "adaptive" else pooled).flatten(1)
        fc6_output = (flat @ state["fc6.weight"].T + state["fc6.bias"]).clamp(min=0)
        expected = (fc6_output @ state["fc7.weight"].T + state["fc7.bias"]).clamp(min=0)
        found = network.features(x)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert expected.max() > 0


@pytest.mark.parametrize(("size", "fc6"), SIZES)
def test_gradients_reach_every_layer(size, fc6):
    torch.manual_seed(2)
    network = C3D(width=1 / 32, classes=3, size=size, fc6=fc6).eval()
    clips = normalise_clips(torch.randint(0, 256, (1, 16, size, size, 3), dtype=torch.uint8))
    functional.cross_entropy(network(clips), torch.tensor([1])).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_normalised_clips_keep_the_order_of_channels_and_frames():
    clips = torch.zeros(2, 16, 4, 5, 3, dtype=torch.uint8)
    clips[1, 7, 2, 3] = torch.tensor([204, 117, 28])
    found = normalise_clips(clips)
    assert found.shape == (2, 3, 16, 4, 5)
    assert found[1, :, 7, 2, 3].tolist() == [100, 0, -100]
    assert found[0, :, 0, 0, 0].tolist() == [-104, -117, -128]
    assert torch.equal(normalise_clips(clips.float()), found)
    assert found.is_contiguous(memory_format=torch.channels_last_3d), "the faster layout on the CPU"


def test_standardised_clips_tell_nothing_of_light_skin_or_camera():
    torch.manual_seed(0)
    clips = 40 * torch.randn(2, 3, 16, 20, 20) + torch.tensor([90.0, -20, 7]).view(3, 1, 1, 1)
    found = standardised(clips)
    deviation = clips.std((2, 3, 4), correction=0)
    assert torch.allclose(found.mean((2, 3, 4)), torch.zeros(2, 3), atol=1e-4)
    assert torch.allclose(found.std((2, 3, 4), correction=0), 50 * deviation / (deviation + 5), atol=1e-3)
    assert torch.allclose(standardised(clips + torch.tensor([3.0, -70, 20]).view(3, 1, 1, 1)), found, atol=1e-3)
    assert torch.equal(standardised(torch.full((1, 3, 16, 4, 4), 77.0)), torch.zeros(1, 3, 16, 4, 4))
    assert torch.equal(standardised(clips[1:]), found[1:]), "a clip does not depend on its neighbours"


@pytest.mark.parametrize("asked", [True, False])
def test_weights_that_were_trained_on_standardised_clips_get_them_wherever_they_go(asked):
    config = {"width": 1 / 64, **({"standardise": True} if asked else {})}
    settings = {"size": 16, "fc6": "adaptive"}
    windows = {"length": 64, "shift": 30}
    built = [
        segments.network(segments.Params(windows=windows, **settings), config, 3),
        aligned.network(aligned.Params(**settings), config),
    ]
    assert [network.standardise for network in built] == [asked, asked]
    torch.manual_seed(0)
    clips = normalise_clips(torch.randint(0, 255, (1, 16, 16, 16, 3), dtype=torch.uint8))
    for network in built:
        brighter, plain = network.eval().features(clips + 30), network.features(clips)
        assert torch.allclose(brighter, plain, atol=1e-4) is asked
