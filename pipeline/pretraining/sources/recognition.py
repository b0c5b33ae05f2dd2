"""Source task of VGG-16 and the face ResNet: name whose face it is; the stand-in for VGG-Face (Parkhi et al. 2015) and
caffe-face (Wen et al. 2016) in Ouyang et al. 2017, section 6.2.2.

Corpus layout: one folder of pictures per identity, at any size. The face is found in each and aligned as those of clips
are (`detect`); of the aligned square networks see the middle 7/8, and the face ResNet of that the middle 6/7 of the
width, as in features/aligned/networks. A picture without a found face is left out, and stands in the ledger.

Both are trained with softmax alone: VGG-Face's triplet loss and the face ResNet's centre loss are left out. The layers
behind fc6 and fc5 are trained along and thrown away later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.pretraining.sources._shared.faces import WHOLE, Aligned, loader
from pipeline.pretraining.sources._shared.networks import INPUT_PX, built
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
        return self.size or INPUT_PX[self.network]


speakers = IDENTITIES.speakers


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train VGG-16 or the face ResNet on identities."""
    corpus = read_pictures(root, IDENTITIES, params.held_out, loader(params.detect, params.px, run), run)
    made = built(params.network, len(corpus.classes), params.width, params.px, params.dropout, params.loop.seed)
    return learn(IDENTITIES, corpus, params, run, __name__, made)
