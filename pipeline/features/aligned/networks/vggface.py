"""vggface: VGG-16 on each frame, fc6 of 4096, Ouyang et al. 2017, sections 3.2.1 and 6.2.1 (VGG-LSTM).

Paper: pictures of 224 x 224, weights of VGG-Face, an LSTM of 128 on fc6 with dropout 0.7 behind it. Weights: VGG-Face
(`normalise: face`), VGG-16 of ImageNet (`imagenet`), or what `pretrain.vggface` trains (`face`).
"""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.features.aligned.network_crop import scaled
from pipeline.networks.vgg_face import Normalise, VggFace, normalise_images

WINDOW = (224 / 256, 224 / 256)
LAYERS = ("fc6",)
HEAD = "lstm"


class Params(Settings):
    """What the network sees."""

    size: int = Field(
        224, ge=32, description="height and width of the pictures, px; weights fit every size {Ouyang 6.2.1: 224}"
    )
    normalise: Normalise = Field("face", description="whose mean is taken off: face (VGG-Face) or imagenet")


class Network(VggFace):
    """VGG-16 up to fc6."""

    def layers(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return [fc6 (B, T, 4096 * width)] for pictures (B, T, 3, size, size)."""
        return [self.features(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])]


def network(params: Params, config: Mapping[str, Any]) -> Network:
    """Return VGG-16 up to fc6, as wide as the weights."""
    module = Network(width=config["width"], size=params.size)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def prepare(params: Params, faces: torch.Tensor) -> torch.Tensor:
    """Return pictures (B, T, 3, size, size) for faces (B, T, h, w, 3) uint8."""
    pictures = scaled(faces, params.size, params.size)
    return normalise_images(pictures, params.normalise).unflatten(0, faces.shape[:2])
