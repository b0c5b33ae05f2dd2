"""c3d: C3D on the sixteen frames of a clip, fc7 of 4096, Ouyang et al. 2017, sections 3.2.3 and 6.2.1.

Paper: weights of Sports-1M, dropout 0.5 behind fc6 and fc7. It does not say how large the frames are; 112 x 112 are
those of the weights. Weights: C3D of Sports-1M, or what `pretrain.c3d` trains; where that learned from faces cut by
the eyes (`crop_faces`, kind `eyes`, as Zhang et al. cut them), `cut: eyes` shows it the same part of the face.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator

from pipeline.core.settings import Settings
from pipeline.features.aligned.network_crop import cut, scaled
from pipeline.networks.c3d import C3D, PUBLISHED_PX, Fc6, check_size, normalise_clips

WINDOW = (112 / 128, 112 / 128)
_EYES = (0.8, 0.63)
"""Height and width of the part of WINDOW that two eye distances take, as a crop by the eyes has it; it ends below."""
LAYERS = ("fc7",)
HEAD = "linear"


class Params(Settings):
    """What the network sees."""

    size: int = Field(PUBLISHED_PX, ge=16, description="height and width of the frames, px; 112 for published weights")
    fc6: Fc6 = Field("published", description="how fc6 fits the size: published (112 only), adaptive or new")
    cut: Literal["window", "eyes"] = Field(
        "window",
        description="what is shown of the aligned face: window (112 of its 128 units), or eyes, its part that crops by "
        "the eyes have, two eye distances wide from the forehead down",
    )
    dropout: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="behind fc6, and in the head behind fc7; narrow networks learn faster without {Ouyang 6.2.1: 0.5}",
    )

    @model_validator(mode="after")
    def _fc6_fits_the_size(self) -> Self:
        check_size(self.size, self.fc6)
        return self


class Network(C3D):
    """C3D up to fc7, without the dropout behind it."""

    unused = ("fc8",)

    def layers(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return [fc7 (B, 1, 4096 * width)] for clips (B, 3, 16, size, size)."""
        return [self.features(inputs)[:, None]]


def network(params: Params, config: Mapping[str, Any]) -> Network:
    """Return C3D up to fc7, as wide as the weights, for this size of frames."""
    shape = {"width": config["width"], **{name: config[name] for name in ("pool5", "standardise") if name in config}}
    module = Network(**shape, size=params.size, fc6=params.fc6, dropout=params.dropout)
    return module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def prepare(params: Params, faces: torch.Tensor) -> torch.Tensor:
    """Return clips (B, 3, 16, size, size) for faces (B, 16, h, w, 3) uint8."""
    shown = cut(faces, _EYES, (1, 0.5)) if params.cut == "eyes" else faces
    pictures = scaled(shown, params.size, params.size)
    return normalise_clips(pictures.permute(0, 2, 3, 1).unflatten(0, faces.shape[:2]))
