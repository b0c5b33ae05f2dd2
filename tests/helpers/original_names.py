"""Make the activations of `test_original_names.py` anew: `PYTHONPATH=. python tests/helpers/original_names.py`.

VGG-Face and the face ResNet, narrow, computed layer by layer from tensors under their original names: nothing here
imports a network of ours. Weights and pictures come from formulas and PCG64's raw stream, as in `golden.py`.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

FOLDER = Path(__file__).parents[1] / "golden" / "original_names"
WIDTH = 1 / 16

VGG_BLOCKS = ((4, 2), (8, 2), (16, 3), (32, 3), (32, 3))
"""Channels and convolutions, a sixteenth of the published ones."""
RESNET_BLOCKS = {"2": (1, 4), "3": (2, 8), "4": (5, 16), "5": (3, 32)}
"""Residual blocks of each stage, and their channels, a sixteenth of the published ones."""


def noise(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Return uniform noise in -1 to 1."""
    values = np.random.PCG64(seed).random_raw(math.prod(shape)) / 2.0**63 - 1.0
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def vgg_face_shapes() -> dict[str, tuple[int, ...]]:
    """Shapes by the original names, conv1_1 ... fc8; 10 identities."""
    shapes, before = {}, 3
    for block, (channels, count) in enumerate(VGG_BLOCKS, 1):
        for number in range(1, count + 1):
            shapes[f"conv{block}_{number}.weight"] = (channels, before, 3, 3)
            shapes[f"conv{block}_{number}.bias"] = (channels,)
            before = channels
    for name, inputs, outputs in (("fc6", 32 * 7 * 7, 256), ("fc7", 256, 256), ("fc8", 256, 10)):
        shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
    return shapes


def face_resnet_shapes() -> dict[str, tuple[int, ...]]:
    """Shapes by the original names, conv1a, relu1a ... fc5."""
    layers = [("1a", 3, 2), ("1b", 2, 4)]
    for stage, (blocks, channels) in RESNET_BLOCKS.items():
        layers += [(f"{stage}_{number}", channels, channels) for number in range(1, 2 * blocks + 1)]
        if stage != "5":
            layers.append((stage, channels, 2 * channels))
    shapes: dict[str, tuple[int, ...]] = {}
    for name, before, after in layers:
        shapes |= {
            f"conv{name}.weight": (after, before, 3, 3),
            f"conv{name}.bias": (after,),
            f"relu{name}.weight": (after,),
        }
    return shapes | {"fc5.weight": (32, 32 * 5 * 4), "fc5.bias": (32,)}


def weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Return every tensor by formula, at He et al.'s scale; slopes of PReLUs about 0.25."""
    state = {}
    for number, (name, shape) in enumerate(shapes.items()):
        values = noise(number, shape)
        scale = math.sqrt(6 / math.prod(shape[1:])) if len(shape) > 1 else 0.1
        state[name] = scale * values + (0.25 if name.startswith("relu") else 0.0)
    return state


def pictures(height: int, width: int) -> torch.Tensor:
    """Return two pictures of 0 to 255, (2, 3, height, width): coloured stripes, and a blob, with noise."""
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    stripes, blob = torch.sin(20 * x + 5 * y), 2 * torch.exp(-8 * ((x - 0.4) ** 2 + (y - 0.6) ** 2)) - 1
    colours = torch.tensor([[90.0, 60.0, 30.0], [20.0, 80.0, 50.0]])[:, :, None, None]
    grain = 20 * noise(5, (2, 3, height, width))
    return (128 + colours * torch.stack([stripes, blob])[:, None] + grain).clamp(0, 255).round()


def vgg_face(state: dict[str, torch.Tensor], rgb: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return fc6, behind its ReLU, and fc8."""
    x = rgb - torch.tensor([129.186, 104.762, 93.594])[:, None, None]
    for block, (_, count) in enumerate(VGG_BLOCKS, 1):
        for number in range(1, count + 1):
            name = f"conv{block}_{number}"
            x = functional.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1).relu()
        x = functional.max_pool2d(x, 2, 2)
    fc6 = functional.linear(x.flatten(1), state["fc6.weight"], state["fc6.bias"]).relu()
    fc7 = functional.linear(fc6, state["fc7.weight"], state["fc7.bias"]).relu()
    return {"fc6": fc6, "fc8": functional.linear(fc7, state["fc8.weight"], state["fc8.bias"])}


def face_resnet(state: dict[str, torch.Tensor], rgb: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return pool1b, pool3 and fc5."""

    def layer(name: str, x: torch.Tensor, padding: int = 0) -> torch.Tensor:
        x = functional.conv2d(x, state[f"conv{name}.weight"], state[f"conv{name}.bias"], padding=padding)
        return functional.prelu(x, state[f"relu{name}.weight"])

    bgr = rgb[:, [2, 1, 0]]
    x = functional.max_pool2d(layer("1b", layer("1a", (bgr - 127.5) / 128)), 2, 2)
    found = {"pool1b": x}
    for stage, (blocks, _) in RESNET_BLOCKS.items():
        for block in range(blocks):
            x = x + layer(f"{stage}_{2 * block + 2}", layer(f"{stage}_{2 * block + 1}", x, 1), 1)
        if stage != "5":
            x = found[f"pool{stage}"] = functional.max_pool2d(layer(stage, x), 2, 2)
    fc5 = functional.linear(x.flatten(1), state["fc5.weight"], state["fc5.bias"])
    return {"pool1b": found["pool1b"], "pool3": found["pool3"], "fc5": fc5}


def compute() -> dict[str, dict[str, np.ndarray]]:
    """Return the activations of each network by their names."""
    with torch.inference_mode():
        made = {
            "vgg_face": vgg_face(weights(vgg_face_shapes()), pictures(224, 224)),
            "face_resnet": face_resnet(weights(face_resnet_shapes()), pictures(112, 96)),
        }
    return {network: {name: one.numpy() for name, one in found.items()} for network, found in made.items()}


def sample(array: np.ndarray) -> np.ndarray:
    """Return what is stored of an activation: vectors whole, every fifth column of maps."""
    return array[..., ::5] if array.ndim > 2 else array


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for network, arrays in compute().items():
        np.savez_compressed(FOLDER / f"{network}.npz", **{name: sample(array) for name, array in arrays.items()})
        print(network, {name: (array.shape, float(np.abs(array).max())) for name, array in arrays.items()})
