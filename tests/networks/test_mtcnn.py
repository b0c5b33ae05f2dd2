"""P-, R- and O-Net: the published names and shapes, and a forward pass that equals the layers one by one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pipeline.networks.mtcnn import MTCNN, O_PX, P_PX, R_PX, ONet, PNet, RNet, normalise

LAYERS = {
    PNet: {
        "conv1": (10, 3, 3, 3), "prelu1": (10,), "conv2": (16, 10, 3, 3), "prelu2": (16,),
        "conv3": (32, 16, 3, 3), "prelu3": (32,), "conv4_1": (2, 32, 1, 1), "conv4_2": (4, 32, 1, 1),
    },
    RNet: {
        "conv1": (28, 3, 3, 3), "prelu1": (28,), "conv2": (48, 28, 3, 3), "prelu2": (48,),
        "conv3": (64, 48, 2, 2), "prelu3": (64,), "dense4": (128, 576), "prelu4": (128,),
        "dense5_1": (2, 128), "dense5_2": (4, 128),
    },
    ONet: {
        "conv1": (32, 3, 3, 3), "prelu1": (32,), "conv2": (64, 32, 3, 3), "prelu2": (64,),
        "conv3": (64, 64, 3, 3), "prelu3": (64,), "conv4": (128, 64, 2, 2), "prelu4": (128,),
        "dense5": (256, 1152), "prelu5": (256,), "dense6_1": (2, 256), "dense6_2": (4, 256), "dense6_3": (10, 256),
    },
}  # fmt: skip
"""Of the published files."""


@pytest.fixture(params=LAYERS, ids=lambda network: network.__name__)
def network(request):
    return made(request.param)


def made(kind):
    torch.manual_seed(0)
    network = kind().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def shapes(network) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def test_names_and_shapes_are_the_published_ones(network):
    expected = {}
    for layer, shape in LAYERS[type(network)].items():
        expected[f"{layer}.weight"] = shape
        if not layer.startswith("prelu"):
            expected[f"{layer}.bias"] = shape[:1]
    assert shapes(network) == expected
    assert list(network.state_dict()) == list(expected)


def test_one_state_dict_holds_all_three():
    parts = {"mtcnn_pnet": made(PNet), "mtcnn_rnet": made(RNet), "mtcnn_onet": made(ONet)}
    together = MTCNN()
    together.load_state_dict(
        {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    )
    for name, part in parts.items():
        assert all(
            torch.equal(value, part.state_dict()[key]) for key, value in getattr(together, name).state_dict().items()
        )


def convolved(network, x: torch.Tensor, layer: int) -> torch.Tensor:
    """A convolution and its PReLU."""
    state = network.state_dict()
    x = functional.conv2d(x, state[f"conv{layer}.weight"], state[f"conv{layer}.bias"])
    slope = state[f"prelu{layer}.weight"][None, :, None, None]
    return torch.where(x > 0, x, slope * x)


def pooled(x: torch.Tensor, size: int) -> torch.Tensor:
    """Maxima over windows 2 px apart; what is left at the right and lower border makes a smaller window."""
    columns = range(0, x.shape[3] - size + 2, 2)
    rows = range(0, x.shape[2] - size + 2, 2)
    return torch.stack(
        [torch.stack([x[:, :, r : r + size, c : c + size].amax(dim=(2, 3)) for c in columns], dim=2) for r in rows],
        dim=2,
    )


def dense(network, x: torch.Tensor, layer: str, slope: str = "") -> torch.Tensor:
    state = network.state_dict()
    x = x @ state[f"{layer}.weight"].T + state[f"{layer}.bias"]
    return torch.where(x > 0, x, state[f"{slope}.weight"] * x) if slope else x


def by_columns(x: torch.Tensor) -> torch.Tensor:
    """The values of the left column from above, all channels of each, then those of the next column."""
    return torch.stack([x[:, :, r, c] for c in range(x.shape[3]) for r in range(x.shape[2])], dim=1).flatten(1)


def probability(logits: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + torch.exp(logits[:, 0] - logits[:, 1]))


def test_pnet_on_one_square():
    network, x = made(PNet), torch.rand(2, 3, P_PX, P_PX) * 2 - 1
    state = network.state_dict()
    hidden = convolved(network, convolved(network, pooled(convolved(network, x, 1), 2), 2), 3)
    assert hidden.shape == (2, 32, 1, 1)
    with torch.inference_mode():
        faces, offsets = network(x)
    logits = hidden[:, :, 0, 0] @ state["conv4_1.weight"][:, :, 0, 0].T + state["conv4_1.bias"]
    assert torch.allclose(faces[:, 0, 0], probability(logits), atol=1e-6)
    wanted = hidden[:, :, 0, 0] @ state["conv4_2.weight"][:, :, 0, 0].T + state["conv4_2.bias"]
    assert torch.allclose(offsets[:, :, 0, 0], wanted, atol=1e-5)


def test_pnet_looks_at_a_square_every_two_px():
    network, x = made(PNet), torch.rand(1, 3, 20, 26) * 2 - 1
    with torch.inference_mode():
        faces, offsets = network(x)
        assert faces.shape == (1, 5, 8)
        for row in range(5):
            for column in range(8):
                square = x[:, :, 2 * row : 2 * row + P_PX, 2 * column : 2 * column + P_PX]
                one, offset = network(square)
                assert torch.allclose(faces[0, row, column], one[0, 0, 0], atol=1e-6)
                assert torch.allclose(offsets[0, :, row, column], offset[0, :, 0, 0], atol=1e-5)


def test_rnet():
    network, x = made(RNet), torch.rand(2, 3, R_PX, R_PX) * 2 - 1
    hidden = convolved(network, pooled(convolved(network, pooled(convolved(network, x, 1), 3), 2), 3), 3)
    assert hidden.shape == (2, 64, 3, 3)
    hidden = dense(network, by_columns(hidden), "dense4", "prelu4")
    with torch.inference_mode():
        faces, offsets = network(x)
    assert torch.allclose(faces, probability(dense(network, hidden, "dense5_1")), atol=1e-5)
    assert torch.allclose(offsets, dense(network, hidden, "dense5_2"), rtol=1e-4, atol=1e-4)


def test_onet():
    network, x = made(ONet), torch.rand(2, 3, O_PX, O_PX) * 2 - 1
    hidden = pooled(convolved(network, pooled(convolved(network, pooled(convolved(network, x, 1), 3), 2), 3), 3), 2)
    hidden = convolved(network, hidden, 4)
    assert hidden.shape == (2, 128, 3, 3)
    hidden = dense(network, by_columns(hidden), "dense5", "prelu5")
    with torch.inference_mode():
        faces, offsets, points = network(x)
    assert torch.allclose(faces.float(), probability(dense(network, hidden, "dense6_1")), atol=1e-5)
    assert torch.allclose(offsets, dense(network, hidden, "dense6_2"), rtol=1e-4, atol=1e-3)
    wanted = dense(network, hidden, "dense6_3")
    assert torch.allclose(points[:, :, 0], wanted[:, :5], rtol=1e-4, atol=1e-3)
    assert torch.allclose(points[:, :, 1], wanted[:, 5:], rtol=1e-4, atol=1e-3)


def test_two_very_sure_faces_are_not_equally_sure():
    network = made(ONet)
    torch.nn.init.zeros_(network.dense6_1.weight)
    found = []
    for logit in (20.0, 25.0):
        network.dense6_1.bias.data = torch.tensor([0.0, logit])
        with torch.inference_mode():
            found.append(network(torch.zeros(1, 3, O_PX, O_PX))[0].item())
    assert 1 - 1e-8 < found[0] < found[1] < 1


def test_normalise():
    images = torch.tensor([[[[0, 127, 255]]]], dtype=torch.uint8)
    found = normalise(images)
    assert found.shape == (1, 3, 1, 1)
    assert found.flatten().tolist() == [-127.5 / 128, -0.5 / 128, 127.5 / 128]
