"""pyramid: face ResNet on each frame, pool1b, pool3 and fc5, Ouyang et al. 2017, sections 3.2.2 and 6.2.1
(ResNet-LSTM).

Paper: pictures of 112 x 96, weights of Wen et al. 2016, an LSTM of 128 on each of the three layers, whose outputs are
added. As whole maps pool1b has 64 x 54 x 46 = 158976 values per frame and pool3 256 x 12 x 10 = 30720; the paper does
not say that they were reduced. `grid` averages both over equal parts of so many rows and columns first.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from pipeline.core.settings import Settings
from pipeline.features.aligned.network_crop import scaled
from pipeline.networks.face_resnet import FEATURES, FaceResNet, across, normalise_faces

WINDOW = (112 / 128, 96 / 128)
LAYERS = FEATURES
HEAD = "lstm"

Side = Annotated[int, Field(ge=1)]


class Params(Settings):
    """What the network sees, and how much of its maps is kept."""

    size: int = Field(
        112,
        ge=38,
        description="height of the pictures, px, as the weights were trained with; the width is 6/7 of it {Ouyang "
        "6.2.1: 112}",
    )
    grid: tuple[Side, Side] | None = Field(
        None,
        description="rows and columns that pool1b and pool3 are averaged to; null = the whole maps {Ouyang 6.2.1: "
        "null}",
    )


class Network(FaceResNet):
    """The face ResNet up to fc5."""

    grid: tuple[int, int] | None = None

    def layers(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return pool1b and pool3, (B, T, channels, rows, columns), and fc5, (B, T, 512 * width), of one pass."""
        *maps, fc5 = self.pyramid(inputs.flatten(0, 1))
        if self.grid is not None:
            maps = [nn.functional.adaptive_avg_pool2d(one, self.grid) for one in maps]
        return [one.unflatten(0, inputs.shape[:2]) for one in (*maps, fc5)]


def network(params: Params, config: Mapping[str, Any]) -> Network:
    """Return the face ResNet up to fc5, as wide as the weights."""
    module = Network(width=config["width"], size=params.size)
    module.grid = params.grid
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def prepare(params: Params, faces: torch.Tensor) -> torch.Tensor:
    """Return pictures (B, T, 3, size, 6/7 size) for faces (B, T, h, w, 3) uint8."""
    return normalise_faces(scaled(faces, params.size, across(params.size))).unflatten(0, faces.shape[:2])
