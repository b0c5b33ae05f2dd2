"""Source task of VGG-16 and the face ResNet: name whose face it is; the stand-in for VGG-Face (Parkhi et al. 2015) and
caffe-face (Wen et al. 2016) in Ouyang et al. 2017, section 6.2.2.

Corpus layout: one folder of pictures per identity, at any size. The face is found in each and aligned as those of clips
are (`detect`); of the aligned square networks see the middle 7/8, and the face ResNet of that the middle 6/7 of the
width, as in features/aligned/networks. A picture without a found face is left out, and stands in the ledger.

Both are trained with softmax alone: VGG-Face's triplet loss and the face ResNet's centre loss are left out. The layers
behind fc6 and fc5 are trained along and thrown away later.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from pipeline.networks import face_resnet, vgg_face
from pipeline.pretraining.sources._shared.faces import WHOLE, Aligned, loader
from pipeline.pretraining.sources._shared.reading import IDENTITIES, read_pictures
from pipeline.pretraining.sources._shared.training import Changes, learn
from pipeline.training.task import Run, Trained


class Params(Changes):
    """Network and training."""

    network: Literal["vggface", "pyramid"] = Field(
        description="VGG-16, or the face ResNet, as in features/aligned/networks"
    )
    width: float = Field(gt=0, le=1, description="scale of all layers; 1 = the full network {Ouyang 3.2.1, 3.2.2: 1}")
    size: int | None = Field(
        None,
        ge=38,
        le=512,
        description="height of the pictures, px; null = 224 of vggface, 112 of pyramid {Ouyang 6.2.1: 224 for "
        "*.vggface.*} {Ouyang 6.2.1: 112 for *.pyramid.*}",
    )
    detect: Aligned | None = Field(
        Aligned.model_validate({}), description="how faces are found and aligned, as by align_faces" + WHOLE
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="behind fc6 and fc7, or fc5 of pyramid; null = 0.5 of vggface, none in pyramid"
    )

    @property
    def px(self) -> int:
        """Height of the pictures."""
        return self.size or (vgg_face.INPUT_PX if self.network == "vggface" else face_resnet.INPUT_PX)


speakers = IDENTITIES.speakers


def _build(params: Params, identities: int) -> tuple[nn.Module, dict[str, Any], dict[str, Any]]:
    """Return the network, what builds it again, and what it wants of its input."""
    shape: dict[str, Any] = {"width": params.width, "size": params.px}
    taken: dict[str, Any] = {"size": params.px}
    if params.network == "vggface":
        shape["classes"], dropout = identities, 0.5 if params.dropout is None else params.dropout
        taken |= {"normalise": "face", "mean": list(vgg_face.FACE_MEAN)}
        return vgg_face.VggFace(**shape, dropout=dropout), shape, taken
    shape["identities"] = identities
    taken |= {"across": face_resnet.across(params.px), "offset": 127.5, "scale": 128, "order": "bgr"}
    return face_resnet.FaceResNet(**shape, dropout=params.dropout or 0.0), shape, taken


def normalise(pictures: torch.Tensor, network: str) -> torch.Tensor:
    """Return what a network takes, for square pictures (B, 3, px, px) of 0 to 255."""
    if network == "vggface":
        return vgg_face.normalise_images(pictures, "face")
    wide = face_resnet.across(pictures.shape[-1])
    left = (pictures.shape[-1] - wide) // 2
    return face_resnet.normalise_faces(pictures[..., left : left + wide])


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train VGG-16 or the face ResNet on identities."""
    corpus = read_pictures(root, IDENTITIES, params.held_out, loader(params.detect, params.px, run), run)
    torch.manual_seed(params.loop.seed)
    network, shape, taken = _build(params, len(corpus.classes))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on the CPU
    normal = partial(normalise, network=params.network)
    return learn(IDENTITIES, corpus, params, run, __name__, network, normal, shape, taken)
