"""The networks on faces as source tasks build them, whatever their classes are: people, actions or expressions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from pipeline.networks import c3d, face_cnn, face_resnet, vgg_face

INPUT_PX = {
    "pool5": face_cnn.INPUT_PX,
    "vggface": vgg_face.INPUT_PX,
    "pyramid": face_resnet.INPUT_PX,
    "c3d": c3d.PUBLISHED_PX,
}
"""Feature -> height of what its network sees as published, px."""


class Built(NamedTuple):
    """A network at its first weights, what builds it again, what makes its input of values from 0 to 255, and what it
    wants of its input; {} = its own size alone.
    """

    network: nn.Module
    shape: dict[str, Any]
    normalise: Callable[[torch.Tensor], torch.Tensor]
    taken: dict[str, Any]


def built(
    feature: str, classes: int, width: float, px: int, dropout: float | None, seed: int,
    fc6: c3d.Fc6 = "published", standardise: bool = False,
) -> Built:  # fmt: skip
    """Return the network behind a feature of `INPUT_PX`.

    pool5, vggface and pyramid take pictures (B, 3, px, px), of which pyramid sees the middle 6/7 of the width; c3d
    clips (B, 16, px, px, 3), which may `standardise` them. Without `dropout` it is 0.5 as published, none in pyramid.
    """
    torch.manual_seed(seed)
    shape: dict[str, Any] = {"width": width, "size": px}
    taken: dict[str, Any] = {"size": px}
    drop: dict[str, Any] = {"dropout": (0.0 if feature == "pyramid" else 0.5) if dropout is None else dropout}
    if feature == "pool5":
        shape = {"identities": classes, "width": width}
        return Built(face_cnn.FaceCNN(**shape, **drop), shape, face_cnn.normalise_faces, {})
    if feature == "vggface":
        shape["classes"] = classes
        taken |= {"normalise": "face", "mean": list(vgg_face.FACE_MEAN)}
        normalise = partial(vgg_face.normalise_images, how="face")
        return Built(_last(vgg_face.VggFace(**shape, **drop)), shape, normalise, taken)
    if feature == "pyramid":
        shape["identities"] = classes
        taken |= {"across": face_resnet.across(px), "offset": 127.5, "scale": 128, "order": "bgr"}
        return Built(_last(face_resnet.FaceResNet(**shape, **drop)), shape, middle_of_faces, taken)
    shape |= {"classes": classes, "fc6": fc6} | ({"standardise": True} if standardise else {})
    taken |= {"frames": c3d.FRAMES, "mean": list(c3d.MEAN)}
    return Built(_last(c3d.C3D(**shape, **drop), torch.channels_last_3d), shape, c3d.normalise_clips, taken)


def _last(network: nn.Module, layout: torch.memory_format = torch.channels_last) -> nn.Module:
    network.to(memory_format=layout)  # type: ignore[call-overload]  # faster on the CPU
    return network


def middle_of_faces(pictures: torch.Tensor) -> torch.Tensor:
    """Return what the face ResNet takes of square pictures (B, 3, px, px)."""
    wide = face_resnet.across(pictures.shape[-1])
    left = (pictures.shape[-1] - wide) // 2
    return face_resnet.normalise_faces(pictures[..., left : left + wide])
